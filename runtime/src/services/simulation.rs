//! What the simulator, `sim/`, has to decide in a runtime, and cannot decide from outside. It is compiled with the
//! feature `sim` only.
//!
//! Everything else that a simulation decides, the clock and descriptors among them, it decides as the kernel: the runtime
//! calls the C library as always.

use crate::core::coop;
use crate::core::sync::thread_local;
use crate::core::task::OwnScheduler;
use crate::core::task::scheduler::OWNED;
use crate::watch::simulated::{Answers, answer};
use std::cell::Cell;

/// What a simulation decides on its thread.
#[derive(Clone, Copy)]
pub struct Decisions {
    /// Returns a number below the given one: which of so many ready tasks comes next. It is polled then.
    pub choose: fn(usize) -> usize,
    /// Takes a call of the blocking pool, and runs it later on this thread.
    pub take_call: fn(Box<dyn FnOnce() + Send>),
    /// For the recorder.
    pub answers: Answers,
}

thread_local! {
    static DECISIONS: Cell<Option<Decisions>> = const { Cell::new(None) };
}

/// Has a simulation decide on this thread from here on, or nobody.
pub fn decide(decisions: Option<Decisions>) {
    DECISIONS.set(decisions);
    answer(decisions.map(|decisions| decisions.answers));
}

/// Returns whether a task of the runtime that this thread has entered is ready.
pub fn has_ready_tasks() -> bool {
    OWNED.get().and_then(|scheduler| scheduler.own()).is_some_and(|tasks| tasks.has_work())
        || coop::has_exhausted()
}

/// How many tasks at the head of the run queue have a chance to be next.
const CHOICE: usize = 16;

/// Moves one of the first tasks of the run queue to its head.
pub(crate) fn choose_next(tasks: OwnScheduler) {
    let Some(Decisions { choose, .. }) = DECISIONS.get() else { return };
    let Some(head) = tasks.cells().head.get() else { return };
    let first = || std::iter::successors(Some(head), |slot| tasks.next(*slot)).take(CHOICE);
    let chosen = choose(first().count());
    // The one before it, if it is not the head, and itself.
    let mut pairs = first().zip(first().skip(1));
    let Some((before, slot)) = (chosen > 0).then(|| pairs.nth(chosen - 1)).flatten() else { return };
    match tasks.next(slot) {
        Some(next) => before.cells().link.set(Some(next)),
        None => tasks.cells().tail.set(Some(before)),
    }
    slot.cells().link.set(Some(head));
    tasks.cells().head.set(Some(slot));
}

/// Gives a call of the blocking pool to the simulation, if there is one on this thread.
pub(crate) fn take_call(call: Box<dyn FnOnce() + Send>) -> Option<Box<dyn FnOnce() + Send>> {
    match DECISIONS.get() {
        Some(decisions) => {
            (decisions.take_call)(call);
            None
        }
        None => Some(call),
    }
}
