//! Who waits for a source, and for what.
//!
//! Futures are told apart by a number, so each can renew and withdraw its own waker. Callers of `poll_…` functions have
//! none: one is known by its waker only, and nobody says when it has stopped waiting. A caller that comes with another
//! waker each time looks like many callers. So when many have come, their wakers are sifted:
//!
//! ```text
//!   new ──▶ sifted: woken for nothing ──▶ polls again with this waker: needed, and never woken for nothing again
//!                                    └──▶ has polled, but not with this waker: dropped at a later sifting
//! ```
//!
//! Invariants:
//! 1. No waiter is lost. A waker that is dropped was woken after it was stored: its owner has polled again since, and
//!    left another one, or will.
//! 2. A waiter is woken for nothing at most once between two reports, and where there are more than [`MOST_UNKNOWN`]
//!    wakers of other executors a few times: whether their owners have polled can only be guessed.
//! 3. Of one caller with many wakers, some 128 are kept at a time, and some [`MOST_UNKNOWN`] if it polls as often as a
//!    crowd would.

use crate::foreign;
use crate::ready::{Interest, Known};
use crate::tasks;
use std::task::Waker;

/// So many poll-style wakers come between two siftings, at least.
const BETWEEN_SIFTINGS: usize = 64;

/// So many wakers of which nobody knows whether they are still needed are kept, unless others turn out to be.
const MOST_UNKNOWN: usize = 4096;

/// Polls that fit into a turn, for a guess: half of what the loop does.
const POLLS_PER_TURN: usize = 32;

/// One who reads and one who writes is the common case, and lies inline.
pub(super) struct Waiters {
    first: [Option<StoredWaker>; 2],
    more: Option<Box<More>>,
}

#[derive(Default)]
struct More {
    waiting: Vec<StoredWaker>,
    /// Poll-style wakers that have come since the latest sifting.
    new: usize,
    /// The turn of the latest sifting.
    sifted: u64,
    /// Whether one has turned out to be needed since then.
    are_needed: bool,
}

pub(crate) struct StoredWaker {
    whose: Whose,
    waker: Waker,
}

impl StoredWaker {
    /// Foreign code.
    pub(crate) fn discard(self) {
        foreign::drop_waker(self.waker);
    }
}

/// Tells the waiters of a source apart. Fewer than 2^54.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Waiter(u64);

impl Waiter {
    /// Has not waited yet; gets its number when it does.
    pub(crate) const NEW: Waiter = Waiter(0);
    /// A caller of a `poll_…` function.
    pub(crate) const POLL_STYLE: Waiter = Waiter(u64::MAX >> Interest::BITS);
    /// One that was woken for nothing.
    const SIFTED: Waiter = Waiter(Waiter::POLL_STYLE.0 - 1);
    /// One that was woken for nothing, and has polled again.
    const NEEDED: Waiter = Waiter(Waiter::POLL_STYLE.0 - 2);

    #[inline]
    pub(super) fn numbered(number: u64) -> Waiter {
        Waiter(number)
    }
}

/// A waiter, and in the lowest bits its interest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Whose(u64);

impl Whose {
    #[inline]
    pub(super) fn new(waiter: Waiter, interest: Interest) -> Whose {
        Whose(waiter.0 << Interest::BITS | u64::from(interest.bits()))
    }

    #[inline]
    fn interest(self) -> Interest {
        Interest::from_bits(self.0 as u16 & ((1 << Interest::BITS) - 1))
    }

    #[inline]
    fn waiter(self) -> Waiter {
        Waiter(self.0 >> Interest::BITS)
    }

    #[inline]
    fn is_poll_style(self) -> bool {
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
    Sift(Box<Sifting>),
}

#[derive(Default)]
pub(crate) struct Sifting {
    /// Woken for nothing, and then not seen again.
    gone: Vec<StoredWaker>,
    /// To be woken for nothing, and to come back.
    unknown: Vec<StoredWaker>,
}

impl Sifting {
    /// Wakes and drops. Gives those that come back.
    pub(crate) fn settle(mut self) -> Vec<StoredWaker> {
        self.gone.into_iter().for_each(StoredWaker::discard);
        for waiting in &mut self.unknown {
            foreign::run(|| waiting.waker.wake_by_ref());
            waiting.whose = Whose::new(Waiter::SIFTED, waiting.whose.interest());
        }
        self.unknown
    }
}

impl Waiters {
    pub(super) const NONE: Waiters = Waiters { first: [None, None], more: None };

    #[inline]
    pub(super) fn are_none(&self) -> bool {
        matches!(self, Waiters { first: [None, None], more: None })
    }

    /// Takes those whom `reported` concerns, and does `each` with them.
    #[inline(always)]
    pub(super) fn take(&mut self, reported: Known, mut each: impl FnMut(Interest, bool, Waker)) {
        let concerns = |waiting: &mut StoredWaker| !reported.of(waiting.whose.interest()).is_empty();
        for first in &mut self.first {
            if let Some(StoredWaker { whose, waker }) = first.take_if(concerns) {
                each(whose.interest(), whose.is_poll_style(), waker);
            }
        }
        if self.more.is_some() {
            self.take_more(reported, &mut each);
        }
    }

    #[inline(never)]
    fn take_more(&mut self, reported: Known, each: &mut dyn FnMut(Interest, bool, Waker)) {
        let Some(more) = &mut self.more else { return };
        more.waiting.retain_mut(|waiting| {
            let whose = waiting.whose;
            let stays = reported.of(whose.interest()).is_empty();
            if !stays {
                // One that does nothing takes the place of a waker that is taken.
                let waker = std::mem::replace(&mut waiting.waker, Waker::noop().clone());
                each(whose.interest(), whose.is_poll_style(), waker);
            }
            stays
        });
        self.tidy();
    }

    /// Takes all of them.
    pub(super) fn take_all(&mut self, into: &mut Vec<Waker>) {
        let all = std::mem::replace(self, Waiters::NONE);
        let more = all.more.into_iter().flat_map(|more| more.waiting);
        into.extend(all.first.into_iter().flatten().chain(more).map(|waiting| waiting.waker));
    }

    /// Whether `whose` waits, by `waker` if it is poll-style.
    pub(super) fn has(&self, whose: Whose, waker: &Waker) -> bool {
        self.iter().any(|other| {
            other.whose.is_the_same_as(whose) && (!whose.is_poll_style() || other.waker.will_wake(waker))
        })
    }

    /// Whether `whose` waits, by `waker`, in the first place.
    #[inline]
    pub(super) fn has_first(&self, whose: Whose, waker: &Waker) -> bool {
        matches!(&self.first[0], Some(first) if first.whose == whose && first.waker.will_wake(waker))
    }

    /// Stores `waker`, the first one: the common case.
    #[inline(always)]
    pub(super) fn store(&mut self, whose: Whose, waker: Waker, turn: u64) -> Settle {
        if self.are_none() {
            self.store_first(whose, waker);
            return Settle::Nothing;
        }
        self.store_beside(whose, waker, turn)
    }

    /// Stores `waker` where there is none.
    #[inline(always)]
    pub(super) fn store_first(&mut self, whose: Whose, waker: Waker) {
        // What it replaces is nothing: no need to look before dropping it.
        std::mem::forget(self.first[0].replace(StoredWaker { whose, waker }));
    }

    #[inline(never)]
    fn store_beside(&mut self, whose: Whose, waker: Waker, turn: u64) -> Settle {
        let is_poll_style = whose.is_poll_style();
        let is_it = |other: &StoredWaker| {
            other.whose.is_the_same_as(whose) && (!is_poll_style || other.waker.will_wake(&waker))
        };
        let other = self.iter_mut().find(|other| is_it(other));
        if let Some(other) = other {
            let was_sifted = other.whose.waiter() == Waiter::SIFTED;
            if was_sifted {
                other.whose = Whose::new(Waiter::NEEDED, whose.interest());
            }
            let older = std::mem::replace(&mut other.waker, waker);
            if let Some(more) = &mut self.more {
                more.are_needed |= was_sifted;
            }
            return Settle::Drop(older);
        }
        let waiting = StoredWaker { whose, waker };
        match self.first.iter_mut().find(|first| first.is_none()) {
            // Whoever comes later must not get in front of those in `more`.
            Some(first) if self.more.is_none() => *first = Some(waiting),
            _ => {
                let more = self.more.get_or_insert_default();
                let sifting = if is_poll_style { more.sift_for_one_more(turn) } else { None };
                more.waiting.push(waiting);
                return sifting.map_or(Settle::Nothing, Settle::Sift);
            }
        }
        Settle::Nothing
    }

    /// Those that [`Sifting::settle`] has given.
    pub(super) fn put_back(&mut self, waiting: Vec<StoredWaker>) {
        if !waiting.is_empty() {
            self.more.get_or_insert_default().waiting.splice(0..0, waiting);
        }
    }

    /// Takes what `whose` has left, if it waits.
    pub(super) fn remove(&mut self, whose: Whose) -> Option<Waker> {
        let taken = self.first.iter_mut().find_map(|first| first.take_if(|first| first.whose == whose));
        if let Some(taken) = taken {
            return Some(taken.waker);
        }
        let more = self.more.as_mut()?;
        let at = more.waiting.iter().position(|other| other.whose == whose)?;
        let taken = more.waiting.remove(at);
        self.tidy();
        Some(taken.waker)
    }

    fn tidy(&mut self) {
        if self.more.as_ref().is_some_and(|more| more.waiting.is_empty()) {
            self.more = None;
        }
    }

    fn iter(&self) -> impl Iterator<Item = &StoredWaker> {
        self.first.iter().flatten().chain(self.more.iter().flat_map(|more| &more.waiting))
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut StoredWaker> {
        self.first.iter_mut().flatten().chain(self.more.iter_mut().flat_map(|more| &mut more.waiting))
    }
}

impl More {
    /// Another poll-style waker comes.
    fn sift_for_one_more(&mut self, turn: u64) -> Option<Box<Sifting>> {
        self.new += 1;
        let many = self.waiting.len();
        if self.new <= BETWEEN_SIFTINGS.max(many / 2).min(MOST_UNKNOWN / 2) {
            return None;
        }
        // By now, who was woken at the latest sifting has probably been polled.
        let is_long_ago = turn - self.sifted >= (2 + many / POLLS_PER_TURN) as u64
            || many > MOST_UNKNOWN && !self.are_needed;
        (self.new, self.sifted, self.are_needed) = (1, turn, false);
        let mut sifting = Box::<Sifting>::default();
        for waiting in std::mem::take(&mut self.waiting) {
            match waiting.whose.waiter() {
                Waiter::SIFTED if tasks::is_to_be_polled(&waiting.waker).map_or(is_long_ago, |is| !is) => {
                    sifting.gone.push(waiting);
                }
                Waiter::POLL_STYLE => sifting.unknown.push(waiting),
                _ => self.waiting.push(waiting),
            }
        }
        Some(sifting)
    }
}
