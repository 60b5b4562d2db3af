//! Tasks seen from outside: which are running, and for how long; and how all of them are aborted or cancelled.
//!
//! If unused, this costs one comparison a turn: see `ages` and `Onlookers::are_any`.

use super::ages::between;
#[cfg(feature = "sim")]
use super::simulated;
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
    #[cfg(feature = "record")]
    is_runnable: bool,
    #[cfg(feature = "record")]
    waits: Vec<WaitsFor>,
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
        write!(f, ", spawned at {}, running for {}", self.spawned_at, Rounded(self.age))?;
        #[cfg(feature = "record")]
        self.write_waits(f)?;
        Ok(())
    }
}

/// What a task waits for. See [`RunningTask::waits_for`]. It exists with the feature `record`.
#[cfg(feature = "record")]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitsFor {
    /// The end of another task.
    Task(Id),
    /// A file descriptor is to become ready.
    Descriptor {
        /// Its number.
        fd: std::os::fd::RawFd,
        /// The address of its peer, or its own if it has no peer. It is empty if it is no internet socket.
        peer: String,
        /// To be read from.
        to_read: bool,
        /// To be written to. If both are false, it is another kind of readiness, or several.
        to_write: bool,
    },
    /// A time, which is so far ahead.
    Time(Duration),
    /// An operation on a file, in the kernel.
    FileOperation,
    /// Something that other tasks do: a channel, a lock or a signal of `ayi::sync`, a stream in memory, a cancellation, or
    /// the tasks of a `JoinSet` or a `LocalSet`.
    Other {
        /// What it is, for example `"a mutex"` or `"a message of an mpsc channel"`.
        what: &'static str,
        /// Where it is in memory. Tasks with the same address wait for the same thing.
        address: usize,
        /// The task that has the lock, if this is one that only one can have: a mutex, a read-write lock that is written to,
        /// or a `OnceCell` whose value is being made.
        holder: Option<Id>,
    },
}

#[cfg(feature = "record")]
impl RunningTask {
    /// Returns whether the task is ready, and waits only for its turn to be polled.
    pub fn is_runnable(&self) -> bool {
        self.is_runnable
    }

    /// Returns what the task waits for, as far as the runtime knows. If there are several, the first of them wakes it. If
    /// there is nothing, and the task is neither ready nor a blocking call, only other code can wake it: for example a
    /// channel of another crate.
    pub fn waits_for(&self) -> &[WaitsFor] {
        &self.waits
    }

    pub(crate) fn set_waits(&mut self, waits: Vec<WaitsFor>) {
        self.waits = waits;
    }

    fn write_waits(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.waits[..] {
            _ if self.is_runnable => f.write_str(", ready"),
            [] if self.is_blocking => f.write_str(", on a thread of the pool"),
            [] => f.write_str(", waits for other code"),
            [first, rest @ ..] => {
                write!(f, ", waits for {first}")?;
                rest.iter().try_for_each(|wait| write!(f, ", or {wait}"))
            }
        }
    }
}

#[cfg(feature = "record")]
impl fmt::Display for WaitsFor {
    /// Writes, for example, `descriptor 9 (127.0.0.1:5000) to be read from`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitsFor::Task(id) => write!(f, "the end of task {id}"),
            WaitsFor::Descriptor { fd, peer, to_read, to_write } => {
                write!(f, "descriptor {fd}")?;
                if !peer.is_empty() {
                    write!(f, " ({peer})")?;
                }
                f.write_str(match (to_read, to_write) {
                    (true, _) => " to be read from",
                    (_, true) => " to be written to",
                    _ => " to be ready",
                })
            }
            WaitsFor::Time(left) => write!(f, "a time, in {}", Rounded(*left)),
            WaitsFor::FileOperation => f.write_str("an operation on a file"),
            WaitsFor::Other { what, address, holder } => {
                write!(f, "{what} ({address:#x}")?;
                holder.iter().try_for_each(|holder| write!(f, ", held by task {holder}"))?;
                f.write_str(")")
            }
        }
    }
}

impl OwnScheduler {
    /// Returns the tasks that are not finished, except the one that is being polled.
    pub(crate) fn running(self) -> Vec<RunningTask> {
        let (ages, now) = (self.cells().onlookers.take_ages(), Instant::now());
        let mut running = Vec::new();
        for slot in self.slots() {
            let Some((body, _)) = slot.take_body() else { continue };
            let facts = body.as_ref().facts(slot.id());
            if facts.more.is_visiting {
                slot.put_body(body);
                continue;
            }
            let spawned = facts.more.spawned.or_else(|| ages.spawned_by(facts.id));
            running.push(RunningTask {
                id: facts.id,
                name: facts.name.map(String::from),
                spawned_at: facts.place,
                age: spawned.map_or(Duration::ZERO, |then| between(then, now)),
                is_blocking: facts.is_blocking,
                #[cfg(feature = "record")]
                is_runnable: slot.cells().scheduled.get(),
                #[cfg(feature = "record")]
                waits: Vec::new(),
            });
            slot.put_body(body);
        }
        self.cells().onlookers.put_ages(ages);
        running
    }

    /// Every slot there is.
    pub(crate) fn slots(self) -> impl Iterator<Item = OwnSlot> {
        let pages = lock(&self.shared().pages).clone();
        let slots = pages.into_iter().flatten().map(move |slot| OwnSlot::new(self, slot));
        // Where a task has its slot depends on which runtimes had the scheduler before. A simulation has to repeat.
        #[cfg(feature = "sim")]
        let slots = {
            let mut slots: Vec<OwnSlot> = slots.collect();
            // Elsewhere other threads may take shared slots meanwhile, and their order does not matter.
            if simulated::is_here() {
                slots.sort_by_cached_key(|slot| slot.id());
            }
            slots.into_iter()
        };
        slots
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
