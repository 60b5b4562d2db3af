//! Who waits for a source, and for what.
//!
//! ```text
//!   place 0: the first reader ─┬─ inline, a waker each
//!   place 1: the first writer ─┘
//!   crowd:   further ones, other interests, and all who come while there is a crowd
//! ```
//!
//! A future is known by a number that it gets when it is stored, so each can renew and withdraw its own waker. Callers of
//! `poll_…` functions have none: one is known by its waker only, and nobody says when it has stopped waiting. See `Crowd`
//! for what becomes of many.
//!
//! Invariants:
//! 1. No waiter is lost. A waker that is dropped was woken after it was stored: its owner has polled again since,
//!    and left another one, or will.
//! 2. No number is given twice in the process. So who finds its number in a place is the one that waits there, also if
//!    its descriptor has gone from source to source.
//! 3. A place has a waker exactly if its mark says so, and there is a crowd exactly if the mark of the crowd says so.
//!
//! All of it is for whoever has the source. Other threads may only look whether somebody waits, so that is in atomics,
//! which are loaded and stored like cells. Nothing here runs foreign code.

use crate::core::ready::{Interest, Known};
use crate::core::sync::Cell;
use crate::core::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use crate::core::task;
use crate::plugged::{Crowd, Sifting};
use std::task::Waker;

/// The waiters of a source. One that reads and one that writes are the common case, and lie inline.
pub(crate) struct Waiters {
    /// How often there was a report. It starts anew after 2^32.
    reports: Cell<u32>,
    marks: AtomicU8,
    /// How many poll-style waiters for reading, and for writing, were woken and may not have tried yet. They cannot be told
    /// apart, so the number may be too high, which costs a needless attempt. At most [`MOST_OWED`].
    owed: [Cell<u8>; 2],
    /// Who has waited in each place, most recently.
    numbers: [AtomicU64; 2],
    pub(crate) wakers: [Cell<Option<Waker>>; 2],
    /// The others. While there are some, newcomers join them, so that none gets in front of those who came before.
    crowd: Cell<Option<Box<Crowd>>>,
}

/// The marks of place 0; those of place 1 are one bit higher.
pub(crate) const TAKEN: u8 = 1;
const BY_POLL_STYLE: u8 = 4;
const POLL_STYLE_READER: u8 = TAKEN | BY_POLL_STYLE;
/// There is a crowd.
const CROWD: u8 = 16;

const MOST_OWED: u8 = 3;

/// The number of a waiter of a source, by which it is told from the source's other waiters. There are fewer than 2^54.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Waiter(pub(crate) u64);

impl Waiter {
    /// A future that does not wait. It gets its number when it does.
    pub(crate) const NEW: Waiter = Waiter(0);
    /// A caller of a `poll_…` function.
    pub(crate) const POLL_STYLE: Waiter = Waiter(1);
    /// What numbers begin with, and are multiples of. The numbers below are for poll-style waiters.
    pub(crate) const STEP: u64 = 4;
}

/// A future or a caller that asks whether it may go on. Otherwise it waits for `interest`, as `waiter`, and is woken by
/// `waker`.
pub(crate) struct Asker<'a> {
    pub(crate) interest: Interest,
    pub(crate) waiter: &'a mut Waiter,
    pub(crate) waker: &'a Waker,
}

/// What is to be done when nothing is borrowed: wakers are foreign code.
#[must_use]
pub(crate) enum Settle {
    Nothing,
    /// An older waker of the same waiter.
    Drop(Waker),
    /// There is nothing to wait for.
    Wake(Waker),
    /// A crowd has grown.
    Sift(Box<Sifting>),
}

impl Waiters {
    pub(crate) fn new() -> Waiters {
        Waiters {
            reports: Cell::new(0),
            marks: AtomicU8::new(0),
            owed: [Cell::new(0), Cell::new(0)],
            numbers: [AtomicU64::new(0), AtomicU64::new(0)],
            wakers: [Cell::new(None), Cell::new(None)],
            crowd: Cell::new(None),
        }
    }

    #[inline]
    pub(crate) fn reports(&self) -> u32 {
        self.reports.get()
    }

    #[inline]
    pub(crate) fn marks(&self) -> u8 {
        // Relaxed, as all here: who relies on it has the source.
        self.marks.load(Relaxed)
    }

    #[inline]
    fn mark(&self, marks: u8) {
        self.marks.store(marks, Relaxed);
    }

    /// Whether nobody waits in `place`, nor in the crowd. So nobody at all waits for its direction.
    #[inline]
    pub(crate) fn is_free(&self, place: usize) -> bool {
        self.marks() & (TAKEN << place | CROWD) == 0
    }

    #[inline]
    pub(crate) fn number(&self, place: usize) -> Waiter {
        Waiter(self.numbers[place].load(Relaxed))
    }

    /// How many may have been woken, as callers of `poll_…` functions, and not have tried.
    #[inline]
    pub(crate) fn owed(&self, place: usize) -> u8 {
        self.owed[place].get()
    }

    /// A poll-style waiter has tried: perhaps one that was woken. Gives how many there were.
    #[inline]
    pub(crate) fn has_tried(&self, place: usize) -> u8 {
        let owed = self.owed[place].get();
        if owed > 0 {
            self.owed[place].set(owed - 1);
        }
        owed
    }

    #[inline]
    pub(crate) fn owe(&self, place: usize) {
        let owed = self.owed[place].get();
        if owed < MOST_OWED {
            self.owed[place].set(owed + 1);
        }
    }

    /// Counts a report, and wakes those whom it concerns. Wakers that are no slots of this thread go to the `others`.
    #[inline(always)]
    pub(crate) fn wake(&self, reported: Known, others: &mut Vec<Waker>) {
        self.reports.set(self.reports.get().wrapping_add(1));
        let is_readable = !reported.of(Interest::READABLE).is_empty();
        match self.marks() {
            // One that reads, alone: the common cases.
            TAKEN if is_readable => self.wake_in(0, false, others),
            POLL_STYLE_READER if is_readable => self.wake_in(0, true, others),
            _ => self.wake_several(reported, others),
        }
    }

    #[inline(never)]
    fn wake_several(&self, reported: Known, others: &mut Vec<Waker>) {
        for (place, interest) in [Interest::READABLE, Interest::WRITABLE].into_iter().enumerate() {
            if self.marks() & TAKEN << place != 0 && !reported.of(interest).is_empty() {
                self.wake_in(place, self.marks() & BY_POLL_STYLE << place != 0, others);
            }
        }
        if self.marks() & CROWD != 0 {
            self.wake_crowd(reported, others);
        }
    }

    #[inline(always)]
    fn wake_in(&self, place: usize, is_poll_style: bool, others: &mut Vec<Waker>) {
        if is_poll_style {
            self.owe(place);
        }
        if let Some(other) = self.vacate(place).and_then(task::wake_own) {
            put_aside(other, others);
        }
    }

    #[inline]
    fn vacate(&self, place: usize) -> Option<Waker> {
        self.mark(self.marks() & !((TAKEN | BY_POLL_STYLE) << place));
        self.wakers[place].take()
    }

    /// Takes all of them, since the source is given up. For the next descriptor there was no report yet.
    pub(crate) fn leave(&self, into: &mut Vec<Waker>) {
        self.reports.set(0);
        self.mark(0);
        self.owed.iter().for_each(|owed| owed.set(0));
        into.extend(self.wakers.iter().filter_map(Cell::take));
        self.crowd.take().into_iter().for_each(|crowd| crowd.leave(into));
    }

    /// Whether the asker waits, by its waker if it is poll-style.
    pub(crate) fn has(&self, asker: &Asker<'_>) -> bool {
        direction(asker.interest).is_some_and(|place| self.has_in(place, *asker.waiter, asker.waker))
            || self.marks() & CROWD != 0 && self.with_crowd(|crowd| crowd.has(asker))
    }

    /// Whether `waiter` has `place`, by `waker` if it is poll-style.
    #[inline]
    fn has_in(&self, place: usize, waiter: Waiter, waker: &Waker) -> bool {
        let marks = self.marks() >> place & (TAKEN | BY_POLL_STYLE);
        match waiter {
            Waiter::POLL_STYLE => marks == TAKEN | BY_POLL_STYLE && self.is_by(place, waker),
            // Invariant 2.
            waiter => marks == TAKEN && self.number(place) == waiter,
        }
    }

    /// Whether `waiter` waits in `place`, by `waker`.
    #[inline]
    pub(crate) fn has_first(&self, place: usize, waiter: Waiter, waker: &Waker) -> bool {
        self.has_in(place, waiter, waker) && self.is_by(place, waker)
    }

    fn is_by(&self, place: usize, waker: &Waker) -> bool {
        let stored = self.wakers[place].take();
        let is_the_same = stored.as_ref().is_some_and(|stored| stored.will_wake(waker));
        self.wakers[place].set(stored);
        is_the_same
    }

    /// Stores `waker`, which is a clone of the asker's.
    #[inline(never)]
    pub(crate) fn store(&self, asker: &mut Asker<'_>, waker: Waker, turn: Option<u64>) -> Settle {
        if let Some(place) = direction(asker.interest) {
            if self.has_in(place, *asker.waiter, &waker) {
                return self.wakers[place].replace(Some(waker)).map_or(Settle::Nothing, Settle::Drop);
            }
            if self.is_free(place) {
                let future = (*asker.waiter != Waiter::POLL_STYLE).then_some(&mut *asker.waiter);
                self.store_first(place, future, waker);
                return Settle::Nothing;
            }
        }
        self.with_crowd(|crowd| crowd.store(asker, waker, turn))
    }

    /// Stores `waker` in a place that is free, for a `future` or for a poll-style waiter.
    #[inline(always)]
    pub(crate) fn store_first(&self, place: usize, future: Option<&mut Waiter>, waker: Waker) {
        let mut mark = TAKEN | BY_POLL_STYLE;
        if let Some(waiter) = future {
            mark = TAKEN;
            *waiter = Waiter::next();
            self.numbers[place].store(waiter.0, Relaxed);
        }
        self.mark(self.marks() | mark << place);
        // It replaces nothing. Forgetting that saves the check that a drop would make.
        std::mem::forget(self.wakers[place].replace(Some(waker)));
    }

    /// Takes what a future has left, if it waits.
    pub(crate) fn remove(&self, interest: Interest, waiter: Waiter) -> Option<Waker> {
        match direction(interest) {
            Some(place) if self.has_in(place, waiter, Waker::noop()) => self.vacate(place),
            _ if self.marks() & CROWD == 0 => None,
            _ => self.with_crowd(|crowd| crowd.remove(interest, waiter)),
        }
    }

    /// What `f` does must not run foreign code.
    #[inline(never)]
    pub(crate) fn with_crowd<R>(&self, f: impl FnOnce(&mut Crowd) -> R) -> R {
        let mut crowd = self.crowd.take().unwrap_or_default();
        let result = f(&mut crowd);
        // Invariant 3.
        let (crowd, mark) = if crowd.is_empty() { (None, 0) } else { (Some(crowd), CROWD) };
        self.mark(self.marks() & !CROWD | mark);
        self.crowd.set(crowd);
        result
    }
}

#[cold]
fn put_aside(other: Waker, others: &mut Vec<Waker>) {
    others.push(other);
}

/// The place of who waits for `interest`, if there is one for it.
#[inline]
pub(crate) fn direction(interest: Interest) -> Option<usize> {
    match interest {
        Interest::READABLE => Some(0),
        Interest::WRITABLE => Some(1),
        _ => None,
    }
}
