//! A queue of those who wait, first in, first out. It lives under the mutex of what they wait for.
//!
//! Each waiter has an entry in one vector, whose places are used again: after the queue has been at its longest once,
//! waiting allocates nothing. Entries are linked by their indices, so any of them leaves the queue in constant time. A
//! future that is dropped can therefore take itself out of the middle.
//!
//! ```text
//!   push ──▶ queued ── unlink (it is served) ──▶ apart ── remove (its future looks, or is dropped) ──▶ vacant
//!               └───────────── remove (its future is dropped) ──────────────────────────────────────────▲
//! ```
//!
//! Invariants:
//! 1. A [`Key`] is not `Clone`. Whoever has it is the only one who removes the entry, so a key always names an entry of
//!    its own.
//! 2. The queue links queued entries in the order in which they were pushed, and `len` counts them.
//!
//! tokio has no such vector: its waiters are nodes inside of pinned futures, linked by raw pointers. That saves the
//! vector's memory, and costs unsafe code in each primitive.

use crate::primitives::{Holder, WaitNote, What};
use std::{mem, ptr};

/// No entry.
const NONE: u32 = u32::MAX;

pub(crate) struct Waiters<T> {
    entries: Vec<Entry<T>>,
    first: u32,
    last: u32,
    /// The first vacant entry. Vacant entries are linked by `next`.
    vacant: u32,
    len: usize,
    /// For the notes of who waits for what.
    what: What,
}

struct Entry<T> {
    state: State<T>,
    previous: u32,
    next: u32,
}

enum State<T> {
    Vacant,
    Queued(T),
    Apart(T),
}

/// The place of a waiter.
#[derive(Debug)]
pub(crate) struct Key {
    index: u32,
    note: WaitNote,
}

impl<T> Waiters<T> {
    pub(crate) const fn new(what: What) -> Waiters<T> {
        Waiters { entries: Vec::new(), first: NONE, last: NONE, vacant: NONE, len: 0, what }
    }

    /// How many are queued.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a waiter at the end of the queue.
    pub(crate) fn push(&mut self, waiter: T) -> Key {
        self.push_for(waiter, &Holder::new())
    }

    /// Adds one that waits for a lock.
    pub(crate) fn push_for(&mut self, waiter: T, holder: &Holder) -> Key {
        let entry = Entry { state: State::Queued(waiter), previous: self.last, next: NONE };
        let index = match self.vacant {
            NONE => {
                let index = u32::try_from(self.entries.len()).ok().filter(|index| *index != NONE);
                self.entries.push(entry);
                index.expect("fewer than four billion futures wait for one thing")
            }
            index => {
                let place = &mut self.entries[index as usize];
                debug_assert!(matches!(place.state, State::Vacant), "it is on the list of vacant entries");
                self.vacant = place.next;
                *place = entry;
                index
            }
        };
        match self.last {
            NONE => self.first = index,
            last => self.entries[last as usize].next = index,
        }
        self.last = index;
        self.len += 1;
        let mut key = Key { index, note: WaitNote::new() };
        key.note.begin_for(self.what, ptr::from_ref(self).addr(), holder);
        key
    }

    /// The waiter that has been queued for longest.
    pub(crate) fn first_mut(&mut self) -> Option<&mut T> {
        match &mut self.entries.get_mut(self.first as usize)?.state {
            State::Queued(waiter) => Some(waiter),
            _ => unreachable!("invariant 2"),
        }
    }

    /// Takes the waiter that has been queued for longest out of the queue. It keeps its entry until it is removed.
    pub(crate) fn unlink_first(&mut self) -> Option<&mut T> {
        self.unlink(self.first)
    }

    /// Takes the waiter that has been queued for the shortest time out of the queue. It keeps its entry.
    pub(crate) fn unlink_last(&mut self) -> Option<&mut T> {
        self.unlink(self.last)
    }

    /// The waiter of `key`, which is polled again, and whether it is still queued.
    pub(crate) fn get_mut(&mut self, key: &mut Key) -> (&mut T, bool) {
        key.note.follow();
        match &mut self.entries[key.index as usize].state {
            State::Queued(waiter) => (waiter, true),
            State::Apart(waiter) => (waiter, false),
            State::Vacant => unreachable!("invariant 1"),
        }
    }

    /// Gives the entry of `key` back, queued or not.
    pub(crate) fn remove(&mut self, key: Key) -> T {
        self.unlink(key.index);
        let vacant = mem::replace(&mut self.vacant, key.index);
        let entry = &mut self.entries[key.index as usize];
        entry.next = vacant;
        match mem::replace(&mut entry.state, State::Vacant) {
            State::Apart(waiter) => waiter,
            _ => unreachable!("invariant 1, and `unlink` has set it apart"),
        }
    }

    fn unlink(&mut self, index: u32) -> Option<&mut T> {
        let entry = self.entries.get_mut(index as usize)?;
        let (previous, next) = (entry.previous, entry.next);
        match mem::replace(&mut entry.state, State::Vacant) {
            State::Queued(waiter) => entry.state = State::Apart(waiter),
            // It has left the queue already.
            state => {
                entry.state = state;
                return None;
            }
        }
        match previous {
            NONE => self.first = next,
            previous => self.entries[previous as usize].next = next,
        }
        match next {
            NONE => self.last = previous,
            next => self.entries[next as usize].previous = previous,
        }
        self.len -= 1;
        match &mut self.entries[index as usize].state {
            State::Apart(waiter) => Some(waiter),
            _ => unreachable!("it has been set apart above"),
        }
    }
}
