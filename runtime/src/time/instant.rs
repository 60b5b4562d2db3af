//! A point in time of the monotonic clock.

use crate::sys;
use std::cell::Cell;
use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::sync::LazyLock;
use std::time::Duration;

/// A point in time of the monotonic clock, as std's `Instant` (with which it converts both ways).
///
/// A type of its own, like tokio's: one number, which timers compare as it is.
///
/// # Examples
///
/// ```
/// use ayi_runtime::time::{Duration, Instant};
/// let start = Instant::now();
/// assert!(start + Duration::from_millis(1) > start);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(
    /// Nanoseconds of the clock: 292 years after the machine was started, or before.
    i64,
);

impl Instant {
    /// The clock's time; of a runtime whose time is [paused](super::pause), the time at which it stands. Costs
    /// about 20 ns.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi_runtime::time::Instant;
    /// let start = Instant::now();
    /// println!("it took {:?}", start.elapsed());
    /// ```
    #[inline]
    pub fn now() -> Instant {
        CLOCK.get().now()
    }

    /// 30 years from now, or the end of time if that is sooner: what "never" is when a deadline is too far away for the
    /// clock.
    pub(crate) fn far_future() -> Instant {
        Instant::now().checked_add(Duration::from_secs(86_400 * 365 * 30)).unwrap_or(Instant(i64::MAX))
    }

    /// From std's, which reaches further: what is beyond 292 years before or after the start of the machine becomes that.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi_runtime::time::Instant;
    /// let std = std::time::Instant::now();
    /// assert_eq!(Instant::from_std(std).into_std(), std);
    /// ```
    pub fn from_std(std: std::time::Instant) -> Instant {
        let (their, our) = anchor();
        match std.checked_duration_since(their) {
            Some(later) => our.checked_add(later).unwrap_or(Instant(i64::MAX)),
            None => our.checked_sub(their.duration_since(std)).unwrap_or(Instant(i64::MIN)),
        }
    }

    /// To std's.
    pub fn into_std(self) -> std::time::Instant {
        let (their, our) = anchor();
        their + self.duration_since(our) - our.duration_since(self)
    }

    /// The time from `earlier` until `self`; zero if `earlier` is later.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi_runtime::time::{Duration, Instant};
    /// let start = Instant::now();
    /// let end = start + Duration::from_secs(1);
    /// assert_eq!((end.duration_since(start), start.duration_since(end)), (Duration::from_secs(1), Duration::ZERO));
    /// ```
    pub fn duration_since(&self, earlier: Instant) -> Duration {
        self.saturating_duration_since(earlier)
    }

    /// The time from `earlier` until `self`, if `earlier` is not later.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi_runtime::time::{Duration, Instant};
    /// let start = Instant::now();
    /// assert_eq!((start - Duration::from_secs(1)).checked_duration_since(start), None);
    /// ```
    pub fn checked_duration_since(&self, earlier: Instant) -> Option<Duration> {
        (earlier <= *self).then(|| self.saturating_duration_since(earlier))
    }

    /// The time from `earlier` until `self`; zero if `earlier` is later.
    pub fn saturating_duration_since(&self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }

    #[inline]
    pub(crate) fn nanos_since(self, earlier: Instant) -> u64 {
        if earlier < self { self.0.abs_diff(earlier.0) } else { 0 }
    }

    /// The time since `self`.
    pub fn elapsed(&self) -> Duration {
        Instant::now().duration_since(*self)
    }

    /// `self + duration`, unless that is beyond what the clock can tell.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi_runtime::time::{Duration, Instant};
    /// let now = Instant::now();
    /// assert_eq!(now.checked_add(Duration::from_secs(1)), Some(now + Duration::from_secs(1)));
    /// assert_eq!(now.checked_add(Duration::MAX), None);
    /// ```
    #[inline]
    pub fn checked_add(&self, duration: Duration) -> Option<Instant> {
        let nanos =
            duration.as_secs().checked_mul(1_000_000_000)?.checked_add(duration.subsec_nanos().into())?;
        self.0.checked_add_unsigned(nanos).map(Instant)
    }

    /// `self - duration`, unless that is beyond what the clock can tell.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi_runtime::time::{Duration, Instant};
    /// assert_eq!(Instant::now().checked_sub(Duration::MAX), None);
    /// ```
    pub fn checked_sub(&self, duration: Duration) -> Option<Instant> {
        let nanos = u64::try_from(duration.as_nanos()).ok()?;
        self.0.checked_sub_unsigned(nanos).map(Instant)
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
    nanos: i64,
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

    pub(crate) fn paused_at(time: Instant) -> Clock {
        Clock { is_paused: true, nanos: time.0 }
    }

    pub(crate) fn pause(self) -> Clock {
        Clock::paused_at(self.now())
    }

    /// Goes on from where it stands. Near the end of time it stays there: it would overflow while it runs, and to ask
    /// each time would cost every timer.
    pub(crate) fn resume(self) -> Clock {
        const NEAR_THE_END: i64 = i64::MAX - (1 << 60);
        let now = self.now();
        if now.0 > NEAR_THE_END {
            return Clock::paused_at(now);
        }
        Clock { is_paused: false, nanos: now.0 - sys::monotonic_clock() }
    }
}

/// The same moment as told by both clocks, which are the same clock; for ever the same pair, so that a time that is
/// converted there and back is what it was. Ours is read second: a deadline of std's is, if anything, late.
fn anchor() -> (std::time::Instant, Instant) {
    static ANCHOR: LazyLock<(std::time::Instant, Instant)> =
        LazyLock::new(|| (std::time::Instant::now(), Clock::REAL.now()));
    *ANCHOR
}

impl Add<Duration> for Instant {
    type Output = Instant;

    #[track_caller]
    fn add(self, duration: Duration) -> Instant {
        self.checked_add(duration)
            .expect("an Instant cannot be that far in the future: 292 years are the most")
    }
}

impl AddAssign<Duration> for Instant {
    #[track_caller]
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    #[track_caller]
    fn sub(self, duration: Duration) -> Instant {
        self.checked_sub(duration).expect("an Instant cannot be that far in the past: 292 years are the most")
    }
}

impl SubAssign<Duration> for Instant {
    #[track_caller]
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Instant) -> Duration {
        self.duration_since(earlier)
    }
}

impl From<std::time::Instant> for Instant {
    fn from(std: std::time::Instant) -> Instant {
        Instant::from_std(std)
    }
}

impl From<Instant> for std::time::Instant {
    fn from(instant: Instant) -> std::time::Instant {
        instant.into_std()
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Instant({:?})", Duration::from_nanos(self.0.unsigned_abs()))
    }
}
