//! Event loops of C and C++, each in processes of its own: see the package `peers`.
//!
//! They call functions, and have no tasks. So they are measured where a task is not what is measured: servers, and
//! timers, whose callback stands for the task that a runtime would wake. To spawn or wake a task, and what `sync` has,
//! cannot be compared.

use crate::groups::{LOOPS, LOOPS_OTHERWISE, Side};
use peers::{LIBRARIES, Library, Peer};
use std::io;
use std::process::Command;
use std::sync::OnceLock;

/// Each library with its version, or why it cannot be used.
fn found() -> &'static [(Library, io::Result<String>)] {
    static FOUND: OnceLock<Vec<(Library, io::Result<String>)>> = OnceLock::new();
    FOUND.get_or_init(|| LIBRARIES.map(|library| (library, library.version())).into())
}

/// The groups that have any of them.
pub const GROUPS: [&str; 5] = ["timers", "counts", "echo", "connections", "memory"];

/// Returns what is installed, with its version, and with which flags its programs are built.
pub fn versions() -> impl Iterator<Item = String> {
    let version = |(library, version): &(Library, io::Result<String>)| {
        Some(format!("{} {} ({})", library.name, version.as_ref().ok()?, peers::MEASURED.join(" ")))
    };
    found().iter().filter_map(version)
}

/// Returns why which library is left out.
pub fn left_out() -> impl Iterator<Item = String> {
    let why = |(library, version): &(Library, io::Result<String>)| {
        Some(format!("what uses {} is left out: {}", library.name, version.as_ref().err()?))
    };
    found().iter().filter_map(why)
}

fn is_installed(name: &str) -> bool {
    let mut found = found().iter();
    peers::find(name).is_some_and(|peer| {
        found.any(|(library, version)| library.name == peer.library.name && version.is_ok())
    })
}

/// Returns those loops that are installed.
pub fn installed() -> impl Iterator<Item = &'static str> {
    LOOPS.into_iter().filter(|name| is_installed(name))
}

/// Does the same with the other ways to use them as well.
pub fn installed_in_all_ways() -> impl Iterator<Item = &'static str> {
    installed().chain(LOOPS_OTHERWISE.into_iter().filter(|name| is_installed(name)))
}

/// Returns the server of echo, if `name` is one of the loops.
pub fn echo(name: &str, buffer: usize) -> Option<io::Result<Command>> {
    peers::find(name).map(|peer| peer.echo(buffer))
}

/// Makes a side for each loop that is installed. `turn` does something with the loop and so many timers.
pub fn timers(
    turn: impl Fn(&'static Peer, u32) -> io::Result<f64> + Clone + 'static,
) -> impl Iterator<Item = Side> {
    installed().filter_map(peers::find).map(move |peer| {
        let turn = turn.clone();
        Side::new(peer.name, move |n| Ok(vec![turn(peer, n)?]))
    })
}

/// Returns nanoseconds per timer.
pub fn per_timer(work: &'static str) -> impl Iterator<Item = Side> {
    timers(move |peer, n| Ok(peers::nanoseconds(&mut peer.timers(work, n)?)? / f64::from(n)))
}
