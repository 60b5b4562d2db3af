//! What is told of the loop: its turns, who is in it, and the phases of its end.

use super::clock::simulated;
use super::event::{Cause, ID_BITS, Kind};
use super::made::{HERE, ID_MASK, Recorder, on, write_text};
use super::places;
use super::ring::Ring;
use crate::core::counters::{Count, Counters};
use crate::core::task::Id;
use std::panic::Location;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

impl Recorder {
    /// The future of a `block_on` that was called at `place` begins.
    pub(crate) fn root_begins(id: Id, place: &'static Location<'static>) {
        on(|ring| {
            let id = id.0 & ID_MASK;
            ring.poll_began.store(ring.stamp(), Relaxed);
            ring.root.store(id, Relaxed);
            ring.write(Kind::Spawned, id | u64::from(places::number_of(place)) << ID_BITS, Cause::ROOT.0);
            write_text(ring, "block_on");
            ring.beginning.store(id, Relaxed);
        });
    }

    /// A `block_on` begins, until what this returns is dropped.
    pub(crate) fn enter() -> Entered {
        Entered(HERE.get().map(|ring| {
            ring.comes_to_this_thread();
            let thread = thread_number();
            ring.stamp();
            ring.write(Kind::Entered, thread, 0);
            (ring, ring.root.load(Relaxed), thread)
        }))
    }

    #[inline]
    pub(crate) fn turn_begins() {
        on(|ring| {
            let now = ring.stamp();
            ring.turn_began.store(now, Relaxed);
            ring.looks.store(now, Relaxed);
            ring.set_cause(Cause::UNKNOWN);
        });
    }

    /// The loop is about to sleep.
    #[inline]
    pub(crate) fn sleeps() {
        on(|ring| {
            let now = ring.stamp();
            ring.looks.store(now, Relaxed);
        });
    }

    /// epoll has returned so many events, and was allowed to wait for so long.
    #[inline]
    pub(crate) fn looked(limit: Option<Duration>, events: usize) {
        on(|ring| {
            let now = ring.stamp();
            let may_sleep = u64::from(limit != Some(Duration::ZERO));
            let took = now - ring.looks.load(Relaxed);
            ring.write(Kind::Looked, took, events as u64 | may_sleep << 32);
            ring.set_cause(Cause::UNKNOWN);
        });
    }

    #[inline]
    pub(crate) fn turned(counters: &Counters) {
        on(|ring| turned(ring, counters));
    }

    /// What comes now comes from other threads.
    #[inline]
    pub(crate) fn reads_messages() {
        on(|ring| ring.set_cause(Cause::MESSAGE));
    }

    /// The tasks that have used up their budget go on.
    pub(crate) fn renews_budgets() {
        on(|ring| ring.set_cause(Cause::BUDGET));
    }

    /// A phase of the runtime's end, with so many tasks left.
    pub(crate) fn ends(phase: u64, tasks: u64) {
        on(|ring| {
            ring.stamp();
            ring.set_cause(Cause::END);
            ring.write(Kind::End, phase, tasks);
        });
    }
}

/// The number that the kernel has for this thread. In a simulation it is 1: each host has one thread.
fn thread_number() -> u64 {
    if simulated::now().is_some() {
        return 1;
    }
    thread_local! {
        static NUMBER: u64 = {
            let own = std::fs::read_link("/proc/thread-self").ok();
            let number = own.and_then(|own| own.file_name()?.to_str()?.parse().ok());
            number.unwrap_or(0)
        };
    }
    NUMBER.try_with(|number| *number).unwrap_or(0)
}

fn turned(ring: &Ring, counters: &Counters) {
    let from_afar = counters.get(Count::WokenFromAfar);
    let messages = from_afar.wrapping_sub(ring.woken_from_afar.swap(from_afar, Relaxed));
    if messages > 0 {
        ring.write(Kind::Messages, messages, 0);
    }
    let popped = counters.get(Count::Popped);
    let polls = popped.wrapping_sub(ring.popped.swap(popped, Relaxed));
    let now = ring.stamp();
    ring.write(Kind::Turned, now - ring.turn_began.load(Relaxed), polls);
    ring.poll_began.store(now, Relaxed);
    ring.set_cause(Cause::ROOT);
}

/// The mark of a `block_on`: the ring, the one that it is within, and the thread.
pub(crate) struct Entered(Option<(&'static Ring, u64, u64)>);

impl Drop for Entered {
    fn drop(&mut self) {
        let Some((ring, before, thread)) = self.0 else { return };
        // It may have ended in between, and be another runtime's now.
        if HERE.get().is_none_or(|here| !std::ptr::eq(here, ring)) {
            return;
        }
        let root = ring.root.swap(before, Relaxed);
        ring.stamp();
        let how = u64::from(std::thread::panicking());
        ring.write(Kind::Ended, root | how << ID_BITS, 0);
        ring.write(Kind::Left, thread, 0);
    }
}
