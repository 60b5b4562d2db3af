//! The hash of a run: of each system call with its outcome and its time, and of each event.
//!
//! `AYI_SIM_TRACE=PATH` writes them to files as well, one for each run of the process: `PATH.1`, `PATH.2`… Two files of one
//! seed show where two runs begin to differ.

use crate::Nanos;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::atomic::{AtomicU32, Ordering};

/// Two runs that did the same have the same hash. It is the same on all machines.
pub(crate) struct Trace {
    hash: u64,
    noted: u64,
    log: Option<BufWriter<File>>,
}

impl Trace {
    pub(crate) fn new(seed: u64) -> Trace {
        Trace { hash: seed ^ 0x5851_f42d_4c95_7f2d, noted: 0, log: None }
    }

    /// Writes a file too, if the environment asks for it.
    ///
    /// # Panics
    ///
    /// Panics if the file cannot be made.
    pub(crate) fn write_if_wanted(&mut self) {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let Some(path) = std::env::var_os("AYI_SIM_TRACE") else { return };
        let run = RUNS.fetch_add(1, Ordering::Relaxed) + 1;
        let path = format!("{}.{run}", path.to_string_lossy());
        let file =
            File::create(&path).unwrap_or_else(|error| panic!("AYI_SIM_TRACE: cannot make {path}: {error}"));
        self.log = Some(BufWriter::new(file));
    }

    #[inline]
    pub(crate) fn note(&mut self, at: Nanos, host: u16, what: &str, outcome: i64) {
        self.noted += 1;
        for word in [at, u64::from(host) << 32 | number_of(what), outcome as u64] {
            self.hash = (self.hash.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        if let Some(log) = &mut self.log {
            let _ = writeln!(log, "{:.9} host {host} {what} = {outcome}", at as f64 / 1e9);
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

/// A number for the name of a call.
fn number_of(call: &str) -> u64 {
    call.bytes().fold(0, |all, byte| (all * 31 + u64::from(byte)) & 0xffff_ffff)
}
