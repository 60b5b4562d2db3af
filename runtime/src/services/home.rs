//! Where a runtime is while no thread is in it, and which thread may go in next.
//!
//! ```text
//!            made, or the last Stay of a thread is dropped
//!   away ──────────────────────────────────────────────────▶ idle
//!    ▲                                                          │
//!    └──────────────── a thread takes it: a Stay ───────────────┘
//! ```
//!
//! A runtime is plain memory, which belongs to the thread that is in it. An idle one may go to any thread, unless
//! something in it is tied to the thread that was in it last.
//!
//! Invariants:
//! 1. An idle runtime that is not tied has exactly one reference, which the [`Home`] owns, and no weak one. So no thread
//!    can touch it before it has taken it, under the lock, which makes visible what the last thread wrote.
//! 2. Only the thread to which an idle runtime is tied touches its `Rc`, even to drop it.
//! 3. A runtime with an unfinished task whose future need not be `Send` is tied, and so is one whose ring has operations.
//!    Everything else in it is `Send`: tasks that were spawned as such, wakers, hooks, messages.
//!
//! In tokio: the `core` of `runtime/scheduler/current_thread`, which the threads in `block_on` hand on.

use crate::core::foreign::lock;
use crate::core::sync::{Mutex, thread_local};
use crate::core::worker::Worker;
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) struct Home(Mutex<Option<Idle>>);

/// An idle runtime.
struct Idle {
    worker: ManuallyDrop<Rc<Worker>>,
    /// The number of the thread that was in it last.
    last: u64,
    is_tied: bool,
}

// SAFETY: by invariant 1, an untied runtime has no other reference, and by invariant 3 everything in it is `Send`. Of a
// tied one, `take` and `drop` touch only the fields beside the `Rc` on other threads: invariant 2.
unsafe impl Send for Idle {}

impl Drop for Idle {
    fn drop(&mut self) {
        if self.is_tied && self.last != this_thread() {
            // Leaked, as is the runtime: invariant 2.
            return;
        }
        // SAFETY: it is dropped once, here.
        unsafe { ManuallyDrop::drop(&mut self.worker) };
    }
}

/// Who wants to go into an idle runtime.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Who {
    /// Its owner, or the thread that runs it in the background.
    Owner,
    /// Anybody, but only on the thread that was in it last.
    LastThread,
}

impl Home {
    pub(crate) fn new() -> Home {
        Home(Mutex::new(None))
    }

    /// Takes the runtime, if it is idle and `who` may have it, and tells whether it comes from another thread.
    pub(super) fn take(&self, who: Who) -> Option<(Rc<Worker>, bool)> {
        let mut place = lock(&self.0);
        let idle = place.as_ref()?;
        let is_last = idle.last == this_thread();
        if !is_last && (idle.is_tied || who == Who::LastThread) {
            return None;
        }
        let mut idle = ManuallyDrop::new(place.take()?);
        drop(place);
        // SAFETY: `idle` is not dropped, so the `Rc` is taken once. This thread may touch it: it is not tied, or tied here.
        let worker = unsafe { ManuallyDrop::take(&mut idle.worker) };
        Some((worker, !is_last))
    }

    /// The last stay on this thread has ended.
    pub(super) fn put(&self, worker: Rc<Worker>, is_tied: bool) {
        let idle = Idle { worker: ManuallyDrop::new(worker), last: this_thread(), is_tied };
        // Nobody else puts it back meanwhile, so there is nothing to drop under the lock.
        let before = lock(&self.0).replace(idle);
        debug_assert!(before.is_none(), "a runtime is in one place");
    }

    /// Whether the runtime is idle and cannot leave another thread.
    pub(crate) fn is_tied_elsewhere(&self) -> bool {
        lock(&self.0).as_ref().is_some_and(|idle| idle.is_tied && idle.last != this_thread())
    }

    /// Whether a thread is in it, or it has ended.
    pub(crate) fn is_away(&self) -> bool {
        lock(&self.0).is_none()
    }

    /// Whether any thread could take the runtime.
    pub(crate) fn is_idle(&self) -> bool {
        lock(&self.0).as_ref().is_some_and(|idle| !idle.is_tied)
    }
}

/// The number of this thread.
pub(super) fn this_thread() -> u64 {
    static NUMBERS: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static NUMBER: Cell<u64> = const { Cell::new(0) };
    }
    // A thread that ends has no number any more, and no runtime is tied to number 0.
    NUMBER
        .try_with(|number| {
            if number.get() == 0 {
                // Relaxed: only uniqueness matters.
                number.set(NUMBERS.fetch_add(1, Ordering::Relaxed));
            }
            number.get()
        })
        .unwrap_or(0)
}
