//! A loop within a poll: what `block_in_place` allows to a runtime of the kind `multi_thread` that cannot be lent to another
//! thread meanwhile (see `lending`).
//!
//! The code that blocks may itself block on a future. Then the loop runs again, further in on the stack, and with it all
//! tasks but the one that blocks. That task's body is out of its slot while it is polled, so the inner loop cannot poll
//! it: if it is woken meanwhile, its slot is held, and scheduled when the inner code has returned. The same holds for the
//! root future of the outer `block_on`.
//!
//! In tokio: the worker hands its core, with the other tasks, to another thread: `runtime/scheduler/multi_thread/worker.rs`.

use super::blocked_on::Lifted;
use crate::core::coop::{LEFT, UNLIMITED};
use crate::core::sync::thread_local;
use crate::core::task::{Id, OwnScheduler};
use std::cell::Cell;

thread_local! {
    /// How many reasons there are why the loop must not run within a poll.
    static REASONS: Cell<usize> = const { Cell::new(0) };
}

/// As long as it exists, this thread may not call `block_in_place` in a runtime: a `LocalSet` polls or drops one of its
/// tasks.
#[doc(hidden)]
#[derive(Debug)]
pub struct NotInPlace(());

impl NotInPlace {
    #[doc(hidden)]
    #[allow(clippy::new_without_default)]
    pub fn new() -> NotInPlace {
        REASONS.set(REASONS.get() + 1);
        NotInPlace(())
    }
}

impl Drop for NotInPlace {
    fn drop(&mut self) {
        REASONS.set(REASONS.get() - 1);
    }
}

pub(crate) fn may_be_nested() -> bool {
    REASONS.get() == 0
}

/// Calls `f`, in which this thread may block on futures.
pub(crate) fn nested<R>(tasks: Option<OwnScheduler>, f: impl FnOnce() -> R) -> R {
    struct Return {
        _lifted: Lifted,
        tasks: Option<OwnScheduler>,
        budget: i64,
    }
    impl Drop for Return {
        fn drop(&mut self) {
            LEFT.set(self.budget);
            self.tasks.inspect(|tasks| tasks.release_held());
        }
    }
    let _return = Return { _lifted: Lifted::new(), tasks, budget: LEFT.replace(UNLIMITED) };
    Id::current().scope(f)
}

impl OwnScheduler {
    /// Schedules what was woken while it could not be polled.
    pub(crate) fn release_held(self) {
        let mut next = self.cells().held.take();
        while let Some(slot) = next {
            next = slot.cells().link.get();
            self.push(slot);
        }
    }
}
