//! Runtimes that share their mobile tasks: one that has nothing to do says so, and one that has too much gives.
//!
//! ```text
//!   core B is about to park ──▶ its bit is set ──▶ core A, once a turn, has tasks waiting, and sees the bit
//!                                                    └─▶ takes up to half of them off its own queue, and sends them to B
//! ```
//!
//! No core ever touches the run queue of another. A runtime that shares nothing pays one look a turn.
//!
//! What moves costs some 0.5 µs, a message and the caches, so a core gives only what pays:
//! - It has been busy for [`PATIENCE`]. A queue that is gone by then needs no help.
//! - Its polls take longer than a move ([`WORTHWHILE`]), or it has been busy for [`LONG`].
//! - What it gives waits: never the task that is next, unless that is the only one and another one was the only one at the
//!   turn before. Then two tasks keep this core busy that could keep two busy. A single one stays.
//! - A task that has come stays for [`STAY`], so none goes to and fro.
//!
//! If all cores are busy, no bit is set; if all are idle, no task waits. So then nothing moves.
//!
//! Invariants:
//! 1. A bit is set only while its runtime is about to park or is parked. Whoever gives clears it first, by an exchange, so
//!    one core gives for one bit. A bit that is read too late or too early costs a chance or a move, and no more.
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

/// Nanoseconds.
const PATIENCE: u64 = 100_000;
const LONG: u64 = 10_000_000;
const STAY: u64 = 10_000_000;
/// The nanoseconds of an average poll.
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
    /// Since when it has been busy while another one was idle, and how many polls it had made by then.
    busy: Cell<Option<(Instant, u64)>>,
    /// The only task that waited at the turn before.
    only: Cell<Option<&'static Slot>>,
}

impl Group {
    pub(crate) fn new(seats: usize, is_restless: bool) -> Arc<Group> {
        let bits = (0..seats.div_ceil(64)).map(|_| AtomicU64::new(0));
        let idle = bits.collect();
        Arc::new(Group { seats: (0..seats).map(|_| Mutex::new(None)).collect(), idle, is_restless })
    }

    // Relaxed, here and below: invariant 1.

    /// The seat of an idle runtime other than `own`, whose bit is cleared.
    pub(crate) fn take_idle(&self, own: usize) -> Option<usize> {
        self.idle.iter().enumerate().find_map(|(word, bits)| {
            let first = bits.load(Relaxed).trailing_zeros() as usize;
            let index = word * 64 + first;
            (first < 64 && index != own && self.clear(index)).then_some(index)
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
        Share { seat: self, runtime, busy: Cell::new(None), only: Cell::new(None) }
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
            return self.give((index + 1) % group.seats.len(), tasks, waiting, 0);
        }
        if waiting == 0 || !group.is_any_idle() {
            return;
        }
        let now = Instant::now();
        let Some((since, before)) = self.busy.get() else { return self.busy.set(Some((now, polls))) };
        let busy = now.nanos_since(since);
        let is_worthwhile = busy >= WORTHWHILE * polls.wrapping_sub(before) || busy >= LONG;
        if busy < PATIENCE || !is_worthwhile {
            return;
        }
        let head = tasks.cells().head.get().map(|slot| *slot);
        if waiting == 1 {
            let before = self.only.replace(head);
            let is_alone = before.zip(head).is_none_or(|(before, now)| std::ptr::eq(before, now));
            if is_alone {
                return;
            }
        }
        if let Some(idle) = group.take_idle(*index) {
            self.give(idle, tasks, (waiting / 2).max(1), STAY);
        }
    }

    /// Gives at most `limit` of the tasks that wait.
    fn give(&self, to: usize, tasks: OwnScheduler, limit: u64, stay: u64) {
        let Some(to) = *lock(&self.seat.group.seats[to]) else { return };
        if to.id == self.runtime.id || limit == 0 {
            return;
        }
        let departed = tasks.take_waiting(limit.min(MOST), |slot| depart(slot, to, stay));
        if !departed.is_empty() {
            send_off(tasks, departed, to);
        }
    }

    pub(crate) fn index(&self) -> usize {
        self.seat.index
    }

    /// The runtime is about to park, and takes tasks.
    pub(crate) fn is_idle(&self) {
        self.busy.set(None);
        self.only.set(None);
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
