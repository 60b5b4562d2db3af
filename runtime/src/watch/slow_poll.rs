//! Polls that take too long: while a task computes or blocks, all others of its runtime stand still.
//!
//! If unused, this costs nothing. If there is a limit, a task that begins gets a mark in its slot, in the byte that
//! each poll looks at for aborts.
//!
//! In tokio-metrics: `slow_poll_threshold`. tokio itself only counts slow polls: `enable_metrics_poll_time_histogram`.

use std::cell::Cell;
use std::ffi::OsStr;
use std::fmt;
use std::io::Write;
use std::sync::OnceLock;
// std's time and not the runtime's, which may stand still.
use std::time::{Duration, Instant};

/// The environment variable that says how long a poll may take. `off` means no limit.
const VARIABLE: &str = "AYI_SLOW_POLLS";

/// How many reports there are at most in a second. More would tell a reader nothing new.
const REPORTS_PER_SECOND: u32 = 10;

/// What has been reported lately.
#[derive(Default)]
pub(crate) struct Reports {
    since: Cell<Option<Instant>>,
    told: Cell<u32>,
    untold: Cell<u64>,
}

impl Reports {
    /// Forgets all reports, for the next runtime.
    pub(crate) fn reset(&self) {
        self.since.take();
        self.untold.take();
    }

    fn may_tell(&self, now: Instant) -> bool {
        let is_over = |since| now.saturating_duration_since(since) >= Duration::from_secs(1);
        if self.since.get().is_none_or(is_over) {
            self.since.set(Some(now));
            self.told.set(0);
        }
        let told = self.told.get();
        if told == REPORTS_PER_SECOND {
            self.untold.set(self.untold.get() + 1);
            return false;
        }
        self.told.set(told + 1);
        true
    }

    pub(crate) fn tell(&self, took: Duration, limit: Duration, who: &str) {
        if !self.may_tell(Instant::now()) {
            return;
        }
        let left_out = match self.untold.take() {
            0 => String::new(),
            polls => format!("; {polls} more slow polls before that were not reported"),
        };
        // If stderr is closed, there is nobody to tell.
        let _ = writeln!(
            std::io::stderr(),
            "ayi: {who} did not give way for {} (limit {limit:?}){left_out}",
            Rounded(took)
        );
    }
}

/// A duration that is written with three digits, which are enough.
pub(crate) struct Rounded(pub(crate) Duration);

impl fmt::Display for Rounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos() as u64;
        let unit = 10u64.pow(nanos.checked_ilog10().unwrap_or(0).saturating_sub(2));
        write!(f, "{:?}", Duration::from_nanos(nanos / unit * unit))
    }
}

/// Returns what the environment says of the limit. `Some(None)` means that there is to be none.
pub(crate) fn limit_in_environment() -> Option<Option<Duration>> {
    static SAID: OnceLock<Option<Option<Duration>>> = OnceLock::new();
    *SAID.get_or_init(|| {
        let said = std::env::var_os(VARIABLE)?;
        let limit = parse(&said);
        if limit.is_none() {
            // If stderr is closed, there is nobody to tell.
            let _ = writeln!(
                std::io::stderr(),
                "ayi: {VARIABLE}={said:?} is ignored: it must be a whole number with its unit, us, ms or s, such as \
                 10ms, or off"
            );
        }
        limit
    })
}

fn parse(text: &OsStr) -> Option<Option<Duration>> {
    let text = text.to_str()?;
    if text == "off" {
        return Some(None);
    }
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit);
    let number = number.parse().ok()?;
    Some(Some(match unit {
        "us" => Duration::from_micros(number),
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        _ => return None,
    }))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn limits_that_the_environment_can_set() {
        let parse = |text: &str| parse(OsStr::new(text));
        assert_eq!(parse("10ms"), Some(Some(Duration::from_millis(10))));
        assert_eq!(parse("250us"), Some(Some(Duration::from_micros(250))));
        assert_eq!(parse("2s"), Some(Some(Duration::from_secs(2))));
        assert_eq!(parse("0ms"), Some(Some(Duration::ZERO)));
        assert_eq!(parse("off"), Some(None));
        for nonsense in
            ["", "10", "ms", "10 ms", "-1ms", "+1ms", "1.5ms", "10MS", "10m", "99999999999999999999s", "on"]
        {
            assert_eq!(parse(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn durations_of_three_digits() {
        let rounded = |nanos| Rounded(Duration::from_nanos(nanos)).to_string();
        assert_eq!(rounded(25_345_678), "25.3ms");
        assert_eq!(rounded(1_234_567_890), "1.23s");
        assert_eq!((rounded(0), rounded(7), rounded(999)), ("0ns".into(), "7ns".into(), "999ns".into()));
    }

    #[test]
    fn more_reports_than_anybody_reads() {
        let (reports, now) = (Reports::default(), Instant::now());
        let told = (0..25).filter(|_| reports.may_tell(now)).count();
        assert_eq!((told, reports.untold.get()), (10, 15));
        assert!(reports.may_tell(now + Duration::from_secs(1)));
    }
}
