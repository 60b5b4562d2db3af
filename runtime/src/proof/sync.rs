//! What replaces the contents of `core/sync.rs` for the model checker: loom's cells, atomics, locks and threads, and
//! what loom has in another form or not at all.

use atomic::{AtomicUsize, Ordering::Relaxed};
use concurrent_queue::{PopError, PushError};
pub(crate) use loom::{
    cell::Cell,
    sync::{Arc, Mutex, MutexGuard, atomic},
    thread,
};
use std::cell::RefCell;
use std::sync::atomic::AtomicBool;
use std::sync::{LockResult, PoisonError};
use std::time::Duration;

/// Thread-locals of loom's threads, which all run on one thread of the system. `const` matters to std's only.
macro_rules! of_loom {
    ($($(#[$doc:meta])* $visible:vis static $name:ident: $type:ty = const $init:block;)*) => {
        $($(#[$doc])* $visible static $name: $crate::core::sync::LocalKey<$type> = $crate::core::sync::LocalKey({
            loom::thread_local! { static KEY: $type = $init; }
            &KEY
        });)*
    };
}
pub(crate) use of_loom as thread_local;

/// A key of a thread-local, with the shortcuts that std's has.
pub(crate) struct LocalKey<T: 'static>(pub(crate) &'static loom::thread::LocalKey<T>);

impl<T> LocalKey<T> {
    pub(crate) fn with<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        self.0.with(f)
    }

    pub(crate) fn try_with<R>(&self, f: impl FnOnce(&T) -> R) -> Result<R, loom::thread::AccessError> {
        self.0.try_with(f)
    }
}

impl<T> LocalKey<std::cell::Cell<T>> {
    pub(crate) fn get(&self) -> T
    where
        T: Copy,
    {
        self.0.with(|cell| cell.get())
    }

    pub(crate) fn set(&self, value: T) {
        self.0.with(|cell| cell.set(value));
    }

    pub(crate) fn replace(&self, value: T) -> T {
        self.0.with(|cell| cell.replace(value))
    }
}

impl<T: Copy> LocalKey<Cell<T>> {
    pub(crate) fn get(&self) -> T {
        self.0.with(|cell| cell.get())
    }

    pub(crate) fn set(&self, value: T) {
        self.0.with(|cell| cell.set(value));
    }
}

impl<T> LocalKey<RefCell<T>> {
    pub(crate) fn with_borrow<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        self.0.with(|cell| f(&cell.borrow()))
    }

    pub(crate) fn with_borrow_mut<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        self.0.with(|cell| f(&mut cell.borrow_mut()))
    }

    pub(crate) fn replace(&self, value: T) -> T {
        self.0.with(|cell| cell.replace(value))
    }

    pub(crate) fn take(&self) -> T
    where
        T: Default,
    {
        self.0.with(RefCell::take)
    }
}

/// loom remembers only the latest access to an object. A push begins with a look at the queue, so loom would not try
/// the orders in which other threads have looked before that. Therefore each operation first writes the word `uses`.
/// That write is Relaxed, so it adds no order to the model that the program does not have.
pub(crate) struct ConcurrentQueue<T> {
    queue: concurrent_queue::ConcurrentQueue<T>,
    uses: AtomicUsize,
}

impl<T> ConcurrentQueue<T> {
    pub(crate) fn unbounded() -> ConcurrentQueue<T> {
        let queue = concurrent_queue::ConcurrentQueue::unbounded();
        ConcurrentQueue { queue, uses: AtomicUsize::new(0) }
    }

    fn used(&self) -> &concurrent_queue::ConcurrentQueue<T> {
        self.uses.fetch_add(1, Relaxed);
        &self.queue
    }

    pub(crate) fn push(&self, item: T) -> Result<(), PushError<T>> {
        self.used().push(item)
    }

    pub(crate) fn pop(&self) -> Result<T, PopError> {
        self.used().pop()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.used().is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.used().len()
    }
}

/// A condition variable with the functions of std's that loom's lacks.
#[derive(Default)]
pub(crate) struct Condvar {
    inner: loom::sync::Condvar,
    has_expired: AtomicBool,
}

impl Condvar {
    pub(crate) fn new() -> Condvar {
        Condvar::default()
    }

    pub(crate) fn notify_one(&self) {
        self.inner.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.inner.notify_all();
    }

    pub(crate) fn wait_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<MutexGuard<'a, T>> {
        while condition(&mut guard) {
            guard = self.inner.wait(guard)?;
        }
        Ok(guard)
    }

    /// Waits like std's, but reads no clock: time is up when a model says so, with `expire`.
    pub(crate) fn wait_timeout_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        _limit: Duration,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<(MutexGuard<'a, T>, Waited)> {
        while condition(&mut guard) {
            // Relaxed, here and below: it is read and written under the mutex.
            if self.has_expired.load(Relaxed) {
                return Ok((guard, Waited { timed_out: true }));
            }
            let waited = self.inner.wait(guard);
            guard = waited.unwrap_or_else(PoisonError::into_inner);
        }
        Ok((guard, Waited { timed_out: false }))
    }

    /// Ends all waits that have a limit, from here on.
    #[cfg(test)]
    pub(crate) fn expire<T>(&self, mutex: &Mutex<T>) {
        let guard = mutex.lock();
        self.has_expired.store(true, Relaxed);
        drop(guard);
        self.inner.notify_all();
    }
}

/// How a wait with a limit has ended.
pub(crate) struct Waited {
    timed_out: bool,
}

impl Waited {
    pub(crate) fn timed_out(&self) -> bool {
        self.timed_out
    }
}

/// Tries `model` with all interleavings of at most `preemptions` preemptions: moments where a thread stands still that
/// could go on.
#[cfg(test)]
pub(crate) fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 10_000;
    builder.check(model);
}
