//! What other programs read: a page, Chrome's JSON, Perfetto's protobuf. Names may try to be something else there.

mod support;

use ayi_lens::recording::Section;
use ayi_lens::{export, page, text, writer};
use serde_json::Value;
use std::collections::HashMap;
use std::io::Cursor;
use support::{cause, events, pending, read_bytes, read_sections, small, spawned, woken};

/// What a task may be called by somebody who is not our friend.
const NAMES: [&str; 6] = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "\"}],\\\"",
    "\x1b[2J\x07\r\n\0\x7f\u{85}",
    "\u{202e}gnp.exe\u{2028}\u{2066}",
    "<!--<script>",
];

fn hostile() -> Section {
    let names = NAMES.iter().zip(1..);
    let list = names.flat_map(|(name, task)| {
        let time = task * 100;
        let end = (time + 50, pending(task, 20), "");
        [(time, spawned(task, 0, cause::task(task)), *name), (time, woken(task, cause::task(task)), ""), end]
    });
    let all = NAMES.join("");
    Section {
        program: all.clone(),
        name: all.clone(),
        thread: all.clone(),
        what: all.clone(),
        texts: vec![all],
        events: events(list),
        ..small()
    }
}

fn json(section: &Section) -> (String, Vec<Value>) {
    let mut json = Vec::new();
    export::chrome(&read_sections(std::slice::from_ref(section)), &mut json).unwrap();
    let json = String::from_utf8(json).unwrap();
    let mut value: Value = serde_json::from_str(&json).unwrap();
    let Value::Array(events) = value["traceEvents"].take() else { panic!("there are no events") };
    (json, events)
}

#[test]
fn chrome_reads_the_small_run() {
    let (_, events) = json(&small());
    let with = |phase: &str| events.iter().filter(|event| event["ph"] == phase).collect::<Vec<_>>();
    let complete: Vec<_> = with("X")
        .iter()
        .map(|event| {
            (event["name"].as_str().unwrap(), event["ts"].as_f64().unwrap(), event["dur"].as_f64().unwrap())
        })
        .collect();
    let echo = "task 2 echo, with a name of more than sixteen bytes";
    // A nanosecond less than they took: see the export.
    let expected = [
        ("task 1 block_on", 2.0, 2.999),
        (echo, 5.5, 0.999),
        ("task 3 src/main.rs:30:1", 6.6, 0.299),
        ("turn", 7.0, 10.099),
        ("sleep", 7.0, 9.999),
        (echo, 17.2, 9.999),
        ("task 1 block_on", 27.4, 0.999),
        ("task 3 src/main.rs:30:1", 28.5, 0.099),
        (echo, 28.7, 0.099),
        ("task 1 block_on", 29.0, 0.499),
    ];
    assert_eq!(complete, expected);
    assert_eq!(with("X")[5]["args"]["woken by"], "TCP stream 9 127.0.0.1:5000");
    assert_eq!(with("X")[5]["args"]["others waited (µs)"], 9.2);
    // A flow from each wake to its poll, and each task's slices close as often as they open.
    assert_eq!((with("s").len(), with("f").len()), (8, 8));
    assert_eq!((with("b").len(), with("e").len()), (3 + 8 + 8, 3 + 8 + 8));
    assert!(events.iter().skip(1).all(|event| event["pid"] == 4711 && event["tid"] == 1));
}

#[test]
fn names_stay_names_in_json() {
    let (json, events) = json(&hostile());
    assert!(!json.contains('<') && !json.contains('\x1b') && !json.contains('\u{2028}'));
    let named: Vec<&str> = events
        .iter()
        .filter(|event| event["ph"] == "X")
        .map(|event| event["name"].as_str().unwrap())
        .collect();
    let expected: Vec<String> =
        NAMES.iter().zip(1..).map(|(name, task)| format!("task {task} {name}")).collect();
    assert_eq!(named, expected);
}

#[test]
fn names_cannot_leave_their_cell() {
    let text = text::text(&read_sections(&[hostile()]), 20);
    assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()), "{text}");
    assert!(!text.contains('\u{202e}') && !text.contains('\u{2028}') && !text.contains('\u{2066}'));
    assert!(text.contains(r"\u{1b}[2J"));
}

/// Returns a page, and the recording in it, decoded.
fn page_of(file: &[u8], largest: u64) -> (String, Vec<u8>, u64) {
    let mut page = Vec::new();
    let left_out = page::page(&read_bytes(file), &mut Cursor::new(file), largest, &mut page).unwrap();
    let page = String::from_utf8(page).unwrap();
    let start = page.find("<script id=\"recording\"").unwrap();
    let base64 = &page[start..][page[start..].find('>').unwrap() + 1..];
    let recording = decode(&base64[..base64.find("</script>").unwrap()]);
    (page, recording, left_out)
}

fn decode(base64: &str) -> Vec<u8> {
    let letters = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']);
    let values: HashMap<char, u32> = letters.zip(0..).collect();
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for letter in base64.trim_end_matches('=').chars() {
        (bits, held) = (bits << 6 | values[&letter], held + 6);
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    bytes
}

#[test]
fn a_page_has_the_bytes_of_the_recording() {
    let file = writer::file(&[hostile(), small()]);
    let (page, recording, left_out) = page_of(&file, u64::MAX);
    assert_eq!((recording, left_out), (file, 0));
    for name in NAMES {
        assert!(!page.contains(name));
    }
    let (empty, ..) = page_of(&writer::header(), u64::MAX);
    assert_eq!(page.matches("<script").count(), empty.matches("<script").count());
}

#[test]
fn a_page_has_only_what_is_whole() {
    let mut file = writer::file(&[small()]);
    let whole = file.len();
    file.extend_from_within(24..whole - 1);
    let (_, recording, _) = page_of(&file, u64::MAX);
    assert_eq!(recording, &file[..whole]);
    // The checksum of the first is wrong, so only the second is there.
    let mut file = writer::file(&[small(), Section { runtime: 2, ..small() }]);
    file[100] ^= 1;
    let (_, recording, _) = page_of(&file, u64::MAX);
    assert_eq!(recording, writer::file(&[Section { runtime: 2, ..small() }]));
}

#[test]
fn a_page_of_a_large_recording_has_its_newest_events() {
    let file = writer::file(&[small()]);
    let (page, recording, left_out) = page_of(&file, file.len() as u64 - 24 * 20);
    assert!((15..30).contains(&left_out), "{left_out}");
    assert!(page.contains(&format!("data-left-out=\"{left_out}\"")));
    let recording = read_bytes(&recording);
    assert!(recording.problems.is_empty());
    let section = &recording.runtimes[0].section;
    assert_eq!(section.first, left_out);
    assert_eq!(section.events, small().events[left_out as usize..]);
    assert_eq!((&section.tasks, &section.texts), (&small().tasks, &small().texts));
}

/// A field of a protobuf message.
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Decodes a message into its fields.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let field = match key & 7 {
            0 => Field::Number(varint(&mut bytes)),
            1 => Field::Number(u64::from_le_bytes(take(&mut bytes, 8).try_into().unwrap())),
            2 => {
                let length = varint(&mut bytes);
                Field::Bytes(take(&mut bytes, length as usize))
            }
            other => panic!("wire type {other}"),
        };
        fields.push((key >> 3, field));
    }
    fields
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let [byte] = take(bytes, 1) else { unreachable!() };
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return value;
        }
    }
    panic!("a varint without an end");
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(length);
    *bytes = rest;
    taken
}

fn number(bytes: &[u8], field: u64) -> Option<u64> {
    fields(bytes).into_iter().find_map(|(found, value)| match value {
        Field::Number(number) if found == field => Some(number),
        _ => None,
    })
}

fn bytes(message: &[u8], field: u64) -> Option<&[u8]> {
    fields(message).into_iter().find_map(|(found, value)| match value {
        Field::Bytes(bytes) if found == field => Some(bytes),
        _ => None,
    })
}

fn words(message: &[u8], field: u64) -> Option<String> {
    bytes(message, field).map(|text| String::from_utf8(text.to_vec()).unwrap())
}

/// What a trace says: the tracks by number, with their parents and names, and the events: track, time, type, name.
struct Trace {
    tracks: HashMap<u64, (Option<u64>, String)>,
    events: Vec<(u64, u64, u64, String)>,
    flows: Vec<u64>,
    ended_flows: Vec<u64>,
}

fn trace(section: &Section) -> Trace {
    let mut encoded = Vec::new();
    export::perfetto(&read_sections(std::slice::from_ref(section)), &mut encoded).unwrap();
    let mut trace =
        Trace { tracks: HashMap::new(), events: Vec::new(), flows: Vec::new(), ended_flows: Vec::new() };
    for (field, packet) in fields(&encoded) {
        let Field::Bytes(packet) = packet else { panic!("a trace has only packets") };
        assert_eq!((field, number(packet, 10)), (1, Some(1)));
        if let Some(track) = bytes(packet, 60) {
            let process = bytes(track, 3).map(|process| words(process, 6).unwrap());
            let name = words(track, 2).or(process).unwrap();
            trace.tracks.insert(number(track, 1).unwrap(), (number(track, 5), name));
        }
        let Some(event) = bytes(packet, 11) else { continue };
        let of = |field| number(event, field).unwrap();
        trace.events.push((of(11), number(packet, 8).unwrap(), of(9), words(event, 23).unwrap_or_default()));
        trace.flows.extend(number(event, 47));
        trace.ended_flows.extend(number(event, 48));
    }
    trace
}

#[test]
fn perfetto_reads_the_small_run() {
    let trace = trace(&small());
    let lane = 1 << 40;
    assert_eq!(trace.tracks[&4712], (None, "server".into()));
    assert_eq!(trace.tracks[&lane], (Some(4712), "runtime 1 main".into()));
    assert_eq!(trace.tracks[&(lane + 1)], (Some(lane), "task 1 block_on".into()));
    assert_eq!(trace.tracks.len(), 5);
    let of_loop: Vec<_> = trace.events.iter().filter(|event| event.0 == lane && event.2 != 3).collect();
    let turn: Vec<_> = of_loop[6..10].iter().map(|event| (event.1, event.2, event.3.as_str())).collect();
    assert_eq!(turn, [(7_000, 1, "turn"), (7_000, 1, "sleep"), (17_000, 2, ""), (17_100, 2, "")]);
    for track in trace.tracks.keys() {
        let mut open = 0;
        let mut before = 0;
        for (_, time, kind, _) in trace.events.iter().filter(|event| event.0 == *track && event.2 != 3) {
            open += if *kind == 1 { 1 } else { -1 };
            assert!(open >= 0 && before <= *time, "slices nest, in order");
            before = *time;
        }
        assert_eq!(open, 0, "each slice ends");
    }
    let mut flows = trace.flows.clone();
    flows.sort_unstable();
    assert_eq!(flows.len(), 8);
    assert_eq!(flows, trace.ended_flows);
}

#[test]
fn names_stay_names_in_protobuf() {
    let trace = trace(&hostile());
    for (name, task) in NAMES.iter().zip(1_u64..) {
        assert_eq!(trace.tracks[&((1 << 40) + task)].1, format!("task {task} {name}"));
    }
}
