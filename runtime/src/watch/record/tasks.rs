//! What is told of tasks: they begin, are woken, are polled, wait for each other, and end.

use super::event::{Cause, ID_BITS, Kind};
use super::made::{ID_MASK, Recorder, Recording, cause, current, on, waits, write_text};
use super::places;
use super::ring::Ring;
use crate::core::onlooker::TaskFacts;
use crate::core::task::Id;
use std::panic::Location;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;

/// How a poll has ended, if not pending, which is 0.
const READY: u64 = 1;
const PANICKED: u64 = 2;

impl Recorder {
    /// A task is put on the run queue.
    #[inline]
    pub(crate) fn scheduled(id: Id) {
        on(|ring| scheduled(ring, id.0 & ID_MASK));
    }

    #[inline]
    pub(crate) fn task_begins(task: &TaskFacts<'_>) {
        on(|ring| task_begins(ring, task));
    }

    /// A task has come from another worker, of the runtime with this number.
    pub(crate) fn arrived(id: Id, name: Option<&str>, place: &'static Location<'static>, from: u64) {
        on(|ring| {
            ring.write(Kind::Arrived, id.0 & ID_MASK | u64::from(places::number_of(place)) << ID_BITS, from);
            write_text(ring, name.unwrap_or_default());
        });
    }

    /// It goes to the runtime with this number.
    pub(crate) fn departed(id: Id, to: u64) {
        on(|ring| ring.write(Kind::Ended, id.0 & ID_MASK | 3 << ID_BITS, to));
    }

    #[inline]
    pub(crate) fn poll_begins() {
        // A task says itself who it is.
        on(|ring| ring.set_cause(Cause::ROOT));
    }

    /// `is_ready`: `None` if it has panicked.
    pub(crate) fn task_polled(recording: Recording, id: Id, is_ready: Option<bool>) {
        on(|ring| polled(ring, id.0 & ID_MASK, is_ready.map_or(PANICKED, u64::from)));
        if is_ready.is_none() {
            recording.has_panicked(id.0 & ID_MASK);
        }
    }

    pub(crate) fn root_polled(is_ready: bool) {
        on(|ring| polled(ring, ring.root.load(Relaxed), is_ready.into()));
    }

    pub(crate) fn task_ends(task: &TaskFacts<'_>) {
        on(|ring| {
            let id = task.id.0 & ID_MASK;
            let polled = ring.polled.load(Relaxed);
            let how = match polled & ID_MASK == id {
                // Its last poll ended just now, with a reading of the clock.
                true if polled >> ID_BITS == READY => 0,
                true if polled >> ID_BITS == PANICKED => 1,
                _ => {
                    ring.stamp();
                    2
                }
            };
            ring.write(Kind::Ended, id | how << ID_BITS, 0);
            ring.ending.store(id, Relaxed);
        });
    }

    pub(crate) fn task_has_ended() {
        on(|ring| ring.ending.store(0, Relaxed));
    }

    /// A task begins to wait for the end of another one.
    #[inline]
    pub(crate) fn waits_for_task<T>(id: Id) -> Poll<T> {
        on(|ring| waits(ring, 3, id.0 & ID_MASK));
        Poll::Pending
    }
}

fn scheduled(ring: &Ring, id: u64) {
    let cause = match ring.beginning.load(Relaxed) == id {
        true => {
            ring.beginning.store(0, Relaxed);
            Cause::spawned_by(current())
        }
        // It waits from the end of this poll on, which has a reading of the clock.
        false if current() == id => Cause::task(id),
        false => cause(ring),
    };
    if cause == Cause::BUDGET {
        ring.write(Kind::Budget, id, 0);
    }
    ring.write(Kind::Woken, id, cause.0);
}

fn task_begins(ring: &Ring, task: &TaskFacts<'_>) {
    let (id, place) = (task.id.0 & ID_MASK, places::number_of(task.place));
    let cause = cause(ring);
    ring.write(Kind::Spawned, id | u64::from(place) << ID_BITS, cause.0);
    write_text(ring, task.name.unwrap_or_default());
    if task.is_blocking {
        ring.write(Kind::CallQueued, id, 0);
    }
    ring.beginning.store(id, Relaxed);
}

fn polled(ring: &Ring, id: u64, outcome: u64) {
    let began = ring.poll_began.load(Relaxed);
    let now = ring.stamp();
    ring.write(Kind::Polled, id | outcome << ID_BITS, now - began);
    ring.polled.store(id | outcome << ID_BITS, Relaxed);
    // The next one begins where this one has ended.
    ring.poll_began.store(now, Relaxed);
}
