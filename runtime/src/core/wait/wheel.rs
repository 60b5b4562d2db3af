//! The timer data structure: a hierarchical timing wheel with a resolution of one nanosecond.
//!
//! ```text
//!  A time is a number of 6-bit digits.      digit:     10  …  3   2   1   0
//!  A timer waits at the highest digit       elapsed:    0  …  0   2   7   9
//!  in which its deadline differs from       deadline:   0  …  0   5   1   4
//!  `elapsed`: here on level 2, slot 5.                            ^
//!
//!               ┌───── advance: timers whose slot time has reached ─────┐
//!               │            go to a lower level, or are due            ▼
//!  insert ──► level 10 ──► … ──► level 1 ──► level 0 ────────────► expired
//!     ▲                  │                                     │      │ pop_expired
//!     └───── free ◄──────┴────────────── remove ───────────────┴──── fired
//! ```
//!
//! Invariants:
//! 1. A pending timer is on the list that `list_of` computes from `elapsed` and its deadline. So an
//!    entry need not remember its list, and timers with equal deadlines always share one: lists are
//!    first in, first out, so these fire in the order of insertion.
//! 2. On its level a timer's slot comes after `elapsed`'s digit, because its deadline is later and the
//!    higher digits are equal. So the wheel never wraps, every timer is sooner than those on higher
//!    levels, and the first slot of the lowest occupied level holds the earliest deadline.
//! 3. `elapsed < next <=` every deadline in the wheel, so a `now` before `next` has nothing to do.
//!    (Both may be `u64::MAX`, the end of time.) `remove` leaves `next` as it is.
//! 4. An entry has a waker exactly while it is pending: in the wheel or on the expired list.
//! 5. A fired entry stays allocated until `remove`. Each key has exactly one owner, who calls `remove`
//!    once and then forgets it; so a key never goes stale and needs no generation.
//! 6. No waker is run, cloned or dropped here: each is handed back, so that the caller can end its
//!    borrow first. Between any two calls the wheel is consistent.
//!
//! Left out: a heap. Most timers are timeouts that never fire, so insert and remove are what counts.
//! In a heap they are O(log n), and each timer must be told where it moved. Here they are O(1), and one
//! that fires has moved at most once per level. Shrinking: 32 bytes per timer of the peak are kept.
//!
//! From Varghese and Lauck, "Hashed and Hierarchical Timing Wheels" (1987), scheme 7.
//! In tokio: `runtime/time/wheel`.

use crate::plugged::Recorder;
use std::iter::successors;
use std::mem::replace;

/// Slots per level are `2^BITS`, so that one `u64` tells which of them are occupied.
const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
/// 11 digits of 6 bits hold any `u64`: no deadline is too far, and none needs an overflow list.
const LEVELS: usize = 11;
/// The list of timers that are due, numbered as if it were slot 0 of one more level.
const EXPIRED: usize = LEVELS * SLOTS;
/// No entry: the end of a list.
const NIL: u32 = u32::MAX;
/// In `prev` of a free entry, so that debug builds notice a key that is removed twice.
const FREE: u32 = u32::MAX - 1;
/// How many timers of one slot are searched for the earliest. If there are more, the slot's start
/// has to do: a wake-up without a timer to fire, but one that more than `SCAN` timers share.
const SCAN: usize = 64;

/// Timers in order of deadline, each with a waker `W`. Times are nanoseconds since some fixed start.
pub(crate) struct Wheel<W> {
    /// Everything due at this time is expired. It lags behind `now` while there is nothing to move.
    elapsed: u64,
    /// Not later than the earliest deadline in the wheel.
    next: u64,
    /// How many timers are pending.
    len: usize,
    /// The first free entry; `next` leads to the others.
    free: u32,
    pub(crate) entries: Vec<Timer<W>>,
    /// One bit per slot: set while its list is not empty.
    occupied: [u64; LEVELS + 1],
    heads: [u32; EXPIRED + 1],
    tails: [u32; EXPIRED + 1],
}

/// Names a timer from its `insert` to its `remove`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimerKey(pub(crate) u32);

pub(crate) struct Timer<W> {
    pub(crate) deadline: u64,
    pub(crate) waker: Option<W>,
    prev: u32,
    next: u32,
}

impl<W> Wheel<W> {
    /// Allocates nothing: the tables (5.6 KiB) are part of the struct.
    pub(crate) fn new() -> Self {
        Wheel {
            elapsed: 0,
            next: u64::MAX,
            len: 0,
            free: NIL,
            entries: Vec::new(),
            occupied: [0; LEVELS + 1],
            heads: [NIL; EXPIRED + 1],
            tails: [NIL; EXPIRED + 1],
        }
    }

    /// How many timers are pending.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds a timer. One that is due already goes to the end of the expired list.
    #[inline]
    pub(crate) fn insert(&mut self, deadline: u64, waker: W) -> TimerKey {
        if self.free == NIL {
            self.grow();
        }
        if deadline > self.elapsed {
            self.next = self.next.min(deadline);
        }
        self.len += 1;
        let (index, list) = (self.free, self.list_of(deadline));
        let tail = replace(&mut self.tails[list], index);
        let entry = &mut self.entries[index as usize];
        self.free = replace(&mut entry.next, NIL);
        (entry.deadline, entry.waker, entry.prev) = (deadline, Some(waker), tail);
        self.append(list, tail, index);
        TimerKey(index)
    }

    /// Ends a timer in whatever state it is. Returns its waker if it has not fired.
    #[inline]
    pub(crate) fn remove(&mut self, key: TimerKey) -> Option<W> {
        debug_assert_ne!(self.entries[key.0 as usize].prev, FREE, "a timer was removed twice");
        let waker = self.take_waker(key.0);
        let next = replace(&mut self.free, key.0);
        let entry = &mut self.entries[key.0 as usize];
        (entry.prev, entry.next) = (FREE, next);
        waker
    }

    /// The waker, to compare or replace; `None` once the timer has fired.
    pub(crate) fn waker_mut(&mut self, key: TimerKey) -> Option<&mut W> {
        self.entries[key.0 as usize].waker.as_mut()
    }

    /// Makes every timer with a deadline up to `now` ready for `pop_expired`: in order of deadline,
    /// equal deadlines in order of insertion. A `now` that goes back does no harm.
    #[inline]
    pub(crate) fn advance(&mut self, now: u64) {
        if now >= self.next {
            self.expire(now);
        }
    }

    /// Fires the first expired timer: returns its waker, for the caller to wake. Timers may be
    /// inserted and removed before the next call.
    #[inline]
    pub(crate) fn pop_expired(&mut self) -> Option<W> {
        let index = self.heads[EXPIRED];
        Recorder::timer_fired(index, self.entries.get(index as usize)?.deadline);
        self.take_waker(index)
    }

    /// When to call `advance` next: not after the earliest deadline, `None` if there are no timers.
    /// It is exact, unless the earliest timer was removed or shares its slot with `SCAN` others:
    /// then that `advance` may expire nothing, but makes the answer a later one.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        let next = if self.heads[EXPIRED] == NIL { self.next } else { self.elapsed };
        (self.len > 0).then_some(next)
    }

    /// Ends the wait of a timer that is pending.
    #[inline]
    fn take_waker(&mut self, index: u32) -> Option<W> {
        let waker = self.entries[index as usize].waker.take();
        if waker.is_some() {
            self.unlink(index);
            self.len -= 1;
        }
        waker
    }

    fn expire(&mut self, now: u64) {
        self.next = loop {
            let Some((list, start, bound)) = self.first() else { break u64::MAX };
            if start > now {
                break bound;
            }
            // The other slots start after the end of this one, so `elapsed` may move within it and
            // they stay right (invariant 1). That it moves to the earliest timer, not to the start,
            // saves levels: a lone timer is due at once. What is later than `now` moves only once.
            self.elapsed = bound.min(now);
            self.occupied[list / SLOTS] &= !(1 << (list % SLOTS));
            self.tails[list] = NIL;
            let mut index = replace(&mut self.heads[list], NIL);
            while index != NIL {
                let entry = &self.entries[index as usize];
                let (next, deadline) = (entry.next, entry.deadline);
                self.link(index, deadline);
                index = next;
            }
        };
        self.elapsed = now;
        debug_assert!(now < self.next || self.next == u64::MAX, "invariant 3");
    }

    /// The slot that time reaches first: its list, its start, and from there on a lower bound of its
    /// deadlines, which is the earliest one if there are at most `SCAN`.
    fn first(&self) -> Option<(usize, u64, u64)> {
        let level = self.occupied[..LEVELS].iter().position(|&slots| slots != 0)?;
        let slot = self.occupied[level].trailing_zeros();
        let shift = level as u32 * BITS;
        // Higher digits as in `elapsed`, lower ones 0. (`>> (shift + BITS)` would overflow.)
        let start = ((self.elapsed >> shift >> BITS << BITS) | u64::from(slot)) << shift;
        let list = level * SLOTS + slot as usize;
        let entry = |index| self.entries.get(index as usize);
        let timers = successors(entry(self.heads[list]), |timer| entry(timer.next));
        let (count, earliest) =
            timers.take(SCAN + 1).fold((0, u64::MAX), |(n, min), timer| (n + 1, min.min(timer.deadline)));
        Some((list, start, if count > SCAN { start } else { earliest }))
    }

    /// Where a timer belongs, by invariants 1 and 2.
    fn list_of(&self, deadline: u64) -> usize {
        if deadline <= self.elapsed {
            return EXPIRED;
        }
        // `| 1` changes no level. It shows the compiler that there is a logarithm.
        let level = ((self.elapsed ^ deadline) | 1).ilog2() / BITS;
        let slot = (deadline >> (level * BITS)) as usize % SLOTS;
        debug_assert!(slot > (self.elapsed >> (level * BITS)) as usize % SLOTS, "invariant 2");
        level as usize * SLOTS + slot
    }

    #[inline]
    fn link(&mut self, index: u32, deadline: u64) {
        let list = self.list_of(deadline);
        let tail = replace(&mut self.tails[list], index);
        let entry = &mut self.entries[index as usize];
        (entry.prev, entry.next) = (tail, NIL);
        self.append(list, tail, index);
    }

    /// Ties an entry to the list whose last one was `tail`.
    #[inline]
    fn append(&mut self, list: usize, tail: u32, index: u32) {
        if tail == NIL {
            self.heads[list] = index;
            self.occupied[list / SLOTS] |= 1 << (list % SLOTS);
        } else {
            self.entries[tail as usize].next = index;
        }
    }

    #[inline]
    fn unlink(&mut self, index: u32) {
        let entry = &self.entries[index as usize];
        let (prev, next) = (entry.prev, entry.next);
        let list = self.list_of(entry.deadline);
        match (prev, next) {
            (NIL, NIL) => {
                (self.heads[list], self.tails[list]) = (NIL, NIL);
                self.occupied[list / SLOTS] &= !(1 << (list % SLOTS));
            }
            (NIL, next) => {
                self.heads[list] = next;
                self.entries[next as usize].prev = NIL;
            }
            (prev, NIL) => {
                self.tails[list] = prev;
                self.entries[prev as usize].next = NIL;
            }
            (prev, next) => {
                self.entries[prev as usize].next = next;
                self.entries[next as usize].prev = prev;
            }
        }
    }

    #[cold]
    fn grow(&mut self) {
        let len = self.entries.len();
        assert!(len < FREE as usize, "too many timers at a time: there is room for 2^32 - 2");
        self.free = len as u32;
        self.entries.push(Timer { deadline: 0, waker: None, prev: FREE, next: NIL });
    }
}

#[cfg(test)]
mod tests;
