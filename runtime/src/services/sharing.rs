//! Runtimes that share their mobile tasks: one that has nothing to do says so, and one that has too much gives.
//!
//! ```text
//!   core B is about to park ──▶ its bit is set ──▶ core A, once a turn, has tasks waiting, and sees the bit
//!                                                    └─▶ takes up to half of them off its own queue, and sends them to B
//! ```
//!
//! No core ever touches the run queue of another. A runtime that shares nothing pays one look a turn.
//!
//! What moves costs some 0.5 µs, a message and the caches, and with a socket some 3 µs: that leaves one epoll for
//! another, and is read once more before it waits there. So a core gives only what pays:
//! - Its polls have taken longer than a move of late ([`WORTHWHILE`]).
//! - What waits is enough for [`PATIENCE`]: so many tasks, times such a poll. What is gone by then needs no help. Or this
//!   core has hardly slept of late: what waits is little, but there is something at each turn.
//! - What it gives waits: not the task that is next. If that is the only one, and another one was the only one at the
//!   turn before, and this core has hardly slept, then two tasks keep it busy that could keep two busy: one goes. A
//!   single one stays.
//! - A task that has come stays for [`STAY`], so none goes to and fro. If none of those that wait can go, it tries no
//!   more for [`AGAIN`].
//!
//! "Of late" forgets half of everything every [`LATELY`]. A wait in epoll is a sleep, however short: a loop whose queue
//! is empty at each turn, because each of its few sockets has much to say, has hardly slept.
//!
//! If all cores are busy, no bit is set; if all are idle, no task waits. So then nothing moves. Of several idle ones it
//! takes the next by number, so that those who give choose different ones.
//!
//! Invariants:
//! 1. A bit is set while its runtime is about to park or is parked. Whoever gives clears it first, by an exchange, so
//!    one core gives for one bit, and sets it again if there was nothing to give. A bit that is read or set too late or
//!    too early costs a chance or a move, and no more.
//!
//! In tokio: `runtime/scheduler/multi_thread/{idle,queue}.rs`, where the idle one takes from the others' queues, which are
//! atomic for that.

use super::departures::{Departed, depart, send_off};
use crate::core::counters::Count;
use crate::core::foreign::lock;
use crate::core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use crate::core::sync::{Cell, Mutex};
use crate::core::task::slot::Slot;
use crate::core::task::{OwnScheduler, OwnSlot};
use crate::core::wait::Instant;
use crate::core::worker::RuntimeRef;
use std::sync::Arc;

// Nanoseconds.
const PATIENCE: u64 = 100_000;
const LATELY: u64 = 5_000_000;
const STAY: u64 = 10_000_000;
const AGAIN: u64 = 500_000;
/// Those of an average poll.
const WORTHWHILE: u64 = 500;

/// The most tasks that go at once, and that are looked at for it.
const MOST: u64 = 256;

/// What runtimes share that give each other tasks.
pub(crate) struct Group {
    seats: Vec<Mutex<Option<RuntimeRef>>>,
    /// A bit for each seat.
    idle: Vec<AtomicU64>,
    /// For tests: everything that may go goes on, all the time.
    is_restless: bool,
}

/// One of a group's seats, for the runtime that is made with it.
#[derive(Clone)]
pub(crate) struct Seat {
    pub(crate) group: Arc<Group>,
    pub(crate) index: usize,
}

/// The part of a runtime in its group. Only its owner touches it.
pub(crate) struct Share {
    seat: Seat,
    runtime: RuntimeRef,
    /// `None` until a task waits while another runtime is idle.
    lately: Cell<Option<Lately>>,
    /// When it was about to park, if that was not counted yet.
    parked: Cell<Option<Instant>>,
    /// The only task that waited at the turn before.
    only: Cell<Option<&'static Slot>>,
    /// Nothing that waited could go. When that was.
    in_vain: Cell<Option<Instant>>,
}

/// What it has done of late.
#[derive(Clone, Copy)]
struct Lately {
    /// When that was counted, and how many polls it had made in all by then.
    at: Instant,
    popped: u64,
    nanos: u64,
    polls: u64,
    slept: u64,
}

impl Lately {
    fn new(at: Instant, popped: u64) -> Lately {
        Lately { at, popped, nanos: 0, polls: 0, slept: 0 }
    }

    fn count(&mut self, now: Instant, popped: u64, slept: u64) {
        self.nanos += now.nanos_since(self.at);
        self.polls += popped.wrapping_sub(self.popped);
        self.slept += slept;
        (self.at, self.popped) = (now, popped);
        while self.nanos > LATELY {
            self.nanos /= 2;
            self.slept /= 2;
            // One that took all the time is still one.
            self.polls = self.polls.div_ceil(2);
        }
    }

    fn busy(&self) -> u64 {
        self.nanos.saturating_sub(self.slept)
    }
}

impl Group {
    pub(crate) fn new(seats: usize, is_restless: bool) -> Arc<Group> {
        let bits = (0..seats.div_ceil(64)).map(|_| AtomicU64::new(0));
        let idle = bits.collect();
        Arc::new(Group { seats: (0..seats).map(|_| Mutex::new(None)).collect(), idle, is_restless })
    }

    // Relaxed, here and below: invariant 1.

    /// The seat of the first idle runtime after `own`, and not that, whose bit is cleared.
    pub(crate) fn take_idle(&self, own: usize) -> Option<usize> {
        let (words, first) = (self.idle.len(), own.wrapping_add(1));
        (0..words).find_map(|word| {
            let (word, turned) = ((first / 64 + word) % words, first % 64);
            let ahead = self.idle[word].load(Relaxed).rotate_right(turned as u32).trailing_zeros() as usize;
            let index = word * 64 + (turned + ahead) % 64;
            (ahead < 64 && index != own && self.clear(index)).then_some(index)
        })
    }

    fn set(&self, index: usize) {
        self.idle[index / 64].fetch_or(1 << (index % 64), Relaxed);
    }

    /// Returns whether it was set.
    fn clear(&self, index: usize) -> bool {
        let bit = 1 << (index % 64);
        self.idle[index / 64].fetch_and(!bit, Relaxed) & bit != 0
    }

    fn is_any_idle(&self) -> bool {
        self.idle.iter().any(|bits| bits.load(Relaxed) != 0)
    }
}

impl Seat {
    /// The runtime `runtime`, which has just been made, takes the seat.
    pub(crate) fn sit_down(self, runtime: RuntimeRef) -> Share {
        *lock(&self.group.seats[self.index]) = Some(runtime);
        let (lately, parked, only, in_vain) = Default::default();
        Share { seat: self, runtime, lately, parked, only, in_vain }
    }
}

impl Share {
    /// Once a turn: gives tasks away, if that pays.
    pub(crate) fn take_turn(&self) {
        let Seat { group, index } = &self.seat;
        let Some(tasks) = self.runtime.scheduler.own() else { return };
        let counters = &tasks.shared().counters;
        let polls = counters.get(Count::Popped);
        // Both are up to date, since the polls of this turn are over.
        let waiting = counters.get(Count::Scheduled).wrapping_sub(polls);
        if group.is_restless {
            self.give((index + 1) % group.seats.len(), tasks, waiting, 0);
        } else if waiting > 0 {
            self.look(tasks, polls, waiting);
        }
    }

    /// Gives tasks away, of `waiting`, if that pays.
    fn look(&self, tasks: OwnScheduler, polls: u64, waiting: u64) {
        let Seat { group, index } = &self.seat;
        let parked = self.parked.take();
        let is_any_idle = group.is_any_idle();
        // Only what is counted reads the clock.
        if parked.is_none() && !is_any_idle {
            return;
        }
        let now = Instant::now();
        let mut lately = self.lately.get().unwrap_or(Lately::new(now, polls));
        lately.count(now, polls, parked.map_or(0, |parked| now.nanos_since(parked)));
        self.lately.set(Some(lately));
        let busy = lately.busy();
        let is_in_vain = self.in_vain.get().is_some_and(|at| now.nanos_since(at) < AGAIN);
        if !is_any_idle || is_in_vain || lately.polls == 0 || busy < WORTHWHILE * lately.polls {
            return;
        }
        let has_hardly_slept = lately.nanos > PATIENCE && lately.slept < lately.nanos / 8;
        let pays = if waiting == 1 {
            let head = tasks.cells().head.get().map(|slot| *slot);
            let before = self.only.replace(head);
            let is_another = before.zip(head).is_some_and(|(before, now)| !std::ptr::eq(before, now));
            is_another && has_hardly_slept
        } else {
            has_hardly_slept || waiting * (busy / lately.polls) >= PATIENCE
        };
        if !pays {
            return;
        }
        let Some(idle) = group.take_idle(*index) else { return };
        if !self.give(idle, tasks, (waiting / 2).max(1), STAY) {
            group.set(idle);
            self.in_vain.set(Some(now));
        }
    }

    /// Gives at most `limit` of the tasks that wait, and returns whether there was one.
    fn give(&self, to: usize, tasks: OwnScheduler, limit: u64, stay: u64) -> bool {
        let Some(to) = *lock(&self.seat.group.seats[to]) else { return false };
        if to.id == self.runtime.id || limit == 0 {
            return false;
        }
        let departed = tasks.take_waiting(limit.min(MOST), |slot| depart(slot, to, stay));
        let is_any = !departed.is_empty();
        if is_any {
            send_off(tasks, departed, to);
        }
        is_any
    }

    pub(crate) fn index(&self) -> usize {
        self.seat.index
    }

    /// The runtime is about to park, and takes tasks.
    pub(crate) fn is_idle(&self) {
        self.parked.set(self.lately.get().map(|_| Instant::now()));
        self.seat.group.set(self.seat.index);
    }

    /// The runtime is awake.
    pub(crate) fn is_awake(&self) {
        self.seat.group.clear(self.seat.index);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let Seat { group, index } = &self.seat;
        group.clear(*index);
        let mut seat = lock(&group.seats[*index]);
        // It may be its successor's by now.
        if seat.is_some_and(|runtime| runtime.id == self.runtime.id) {
            *seat = None;
        }
    }
}

impl OwnScheduler {
    /// Takes up to `limit` of the tasks that wait off the run queue, those that `depart` takes. The first one stays, unless
    /// it is the only one.
    pub(crate) fn take_waiting(
        self,
        limit: u64,
        mut depart: impl FnMut(OwnSlot) -> Option<Departed>,
    ) -> Vec<Departed> {
        let mut departed = Vec::new();
        let first = self.cells().head.get();
        let (mut before, mut next) = match first.and_then(|first| self.next(first)) {
            None => (None, first),
            second => (first, second),
        };
        for _ in 0..MOST {
            let Some(slot) = next.filter(|_| (departed.len() as u64) < limit) else { break };
            next = self.next(slot);
            match depart(slot) {
                Some(task) => {
                    self.unlink(before, slot);
                    departed.push(task);
                }
                None => before = Some(slot),
            }
        }
        let counters = &self.shared().counters;
        counters.add(Count::Scheduled, (departed.len() as u64).wrapping_neg());
        departed
    }

    /// Takes a slot off the run queue that is behind `before`, or the first.
    fn unlink(self, before: Option<OwnSlot>, slot: OwnSlot) {
        let next = self.next(slot);
        match before {
            Some(before) => before.cells().link.set(next),
            None => self.cells().head.set(next),
        }
        if next.is_none() {
            self.cells().tail.set(before);
        }
        slot.cells().scheduled.set(false);
    }
}
