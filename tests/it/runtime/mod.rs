//! Runtimes: on one core or several, used from other threads, and their metrics.

mod background;
mod cores;
mod cores_faults;
mod follow;
mod from_afar;
mod graceful;
mod guests;
mod handle_block_on;
mod in_place;
mod metrics;
mod moves;
mod share;
mod share_ends;
mod share_waits;
mod skips;
mod storm;
mod workers;
