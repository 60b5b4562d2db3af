//! The loop: polls tasks, turns the reactor, fires timers, sleeps when there is nothing to do.
//!
//! ```text
//!        ┌──▶ run up to 61 tasks ──▶ turn ──────────────────────────────────────────┐
//!        │    (after every 16th take                                                │
//!        │    what others have posted,                                              │
//!        │    and do 5)                                                             │
//!        │                           1 epoll_wait: without blocking if a task is    │
//!        │                             ready, else until an event, the bell, or the │
//!        │                             next timer                                   │
//!        │                           2 wake the tasks that its events concern       │
//!        │                           3 fire the timers that are due                 │
//!        │                           4 take what other threads have posted          │
//!        │                           5 wake the tasks that had used up their budget │
//!        │                           6 files, and tasks for another core            │
//!        └──────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Fairness: the run queue is first in, first out, and at most 61 polls pass between two turns; a turn takes at
//! most 256 events and 256 messages of other threads, and a look into the inbox between two polls 32. So a task
//! that always wakes itself, a socket that never runs dry (its task is cut off by the budget of `coop`) or a flood
//! of wakes from other threads delays nobody for longer than one round of the queue. A task that has used up its budget
//! goes on after at most 16 polls of others. If no other task is ready, the turn comes at once, and the task goes on
//! behind what the turn has brought.
//!
//! Nothing is borrowed while a task, a waker or a drop runs. In tokio: `runtime/scheduler/current_thread`.

use super::counters::Count;
use super::lodger::Lodger;
use super::onlooker::Onlooker;
use super::task::slot::Marks;
use super::task::{self, OwnScheduler, OwnSlot};
use super::wait::Instant;
use super::worker::Worker;
use super::{coop, foreign};
use crate::plugged::{Lodgers, Recorder};
use std::panic::Location;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// Polls between two turns, unless the user says otherwise. It is tokio's number: a prime, so that it does not resonate
/// with tasks that are periodic, and large enough that the turn's system call, some 200 ns, costs little in comparison.
pub(crate) const POLLS_PER_TURN: u32 = 61;

/// Messages of other threads that one turn takes: as many as events. A flood of them waits in the inbox, and not on the
/// run queue, where all other tasks would have to wait behind it.
const MESSAGES_PER_TURN: usize = 256;

/// Polls between two looks into the inbox, so that other threads need not wait for the turn, whose system call costs as
/// much as twenty polls. A look that finds nothing is two loads: 1.4 instructions a poll, and 2.7 with a look after
/// eight.
const POLLS_PER_LOOK: u32 = 16;

/// Messages that one look takes. All looks between two turns take fewer than the turn.
const MESSAGES_PER_LOOK: usize = 32;

/// How long a sleep lasts at least if timers have just fired, in nanoseconds. So timers that come close together are fired
/// together, and a hundred thousand in a second do not cost a wake-up each. A lone timer is on time: the kernel would add
/// as much to every sleep, its "timer slack", but is told not to.
const BETWEEN_FIRINGS: u64 = 50_000;

impl Worker {
    /// The loop: runs until `poll` gives an output. It calls `poll` whenever `root` is woken.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn run<T>(self: &Rc<Self>, root: &Root, mut poll: impl FnMut() -> Poll<T>) -> T {
        let tasks = self.tasks();
        if tasks.cells().onlookers.root_begins(root.0.id(), Location::caller()) {
            root.0.mark(Marks::WATCHED);
        }
        root.0.schedule();
        self.end_if_wanted();
        loop {
            let mut polls = 0;
            'polls: while polls < self.polls_per_turn {
                // Not between a pop and its run: a message could wake the slot and put it on the queue that it has just left.
                if !tasks.shared().inbox.is_empty() {
                    self.look_into_inbox();
                }
                if polls > 0 && coop::has_exhausted() {
                    task::leave();
                    coop::wake_exhausted();
                }
                let until_look = POLLS_PER_LOOK.min(self.polls_per_turn - polls);
                polls += until_look;
                // Polls are counted by the batch: counting one by one would be seen in what a poll costs.
                for left in (0..until_look).rev() {
                    Lodgers::choose_next(tasks);
                    let Some(slot) = tasks.pop() else {
                        polls -= left + 1;
                        break 'polls;
                    };
                    if !std::ptr::eq(*slot, *root.0) {
                        tasks.run(slot);
                        continue;
                    }
                    task::leave();
                    coop::enter();
                    // The root has no loop of its own: a future that is polled in two places is inlined in neither.
                    let is_watched = root.0.cells().marks.get().has(Marks::WATCHED);
                    let began = is_watched.then(|| tasks.cells().onlookers.poll_begins());
                    let polled = poll();
                    if let Some(began) = began {
                        tasks.cells().onlookers.root_polled(began, polled.is_ready(), Location::caller());
                    }
                    if let Poll::Ready(output) = polled {
                        self.counters().add(Count::Popped, (polls - left).into());
                        return output;
                    }
                }
            }
            self.counters().add(Count::Popped, polls.into());
            task::leave();
            self.end_if_wanted();
            self.turn();
        }
    }

    /// Once a turn: the end may have begun in a poll.
    #[track_caller]
    fn end_if_wanted(self: &Rc<Self>) {
        if self.ending.get().is_some() {
            Lodgers::go_on_ending(self);
        }
        if self.tasks().cells().is_fatal.get() {
            Lodgers::end_by_panic(self);
        }
    }

    #[cold]
    fn look_into_inbox(&self) {
        task::leave();
        self.tasks().read_inbox(MESSAGES_PER_LOOK);
    }

    fn turn(&self) {
        self.counters().add(Count::Turns, 1);
        self.tasks().cells().onlookers.turn(self.counters());
        let has_work = || self.tasks().has_work() || coop::has_exhausted() || self.lodgers.want_turn();
        let is_idle = !has_work();
        if is_idle {
            // What a hook wakes or spawns is not slept over: whether there is work is asked again.
            self.lodgers.before_park();
        }
        // Operations on what is in the page cache complete at once, so they come before sleeping.
        self.lodgers.take_turn();
        if !has_work() && self.tasks().shared().inbox.prepare_park() {
            self.park();
            self.tasks().shared().inbox.unpark();
        } else if !self.reactor().is_empty() {
            // With no descriptor registered there is nothing to ask the kernel.
            self.poll_reactor(Some(Duration::ZERO));
        }
        if is_idle {
            self.lodgers.after_park();
        }
        self.wake_others();
        self.fire_timers();
        self.tasks().read_inbox(MESSAGES_PER_TURN);
        if coop::has_exhausted() {
            coop::wake_exhausted();
        }
        self.lodgers.take_turn();
        Recorder::turned(self.counters());
    }

    /// Sleeps until something happens.
    fn park(&self) {
        if self.clock.get().is_paused && Lodgers::go_on_standing_still(self) {
            return;
        }
        let timeout = if self.clock.get().is_paused { None } else { self.until_next_timer() };
        self.counters().add(Count::Parks, 1);
        let _punctual = Lodgers::sleep_for(timeout);
        self.poll_reactor(timeout);
    }

    pub(crate) fn poll_reactor(&self, timeout: Option<Duration>) {
        let result = self.reactor().turn(timeout);
        let events =
            result.expect("epoll_wait fails only if something has closed the runtime's epoll descriptor");
        self.counters().add(Count::Events, events as u64);
    }

    /// Wakes the foreign wakers that the latest events concern.
    pub(crate) fn wake_others(&self) {
        let mut reactor = self.reactor();
        if reactor.others.is_empty() {
            return;
        }
        let mut others = std::mem::take(&mut reactor.others);
        drop(reactor);
        others.drain(..).for_each(foreign::wake);
        // Put back, so that its memory serves again. The reactor has not turned meanwhile.
        self.reactor().others = others;
    }

    /// How long to sleep for the next timer, or `None` if there is none.
    fn until_next_timer(&self) -> Option<Duration> {
        let next = self.timers().next_deadline()?;
        let now = self.nanos(Instant::now());
        // A timer that is due already does not wait for others.
        let next = if next > now { next.max(self.fired.get() + BETWEEN_FIRINGS) } else { now };
        Some(Duration::from_nanos(next - now))
    }

    pub(crate) fn fire_timers(&self) {
        let timers = self.timers();
        self.counters().set(Count::Timers, timers.len() as u64);
        if timers.next_deadline().is_none() {
            return;
        }
        drop(timers);
        self.wake_timers(self.read_clock());
    }

    pub(crate) fn wake_timers(&self, now: u64) {
        self.timers().advance(now);
        loop {
            let expired = self.timers().pop_expired();
            let Some(waker) = expired else { return };
            self.fired.set(now);
            task::wake(waker);
        }
    }
}

/// The slot of a `block_on`'s own future, which lies on the stack.
pub(crate) struct Root(pub(crate) OwnSlot);

impl Root {
    pub(crate) fn new(tasks: OwnScheduler) -> Root {
        let (slot, _) = tasks.alloc();
        slot.occupy();
        Root(slot)
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        coop::end();
        self.0.scheduler().free(self.0);
    }
}
