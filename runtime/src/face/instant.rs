//! Arithmetic with points in time, and conversion from and to std's.

use crate::core::wait::{Clock, Instant};
use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::sync::LazyLock;
use std::time::Duration;

impl Instant {
    /// Returns `self + duration`, unless that is beyond what the clock can tell.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::time::{Duration, Instant};
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

    /// Returns the instant 30 years from now, or the end of time if that is sooner. It stands for "never" when a
    /// deadline is too far away for the clock.
    pub(crate) fn far_future() -> Instant {
        Instant::now().checked_add(Duration::from_secs(86_400 * 365 * 30)).unwrap_or(Instant(i64::MAX))
    }

    /// Converts std's instant. std's clock reaches further, so an instant more than 292 years before or after the start
    /// of the machine becomes the earliest or the latest one of this type.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::time::Instant;
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

    /// Converts this instant to std's.
    pub fn into_std(self) -> std::time::Instant {
        let (their, our) = anchor();
        their + self.duration_since(our) - our.duration_since(self)
    }

    /// Returns the time from `earlier` until `self`, or zero if `earlier` is later.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::time::{Duration, Instant};
    /// let start = Instant::now();
    /// let end = start + Duration::from_secs(1);
    /// assert_eq!((end.duration_since(start), start.duration_since(end)), (Duration::from_secs(1), Duration::ZERO));
    /// ```
    pub fn duration_since(&self, earlier: Instant) -> Duration {
        self.saturating_duration_since(earlier)
    }

    /// Returns the time from `earlier` until `self`, or `None` if `earlier` is later.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::time::{Duration, Instant};
    /// let start = Instant::now();
    /// assert_eq!((start - Duration::from_secs(1)).checked_duration_since(start), None);
    /// ```
    pub fn checked_duration_since(&self, earlier: Instant) -> Option<Duration> {
        (earlier <= *self).then(|| self.saturating_duration_since(earlier))
    }

    /// Returns the time from `earlier` until `self`, or zero if `earlier` is later.
    pub fn saturating_duration_since(&self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }

    /// Returns the time since `self`.
    pub fn elapsed(&self) -> Duration {
        Instant::now().duration_since(*self)
    }

    /// Returns `self - duration`, unless that is beyond what the clock can tell.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::time::{Duration, Instant};
    /// assert_eq!(Instant::now().checked_sub(Duration::MAX), None);
    /// ```
    pub fn checked_sub(&self, duration: Duration) -> Option<Instant> {
        let nanos = u64::try_from(duration.as_nanos()).ok()?;
        self.0.checked_sub_unsigned(nanos).map(Instant)
    }
}

/// Returns one moment as told by both types, which read the same clock. The pair never changes, so an instant that is
/// converted there and back is what it was. Ours is read second, so a deadline of std's is late, if anything.
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
