//! What the recorder asks a simulation that runs on its thread. It is compiled with the feature `sim` only.

use crate::core::sync::thread_local;
use std::cell::Cell;

/// What a simulation answers those who look on. The program that runs takes no time for it.
#[derive(Clone, Copy)]
pub struct Answers {
    /// When the simulation begins, in nanoseconds since 1970.
    pub begin: u64,
    /// Returns the nanoseconds since then. `None` while nobody can say.
    pub now: fn() -> Option<u64>,
    /// Returns what a descriptor is, by the numbers of the format of recordings, and its peer.
    pub look: fn(i32) -> (u64, String),
    /// Takes the recording of a runtime that has ended: a section of a file.
    pub keep: fn(Vec<u8>),
}

thread_local! {
    static ANSWERS: Cell<Option<Answers>> = const { Cell::new(None) };
}

/// Has a simulation answer on this thread from here on, or nobody.
pub(crate) fn answer(answers: Option<Answers>) {
    ANSWERS.set(answers);
}

/// Returns whether there is a simulation on this thread.
pub(crate) fn is_here() -> bool {
    ANSWERS.get().is_some()
}

/// Returns the simulated time, if there is a simulation on this thread.
#[cfg(feature = "record")]
pub(crate) fn now() -> Option<u64> {
    // A time that nobody can say is an earlier one than the latest, which the recorder takes instead.
    ANSWERS.get().map(|answers| (answers.now)().unwrap_or(0))
}

/// Returns when the simulation of this thread begins, in nanoseconds since 1970.
#[cfg(feature = "record")]
pub(crate) fn begin() -> Option<u64> {
    ANSWERS.get().map(|answers| answers.begin)
}

/// Returns what the simulation of this thread says of a descriptor.
#[cfg(feature = "record")]
pub(crate) fn look(fd: i32) -> Option<(u64, String)> {
    ANSWERS.get().map(|answers| (answers.look)(fd))
}

/// Gives a recording to the simulation, if there is one on this thread.
#[cfg(feature = "record")]
pub(crate) fn keep(section: impl FnOnce() -> Option<Vec<u8>>) {
    if let Some(answers) = ANSWERS.get() {
        section().into_iter().for_each(answers.keep);
    }
}
