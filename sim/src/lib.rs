//! Runs ayi programs on a simulated network, disk and clock, from a seed.

#![cfg(target_os = "linux")]

mod actions;
mod alone;
#[doc(hidden)]
pub mod calls;
mod disk;
mod failure;
mod faults;
mod kernel;
mod machine;
mod place;
mod real;
#[cfg(feature = "record")]
mod record;
mod rng;
#[doc(hidden)]
pub mod seeds;
mod seen;
mod sim;
mod storage;
mod trace;
mod watchdog;

pub use failure::{Failure, Outcome};
pub use faults::Faults;
pub use sim::Sim;

pub(crate) use rng::Rng;

/// What a system call has failed with: errno(3).
pub(crate) type Errno = i32;

/// Nanoseconds of simulated time.
pub(crate) type Nanos = u64;
