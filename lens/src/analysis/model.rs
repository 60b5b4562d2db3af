//! What an analysis consists of.

use crate::recording::{Cause, How, Outcome, Wait, call_name, kind_name};

/// A task.
#[derive(Clone, Debug, Default)]
pub struct Task {
    /// Its id.
    pub id: u64,
    /// Its name, or nothing.
    pub name: String,
    /// The place where it was spawned, or nothing.
    pub place: String,
    /// Who spawned it, if that was recorded.
    pub by: Option<Cause>,
    /// The worker from which it came.
    pub from: Option<u64>,
    /// When it began, if that is known.
    pub begin: Option<u64>,
    /// When and how it ended.
    pub end: Option<(u64, How)>,
    /// The worker to which it has gone, if it has.
    pub to: Option<u64>,
    /// What it did when the recording was written: 0 it waited, 1 it was in the run queue, 2 it was being polled.
    pub state: Option<u32>,
    /// The number of its polls.
    pub polls: u64,
    /// The time of its polls.
    pub busy: u64,
    /// The time from its wakes to its polls.
    pub queued: u64,
    /// How often it was put on the run queue.
    pub wakes: u64,
    /// How often it used up its budget.
    pub budget: u64,
    /// The index of its slowest poll.
    pub slowest: Option<u32>,
    /// What it waits for since its last poll.
    pub waits: Vec<Wait>,
    /// The wake whose poll is not in the recording.
    pub pending: Option<(u64, Cause)>,
}

impl Task {
    /// Returns how the task is called in tables: its id, and its name or its place.
    pub fn title(&self) -> String {
        match (self.name.as_str(), self.place.as_str()) {
            ("", "") => format!("task {}", self.id),
            ("", text) | (text, _) => format!("task {} {text}", self.id),
        }
    }
}

/// A poll.
#[derive(Clone, Copy, Debug)]
pub struct Poll {
    /// The index of its task.
    pub task: u32,
    /// When it began.
    pub begin: u64,
    /// How long it took.
    pub took: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Why its task was woken, if that was recorded.
    pub cause: Option<Cause>,
    /// How long its task was in the run queue, if that was recorded.
    pub waited: Option<u64>,
    /// How long other tasks were in the run queue while it ran, all together.
    pub held_up: u64,
    /// How many timers became due while it ran.
    pub timers: u32,
    /// How many descriptors epoll reported when the loop looked next: their tasks may have waited for this poll, and nobody
    /// knew yet.
    pub reports: u32,
}

impl Poll {
    /// Returns when it was over.
    pub fn end(&self) -> u64 {
        self.begin.saturating_add(self.took)
    }
}

/// How often a task was woken by one cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wakes {
    /// What woke it.
    pub cause: Cause,
    /// The index of the task.
    pub task: u32,
    /// How often.
    pub count: u64,
}

/// A descriptor.
#[derive(Clone, Debug, Default)]
pub struct Descriptor {
    /// Its key.
    pub key: u64,
    /// Its number in the process, if that was recorded.
    pub fd: Option<u32>,
    /// What it is: see [`kind_name`].
    pub kind: u32,
    /// Its peer, or nothing.
    pub peer: String,
    /// When it was registered.
    pub registered: Option<u64>,
    /// When it left epoll.
    pub given_up: Option<u64>,
    /// How often epoll has reported it.
    pub reports: u64,
    /// How often an operation was tried.
    pub tries: u64,
    /// How many of those found nothing.
    pub empty: u64,
    /// How many of those have failed.
    pub failed: u64,
    /// Bit 0: a task waits for it to be readable. Bit 1: writable.
    pub waiting: u32,
}

impl Descriptor {
    /// Returns how the descriptor is called in tables: its kind, its number, its peer.
    pub fn title(&self) -> String {
        let number = self.fd.map_or(format!("{:#x}", self.key), |fd| fd.to_string());
        let space = if self.peer.is_empty() { "" } else { " " };
        format!("{} {number}{space}{}", kind_name(self.kind), self.peer)
    }
}

/// A timer that was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// Its key, or 0.
    pub key: u64,
    /// When it was due.
    pub deadline: u64,
    /// When the loop noticed.
    pub fired: u64,
    /// The index of the task that it woke.
    pub task: Option<u32>,
}

impl Timer {
    /// Returns how late it was.
    pub fn late(&self) -> u64 {
        self.fired.saturating_sub(self.deadline)
    }
}

/// A call of `epoll_wait`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// When it returned.
    pub end: u64,
    /// How long it took.
    pub took: u64,
    /// The number of its events.
    pub events: u32,
    /// Whether it was allowed to sleep.
    pub may_sleep: bool,
}

/// A turn of the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// When it was over.
    pub end: u64,
    /// How long it took.
    pub took: u64,
    /// The number of polls since the turn before.
    pub polls: u64,
}

/// A blocking call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its number.
    pub id: u64,
    /// When it was queued.
    pub queued: Option<u64>,
    /// When it began on its thread.
    pub begin: u64,
    /// How long it took.
    pub took: u64,
}

/// All system calls of one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SystemCalls {
    /// Its number on x86-64: see [`call_name`].
    pub call: u16,
    /// How many there were.
    pub count: u64,
    /// How long they took.
    pub took: u64,
    /// How long the longest took.
    pub longest: u64,
    /// How many descriptors they were given, if they take lists.
    pub given: u64,
    /// How many have found nothing: `EAGAIN`.
    pub empty: u64,
    /// How many have failed otherwise.
    pub failed: u64,
}

impl SystemCalls {
    /// Returns how the call is called in tables.
    pub fn title(&self) -> String {
        call_name(self.call).map_or_else(|| format!("call {}", self.call), str::to_owned)
    }
}

/// Sums over a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// When the recording begins.
    pub begin: u64,
    /// When it ends.
    pub end: u64,
    /// The time in `epoll_wait` when that was allowed to sleep.
    pub slept: u64,
    /// The time of all polls.
    pub busy: u64,
    /// The messages of other threads.
    pub messages: u64,
    /// The operations given to the ring.
    pub submitted: u64,
    /// The operations of the ring that are done.
    pub completed: u64,
    /// Events that were overwritten before the recorder could take them.
    pub lost: u64,
    /// Events of kinds that are not known.
    pub unknown: u64,
    /// How often the time went back.
    pub backwards: u64,
    /// When the runtime's end began.
    pub ending: Option<u64>,
}

impl Totals {
    /// Returns how long the recording is.
    pub fn span(&self) -> u64 {
        self.end.saturating_sub(self.begin)
    }
}
