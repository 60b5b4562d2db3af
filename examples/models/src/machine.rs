//! On which machine, and when, something was measured.

use crate::measure::Machine;
use std::fs;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

impl Machine {
    pub fn this() -> Machine {
        let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpus.lines().find_map(|line| line.strip_prefix("model name"));
        let model = model.map(|rest| rest.trim_start_matches([' ', '\t', ':']).trim());
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Machine {
            // Not every architecture says what it is called.
            processor: model.unwrap_or(std::env::consts::ARCH).into(),
            cores: thread::available_parallelism().map_or(1, |cores| cores.get()),
            kernel: format!("Linux {}", kernel.trim()),
            date: date(since_1970.as_secs()),
        }
    }
}

/// Returns the date in UTC, from seconds since the beginning of 1970.
fn date(seconds: u64) -> String {
    // This is from "chrono-Compatible Low-Level Date Algorithms" by Howard Hinnant. A year begins in March here, so
    // that the leap day is its last one, and 400 of them, an era, always have 146,097 days.
    let days = seconds / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // Five months have 153 days, from March on and from August on.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02}", seconds / 3_600 % 24, seconds / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn dates_around_leap_days() {
        assert_eq!(date(0), "1970-01-01 00:00");
        assert_eq!(date(951_782_399), "2000-02-28 23:59");
        assert_eq!(date(951_782_400), "2000-02-29 00:00");
        assert_eq!(date(951_868_800), "2000-03-01 00:00");
        assert_eq!(date(1_735_689_599), "2024-12-31 23:59");
        assert_eq!(date(4_107_542_400), "2100-03-01 00:00");
    }
}
