//! Timers: sleeping, time limits, and ticking at an interval.
//!
//! Deadlines have a resolution of one nanosecond, and a timer never fires early. How late it fires is up to the
//! kernel (its timer slack is 50 µs, prctl(2)) and to what else the thread is doing.

mod instant;
mod interval;
mod sleep;
mod timeout;
mod wheel;

pub use instant::Instant;
pub use interval::{Interval, MissedTickBehavior, interval, interval_at};
pub use sleep::{Sleep, sleep, sleep_until};
pub use std::time::Duration;
pub use timeout::{Elapsed, Timeout, timeout, timeout_at};
pub(crate) use wheel::{TimerKey, Wheel};
