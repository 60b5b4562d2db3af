//! What has been counted of a runtime, for [`RuntimeMetrics`](crate::runtime::RuntimeMetrics).

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Written by one thread, read by any: so plain loads and stores do, and counting costs an addition.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    #[inline]
    pub(crate) fn add(&self, n: u64) {
        // Relaxed: a figure that stands alone, and this thread is the only one that writes it.
        self.set(self.0.load(Relaxed).wrapping_add(n));
    }

    #[inline]
    pub(crate) fn set(&self, n: u64) {
        // Relaxed: see `add`.
        self.0.store(n, Relaxed);
    }

    fn get(&self) -> u64 {
        // Relaxed: see `add`.
        self.0.load(Relaxed)
    }
}

/// All that is counted: as `Counters<Counter>` while it goes on, as plain numbers when it is read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters<T = Counter> {
    pub(crate) spawned: T,
    pub(crate) finished: T,
    /// Put on the run queue.
    pub(crate) scheduled: T,
    /// Of these, because another thread woke it.
    pub(crate) woken_from_afar: T,
    /// Taken off the run queue.
    pub(crate) popped: T,
    pub(crate) turns: T,
    pub(crate) parks: T,
    pub(crate) events: T,
    pub(crate) registered: T,
    pub(crate) deregistered: T,
    /// Timers as of the latest turn.
    pub(crate) timers: T,
}

impl Counters {
    pub(crate) fn read(&self) -> Counters<u64> {
        Counters {
            spawned: self.spawned.get(),
            finished: self.finished.get(),
            scheduled: self.scheduled.get(),
            woken_from_afar: self.woken_from_afar.get(),
            popped: self.popped.get(),
            turns: self.turns.get(),
            parks: self.parks.get(),
            events: self.events.get(),
            registered: self.registered.get(),
            deregistered: self.deregistered.get(),
            timers: self.timers.get(),
        }
    }

    /// For the next runtime, before it counts anything.
    pub(crate) fn reset(&self) {
        let Counters {
            spawned,
            finished,
            scheduled,
            woken_from_afar,
            popped,
            turns,
            parks,
            events,
            registered,
            deregistered,
            timers,
        } = self;
        let all = [
            spawned,
            finished,
            scheduled,
            woken_from_afar,
            popped,
            turns,
            parks,
            events,
            registered,
            deregistered,
            timers,
        ];
        all.into_iter().for_each(|counter| counter.set(0));
    }
}
