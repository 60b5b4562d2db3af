//! The lives of the hosts' programs, as sections of one file.
//!
//! A runtime that is simulated runs in slices: the simulator enters it when something happens, with a `block_on` of its own,
//! and leaves it when it would sleep. Here those slices become what they are for the program: a loop that sleeps.

use crate::Nanos;
use crate::kernel::hosts::HostId;
use crate::seen::PARKED;
use ayi_lens::recording::{self, Section, What};
use ayi_lens::writer::{self, event};
use std::collections::BTreeSet;
use std::io::Cursor;

/// The process that all hosts are said to be.
pub(super) const PROCESS: u32 = 1;

/// The bit of a section's flags that says so.
const IS_SIMULATED: u32 = 8;

/// What was recorded of a program, from its start to its end.
#[derive(Clone)]
pub(super) struct Life {
    pub(super) host: HostId,
    /// That of the host.
    pub(super) name: String,
    /// Counted from 1 for each host.
    pub(super) number: u32,
    /// What became of it.
    pub(super) fate: &'static str,
    /// As the runtime's recorder has made them.
    pub(super) sections: Vec<u8>,
}

pub(super) fn without_header(file: &[u8]) -> Vec<u8> {
    file.get(writer::header().len()..).unwrap_or_default().to_vec()
}

/// Returns a section for each life, in the order of the lives.
pub(super) fn sections(lives: &[Life], now: Nanos) -> Vec<Section> {
    let sections = lives.iter().enumerate().filter_map(|(at, life)| {
        let mut file = writer::header();
        file.extend(&life.sections);
        let recorded = recording::read(&mut Cursor::new(file)).runtimes.into_iter().next()?;
        let mut section = recorded.section;
        section.process = PROCESS;
        section.runtime = at as u64 + 1;
        section.name = match life.number {
            1 => life.name.clone(),
            number => format!("{}, life {number}", life.name),
        };
        // The thread has the name of the test, which says more than that of the program.
        let thread = std::mem::replace(&mut section.thread, life.name.clone());
        if !thread.is_empty() {
            section.program = thread;
        }
        section.reason = 2;
        section.flags = IS_SIMULATED;
        section.what = life.fate.into();
        section.now = section.now.min(now);
        smooth(&mut section);
        Some(section)
    });
    sections.collect()
}

/// Takes out what the simulator has done in the runtime.
fn smooth(section: &mut Section) {
    let roots = roots(section);
    let mut parked: BTreeSet<u64> =
        section.sources.iter().filter(|it| u64::from(it.kind) == PARKED).map(|it| it.key).collect();
    section.sources.retain(|source| u64::from(source.kind) != PARKED);
    section.tasks.retain(|task| !roots.contains(&task.id));
    let mut events = Vec::with_capacity(section.events.len());
    let (mut left, mut has_left_out, mut latest) = (None, false, 0);
    for it in std::mem::take(&mut section.events) {
        let what = it.what();
        let is_left_out = match what {
            What::Registered { key, kind, .. } if u64::from(kind) == PARKED => {
                parked.insert(key);
                true
            }
            What::Text { .. } => has_left_out,
            What::Reported { key, .. } | What::Tried { key, .. } | What::GivenUp { key, .. } => {
                parked.contains(&key)
            }
            What::Left { .. } => {
                left = Some(it.time());
                true
            }
            What::Entered { .. } => {
                // The loop has slept since.
                let slept = left.take().map_or(0, |left| it.time() - left);
                if slept > 0 {
                    let looked = What::Looked { took: slept, events: 0, may_sleep: true };
                    events.push(event(it.time(), looked));
                }
                true
            }
            _ => task_of(what).is_some_and(|task| roots.contains(&task)),
        };
        has_left_out = is_left_out;
        match what {
            // The program may hear of a call before its end, since the simulation runs calls as a whole.
            What::CallRan { .. } => events.push(event(it.time().min(latest), what)),
            _ => latest = it.time(),
        }
        if !is_left_out && !matches!(what, What::CallRan { .. }) {
            events.push(it);
        }
    }
    if let Some(left) = left.filter(|left| *left < section.now) {
        let looked = What::Looked { took: section.now - left, events: 0, may_sleep: true };
        events.push(event(section.now, looked));
    }
    section.events = events;
}

/// The ids of the `block_on`s, each of which is a slice.
fn roots(section: &Section) -> BTreeSet<u64> {
    let name_of = |task: &recording::LiveTask| section.texts.get(task.name? as usize);
    let live = section.tasks.iter().filter(|task| is_root(name_of(task))).map(|task| task.id);
    let begun = section.events.windows(2).filter_map(|two| match (two[0].what(), two[1].what()) {
        (What::Spawned { task, .. }, What::Text { bytes }) if bytes.starts_with(b"block_on\0") => Some(task),
        _ => None,
    });
    live.chain(begun).collect()
}

fn is_root(name: Option<&String>) -> bool {
    name.is_some_and(|name| name == "block_on")
}

/// The task that an event is about.
fn task_of(what: What) -> Option<u64> {
    match what {
        What::Spawned { task, .. }
        | What::Woken { task, .. }
        | What::Polled { task, .. }
        | What::Ended { task, .. }
        | What::Waits { task, .. }
        | What::Budget { task } => Some(task),
        _ => None,
    }
}
