//! A runtime as its own thread sees it: what is there, and how it is reached.
//!
//! It is on one thread at a time (`services/home`), so its parts are cells. A part is borrowed for the length of one call, and
//! never while a task, a waker or a drop runs. In tokio: `runtime/scheduler/current_thread`.

use super::counters::{Count, Counters};
use super::task::{Lease, OwnScheduler, Scheduler};
use super::wait::{Asker, Clock, Instant, Reactor, Settle, SourceKey, Wheel};
use crate::plugged::Lodgers;
use std::cell::{Cell, RefCell, RefMut};
use std::panic::RefUnwindSafe;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

pub(crate) struct Worker {
    // First, so that they are dropped while the rest is there.
    pub(crate) lodgers: Lodgers,
    pub(crate) reference: RuntimeRef,
    tasks: Lease,
    reactor: RefCell<Reactor>,
    timers: RefCell<Wheel<Waker>>,
    /// What the timers' nanoseconds count from.
    pub(crate) start: Instant,
    /// How the time is told while this runtime is the current one.
    pub(crate) clock: Cell<Clock>,
    /// The clock as of its latest reading: by a turn that had timers to look at, or by a timer.
    now: Cell<u64>,
    /// When timers last fired.
    pub(super) fired: Cell<u64>,
    /// The end has begun and is not complete, since a task's own code is running. How long it waits for blocking calls.
    pub(crate) ending: Cell<Option<Duration>>,
    /// Nothing can wait here any more: the end has begun, or that of the runtime whose handle another thread blocks on,
    /// in this one. The scheduler says so as well, but each operation on a socket asks, and this is nearer.
    pub(crate) is_over: Cell<bool>,
    pub(super) polls_per_turn: u32,
}

/// Names a runtime, for things that may outlive it or be moved to other threads.
#[derive(Clone, Copy)]
pub(crate) struct RuntimeRef {
    pub(crate) scheduler: &'static Scheduler,
    pub(crate) id: u64,
}

// Like `Scheduler` is: a panic leaves it in order.
impl RefUnwindSafe for Worker {}

impl Worker {
    pub(crate) fn new(
        id: u64,
        tasks: Lease,
        reactor: Reactor,
        polls_per_turn: u32,
        lodgers: Lodgers,
    ) -> Rc<Worker> {
        Rc::new(Worker {
            reference: RuntimeRef { scheduler: tasks.shared(), id },
            tasks,
            reactor: RefCell::new(reactor),
            timers: RefCell::new(Wheel::new()),
            // By the real clock, not by that of another runtime which this thread may be in.
            start: Clock::REAL.now(),
            clock: Cell::new(Clock::REAL),
            now: Cell::new(0),
            fired: Cell::new(0),
            ending: Cell::new(None),
            is_over: Cell::new(false),
            polls_per_turn,
            lodgers,
        })
    }

    #[inline]
    pub(crate) fn tasks(&self) -> OwnScheduler {
        *self.tasks
    }

    pub(crate) fn reactor(&self) -> RefMut<'_, Reactor> {
        self.reactor.borrow_mut()
    }

    pub(crate) fn timers(&self) -> RefMut<'_, Wheel<Waker>> {
        self.timers.borrow_mut()
    }

    pub(crate) fn counters(&self) -> &'static Counters {
        &self.tasks.shared().counters
    }

    /// Stores the asker's waker with a source, and sees to what it displaces. Nothing may be borrowed.
    pub(crate) fn wait_for(&self, key: SourceKey, asker: &mut Asker<'_>) {
        let waker = asker.waker.clone();
        let settle = self.reactor().wait(key, asker, waker);
        match settle {
            Settle::Nothing => {}
            Settle::Drop(waker) => drop(waker),
            Settle::Wake(waker) => waker.wake(),
            Settle::Sift(sifting) => sifting.settle(self, key),
        }
    }

    /// Gives a source up, whose descriptor is still open if it `is_open`.
    pub(crate) fn give_up(&self, key: SourceKey, is_open: bool) {
        // Dropped last, since that is foreign code.
        let _wakers = self.reactor().deregister(key, is_open);
        self.counters().add(Count::Deregistered, 1);
    }

    /// Nanoseconds from this runtime's start to `instant`; 0 for what is before.
    #[inline]
    pub(crate) fn nanos(&self, instant: Instant) -> u64 {
        instant.nanos_since(self.start)
    }

    /// The time that timers have seen: never ahead of the clock, and behind it while time goes on.
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        self.now.get()
    }

    /// Reads the clock: timers see this time from now on.
    pub(crate) fn read_clock(&self) -> u64 {
        let now = self.nanos(Instant::now());
        self.now.set(now);
        now
    }
}
