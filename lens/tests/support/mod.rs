//! A small run, made by hand, and what tests do with recordings.
#![allow(dead_code)] // Each test uses a part of it.

use ayi_lens::analysis::Analysis;
use ayi_lens::recording::{
    Cause, Event, How, LiveTask, Outcome, Recording, Section, Source, Wait, What, read,
};
use ayi_lens::writer::{self, event, text};
use std::io::Cursor;

/// The causes that tests use.
pub mod cause {
    use super::Cause;

    pub fn task(id: u64) -> Cause {
        Cause::new(1, id)
    }
    pub fn descriptor(key: u64) -> Cause {
        Cause::new(2, key)
    }
    pub fn timer(key: u64) -> Cause {
        Cause::new(3, key)
    }
    pub fn joined(id: u64) -> Cause {
        Cause::new(7, id)
    }
    pub fn begins(spawner: u64) -> Cause {
        Cause::new(11, spawner)
    }
    pub const OUTSIDE: Cause = Cause(5);
}

pub fn spawned(task: u64, place: u32, by: Cause) -> What {
    What::Spawned { task, place: Some(place), by }
}

pub fn woken(task: u64, why: Cause) -> What {
    What::Woken { task, why }
}

pub fn pending(task: u64, took: u64) -> What {
    What::Polled { task, outcome: Outcome::Pending, took }
}

pub fn ready(task: u64, took: u64) -> What {
    What::Polled { task, outcome: Outcome::Ready, took }
}

pub fn ended(task: u64, how: How) -> What {
    What::Ended { task, how, worker: 0 }
}

/// Makes events. A name goes behind the event that it belongs to.
pub fn events(list: impl IntoIterator<Item = (u64, What, &'static str)>) -> Vec<Event> {
    let named = |(time, what, name)| [event(time, what)].into_iter().chain(text(time, name));
    list.into_iter().flat_map(named).collect()
}

/// Returns a run: the future of `block_on` is task 1, and spawns tasks 2 and 3. Task 2 reads from a socket, and holds
/// up the others for ten microseconds. Task 3 sleeps until 20,000.
pub fn small() -> Section {
    let on = |task, on, which| What::Waits { task, wait: Wait { on, which } };
    let tried = |result| What::Tried { key: 7, operation: 1, result };
    let list = [
        (1_000, What::Entered { thread: 4711 }, ""),
        (1_000, spawned(1, 0, cause::OUTSIDE), "block_on"),
        (1_000, woken(1, cause::begins(0)), ""),
        (3_000, spawned(2, 1, cause::task(1)), "echo, with a name of more than sixteen bytes"),
        (3_000, woken(2, cause::begins(1)), ""),
        (3_500, spawned(3, 2, cause::task(1)), ""),
        (3_500, woken(3, cause::begins(1)), ""),
        (4_000, What::Registered { key: 7, fd: 9, kind: 1 }, "127.0.0.1:5000"),
        (5_000, pending(1, 3_000), ""),
        (6_000, tried(2), ""),
        (6_100, on(2, 1, 7), ""),
        (6_500, pending(2, 1_000), ""),
        (6_700, What::TimerSet { key: 5, deadline: 20_000 }, ""),
        (6_700, on(3, 2, 5), ""),
        (6_900, pending(3, 300), ""),
        (17_000, What::Looked { took: 10_000, events: 1, may_sleep: true }, ""),
        (17_000, What::Reported { key: 7, bits: 1 }, ""),
        (17_000, woken(2, cause::descriptor(7)), ""),
        (17_100, What::Turned { took: 10_100, polls: 3 }, ""),
        (17_300, tried(0), ""),
        (18_000, woken(1, cause::task(2)), ""),
        (19_000, woken(2, cause::task(2)), ""),
        (27_200, pending(2, 10_000), ""),
        (27_300, What::TimerFired { key: 5, deadline: 20_000 }, ""),
        (27_300, woken(3, cause::timer(5)), ""),
        (28_400, pending(1, 1_000), ""),
        (28_600, ready(3, 100), ""),
        (28_600, ended(3, How::Ready), ""),
        (28_600, woken(1, cause::joined(3)), ""),
        (28_700, on(2, 6, 0xabc), ""),
        (28_800, pending(2, 100), ""),
        (28_850, What::CallQueued { call: 1 }, ""),
        (29_500, ready(1, 500), ""),
        (29_000, What::CallRan { call: 1, took: 100 }, ""),
        (29_500, ended(1, How::Ready), ""),
        (29_600, What::End { phase: 0, left: 1 }, ""),
    ];
    Section {
        process: 4711,
        worker: 0,
        runtime: 1,
        reason: 0,
        base: 1_700_000_000_000_000_000,
        now: 30_000,
        program: "server".into(),
        thread: "main".into(),
        texts: ["src/main.rs:10:5", "src/main.rs:20:9", "src/main.rs:30:1", "a peer"]
            .map(String::from)
            .to_vec(),
        tasks: vec![LiveTask { id: 2, name: None, place: Some(1), since: 3_000, state: 0 }],
        sources: vec![Source { key: 7, fd: 9, kind: 1, peer: Some(3), waiting: 1 }],
        events: events(list),
        ..Section::default()
    }
}

pub fn read_bytes(bytes: &[u8]) -> Recording {
    read(&mut Cursor::new(bytes))
}

/// Reads sections that are whole.
pub fn read_sections(sections: &[Section]) -> Recording {
    let recording = read_bytes(&writer::file(sections));
    assert!(recording.problems.is_empty(), "{:?}", recording.problems);
    recording
}

/// Analyses one section.
pub fn analyse(section: &Section) -> Analysis {
    let recording = read_sections(std::slice::from_ref(section));
    Analysis::of(&recording.runtimes[0])
}

/// Does everything with a file that the lens can do.
pub fn use_all(bytes: &[u8]) -> Recording {
    let recording = read_bytes(bytes);
    ayi_lens::text::text(&recording, 10);
    let mut json = Vec::new();
    ayi_lens::export::chrome(&recording, &mut json).unwrap();
    serde_json::from_slice::<serde_json::Value>(&json).unwrap();
    ayi_lens::export::perfetto(&recording, &mut Vec::new()).unwrap();
    for largest in [0, 300, u64::MAX] {
        ayi_lens::page::page(&recording, &mut Cursor::new(bytes), largest, &mut Vec::new()).unwrap();
    }
    recording
}
