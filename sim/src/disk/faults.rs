//! Errors on demand: by chance, or the next call of a kind.

use super::Disk;
use crate::Errno;

/// What can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Read,
    Write,
    Sync,
}

/// The probability with which each call fails with EIO.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) read_error: f64,
    pub(crate) write_error: f64,
    pub(crate) sync_error: f64,
}

impl Disk {
    pub(crate) fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    /// Lets the next call of a kind fail. Of several plans for one kind the oldest comes first.
    pub(crate) fn fail(&mut self, op: Op, errno: Errno) {
        self.planned.push((op, errno));
    }

    /// Runs `f` while nothing fails.
    pub(crate) fn without_faults<R>(&mut self, f: impl FnOnce(&mut Disk) -> R) -> R {
        let before = (std::mem::take(&mut self.faults), std::mem::take(&mut self.planned));
        let result = f(self);
        (self.faults, self.planned) = before;
        result
    }

    /// Returns the error with which a call has to fail now. The calls of the disk ask for themselves.
    pub(crate) fn next_error(&mut self, op: Op) -> Option<Errno> {
        if let Some(plan) = self.planned.iter().position(|&(planned, _)| planned == op) {
            return Some(self.planned.remove(plan).1);
        }
        let probability = match op {
            Op::Read => self.faults.read_error,
            Op::Write => self.faults.write_error,
            Op::Sync => self.faults.sync_error,
        };
        self.rng.chance(probability).then_some(libc::EIO)
    }
}
