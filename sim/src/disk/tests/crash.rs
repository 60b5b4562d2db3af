//! What a crash leaves of one file.

use std::collections::BTreeSet;

use super::{ALL_LOST, Disk, ROOT, disk};
use crate::disk::CrashFaults;
use crate::rng::Rng;

fn with_synced_file(bytes: &[u8]) -> (Disk, u64) {
    let mut disk = disk();
    let file = disk.save("/f", bytes);
    disk.sync(file).unwrap();
    disk.sync(ROOT).unwrap();
    (disk, file)
}

/// Returns what many crashes make of the same file.
fn outcomes(faults: CrashFaults, make: impl Fn() -> Disk) -> BTreeSet<Vec<u8>> {
    let crash = |seed| {
        let mut disk = make();
        disk.crash(&mut Rng::new(seed), &faults);
        disk.check_after_crash();
        disk.load("/f").unwrap()
    };
    (0..200).map(crash).collect()
}

#[test]
fn what_is_synced_stays_and_the_rest_goes() {
    let (mut disk, file) = with_synced_file(b"durable");
    disk.write_at(file, 0, b"VOLATILE AND LONGER", 0).unwrap();
    disk.crash_all_lost();
    assert_eq!(disk.load("/f").unwrap(), b"durable");
    disk.write_at(file, 0, b"DURABLE", 0).unwrap();
    disk.sync_data(file).unwrap();
    disk.truncate(file, 0, 0).unwrap();
    disk.write_at(file, 9, b"x", 0).unwrap();
    disk.crash_all_lost();
    assert_eq!(disk.load("/f").unwrap(), b"DURABLE");
}

#[test]
fn a_file_that_was_synced_without_its_directory_is_gone() {
    let mut disk = disk();
    let free = disk.space().free;
    let file = disk.save("/f", b"durable");
    disk.sync(file).unwrap();
    disk.crash_all_lost();
    assert_eq!((disk.names("/").len(), disk.space().free), (2, free));
}

#[test]
fn a_name_that_was_synced_without_its_file_is_empty() {
    let mut disk = disk();
    disk.save("/f", b"volatile");
    disk.sync(ROOT).unwrap();
    disk.crash_all_lost();
    assert_eq!(disk.load("/f").unwrap(), b"");
}

#[test]
fn a_crash_can_keep_everything() {
    let (mut disk, file) = with_synced_file(&[1; 10_000]);
    disk.write_at(file, 500, &[2; 3_000], 0).unwrap();
    disk.truncate(file, 2_000, 0).unwrap();
    disk.write_at(file, 5_000, &[3; 700], 0).unwrap();
    disk.truncate(file, 6_000, 0).unwrap();
    disk.save("/g", b"new");
    let seen = disk.dump();
    disk.crash(&mut Rng::new(1), &CrashFaults { keep: 1.0, ..ALL_LOST });
    assert_eq!(disk.dump(), seen);
}

#[test]
fn a_lost_append_leaves_the_old_size_or_zeros() {
    let faults = CrashFaults { keep: 0.5, torn: 0.0, reorder: false };
    let found = outcomes(faults, || {
        let (mut disk, file) = with_synced_file(b"abc");
        disk.write_at(file, 3, b"def", 0).unwrap();
        disk
    });
    let may_be: [&[u8]; 3] = [b"abc", b"abcdef", b"abc\0\0\0"];
    assert_eq!(found, may_be.map(<[u8]>::to_vec).into());
}

#[test]
fn a_torn_write_ends_at_a_sector() {
    let torn = CrashFaults { keep: 0.0, torn: 1.0, reorder: false };
    let make = || {
        let (mut disk, file) = with_synced_file(&[b'o'; 2_048]);
        disk.write_at(file, 100, &[b'n'; 1_500], 0).unwrap();
        disk
    };
    // The write has bytes in four sectors: 0 to 3 of them are kept.
    let with = |sectors: &[usize]| {
        let mut bytes = vec![b'o'; 2_048];
        for sector in sectors {
            bytes[(sector * 512).max(100)..(sector * 512 + 512).min(1_600)].fill(b'n');
        }
        bytes
    };
    let prefixes = BTreeSet::from([with(&[]), with(&[0]), with(&[0, 1]), with(&[0, 1, 2])]);
    assert_eq!(outcomes(torn, make), prefixes);
    let reordered = outcomes(CrashFaults { reorder: true, ..torn }, make);
    assert_eq!(reordered.len(), 16);
    assert!(reordered.is_superset(&prefixes) && reordered.contains(&with(&[1, 3])));
}

#[test]
fn a_torn_append_ends_the_file_at_a_sector() {
    let found = outcomes(CrashFaults { keep: 0.0, torn: 1.0, reorder: false }, || {
        let (mut disk, file) = with_synced_file(b"");
        disk.write_at(file, 0, &[b'n'; 1_500], 0).unwrap();
        disk
    });
    assert_eq!(found, [0, 512, 1_024].map(|len| vec![b'n'; len]).into());
}

#[test]
fn what_has_been_synced_before_does_not_bring_the_write_back_nearer() {
    let (mut disk, file) = with_synced_file(&vec![0; 1 << 20]);
    for round in 1..=100 {
        disk.write_at(file, 0, &vec![round; 1 << 20], 0).unwrap();
        disk.sync_data(file).unwrap();
    }
    disk.write_at(file, 0, b"not synced", 0).unwrap();
    disk.crash_all_lost();
    assert_eq!(disk.load("/f").unwrap(), vec![100; 1 << 20]);
}

#[test]
fn an_earlier_write_to_the_same_sector_is_kept_with_a_later_one() {
    let found = outcomes(CrashFaults { keep: 0.5, torn: 0.0, reorder: true }, || {
        let (mut disk, file) = with_synced_file(b"....");
        disk.write_at(file, 0, b"1", 0).unwrap();
        disk.write_at(file, 1, b"2", 0).unwrap();
        disk
    });
    let may_be: [&[u8]; 3] = [b"....", b"1...", b"12.."];
    assert_eq!(found, may_be.map(<[u8]>::to_vec).into());
}

#[test]
fn a_write_after_a_truncate_is_not_kept_without_it() {
    let found = outcomes(CrashFaults { keep: 0.5, torn: 0.0, reorder: true }, || {
        let (mut disk, file) = with_synced_file(b"older");
        disk.truncate(file, 0, 0).unwrap();
        disk.write_at(file, 0, b"new", 0).unwrap();
        disk
    });
    let may_be: [&[u8]; 4] = [b"older", b"", b"new", b"\0\0\0"];
    assert_eq!(found, may_be.map(<[u8]>::to_vec).into());
}

#[test]
fn attributes_need_a_sync_of_their_own() {
    let (mut disk, file) = with_synced_file(b"x");
    disk.chmod(file, 0o600, 5).unwrap();
    disk.sync_data(file).unwrap();
    disk.crash_all_lost();
    assert_eq!(disk.stat(file).unwrap().mode & 0o777, 0o644);
    disk.chmod(file, 0o600, 5).unwrap();
    disk.sync(file).unwrap();
    disk.crash_all_lost();
    assert_eq!(disk.stat(file).unwrap().mode & 0o777, 0o600);
}

#[test]
fn a_removed_file_is_back_with_its_content_if_the_removal_is_lost() {
    let (mut disk, file) = with_synced_file(b"durable");
    disk.write_at(file, 0, b"DURABLE", 0).unwrap();
    disk.unlink(ROOT, b"/f", 0).unwrap();
    disk.crash_all_lost();
    assert_eq!(disk.load("/f").unwrap(), b"durable");
    disk.unlink(ROOT, b"/f", 0).unwrap();
    disk.sync(ROOT).unwrap();
    disk.crash_all_lost();
    assert_eq!(disk.stat(file), Err(libc::ENOENT));
}

#[test]
fn reserved_blocks_and_a_short_tail_survive_the_undo() {
    let (mut disk, file) = with_synced_file(&[1; 5_000]);
    disk.reserve(file, 3_000, 20_000, false, 0).unwrap();
    disk.write_at(file, 6_000, &[2; 100], 0).unwrap();
    disk.truncate(file, 100, 0).unwrap();
    disk.truncate(file, 50_000, 0).unwrap();
    disk.crash_all_lost();
    assert_eq!(disk.load("/f").unwrap(), [1; 5_000]);
    assert_eq!(disk.stat(file).unwrap().blocks, 16);
}
