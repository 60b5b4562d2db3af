//! Code that is not ours: wakers, drops, closures. It may panic, and then the runtime must go on as before.
//!
//! What is caught here has been reported by the panic hook already. A panic that has a receiver is passed on
//! instead of coming through here: that of a task to its JoinHandle, that of a call to its caller.

use super::sync::{Mutex, MutexGuard};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::task::Waker;

pub(crate) type Panic = Box<dyn Any + Send>;

#[inline]
pub(crate) fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Panic> {
    // loom tells by a panic what is wrong. Nobody may swallow that.
    if cfg!(loom) { Ok(f()) } else { catch_unwind(AssertUnwindSafe(f)) }
}

/// Runs `f` to its end or its panic.
#[inline]
pub(crate) fn run(f: impl FnOnce()) {
    if let Err(panic) = catch(f) {
        drop_panic(panic);
    }
}

/// A payload's drop may panic as well, with a payload for which the same holds; so the second is leaked.
#[cold]
pub(crate) fn drop_panic(panic: Panic) {
    if let Err(another) = catch(|| drop(panic)) {
        std::mem::forget(another);
    }
}

/// No foreign code runs under the locks of this crate, so a poisoned one is as good as any.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// Not inlined: most wakers are our own, and need no such care.
#[inline(never)]
pub(crate) fn wake(waker: Waker) {
    run(|| waker.wake());
}

#[inline(never)]
pub(crate) fn drop_waker(waker: Waker) {
    run(|| drop(waker));
}
