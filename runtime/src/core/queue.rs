//! The inbox: the one door through which other threads reach a runtime, and the bell beside it.
//!
//! ```text
//!   another thread                      the owner
//!   1 push the item                     a swap(PARKED)
//!   2 swap(NOTIFIED)                    b look into the queue once more
//!   3 it was PARKED? ring the bell      c empty? sleep until the bell rings
//! ```
//!
//! Invariants:
//! 1. *No item is slept over.* Steps 2 and a are read-modify-writes of one variable, so one comes first. If 2
//!    does, a reads what 2 wrote and b sees the item; if a does, 2 reads PARKED and rings. (A store followed by a
//!    load of another variable, on either side, would lose items: both could read the old values.)
//! 2. *The bell is rung at most once per sleep*: only the thread whose swap saw PARKED rings.
//! 3. The queue is never closed. What may still be posted to a runtime that has ended is for its caller to decide
//!    (see `task::scheduler`, the gate).
//!
//! Shown under loom by `tests` below. In tokio: `runtime/scheduler/inject` and `runtime/park`.

use super::sync::ConcurrentQueue;
use super::sync::atomic::{AtomicBool, AtomicU8, Ordering::AcqRel};

const RUNNING: u8 = 0;
const PARKED: u8 = 1;
const NOTIFIED: u8 = 2;

pub(crate) struct Inbox<T> {
    queue: ConcurrentQueue<T>,
    state: AtomicU8,
}

impl<T> Inbox<T> {
    pub(crate) fn new() -> Inbox<T> {
        Inbox { queue: ConcurrentQueue::unbounded(), state: AtomicU8::new(RUNNING) }
    }

    /// Any thread: hands `item` to the owner. If this returns true, the caller must ring the bell.
    #[must_use]
    pub(crate) fn post(&self, item: T) -> bool {
        // Unbounded and never closed (invariant 3), so a push cannot be refused.
        let _ = self.queue.push(item);
        // Release: pairs with the Acquire in `prepare_park`, so that an owner that reads NOTIFIED sees the item.
        // Acquire: pairs with the Release there, so that a ring comes after everything the owner did before.
        self.state.swap(NOTIFIED, AcqRel) == PARKED
    }

    /// Owner: takes the oldest item.
    pub(crate) fn pop(&self) -> Option<T> {
        // Two loads; an unsuccessful pop has a fence as well.
        if self.queue.is_empty() { None } else { self.queue.pop().ok() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Owner: how many items wait; others may be added at any moment. Not for each turn: it counts anew whenever
    /// one is added meanwhile, so a flood can hold it up.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Owner: announces that it is about to sleep. False means: don't, there is an item.
    #[must_use]
    pub(crate) fn prepare_park(&self) -> bool {
        // Acquire and Release: pair with `post`.
        self.state.swap(PARKED, AcqRel);
        let may_sleep = self.queue.is_empty();
        if !may_sleep {
            self.unpark();
        }
        may_sleep
    }

    /// Owner: is awake again; nobody needs to ring.
    pub(crate) fn unpark(&self) {
        // A swap, not a store: a store would break the chain of read-modify-writes that invariant 1 rests on.
        self.state.swap(RUNNING, AcqRel);
    }
}

/// Whether a slot is in the inbox already. The first of many wakers posts it; the others have nothing to do.
#[derive(Default)]
pub(crate) struct Posted(AtomicBool);

impl Posted {
    /// A waker, any thread: true for the one that must post.
    #[must_use]
    pub(crate) fn set(&self) -> bool {
        // Release: pairs with the Acquire in `clear`, so that the poll sees what the waker's thread wrote,
        // also if another thread was first and this one posts nothing.
        !self.0.swap(true, AcqRel)
    }

    /// The owner, *before* it polls: a wake that comes later posts anew.
    pub(crate) fn clear(&self) {
        // Acquire: pairs with the Release in `set`.
        self.0.swap(false, AcqRel);
    }
}

#[cfg(all(test, loom))]
mod tests;
