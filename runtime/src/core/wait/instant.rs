//! A point in time of the monotonic clock.

use crate::core::sys;
use std::cell::Cell;

/// A point in time of the monotonic clock, like std's `Instant`. Each can be converted to the other.
///
/// It is a type of its own, like tokio's: one number, which timers compare as it is.
///
/// # Examples
///
/// ```
/// use ayi::time::{Duration, Instant};
/// let start = Instant::now();
/// assert!(start + Duration::from_millis(1) > start);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(
    /// Nanoseconds of the clock: 292 years after the machine was started, or before.
    pub(crate) i64,
);

impl Instant {
    /// Reads the clock. In a runtime whose time is [paused](crate::time::pause), it returns the time at which that
    /// stands. A call costs about 20 ns.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::time::Instant;
    /// let start = Instant::now();
    /// println!("it took {:?}", start.elapsed());
    /// ```
    #[inline]
    pub fn now() -> Instant {
        CLOCK.get().now()
    }

    #[inline]
    pub(crate) fn nanos_since(self, earlier: Instant) -> u64 {
        if earlier < self { self.0.abs_diff(earlier.0) } else { 0 }
    }
}

thread_local! {
    /// That of the runtime which this thread is in.
    static CLOCK: Cell<Clock> = const { Cell::new(Clock::REAL) };
}

/// How the time is told: by the machine's clock, or not at all.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    pub(crate) is_paused: bool,
    /// The time, if it is paused. Else what is added to the machine's: what it once ran ahead, while paused, or
    /// stayed behind.
    pub(crate) nanos: i64,
}

impl Clock {
    pub(crate) const REAL: Clock = Clock { is_paused: false, nanos: 0 };

    /// `Instant::now` on this thread is told by it from here on.
    #[inline]
    pub(crate) fn install(self) {
        CLOCK.set(self);
    }

    #[inline]
    pub(crate) fn now(self) -> Instant {
        Instant(if self.is_paused { self.nanos } else { sys::monotonic_clock() + self.nanos })
    }
}
