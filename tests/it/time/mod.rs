//! Timers, time limits, and time that stands still.

mod intervals;
mod paused_time;
mod timeouts;
mod timers;
