//! The runtimes that other threads have made for their `block_on` of a handle, and that end with the handle's runtime.

use super::sources::Moves;
use crate::core::current::HERE;
use crate::core::foreign::{self, lock};
use crate::core::sync::Mutex;
use crate::core::wait::reactor::{Reactor, SourceKey, VACANT};
use crate::core::worker::{RuntimeRef, Worker};
use std::task::Waker;

/// The runtimes that other threads have made for their `block_on` of a handle.
#[derive(Default)]
pub(crate) struct Drives(Mutex<DrivesState>);

#[derive(Default)]
struct DrivesState {
    is_closed: bool,
    runtimes: Vec<RuntimeRef>,
}

impl Drives {
    /// Adds a runtime. Returns false if the handle's runtime has ended.
    pub(crate) fn add(&self, runtime: RuntimeRef) -> bool {
        let mut state = lock(&self.0);
        if !state.is_closed {
            state.runtimes.push(runtime);
        }
        !state.is_closed
    }

    pub(crate) fn remove(&self, runtime: RuntimeRef) {
        lock(&self.0).runtimes.retain(|other| other.id != runtime.id);
    }

    /// Cuts off all these runtimes, since the handle's runtime ends: invariant 2 of `face::drive`.
    pub(crate) fn close(&self) {
        let mut state = lock(&self.0);
        state.is_closed = true;
        let runtimes = std::mem::take(&mut state.runtimes);
        drop(state);
        runtimes.into_iter().for_each(|runtime| runtime.send(Worker::cut_off));
    }
}

impl Worker {
    /// From here on nothing can wait in it.
    pub(crate) fn set_over(&self) {
        self.is_over.set(true);
        if HERE.get() == self.reference.id {
            HERE.set(0);
        }
    }

    /// Wakes and tells everything that waits for a socket or a timer in this runtime: the runtime whose handle this
    /// thread blocks on has ended.
    pub(crate) fn cut_off(&self) {
        self.set_over();
        self.wake_all();
    }

    pub(crate) fn wake_all(&self) {
        let wakers = self.reactor().close();
        wakers.into_iter().for_each(foreign::wake);
        self.wake_timers(u64::MAX);
    }
}

impl Reactor {
    /// Gives up all sources, since the runtime ends, and returns the wakers of all that wait. A waiter may come later:
    /// the clone of a waker is foreign code, and may be what ends the runtime. [`wait`](Self::wait) wakes it, since its
    /// source is gone.
    #[must_use]
    pub(crate) fn close(&mut self) -> Vec<Waker> {
        let mut wakers = Vec::new();
        // Whoever finds a source of this runtime under this lock may rely on it until the lock is released.
        let _moves = Moves::lock();
        for page in self.pages.clone() {
            for source in page.iter().filter(|source| source.user() != VACANT) {
                // The epoll instance ends too, so nothing has to be taken out of it.
                wakers.append(&mut self.deregister(SourceKey::of(source), false));
            }
        }
        self.is_closed = true;
        wakers
    }
}
