//! What the core and the services tell: of tasks (`tasks`), of the loop (`turns`), of descriptors, timers and operations
//! (`sources`). Each function is called on the thread that has the runtime, and does nothing if the runtime is not
//! recorded: one look at a thread-local.
//!
//! A reading of the clock costs more than the rest of an event. So it is read where that is needed to tell who has taken
//! the time, or who has waited: after `epoll_wait`, at the end of a turn, of a poll and of a task, and when code that runs
//! spawns or wakes another task. All else has the time of the latest reading, and only its order says more.
//!
//! No foreign code runs here, so it may be called while something is borrowed.

use super::clock::nanos_of;
use super::event::{Cause, ID_BITS, Kind};
use super::ring::{About, Ring};
use super::rings;
use super::section::{Reason, section};
use super::settings::Record;
use crate::core::foreign::lock;
use crate::core::task::Id;
use crate::core::wait::Instant;
use std::cell::Cell;
use std::io;
use std::sync::atomic::Ordering::Relaxed;

thread_local! {
    /// The ring of the runtime that this thread is in.
    pub(super) static HERE: Cell<Option<&'static Ring>> = const { Cell::new(None) };
}

pub(super) const ID_MASK: u64 = (1 << ID_BITS) - 1;

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
        if super::clock::simulated::now().is_none() {
            crate::watch::live::start()?;
        }
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
            #[cfg(feature = "sim")]
            crate::watch::simulated::keep(|| self.section(Reason::Ended, ""));
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
    pub(super) fn has_panicked(self, id: u64) {
        if let Some(ring) = self.ring {
            rings::write_rarely(ring, self.runtime, Reason::Panic, &format!("task {id} has panicked"));
        }
    }
}

/// The name under which the core knows all this.
pub(crate) struct Recorder;

#[inline]
pub(super) fn on(f: impl FnOnce(&'static Ring)) {
    if let Some(ring) = HERE.get() {
        f(ring);
    }
}

pub(super) fn current() -> u64 {
    Id::current().0 & ID_MASK
}

/// What runs now, and the time at which that does something.
pub(super) fn cause(ring: &Ring) -> Cause {
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

pub(super) fn write_text(ring: &Ring, text: &str) {
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

pub(super) fn current_or_root(ring: &Ring) -> u64 {
    match current() {
        0 => ring.root.load(Relaxed),
        task => task,
    }
}

pub(super) fn waits(ring: &Ring, what: u64, which: u64) {
    ring.write(Kind::Waits, current_or_root(ring) | what << ID_BITS, which);
}
