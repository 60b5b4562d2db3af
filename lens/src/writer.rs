//! Writes recordings: those of tests and fuzzing, and the shorter one that a page gets if the whole is too large.

use crate::recording::{
    Cause, Event, How, LiveTask, MAGIC, Outcome, RUNT, Section, Source, TOOK, VERSION, What, checksum,
};

/// Returns a file with these sections.
pub fn file(sections: &[Section]) -> Vec<u8> {
    let mut bytes = header();
    for section in sections {
        append(&mut bytes, RUNT, &body(section));
    }
    bytes
}

/// Returns what a file begins with.
pub fn header() -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend([0; 4]);
    bytes
}

/// Appends a section with any tag and body.
pub fn append(bytes: &mut Vec<u8>, tag: u32, body: &[u8]) {
    bytes.extend(tag.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend((body.len() as u64).to_le_bytes());
    bytes.extend(body);
    bytes.extend(checksum(body).to_le_bytes());
}

/// Returns the body of a runtime's section.
pub fn body(section: &Section) -> Vec<u8> {
    let mut out = Out(Vec::with_capacity(section.events.len() * 24 + 1024));
    out.u32(section.process);
    out.u32(section.worker);
    out.u64(section.runtime);
    out.u32(section.reason);
    out.u32(section.flags);
    for number in [section.base, section.now, section.first, section.begins] {
        out.u64(number);
    }
    for text in [&section.program, &section.name, &section.thread, &section.what] {
        out.text(text);
    }
    out.u32(section.texts.len() as u32);
    section.texts.iter().for_each(|text| out.text(text));
    out.u32(section.tasks.len() as u32);
    section.tasks.iter().for_each(|task| out.task(task));
    out.u32(section.sources.len() as u32);
    section.sources.iter().for_each(|source| out.source(source));
    out.u64(section.events.len() as u64);
    for event in &section.events {
        event.words.iter().for_each(|word| out.u64(*word));
    }
    out.0
}

struct Out(Vec<u8>);

impl Out {
    fn u32(&mut self, number: u32) {
        self.0.extend(number.to_le_bytes());
    }

    fn u64(&mut self, number: u64) {
        self.0.extend(number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.u32(text.len() as u32);
        self.0.extend(text.as_bytes());
    }

    fn index(&mut self, index: Option<u32>) {
        self.u32(index.unwrap_or(u32::MAX));
    }

    fn task(&mut self, task: &LiveTask) {
        self.u64(task.id);
        self.index(task.name);
        self.index(task.place);
        self.u64(task.since);
        self.u32(task.state);
        self.u32(0);
    }

    fn source(&mut self, source: &Source) {
        self.u64(source.key);
        self.u32(source.fd);
        self.u32(source.kind);
        self.index(source.peer);
        self.u32(source.waiting);
    }
}

/// Puts an event together, the counterpart of [`Event::what`].
pub fn event(time: u64, what: What) -> Event {
    let with = |id: u64, more: u16| id | u64::from(more) << 48;
    let (kind, a, b) = match what {
        What::Looked { took, events, may_sleep } => (1, took, u64::from(events) | u64::from(may_sleep) << 32),
        What::Turned { took, polls } => (2, took, polls),
        What::Entered { thread } => (3, thread, 0),
        What::Left { thread } => (4, thread, 0),
        What::Spawned { task, place, by: Cause(by) } => {
            (8, with(task, place.map_or(0, |place| place as u16 + 1)), by)
        }
        What::Text { bytes } => {
            let half = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]));
            (9, half(0), half(8))
        }
        What::Woken { task, why: Cause(why) } => (10, task, why),
        What::Polled { task, outcome, took } => (11, with(task, outcome.into()), took),
        What::Ended { task, how, worker } => (12, with(task, how.into()), worker),
        What::Arrived { task, place, worker } => {
            (13, with(task, place.map_or(0, |place| place as u16 + 1)), worker)
        }
        What::Waits { task, wait } => (14, with(task, wait.on), wait.which),
        What::Registered { key, fd, kind } => (16, key, u64::from(fd) | u64::from(kind) << 32),
        What::Reported { key, bits } => (17, key, bits),
        What::Tried { key, operation, result } => (18, key, u64::from(operation) | u64::from(result) << 16),
        What::GivenUp { key, fd } => (19, key, u64::from(fd)),
        What::TimerSet { key, deadline } => (24, key, deadline),
        What::TimerFired { key, deadline } => (25, key, deadline),
        What::TimerDropped { key } => (26, key, 0),
        What::Budget { task } => (32, task, 0),
        What::Messages { count } => (33, count, 0),
        What::CallQueued { call } => (40, call, 0),
        What::CallRan { call, took } => (41, call, took),
        What::Submitted { operation, code } => (48, operation, code),
        What::Completed { operation, result } => (49, operation, u64::from(result as u32)),
        What::End { phase, left } => (56, phase, left),
        What::Lost { events } => (60, events, 0),
        What::Called { thread, call, given, took, result } => {
            let given = given.map_or(0, |given| u64::from(given.saturating_add(1)));
            // Nearest, where there is no room: 40 bits for the time, 24 for the result.
            let result = i64::from(result).clamp(-(1 << 23), (1 << 23) - 1) as u64;
            (64, with(u64::from(thread) | given << 32, call), took.min(TOOK) | result << 40)
        }
        What::Unknown { kind } => (kind, 0, 0),
    };
    Event { words: [u64::from(kind) | time << 8, a, b] }
}

/// Returns the events that name the task, or the peer of the descriptor, of the event before.
pub fn text(time: u64, text: &str) -> Vec<Event> {
    let piece = |part: &[u8]| {
        let mut bytes = [0; 16];
        bytes[..part.len()].copy_from_slice(part);
        event(time, What::Text { bytes })
    };
    text.as_bytes().chunks(16).map(piece).collect()
}

impl From<Outcome> for u16 {
    fn from(outcome: Outcome) -> u16 {
        match outcome {
            Outcome::Pending => 0,
            Outcome::Ready => 1,
            Outcome::Panicked => 2,
            Outcome::Other(other) => other,
        }
    }
}

impl From<How> for u16 {
    fn from(how: How) -> u16 {
        match how {
            How::Ready => 0,
            How::Panicked => 1,
            How::Cancelled => 2,
            How::Moved => 3,
            How::Other(other) => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_read_as_it_was_written() {
        for kind in 0..=255 {
            for words in [[0x7f00 | kind, 1 << 48 | 5, 3], [u64::MAX << 8 | kind, 7, 1 << 32 | 1 << 16]] {
                let what = Event { words }.what();
                let again = event(words[0] >> 8, what);
                assert_eq!(again.what(), what);
                assert_eq!(again.kind(), kind as u8);
            }
        }
    }
    #[test]
    fn a_call_that_has_no_room_for_its_numbers_has_the_nearest() {
        let called =
            |given, took, result| What::Called { thread: u32::MAX, call: u16::MAX, given, took, result };
        for (what, read) in [
            (called(Some(5), 7, -11), called(Some(5), 7, -11)),
            (called(None, 0, 0), called(None, 0, 0)),
            (called(Some(u16::MAX), u64::MAX, i32::MAX), called(Some(u16::MAX - 1), TOOK, (1 << 23) - 1)),
            (called(Some(0), TOOK, i32::MIN), called(Some(0), TOOK, -(1 << 23))),
        ] {
            assert_eq!(event(3, what).what(), read);
        }
    }
}
