//! Tasks seen from outside: which are running, for how long, and when one has ended.
//!
//! If it is unused, it costs one comparison a turn: see `ages`, and `has_hooks` of the scheduler.

use super::id::Id;
use super::scheduler::LocalScheduler;
use super::slot::Marks;
use super::slow_poll::Rounded;
use crate::counters::Count;
use crate::foreign;
use crate::time::Instant;
use std::fmt;
use std::panic::Location;
use std::task::Waker;
use std::time::Duration;

/// A task that was not finished when it was looked at. See [`ShutdownReport`](crate::runtime::ShutdownReport).
#[derive(Clone, Debug)]
pub struct RunningTask {
    id: Id,
    name: Option<String>,
    spawned_at: &'static Location<'static>,
    age: Duration,
    is_blocking: bool,
}

impl RunningTask {
    /// The task's id.
    pub fn id(&self) -> Id {
        self.id
    }

    /// The name that [`task::Builder`](crate::task::Builder) gave it.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Where it was spawned.
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.spawned_at
    }

    /// For how long it has been there: never more than it has, and at most an eighth less, for no clock is read for
    /// each task.
    pub fn age(&self) -> Duration {
        self.age
    }

    /// Whether it stands for a [`spawn_blocking`](crate::task::spawn_blocking) call, which nobody can abort once it
    /// has started.
    pub fn is_blocking(&self) -> bool {
        self.is_blocking
    }
}

impl fmt::Display for RunningTask {
    /// `task 7 "orders", spawned at src/main.rs:12:5, running for 3.2s`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.is_blocking { "blocking call" } else { "task" };
        write!(f, "{what} {}", self.id)?;
        if let Some(name) = &self.name {
            write!(f, " {name:?}")?;
        }
        write!(f, ", spawned at {}, running for {}", self.spawned_at, Rounded(self.age))
    }
}

impl LocalScheduler {
    /// Once a turn: so `ages` knows of all tasks that are older.
    #[inline]
    pub(crate) fn note_ages(self) {
        let spawned = self.shared().counters.get(Count::Spawned);
        if spawned != self.cells().noted.replace(spawned) {
            self.note_age();
        }
    }

    #[cold]
    fn note_age(self) {
        let mut ages = self.cells().ages.take();
        ages.note(Id::latest(), Instant::now());
        self.cells().ages.set(ages);
    }

    /// The tasks that are not finished, but for the one that is being polled.
    pub(crate) fn running(self) -> Vec<RunningTask> {
        self.note_age();
        let (ages, now) = (self.cells().ages.take(), Instant::now());
        let look = |slot: super::LocalSlot| {
            let body = slot.take_body()?;
            let spawned = body.spawned_when().or_else(|| ages.spawned_by(slot.id()));
            let task = RunningTask {
                id: slot.id(),
                name: body.name().map(String::from),
                spawned_at: body.spawned_at(),
                age: spawned.map_or(Duration::ZERO, |then| now.saturating_duration_since(then)),
                is_blocking: body.is_blocking(),
            };
            slot.put_body(body);
            Some(task)
        };
        let running = self.slots().filter_map(look).collect();
        self.cells().ages.set(ages);
        running
    }

    /// Aborts the tasks that are not finished, but for the one that is being polled. Each is cancelled when its turn
    /// comes; they are on the run queue when this returns.
    pub(crate) fn abort_all(self) {
        for slot in self.slots() {
            if let Some(body) = slot.take_body() {
                slot.put_body(body);
                slot.mark(Marks::ABORTED);
                slot.schedule();
            }
        }
    }

    /// Wakes `waker` when a task is finished, once.
    pub(crate) fn watch(self, waker: Waker) {
        let mut watchers = self.cells().watchers.take();
        if !watchers.iter().any(|known| known.will_wake(&waker)) {
            watchers.push(waker);
        }
        self.cells().watchers.set(watchers);
        self.cells().has_hooks.set(true);
    }

    pub(super) fn wake_watchers(self) {
        let hooks = self.cells().hooks.take();
        self.cells().has_hooks.set(hooks.as_ref().is_some_and(|hooks| hooks.are_any()));
        self.cells().hooks.set(hooks);
        self.cells().watchers.take().into_iter().for_each(foreign::wake);
    }
}
