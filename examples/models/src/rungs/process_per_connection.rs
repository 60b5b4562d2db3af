//! Rung 2b: a process for each connection.
//!
//! ```text
//!   parent       accept··✓ fork accept········✓ fork poll··✓ reap poll···
//!   process 1                  recv·····▓ send recv···– end
//!   process 2                                        recv···▓ send recv·······
//!
//!   phase 1, until there is data    each process for its own client, in recv (·)
//!   phase 2, the copy               each process for its own client, in recv (▓)
//! ```
//!
//! Fixes: what a thread cannot. A conversation that crashes, or fills its memory, takes nobody with it, and each can have
//! rights of its own. sshd and PostgreSQL are built so.
//! Costs: `fork` copies the tables of pages and of descriptors, so a client costs more than a thread does when it comes,
//! and more memory while it stays. Nothing is shared any longer: what conversations have in common needs shared memory,
//! or pipes. And a process that has ended stays as a zombie until its parent asks for its end.
//!
//! In tokio: nothing. A task that panics takes nobody with it, but one that overruns its memory does.

use super::blocking::talk;
use super::{Family, Rung, USUAL};
use crate::listener::Listener;
use crate::stop::Stop;
use crate::{count, sys};
use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd};

pub const RUNG: Rung = Rung {
    number: "2b",
    name: "process_per_connection",
    family: Family::Threads,
    summary: "a process for each connection, by fork: each has memory and rights of its own, and has to be reaped",
    is_one_thread: false,
    has_processes: true,
    serve,
    ..USUAL
};

fn serve(listener: &Listener, stop: &Stop) -> io::Result<()> {
    count::share();
    sys::set_nonblocking(listener)?;
    // While it waits for clients, it also waits for the ends of its children. Otherwise they would stay as zombies until
    // the next client comes.
    let ends = sys::signalfd(libc::SIGCHLD)?;
    let mut children = BTreeSet::new();
    let entry = |fd: &dyn AsRawFd| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let mut entries = [entry(&stop.as_fd()), entry(&ends), entry(&listener.as_fd())];
    while !stop.is_requested() {
        sys::poll(&mut entries, None)?;
        let [_, ends_revents, listener_revents] = entries.map(|entry| entry.revents);
        if ends_revents != 0 {
            // Signals of one kind are one while they wait, so there may be several ends behind it.
            sys::take_signal(&ends)?;
            while let Some(ended) = sys::reap(None)? {
                children.remove(&ended);
            }
        }
        if listener_revents != 0 {
            children.extend(next_child(listener)?);
        }
    }
    for &child in &children {
        sys::kill(child);
    }
    for child in children {
        sys::reap(Some(child))?;
    }
    // One that is still pending would be told to whoever comes next.
    let _ = sys::take_signal(&ends);
    Ok(())
}

/// Accepts a client, and starts the process that talks to it.
fn next_child(listener: &Listener) -> io::Result<Option<u32>> {
    let connection = match listener.accept() {
        Ok(Some(connection)) => connection,
        Ok(None) => return Ok(None),
        Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
        Err(error) => return Err(error),
    };
    let conversation = || {
        count::begin_as_child();
        talk(&connection);
    };
    // SAFETY: it counts, and moves bytes: no lock is taken, and no memory.
    let child = unsafe { sys::fork(conversation) };
    // If the system gives no more processes, the connection is dropped: the client is refused. Here it is dropped in any
    // case. The child has a copy, and the connection ends with the last one.
    Ok(child.ok())
}
