//! The lens: what it makes of a file, which may be any bytes.
//!
//! The first byte says what the others are: a file, the body of a section, or events that stand in two sections. A
//! checksum would refuse nearly all bodies otherwise.
//!
//! - Nothing panics: reading, analysis, tables, traces, a page.
//! - No more events are read than the file has room for.
//! - What was read and is written again is read as the same, without problems. This holds for the recording in a page,
//!   too, except for the events that it says are left out.
//! - Events that stand in two sections are put together: each once, and with the gap that there is.
//! - The sums of an analysis are those of its parts.

use crate::input::Input;
use ayi_lens::analysis::Analysis;
use ayi_lens::recording::{Event, Recording, Section, read};
use ayi_lens::{export, page, text, writer};
use std::io::Cursor;

/// The tag of a runtime's section.
const RUNT: u32 = 0x544e_5552;

pub fn run(data: &[u8]) {
    let Some((kind, data)) = data.split_first() else { return };
    match kind % 3 {
        0 => check(data),
        1 => {
            let mut file = writer::header();
            writer::append(&mut file, RUNT, data);
            check(&file);
        }
        _ => in_two_sections(data),
    }
}

fn read_bytes(file: &[u8]) -> Recording {
    read(&mut Cursor::new(file))
}

fn check(file: &[u8]) {
    let recording = read_bytes(file);
    let events = |recording: &Recording| {
        recording.runtimes.iter().map(|runtime| runtime.section.events.len() as u64).sum::<u64>()
    };
    assert!(events(&recording) * 24 <= file.len() as u64);
    text::text(&recording, 5);
    export::chrome(&recording, &mut Vec::new()).expect("memory takes all");
    export::perfetto(&recording, &mut Vec::new()).expect("memory takes all");
    for runtime in &recording.runtimes {
        sums(&Analysis::of(runtime));
        if runtime.gaps.is_empty() {
            let again = read_bytes(&writer::file(std::slice::from_ref(&runtime.section)));
            assert!(again.problems.is_empty(), "{:?}", again.problems);
            assert_eq!(again.runtimes[0].section, runtime.section);
        }
    }
    for largest in [0, file.len() as u64 / 2, u64::MAX] {
        let mut html = Vec::new();
        let left_out =
            page::page(&recording, &mut Cursor::new(file), largest, &mut html).expect("memory takes all");
        let embedded = embedded(&html);
        let again = read_bytes(&embedded);
        assert_eq!(events(&again), events(&recording) - left_out);
        if left_out > 0 {
            assert!(again.problems.is_empty(), "{:?}", again.problems);
        }
    }
}

/// Checks the sums of an analysis.
fn sums(analysis: &Analysis) {
    assert_eq!(analysis.tasks.iter().map(|task| task.polls).sum::<u64>(), analysis.polls.len() as u64);
    let wakes: u64 = analysis.wakes.iter().map(|wakes| wakes.count).sum();
    assert_eq!(analysis.tasks.iter().map(|task| task.wakes).sum::<u64>(), wakes);
    let busy = analysis.polls.iter().fold(0_u64, |sum, poll| sum.saturating_add(poll.took));
    assert_eq!(analysis.totals.busy, busy);
}

/// Returns the recording in a page.
fn embedded(html: &[u8]) -> Vec<u8> {
    let html = std::str::from_utf8(html).expect("a page is UTF-8");
    let (_, element) = html.split_once("<script id=\"recording\"").expect("the recording has an element");
    let (_, content) = element.split_once('>').expect("its tag ends");
    let (content, _) = content.split_once("</script>").expect("the element ends");
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for letter in content.trim_end_matches('=').bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            other => panic!("{other} in base64"),
        };
        (bits, held) = (bits << 6 | u32::from(value), held + 6);
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    bytes
}

/// Writes events to two sections of one runtime, which may overlap or leave a gap.
fn in_two_sections(data: &[u8]) {
    let mut input = Input::new(data);
    let (one, other, order) = (input.byte(), input.byte(), input.byte());
    let (mut time, mut events) = (0, Vec::new());
    while !input.is_empty() {
        let kind = input.choice(64) as u64;
        time += u64::from(input.byte());
        // Few ids, so that events belong together. The upper bits of an id's word are the outcome.
        let id = input.choice(8) as u64 | (input.choice(4) as u64) << 48;
        events.push(Event { words: [kind | time << 8, id, input.number()] });
    }
    let place = |number: u8| usize::from(number) % (events.len() + 1);
    let (end, begin) = (place(one), place(other));
    let part = |from: usize, to: usize| Section {
        first: from as u64,
        events: events[from..to].to_vec(),
        now: time,
        ..Section::default()
    };
    let mut sections = [part(0, end), part(begin, events.len())];
    if order % 2 == 1 {
        sections.reverse();
    }
    let file = writer::file(&sections);
    check(&file);
    let recording = read_bytes(&file);
    let [runtime] = &recording.runtimes[..] else { panic!("two sections are of one runtime") };
    if begin <= end {
        assert_eq!(runtime.section.events, events);
        assert!(runtime.gaps.is_empty());
    } else {
        assert_eq!(runtime.section.events, [&events[..end], &events[begin..]].concat());
        let is_between = end > 0 && begin < events.len();
        assert_eq!(runtime.gaps.len(), usize::from(is_between));
    }
}
