//! A runtime as its own thread sees it, and the loop.
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
//!        └──────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Fairness: the run queue is first in, first out, and at most 61 polls pass between two turns; a turn takes at
//! most 256 events and 256 messages of other threads, and a look into the inbox between two polls 32. So a task
//! that always wakes itself, a socket that never runs dry (its task is cut off by the budget of `coop`) or a flood
//! of wakes from other threads delays nobody for longer than one round of the queue. Those who have used up their budget
//! go on after at most 16 polls of others; when nobody else is left, the turn comes at once, and they go on behind what
//! it has brought.
//!
//! Nothing is borrowed while a task, a waker or a drop runs. In tokio: `runtime/scheduler/current_thread`.

use super::builder::Settings;
use super::context::{self, EnterGuard, RuntimeRef};
use super::drive::Sleeper;
use super::everywhere::{self, Running};
use super::handle::{Handle, Shared};
use super::ring::Lodger;
use crate::counters::{Count, Counters};
use crate::reactor::{Reactor, Settle, SourceKey, StoredWaker, Waiter};
use crate::ready::{Interest, Ready};
use crate::sync::thread_local;
use crate::tasks::{self, Lease, LocalScheduler, LocalSlot};
use crate::time::{Clock, Instant, Wheel};
use crate::trace::{TaskFacts, TaskTrace};
use crate::{coop, foreign, sys};
use std::cell::{Cell, RefCell, RefMut};
use std::ffi::c_ulong;
use std::io;
use std::panic::{Location, RefUnwindSafe};
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Polls between two turns, unless the user says otherwise. It is tokio's number: a prime, so that it does not resonate
/// with tasks that are periodic, and large enough that the turn's system call, some 200 ns, costs little in comparison.
pub(super) const POLLS_PER_TURN: u32 = 61;

/// Messages of other threads that one turn takes. As many as events: what floods in waits in the inbox, not on
/// the run queue, where everybody else would have to wait behind it.
const MESSAGES_PER_TURN: usize = 256;

/// Tasks between two looks into the inbox: what other threads want need not wait for the turn, whose system call is as
/// dear as twenty polls. A look that finds nothing is two loads, 1.4 instructions a poll (with 8 it was 2.7).
const POLLS_PER_LOOK: u32 = 16;

/// Messages that one look takes: in all, fewer than the turn.
const MESSAGES_PER_LOOK: usize = 32;

/// In nanoseconds, how long a sleep lasts at least if timers have just fired: those that come close together are fired
/// together. The kernel would add as much to every sleep ("timer slack"), were it not told otherwise; so a lone timer
/// is on time, and a hundred thousand in a second do not cost a wake-up each.
const BETWEEN_FIRINGS: u64 = 50_000;

/// Sleeps from this length on are left to the thread's own timer slack. epoll_wait(2) may be late by a thousandth of the
/// time anyway, which from here on is more than the slack that a thread begins with, 50 µs.
const SLACK_MATTERS_BELOW: Duration = Duration::from_millis(50);

thread_local! {
    /// The runtimes that live on this thread, for `Handle::enter`.
    static ALL: RefCell<Vec<Weak<Local>>> = const { RefCell::new(Vec::new()) };
    /// A `block_on` is running.
    static BLOCKED_ON: Cell<bool> = const { Cell::new(false) };
}

pub(crate) struct Local {
    handle: Handle,
    tasks: Lease,
    reactor: RefCell<Reactor>,
    timers: RefCell<Wheel<Waker>>,
    /// What the timers' nanoseconds count from.
    start: Instant,
    /// How the time is told while this runtime is the current one.
    pub(super) clock: Cell<Clock>,
    /// The clock as of its latest reading: by a turn that had timers to look at, or by a timer.
    now: Cell<u64>,
    /// When timers last fired.
    fired: Cell<u64>,
    /// The end has begun and is not complete, since a task's own code is running. How long it waits for blocking calls.
    ending: Cell<Option<Duration>>,
    /// Nothing can wait here any more: the end has begun, or that of the runtime whose handle another thread blocks on,
    /// in this one. (Here too, and not only in the scheduler, since each operation on a socket asks.)
    is_over: Cell<bool>,
    pub(super) lodger: Lodger,
    polls_per_turn: u32,
    hooks: ParkHooks,
    /// It is in `block_on`.
    pub(super) is_running: Cell<bool>,
    /// Called when that ends.
    pub(super) when_left: Cell<Option<fn()>>,
}

/// The user's functions around a sleep.
#[derive(Clone, Default)]
pub(super) struct ParkHooks {
    pub(super) on_park: Option<Arc<dyn Fn() + Send + Sync>>,
    pub(super) on_unpark: Option<Arc<dyn Fn() + Send + Sync>>,
}

// Like `Scheduler` is: a panic leaves it in order.
impl RefUnwindSafe for Local {}

impl Local {
    pub(super) fn new(
        id: u64,
        tasks: Lease,
        mut reactor: Reactor,
        shared: Arc<Shared>,
        settings: &Settings,
    ) -> Rc<Local> {
        reactor.list(id);
        let reference = RuntimeRef { scheduler: tasks.shared(), id };
        // Not that of a runtime which this thread may be in.
        let clock = Clock::REAL;
        let local = Rc::new(Local {
            handle: Handle { reference, shared },
            tasks,
            reactor: RefCell::new(reactor),
            timers: RefCell::new(Wheel::new()),
            start: clock.now(),
            clock: Cell::new(if settings.start_paused { clock.pause() } else { clock }),
            now: Cell::new(0),
            fired: Cell::new(0),
            ending: Cell::new(None),
            is_over: Cell::new(false),
            lodger: Lodger::new(settings.io_uring),
            polls_per_turn: settings.polls_per_turn,
            hooks: settings.park_hooks.clone(),
            is_running: Cell::new(false),
            when_left: Cell::new(None),
        });
        // Fails only while the thread ends: then nobody will look there any more.
        let _ = ALL.try_with(|all| {
            let mut all = all.borrow_mut();
            all.retain(|other| other.strong_count() > 0);
            all.push(Rc::downgrade(&local));
        });
        local
    }

    /// The runtime, if it lives on this thread, whether it is the current one or not.
    pub(crate) fn find(runtime: RuntimeRef) -> Option<Rc<Local>> {
        let find = |all: &RefCell<Vec<Weak<Local>>>| {
            all.borrow().iter().filter_map(Weak::upgrade).find(|local| runtime.is(local))
        };
        runtime.local().or_else(|| ALL.try_with(find).ok()?)
    }

    /// The current runtime, if a descriptor can wait in it; `tie` is the one that it has waited in before.
    pub(crate) fn current_for_io(tie: Option<RuntimeRef>) -> io::Result<Rc<Local>> {
        let local = tie.map_or_else(context::current, |tie| tie.local());
        let local = match (&local, tie) {
            (None, None) => context::start_drive().transpose()?,
            _ => local,
        };
        match local {
            Some(local) if !local.is_shut_down() => Ok(local),
            Some(_) => Err(context::shut_down()),
            None => Err(context::why_no_io(tie)),
        }
    }

    #[inline]
    pub(crate) fn tasks(&self) -> LocalScheduler {
        *self.tasks
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(crate) fn reference(&self) -> RuntimeRef {
        self.handle.reference
    }

    /// The end has begun.
    #[inline]
    pub(crate) fn is_shut_down(&self) -> bool {
        self.is_over.get()
    }

    pub(crate) fn reactor(&self) -> RefMut<'_, Reactor> {
        self.reactor.borrow_mut()
    }

    pub(crate) fn timers(&self) -> RefMut<'_, Wheel<Waker>> {
        self.timers.borrow_mut()
    }

    /// Stores `waker` with a source, and sees to what it displaces.
    pub(crate) fn wait_for(&self, key: SourceKey, interest: Interest, waiter: &mut Waiter, waker: Waker) {
        let settle = self.reactor().wait(key, interest, waiter, waker);
        self.settle(key, settle);
    }

    /// Nothing may be borrowed.
    pub(crate) fn settle(&self, key: SourceKey, settle: Settle) {
        match settle {
            Settle::Nothing => {}
            Settle::Drop(waker) => drop(waker),
            Settle::Wake(waker) => waker.wake(),
            Settle::Sift(sifting) => {
                let unknown = sifting.settle();
                let gone = self.reactor().put_back(key, unknown);
                gone.into_iter().for_each(StoredWaker::discard);
            }
        }
    }

    /// Records `ready` of a source as if the kernel had reported it.
    pub(crate) fn report(&self, key: SourceKey, ready: Ready) {
        self.reactor().report(key, ready);
        self.wake_others();
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

    /// `size`: of what the user has given.
    #[track_caller]
    pub(super) fn block_on<F: Future>(self: &Rc<Self>, future: F, size: usize) -> F::Output {
        let _blocked = BlockedOn::new();
        let root = Root::new(self.tasks());
        let _inside = EnterGuard::here(self);
        let _running = Running::new(self);
        assert!(!self.is_shut_down(), "this runtime has been shut down by an unhandled panic of a task");
        let waker = root.0.waker();
        let (id, place) = (root.0.id(), Location::caller());
        let facts = || TaskFacts { id: id.number(), name: None, size, place };
        let trace = TaskTrace::root(facts, Some(root.0.waker()));
        let mut future = pin!(future);
        let mut cx = Context::from_waker(&waker);
        self.run(&root, || trace.poll(&mut cx, |cx| future.as_mut().poll(cx)))
    }

    /// Runs what a `Handle::block_on` of another thread's runtime has begun to poll. It is the current one, as far as
    /// timers and descriptors are concerned.
    #[track_caller]
    pub(super) fn go_on<T>(self: &Rc<Self>, sleeper: &Sleeper, poll: impl FnMut() -> Poll<T>) -> T {
        let root = Root::new(self.tasks());
        sleeper.hand_over_to(root.0.waker());
        self.run(&root, poll)
    }

    /// The loop, until `poll` gives an output. Also `poll` is called whenever `root` is woken.
    #[inline(always)]
    #[track_caller]
    fn run<T>(self: &Rc<Self>, root: &Root, mut poll: impl FnMut() -> Poll<T>) -> T {
        let tasks = self.tasks();
        let (is_watched, place) = (tasks.slow_poll().is_some(), Location::caller());
        root.0.schedule();
        self.end_if_wanted();
        loop {
            let mut polls = 0;
            'polls: while polls < self.polls_per_turn {
                // Not between a pop and its run: a wake would put the slot on the queue that it has just left.
                if !tasks.shared().inbox.is_empty() {
                    self.look_into_inbox();
                }
                if polls > 0 && coop::has_exhausted() {
                    tasks::leave();
                    coop::wake_exhausted();
                }
                let until_look = POLLS_PER_LOOK.min(self.polls_per_turn - polls);
                polls += until_look;
                // Counted like this, not one by one: that would be seen in what a poll costs.
                for left in (0..until_look).rev() {
                    let Some(slot) = tasks.pop() else {
                        polls -= left + 1;
                        break 'polls;
                    };
                    if !std::ptr::eq(*slot, *root.0) {
                        tasks.run(slot);
                        continue;
                    }
                    tasks::leave();
                    coop::enter();
                    // Not in a loop of its own: a future that is polled in two places is not inlined in either.
                    let start = is_watched.then(std::time::Instant::now);
                    let polled = poll();
                    if let Some(start) = start {
                        tasks.root_polled(start, place);
                    }
                    if let Poll::Ready(output) = polled {
                        self.counters().add(Count::Popped, (polls - left).into());
                        return output;
                    }
                }
            }
            self.counters().add(Count::Popped, polls.into());
            tasks::leave();
            self.end_if_wanted();
            self.turn();
        }
    }

    #[track_caller]
    fn end_if_wanted(self: &Rc<Self>) {
        self.go_on_ending();
        if self.tasks.cells().is_fatal.get() {
            self.shut_down(Duration::ZERO);
            panic!(
                "a task panicked that nobody joins, and the runtime's policy is UnhandledPanic::ShutdownRuntime"
            );
        }
    }

    #[cold]
    fn look_into_inbox(&self) {
        tasks::leave();
        self.tasks.read_inbox(MESSAGES_PER_LOOK);
    }

    fn turn(&self) {
        self.counters().add(Count::Turns, 1);
        self.tasks.note_ages();
        let has_work = || self.tasks.has_work() || coop::has_exhausted() || self.wants_ring();
        let is_idle = !has_work();
        if is_idle {
            // What a hook wakes or spawns is not slept over: whether there is work is asked again.
            self.hooks.on_park.iter().for_each(|hook| foreign::run(|| hook()));
        }
        // What is in the page cache is completed at once, so it comes before sleeping.
        self.enter_ring();
        if !has_work() && self.tasks.shared().inbox.prepare_park() {
            self.park();
            self.tasks.shared().inbox.unpark();
        } else if !self.reactor().is_empty() {
            // With no descriptor registered there is nothing to ask the kernel.
            self.poll_reactor(Some(Duration::ZERO));
        }
        if is_idle {
            self.hooks.on_unpark.iter().for_each(|hook| foreign::run(|| hook()));
        }
        self.wake_others();
        self.enter_ring();
        self.fire_timers();
        self.tasks.read_inbox(MESSAGES_PER_TURN);
        if coop::has_exhausted() {
            coop::wake_exhausted();
        }
    }

    /// Sleeps until something happens.
    fn park(&self) {
        let timeout = if !self.clock.get().is_paused {
            self.until_next_timer()
        } else {
            // Time stands still. First whatever can happen without it.
            self.poll_reactor(Some(Duration::ZERO));
            // The bell may have been heard just now: then there is a message, and nobody will ring again.
            let is_woken = self.tasks.has_work() || self.wants_ring() || !self.reactor().others.is_empty();
            if is_woken || !self.tasks.shared().inbox.is_empty() {
                return;
            }
            let next = self.timers().next_deadline();
            if let Some(next) = next.filter(|_| !self.handle.shared.pool.is_awaited() && !self.is_ring_busy())
            {
                let next = self.start + Duration::from_nanos(next);
                return self.set_clock(Clock::paused_at(next.max(Instant::now())));
            }
            None
        };
        self.counters().add(Count::Parks, 1);
        let is_short = |timeout: &Duration| !timeout.is_zero() && *timeout < SLACK_MATTERS_BELOW;
        let _punctual = timeout.filter(is_short).map(|_| Punctual::new());
        self.poll_reactor(timeout);
    }

    fn poll_reactor(&self, timeout: Option<Duration>) {
        let result = self.reactor().turn(timeout);
        let events =
            result.expect("epoll_wait fails only if something has closed the runtime's epoll descriptor");
        self.counters().add(Count::Events, events as u64);
    }

    /// Foreign wakers that the reactor's events concern.
    fn wake_others(&self) {
        let mut reactor = self.reactor();
        if reactor.others.is_empty() {
            return;
        }
        let mut others = std::mem::take(&mut reactor.others);
        drop(reactor);
        others.drain(..).for_each(foreign::wake);
        // For its memory. Nobody has turned the reactor meanwhile.
        self.reactor().others = others;
    }

    pub(crate) fn counters(&self) -> &'static Counters {
        &self.tasks.shared().counters
    }

    /// Inside the runtime: this thread tells the time by it.
    pub(super) fn set_clock(&self, clock: Clock) {
        self.clock.set(clock);
        clock.install();
        if clock.is_paused {
            // While time stands still, timers know exactly what is due.
            self.read_clock();
        }
    }

    /// `None`: no timer is set.
    fn until_next_timer(&self) -> Option<Duration> {
        let next = self.timers().next_deadline()?;
        let now = self.nanos(Instant::now());
        // Not when it is due already.
        let next = if next > now { next.max(self.fired.get() + BETWEEN_FIRINGS) } else { now };
        Some(Duration::from_nanos(next - now))
    }

    pub(super) fn fire_timers(&self) {
        let timers = self.timers();
        self.counters().set(Count::Timers, timers.len() as u64);
        if timers.next_deadline().is_none() {
            return;
        }
        drop(timers);
        self.wake_timers(self.read_clock());
    }

    /// Timers see the time that it is now.
    pub(crate) fn read_clock(&self) -> u64 {
        let now = self.nanos(Instant::now());
        self.now.set(now);
        now
    }

    fn wake_timers(&self, now: u64) {
        self.timers().advance(now);
        loop {
            let expired = self.timers().pop_expired();
            let Some(waker) = expired else { return };
            self.fired.set(now);
            tasks::wake(waker);
        }
    }

    /// Ends the runtime. Whoever owns it may do so anywhere on this thread, and so from inside: in a task's poll, in the
    /// drop of a future or of an output, in a waker, in a hook.
    ///
    /// The order of the end:
    /// 1. From here on, whatever is spawned is cancelled.
    /// 2. Every future is dropped, on this thread. The reactor and the timers still work, since these drops close
    ///    sockets, cancel timers, and wake others.
    /// 3. The gate closes. What came through it before is done, which cancels what other threads have spawned.
    /// 4. Other threads that block on a handle of this runtime have no timers and no sockets any more, and are told.
    ///    Blocking calls that have not started are given up; the end waits for those that have, for `grace` at most.
    ///    Operations of the proactor are cancelled and waited for.
    /// 5. Whoever still waits for a socket or a timer, in another executor, is woken and told.
    ///
    /// A task whose own code calls this cannot be dropped under its own feet. So the end stops after step 2, and goes on
    /// when that code has returned: at the next turn of the loop, or when this thread leaves the runtime.
    pub(super) fn shut_down(self: &Rc<Self>, grace: Duration) {
        if self.tasks.cells().is_closed.replace(true) {
            // By a panic that nobody handled, which has waited for nothing. Its owner does.
            match self.ending.get() {
                Some(_) => self.ending.set(Some(grace)),
                None => self.handle.shared.pool.shut_down(grace),
            }
            return;
        }
        self.is_over.set(true);
        everywhere::deregister(&self.handle);
        self.ending.set(Some(grace));
        let _inside = EnterGuard::here(self);
        self.go_on_ending();
    }

    /// Steps 2 to 5, once no code of a task is running. Nothing if the end has not begun.
    ///
    /// The gate must not close before: a JoinHandle that is refused concludes that its task is finished.
    pub(crate) fn go_on_ending(&self) {
        if self.ending.get().is_none() {
            return;
        }
        self.tasks.cancel_all();
        if self.tasks.tasks_left() > 0 {
            return;
        }
        // Taken by the first: foreign code may have come here as well, from a drop in `cancel_all`.
        let Some(grace) = self.ending.take() else { return };
        let shared = &self.handle.shared;
        // Before the gate closes: after that, the counters are the next runtime's.
        let _ = shared.last.set((self.counters().read(), shared.busy()));
        self.tasks.close_gate();
        shared.drives.close();
        shared.pool.shut_down(grace);
        self.shut_down_ring();
        self.wake_all();
    }
}

impl Local {
    /// The runtime whose handle another thread blocks on, in this one, has ended: whoever waits for a socket or a timer is
    /// woken, and told.
    pub(super) fn cut_off(&self) {
        self.is_over.set(true);
        self.wake_all();
    }

    fn wake_all(&self) {
        let wakers = self.reactor().close();
        wakers.into_iter().for_each(foreign::wake);
        self.wake_timers(u64::MAX);
    }
}

impl Drop for Local {
    /// If no guard has seen the end to its end: a hook of a spawn has left the runtime and then ended it, say, while the
    /// task was about to begin. The kernel must be done with the proactor's operations before their resources go.
    fn drop(&mut self) {
        self.go_on_ending();
        self.shut_down_ring();
    }
}

/// The runtime that was made last of those that live on this thread.
pub(super) fn latest() -> Option<Rc<Local>> {
    let find = |all: &RefCell<Vec<Weak<Local>>>| {
        all.borrow().iter().rev().filter_map(Weak::upgrade).find(|local| !local.is_shut_down())
    };
    ALL.try_with(find).ok()?
}

/// The slot of a `block_on`'s own future, which lies on the stack.
struct Root(LocalSlot);

impl Root {
    fn new(tasks: LocalScheduler) -> Root {
        let (slot, _) = tasks.alloc();
        slot.occupy();
        Root(slot)
    }
}

/// The thread has a timer slack of 1 ns for the time of one sleep, and not for longer: threads and processes inherit
/// it from the thread that starts them, and a task may start some. Holds the user's.
struct Punctual(c_ulong);

impl Punctual {
    fn new() -> Punctual {
        let users = sys::timer_slack();
        sys::set_timer_slack(1);
        Punctual(users)
    }
}

impl Drop for Punctual {
    fn drop(&mut self) {
        sys::set_timer_slack(self.0);
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        coop::end();
        self.0.scheduler().free(self.0);
    }
}

/// The mark that this thread is in a `block_on`, which does not nest.
pub(crate) struct BlockedOn(());

impl BlockedOn {
    #[track_caller]
    pub(crate) fn new() -> BlockedOn {
        assert!(
            !BLOCKED_ON.replace(true),
            "block_on inside block_on: the outer runtime would stand still. Use .await here, or spawn_blocking \
             for code that insists on blocking"
        );
        BlockedOn(())
    }
}

impl Drop for BlockedOn {
    fn drop(&mut self) {
        BLOCKED_ON.set(false);
    }
}

pub(super) fn is_blocked_on() -> bool {
    BLOCKED_ON.get()
}
