//! The seam for those who look on: hooks, reports, the ages of tasks, subscribers.
//!
//! `plugged` in lib.rs says which type this is. Each scheduler has one. Onlookers call foreign code, so nothing is borrowed
//! when they are told something, and the panics of that code end in them.

use super::counters::Counters;
use super::task::Id;
use crate::plugged::{Began, MoreFacts};
use std::panic::Location;

/// What there is to tell of a task.
pub(crate) struct TaskFacts<'a> {
    pub(crate) id: Id,
    pub(crate) name: Option<&'a str>,
    pub(crate) place: &'static Location<'static>,
    /// Of its future, in bytes, as the user has spawned it.
    pub(crate) size: usize,
    /// It stands for a call on a thread of the pool.
    pub(crate) is_blocking: bool,
    pub(crate) more: MoreFacts<'a>,
}

impl TaskFacts<'_> {
    pub(crate) fn new(id: Id, size: usize, place: &'static Location<'static>) -> TaskFacts<'static> {
        TaskFacts { id, name: None, place, size, is_blocking: false, more: Default::default() }
    }
}

pub(crate) trait Onlooker: Default {
    /// Whether anybody wants to know when tasks begin and end.
    fn are_any(&self) -> bool;

    /// Whether its polls are timed.
    fn task_begins(&self, task: &TaskFacts<'_>) -> bool;

    /// The future of `block_on`, which was called at `place`, begins. Whether its polls are timed.
    fn root_begins(&self, id: Id, place: &'static Location<'static>) -> bool;

    /// A poll that is timed begins.
    fn poll_begins(&self) -> Began;

    /// It is over. Whether the task is ready, or `None` if it has panicked.
    #[rustfmt::skip]
    fn task_polled<'a>(&self, began: Began, is_ready: Option<bool>, id: Id, task: impl FnOnce() -> TaskFacts<'a>);

    fn root_polled(&self, began: Began, is_ready: bool, place: &'static Location<'static>);

    /// Its future is gone. Nobody can see yet that it is finished.
    fn task_ends(&self, task: &TaskFacts<'_>);

    /// Some task is finished, and everybody can see it.
    fn task_has_ended(&self);

    /// Once a turn.
    fn turn(&self, counters: &Counters);

    /// This thread is in their runtime from now on, or in none.
    fn come_here(here: Option<&Self>);

    /// The runtime is over, and the next one begins with nothing.
    fn leave(&self);
}
