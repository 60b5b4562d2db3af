//! What has been counted of a runtime, for [`RuntimeMetrics`](crate::runtime::RuntimeMetrics).

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What is counted.
#[derive(Clone, Copy)]
pub(crate) enum Count {
    Spawned,
    Finished,
    /// Put on the run queue.
    Scheduled,
    /// Of these, because another thread woke it.
    WokenFromAfar,
    /// Taken off the run queue, as of the latest turn.
    Popped,
    Turns,
    Parks,
    Events,
    Registered,
    Deregistered,
    /// What became of the proactor, see `services/ring`.
    #[cfg_attr(not(feature = "uring"), allow(dead_code))]
    Ring,
    /// Timers that are pending, as of the latest turn.
    Timers,
    /// Tasks that have come from other runtimes: places for them. They are counted as spawned and finished as well.
    Visiting,
}

pub(crate) const COUNTS: usize = Count::Visiting as usize + 1;

/// One thread writes them and any thread reads them. So plain loads and stores are enough, and counting costs an
/// addition.
pub(crate) struct Counters(pub(crate) [AtomicU64; COUNTS]);

impl Counters {
    #[inline]
    pub(crate) fn add(&self, count: Count, n: u64) {
        // Relaxed: a figure that stands alone, and this thread is the only one that writes it.
        self.set(count, self.get(count).wrapping_add(n));
    }

    #[inline]
    pub(crate) fn set(&self, count: Count, n: u64) {
        // Relaxed: see `add`.
        self.0[count as usize].store(n, Relaxed);
    }

    #[inline]
    pub(crate) fn get(&self, count: Count) -> u64 {
        // Relaxed: see `add`.
        self.0[count as usize].load(Relaxed)
    }

    /// For the next runtime, before it counts anything.
    pub(crate) fn reset(&self) {
        // Relaxed: see `add`.
        self.0.iter().for_each(|counter| counter.store(0, Relaxed));
    }
}
