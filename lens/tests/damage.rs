//! Files that are cut, changed, or no recordings at all.

mod support;

use ayi_lens::recording::{Damage, Recording, Section};
use ayi_lens::writer;
use support::{read_bytes, small, use_all};

const HEADER: usize = 24;

/// Two sections, of which the first ends here.
fn two() -> (Vec<u8>, usize) {
    let first = writer::file(&[small()]).len();
    (writer::file(&[small(), Section { runtime: 2, ..small() }]), first)
}

fn damage(recording: &Recording) -> (u64, &Damage) {
    let [problem] = &recording.problems[..] else { panic!("{:?}", recording.problems) };
    (problem.offset, &problem.damage)
}

#[test]
fn each_prefix_of_a_file_is_read_as_far_as_it_goes() {
    let (file, first) = two();
    for length in 0..file.len() {
        let recording = use_all(&file[..length]);
        let whole = usize::from(length >= first);
        assert_eq!(recording.runtimes.len(), whole, "{length}");
        if length == HEADER || length == first {
            assert!(recording.problems.is_empty());
            continue;
        }
        let (offset, damage) = damage(&recording);
        match length {
            0 => assert!(matches!(damage, Damage::Empty)),
            1..HEADER => assert!(matches!(damage, Damage::Cut { wanted: 24, .. }), "{damage}"),
            _ => assert!(matches!(damage, Damage::Cut { .. }), "{damage}"),
        }
        let start = if length < HEADER { 0 } else { [HEADER, first][whole] };
        assert_eq!(offset, start as u64, "{length}");
    }
}

#[test]
fn each_flipped_byte_is_noticed() {
    let (file, first) = two();
    for place in 0..first {
        for bits in [0x01, 0x80, 0xff] {
            let mut file = file.clone();
            file[place] ^= bits;
            let recording = if bits == 1 && place % 16 == 0 { use_all(&file) } else { read_bytes(&file) };
            let told = !recording.problems.is_empty() || recording.skipped > 0;
            assert!(told, "byte {place}");
            // The other section is read, unless it cannot be found: that is the header, or the section's length.
            if place >= HEADER + 16 {
                assert_eq!(recording.runtimes.len(), 1, "byte {place}");
                let (offset, damage) = damage(&recording);
                assert_eq!(offset, HEADER as u64);
                assert!(matches!(damage, Damage::Checksum { .. }), "{damage}");
            }
        }
    }
}

#[test]
fn other_files_are_named() {
    let recording = read_bytes(b"#!/bin/sh\n");
    assert!(matches!(damage(&recording), (0, Damage::NotARecording)));
    let mut file = writer::file(&[small()]);
    file[16] = 2;
    let recording = read_bytes(&file);
    assert!(matches!(damage(&recording), (16, Damage::OtherVersion(2))));
    assert!(recording.problems[0].to_string().contains("version 2"));
}

#[test]
fn absurd_lengths_are_refused_before_anything_is_allocated() {
    for length in [1_u64 << 60, u64::MAX, (1 << 32) + 1, 1 << 32, 1 << 31] {
        let mut file = writer::file(&[small()]);
        file[HEADER + 8..HEADER + 16].copy_from_slice(&length.to_le_bytes());
        let recording = read_bytes(&file);
        let (offset, damage) = damage(&recording);
        assert_eq!(offset, HEADER as u64);
        let expected = if length > 1 << 32 { "damaged" } else { "cut" };
        assert!(damage.to_string().contains(expected), "{damage}");
    }
}

/// Writes a number into a body whose checksum is right nevertheless.
fn with_body(change: impl FnOnce(&mut Vec<u8>)) -> Recording {
    let mut body = writer::body(&small());
    change(&mut body);
    let mut file = writer::header();
    writer::append(&mut file, 0x544e_5552, &body);
    use_all(&file)
}

#[test]
fn counts_beyond_the_body_are_refused() {
    let events = small().events.len() * 24 + 8;
    let length = writer::body(&small()).len();
    let recording =
        with_body(|body| body[length - events..][..8].copy_from_slice(&(1_u64 << 60).to_le_bytes()));
    assert!(matches!(damage(&recording), (_, Damage::Field("events"))));
    // What stands before the events was read.
    assert_eq!(recording.runtimes[0].section.texts, small().texts);
    // The program's name.
    let recording = with_body(|body| body[56..60].copy_from_slice(&u32::MAX.to_le_bytes()));
    let place = (HEADER + 16 + 56) as u64;
    assert!(matches!(damage(&recording), (offset, Damage::Field("program")) if offset == place));
    assert_eq!(recording.runtimes[0].section.process, 4711);
}

#[test]
fn each_prefix_of_a_body_is_read_as_far_as_it_goes() {
    let length = writer::body(&small()).len();
    for end in 0..length {
        let recording = with_body(|body| body.truncate(end));
        assert!(matches!(damage(&recording).1, Damage::Field(_)), "{end}");
        assert_eq!(recording.runtimes.len(), usize::from(end >= 56));
    }
    let recording = with_body(|body| body.extend(*b"more"));
    assert!(matches!(damage(&recording), (_, Damage::Behind(4))));
}

#[test]
fn each_flipped_byte_of_a_body_with_a_checksum_does_no_harm() {
    for place in 0..writer::body(&small()).len() {
        with_body(|body| body[place] ^= 0xff);
    }
}

#[test]
fn event_numbers_that_overflow_are_refused() {
    let recording = read_bytes(&writer::file(&[Section { first: u64::MAX - 3, ..small() }]));
    assert!(matches!(damage(&recording), (_, Damage::Numbers)));
    assert!(recording.runtimes[0].section.events.is_empty());
}

#[test]
fn sections_of_other_kinds_are_skipped() {
    let mut file = writer::header();
    writer::append(&mut file, 0x1234_5678, b"from a later version");
    file.extend(&writer::file(&[small()])[HEADER..]);
    let recording = use_all(&file);
    assert_eq!((recording.skipped, recording.runtimes.len(), recording.problems.len()), (1, 1, 0));
    assert!(ayi_lens::text::text(&recording, 1).contains("Skipped: 1 section of kinds"));
}

#[test]
fn random_files_do_no_harm() {
    let mut state = 1_u64;
    let mut random = move || {
        // Numbers from Knuth's MMIX generator, of which the upper bits are the better ones.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    for number in 0..1_000 {
        let length = (random() % 2_000) as usize;
        let mut bytes: Vec<u8> = (0..length).map(|_| random() as u8).collect();
        match number % 3 {
            0 => _ = use_all(&bytes),
            1 => _ = use_all(&[writer::header(), bytes].concat()),
            _ => {
                // Events of kinds that there are, after a good beginning.
                for kind in bytes.iter_mut().step_by(24) {
                    *kind %= 64;
                }
                let mut body = writer::body(&Section { events: Vec::new(), ..small() });
                let count = body.len() - 8;
                body[count..].copy_from_slice(&(length as u64 / 24).to_le_bytes());
                body.extend(&bytes[..length / 24 * 24]);
                let mut file = writer::header();
                writer::append(&mut file, 0x544e_5552, &body);
                assert!(use_all(&file).problems.is_empty());
            }
        }
    }
}
