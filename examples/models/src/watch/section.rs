//! Makes a recording of the calls of rungs: lens/FORMAT.md.
//!
//! Each rung is one section. A call is one event, `called`, and the events of a runtime that mean the same stand behind
//! it: `looked` for a wait, `registered`, `tried` and `given up` for descriptors. The conversation of each rung begins at
//! the same time, so that they lie below each other.

use super::Watched;
use crate::watched::{Call, number};
use ayi_lens::recording::{Event, Section, What};
use ayi_lens::writer::{event, text};
use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// The time at which each conversation begins.
const ORIGIN: u64 = 1_000_000;
/// The kinds of descriptors.
const STREAM: u32 = 1;
const LISTENER: u32 = 2;
const EAGAIN: i64 = libc::EAGAIN as i64;

pub fn sections(seen: &[Watched]) -> Vec<Section> {
    let base = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
    seen.iter().zip(1..).map(|(watched, runtime)| section(watched, runtime, base)).collect()
}

fn section(watched: &Watched, runtime: u64, base: u64) -> Section {
    let mut events =
        Events { name: watched.rung.name, events: Vec::new(), keys: HashMap::new(), accepted: 0 };
    for call in &watched.calls {
        // A server waits long before its first client comes: what began before is cut.
        let time = |time: u64| time.max(watched.begin) - watched.begin + ORIGIN;
        events.call(&Call { begin: time(call.begin), end: time(call.end), ..*call });
    }
    let now = events.events.last().map_or(ORIGIN, |event| event.time());
    Section {
        process: std::process::id(),
        runtime,
        reason: 2,
        base,
        now,
        begins: ORIGIN,
        program: "models watch".into(),
        name: watched.rung.name.into(),
        thread: "main".into(),
        events: events.events,
        ..Section::default()
    }
}

struct Events<'a> {
    name: &'a str,
    events: Vec<Event>,
    /// The keys of the descriptors that are known, by their numbers.
    keys: HashMap<i64, u64>,
    /// How many clients were accepted.
    accepted: u64,
}

impl Events<'_> {
    fn call(&mut self, call: &Call) {
        let took = call.end - call.begin;
        let given = u16::try_from(call.given).ok();
        let result = call.result.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
        let called =
            What::Called { thread: call.thread as u32, call: call.number as u16, given, took, result };
        self.push(call.end, called);
        match call.number as u16 {
            number::SELECT | number::POLL | number::EPOLL_WAIT => {
                let events = u32::try_from(call.result).unwrap_or(0);
                self.push(call.end, What::Looked { took, events, may_sleep: call.may_sleep });
            }
            number::ACCEPT => self.accepted(call),
            number::READ | number::READV | number::RECV => self.tried(call, 1),
            number::WRITE | number::WRITEV | number::SEND => self.tried(call, 2),
            number::CLOSE => {
                if let Some(key) = self.keys.remove(&call.given) {
                    self.push(call.end, What::GivenUp { key, fd: call.given as u32 });
                }
            }
            _ => {}
        }
    }

    fn push(&mut self, time: u64, what: What) {
        self.events.push(event(time, what));
    }

    fn accepted(&mut self, call: &Call) {
        if !self.keys.contains_key(&call.given) {
            self.registered(call.end, call.given, LISTENER, self.name.to_owned());
        }
        self.tried(call, 4);
        if call.result >= 0 {
            self.accepted += 1;
            // They connect one after another.
            let peer = format!("{} #{}", self.name, self.accepted);
            self.registered(call.end, call.result, STREAM, peer);
        }
    }

    fn registered(&mut self, time: u64, fd: i64, kind: u32, peer: String) {
        // A number that is used again is another descriptor.
        let key = (self.accepted + 1) << 32 | fd as u64;
        self.keys.insert(fd, key);
        self.push(time, What::Registered { key, fd: fd as u32, kind });
        self.events.extend(text(time, &peer));
    }

    fn tried(&mut self, call: &Call, operation: u16) {
        // Pipes and eventfds are none of the clients'.
        let Some(&key) = self.keys.get(&call.given) else { return };
        let result = match call.result {
            0.. => 0,
            error if error == -EAGAIN => 2,
            _ => 3,
        };
        self.push(call.end, What::Tried { key, operation, result });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ayi_lens::analysis::Analysis;
    use ayi_lens::{recording, writer};
    use std::io::Cursor;
    use std::time::Duration;

    #[test]
    fn calls_become_events_with_the_same_meaning() {
        let call = |number: u16, begin, end, given, result| Call {
            thread: 41,
            begin,
            end,
            number: number.into(),
            given,
            may_sleep: number == number::EPOLL_WAIT,
            result,
        };
        let calls = vec![
            call(number::EPOLL_WAIT, 10, 200, 4, 1),
            call(number::ACCEPT, 210, 220, 3, 7),
            call(number::ACCEPT, 225, 226, 3, -EAGAIN),
            call(number::RECV, 230, 240, 7, 64),
            call(number::SEND, 250, 290, 7, 64),
            call(number::RECV, 300, 302, 7, 0),
            call(number::CLOSE, 310, 320, 7, 0),
            call(number::ACCEPT, 410, 420, 3, 7),
        ];
        let rung = crate::rungs::find("epoll_edge").unwrap();
        let took = [Duration::ZERO; 2];
        let watched = Watched { rung, calls, counted: 8, unwatched: 8, took, begin: 100 };
        let file = writer::file(&sections(&[watched]));
        let recording = recording::read(&mut Cursor::new(file));
        assert!(recording.problems.is_empty(), "{:?}", recording.problems);
        let analysis = Analysis::of(&recording.runtimes[0]);
        let calls: Vec<_> =
            analysis.system_calls.iter().map(|calls| (calls.title(), calls.count, calls.took)).collect();
        let expected =
            [("epoll_wait", 1, 100), ("accept", 3, 21), ("recv", 2, 12), ("send", 1, 40), ("close", 1, 10)];
        assert_eq!(calls, expected.map(|(name, count, took)| (name.to_owned(), count, took)));
        let descriptors: Vec<_> =
            analysis.descriptors.iter().map(|it| (it.title(), it.tries, it.empty, it.given_up)).collect();
        let expected = [
            ("TCP listener 3 epoll_edge", 3, 1, None),
            ("TCP stream 7 epoll_edge #1", 3, 0, Some(ORIGIN + 220)),
            ("TCP stream 7 epoll_edge #2", 0, 0, None),
        ];
        assert_eq!(descriptors, expected.map(|(title, a, b, c)| (title.to_owned(), a, b, c)));
        assert_eq!(analysis.looks.len(), 1);
        assert_eq!((analysis.totals.backwards, analysis.totals.unknown), (0, 0));
    }
}
