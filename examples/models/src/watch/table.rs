//! The tables of a watch: what each rung has called.

use super::{Watched, conversation};
use crate::show;
use crate::watched::{Call, number};
use ayi_lens::recording::call_name;
use std::time::Duration;

const HEADINGS: [&str; 8] =
    ["call", "count", "time", "longest", "handed over", "ready", "found nothing", "failed"];

/// Returns a table for each rung, with a sentence about what watching has changed.
pub fn tables(seen: &[Watched]) -> String {
    seen.iter().map(one).collect::<Vec<_>>().join("\n\n")
}

fn one(watched: &Watched) -> String {
    let Watched { rung, calls, counted, unwatched, took: [took, before], begin } = watched;
    let mut rows: Vec<Row> = Vec::new();
    for call in calls {
        match rows.iter_mut().find(|row| row.number == call.number) {
            Some(row) => row.add(call, *begin),
            None => {
                rows.push(Row { number: call.number, ..Row::default() });
                rows.last_mut().expect("there is one now").add(call, *begin);
            }
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.count));
    let rows: Vec<show::Row> = rows.iter().map(Row::cells).collect();
    let clients = match conversation::clients(rung) {
        1 => "1 client".into(),
        clients => format!("{clients} clients"),
    };
    let mut text = format!("{}  {}, {clients}, {}\n\n", rung.number, rung.name, show::time(*took));
    text += &show::table(&HEADINGS, HEADINGS.len() - 1, &rows);
    let earlier = calls.iter().filter(|call| call.begin < *begin).count() as u64;
    let others = (counted + earlier).saturating_sub(calls.len() as u64);
    text += &format!("\n\nSystem calls: {}", show::number(*counted + earlier));
    if others > 0 {
        // Also those that were over later, of servers that never rest, and those that the C library hides.
        text += &format!(
            ", of which {} are not shown: not over when the last connection was closed, or inside the C library",
            show::number(others)
        );
    }
    text += &format!(". Unwatched: {}, in {}", show::number(*unwatched + earlier), show::time(*before));
    text
}

/// All calls of one name.
#[derive(Default)]
struct Row {
    number: u64,
    count: u64,
    took: Duration,
    longest: Duration,
    handed_over: u64,
    ready: u64,
    empty: u64,
    failed: u64,
}

impl Row {
    /// What took place before `begin` does not count.
    fn add(&mut self, call: &Call, begin: u64) {
        let took = Duration::from_nanos(call.end - call.begin.max(begin));
        let (is_list, is_wait) = match call.number as u16 {
            number::SELECT | number::POLL => (true, true),
            number::EPOLL_WAIT => (false, true),
            _ => (false, false),
        };
        self.count += 1;
        self.took += took;
        self.longest = self.longest.max(took);
        self.handed_over += if is_list { call.given as u64 } else { 0 };
        self.ready += if is_wait { call.result.max(0) as u64 } else { 0 };
        let is_empty = call.result == -i64::from(libc::EAGAIN);
        self.empty += u64::from(is_empty);
        self.failed += u64::from(call.result < 0 && !is_empty);
    }

    fn cells(&self) -> show::Row {
        let name = call_name(self.number as u16).map_or_else(|| self.number.to_string(), str::to_owned);
        let number = |number| if number == 0 { "–".into() } else { show::number(number) };
        let (took, longest) = (show::time(self.took), show::time(self.longest));
        let rest = [self.handed_over, self.ready, self.empty, self.failed].map(number);
        (name, Ok([show::number(self.count), took, longest].into_iter().chain(rest).collect()))
    }
}
