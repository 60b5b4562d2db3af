//! Tasks seen from outside: which are running, and for how long; and how all of them are aborted or cancelled.
//!
//! If unused, this costs one comparison a turn: see `ages` and `Onlookers::are_any`.

use super::ages::between;
use super::slow_poll::Rounded;
use crate::core::foreign::lock;
use crate::core::task::slot::Marks;
use crate::core::task::{Id, OwnScheduler, OwnSlot};
use crate::core::wait::Instant;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

/// A task that was not finished when the runtime looked at it. See [`ShutdownReport`](crate::runtime::ShutdownReport).
#[derive(Clone, Debug)]
pub struct RunningTask {
    id: Id,
    name: Option<String>,
    spawned_at: &'static Location<'static>,
    age: Duration,
    is_blocking: bool,
}

impl RunningTask {
    /// Returns the task's id.
    pub fn id(&self) -> Id {
        self.id
    }

    /// Returns the name that [`task::Builder`](crate::task::Builder) gave the task.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns where the task was spawned.
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.spawned_at
    }

    /// Returns for how long the task has been there. The age is never too high, and at most an eighth too low, because
    /// the clock is not read for each task.
    pub fn age(&self) -> Duration {
        self.age
    }

    /// Returns whether this is a [`spawn_blocking`](crate::task::spawn_blocking) call, which cannot be aborted once it
    /// has started.
    pub fn is_blocking(&self) -> bool {
        self.is_blocking
    }
}

impl fmt::Display for RunningTask {
    /// Writes, for example, `task 7 "orders", spawned at src/main.rs:12:5, running for 3.2s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.is_blocking { "blocking call" } else { "task" };
        write!(f, "{what} {}", self.id)?;
        if let Some(name) = &self.name {
            write!(f, " {name:?}")?;
        }
        write!(f, ", spawned at {}, running for {}", self.spawned_at, Rounded(self.age))
    }
}

impl OwnScheduler {
    /// Returns the tasks that are not finished, except the one that is being polled.
    pub(crate) fn running(self) -> Vec<RunningTask> {
        let (ages, now) = (self.cells().onlookers.take_ages(), Instant::now());
        let look = |slot: OwnSlot| {
            let (body, _) = slot.take_body()?;
            let facts = body.as_ref().facts(slot.id());
            if facts.more.is_visiting {
                slot.put_body(body);
                return None;
            }
            let spawned = facts.more.spawned.or_else(|| ages.spawned_by(facts.id));
            let task = RunningTask {
                id: facts.id,
                name: facts.name.map(String::from),
                spawned_at: facts.place,
                age: spawned.map_or(Duration::ZERO, |then| between(then, now)),
                is_blocking: facts.is_blocking,
            };
            slot.put_body(body);
            Some(task)
        };
        let running = self.slots().filter_map(look).collect();
        self.cells().onlookers.put_ages(ages);
        running
    }

    /// Every slot there is.
    pub(crate) fn slots(self) -> impl Iterator<Item = OwnSlot> {
        let pages = lock(&self.shared().pages).clone();
        pages.into_iter().flatten().map(move |slot| OwnSlot::new(self, slot))
    }

    /// Aborts the tasks that are not finished, except the one that is being polled. Each is cancelled when its turn
    /// comes; they are on the run queue when this returns. So is `but`, which is not aborted.
    pub(crate) fn abort_all(self, but: Id) {
        for slot in self.slots() {
            if let Some((body, id)) = slot.take_body() {
                slot.put_body(body);
                if id != but {
                    slot.mark(Marks::ABORTED);
                }
                slot.schedule();
            }
        }
    }

    /// Cancels every task, whatever its kind says, since the runtime ends. A task whose code is running is left alone:
    /// that code, a poll, a drop or a hook, ends the runtime, directly or through what it calls.
    /// [`tasks_left`](Self::tasks_left) still counts such a task.
    pub(crate) fn cancel_all(self) {
        for slot in self.slots() {
            // A scheduler from the pool may have many more slots than there are tasks.
            if self.tasks_left() == 0 {
                return;
            }
            if let Some((body, _)) = slot.take_body() {
                self.cancel(slot, body);
            }
        }
    }
}
