//! The hash of a run: of each system call with its outcome and its time, and of each event.

use crate::Nanos;

/// Two runs that did the same have the same hash. It is the same on all machines.
#[derive(Clone, Copy)]
pub(crate) struct Trace {
    hash: u64,
    noted: u64,
}

impl Trace {
    pub(crate) fn new(seed: u64) -> Trace {
        Trace { hash: seed ^ 0x5851_f42d_4c95_7f2d, noted: 0 }
    }

    #[inline]
    pub(crate) fn note(&mut self, at: Nanos, what: u64, outcome: u64) {
        self.noted += 1;
        for word in [at, what, outcome] {
            self.hash = (self.hash.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash ^ (self.hash >> 29)
    }

    /// How many calls and events there were.
    pub(crate) fn noted(&self) -> u64 {
        self.noted
    }
}
