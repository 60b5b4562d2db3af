//! The slots seen from inside: who gets them, and that none is lost or given out twice whatever happens to the tasks.

use super::{AbortHandle, Id, JoinHandle, Lease, OwnScheduler, OwnSlot, Plain, Scheduler};
use crate::random_tests::with_seeds;
use crate::services::afar::spawn_from_afar;
use crate::watch::unhandled::UnhandledPanic;
use fastrand::Rng;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// The tests share the pool of schedulers: one at a time, so that none finds the handles of another.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A scheduler for the current thread, which is entered.
fn open(runtime: u64) -> Lease {
    let lease = Scheduler::acquire(runtime).unwrap();
    lease.cells().onlookers.configure(UnhandledPanic::Ignore, Default::default());
    OwnScheduler::set_owned(Some(*lease));
    lease
}

/// Checks that none of its slots is lost. (It is used up by that, so it does not go back into the pool.)
fn leave(lease: Lease) {
    assert_each_slot_is_vacant_once(*lease);
    OwnScheduler::set_owned(None);
    std::mem::forget(lease);
}

/// Runs `f` as another thread would: it is not at home, so it goes through the inbox and the gate.
fn elsewhere<R>(scheduler: OwnScheduler, f: impl FnOnce() -> R) -> R {
    OwnScheduler::set_owned(None);
    let result = f();
    OwnScheduler::set_owned(Some(scheduler));
    result
}

/// Runs whatever is ready or has been sent, until there is nothing more.
fn run_until_idle(scheduler: OwnScheduler) {
    loop {
        scheduler.drain_inbox();
        if !scheduler.has_work() {
            return;
        }
        while let Some(slot) = scheduler.pop() {
            scheduler.run(slot);
        }
    }
}

/// When all tasks are over and all handles gone, each slot is vacant, and for exactly one taker: the owner, or
/// whoever spawns from afar.
fn assert_each_slot_is_vacant_once(scheduler: OwnScheduler) {
    run_until_idle(scheduler);
    let vacant = |slot: OwnSlot| slot.id() == Id::NONE && slot.take_body().is_none();
    assert!(scheduler.slots().all(vacant));
    // Takes all there are. A slot that was not there before means that the list was empty.
    let mut left: HashSet<_> = scheduler.slots().map(|slot| std::ptr::from_ref(*slot)).collect();
    while left.remove(&std::ptr::from_ref(*scheduler.alloc().0)) {}
    while left.remove(&std::ptr::from_ref(elsewhere(scheduler, || scheduler.shared().reserve()))) {}
    assert!(left.is_empty(), "{} slots are lost", left.len());
}

#[test]
fn remote_spawns_one_by_one_use_the_same_slots() {
    let _alone = alone();
    let scheduler = open(1);
    let spawn = || drop(spawn_from_afar(scheduler.shared(), 1, || async {}, Plain));
    let mut count = None;
    for _ in 0..10_000 {
        elsewhere(*scheduler, spawn);
        run_until_idle(*scheduler);
        // One page, unless the scheduler has more from the test before.
        let now = scheduler.slots().count();
        assert_eq!(*count.get_or_insert(now), now);
    }
    leave(scheduler);
}

/// Regression: a slot that was reserved, and then not used, was lost.
#[test]
fn remote_spawns_that_are_refused_use_the_same_slots() {
    let _alone = alone();
    let scheduler = open(2);
    let spawn = || spawn_from_afar(scheduler.shared(), 77, || async {}, Plain);
    drop(elsewhere(*scheduler, spawn));
    let count = scheduler.slots().count();
    for _ in 0..1000 {
        elsewhere(*scheduler, || drop(spawn()));
        // Also when the handle is dropped at home.
        drop(elsewhere(*scheduler, spawn));
        run_until_idle(*scheduler);
    }
    assert_eq!(scheduler.slots().count(), count);
    leave(scheduler);
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Plain,
    /// Wakes itself so many times first.
    Yields(u8),
    AbortsItself,
    PanicsInPoll,
    PanicsInDrop,
    /// Its output does.
    OutputPanicsInDrop,
}

/// What becomes of a task, as seen by its own future, output and joiner.
#[derive(Default)]
struct Probe {
    /// The next poll is the last one.
    ready: AtomicBool,
    waker: Mutex<Option<Waker>>,
    stop: Mutex<Option<AbortHandle>>,
    future_drops: AtomicUsize,
    outputs: AtomicUsize,
    output_drops: AtomicUsize,
    joiner_wakes: AtomicUsize,
}

impl Wake for Probe {
    fn wake(self: Arc<Self>) {
        self.joiner_wakes.fetch_add(1, Relaxed);
    }
}

struct TestFuture {
    kind: Kind,
    probe: Arc<Probe>,
}

struct TestOutput {
    kind: Kind,
    probe: Arc<Probe>,
}

impl Future for TestFuture {
    type Output = TestOutput;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<TestOutput> {
        let TestFuture { kind, probe } = &mut *self;
        assert_eq!((probe.future_drops.load(Relaxed), probe.outputs.load(Relaxed)), (0, 0));
        *probe.waker.lock().unwrap() = Some(cx.waker().clone());
        match kind {
            _ if !probe.ready.load(Relaxed) => return Poll::Pending,
            Kind::Yields(left @ 1..) => {
                *left -= 1;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Kind::AbortsItself => {
                probe.stop.lock().unwrap().as_ref().unwrap().abort();
                return Poll::Pending;
            }
            // Without the panic hook.
            Kind::PanicsInPoll => resume_unwind(Box::new("poll")),
            _ => {}
        }
        probe.outputs.fetch_add(1, Relaxed);
        Poll::Ready(TestOutput { kind: *kind, probe: probe.clone() })
    }
}

impl Drop for TestFuture {
    fn drop(&mut self) {
        self.probe.future_drops.fetch_add(1, Relaxed);
        if self.kind == Kind::PanicsInDrop {
            resume_unwind(Box::new("drop"));
        }
    }
}

impl Drop for TestOutput {
    fn drop(&mut self) {
        self.probe.output_drops.fetch_add(1, Relaxed);
        if self.kind == Kind::OutputPanicsInDrop {
            resume_unwind(Box::new("output"));
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Spawn(Kind),
    SpawnOnAnother(Kind),
    /// The task may finish, and is told.
    Finish(usize),
    /// Wakes a slot for nothing, whatever is in it.
    Wake(usize),
    Abort(usize),
    DropHandle(usize),
    PollHandle(usize),
    Run,
    Drain,
}

/// What is done, and whether another thread does it (`Run` and `Drain` aside).
type Step = (Act, bool);

fn kind(random: &mut Rng) -> Kind {
    match random.u32(0..10) {
        0..4 => Kind::Plain,
        4..6 => Kind::Yields(random.u8(0..3)),
        6 => Kind::AbortsItself,
        7 => Kind::PanicsInPoll,
        8 => Kind::PanicsInDrop,
        _ => Kind::OutputPanicsInDrop,
    }
}

fn step(random: &mut Rng) -> Step {
    let which = random.usize(0..12);
    let act = match random.u32(0..30) {
        0..4 => Act::Spawn(kind(random)),
        4 => Act::SpawnOnAnother(kind(random)),
        5..9 => Act::Finish(which),
        9..13 => Act::Wake(which),
        13..16 => Act::Abort(which),
        16..18 => Act::DropHandle(which),
        18..22 => Act::PollHandle(which),
        22..28 => Act::Run,
        _ => Act::Drain,
    };
    (act, random.bool())
}

/// The first one's number; the next one's is larger by two, and nobody has those between.
const RUNTIME: u64 = 1001;

struct Task {
    kind: Kind,
    probe: Arc<Probe>,
    handle: Option<JoinHandle<TestOutput>>,
    stop: AbortHandle,
    /// Somebody has asked for its end.
    is_aborted: bool,
    /// Its handle's last poll left a waker, when it had been woken so many times.
    joiner: Option<usize>,
}

impl Task {
    fn new(scheduler: OwnScheduler, kind: Kind, runtime: u64, far: bool, is_refused: bool) -> Task {
        let probe = Arc::new(Probe::default());
        let future = TestFuture { kind, probe: probe.clone() };
        // The drop of a refused future is the caller's, with its panic.
        let spawned = catch_unwind(AssertUnwindSafe(|| match far || is_refused {
            true => spawn_from_afar(scheduler.shared(), runtime, move || future, Plain),
            false => scheduler.spawn(future, Plain),
        }));
        let handle = spawned.unwrap_or_else(|_| {
            assert!(is_refused && kind == Kind::PanicsInDrop);
            spawn_from_afar(scheduler.shared(), runtime, std::future::pending, Plain)
        });
        let stop = handle.abort_handle();
        *probe.stop.lock().unwrap() = Some(stop.clone());
        Task { kind, probe, handle: Some(handle), stop, is_aborted: is_refused, joiner: None }
    }

    /// Polls the handle as somebody who awaits it, or not any more.
    fn join(&mut self, is_over: bool) {
        let Some(handle) = &mut self.handle else { return };
        let waker = Waker::from(self.probe.clone());
        let wakes = self.probe.joiner_wakes.load(Relaxed);
        match Pin::new(handle).poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => {
                assert!(!is_over);
                self.joiner = Some(wakes);
                return;
            }
            Poll::Ready(Ok(output)) => {
                assert!(Arc::ptr_eq(&output.probe, &self.probe));
                assert!(matches!(self.kind, Kind::Plain | Kind::Yields(_) | Kind::OutputPanicsInDrop));
                let _ = catch_unwind(AssertUnwindSafe(|| drop(output)));
            }
            Poll::Ready(Err(error)) if error.is_panic() => {
                assert!(matches!(self.kind, Kind::PanicsInPoll | Kind::PanicsInDrop));
            }
            Poll::Ready(Err(_)) => assert!(self.is_aborted || is_over || self.kind == Kind::AbortsItself),
        }
        (self.handle, self.joiner) = (None, None);
    }

    fn drop_handle(&mut self) {
        self.joiner = None;
        // Not at home, an output's panic is the caller's.
        let handle = self.handle.take();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(handle))) {
            assert_eq!((self.kind, *panic.downcast::<&str>().unwrap()), (Kind::OutputPanicsInDrop, "output"));
        }
    }

    /// When nothing is left to be done: it has ended if it had a reason to, and then once.
    fn check_idle(&self) {
        let probe = &*self.probe;
        let ends = usize::from(probe.ready.load(Relaxed) || self.is_aborted);
        assert_eq!(probe.future_drops.load(Relaxed), ends);
        assert_eq!(self.stop.is_finished(), ends == 1);
        if let (Some(before), 1) = (self.joiner, ends) {
            assert!(probe.joiner_wakes.load(Relaxed) > before, "nobody has told the joiner");
        }
    }
}

fn act(scheduler: OwnScheduler, runtime: u64, tasks: &mut Vec<Task>, act: Act, far: bool) {
    // The latest ones, so that old ones come to an end or stay for ever.
    fn pick(tasks: &mut [Task], which: usize) -> Option<&mut Task> {
        let index = tasks.len().checked_sub(1 + which)?;
        Some(&mut tasks[index])
    }
    match act {
        Act::Spawn(kind) => tasks.push(Task::new(scheduler, kind, runtime, far, false)),
        Act::SpawnOnAnother(kind) => tasks.push(Task::new(scheduler, kind, runtime + 1, far, true)),
        Act::Finish(which) => {
            let Some(task) = pick(tasks, which) else { return };
            task.probe.ready.store(true, Relaxed);
            // One that has no waker yet will be polled anyway.
            if let Some(waker) = &*task.probe.waker.lock().unwrap() {
                waker.wake_by_ref();
            }
        }
        Act::Wake(which) => {
            let slot = scheduler.slots().nth(which);
            slot.inspect(|slot| slot.waker().wake());
        }
        Act::Abort(which) => {
            let Some(task) = pick(tasks, which) else { return };
            task.is_aborted |= task.probe.future_drops.load(Relaxed) == 0;
            task.stop.abort();
        }
        Act::DropHandle(which) => drop(pick(tasks, which).map(Task::drop_handle)),
        Act::PollHandle(which) => drop(pick(tasks, which).map(|task| task.join(false))),
        Act::Run | Act::Drain => unreachable!(),
    }
}

/// One runtime, from its start to its end, beside tasks of earlier ones whose handles are still there.
fn live(scheduler: OwnScheduler, runtime: u64, tasks: &mut Vec<Task>, steps: Vec<Step>) {
    for (what, far) in steps {
        match what {
            Act::Run => {
                let slot = scheduler.pop();
                slot.inspect(|slot| scheduler.run(*slot));
            }
            Act::Drain => scheduler.drain_inbox(),
            _ if far => elsewhere(scheduler, || act(scheduler, runtime, tasks, what, far)),
            _ => act(scheduler, runtime, tasks, what, far),
        }
    }
    run_until_idle(scheduler);
    tasks.iter().for_each(Task::check_idle);
    let is_live = |task: &&Task| task.probe.future_drops.load(Relaxed) == 0;
    assert_eq!(scheduler.tasks_left(), tasks.iter().filter(is_live).count() as u64);

    // The end, as `Worker::shut_down` brings it about.
    scheduler.cells().is_closed.set(true);
    scheduler.cancel_all();
    scheduler.close_gate();
    assert_eq!(scheduler.tasks_left(), 0);
    for task in tasks {
        assert_eq!(task.probe.future_drops.load(Relaxed), 1);
        task.is_aborted = true;
    }
}

#[test]
fn whatever_is_done_in_whatever_order() {
    with_seeds(|random| {
        let _alone = alone();
        let mut tasks = vec![];
        for number in (0..2 * random.u64(1..4)).step_by(2) {
            let steps = (0..random.usize(0..80)).map(|_| step(random)).collect();
            let scheduler = open(RUNTIME + number);
            live(*scheduler, RUNTIME + number, &mut tasks, steps);
            OwnScheduler::set_owned(None);
        }
        let scheduler = open(0);
        for (number, task) in tasks.iter_mut().enumerate() {
            match number % 4 {
                0 => task.join(true),
                1 => elsewhere(*scheduler, || task.join(true)),
                2 => task.drop_handle(),
                _ => elsewhere(*scheduler, || task.drop_handle()),
            }
        }
        for Task { probe, .. } in &tasks {
            assert_eq!(probe.future_drops.load(Relaxed), 1);
            assert_eq!(probe.output_drops.load(Relaxed), probe.outputs.load(Relaxed));
        }
        leave(scheduler);
    });
}
