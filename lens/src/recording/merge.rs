//! Puts the sections of one runtime together: each event once, by its number.
//!
//! A later section may number its texts in another way. Then its places are translated into those of the runtime.

use super::body::{LiveTask, Section, Source};
use super::event::Event;
use std::collections::HashMap;

/// What is known of one runtime, from all of its sections.
#[derive(Debug, Default)]
pub struct Runtime {
    /// The newest section, with the events of all of them, and `first` of the oldest.
    pub section: Section,
    /// Each time that it was written, in the order of the file.
    pub writings: Vec<Writing>,
    /// Where events are missing between those that are there.
    pub gaps: Vec<Gap>,
    /// The events of the sections before the newest, each list with the number of its first.
    pieces: Vec<(u64, Vec<Event>)>,
    /// The index of each text. It is made when a section is numbered in another way.
    index: HashMap<String, u32>,
    /// How many of the texts are in the index.
    indexed: usize,
}

/// When and why a runtime was written.
#[derive(Debug, PartialEq, Eq)]
pub struct Writing {
    /// The reason's number.
    pub reason: u32,
    /// The time.
    pub now: u64,
    /// The reason in words, or nothing.
    pub what: String,
}

/// Events that are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The index of the first event behind the gap.
    pub before: usize,
    /// The number of events that are missing.
    pub missing: u64,
}

/// What two sections of one runtime have in common.
pub(super) type Key = (u32, u64, u32, u64);

pub(super) fn key(section: &Section) -> Key {
    (section.process, section.runtime, section.worker, section.begins)
}

impl Runtime {
    /// Takes a section. [`Runtime::finish`] puts its events into their place.
    pub(super) fn add(&mut self, mut section: Section) {
        self.writings.push(Writing { reason: section.reason, now: section.now, what: section.what.clone() });
        self.translate(&mut section);
        self.pieces.push((section.first, std::mem::take(&mut section.events)));
        if self.writings.len() == 1 || section.now >= self.section.now {
            self.section = section;
        } else {
            self.section.texts = section.texts;
        }
    }

    /// Makes the numbers of a section's texts those of the runtime, and its texts all that are known.
    fn translate(&mut self, section: &mut Section) {
        let mut known = std::mem::take(&mut self.section.texts);
        let given = std::mem::take(&mut section.texts);
        let common = known.len().min(given.len());
        if known[..common] == given[..common] {
            section.texts = if given.len() > known.len() { given } else { known };
            return;
        }
        for (number, text) in known.iter().enumerate().skip(self.indexed) {
            self.index.entry(text.clone()).or_insert(number as u32);
        }
        let mut numbers = Vec::with_capacity(given.len());
        for text in given {
            let next = known.len() as u32;
            let number = *self.index.entry(text).or_insert_with_key(|text| {
                known.push(text.clone());
                next
            });
            numbers.push(number);
        }
        self.indexed = known.len();
        section.texts = known;
        renumber(section, &numbers);
    }

    /// Orders the events, once all sections are there.
    pub(super) fn finish(&mut self) {
        self.index = HashMap::new();
        let mut pieces = std::mem::take(&mut self.pieces);
        pieces.sort_by_key(|(first, _)| *first);
        let mut pieces = pieces.into_iter().filter(|(_, events)| !events.is_empty());
        let Some((first, mut events)) = pieces.next() else { return };
        // The number of the event that comes next. No sum is too large: the body was refused otherwise.
        let mut next = first + events.len() as u64;
        for (first, piece) in pieces {
            if first > next {
                self.gaps.push(Gap { before: events.len(), missing: first - next });
            }
            let known = usize::try_from(next.saturating_sub(first)).unwrap_or(usize::MAX);
            events.extend(piece.iter().skip(known));
            next = next.max(first + piece.len() as u64);
        }
        self.section.first = first;
        self.section.events = events;
    }

    /// Returns a text by its number.
    pub fn text(&self, number: Option<u32>) -> Option<&str> {
        self.section.texts.get(usize::try_from(number?).ok()?).map(String::as_str)
    }
}

fn renumber(section: &mut Section, numbers: &[u32]) {
    let new = |number: Option<u32>| numbers.get(usize::try_from(number?).ok()?).copied();
    for LiveTask { name, place, .. } in &mut section.tasks {
        (*name, *place) = (new(*name), new(*place));
    }
    for Source { peer, .. } in &mut section.sources {
        *peer = new(*peer);
    }
    for event in section.events.iter_mut().filter(|event| matches!(event.kind(), 8 | 13)) {
        let place = ((event.words[1] >> 48) as u32).checked_sub(1);
        // Places that do not fit into an event's 16 bits are lost.
        let more = new(place).and_then(|new| u16::try_from(new + 1).ok()).unwrap_or(0);
        event.words[1] = event.words[1] << 16 >> 16 | u64::from(more) << 48;
    }
}
