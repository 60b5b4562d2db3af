//! Work that any runtime of the process may do: the first that comes to it does it. A seam for the other crates of ayi;
//! `process` reaps those children with it that nobody waits for.
//!
//! ```text
//!   run_everywhere(f) ──▶ a message to every runtime there is, and to each that is made later ──▶ its loop calls f
//!   f ──▶ run_when_left(g) ──▶ g is called when that block_on ends
//! ```
//!
//! It costs a program that does not use it a lock at the beginning and at the end of each runtime, and a comparison per
//! `block_on`.
//!
//! Invariants:
//! 1. After `run_everywhere` every runtime, now or later, has a message that is yet unread. So `f` sees what was written
//!    before that call.
//! 2. A runtime has one such message at most, however often it is told and however rarely it runs.
//! 3. A runtime is on the list from when it is made until its end begins.
//!
//! In tokio: –.

use super::{Handle, Local};
use crate::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

static EVERYWHERE: Mutex<Everywhere> = Mutex::new(Everywhere { errand: None, runtimes: Vec::new() });

struct Everywhere {
    errand: Option<fn()>,
    runtimes: Vec<Handle>,
}

/// Has every runtime of this process call `errand`, on its thread and soon; one that is in no `block_on` does so in the
/// next. Runtimes that are made later do the same at their beginning. There is one errand: `errand` is the same in every
/// call.
#[doc(hidden)]
pub fn run_everywhere(errand: fn()) {
    let mut everywhere = lock();
    everywhere.errand = Some(errand);
    let runtimes = everywhere.runtimes.clone();
    drop(everywhere);
    runtimes.into_iter().for_each(|runtime| tell(runtime, errand));
}

/// Has the `block_on` that runs on this thread call `f` when it ends; a runtime remembers one. False if there is none,
/// if the current runtime is not the one that it runs, or if that is at its end.
#[doc(hidden)]
pub fn run_when_left(f: fn()) -> bool {
    super::with_current(|local| local.is_running.get() && !local.is_shut_down() && local.remember(f))
        .unwrap_or(false)
}

/// Whether a runtime has an unread message.
#[derive(Default)]
pub(super) struct Told(AtomicBool);

/// A runtime is made.
pub(super) fn register(runtime: &Handle) {
    let mut everywhere = lock();
    everywhere.runtimes.push(runtime.clone());
    let errand = everywhere.errand;
    drop(everywhere);
    if let Some(errand) = errand {
        tell(runtime.clone(), errand);
    }
}

/// Its end begins.
pub(super) fn deregister(runtime: &Handle) {
    let mut everywhere = lock();
    let place = everywhere.runtimes.iter().position(|other| other.id() == runtime.id());
    let runtime = place.map(|place| everywhere.runtimes.swap_remove(place));
    drop(everywhere);
    drop(runtime);
}

fn tell(runtime: Handle, errand: fn()) {
    // AcqRel, here and below: whoever finds the mark set leaves what it has written before to the reader, who takes the
    // mark away before it calls the errand.
    if runtime.shared.told.0.swap(true, Ordering::AcqRel) {
        return;
    }
    let reference = runtime.reference;
    // Refused: its end has begun.
    let _ = reference.scheduler.send(Some(reference.id), move |_| {
        runtime.shared.told.0.swap(false, Ordering::AcqRel);
        errand();
    });
}

/// Nothing under the lock panics.
fn lock() -> MutexGuard<'static, Everywhere> {
    EVERYWHERE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The mark that a runtime is in `block_on`.
pub(super) struct Running<'a>(&'a Local);

impl Running<'_> {
    pub(super) fn new(local: &Local) -> Running<'_> {
        local.is_running.set(true);
        Running(local)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.is_running.set(false);
        if let Some(f) = self.0.when_left.take() {
            crate::foreign::run(f);
        }
    }
}

impl Local {
    fn remember(&self, f: fn()) -> bool {
        self.when_left.set(Some(f));
        true
    }
}
