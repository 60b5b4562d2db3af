//! What tells tasks apart, and which one runs now.

use crate::core::sync::thread_local;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// The id of a task. No two tasks of a process ever have the same id.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (a, b) = (ayi::spawn(async {}), ayi::spawn(async {}));
/// assert_ne!(a.id(), b.id());
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(pub(crate) u64);

thread_local! {
    /// The task that this thread is polling, dropping, or running the blocking call of.
    static CURRENT: Cell<Id> = const { Cell::new(Id::NONE) };
    /// The id that this thread gives next. If it is the first of a block, as it is at the beginning, the thread does not
    /// own that block, and has to fetch one.
    pub(crate) static NEXT: Cell<u64> = const { Cell::new(1) };
}

impl Id {
    pub(crate) const NONE: Id = Id(0);

    /// One that no task of the process has had. A thread takes them from the common counter in blocks, so that a
    /// spawn needs no atomic.
    #[inline]
    pub(crate) fn next() -> Id {
        const BLOCK: u64 = 1 << 16;
        static BLOCKS: AtomicU64 = AtomicU64::new(1);
        let mut id = NEXT.get();
        if id % BLOCK == 1 {
            // Relaxed: only uniqueness matters. 2^47 blocks before the shift in `phase` would overflow.
            id = BLOCKS.fetch_add(BLOCK, Ordering::Relaxed);
        }
        NEXT.set(id + 1);
        Id(id)
    }

    /// From here on this is the task that runs, until the next `enter` or [`leave`](Id::leave).
    #[inline]
    pub(crate) fn enter(self) {
        CURRENT.set(self);
    }

    /// No task runs: the loop does something else.
    #[inline]
    pub(crate) fn leave() {
        CURRENT.set(Id::NONE);
    }

    /// The task that runs on this thread, or [`NONE`](Id::NONE).
    pub(crate) fn current() -> Id {
        CURRENT.get()
    }

    /// Runs `f` as this task: `task::id` gives it.
    pub(crate) fn scope<R>(self, f: impl FnOnce() -> R) -> R {
        struct Restore(Id);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0);
            }
        }
        let _restore = Restore(CURRENT.replace(self));
        f()
    }
}
