//! The waiters of a source that has more than two, and the numbers of all waiters.
//!
//! A caller of a `poll_…` function that comes with another waker each time looks like many callers. So when many wakers
//! have come, they are sifted:
//!
//! ```text
//!   new ──▶ sifted: woken for nothing ──▶ polls again with this waker: needed, and never woken for nothing again
//!                                    └──▶ has polled, but not with this waker: dropped at a later sifting
//! ```
//!
//! Invariants, besides that no waiter is lost:
//! 1. A waiter is woken for nothing at most once between two reports. If there are more than [`MOST_UNKNOWN`] wakers of
//!    other executors, this may happen a few times: the reactor can only guess whether their owners have polled.
//! 2. If one caller comes with many wakers, some 128 of them are kept at a time, or some [`MOST_UNKNOWN`] if the caller
//!    polls as often as a crowd would.

use crate::core::foreign;
use crate::core::ready::{Interest, Known};
use crate::core::sync::{Cell, thread_local};
use crate::core::task::slot::{own_slot, wake_own};
use crate::core::wait::reactor::{Reactor, SourceKey};
use crate::core::wait::waiters::{Asker, Settle, Waiter, Waiters, direction};
use crate::core::worker::Worker;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

/// The least number of poll-style wakers that come between two siftings.
const BETWEEN_SIFTINGS: usize = 64;

/// The most wakers that are kept without knowing whether they are needed, unless other wakers turn out to be needed.
const MOST_UNKNOWN: usize = 4096;

/// A guess at the polls that fit into a turn: half of the loop's limit.
const POLLS_GUESSED: usize = 32;

pub(crate) struct StoredWaker {
    whose: Whose,
    waker: Waker,
}

impl StoredWaker {
    /// Whether it is the waker of `whose`. A caller of a `poll_…` function is known by its waker only.
    fn is_of(&self, whose: Whose, waker: &Waker) -> bool {
        self.whose.is_the_same_as(whose) && (!whose.is_poll_style() || self.waker.will_wake(waker))
    }

    fn is_concerned(&self, reported: Known) -> bool {
        !reported.of(self.whose.interest()).is_empty()
    }
}

/// A poll-style waiter that was woken for nothing.
const SIFTED: Waiter = Waiter(2);
/// A poll-style waiter that was woken for nothing, and has polled again.
const NEEDED: Waiter = Waiter(3);

/// A waiter, and in the lowest bits its interest.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Whose(u64);

impl Whose {
    fn of(asker: &Asker<'_>) -> Whose {
        Whose::new(*asker.waiter, asker.interest)
    }

    fn new(waiter: Waiter, interest: Interest) -> Whose {
        Whose(waiter.0 << Interest::BITS | u64::from(interest.bits()))
    }

    fn interest(self) -> Interest {
        Interest(self.0 as u16 & ((1 << Interest::BITS) - 1))
    }

    fn waiter(self) -> Waiter {
        Waiter(self.0 >> Interest::BITS)
    }

    fn is_poll_style(self) -> bool {
        (1..Waiter::STEP).contains(&self.waiter().0)
    }

    fn is_the_same_as(self, other: Whose) -> bool {
        self == other || self.is_poll_style() && other.is_poll_style() && self.interest() == other.interest()
    }
}

#[derive(Default)]
pub(crate) struct Crowd {
    waiting: Vec<StoredWaker>,
    /// How often somebody has come.
    stores: u64,
    /// Poll-style wakers that have come since the latest sifting.
    new: usize,
    /// The turn of the latest sifting.
    sifted: u64,
    /// Whether a waker has turned out to be needed since then.
    are_needed: bool,
}

#[derive(Default)]
pub(crate) struct Sifting {
    /// Wakers that were woken for nothing and then not seen again.
    gone: Vec<StoredWaker>,
    /// Wakers that are to be woken for nothing, and put back.
    unknown: Vec<StoredWaker>,
}

impl Sifting {
    /// Settles the sifting of a source. See `settle_by`.
    pub(crate) fn settle(self, worker: &Worker, key: SourceKey) {
        self.settle_by(|unknown| worker.reactor().put_back(key, unknown));
    }

    /// Drops the wakers that are gone, wakes the unknown ones, and puts those back. Waking and dropping is foreign
    /// code. `put_back` returns the wakers of a source that is gone.
    pub(crate) fn settle_by(mut self, put_back: impl FnOnce(Vec<StoredWaker>) -> Vec<StoredWaker>) {
        self.gone.into_iter().for_each(discard);
        for waiting in &mut self.unknown {
            foreign::run(|| waiting.waker.wake_by_ref());
            waiting.whose = Whose::new(SIFTED, waiting.whose.interest());
        }
        put_back(self.unknown).into_iter().for_each(discard);
    }
}

fn discard(waiting: StoredWaker) {
    foreign::drop_waker(waiting.waker);
}

impl Reactor {
    /// Puts wakers back into the source's crowd. Returns them if the source is gone.
    #[must_use]
    pub(crate) fn put_back(&mut self, key: SourceKey, waiting: Vec<StoredWaker>) -> Vec<StoredWaker> {
        match self.source(key) {
            Some(source) => source.waiters.put_back(waiting),
            None => return waiting,
        }
        Vec::new()
    }
}

impl Waiter {
    /// A number that nobody has had.
    #[inline]
    pub(crate) fn next() -> Waiter {
        let mut next = NEXT.get();
        if next % (Waiter::STEP * NUMBERS_PER_BLOCK) == 0 {
            next = next_block();
        }
        NEXT.set(next + Waiter::STEP);
        Waiter(next)
    }
}

const NUMBERS_PER_BLOCK: u64 = 1 << 20;

thread_local! {
    /// The next number that this thread gives, unless its block ends there.
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

/// The first number of a block that no thread has.
#[cold]
fn next_block() -> u64 {
    /// Since it is std's also under loom, no two models have a number in common.
    static BLOCKS: AtomicU64 = AtomicU64::new(0);
    // Relaxed: only uniqueness matters.
    let block = BLOCKS.fetch_add(1, Ordering::Relaxed);
    Waiter::STEP * (block * NUMBERS_PER_BLOCK + 1)
}

impl Waiters {
    /// Wakes those in the crowd whom a report concerns.
    #[inline(never)]
    pub(crate) fn wake_crowd(&self, reported: Known, others: &mut Vec<Waker>) {
        self.with_crowd(|crowd| {
            for StoredWaker { whose, waker } in crowd.take(reported) {
                if let (Some(place), true) = (direction(whose.interest()), whose.is_poll_style()) {
                    self.owe(place);
                }
                others.extend(wake_own(waker));
            }
        });
    }

    /// Puts wakers back into the crowd, in front of those that have come meanwhile.
    pub(crate) fn put_back(&self, mut waiting: Vec<StoredWaker>) {
        if !waiting.is_empty() {
            self.with_crowd(|crowd| {
                waiting.append(&mut crowd.waiting);
                crowd.waiting = waiting;
            });
        }
    }
}

#[cfg(feature = "record")]
impl Waiters {
    /// Shows the wakers of all who wait, with what they wait for. `f` must not run foreign code.
    pub(crate) fn each(&self, mut f: impl FnMut(Interest, &Waker)) {
        for (place, interest) in self.wakers.iter().zip([Interest::READABLE, Interest::WRITABLE]) {
            let waker = place.take();
            waker.iter().for_each(|waker| f(interest, waker));
            place.set(waker);
        }
        self.with_crowd(|crowd| crowd.waiting.iter().for_each(|it| f(it.whose.interest(), &it.waker)));
    }
}

impl Crowd {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn has(&self, asker: &Asker<'_>) -> bool {
        let whose = Whose::of(asker);
        self.waiting.iter().any(|other| other.is_of(whose, asker.waker))
    }

    /// Takes out those whom `reported` concerns.
    fn take(&mut self, reported: Known) -> Vec<StoredWaker> {
        let mut taken = Vec::new();
        for waiting in std::mem::take(&mut self.waiting) {
            let list = if waiting.is_concerned(reported) { &mut taken } else { &mut self.waiting };
            list.push(waiting);
        }
        taken
    }

    /// Stores a waker in the place of an older one of the same waiter, or behind all others.
    /// `None`: no turns of a loop are known, and are guessed by how many have come.
    pub(crate) fn store(&mut self, asker: &mut Asker<'_>, waker: Waker, turn: Option<u64>) -> Settle {
        self.stores += 1;
        let turn = turn.unwrap_or(self.stores / POLLS_GUESSED as u64);
        if *asker.waiter == Waiter::NEW {
            *asker.waiter = Waiter::next();
        }
        let whose = Whose::of(asker);
        if let Some(other) = self.waiting.iter_mut().find(|other| other.is_of(whose, &waker)) {
            if other.whose.waiter() == SIFTED {
                other.whose = Whose::new(NEEDED, whose.interest());
                self.are_needed = true;
            }
            return Settle::Drop(std::mem::replace(&mut other.waker, waker));
        }
        let sifting = if whose.is_poll_style() { self.sift_for_one_more(turn) } else { None };
        self.waiting.push(StoredWaker { whose, waker });
        sifting.map_or(Settle::Nothing, Settle::Sift)
    }

    pub(crate) fn remove(&mut self, interest: Interest, waiter: Waiter) -> Option<Waker> {
        let whose = Whose::new(waiter, interest);
        let at = self.waiting.iter().position(|other| other.whose == whose)?;
        Some(self.waiting.remove(at).waker)
    }

    /// All of them leave, since the source is given up.
    pub(crate) fn leave(self, into: &mut Vec<Waker>) {
        for waiting in self.waiting {
            into.push(waiting.waker);
        }
    }

    /// Counts another poll-style waker, and sifts if it is time.
    fn sift_for_one_more(&mut self, turn: u64) -> Option<Box<Sifting>> {
        self.new += 1;
        let many = self.waiting.len();
        if self.new <= BETWEEN_SIFTINGS.max(many / 2).min(MOST_UNKNOWN / 2) {
            return None;
        }
        // Long ago means that the tasks that were woken at the latest sifting have probably been polled since.
        let is_long_ago = turn - self.sifted >= (2 + many / POLLS_GUESSED) as u64
            || many > MOST_UNKNOWN && !self.are_needed;
        (self.new, self.sifted, self.are_needed) = (1, turn, false);
        let was_polled = |waiting: &StoredWaker| match own_slot(&waiting.waker) {
            Some(slot) => !slot.cells().scheduled.get(),
            None => is_long_ago,
        };
        let mut sifting = Box::<Sifting>::default();
        for waiting in std::mem::take(&mut self.waiting) {
            match waiting.whose.waiter() {
                SIFTED if was_polled(&waiting) => {
                    sifting.gone.push(waiting);
                }
                Waiter::POLL_STYLE => sifting.unknown.push(waiting),
                _ => self.waiting.push(waiting),
            }
        }
        Some(sifting)
    }
}
