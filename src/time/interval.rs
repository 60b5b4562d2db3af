//! Ticking. In tokio: `time/interval.rs`.

use ayi_runtime::time::{Instant, Sleep, sleep, ticks_from};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Makes an [`Interval`] that ticks every `period`, the first time at once.
///
/// # Panics
///
/// Panics if `period` is zero.
///
/// # Examples
///
/// ```
/// use ayi::time::{Duration, Instant, interval};
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let start = Instant::now();
/// let mut ticks = interval(Duration::from_millis(1));
/// for _ in 0..3 {
///     ticks.tick().await;
/// }
/// assert!(start.elapsed() >= Duration::from_millis(2));
/// # });
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    interval_at(Instant::now(), period)
}

/// Makes an [`Interval`] that ticks every `period`, the first time at `start`.
///
/// # Panics
///
/// Panics if `period` is zero.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// use ayi::time::{Duration, Instant, interval_at};
/// let start = Instant::now() + Duration::from_millis(5);
/// let mut interval = interval_at(start, Duration::from_millis(10));
/// assert_eq!(interval.tick().await, start);
/// # }
/// ```
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(!period.is_zero(), "interval: the period must not be zero, it would tick without end");
    Interval { next: ticks_from(start), period, missed: MissedTickBehavior::default() }
}

/// What an [`Interval`] does after ticks that were not awaited in time.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// use ayi::time::{Duration, MissedTickBehavior, advance, interval, pause};
/// pause();
/// let mut interval = interval(Duration::from_secs(1));
/// interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
/// let first = interval.tick().await;
/// advance(Duration::from_millis(3_500)).await;
/// assert_eq!(interval.tick().await - first, Duration::from_secs(1)); // late
/// assert_eq!(interval.tick().await - first, Duration::from_secs(4)); // and then back in its rhythm
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedTickBehavior {
    /// Makes up for them at once, as fast as it is awaited, until it is back in its rhythm.
    #[default]
    Burst,
    /// Starts a new rhythm: the next tick comes one period after the late one.
    Delay,
    /// Leaves them out and stays in its rhythm: the next tick comes at the next multiple of the period.
    Skip,
}

/// A ticker, made by [`interval`] and [`interval_at`].
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// use ayi::time::{Duration, interval};
/// let mut interval = interval(Duration::from_millis(1));
/// for _ in 0..3 {
///     interval.tick().await; // the first is at once
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Interval {
    next: Sleep,
    period: Duration,
    missed: MissedTickBehavior,
}

impl Interval {
    /// Waits for the next tick, and returns when it was due.
    ///
    /// # Cancel safety
    ///
    /// No tick is lost if the future is dropped.
    ///
    /// # Panics
    ///
    /// Panics when polled outside a runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::time::{Duration, interval};
    /// let mut interval = interval(Duration::from_millis(1));
    /// let (first, second) = (interval.tick().await, interval.tick().await);
    /// assert_eq!(second - first, Duration::from_millis(1));
    /// # }
    /// ```
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// Polls for the next tick, like [`tick`](Interval::tick).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::time::{Duration, interval};
    /// use std::future::poll_fn;
    /// let mut interval = interval(Duration::from_millis(1));
    /// let at = poll_fn(|cx| interval.poll_tick(cx)).await;
    /// # }
    /// ```
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        ready!(Pin::new(&mut self.next).poll(cx));
        let due = self.next.deadline();
        let next = self.after(due, Instant::now());
        Pin::new(&mut self.next).reset(next);
        Poll::Ready(due)
    }

    /// Returns the tick after the one that was due at `due` and was taken at `now`.
    fn after(&self, due: Instant, now: Instant) -> Instant {
        let late = now.saturating_duration_since(due);
        // A timer is always a little late. Less than this is not a missed tick; tokio has the same measure.
        let is_missed = late > Duration::from_millis(5);
        let next = match self.missed {
            MissedTickBehavior::Delay if is_missed => now.checked_add(self.period),
            MissedTickBehavior::Skip if is_missed => {
                let into_period = late.as_nanos() % self.period.as_nanos();
                let rest = self.period.as_nanos() - into_period;
                // The rest is less than a period, and `u64` nanoseconds hold 584 years.
                now.checked_add(Duration::from_nanos(u64::try_from(rest).unwrap_or(u64::MAX)))
            }
            _ => due.checked_add(self.period),
        };
        next.unwrap_or_else(far_future)
    }

    /// Sets the next tick to one period from now.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::time::{Duration, advance, interval, pause};
    /// pause();
    /// let mut interval = interval(Duration::from_secs(10));
    /// let first = interval.tick().await;
    /// advance(Duration::from_secs(7)).await;
    /// interval.reset();
    /// assert_eq!(interval.tick().await - first, Duration::from_secs(17));
    /// # }
    /// ```
    pub fn reset(&mut self) {
        self.reset_after(self.period);
    }

    /// Sets the next tick to now.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::time::{Duration, Instant, interval, pause};
    /// pause();
    /// let mut interval = interval(Duration::from_secs(10));
    /// interval.tick().await;
    /// interval.reset_immediately();
    /// assert_eq!(interval.tick().await, Instant::now());
    /// # }
    /// ```
    pub fn reset_immediately(&mut self) {
        self.reset_at(Instant::now());
    }

    /// Sets the next tick to `duration` from now. Later ticks follow in the rhythm of the period.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::time::{Duration, Instant, interval, pause};
    /// pause();
    /// let mut interval = interval(Duration::from_secs(10));
    /// interval.tick().await;
    /// let in_three = Instant::now() + Duration::from_secs(3);
    /// interval.reset_after(Duration::from_secs(3));
    /// assert_eq!(interval.tick().await, in_three);
    /// # }
    /// ```
    pub fn reset_after(&mut self, duration: Duration) {
        self.reset_at(Instant::now().checked_add(duration).unwrap_or_else(far_future));
    }

    /// Sets the next tick to `deadline`. Later ticks follow in the rhythm of the period.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::time::{Duration, Instant, interval, pause};
    /// pause();
    /// let mut interval = interval(Duration::from_secs(10));
    /// interval.tick().await;
    /// let then = Instant::now() + Duration::from_secs(3);
    /// interval.reset_at(then);
    /// assert_eq!(interval.tick().await, then);
    /// # }
    /// ```
    pub fn reset_at(&mut self, deadline: Instant) {
        Pin::new(&mut self.next).reset(deadline);
    }

    /// Returns what happens to missed ticks.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::time::{Duration, MissedTickBehavior, interval};
    /// let mut interval = interval(Duration::from_secs(1));
    /// assert_eq!(interval.missed_tick_behavior(), MissedTickBehavior::Burst);
    /// interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    /// # }
    /// ```
    pub fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.missed
    }

    /// Sets what happens to missed ticks. The default is [`Burst`](MissedTickBehavior::Burst).
    pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.missed = behavior;
    }

    /// Returns the time between two ticks.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::time::{Duration, interval};
    /// assert_eq!(interval(Duration::from_secs(1)).period(), Duration::from_secs(1));
    /// # }
    /// ```
    pub fn period(&self) -> Duration {
        self.period
    }
}

/// Returns a deadline for one beyond the clock's range. `sleep` knows how far that is.
fn far_future() -> Instant {
    sleep(Duration::MAX).deadline()
}
