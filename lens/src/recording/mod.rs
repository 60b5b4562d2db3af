//! Reads a recording: its file format stands in `FORMAT.md`.
//!
//! ```text
//! file ──sections──▶ bodies whose checksum is right ──body──▶ Section ──merge──▶ Runtime: each event once
//! ```
//!
//! 1. No input makes it panic.
//! 2. It allocates no more than some small multiple of the file's length, whatever lengths stand in the file.
//! 3. What is damaged is told with its place, and what could be read is returned nevertheless.

mod body;
mod checksum;
mod cursor;
mod event;
mod merge;
mod problem;
mod sections;

pub use body::{LiveTask, Section, Source};
pub use checksum::checksum;
pub(crate) use event::TOOK;
pub use event::{By, Cause, Event, How, Outcome, Wait, What, call_name, kind_name};
pub use merge::{Gap, Runtime, Writing};
pub use problem::{Damage, Problem};

pub(crate) use body::RUNT;
pub(crate) use sections::{MAGIC, VERSION};

use std::collections::HashMap;
use std::io::{Read, Seek};
use std::ops::Range;

/// All that could be read from a file.
#[derive(Debug, Default)]
pub struct Recording {
    /// The runtimes, each once, in the order in which they appear first.
    pub runtimes: Vec<Runtime>,
    /// What is wrong with the file.
    pub problems: Vec<Problem>,
    /// The number of sections whose tag is unknown. They are from a later version.
    pub skipped: u64,
    /// The places in the file, in bytes, of the sections that are whole.
    pub good: Vec<Range<u64>>,
}

/// Reads a recording.
pub fn read(file: &mut (impl Read + Seek)) -> Recording {
    let mut recording = Recording::default();
    let mut places = HashMap::new();
    let mut sections = sections::Sections::new(file);
    while let Some(found) = sections.next() {
        let body = found.offset + sections::BEFORE;
        recording.good.push(found.offset..body + found.body.len() as u64 + 8);
        if found.tag != RUNT {
            recording.skipped += 1;
            continue;
        }
        let (section, damage) = body::read(&found.body);
        if let Some((at, damage)) = damage {
            sections.problems.push(Problem { offset: body + at as u64, damage });
        }
        let Some(section) = section else { continue };
        let place = *places.entry(merge::key(&section)).or_insert_with(|| {
            recording.runtimes.push(Runtime::default());
            recording.runtimes.len() - 1
        });
        recording.runtimes[place].add(section);
    }
    recording.problems = sections.problems;
    recording.runtimes.iter_mut().for_each(Runtime::finish);
    recording
}
