//! The tasks that wait for the one operation that a file has under way.
//!
//! An operation wakes one waker: that of its last poll. But several tasks may share a file and wait for the same write,
//! for example in `sync_all`. So they poll with the waker of this list, which wakes all of them. The list has another
//! use: polling happens under the file's lock, where no foreign waker may be cloned or dropped.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

#[derive(Default)]
pub(crate) struct Waiters(Mutex<Vec<Waker>>);

impl Waiters {
    fn all(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remove(&self, waker: &Waker) {
        let mut all = self.all();
        let place = all.iter().position(|waiter| waiter.will_wake(waker));
        let removed = place.map(|place| all.swap_remove(place));
        // This is foreign code, so it runs while nothing is locked.
        drop(all);
        drop(removed);
    }
}

impl Wake for Waiters {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let all = std::mem::take(&mut *self.all());
        for waker in all {
            // The panic hook has reported the panic. The others are woken all the same.
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }
}

/// A place in the list, until it is dropped.
pub(crate) struct Waiting {
    waiters: Arc<Waiters>,
    waker: Option<Waker>,
}

impl Waiting {
    pub(crate) fn new(waiters: &Arc<Waiters>) -> Waiting {
        Waiting { waiters: waiters.clone(), waker: None }
    }

    /// Returns the waker to poll with: it wakes `waker`, and the others that wait.
    pub(crate) fn waker(&mut self, waker: &Waker) -> Waker {
        if !self.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.leave();
            self.waker = Some(waker.clone());
        }
        if !self.waiters.all().iter().any(|waiter| waiter.will_wake(waker)) {
            let new = waker.clone();
            self.waiters.all().push(new);
        }
        Waker::from(self.waiters.clone())
    }

    fn leave(&mut self) {
        self.waker.take().into_iter().for_each(|waker| self.waiters.remove(&waker));
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.leave();
    }
}
