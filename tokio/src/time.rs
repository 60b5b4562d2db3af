//! Sleeping, time limits, and ticking at an interval.
//!
//! A timer that is made outside a runtime, or in one without timers, panics there, as tokio's does. ayi's own waits in the
//! runtime in which it is polled.

use crate::NO_RUNTIME;
#[doc(no_inline)]
pub use ayi::time::{
    Duration, Instant, Interval, MissedTickBehavior, Sleep, Timeout, advance, error, pause, resume,
};

/// Waits until `duration` has passed.
///
/// # Panics
///
/// Panics outside a runtime, or in one without timers.
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    check();
    ayi::time::sleep(duration)
}

/// Waits until `deadline`.
///
/// # Panics
///
/// Panics outside a runtime, or in one without timers.
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    check();
    ayi::time::sleep_until(deadline)
}

/// Limits the time that `future` may take.
///
/// # Panics
///
/// Panics outside a runtime, or in one without timers.
#[track_caller]
pub fn timeout<F: IntoFuture>(duration: Duration, future: F) -> Timeout<F::IntoFuture> {
    check();
    ayi::time::timeout(duration, future)
}

/// Limits the time that `future` may take, by a deadline.
///
/// # Panics
///
/// Panics outside a runtime, or in one without timers.
#[track_caller]
pub fn timeout_at<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    check();
    ayi::time::timeout_at(deadline, future)
}

/// Ticks now, and then after every `period`.
///
/// # Panics
///
/// Panics if `period` is zero, outside a runtime, or in one without timers.
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    assert!(period > Duration::ZERO, "`period` must be non-zero.");
    check();
    ayi::time::interval(period)
}

/// Ticks at `start`, and then after every `period`.
///
/// # Panics
///
/// Panics if `period` is zero, outside a runtime, or in one without timers.
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(period > Duration::ZERO, "`period` must be non-zero.");
    check();
    ayi::time::interval_at(start, period)
}

#[track_caller]
fn check() {
    match ayi::runtime::has_timers() {
        Some(true) => {}
        Some(false) => panic!(
            "A Tokio 1.x context was found, but timers are disabled. Call `enable_time` on the runtime builder to \
             enable timers."
        ),
        None => panic!("{NO_RUNTIME}"),
    }
}
