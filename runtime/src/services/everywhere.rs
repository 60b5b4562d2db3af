//! Work that any runtime of the process may do: the first that comes to it does it. It is a seam for the other crates
//! of ayi: `process` uses it to reap children that nobody waits for.
//!
//! ```text
//!   run_everywhere(f) ──▶ a message to every runtime there is, and to each that is made later ──▶ its loop calls f
//!   f ──▶ run_when_left(g) ──▶ g is called when that block_on ends
//! ```
//!
//! If unused, it costs a lock at the beginning and at the end of each runtime, and a comparison per `block_on`.
//!
//! Invariants:
//! 1. After `run_everywhere` every runtime that exists then or later has a message that it has not read yet. So `f`
//!    sees what was written before that call.
//! 2. A runtime has one such message at most, however often it is told and however rarely it runs.
//! 3. A runtime is on the list from when it is made until its end begins.
//!
//! tokio has nothing like this.

use crate::core::current::with_current;
use crate::core::sync::atomic::{AtomicBool, Ordering};
use crate::core::worker::{RuntimeRef, Worker};
use std::cell::Cell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

static EVERYWHERE: Mutex<Everywhere> = Mutex::new(Everywhere { errand: None, runtimes: Vec::new() });

struct Everywhere {
    errand: Option<fn()>,
    runtimes: Vec<(RuntimeRef, Told)>,
}

/// Sends `errand` to every runtime of this process, whose thread calls it soon. A runtime that is in no `block_on`
/// calls it in the next one. Runtimes that are made later call it at their beginning. There is one errand: `errand` is
/// the same in every call.
#[doc(hidden)]
pub fn run_everywhere(errand: fn()) {
    let mut everywhere = lock();
    everywhere.errand = Some(errand);
    let runtimes = everywhere.runtimes.clone();
    drop(everywhere);
    runtimes.into_iter().for_each(|(runtime, told)| tell(runtime, told, errand));
}

/// Registers `f`, which the `block_on` that runs on this thread calls when it ends. A runtime remembers one function.
/// The call returns false if no `block_on` runs here, if the current runtime is not the one that it runs, or if that
/// runtime is at its end.
#[doc(hidden)]
pub fn run_when_left(f: fn()) -> bool {
    with_current(|worker| {
        let may_remember = worker.lodgers.runs.is_running.get() && !worker.is_over.get();
        if may_remember {
            worker.lodgers.runs.when_left.set(Some(f));
        }
        may_remember
    })
    .unwrap_or(false)
}

/// The mark that a runtime has an unread message.
#[derive(Clone, Default)]
struct Told(Arc<AtomicBool>);

/// Enters a runtime that was just made.
pub(crate) fn register(runtime: RuntimeRef) {
    let (mut everywhere, told) = (lock(), Told::default());
    debug_assert!(everywhere.runtimes.iter().all(|(other, _)| other.id != runtime.id), "invariant 3");
    everywhere.runtimes.push((runtime, told.clone()));
    let errand = everywhere.errand;
    drop(everywhere);
    if let Some(errand) = errand {
        tell(runtime, told, errand);
    }
}

/// Takes out a runtime whose end begins.
pub(crate) fn deregister(runtime: RuntimeRef) {
    lock().runtimes.retain(|(other, _)| other.id != runtime.id);
}

fn tell(runtime: RuntimeRef, told: Told, errand: fn()) {
    // AcqRel, here and below: the reader takes the mark away before it calls the errand. So if a thread finds the mark
    // set, the errand sees what that thread has written before.
    if told.0.swap(true, Ordering::AcqRel) {
        return;
    }
    // If the message is refused, the runtime's end has begun.
    let there = move |_| {
        told.0.swap(false, Ordering::AcqRel);
        errand();
    };
    let _ = runtime.scheduler.send(Some(runtime.id), Box::new(there));
}

/// Locks the list. Nothing panics under the lock.
fn lock() -> MutexGuard<'static, Everywhere> {
    EVERYWHERE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a runtime is in `block_on`.
#[derive(Default)]
pub(crate) struct Runs {
    is_running: Cell<bool>,
    /// Called when the `block_on` ends.
    when_left: Cell<Option<fn()>>,
}

impl Runs {
    /// Whether a `block_on` runs the runtime.
    pub(crate) fn are_going_on(&self) -> bool {
        self.is_running.get()
    }
}

/// The mark that a runtime is in `block_on`, and whether it was before.
pub(crate) struct Running<'a>(&'a Runs, bool);

impl Running<'_> {
    pub(crate) fn new(worker: &Worker) -> Running<'_> {
        let runs = &worker.lodgers.runs;
        Running(runs, runs.is_running.replace(true))
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.is_running.set(self.1);
        if self.1 {
            return;
        }
        if let Some(f) = self.0.when_left.take() {
            crate::core::foreign::run(f);
        }
    }
}
