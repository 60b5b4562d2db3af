//! Wakers that have been collected under a lock, to be used after it.
//!
//! Most often there is one. It lies beside the list, so that a list with memory of its own is rare.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

/// Wakers to wake, in order, once nothing is locked.
#[must_use = "the tasks sleep until `wake` is called"]
pub(crate) struct Wakers {
    first: Option<Waker>,
    others: Vec<Waker>,
}

impl Wakers {
    pub(crate) const fn new() -> Wakers {
        Wakers { first: None, others: Vec::new() }
    }

    pub(crate) fn push(&mut self, waker: Waker) {
        match &self.first {
            None => self.first = Some(waker),
            Some(_) => self.others.push(waker),
        }
    }

    /// Wakes all of them. Call it while nothing is locked.
    pub(crate) fn wake(self) {
        self.first.into_iter().chain(self.others).for_each(wake);
    }
}

impl Extend<Waker> for Wakers {
    fn extend<I: IntoIterator<Item = Waker>>(&mut self, wakers: I) {
        wakers.into_iter().for_each(|waker| self.push(waker));
    }
}

/// Wakes, which is foreign code. Its panic, which the hook has reported, must not keep others from being woken.
pub(crate) fn wake(waker: Waker) {
    contain(|| waker.wake());
}

/// Drops a waker, which is foreign code as well. Its panic must not lose what the caller has in its hands.
pub(crate) fn discard(waker: Option<Waker>) {
    if waker.is_some() {
        contain(|| drop(waker));
    }
}

fn contain(foreign: impl FnOnce()) {
    let done = catch_unwind(AssertUnwindSafe(foreign));
    // Dropping the panic may panic again, and so may dropping that one.
    done.or_else(|panic| catch_unwind(AssertUnwindSafe(|| drop(panic)))).unwrap_or_else(std::mem::forget);
}
