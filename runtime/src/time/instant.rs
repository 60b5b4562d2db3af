//! A point in time of the monotonic clock.

use crate::sys;
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
    /// The clock's time. Costs about 20 ns.
    #[inline]
    pub fn now() -> Instant {
        Instant(sys::monotonic_clock())
    }

    /// 30 years from now: what "never" is when a deadline is too far away for the clock.
    pub(crate) fn far_future() -> Instant {
        Instant::now() + Duration::from_secs(86_400 * 365 * 30)
    }

    /// From std's.
    pub fn from_std(std: std::time::Instant) -> Instant {
        let (their, our) = anchor();
        // (One of the two is zero.)
        our + std.saturating_duration_since(their) - their.saturating_duration_since(std)
    }

    /// To std's.
    pub fn into_std(self) -> std::time::Instant {
        let (their, our) = anchor();
        their + self.duration_since(our) - our.duration_since(self)
    }

    /// The time from `earlier` until `self`; zero if `earlier` is later.
    pub fn duration_since(&self, earlier: Instant) -> Duration {
        self.saturating_duration_since(earlier)
    }

    /// The time from `earlier` until `self`, if `earlier` is not later.
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
    #[inline]
    pub fn checked_add(&self, duration: Duration) -> Option<Instant> {
        let nanos =
            duration.as_secs().checked_mul(1_000_000_000)?.checked_add(duration.subsec_nanos().into())?;
        self.0.checked_add_unsigned(nanos).map(Instant)
    }

    /// `self - duration`, unless that is beyond what the clock can tell.
    pub fn checked_sub(&self, duration: Duration) -> Option<Instant> {
        let nanos = u64::try_from(duration.as_nanos()).ok()?;
        self.0.checked_sub_unsigned(nanos).map(Instant)
    }
}

/// The same moment as told by both clocks, which are the same clock; for ever the same pair, so that a time that is
/// converted there and back is what it was. Ours is read second: a deadline of std's is, if anything, late.
fn anchor() -> (std::time::Instant, Instant) {
    static ANCHOR: LazyLock<(std::time::Instant, Instant)> =
        LazyLock::new(|| (std::time::Instant::now(), Instant::now()));
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
