//! The messages of a channel to all receivers, and who has still to receive each of them.
//!
//! ```text
//!            front                                 back
//!              ▼                                    ▼
//!   positions  7        8        9        10       11      12 ◀── `next`, of the next message
//!              ▲                          ▲
//!      a slow receiver              a quicker one
//! ```
//!
//! Each message counts the receivers that have still to receive it. The last one takes it out. A channel that is full
//! drops its oldest message for a new one: receivers that have not received it lag, and go on with the oldest that is
//! left.
//!
//! Messages are cloned while nothing is locked. A receiver that needs a message which others need as well borrows it:
//! it moves the message out of the ring, clones it, and moves it back. So a type that is not `Sync` is never cloned by
//! two threads at once, and no message has to be allocated. A receiver that comes for a message which is lent out
//! blocks its thread until it is back, which is as long as a clone takes.
//!
//! Invariants, under the lock:
//! 1. `messages` holds the messages at the positions from `next - messages.len()` to `next - 1`. There are at most
//!    `capacity` of them.
//! 2. A receiver that has still to receive a message has still to receive all those after it. So the messages that no
//!    receiver needs are at the front. They are taken out at once: each one that remains has a `left` above zero.
//! 3. A message that is lent out is brought back, also by a panic. If its entry has left the ring meanwhile, its
//!    borrower drops it.
//! 4. No code of users runs while the ring is locked: messages are cloned and dropped afterwards.
//!
//! In tokio: `sync/broadcast.rs`. There each place of the ring has a lock, under which its message is cloned, and the
//! list of waiters has another one. Here one lock covers all, and no longer than a few assignments.

use super::error::TryRecvError;
use crate::place::{HasList, List};
use crate::primitives::atomic::AtomicUsize;
use crate::primitives::{Mutex, MutexGuard, What};
#[cfg(loom)]
use loom::sync::Condvar;
use std::collections::VecDeque;
use std::mem;
#[cfg(not(loom))]
use std::sync::Condvar;
use std::sync::PoisonError;

/// The list of the receivers that wait for a message.
pub(super) const RECEIVERS: usize = 0;
/// The list of the senders that wait until there is no receiver.
pub(super) const SENDERS: usize = 1;

pub(super) struct Ring<T> {
    messages: VecDeque<Entry<T>>,
    capacity: usize,
    next: u64,
    /// How many receivers there are.
    pub(super) receivers: usize,
    /// There is no sender left.
    pub(super) is_over: bool,
    waiting: List,
    closing: List,
    /// How many threads wait for a message that is lent out.
    blocked: usize,
}

struct Entry<T> {
    /// `None` while it is lent out.
    message: Option<T>,
    /// How many receivers have still to receive it.
    left: usize,
}

/// What a receiver finds at its position.
pub(super) enum Found<T> {
    /// A message that nobody else needs.
    Last(T),
    /// A message that others need as well: it has to be brought back to this position.
    Lent(T, u64),
    /// Another receiver is cloning the message.
    LentOut,
}

impl<T> HasList<RECEIVERS> for Ring<T> {
    fn list(&mut self) -> &mut List {
        &mut self.waiting
    }
}

impl<T> HasList<SENDERS> for Ring<T> {
    fn list(&mut self) -> &mut List {
        &mut self.closing
    }
}

impl<T> Ring<T> {
    pub(super) fn new(capacity: usize) -> Ring<T> {
        Ring {
            messages: VecDeque::new(),
            capacity,
            next: 0,
            receivers: 0,
            is_over: false,
            waiting: List::new(What::new("a message of a broadcast channel")),
            closing: List::new(What::new("the end of a broadcast channel's receivers")),
            blocked: 0,
        }
    }

    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    fn front(&self) -> u64 {
        self.next - self.messages.len() as u64
    }

    /// Adds a message for all receivers, of which there is one at least. Returns the message that had to make room.
    #[must_use = "it has to be dropped while nothing is locked"]
    pub(super) fn push(&mut self, message: T) -> Option<T> {
        let oldest = if self.messages.len() == self.capacity { self.messages.pop_front() } else { None };
        self.messages.push_back(Entry { message: Some(message), left: self.receivers });
        self.next += 1;
        oldest.and_then(|entry| entry.message)
    }

    /// Takes the message at `position`, which moves on to the next one.
    #[inline]
    pub(super) fn take(&mut self, position: &mut u64) -> Result<Found<T>, TryRecvError> {
        if *position == self.next {
            return Err(if self.is_over { TryRecvError::Closed } else { TryRecvError::Empty });
        }
        let front = self.front();
        let Some(index) = position.checked_sub(front) else {
            let missed = front - mem::replace(position, front);
            return Err(TryRecvError::Lagged(missed));
        };
        let entry = &mut self.messages[index as usize];
        let Some(message) = entry.message.take() else { return Ok(Found::LentOut) };
        entry.left -= 1;
        *position += 1;
        if entry.left > 0 {
            return Ok(Found::Lent(message, *position - 1));
        }
        debug_assert_eq!(index, 0, "invariant 2");
        self.messages.pop_front();
        Ok(Found::Last(message))
    }

    /// Brings the message of `position` back. Returns it if nobody needs it any more.
    fn bring_back(&mut self, position: u64, message: T) -> Option<T> {
        match position.checked_sub(self.front()) {
            Some(index) => self.messages[index as usize].message.replace(message),
            None => Some(message),
        }
    }

    fn is_lent_out(&self, position: u64) -> bool {
        let index = position.checked_sub(self.front());
        let entry = index.and_then(|index| self.messages.get(index as usize));
        entry.is_some_and(|entry| entry.message.is_none())
    }

    /// A receiver goes, which has still to receive all from `position`. Returns what nobody else needs.
    #[must_use = "they have to be dropped while nothing is locked"]
    pub(super) fn leave(&mut self, position: u64) -> Vec<T> {
        self.receivers -= 1;
        let first = position.saturating_sub(self.front()) as usize;
        self.messages.range_mut(first..).for_each(|entry| entry.left -= 1);
        let unneeded = self.messages.iter().take_while(|entry| entry.left == 0).count();
        self.messages.drain(..unneeded).filter_map(|entry| entry.message).collect()
    }
}

/// What all handles of a channel share.
pub(super) struct Shared<T> {
    pub(super) ring: Mutex<Ring<T>>,
    pub(super) senders: AtomicUsize,
    pub(super) weak: AtomicUsize,
    /// A message was brought back.
    returned: Condvar,
}

impl<T> Shared<T> {
    pub(super) fn new(capacity: usize) -> Shared<T> {
        let (senders, weak) = (AtomicUsize::new(1), AtomicUsize::new(0));
        Shared { ring: Mutex::new(Ring::new(capacity)), senders, weak, returned: Condvar::new() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Ring<T>> {
        self.ring.lock()
    }

    /// Blocks the thread as long as the message at `position` is lent out.
    #[cold]
    pub(super) fn wait_for_return(&self, position: u64) {
        let mut ring = self.lock();
        ring.blocked += 1;
        while ring.is_lent_out(position) {
            ring = self.returned.wait(ring).unwrap_or_else(PoisonError::into_inner);
        }
        ring.blocked -= 1;
    }
}

impl<T: Clone> Shared<T> {
    /// Clones a message for its receiver, the last one as well. `None` if it is lent out.
    #[inline]
    pub(super) fn clone_of(&self, found: Found<T>) -> Option<T> {
        match found {
            Found::Last(message) => Some(message.clone()),
            Found::Lent(message, position) => {
                let lent = Lent { shared: self, position, message: Some(message) };
                lent.message.clone()
            }
            Found::LentOut => None,
        }
    }
}

/// A message that is lent out.
struct Lent<'a, T> {
    shared: &'a Shared<T>,
    position: u64,
    /// `Some` until it is brought back.
    message: Option<T>,
}

impl<T> Drop for Lent<'_, T> {
    fn drop(&mut self) {
        let Some(message) = self.message.take() else { return };
        let mut ring = self.shared.lock();
        let unneeded = ring.bring_back(self.position, message);
        let is_awaited = ring.blocked > 0;
        drop(ring);
        if is_awaited {
            self.shared.returned.notify_all();
        }
        drop(unneeded);
    }
}
