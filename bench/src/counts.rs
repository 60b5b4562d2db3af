//! Counts: instructions in user space (by valgrind's callgrind), allocations (by its memcheck), and system calls (by
//! strace). Each is the difference of a long run and a short one, so that what happens once is not included.

use crate::children::{self, Order};
use crate::clients::{self, Echo};
use crate::groups::{AYI, Figure, RAW, Rounds, Side, Size, TOKIO, Unit, Whom, Work};
use crate::loops;
use crate::serve::{self, Child};
use crate::web;
use load::Load;
use peers::Peer;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::{env, fs, process};

/// The runtimes that valgrind can run: it does not know io_uring.
const COUNTED: [&str; 4] = [AYI, TOKIO, "smol", "monoio epoll"];

/// A tool that is run, and what it writes to a file.
#[derive(Clone, Copy)]
enum Tool {
    Instructions,
    Allocations,
    SystemCalls,
}

impl Tool {
    fn command(self, log: &PathBuf) -> Command {
        let mut command = match self {
            Tool::Instructions => Command::new("valgrind"),
            Tool::Allocations => Command::new("valgrind"),
            Tool::SystemCalls => Command::new("strace"),
        };
        match self {
            Tool::Instructions => {
                command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
                command.arg(format!("--log-file={}", log.display()))
            }
            Tool::Allocations => {
                command.args(["--tool=memcheck", "--undef-value-errors=no"]);
                command.arg(format!("--log-file={}", log.display()))
            }
            Tool::SystemCalls => command.args(["-f", "-c", "-o"]).arg(log),
        };
        command
    }

    /// Returns the number in what was written.
    fn read(self, log: &str) -> Option<f64> {
        let after =
            |label: &str| log.split_once(label)?.1.split_whitespace().next()?.replace(',', "").parse().ok();
        match self {
            Tool::Instructions => after("Collected :"),
            Tool::Allocations => after("total heap usage:"),
            // The last line: percent, seconds, microseconds per call, calls.
            Tool::SystemCalls => {
                log.lines().find(|line| line.ends_with(" total"))?.split_whitespace().nth(3)?.parse().ok()
            }
        }
    }
}

/// Runs something under a tool. `action` starts the command, and waits for its end.
fn count(tool: Tool, action: impl FnOnce(&mut Command) -> io::Result<f64>) -> io::Result<(f64, f64)> {
    let log = env::temp_dir().join(format!("ayi-bench-{}", process::id()));
    let mut command = tool.command(&log);
    let operations = action(&mut command).map_err(|error| {
        let program = command.get_program().to_string_lossy().into_owned();
        io::Error::new(error.kind(), format!("{program}: {error}"))
    })?;
    let text = fs::read_to_string(&log);
    let _ = fs::remove_file(&log);
    let text = text?;
    let number = tool.read(&text).ok_or_else(|| io::Error::other(format!("no number in {text:?}")))?;
    Ok((operations, number))
}

/// Returns the instructions of something that is run like in `count`.
pub fn instructions(action: impl FnOnce(&mut Command) -> io::Result<f64>) -> io::Result<(f64, f64)> {
    count(Tool::Instructions, action)
}

/// Returns the count per operation, from a run of each length.
pub fn difference(runs: [io::Result<(f64, f64)>; 2]) -> io::Result<Vec<f64>> {
    let [short, long] = runs;
    let ((few, less), (many, more)) = (short?, long?);
    Ok(vec![(more - less) / (many - few)])
}

/// Counts a piece of work in a process of its own, with `n` operations and then twice as many.
fn of_work(tool: Tool, work: &'static str, runtime: &'static str, n: u32) -> io::Result<Vec<f64>> {
    difference([n, 2 * n].map(|n| {
        count(tool, |command| {
            command.arg(env::current_exe()?).args(Order(work, runtime, n as usize).arguments());
            match command.output()? {
                output if output.status.success() => Ok(f64::from(n)),
                output => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned())),
            }
        })
    }))
}

/// Counts a piece of work with timers on each loop of another language, with `n` timers and then twice as many.
fn of_timers(work: &'static str, n: u32) -> impl Iterator<Item = Side> {
    let count = move |peer: &Peer, n| {
        count(Tool::Instructions, |command| {
            let program = peer.timers(work, n)?;
            peers::nanoseconds(command.arg(program.get_program()).args(program.get_args()))?;
            Ok(f64::from(n))
        })
    };
    loops::timers(move |peer, _| Ok(difference([n, 2 * n].map(|n| count(peer, n)))?[0]))
}

/// Counts a server of echo: 64 bytes over 16 connections.
fn of_echo(tool: Tool, runtime: &'static str) -> io::Result<Vec<f64>> {
    difference([100, 400].map(|milliseconds| {
        count(tool, |command| {
            let server = serve::echo_on(runtime, 128)?;
            let child = Child::run(command.arg(server.get_program()).args(server.get_args()))?;
            let requests = clients::on_last_core(|| {
                let load = Load {
                    address: child.address,
                    connections: 16,
                    beside: 0,
                    protocol: &Echo { bytes: 64 },
                };
                let mut clients = load.connect()?;
                let taken = clients.ask(Duration::from_millis(milliseconds))?;
                taken.errors.check()?;
                Ok(taken.requests as f64)
            })?;
            child.end()?;
            Ok(requests)
        })
    }))
}

fn work(name: &str, unit: &str, goals: &[(Whom, f64)], sides: impl IntoIterator<Item = Side>) -> Work {
    Work {
        name: name.into(),
        size: Size::Fixed(1),
        rounds: Rounds::Once,
        figures: vec![Figure::new(unit, Unit::Count, goals)],
        sides: sides.into_iter().collect(),
    }
}

pub fn works() -> Vec<Work> {
    let of_works =
        |tool, work, n| COUNTED.map(|runtime| Side::new(runtime, move |_| of_work(tool, work, runtime, n)));
    let of_sync = |tool, work, n| {
        [AYI, TOKIO].map(|runtime| Side::new(runtime, move |_| of_work(tool, work, runtime, n)))
    };
    let of_echo = |tool, runtimes: &[&'static str]| -> Vec<Side> {
        let runtimes = runtimes.iter().copied().chain(loops::installed_in_all_ways());
        runtimes.map(|runtime| Side::new(runtime, move |_| of_echo(tool, runtime))).collect()
    };
    let with_raw = [AYI, TOKIO, "smol", "monoio epoll", RAW];
    let everybody = [AYI, TOKIO, "smol", "monoio epoll", "monoio io_uring", "glommio", "compio", RAW];
    use Tool::{Allocations, Instructions, SystemCalls};
    let mut works = vec![
        work("spawn and join", "instructions", &[], of_works(Instructions, children::SPAWN, 10_000)),
        work("wake oneself", "instructions", &[], of_works(Instructions, children::WAKE, 10_000)),
        work(
            "sleep: create, poll, drop",
            "instructions",
            &[],
            of_works(Instructions, children::SLEEP, 10_000).into_iter().chain(of_timers("create", 10_000)),
        ),
        work(
            "a timer that fires, with its task or callback",
            "instructions",
            &[],
            of_works(Instructions, children::DUE, 5_000).into_iter().chain(of_timers("due", 5_000)),
        ),
        work("spawn and join", "allocations", &[], of_works(Allocations, children::SPAWN, 1_000)),
        work(
            "oneshot, sent before it is awaited",
            "instructions",
            &[],
            of_sync(Instructions, children::ONESHOT, 10_000),
        ),
        work(
            "a request over mpsc, its reply over oneshot",
            "instructions",
            &[],
            of_sync(Instructions, children::QUESTION, 10_000),
        ),
        work(
            "mpsc, unbounded: a message",
            "instructions",
            &[],
            of_sync(Instructions, children::UNBOUNDED, 10_000),
        ),
        work(
            "mpsc, capacity 128: a message",
            "instructions",
            &[],
            of_sync(Instructions, children::BOUNDED, 10_000),
        ),
        // 1,008 of tokio's to 330.
        work(
            "echo of 64 B",
            "instructions",
            &[(Whom::Tokio, 3.05), (Whom::Loops, 1.0)],
            of_echo(Instructions, &with_raw),
        ),
        work("echo of 64 B", "system calls", &[], of_echo(SystemCalls, &everybody)),
    ];
    works.extend(web::instructions());
    works
}
