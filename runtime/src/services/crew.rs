//! The workers of a runtime that has several: each is a runtime on a thread of its own, and they share their tasks.
//!
//! ```text
//!   Runtime, Handle ──▶ the first worker's Shared ──▶ Crew ──▶ the Shared of each other worker
//!   what is on a worker's thread ──▶ its own runtime: sockets, timers, spawned tasks
//!                                └─▶ the first one's link: handles, blocking calls, the name, the end
//! ```
//!
//! `block_on` runs its future on the thread that calls it, beside the workers. What is spawned on a worker's thread begins
//! there. What is spawned elsewhere begins on a worker that is idle, or else on the one that has least to do among some,
//! which are others each time.
//!
//! In tokio: `runtime/scheduler/multi_thread`.

use super::background::Background;
use super::shared::{Crew, Shared};
use super::sharing::Group;
use crate::core::counters::Count;
use crate::core::sync::atomic::{AtomicUsize, Ordering};
use crate::core::task::Scheduler;
use crate::core::worker::RuntimeRef;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many workers are asked how much they have to do.
const ASKED: usize = 4;

impl Crew {
    pub(crate) fn new(group: Arc<Group>, others: Vec<Arc<Shared>>) -> Crew {
        Crew { group, others, next: AtomicUsize::new(0) }
    }

    pub(crate) fn others(&self) -> &[Arc<Shared>] {
        &self.others
    }

    /// Asks all but the first worker to end.
    fn ask_to_end(&self, grace: Duration) {
        for other in &self.others {
            other.background.iter().for_each(|background| background.ask_to_end(grace));
        }
    }
}

impl Scheduler {
    /// How many tasks and messages wait, as far as another thread can see.
    fn backlog(&self) -> u64 {
        let waiting = self.counters.get(Count::Scheduled).saturating_sub(self.counters.get(Count::Popped));
        waiting + self.inbox.len() as u64
    }
}

impl Shared {
    /// The workers: this one, and its crew if it has one.
    pub(crate) fn workers(self: &Arc<Self>) -> impl Iterator<Item = &Arc<Shared>> {
        let count = 1 + self.crew.get().map_or(0, |crew| crew.others.len());
        (0..count).map(|index| self.worker(index))
    }

    fn worker(self: &Arc<Self>, index: usize) -> &Arc<Shared> {
        match self.crew.get() {
            Some(crew) if index > 0 => &crew.others[index - 1],
            _ => self,
        }
    }

    /// The worker on which a task begins that comes from elsewhere.
    pub(crate) fn next_worker(self: &Arc<Self>) -> RuntimeRef {
        let Some(crew) = self.crew.get() else { return self.runtime };
        let worker = |index: usize| self.worker(index % (crew.others.len() + 1)).runtime;
        // It may have got something to do already, and not have seen it yet.
        let idle = crew.group.take_idle(usize::MAX).map(worker);
        if let Some(idle) = idle.filter(|idle| idle.scheduler.backlog() == 0) {
            return idle;
        }
        // Relaxed: a hint.
        let first = crew.next.fetch_add(1, Ordering::Relaxed);
        let asked = (first..first + ASKED).map(worker);
        asked.min_by_key(|worker| worker.scheduler.backlog()).unwrap_or(self.runtime)
    }

    /// Asks the threads that run it, all of them, to end.
    pub(crate) fn ask_to_end(&self, grace: Duration) {
        self.crew.get().into_iter().for_each(|crew| crew.ask_to_end(grace));
        self.background.iter().for_each(|background| background.ask_to_end(grace));
    }

    /// Waits for these ends, at most `grace` for all of them.
    pub(crate) fn wait_for_the_end(&self, grace: Duration) {
        let start = Instant::now();
        let wait = |background: &Background| {
            background.wait_for_the_end(grace.saturating_sub(start.elapsed()));
        };
        for other in self.crew.get().map_or(&[][..], Crew::others) {
            other.background.iter().for_each(wait);
        }
        self.background.iter().for_each(wait);
    }
}
