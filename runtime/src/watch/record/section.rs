//! A ring as a section of a file: see `lens/FORMAT.md`.

use super::clock::{Rate, base_in_unix_time};
use super::event::{Event, ID_BITS, Kind};
use super::kept::Kept;
use super::places;
use super::ring::Ring;
use crate::core::foreign::lock;
use std::collections::BTreeMap;

/// Why a section is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Ended = 0,
    Panic = 1,
    Asked = 2,
    SlowPoll = 4,
}

const TAG: u32 = u32::from_le_bytes(*b"RUNT");
const IS_ONE_OF_SEVERAL: u32 = 1;
const IS_BY_THE_SYSTEM_CLOCK: u32 = 2;
const NO_TEXT: u32 = u32::MAX;

/// A section that is written.
pub(crate) struct Section {
    pub(crate) bytes: Vec<u8>,
    /// The number of the event that comes after its last one.
    #[cfg(feature = "live")]
    pub(crate) next: u64,
}

/// Writes what is in `ring`, if it is that of `runtime`: the events from number `from` on.
///
/// If nothing between `from` and these events is overwritten, the section has no tasks and descriptors of earlier events:
/// who has those events knows them.
pub(crate) fn section(ring: &Ring, runtime: u64, reason: Reason, what: &str, from: u64) -> Option<Section> {
    let (about, first, events, tasks, sources) = {
        let state = lock(&ring.state);
        if state.about.runtime != runtime {
            return None;
        }
        let (first, events) = ring.read(&state, from);
        let kept = if from == 0 || from < state.first { &state.kept } else { &Kept::default() };
        let tasks: Vec<_> =
            kept.tasks.iter().map(|(id, task)| (*id, task.name.clone(), task.place, task.since)).collect();
        let sources: Vec<_> =
            kept.sources.iter().map(|(key, source)| (*key, source.word, source.peer.clone())).collect();
        (state.about.clone(), first, events, tasks, sources)
    };
    let (rate, mut texts) = (ring.rate(), Texts::default());
    let mut flags = if about.is_one_of_several { IS_ONE_OF_SEVERAL } else { 0 };
    flags |= if ring.is_by_the_system_clock() { IS_BY_THE_SYSTEM_CLOCK } else { 0 };

    // The tables come first, so that their texts are known before they are written.
    let mut tables = Body::default();
    tables.u32(tasks.len() as u32);
    for (id, name, place, since) in tasks {
        tables.u64(id);
        tables.u32(texts.index_of_name(&name));
        tables.u32(texts.index_of_place(place).unwrap_or(NO_TEXT));
        tables.u64(rate.nanos(since));
        tables.u64(0);
    }
    tables.u32(sources.len() as u32);
    for (key, word, peer) in sources {
        tables.u64(key);
        tables.u32(word as u32);
        tables.u32((word >> 32) as u32 & 0xff);
        tables.u32(texts.index_of_name(&peer));
        tables.u32(0);
    }
    tables.u64(events.len() as u64);
    events.iter().for_each(|event| tables.event(event, rate, about.begins, &mut texts));

    let mut body = Body::default();
    [std::process::id(), about.worker].into_iter().for_each(|word| body.u32(word));
    body.u64(runtime);
    [reason as u32, flags].into_iter().for_each(|word| body.u32(word));
    let times = [base_in_unix_time(), rate.compared_at(), first, about.begins];
    times.into_iter().for_each(|word| body.u64(word));
    let program = std::env::args_os().next().unwrap_or_default();
    body.text(&program.to_string_lossy());
    [&about.name, &about.thread, what].into_iter().for_each(|text| body.text(text));
    body.u32(texts.all.len() as u32);
    texts.all.iter().for_each(|text| body.text(text));
    body.0.append(&mut tables.0);
    Some(Section {
        bytes: body.into_section(),
        #[cfg(feature = "live")]
        next: first + events.len() as u64,
    })
}

#[derive(Default)]
struct Body(Vec<u8>);

impl Body {
    fn u32(&mut self, word: u32) {
        self.0.extend(word.to_le_bytes());
    }

    fn u64(&mut self, word: u64) {
        self.0.extend(word.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.u32(text.len() as u32);
        self.0.extend(text.bytes());
    }

    /// `begins`: the time from which the runtime's timers count.
    fn event(&mut self, event: &Event, rate: Rate, begins: u64, texts: &mut Texts) {
        let (mut a, mut b) = (event.a, event.b);
        if event.is_a(Kind::Looked) || event.is_a(Kind::Turned) {
            a = rate.nanos(a);
        } else if event.is_a(Kind::Polled) || event.is_a(Kind::CallRan) {
            b = rate.nanos(b);
        } else if event.is_a(Kind::TimerSet) || event.is_a(Kind::TimerFired) {
            b = b.saturating_add(begins);
        } else if event.is_a(Kind::Spawned) || event.is_a(Kind::Arrived) {
            let place = texts.index_of_place(event.more() as u16).map_or(0, |index| u64::from(index) + 1);
            // There are no more places than the table of `places` holds.
            a = event.id() | place.min(0xffff) << ID_BITS;
        }
        self.u64(Event::first_word(rate.nanos(event.time), event.kind));
        self.u64(a);
        self.u64(b);
    }

    fn into_section(self) -> Vec<u8> {
        let mut section = Body(Vec::with_capacity(self.0.len() + 24));
        section.u32(TAG);
        section.u32(0);
        section.u64(self.0.len() as u64);
        let checksum = checksum(&self.0);
        section.0.extend(self.0);
        section.u64(checksum);
        section.0
    }
}

/// FNV-1a over words. It notices damage, not malice.
fn checksum(body: &[u8]) -> u64 {
    body.chunks(8).fold(0xcbf2_9ce4_8422_2325, |sum, bytes| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        (sum ^ u64::from_le_bytes(word)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The table of texts. No hash maps: std would draw their keys, which a simulation decides.
#[derive(Default)]
struct Texts {
    all: Vec<String>,
    places: BTreeMap<u16, u32>,
    names: BTreeMap<Vec<u8>, u32>,
}

impl Texts {
    fn add(&mut self, text: String) -> u32 {
        self.all.push(text);
        self.all.len() as u32 - 1
    }

    fn index_of_place(&mut self, number: u16) -> Option<u32> {
        if let Some(index) = self.places.get(&number) {
            return Some(*index);
        }
        let index = self.add(places::of_number(number)?.to_string());
        self.places.insert(number, index);
        Some(index)
    }

    fn index_of_name(&mut self, name: &[u8]) -> u32 {
        if name.is_empty() {
            return NO_TEXT;
        }
        if let Some(index) = self.names.get(name) {
            return *index;
        }
        let index = self.add(String::from_utf8_lossy(name).into_owned());
        self.names.insert(name.to_vec(), index);
        index
    }
}
