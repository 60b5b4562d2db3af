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
//! Invariants, under the lock:
//! 1. `messages` holds the messages at the positions from `next - messages.len()` to `next - 1`. There are at most
//!    `capacity` of them.
//! 2. Each message has been received by fewer receivers than one before it, or as many: whoever has still to receive a
//!    message has still to receive those after it. So those that nobody needs are at the front, and are taken out at
//!    once: each that is left has a `left` above zero.
//! 3. No code of users runs while the ring is locked. A message is dropped afterwards, and cloned afterwards: see
//!    [`Message`].
//!
//! In tokio: `sync/broadcast.rs`. There each place of the ring has a lock, under which its message is cloned, and the
//! list of those who wait another one. Here one lock covers all, and no longer than a few assignments.

use super::error::TryRecvError;
use crate::place::{HasList, List};
use crate::primitives::{Mutex, MutexGuard};
use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

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
}

struct Entry<T> {
    message: Message<T>,
    /// How many receivers have still to receive it.
    left: usize,
}

/// A message on its way out of the ring.
///
/// A message that only one receiver needs is that receiver's own. If several need it, it goes behind a lock when the
/// first of them takes it: a type that is not `Sync` must not be cloned by two threads at once. That lock belongs to
/// the message alone, and is the only one that is held while the code of users runs.
pub(super) enum Message<T> {
    Own(T),
    Shared(Arc<Mutex<T>>),
    /// It is being put behind a lock.
    Moving,
}

impl<T: Clone> Message<T> {
    /// Clones the message for its receiver. The ring is not locked.
    pub(super) fn get(self) -> T {
        match self {
            // Cloned even so: each receiver gets a clone, whether or not it is the last one.
            Message::Own(message) => message.clone(),
            Message::Shared(message) => message.lock().clone(),
            Message::Moving => unreachable!("only under the lock of the ring"),
        }
    }
}

impl<T> Message<T> {
    /// Another handle to the message.
    fn share(&mut self) -> Message<T> {
        let shared = match mem::replace(self, Message::Moving) {
            Message::Own(message) => Arc::new(Mutex::new(message)),
            Message::Shared(message) => message,
            Message::Moving => unreachable!("it is moved in one stretch under the lock"),
        };
        *self = Message::Shared(shared.clone());
        Message::Shared(shared)
    }
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
            waiting: List::new(),
            closing: List::new(),
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
    pub(super) fn push(&mut self, message: T) -> Option<Message<T>> {
        let oldest = if self.messages.len() == self.capacity { self.messages.pop_front() } else { None };
        self.messages.push_back(Entry { message: Message::Own(message), left: self.receivers });
        self.next += 1;
        oldest.map(|entry| entry.message)
    }

    /// Takes the message at `position`, which moves on to the next one.
    #[inline]
    pub(super) fn take(&mut self, position: &mut u64) -> Result<Message<T>, TryRecvError> {
        if *position == self.next {
            return Err(if self.is_over { TryRecvError::Closed } else { TryRecvError::Empty });
        }
        let front = self.front();
        let Some(index) = position.checked_sub(front) else {
            let missed = front - mem::replace(position, front);
            return Err(TryRecvError::Lagged(missed));
        };
        *position += 1;
        let entry = &mut self.messages[index as usize];
        entry.left -= 1;
        if entry.left > 0 {
            return Ok(entry.message.share());
        }
        debug_assert_eq!(index, 0, "invariant 2");
        Ok(self.messages.pop_front().expect("it has just been looked at").message)
    }

    /// A receiver goes, which has still to receive all from `position`. Returns what nobody else needs.
    #[must_use = "they have to be dropped while nothing is locked"]
    pub(super) fn leave(&mut self, position: u64) -> Vec<Message<T>> {
        self.receivers -= 1;
        let first = position.saturating_sub(self.front()) as usize;
        self.messages.range_mut(first..).for_each(|entry| entry.left -= 1);
        let unneeded = self.messages.iter().take_while(|entry| entry.left == 0).count();
        self.messages.drain(..unneeded).map(|entry| entry.message).collect()
    }
}

/// What all handles of a channel share.
pub(super) struct Shared<T> {
    pub(super) ring: Mutex<Ring<T>>,
    pub(super) senders: crate::primitives::atomic::AtomicUsize,
    pub(super) weak: crate::primitives::atomic::AtomicUsize,
}

impl<T> Shared<T> {
    pub(super) fn lock(&self) -> MutexGuard<'_, Ring<T>> {
        self.ring.lock()
    }
}
