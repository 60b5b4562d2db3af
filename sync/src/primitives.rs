//! Locks and atomics. With `--cfg loom` they are those of the model checker, which watches them.
//!
//! Every `Arc` is std's in either case, since loom's has no `Weak`.
//!
//! Invariant: nothing of the user's runs under a [`Mutex`] of this crate. No waker is cloned, woken or dropped there, and
//! no value is dropped. So a panic leaves the mutex in order, and a waker that comes back into this crate finds it free.

pub(crate) use ayi_runtime::task::{Holder, WaitNote, What};
#[cfg(not(loom))]
pub(crate) use ayi_runtime::task::{block_thread_on, coop, expect_wake};
#[cfg(loom)]
pub(crate) use loom::sync::{MutexGuard, atomic};
#[cfg(loom)]
pub(crate) use no_budget as coop;
#[cfg(not(loom))]
pub(crate) use std::sync::{MutexGuard, atomic};

use std::sync::PoisonError;

#[cfg(loom)]
type Inner<T> = loom::sync::Mutex<T>;
#[cfg(not(loom))]
type Inner<T> = std::sync::Mutex<T>;

/// Makes a function `const`, except under loom: it registers its locks and atomics when they are made.
macro_rules! const_unless_loom {
    ($(#[$attribute:meta])* $visibility:vis const fn $($rest:tt)*) => {
        #[cfg(not(loom))]
        $(#[$attribute])*
        $visibility const fn $($rest)*

        #[cfg(loom)]
        $(#[$attribute])*
        $visibility fn $($rest)*
    };
}
pub(crate) use const_unless_loom;

/// A model has no thread that sleeps outside of loom's sight.
#[cfg(loom)]
pub(crate) fn expect_wake() {}

/// Waits for `future` on a thread of a model.
#[cfg(loom)]
pub(crate) fn block_thread_on<F: Future>(_what: &str, _instead: &str, future: F) -> F::Output {
    use std::task::{Context, Poll, Wake, Waker};

    struct Sleeper(loom::sync::Notify);

    impl Wake for Sleeper {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.notify();
        }
    }

    let sleeper = std::sync::Arc::new(Sleeper(loom::sync::Notify::new()));
    let waker = Waker::from(sleeper.clone());
    let (mut cx, mut future) = (Context::from_waker(&waker), std::pin::pin!(future));
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => sleeper.0.wait(),
        }
    }
}

/// A mutex that cannot be poisoned, see the invariant.
pub(crate) struct Mutex<T>(Inner<T>);

impl<T> Mutex<T> {
    const_unless_loom! {
        pub(crate) const fn new(value: T) -> Mutex<T> {
            Mutex(Inner::new(value))
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stands in for the cooperative budget, which belongs to a runtime's thread and not to what threads share.
#[cfg(loom)]
pub(crate) mod no_budget {
    use std::task::{Context, Poll};

    pub(crate) fn poll_budget(_: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    pub(crate) fn has_budget_remaining() -> bool {
        true
    }

    pub(crate) fn charge() {}

    pub(crate) fn poll_composed<R>(
        cx: &mut Context<'_>,
        _was_put_off: &mut bool,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        poll(cx)
    }
}
