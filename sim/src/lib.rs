//! Whole systems on a simulated network, disk and clock, in one thread and from a seed.
//!
//! - [`Sim`]: the hosts, what they run, what happens to them, and the run itself
//! - [`Faults`]: what is drawn from the seed to happen
//! - [`kernel!`]: puts the simulated kernel into a test program; each needs it once
//! - [`Failure`]: why a run has failed, at which seed and when
//! - `#[ayi::sim_test]`: a test that runs with many seeds, on all cores, and makes the first failure small
//!
//! The page "Testing with seeds" of ayi's documentation goes from a first test to a failure with the one fault that it
//! needs, says what is simulated, and what is not.
//!
//! Inside, from the user to the kernel:
//!
//! | module | what it is |
//! |---|---|
//! | `seeds` | many runs, the first failure, fewer faults |
//! | `sim`, `actions`, `faults`, `storage` | a simulation as a user sees it |
//! | `machine` | the program of a host: a runtime that lends its thread while it would sleep |
//! | `calls`, `real` | the C library's functions, simulated and real |
//! | `kernel` | what they ask: descriptors, epoll, TCP, UDP, Unix sockets, pipes, files, ports, links, hosts, events |
//! | `disk` | a file system with a cache that a crash loses |
//! | `rng`, `trace` | what is left to chance, and the hash of all that happened |
//! | `place`, `watchdog`, `failure` | what has gone wrong, and where |
//! | `record`, `seen` | recordings of all hosts, for `ayi-lens` |
//! | `alone` | one host for each test of a program that knows nothing of simulations |
//!
//! Invariants:
//! 1. Whatever is not decided by the programs is drawn from the seed (`rng`), in an order that the programs and the seed
//!    decide. Nothing iterates over a hash map, and nothing depends on an address.
//! 2. One thread runs everything. The kernel is borrowed only while this crate's own code runs.
//! 3. Programs see the kernel through the C library only. Besides, the runtime asks a simulation a few questions.

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
