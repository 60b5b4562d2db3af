//! Runs one rung, until it is told to stop: by a signal, or by the program that has started it.

use crate::listener::Listener;
use crate::report::Report;
use crate::rungs::Rung;
use crate::stop::Stop;
use crate::{sys, watched};
use std::io::{self, BufRead};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// The means of telling a server to stop.
#[derive(Clone, Copy)]
pub enum Control {
    /// Ctrl-C or SIGTERM.
    Signals,
    /// Lines on standard input: `report` is answered with a [`Report`], `begin` and `end` with the number of system calls
    /// so far, and `stop`, or the end, stops the server.
    StandardInput,
}

pub fn serve(rung: &Rung, address: SocketAddr, control: Control, watch: Option<&Path>) -> io::Result<()> {
    if watch.is_some() {
        watched::prepare();
    }
    let listener = Listener::bind(address, rung.shared_port)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}")))?;
    let stop = Arc::new(Stop::new()?);
    println!("{} listens on {}", rung.name, listener.address()?);
    // The thread that waits for signals asks for them, and those of a rung are for the rung: it blocks all, from its
    // beginning. In the others, the two that end a program wait to be asked for.
    sys::block_signals(&[]);
    thread::Builder::new().name("control".into()).spawn({
        let stop = stop.clone();
        move || obey(control, &stop)
    })?;
    sys::unblock_signals(&[]);
    sys::block_signals(&[libc::SIGINT, libc::SIGTERM]);
    let mut before = Report::now()?;
    (rung.serve)(&listener, &stop)?;
    if !stop.is_requested() {
        return Err(io::Error::other(format!("{} stopped without having been asked to", rung.name)));
    }
    before.fds += (rung.kept)();
    let after = everything_given_back(&before)?;
    if let Some(path) = watch {
        watched::write(path)?;
    }
    if let Control::StandardInput = control {
        println!("{after}");
    }
    Ok(())
}

/// Checks that after a rung has returned, the process is as it was before.
fn everything_given_back(before: &Report) -> io::Result<Report> {
    let mut after = Report::now()?;
    // A thread that was joined may be listed for another moment. The C library's own threads, behind POSIX AIO, end
    // when they have had nothing to do for a second.
    for _ in 0..300 {
        if after.threads <= before.threads {
            break;
        }
        thread::sleep(Duration::from_millis(10));
        after = Report::now()?;
    }
    if after.threads <= before.threads && after.fds <= before.fds {
        return Ok(after);
    }
    let Report { threads, fds, .. } = after;
    let more =
        format!("{threads} threads and {fds} descriptors instead of {} and {}", before.threads, before.fds);
    Err(io::Error::other(format!("the rung has not given everything back: there are {more}")))
}

fn obey(control: Control, stop: &Stop) -> ! {
    watched::look_away();
    match control {
        Control::Signals => {
            sys::wait_for_signal(&[libc::SIGINT, libc::SIGTERM]);
        }
        Control::StandardInput => {
            for line in io::stdin().lock().lines() {
                match line.as_deref() {
                    Ok("report") => match Report::now() {
                        Ok(report) => println!("{report}"),
                        Err(error) => println!("no report: {error}"),
                    },
                    Ok("begin") => println!("calls {}", watched::begin()),
                    Ok("end") => println!("calls {}", watched::end()),
                    _ => break,
                }
            }
        }
    }
    stop.request();
    // The reports do not count this thread. So it has to stay until the last one, and the end of the process.
    loop {
        thread::park();
    }
}
