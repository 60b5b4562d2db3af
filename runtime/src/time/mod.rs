//! Timers: sleeping until a point in time.
//!
//! Deadlines have a resolution of one nanosecond, and a timer never fires early. How late it fires is up to the
//! kernel, which is asked to be as punctual as it can (prctl(2), "timer slack"), and to what else the thread is doing.

mod instant;
mod sleep;
mod wheel;

pub use crate::executor::{advance, pause, resume};
pub(crate) use instant::Clock;
pub use instant::Instant;
#[doc(hidden)]
pub use sleep::ticks_from;
pub use sleep::{Sleep, sleep, sleep_until};
pub use std::time::Duration;
pub(crate) use wheel::{TimerKey, Wheel};
