//! [`Sleep`] as users see it.

use crate::core::current::with_worker_of;
use crate::core::foreign;
use crate::core::wait::sleep::withdraw_from_afar;
use crate::core::wait::{Instant, Sleep};
use crate::plugged::TimerTrace;
use std::fmt;
use std::pin::Pin;
use std::time::Duration;

/// Waits until `duration` has passed.
///
/// The future may be created anywhere, and must be awaited in a runtime. It is never early. It is late by what the
/// kernel and busy tasks add, typically some 60 µs on an idle machine. A duration too long for the clock means 30
/// years. A sleep of zero length is over at its first poll.
///
/// # Cancel safety
///
/// Nothing is lost if the future is dropped. Awaiting `&mut sleep` again goes on with the same deadline.
///
/// # Panics
///
/// Panics when polled outside a runtime or in one that has been shut down.
///
/// # Examples
///
/// ```
/// use ayi::time::{Duration, Instant, sleep};
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let start = Instant::now();
/// sleep(Duration::from_micros(200)).await;
/// assert!(start.elapsed() >= Duration::from_micros(200));
/// # });
/// ```
#[inline]
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    let deadline = Instant::now().checked_add(duration).unwrap_or_else(Instant::far_future);
    Sleep::new(deadline, duration.is_zero(), TimerTrace::sleep(deadline))
}

/// Waits until `deadline`, and not at all if it has passed. Panics and cancel safety are those of [`sleep`].
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use ayi::time::{Duration, Instant, sleep_until};
/// let deadline = Instant::now() + Duration::from_millis(1);
/// sleep_until(deadline).await;
/// assert!(Instant::now() >= deadline);
/// # });
/// ```
#[inline]
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep::new(deadline, true, TimerTrace::sleep(deadline))
}

/// Waits like [`sleep_until`], for ayi's `Interval`: subscribers of `tracing` are told that it is one.
#[doc(hidden)]
#[track_caller]
pub fn ticks_from(deadline: Instant) -> Sleep {
    Sleep::new(deadline, true, TimerTrace::interval(deadline))
}

impl Sleep {
    /// Returns the time at which the sleep ends.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::time::{Instant, sleep_until};
    /// let then = Instant::now();
    /// assert_eq!(sleep_until(then).deadline(), then);
    /// ```
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Returns whether the deadline has passed.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::time::{Duration, sleep};
    /// assert!(sleep(Duration::ZERO).is_elapsed() && !sleep(Duration::from_secs(3600)).is_elapsed());
    /// ```
    pub fn is_elapsed(&self) -> bool {
        self.deadline <= Instant::now()
    }

    /// Moves the deadline. A task that waits is woken at the new deadline, without having to poll again. If the new
    /// deadline has passed, the next poll is ready.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::time::{Duration, Instant, sleep};
    /// use std::pin::pin;
    /// let mut idle = pin!(sleep(Duration::from_secs(3600)));
    /// idle.as_mut().reset(Instant::now() + Duration::from_millis(1)); // also while a task waits for it
    /// idle.await;
    /// # });
    /// ```
    pub fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        self.deadline = deadline;
        self.trace.reset(deadline);
        self.is_unread = true;
        self.afar.forget();
        let Some(runtime) = self.runtime.take() else { return };
        let key = self.key;
        let moved = with_worker_of(runtime.id, |worker| {
            let mut timers = worker.timers();
            timers.remove(key).map(|waker| timers.insert(worker.nanos(deadline), waker))
        });
        match moved {
            Some(Some(key)) => (self.runtime, self.key) = (Some(runtime), key),
            // The timer has fired.
            Some(None) => {}
            // This thread is not inside that runtime. The waiter is woken, and its next poll registers again.
            None => withdraw_from_afar(runtime, key, foreign::wake),
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}
