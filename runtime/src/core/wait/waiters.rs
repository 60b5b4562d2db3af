//! Who waits for a source, and for what.
//!
//! Futures are told apart by a number, so each can renew and withdraw its own waker. Callers of `poll_…` functions have
//! none: one is known by its waker only, and nobody says when it has stopped waiting. See `Crowd` for what becomes of
//! many.
//!
//! Invariant: no waiter is lost. A waker that is dropped was woken after it was stored: its owner has polled again since,
//! and left another one, or will.

use crate::core::ready::{Interest, Known};
use crate::plugged::{Crowd, Sifting};
use std::task::Waker;

/// The waiters of a source. One that reads and one that writes are the common case, and lie inline.
pub(crate) struct Waiters {
    first: [Option<StoredWaker>; 2],
    /// The others. While there are some, newcomers join them, so that none gets in front of those who came before.
    pub(crate) crowd: Option<Box<Crowd>>,
}

pub(crate) struct StoredWaker {
    pub(crate) whose: Whose,
    pub(crate) waker: Waker,
}

impl StoredWaker {
    /// Whether it is the waker of `whose`. A caller of a `poll_…` function is known by its waker only.
    pub(crate) fn is_of(&self, whose: Whose, waker: &Waker) -> bool {
        self.whose.is_the_same_as(whose) && (!whose.is_poll_style() || self.waker.will_wake(waker))
    }

    pub(crate) fn is_concerned(&self, reported: Known) -> bool {
        !reported.of(self.whose.interest()).is_empty()
    }
}

/// The number of a waiter of a source, by which it is told from the source's other waiters. There are fewer than 2^54.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Waiter(u64);

impl Waiter {
    /// A future that has not waited yet. It gets its number when it does.
    pub(crate) const NEW: Waiter = Waiter(0);
    /// A caller of a `poll_…` function.
    pub(crate) const POLL_STYLE: Waiter = Waiter(u64::MAX >> Interest::BITS);
    /// A poll-style waiter that was woken for nothing.
    pub(crate) const SIFTED: Waiter = Waiter(Waiter::POLL_STYLE.0 - 1);
    /// A poll-style waiter that was woken for nothing, and has polled again.
    pub(crate) const NEEDED: Waiter = Waiter(Waiter::POLL_STYLE.0 - 2);

    #[inline]
    pub(crate) fn numbered(number: u64) -> Waiter {
        Waiter(number)
    }
}

/// A future or a caller that asks whether it may go on. Otherwise it waits for `interest`, as `waiter`, and is woken by
/// `waker`.
pub(crate) struct Asker<'a> {
    pub(crate) interest: Interest,
    pub(crate) waiter: &'a mut Waiter,
    pub(crate) waker: &'a Waker,
}

/// A waiter, and in the lowest bits its interest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Whose(u64);

impl Whose {
    #[inline]
    pub(crate) fn of(asker: &Asker<'_>) -> Whose {
        Whose::new(*asker.waiter, asker.interest)
    }

    #[inline]
    pub(crate) fn new(waiter: Waiter, interest: Interest) -> Whose {
        Whose(waiter.0 << Interest::BITS | u64::from(interest.bits()))
    }

    #[inline]
    pub(crate) fn interest(self) -> Interest {
        Interest::from_bits(self.0 as u16 & ((1 << Interest::BITS) - 1))
    }

    #[inline]
    pub(crate) fn waiter(self) -> Waiter {
        Waiter(self.0 >> Interest::BITS)
    }

    #[inline]
    pub(crate) fn is_poll_style(self) -> bool {
        self.waiter().0 >= Waiter::NEEDED.0
    }

    fn is_the_same_as(self, other: Whose) -> bool {
        self == other || self.is_poll_style() && other.is_poll_style() && self.interest() == other.interest()
    }
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
    pub(crate) const NONE: Waiters = Waiters { first: [None, None], crowd: None };

    #[inline]
    pub(crate) fn are_none(&self) -> bool {
        matches!(self, Waiters { first: [None, None], crowd: None })
    }

    /// Takes those whom `reported` concerns, and does `each` with them.
    #[inline(always)]
    pub(crate) fn take(&mut self, reported: Known, mut each: impl FnMut(Interest, bool, Waker)) {
        for first in &mut self.first {
            if let Some(StoredWaker { whose, waker }) = first.take_if(|first| first.is_concerned(reported)) {
                each(whose.interest(), whose.is_poll_style(), waker);
            }
        }
        if let Some(crowd) = &mut self.crowd {
            crowd.take(reported, &mut each);
            self.tidy();
        }
    }

    /// Takes all of them.
    pub(crate) fn take_all(&mut self, into: &mut Vec<Waker>) {
        let all = std::mem::replace(self, Waiters::NONE);
        into.extend(all.first.into_iter().flatten().map(|waiting| waiting.waker));
        into.extend(all.crowd.into_iter().flat_map(|crowd| crowd.into_wakers()));
    }

    /// Whether `whose` waits, by `waker` if it is poll-style.
    pub(crate) fn has(&self, whose: Whose, waker: &Waker) -> bool {
        self.first.iter().flatten().any(|other| other.is_of(whose, waker))
            || self.crowd.as_ref().is_some_and(|crowd| crowd.has(whose, waker))
    }

    /// Whether `whose` waits, by `waker`, in the first place.
    #[inline]
    pub(crate) fn has_first(&self, whose: Whose, waker: &Waker) -> bool {
        matches!(&self.first[0], Some(first) if first.whose == whose && first.waker.will_wake(waker))
    }

    /// Stores `waker`, the first one: the common case.
    #[inline(always)]
    pub(crate) fn store(&mut self, whose: Whose, waker: Waker, turn: u64) -> Settle {
        if self.are_none() {
            self.store_first(whose, waker);
            return Settle::Nothing;
        }
        self.store_beside(whose, waker, turn)
    }

    /// Stores `waker` where there is none.
    #[inline(always)]
    pub(crate) fn store_first(&mut self, whose: Whose, waker: Waker) {
        // It replaces nothing. Forgetting that saves the check that a drop would make.
        std::mem::forget(self.first[0].replace(StoredWaker { whose, waker }));
    }

    #[inline(never)]
    fn store_beside(&mut self, whose: Whose, waker: Waker, turn: u64) -> Settle {
        for other in self.first.iter_mut().flatten() {
            if other.is_of(whose, &waker) {
                return Settle::Drop(std::mem::replace(&mut other.waker, waker));
            }
        }
        let waiting = StoredWaker { whose, waker };
        match self.first.iter_mut().find(|first| first.is_none()) {
            Some(first) if self.crowd.is_none() => *first = Some(waiting),
            _ => return self.crowd.get_or_insert_default().store(waiting, turn),
        }
        Settle::Nothing
    }

    /// Takes what `whose` has left, if it waits.
    pub(crate) fn remove(&mut self, whose: Whose) -> Option<Waker> {
        let taken = self.first.iter_mut().find_map(|first| first.take_if(|first| first.whose == whose));
        if let Some(taken) = taken {
            return Some(taken.waker);
        }
        let taken = self.crowd.as_mut()?.remove(whose);
        self.tidy();
        taken
    }

    fn tidy(&mut self) {
        self.crowd.take_if(|crowd| crowd.is_empty());
    }
}
