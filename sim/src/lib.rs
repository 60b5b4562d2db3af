//! Runs ayi programs on a simulated network, disk and clock, from a seed.

#![cfg(target_os = "linux")]

#[allow(dead_code, reason = "used from the next commit on")]
mod rng;

/// What a system call has failed with: errno(3).
pub(crate) type Errno = i32;

/// Nanoseconds of simulated time.
pub(crate) type Nanos = u64;
