//! What a runtime did, from its events: tasks, polls, wakes, descriptors, timers, and what the loop did meanwhile.
//!
//! ```text
//! events ──build──▶ tasks (tasks), descriptors (descriptors), turns and timers (build) ──blocked──▶ who held up whom
//! ```
//!
//! Times are nanoseconds since the recording's base. They may be wrong in a damaged recording: no difference is below
//! zero, and no sum overflows.
//!
//! A poll is recorded when it is over, and a wake when it happens. So a wake that stands before a poll in the recording
//! may be of that poll, or of the next one: the task was woken while it ran. The poll's begin tells.

mod blocked;
mod build;
mod descriptors;
mod model;
mod running;
mod tasks;

pub use model::{Call, Descriptor, Look, Poll, SystemCalls, Task, Timer, Totals, Turn, Wakes};

use crate::recording::{By, Cause, Runtime, Wait};
use std::cmp::Reverse;
use std::collections::HashMap;

/// The lower 56 bits of a key, as a cause has them.
const KEY: u64 = (1 << 56) - 1;

/// What one runtime did.
#[derive(Debug, Default)]
pub struct Analysis {
    /// The tasks, in the order in which they appear.
    pub tasks: Vec<Task>,
    /// The polls, in order.
    pub polls: Vec<Poll>,
    /// Who woke whom, how often: by the woken task, most frequent first.
    pub wakes: Vec<Wakes>,
    /// The descriptors, in the order in which they appear.
    pub descriptors: Vec<Descriptor>,
    /// The timers that were due, in order.
    pub timers: Vec<Timer>,
    /// The calls of `epoll_wait`, in order.
    pub looks: Vec<Look>,
    /// The turns of the loop, in order.
    pub turns: Vec<Turn>,
    /// The blocking calls that are over, in order.
    pub calls: Vec<Call>,
    /// The system calls that were recorded: an entry for each name, in the order in which they appear.
    pub system_calls: Vec<SystemCalls>,
    /// Sums.
    pub totals: Totals,
    /// The newest task of each id.
    ids: HashMap<u64, u32>,
    /// The newest descriptor of each key's lower 56 bits.
    keys: HashMap<u64, u32>,
}

impl Analysis {
    /// Works out what a runtime did.
    pub fn of(runtime: &Runtime) -> Analysis {
        build::build(runtime)
    }

    /// Returns the newest task of an id.
    pub fn task(&self, id: u64) -> Option<&Task> {
        self.ids.get(&id).map(|index| &self.tasks[*index as usize])
    }

    /// Returns the newest descriptor of a key, or of its lower 56 bits.
    pub fn descriptor(&self, key: u64) -> Option<&Descriptor> {
        self.keys.get(&(key & KEY)).map(|index| &self.descriptors[*index as usize])
    }

    /// Returns who woke a task, most frequent first. `task` is an index into the tasks.
    pub fn wakers(&self, task: u32) -> &[Wakes] {
        let start = self.wakes.partition_point(|wakes| wakes.task < task);
        let end = self.wakes.partition_point(|wakes| wakes.task <= task);
        &self.wakes[start..end]
    }

    /// Returns the indices of polls that held up the loop, longest first: at most `most`.
    pub fn longest_polls(&self, most: usize) -> Vec<u32> {
        top(self.polls.iter().map(|poll| poll.took), most)
    }

    /// Says in words what a cause is, with the names that are known.
    pub fn describe(&self, cause: Cause) -> String {
        match cause.by() {
            By::Unknown => "unknown".into(),
            By::Task(id) => self.title(id),
            By::Descriptor(key) => {
                self.descriptor(key).map_or(format!("descriptor {key:#x}"), Descriptor::title)
            }
            By::Timer(_) => "a timer".into(),
            By::Message => "a message of another thread".into(),
            By::Outside => "code outside of tasks".into(),
            By::Budget => "its budget is renewed".into(),
            By::Joined(id) => format!("the end of {}", self.title(id)),
            By::Call(id) => format!("blocking call {id}"),
            By::Operation(number) => format!("operation {number} of the ring"),
            By::End => "the runtime ends".into(),
            By::Begin(0) => "it begins".into(),
            By::Begin(id) => format!("spawned by {}", self.title(id)),
            By::Other(what) => format!("cause {what}"),
        }
    }

    /// Says in words what a task waits for.
    pub fn wait(&self, wait: Wait) -> String {
        match wait.on {
            1 => self.descriptor(wait.which).map_or("a descriptor".into(), Descriptor::title),
            2 => "a timer".into(),
            3 => format!("the end of {}", self.title(wait.which)),
            4 => format!("blocking call {}", wait.which),
            5 => format!("operation {} of the ring", wait.which),
            6 => format!("a channel or lock at {:#x}", wait.which),
            on => format!("something of kind {on}"),
        }
    }

    /// Returns how a task is called in tables: its id, and its name or its place.
    pub fn title(&self, id: u64) -> String {
        self.task(id).map_or_else(|| format!("task {id}"), Task::title)
    }
}

/// Returns the indices of the largest values, largest first: at most `most`, and none that are zero.
pub(crate) fn top(values: impl Iterator<Item = u64>, most: usize) -> Vec<u32> {
    let mut all: Vec<(u64, u32)> = values.zip(0..).filter(|(value, _)| *value > 0).collect();
    let order = |(value, index): &(u64, u32)| (Reverse(*value), *index);
    if most < all.len() {
        all.select_nth_unstable_by_key(most, order);
        all.truncate(most);
    }
    all.sort_unstable_by_key(order);
    all.into_iter().map(|(_, index)| index).collect()
}
