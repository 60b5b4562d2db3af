//! What the core and the services tell. Each function is called on the thread that has the runtime, and does nothing if
//! the runtime is not recorded: one look at a thread-local.
//!
//! A reading of the clock costs more than the rest of an event. So it is read where that is needed to tell who has taken
//! the time, or who has waited: after `epoll_wait`, at the end of a turn, of a poll and of a task, and when code that runs
//! spawns or wakes a task. All else has the time of the latest reading, and only its order says more.
//!
//! No foreign code runs here, so it may be called while something is borrowed.

use super::clock::nanos_of;
use super::descriptor;
use super::event::{Cause, ID_BITS, Kind};
use super::places;
use super::ring::{About, Ring};
use super::rings;
use super::section::{Reason, section};
use super::settings::Record;
use crate::core::counters::{Count, Counters};
use crate::core::foreign::lock;
use crate::core::onlooker::TaskFacts;
use crate::core::ready::Interest;
use crate::core::task::Id;
use crate::core::wait::{Instant, SourceKey};
use std::cell::Cell;
use std::io;
use std::os::fd::RawFd;
use std::panic::Location;
use std::sync::Mutex;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::Duration;

thread_local! {
    /// The ring of the runtime that this thread is in.
    static HERE: Cell<Option<&'static Ring>> = const { Cell::new(None) };
}

const ID_MASK: u64 = (1 << ID_BITS) - 1;
/// How a poll has ended, if not pending, which is 0.
const READY: u64 = 1;
const PANICKED: u64 = 2;

/// The recording of one runtime, if it is recorded.
#[derive(Clone, Copy, Default)]
pub(crate) struct Recording {
    ring: Option<&'static Ring>,
    runtime: u64,
}

/// When a poll began: for the report of slow polls, if there are such reports.
pub(crate) struct Began(pub(crate) Option<std::time::Instant>);

impl Recording {
    /// Begins to record a runtime, if the builder or the environment says so.
    pub(crate) fn begin(
        record: Option<&Record>,
        runtime: u64,
        name: Option<&str>,
        worker: Option<usize>,
    ) -> io::Result<Recording> {
        #[cfg(feature = "live")]
        crate::watch::live::start()?;
        let Some((ring, file)) = rings::ring_for(record)? else { return Ok(Recording::default()) };
        let about = About {
            runtime,
            worker: worker.unwrap_or(0) as u32,
            is_one_of_several: worker.is_some(),
            name: name.unwrap_or_default().to_owned(),
            thread: String::new(),
            begins: 0,
            file,
        };
        ring.begin(about);
        rings::list(ring, runtime);
        Ok(Recording { ring: Some(ring), runtime })
    }

    /// Its timers count from `start` on.
    pub(crate) fn starts(self, start: Instant) {
        if let Some(ring) = self.ring {
            lock(&ring.state).about.begins = nanos_of(start);
        }
    }

    #[inline]
    pub(crate) fn is_on(self) -> bool {
        self.ring.is_some()
    }

    /// From now on this thread is in that runtime, or in none.
    #[inline]
    pub(crate) fn come_here(self) {
        HERE.set(self.ring);
        self.ring.into_iter().for_each(Ring::come_here);
    }

    /// The runtime has ended.
    pub(crate) fn end(self) {
        if let Some(ring) = self.ring {
            rings::write(ring, self.runtime, Reason::Ended, "");
            #[cfg(feature = "live")]
            crate::watch::live::tell_end(ring, self.runtime);
            // From here on it may be another runtime's, on another thread.
            if HERE.get().is_some_and(|here| std::ptr::eq(here, ring)) {
                HERE.set(None);
            }
            rings::give_back(ring);
        }
    }

    /// What is there now, as a section of a file. `None`: it is not recorded, or has ended.
    pub(crate) fn section(self, reason: Reason, what: &str) -> Option<Vec<u8>> {
        section(self.ring?, self.runtime, reason, what, 0).map(|section| section.bytes)
    }

    /// A poll was too slow: the last events are written, if they go to a file.
    #[cold]
    pub(crate) fn was_slow(self, what: &str) {
        if let Some(ring) = self.ring {
            rings::write_rarely(ring, self.runtime, Reason::SlowPoll, what);
        }
    }

    #[cold]
    fn has_panicked(self, id: u64) {
        if let Some(ring) = self.ring {
            rings::write_rarely(ring, self.runtime, Reason::Panic, &format!("task {id} has panicked"));
        }
    }
}

/// The name under which the core knows all this.
pub(crate) struct Recorder;

#[inline]
fn on(f: impl FnOnce(&'static Ring)) {
    if let Some(ring) = HERE.get() {
        f(ring);
    }
}

fn current() -> u64 {
    Id::current().0 & ID_MASK
}

/// What runs now, and the time at which that does something.
fn cause(ring: &Ring) -> Cause {
    match current() {
        0 => {
            if ring.cause() == Cause::ROOT {
                ring.stamp();
            }
            ring.cause()
        }
        // Its end has just been told, with the time.
        task if ring.ending.load(Relaxed) == task => Cause::joined(task),
        task => {
            ring.stamp();
            Cause::task(task)
        }
    }
}

fn write_text(ring: &Ring, text: &str) {
    // As much as names have; more would fill the ring.
    let bytes: &[u8] = text.as_ref();
    for part in bytes.chunks(16).take(16) {
        let mut words = [0; 16];
        words[..part.len()].copy_from_slice(part);
        let (a, b) = words.split_at(8);
        let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("they are eight"));
        ring.write(Kind::Text, word(a), word(b));
    }
}

/// Tasks.
impl Recorder {
    /// A task is put on the run queue.
    #[inline]
    pub(crate) fn scheduled(id: Id) {
        on(|ring| scheduled(ring, id.0 & ID_MASK));
    }

    #[inline]
    pub(crate) fn task_begins(task: &TaskFacts<'_>) {
        on(|ring| task_begins(ring, task));
    }

    /// A task has come from another worker, of the runtime with this number.
    pub(crate) fn arrived(id: Id, name: Option<&str>, place: &'static Location<'static>, from: u64) {
        on(|ring| {
            ring.write(Kind::Arrived, id.0 & ID_MASK | u64::from(places::number_of(place)) << ID_BITS, from);
            write_text(ring, name.unwrap_or_default());
        });
    }

    /// It goes to the runtime with this number.
    pub(crate) fn departed(id: Id, to: u64) {
        on(|ring| ring.write(Kind::Ended, id.0 & ID_MASK | 3 << ID_BITS, to));
    }

    #[inline]
    pub(crate) fn poll_begins() {
        // A task says itself who it is.
        on(|ring| ring.set_cause(Cause::ROOT));
    }

    /// `is_ready`: `None` if it has panicked.
    pub(crate) fn task_polled(recording: Recording, id: Id, is_ready: Option<bool>) {
        on(|ring| polled(ring, id.0 & ID_MASK, is_ready.map_or(PANICKED, u64::from)));
        if is_ready.is_none() {
            recording.has_panicked(id.0 & ID_MASK);
        }
    }

    pub(crate) fn root_polled(is_ready: bool) {
        on(|ring| polled(ring, ring.root.load(Relaxed), is_ready.into()));
    }

    pub(crate) fn task_ends(task: &TaskFacts<'_>) {
        on(|ring| {
            let id = task.id.0 & ID_MASK;
            let polled = ring.polled.load(Relaxed);
            let how = match polled & ID_MASK == id {
                // Its last poll ended just now, with a reading of the clock.
                true if polled >> ID_BITS == READY => 0,
                true if polled >> ID_BITS == PANICKED => 1,
                _ => {
                    ring.stamp();
                    2
                }
            };
            ring.write(Kind::Ended, id | how << ID_BITS, 0);
            ring.ending.store(id, Relaxed);
        });
    }

    pub(crate) fn task_has_ended() {
        on(|ring| ring.ending.store(0, Relaxed));
    }

    /// A task begins to wait for the end of another one.
    #[inline]
    pub(crate) fn waits_for_task<T>(id: Id) -> Poll<T> {
        on(|ring| waits(ring, 3, id.0 & ID_MASK));
        Poll::Pending
    }
}

fn scheduled(ring: &Ring, id: u64) {
    let cause = match ring.beginning.load(Relaxed) == id {
        true => {
            ring.beginning.store(0, Relaxed);
            Cause::spawned_by(current())
        }
        false => cause(ring),
    };
    if cause == Cause::BUDGET {
        ring.write(Kind::Budget, id, 0);
    }
    ring.write(Kind::Woken, id, cause.0);
}

fn task_begins(ring: &Ring, task: &TaskFacts<'_>) {
    let (id, place) = (task.id.0 & ID_MASK, places::number_of(task.place));
    let cause = cause(ring);
    ring.write(Kind::Spawned, id | u64::from(place) << ID_BITS, cause.0);
    write_text(ring, task.name.unwrap_or_default());
    if task.is_blocking {
        ring.write(Kind::CallQueued, id, 0);
    }
    ring.beginning.store(id, Relaxed);
}

fn polled(ring: &Ring, id: u64, outcome: u64) {
    let began = ring.poll_began.load(Relaxed);
    let now = ring.stamp();
    ring.write(Kind::Polled, id | outcome << ID_BITS, now - began);
    ring.polled.store(id | outcome << ID_BITS, Relaxed);
    // The next one begins where this one has ended.
    ring.poll_began.store(now, Relaxed);
}

fn waits(ring: &Ring, what: u64, which: u64) {
    ring.write(Kind::Waits, current_or_root(ring) | what << ID_BITS, which);
}

/// The loop, and who is in it.
impl Recorder {
    /// The future of a `block_on` that was called at `place` begins.
    pub(crate) fn root_begins(id: Id, place: &'static Location<'static>) {
        on(|ring| {
            let id = id.0 & ID_MASK;
            ring.poll_began.store(ring.stamp(), Relaxed);
            ring.root.store(id, Relaxed);
            ring.write(Kind::Spawned, id | u64::from(places::number_of(place)) << ID_BITS, Cause::ROOT.0);
            write_text(ring, "block_on");
            ring.beginning.store(id, Relaxed);
        });
    }

    /// A `block_on` begins, until what this returns is dropped.
    pub(crate) fn enter() -> Entered {
        Entered(HERE.get().map(|ring| {
            ring.comes_to_this_thread();
            let thread = thread_number();
            ring.stamp();
            ring.write(Kind::Entered, thread, 0);
            (ring, ring.root.load(Relaxed), thread)
        }))
    }

    #[inline]
    pub(crate) fn turn_begins() {
        on(|ring| {
            let now = ring.stamp();
            ring.turn_began.store(now, Relaxed);
            ring.looks.store(now, Relaxed);
            ring.set_cause(Cause::UNKNOWN);
        });
    }

    /// The loop is about to sleep.
    #[inline]
    pub(crate) fn sleeps() {
        on(|ring| {
            let now = ring.stamp();
            ring.looks.store(now, Relaxed);
        });
    }

    /// epoll has returned so many events, and was allowed to wait for so long.
    #[inline]
    pub(crate) fn looked(limit: Option<Duration>, events: usize) {
        on(|ring| {
            let now = ring.stamp();
            let may_sleep = u64::from(limit != Some(Duration::ZERO));
            let took = now - ring.looks.load(Relaxed);
            ring.write(Kind::Looked, took, events as u64 | may_sleep << 32);
            ring.set_cause(Cause::UNKNOWN);
        });
    }

    #[inline]
    pub(crate) fn turned(counters: &Counters) {
        on(|ring| turned(ring, counters));
    }

    /// What comes now comes from other threads.
    #[inline]
    pub(crate) fn reads_messages() {
        on(|ring| ring.set_cause(Cause::MESSAGE));
    }

    /// The tasks that have used up their budget go on.
    pub(crate) fn renews_budgets() {
        on(|ring| ring.set_cause(Cause::BUDGET));
    }

    /// A phase of the runtime's end, with so many tasks left.
    pub(crate) fn ends(phase: u64, tasks: u64) {
        on(|ring| {
            ring.stamp();
            ring.set_cause(Cause::END);
            ring.write(Kind::End, phase, tasks);
        });
    }
}

/// The number that the kernel has for this thread.
fn thread_number() -> u64 {
    thread_local! {
        static NUMBER: u64 = {
            let own = std::fs::read_link("/proc/thread-self").ok();
            let number = own.and_then(|own| own.file_name()?.to_str()?.parse().ok());
            number.unwrap_or(0)
        };
    }
    NUMBER.try_with(|number| *number).unwrap_or(0)
}

fn turned(ring: &Ring, counters: &Counters) {
    let from_afar = counters.get(Count::WokenFromAfar);
    let messages = from_afar.wrapping_sub(ring.woken_from_afar.swap(from_afar, Relaxed));
    if messages > 0 {
        ring.write(Kind::Messages, messages, 0);
    }
    let popped = counters.get(Count::Popped);
    let polls = popped.wrapping_sub(ring.popped.swap(popped, Relaxed));
    let now = ring.stamp();
    ring.write(Kind::Turned, now - ring.turn_began.load(Relaxed), polls);
    ring.poll_began.store(now, Relaxed);
    ring.set_cause(Cause::ROOT);
}

/// The mark of a `block_on`: the ring, the one that it is within, and the thread.
pub(crate) struct Entered(Option<(&'static Ring, u64, u64)>);

impl Drop for Entered {
    fn drop(&mut self) {
        let Some((ring, before, thread)) = self.0 else { return };
        // It may have ended in between, and be another runtime's now.
        if HERE.get().is_none_or(|here| !std::ptr::eq(here, ring)) {
            return;
        }
        let root = ring.root.swap(before, Relaxed);
        ring.stamp();
        let how = u64::from(std::thread::panicking());
        ring.write(Kind::Ended, root | how << ID_BITS, 0);
        ring.write(Kind::Left, thread, 0);
    }
}

/// Descriptors, timers and operations.
impl Recorder {
    pub(crate) fn registered(key: SourceKey, fd: RawFd) {
        on(|ring| {
            let (kind, peer) = descriptor::look(fd);
            ring.stamp();
            ring.write(Kind::Registered, key.0, fd as u32 as u64 | kind << 32);
            write_text(ring, &peer);
        });
    }

    pub(crate) fn given_up(key: SourceKey, fd: RawFd) {
        on(|ring| ring.write(Kind::GivenUp, key.0, fd as u32 as u64));
    }

    #[inline]
    pub(crate) fn reported(key: SourceKey, bits: u32) {
        on(|ring| {
            ring.write(Kind::Reported, key.0, bits.into());
            ring.set_cause(Cause::descriptor(key.0));
        });
    }

    /// An operation is done. `is_short`: nothing is left, for which the next one would not have to wait.
    #[inline]
    pub(crate) fn tried(key: SourceKey, interest: Interest, is_short: bool) {
        on(|ring| tried(ring, key.0, interest, u64::from(is_short) << 16));
    }

    /// An operation on a descriptor that is not registered is done.
    #[inline]
    pub(crate) fn tried_unregistered(fd: RawFd, interest: Interest) {
        on(|ring| tried(ring, 0, interest, (fd as u32 as u64) << 32));
    }

    /// An operation has found nothing, and begins to wait.
    pub(crate) fn found_nothing(key: SourceKey, interest: Interest) {
        on(|ring| {
            tried(ring, key.0, interest, 2 << 16);
            ring.write(Kind::Waits, current_or_root(ring) | 1 << ID_BITS, key.0);
        });
    }

    /// A task begins to wait for a descriptor.
    #[inline]
    pub(crate) fn waits<T>(key: SourceKey) -> Poll<T> {
        on(|ring| waits(ring, 1, key.0));
        Poll::Pending
    }

    /// The deadline is in nanoseconds since the runtime was made.
    #[inline]
    pub(crate) fn timer_set(key: u32, deadline: u64) {
        on(|ring| ring.write(Kind::TimerSet, timer(key), deadline));
    }

    #[inline]
    pub(crate) fn timer_fired(key: u32, deadline: u64) {
        on(|ring| {
            ring.write(Kind::TimerFired, timer(key), deadline);
            ring.set_cause(Cause::timer(timer(key)));
        });
    }

    #[inline]
    pub(crate) fn timer_dropped(key: u32) {
        on(|ring| ring.write(Kind::TimerDropped, timer(key), 0));
    }

    #[cfg(feature = "uring")]
    pub(crate) fn submitted(number: u32) {
        on(|ring| {
            ring.write(Kind::Submitted, number.into(), 0);
            ring.write(Kind::Waits, current_or_root(ring) | 5 << ID_BITS, number.into());
        });
    }

    #[cfg(feature = "uring")]
    pub(crate) fn completed(number: u32, result: i32) {
        on(|ring| {
            ring.write(Kind::Completed, number.into(), result as u32 as u64);
            ring.set_cause(Cause::operation(number.into()));
        });
    }
}

/// The key of a timer as it is in events, where 0 is none.
fn timer(key: u32) -> u64 {
    u64::from(key) + 1
}

fn current_or_root(ring: &Ring) -> u64 {
    match current() {
        0 => ring.root.load(Relaxed),
        task => task,
    }
}

fn tried(ring: &Ring, key: u64, interest: Interest, more: u64) {
    let what = match interest {
        Interest::READABLE => 1,
        Interest::WRITABLE => 2,
        _ => 4,
    };
    ring.write(Kind::Tried, key, what | more);
}

/// A blocking call, as the thread of the pool that runs it and the task that waits for it know it.
pub(crate) struct CallTimes(Mutex<Option<(u64, u64)>>);

impl CallTimes {
    pub(crate) fn new() -> CallTimes {
        CallTimes(Mutex::new(None))
    }

    /// On the thread of the pool.
    pub(crate) fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        let ticks = super::clock::Ticks::new();
        let begin = ticks.now();
        let result = f();
        *lock(&self.0) = Some((begin, ticks.now()));
        result
    }

    /// In the poll of its task.
    pub(crate) fn tell(&self) {
        on(|ring| {
            if let Some((begin, end)) = lock(&self.0).take() {
                ring.write_at(end, Kind::CallRan, current(), end.saturating_sub(begin));
            }
        });
    }
}
