//! What is told of descriptors, timers and operations of the ring.

use super::descriptor;
use super::event::{Cause, ID_BITS, Kind};
use super::made::{Recorder, current_or_root, on, waits, write_text};
use super::ring::Ring;
use crate::core::ready::Interest;
use crate::core::wait::SourceKey;
use std::os::fd::RawFd;
use std::task::Poll;

impl Recorder {
    pub(crate) fn registered(key: SourceKey, fd: RawFd) {
        on(|ring| {
            let (kind, peer) = descriptor::look(fd);
            ring.stamp();
            ring.write(Kind::Registered, key.0, fd as u32 as u64 | kind << 32);
            write_text(ring, &peer);
        });
    }

    pub(crate) fn given_up(key: SourceKey, fd: RawFd) {
        on(|ring| ring.write(Kind::GivenUp, key.0, fd as u32 as u64));
    }

    #[inline]
    pub(crate) fn reported(key: SourceKey, bits: u32) {
        on(|ring| {
            ring.write(Kind::Reported, key.0, bits.into());
            ring.set_cause(Cause::descriptor(key.0));
        });
    }

    /// An operation is done. `is_short`: nothing is left, for which the next one would not have to wait.
    #[inline]
    pub(crate) fn tried(key: SourceKey, interest: Interest, is_short: bool) {
        on(|ring| tried(ring, key.0, interest, u64::from(is_short) << 16));
    }

    /// An operation on a descriptor that is not registered is done.
    #[inline]
    pub(crate) fn tried_unregistered(fd: RawFd, interest: Interest) {
        on(|ring| tried(ring, 0, interest, (fd as u32 as u64) << 32));
    }

    /// An operation has found nothing, and begins to wait.
    pub(crate) fn found_nothing(key: SourceKey, interest: Interest) {
        on(|ring| {
            tried(ring, key.0, interest, 2 << 16);
            ring.write(Kind::Waits, current_or_root(ring) | 1 << ID_BITS, key.0);
        });
    }

    /// A task begins to wait for a descriptor.
    #[inline]
    pub(crate) fn waits<T>(key: SourceKey) -> Poll<T> {
        on(|ring| waits(ring, 1, key.0));
        Poll::Pending
    }

    /// The deadline is in nanoseconds since the runtime was made.
    #[inline]
    pub(crate) fn timer_set(key: u32, deadline: u64) {
        on(|ring| ring.write(Kind::TimerSet, timer(key), deadline));
    }

    #[inline]
    pub(crate) fn timer_fired(key: u32, deadline: u64) {
        on(|ring| {
            ring.write(Kind::TimerFired, timer(key), deadline);
            ring.set_cause(Cause::timer(timer(key)));
        });
    }

    #[inline]
    pub(crate) fn timer_dropped(key: u32) {
        on(|ring| ring.write(Kind::TimerDropped, timer(key), 0));
    }

    #[cfg(feature = "uring")]
    pub(crate) fn submitted(number: u32, code: u32) {
        on(|ring| {
            ring.write(Kind::Submitted, number.into(), code.into());
            ring.write(Kind::Waits, current_or_root(ring) | 5 << ID_BITS, number.into());
        });
    }

    #[cfg(feature = "uring")]
    pub(crate) fn completed(number: u32, result: i32) {
        on(|ring| {
            ring.write(Kind::Completed, number.into(), result as u32 as u64);
            ring.set_cause(Cause::operation(number.into()));
        });
    }
}

/// The key of a timer as it is in events, where 0 is none.
fn timer(key: u32) -> u64 {
    u64::from(key) + 1
}

fn tried(ring: &Ring, key: u64, interest: Interest, more: u64) {
    let what = match interest {
        Interest::READABLE => 1,
        Interest::WRITABLE => 2,
        _ => 4,
    };
    ring.write(Kind::Tried, key, what | more);
}
