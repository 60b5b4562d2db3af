//! What senders and receivers of a watched value share.
//!
//! Invariants:
//! 1. `state` has the number of changes, twice, and [`CLOSED`] once no sender is left. A change is counted while the
//!    value is locked for writing. So a reader that has locked it knows which version it looks at.
//! 2. A handle that changes what others wait for does so first, then locks the list of the waiters and wakes them. A
//!    waiter looks while the list is locked. So either the look finds the change, or the change finds the waiter.
//! 3. While `value` is locked, the code of users runs only where its documentation says so: the closures of
//!    `send_modify`, `send_if_modified` and `wait_for`, and what is done with a `Ref`. A value that was replaced is
//!    dropped afterwards.

#[cfg(loom)]
pub(super) use loom::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
#[cfg(not(loom))]
pub(super) use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::error::RecvError;
use crate::place::{List, Place, wake_all};
use crate::primitives::atomic::AtomicUsize;
use crate::primitives::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::primitives::{Mutex, What};
use std::sync::PoisonError;
use std::task::{Context, Poll};

const CLOSED: usize = 1;

/// A version of the value, as in `state` without [`CLOSED`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Version(usize);

impl Version {
    /// One that differs from this one and from all that are to come.
    pub(super) fn before(self) -> Version {
        Version(self.0.wrapping_sub(CLOSED + 1))
    }
}

pub(super) struct Shared<T> {
    value: RwLock<T>,
    state: AtomicUsize,
    senders: AtomicUsize,
    receivers: AtomicUsize,
    /// Receivers that wait for a change.
    changed: Mutex<List>,
    /// Senders that wait until there is no receiver.
    closed: Mutex<List>,
}

impl<T> Shared<T> {
    pub(super) fn new(value: T) -> Shared<T> {
        Shared {
            value: RwLock::new(value),
            state: AtomicUsize::new(0),
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(0),
            changed: Mutex::new(List::new(What::new("a change of a watched value"))),
            closed: Mutex::new(List::new(What::new("the end of a watch channel's receivers"))),
        }
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, T> {
        // A panic under the lock has left behind what its closure had done by then, as is documented.
        self.value.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `modify` change the value. If it returns `true`, that is a new version, of which the receivers are told.
    pub(super) fn modify(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
        let mut value: RwLockWriteGuard<'_, T> = self.value.write().unwrap_or_else(PoisonError::into_inner);
        if !modify(&mut value) {
            return false;
        }
        // Release pairs with the Acquire of `version` and `look`: receivers that see it find the value.
        self.state.fetch_add(CLOSED + 1, Release);
        drop(value);
        wake_all(&self.changed, self.changed.lock());
        true
    }

    /// Returns the version, and whether there is no sender.
    pub(super) fn version(&self) -> (Version, bool) {
        let state = self.state.load(Acquire);
        (Version(state & !CLOSED), state & CLOSED != 0)
    }

    /// Looks whether the version is another one than `seen`, which it then becomes.
    fn look(&self, seen: &mut Version) -> Option<Result<(), RecvError>> {
        let (version, is_closed) = self.version();
        if version != *seen {
            *seen = version;
            return Some(Ok(()));
        }
        is_closed.then_some(Err(RecvError(())))
    }

    /// Waits for another version than that which its polls get.
    pub(super) fn changed(&self) -> Changed<'_, T> {
        Changed { shared: self, place: Place::new(&self.changed) }
    }

    /// Waits until there is no receiver.
    pub(super) fn closed(&self) -> Closed<'_, T> {
        Closed { shared: self, place: Place::new(&self.closed) }
    }

    pub(super) fn senders(&self) -> usize {
        // Relaxed, like all that only counts: what it says may be old anyway.
        self.senders.load(Relaxed)
    }

    pub(super) fn receivers(&self) -> usize {
        self.receivers.load(Relaxed)
    }

    pub(super) fn sender_comes(&self) {
        self.senders.fetch_add(1, Relaxed);
    }

    pub(super) fn receiver_comes(&self) {
        self.receivers.fetch_add(1, Relaxed);
    }

    pub(super) fn sender_goes(&self) {
        // AcqRel: what the other senders did comes before the end, which the last one declares.
        if self.senders.fetch_sub(1, AcqRel) == 1 {
            // Release pairs with the Acquire of `version`.
            self.state.fetch_or(CLOSED, Release);
            wake_all(&self.changed, self.changed.lock());
        }
    }

    pub(super) fn receiver_goes(&self) {
        // Relaxed: `closed` orders it, which the waiters lock as well.
        if self.receivers.fetch_sub(1, Relaxed) == 1 {
            wake_all(&self.closed, self.closed.lock());
        }
    }
}

/// See [`Shared::changed`].
pub(super) struct Changed<'a, T> {
    shared: &'a Shared<T>,
    place: Place<'a, List>,
}

impl<T> Changed<'_, T> {
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, seen: &mut Version) -> Poll<Result<(), RecvError>> {
        if !self.place.is_taken() {
            // Most often without a lock.
            if let Some(found) = self.shared.look(seen) {
                return Poll::Ready(found);
            }
        }
        self.place.poll(cx, |_| self.shared.look(seen))
    }
}

/// See [`Shared::closed`].
pub(super) struct Closed<'a, T> {
    shared: &'a Shared<T>,
    place: Place<'a, List>,
}

impl<T> Closed<'_, T> {
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.place.poll(cx, |_| (self.shared.receivers() == 0).then_some(()))
    }
}
