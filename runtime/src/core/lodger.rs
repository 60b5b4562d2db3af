//! The seam for what lives in the loop besides tasks, descriptors and timers, and for what the core leaves to others.
//!
//! `plugged` in lib.rs says which types these are. So calls are static and inlined, and a feature that is off leaves
//! nothing in the program.

use super::task::OwnScheduler;
use super::worker::{RuntimeRef, Worker};
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// What lives in the loop of a runtime: the ring, the pool for blocking calls, the user's hooks.
pub(crate) trait Lodger {
    /// Whether `take_turn` has something to do.
    fn want_turn(&self) -> bool;

    /// Nothing is borrowed, and no task is running.
    fn take_turn(&self);

    /// A task is about to be taken from the run queue.
    fn choose_next(tasks: OwnScheduler);

    /// What is kept for as long as `worker` is in `block_on`.
    fn run(worker: &Worker) -> impl Sized;

    /// The thread is about to sleep, if nothing that is done here gives it work.
    fn before_park(&self);

    fn after_park(&self);

    /// What is kept for as long as the thread sleeps, which is not longer than `limit`.
    fn sleep_for(limit: Option<Duration>) -> impl Sized;

    /// A runtime that lives on this thread, and need not be the current one.
    fn find_here(runtime: u64) -> Option<Rc<Worker>>;

    /// Why a descriptor cannot be registered.
    fn explain(error: io::Error) -> io::Error;

    /// Time stands still for `worker`, which has nothing to do: moves it on. False if there is nothing to move it for.
    fn go_on_standing_still(worker: &Worker) -> bool;

    /// The end of `worker` has begun, and what could not be done then is done as soon as no task's own code is running.
    fn go_on_ending(worker: &Worker);

    /// Ends `worker`, because a task panicked that nobody joins, and panics.
    #[track_caller]
    fn end_by_panic(worker: &Rc<Worker>) -> !;

    /// Why no descriptor can wait here: the current runtime `has_ended`, or there is none.
    fn why_no_io(has_ended: bool) -> io::Error;

    /// Panics, since no timer can wait here.
    #[track_caller]
    fn refuse_timer(why: Option<io::Error>) -> !;
}

/// The runtime of another thread, as a thread sees it that has entered it.
pub(crate) trait Elsewhere {
    fn runtime(&self) -> RuntimeRef;

    /// Where timers and descriptors wait meanwhile, if there is such a place yet.
    fn worker(&self) -> Option<Rc<Worker>>;

    /// Makes that place. `None`: the thread is not in `block_on`, so nothing can wait.
    fn start(&self) -> Option<io::Result<Rc<Worker>>>;
}
