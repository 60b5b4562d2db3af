//! Runtimes: on one core or several, from other threads, and what they count.

mod cores;
mod cores_faults;
mod graceful;
mod handle_block_on;
mod metrics;
mod skips;
