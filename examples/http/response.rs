//! Responses, and the date in each of them.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// The code, and what it means.
#[derive(Clone, Copy)]
pub struct Status(&'static str);

impl Status {
    pub const OK: Status = Status("200 OK");
    pub const BAD_REQUEST: Status = Status("400 Bad Request");
    pub const NOT_FOUND: Status = Status("404 Not Found");
    pub const NOT_ALLOWED: Status = Status("405 Method Not Allowed");
    pub const TIMEOUT: Status = Status("408 Request Timeout");
    pub const CONTENT_TOO_LARGE: Status = Status("413 Content Too Large");
    pub const HEAD_TOO_LARGE: Status = Status("431 Request Header Fields Too Large");
    pub const NOT_IMPLEMENTED: Status = Status("501 Not Implemented");
    pub const UNAVAILABLE: Status = Status("503 Service Unavailable");
}

pub const TEXT: &str = "text/plain; charset=utf-8";
pub const BYTES: &str = "application/octet-stream";

pub struct Response<'a> {
    pub status: Status,
    pub content_type: &'static str,
    /// A whole header line, or nothing.
    pub allow: &'static str,
    pub content: &'a [u8],
}

impl<'a> Response<'a> {
    pub fn ok(content_type: &'static str, content: &'a [u8]) -> Response<'a> {
        Response { status: Status::OK, content_type, allow: "", content }
    }

    /// Makes a response whose content is what the status says.
    pub fn error(status: Status) -> Response<'a> {
        Response { status, content_type: TEXT, allow: "", content: status.0.as_bytes() }
    }

    /// Writes the response. `connection` is a whole header line, or nothing. The response to HEAD has no content, but
    /// says how long it would be.
    pub fn write(&self, to: &mut impl Write, date: &str, connection: &str, is_to_head: bool) {
        let Response { status: Status(status), content_type, allow, content } = self;
        let len = content.len();
        let head = write!(
            to,
            "HTTP/1.1 {status}\r\nDate: {date}Content-Type: {content_type}\r\nContent-Length: {len}\r\n\
             {allow}{connection}\r\n",
        );
        let content = if is_to_head { b"" } else { *content };
        head.and_then(|()| to.write_all(content)).expect("a buffer without a limit takes everything");
    }
}

thread_local! {
    /// A core is a thread, so each has its own.
    pub static CLOCK: RefCell<Clock> = RefCell::default();
}

/// The current date, formatted once a second at most.
#[derive(Default)]
pub struct Clock {
    second: u64,
    line: String,
}

impl Clock {
    /// Returns the date, such as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7), with the end of the line.
    pub fn line(&mut self) -> &str {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if self.line.is_empty() || self.second != now {
            self.second = now;
            self.line.clear();
            let (days, second) = (now / 86_400, now % 86_400);
            let (year, month, day) = civil(days);
            // The first day of 1970 was a Thursday.
            let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][days as usize % 7];
            let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
            let written = write!(
                self.line,
                "{weekday}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT\r\n"
            );
            written.expect("a String takes everything");
        }
        &self.line
    }
}

/// Returns year, month and day of the day that is `days` after 1 January 1970. Years are counted from March here, so
/// that the leap day is the last (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`).
fn civil(days: u64) -> (u64, &'static str, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let names = ["Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"];
    (era * 400 + year_of_era + u64::from(month >= 10), names[month as usize], day)
}
