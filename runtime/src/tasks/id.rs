//! What tells tasks apart, and which one runs now.

use crate::sync::thread_local;
use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Tells tasks apart: no two tasks of a process ever have the same.
///
/// # Examples
///
/// ```
/// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (a, b) = (ayi_runtime::spawn(async {}), ayi_runtime::spawn(async {}));
/// assert_ne!(a.id(), b.id());
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(pub(super) u64);

thread_local! {
    /// The task that this thread is polling, dropping, or running the blocking call of.
    static CURRENT: Cell<Id> = const { Cell::new(Id::NONE) };
    /// The id that this thread gives next. If it is the first of a block, as it is at the beginning, the thread does not
    /// own that block, and has to fetch one.
    static NEXT: Cell<u64> = const { Cell::new(1) };
}

impl Id {
    pub(super) const NONE: Id = Id(0);

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

    /// The last that this thread has given. It gives no smaller one after it.
    pub(super) fn latest() -> Id {
        Id(NEXT.get() - 1)
    }

    pub(crate) fn number(self) -> u64 {
        self.0
    }

    /// From here on this is the task that runs, until the next `enter` or [`leave`](Id::leave).
    #[inline]
    pub(super) fn enter(self) {
        CURRENT.set(self);
    }

    /// No task runs: the loop does something else.
    #[inline]
    pub(super) fn leave() {
        CURRENT.set(Id::NONE);
    }

    /// Runs `f` as this task: [`id`] gives it.
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

/// The id of the task that is running: in its future, in the drop of that, and in a `spawn_blocking` call.
///
/// # Panics
///
/// Outside a task. (The future given to `block_on` is none.) [`try_id`] asks.
///
/// # Examples
///
/// ```
/// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let task = ayi_runtime::spawn(async { ayi_runtime::task::id() });
/// assert_eq!(task.id(), task.await.unwrap());
/// # });
/// ```
#[track_caller]
pub fn id() -> Id {
    try_id().expect("task::id(): this is not a task. The future of block_on is none; try_id() asks")
}

/// The id of the task that is running, if this is one. See [`id`].
///
/// # Examples
///
/// ```
/// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// assert!(ayi_runtime::task::try_id().is_none()); // the future of block_on is no task
/// # });
/// ```
pub fn try_id() -> Option<Id> {
    Some(CURRENT.get()).filter(|id| *id != Id::NONE)
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
