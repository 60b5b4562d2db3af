//! The newest events of a recording that is too large for a page.
//!
//! Each runtime gets its share of the room. What a small one leaves is for the others.

use crate::recording::{Recording, Runtime, Section};
use crate::writer;

/// The bytes of an event.
const EVENT: u64 = 24;

/// Returns sections whose events and texts have no more than `largest` bytes together, and the number of events that
/// are left out. What is in a section besides its events is never left out, so there may be room for none.
pub(super) fn shorten(recording: &Recording, largest: u64) -> (Vec<Section>, u64) {
    let mut room = largest;
    let mut runtimes: Vec<(u64, usize)> = Vec::new();
    for (index, runtime) in recording.runtimes.iter().enumerate() {
        let besides = writer::body(&Section { events: Vec::new(), ..copy(runtime) }).len() as u64 + EVENT;
        room = room.saturating_sub(besides);
        runtimes.push((runtime.section.events.len() as u64, index));
    }
    // The smallest first: so all others know what it leaves.
    runtimes.sort_unstable();
    let mut room = room / EVENT;
    let mut left_out = 0;
    let mut sections: Vec<(usize, Section)> = Vec::new();
    for (position, (events, index)) in runtimes.iter().enumerate() {
        let share = room / (runtimes.len() - position) as u64;
        let kept = share.min(*events);
        room -= kept;
        left_out += events - kept;
        let pieces = newest(&recording.runtimes[*index], (events - kept) as usize);
        sections.extend(pieces.into_iter().map(|section| (*index, section)));
    }
    sections.sort_by_key(|(index, _)| *index);
    (sections.into_iter().map(|(_, section)| section).collect(), left_out)
}

/// Returns a runtime's sections without its first events: one for each part without a gap, since only the first event
/// of a section has a number.
fn newest(runtime: &Runtime, without: usize) -> Vec<Section> {
    let section = &runtime.section;
    let mut sections = Vec::new();
    let (mut start, mut first) = (0, section.first);
    let ends = runtime.gaps.iter().map(|gap| (gap.before, gap.missing)).chain([(section.events.len(), 0)]);
    for (end, missing) in ends {
        let from = start.max(without.min(end));
        let is_last = end == section.events.len();
        if from < end || is_last {
            let besides = if is_last { copy(runtime) } else { without_lists(runtime) };
            let first = first + (from - start) as u64;
            sections.push(Section { events: section.events[from..end].to_vec(), first, ..besides });
        }
        first += (end - start) as u64 + missing;
        start = end;
    }
    sections
}

/// Copies a section but for its events and its lists. Another section of the runtime has these.
fn without_lists(runtime: &Runtime) -> Section {
    Section { texts: Vec::new(), tasks: Vec::new(), sources: Vec::new(), ..copy(runtime) }
}

/// Copies a section but for its events.
fn copy(runtime: &Runtime) -> Section {
    let section = &runtime.section;
    Section {
        program: section.program.clone(),
        name: section.name.clone(),
        thread: section.thread.clone(),
        what: section.what.clone(),
        texts: section.texts.clone(),
        tasks: section.tasks.clone(),
        sources: section.sources.clone(),
        events: Vec::new(),
        ..*section
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::{What, read};
    use std::io::Cursor;

    fn section(runtime: u64, first: u64, events: u64) -> Section {
        let events =
            (0..events).map(|event| writer::event(first + event, What::Messages { count: event })).collect();
        Section { runtime, first, events, texts: vec!["a text".into()], ..Section::default() }
    }

    #[test]
    fn what_a_small_runtime_leaves_is_for_the_large_one() {
        let file = writer::file(&[section(1, 0, 1_000), section(2, 0, 10), section(1, 1_005, 1_000)]);
        let recording = read(&mut Cursor::new(file));
        let (sections, left_out) = shorten(&recording, 1_210 * 24 + 500);
        assert!((790..=830).contains(&left_out), "{left_out}");
        let events: Vec<(u64, u64)> = sections
            .iter()
            .map(|section| (section.runtime, section.first + section.events.len() as u64))
            .collect();
        assert_eq!(events, [(1, 1_000), (1, 2_005), (2, 10)]);
        let again = read(&mut Cursor::new(writer::file(&sections)));
        assert_eq!(again.runtimes[0].section.first, left_out);
        assert_eq!(again.runtimes[0].gaps[0].missing, 5);
        assert_eq!(again.runtimes[0].section.texts, ["a text"]);
        assert_eq!(again.runtimes[1].section.events.len(), 10);
    }
}
