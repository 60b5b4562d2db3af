//! Errors on demand, and what a failed fsync(2) leaves.

use libc::EIO;

use super::{ALL_LOST, Disk, ROOT, disk};
use crate::disk::{CrashFaults, Faults, Op};
use crate::rng::Rng;

fn with_synced_file(bytes: &[u8]) -> (Disk, u64) {
    let mut disk = disk();
    let file = disk.save("/f", bytes);
    disk.sync_all().unwrap();
    (disk, file)
}

#[test]
fn a_planned_error_comes_once() {
    let (mut disk, file) = with_synced_file(b"old");
    disk.fail(Op::Read, EIO);
    disk.fail(Op::Write, libc::EDQUOT);
    assert_eq!(disk.write_at(file, 0, b"new", 0), Err(libc::EDQUOT));
    assert_eq!(disk.read_at(file, 0, &mut [0; 3]), Err(EIO));
    assert_eq!(disk.load("/f").unwrap(), b"old");
    assert_eq!(disk.write_at(file, 0, b"new", 0), Ok(3));
    disk.fail(Op::Sync, EIO);
    assert_eq!(disk.sync(ROOT), Err(EIO));
    assert_eq!(disk.sync(ROOT), Ok(()));
}

#[test]
fn errors_come_with_their_probability() {
    let (mut disk, file) = with_synced_file(b"old");
    disk.set_faults(Faults { read_error: 0.25, ..Faults::default() });
    let failed = (0..10_000).filter(|_| disk.read_at(file, 0, &mut [0; 3]).is_err()).count();
    assert!((2_300..2_700).contains(&failed), "{failed}");
    assert_eq!(disk.write_at(file, 0, b"new", 0), Ok(3));
}

#[test]
fn after_a_failed_sync_the_next_one_succeeds_and_the_data_is_lost_in_a_crash() {
    let (mut disk, file) = with_synced_file(b"old");
    disk.write_at(file, 0, b"new", 0).unwrap();
    disk.fail(Op::Sync, EIO);
    assert_eq!(disk.sync(file), Err(EIO));
    assert_eq!(disk.failed_syncs(file), 1);
    assert_eq!(disk.load("/f").unwrap(), b"new", "the cache still has it");
    assert_eq!(disk.sync(file), Ok(()));
    disk.crash_all_lost();
    assert_eq!(disk.load("/f").unwrap(), b"old");
}

#[test]
fn what_a_failed_sync_has_lost_may_have_reached_the_disk() {
    let (mut disk, file) = with_synced_file(b"old");
    disk.write_at(file, 0, b"new", 0).unwrap();
    disk.fail(Op::Sync, EIO);
    disk.sync(file).unwrap_err();
    disk.crash(&mut Rng::new(1), &CrashFaults { keep: 1.0, ..ALL_LOST });
    assert_eq!(disk.load("/f").unwrap(), b"new");
}

#[test]
fn writing_again_after_a_failed_sync_saves_the_whole_page() {
    let (mut disk, file) = with_synced_file(&[b'o'; 8_192]);
    disk.write_at(file, 0, &[b'n'; 8_192], 0).unwrap();
    disk.fail(Op::Sync, EIO);
    disk.sync(file).unwrap_err();
    disk.write_at(file, 10, b"x", 0).unwrap();
    disk.sync(file).unwrap();
    disk.crash_all_lost();
    let bytes = disk.load("/f").unwrap();
    assert_eq!((&bytes[..12], bytes[4_095], bytes[4_096]), (&b"nnnnnnnnnnxn"[..], b'n', b'o'));
}

#[test]
fn a_failed_sync_keeps_the_size_and_loses_the_data() {
    let (mut disk, file) = with_synced_file(b"old");
    disk.write_at(file, 3, &[b'n'; 5_000], 0).unwrap();
    disk.fail(Op::Sync, EIO);
    disk.sync(file).unwrap_err();
    disk.check();
    disk.crash_all_lost();
    assert_eq!(disk.load("/f").unwrap(), [&b"old"[..], &[0; 5_000]].concat());
}

#[test]
fn a_failed_sync_after_a_truncate_does_not_bring_back_old_data() {
    let (mut disk, file) = with_synced_file(&[b'o'; 10_000]);
    disk.truncate(file, 2, 0).unwrap();
    disk.write_at(file, 2, &[b'n'; 6_000], 0).unwrap();
    disk.fail(Op::Sync, EIO);
    disk.sync(file).unwrap_err();
    disk.check();
    assert_eq!(disk.load("/f").unwrap(), [&[b'o'; 2][..], &[b'n'; 6_000]].concat());
    disk.crash_all_lost();
    assert_eq!(disk.load("/f").unwrap(), [&[b'o'; 2][..], &[0; 6_000]].concat());
}

#[test]
fn a_lost_page_that_is_cut_off_does_not_come_back() {
    let (mut disk, file) = with_synced_file(&[b'o'; 5_000]);
    disk.write_at(file, 0, &[b'n'; 5_000], 0).unwrap();
    disk.fail(Op::Sync, EIO);
    disk.sync(file).unwrap_err();
    disk.truncate(file, 0, 0).unwrap();
    disk.truncate(file, 5_000, 0).unwrap();
    disk.sync(file).unwrap();
    disk.crash_all_lost();
    assert_eq!(disk.load("/f").unwrap(), [0; 5_000]);
}

#[test]
fn a_second_failed_sync_brings_back_what_was_before_the_first() {
    let (mut disk, file) = with_synced_file(&[b'o'; 5_000]);
    for round in [b"new", b"old"] {
        disk.write_at(file, 0, round, 0).unwrap();
        disk.fail(Op::Sync, EIO);
        disk.sync(file).unwrap_err();
    }
    disk.crash_all_lost();
    assert_eq!(disk.load("/f").unwrap(), [b'o'; 5_000]);
}

#[test]
fn a_cut_through_a_lost_page_is_journalled_if_the_sync_of_it_fails_too() {
    let (mut disk, file) = with_synced_file(&[b'o'; 9_000]);
    disk.write_at(file, 0, &[b'n'; 9_000], 0).unwrap();
    for cut in [9_000, 100] {
        disk.truncate(file, cut, 0).unwrap();
        disk.truncate(file, 9_000, 0).unwrap();
        disk.fail(Op::Sync, EIO);
        disk.sync(file).unwrap_err();
    }
    disk.crash_all_lost();
    assert_eq!(disk.load("/f").unwrap(), [vec![b'o'; 100], vec![0; 8_900]].concat());
}

#[test]
fn a_cut_through_a_lost_page_saves_the_rest_of_it() {
    let (mut disk, file) = with_synced_file(&[b'o'; 5_000]);
    disk.write_at(file, 0, &[b'n'; 5_000], 0).unwrap();
    disk.fail(Op::Sync, EIO);
    disk.sync(file).unwrap_err();
    disk.truncate(file, 100, 0).unwrap();
    disk.sync(file).unwrap();
    disk.crash_all_lost();
    assert_eq!(disk.load("/f").unwrap(), [b'n'; 100]);
}

#[test]
fn a_lost_page_comes_back_under_a_write_that_is_not_synced() {
    let (mut disk, file) = with_synced_file(b"older");
    disk.write_at(file, 0, b"newer", 0).unwrap();
    disk.fail(Op::Sync, EIO);
    disk.sync(file).unwrap_err();
    disk.write_at(file, 0, b"last!", 0).unwrap();
    disk.crash_all_lost();
    assert_eq!(disk.load("/f").unwrap(), b"older");
}

#[test]
fn a_failed_sync_of_all_loses_data_and_no_names() {
    let (mut disk, file) = with_synced_file(b"old");
    disk.write_at(file, 0, b"new", 0).unwrap();
    disk.save("/g", b"");
    disk.fail(Op::Sync, EIO);
    assert_eq!(disk.sync_all(), Err(EIO));
    assert_eq!((disk.failed_syncs(file), disk.sync_all()), (1, Ok(())));
    disk.crash_all_lost();
    assert_eq!(disk.load("/f").unwrap(), b"old");
    assert!(disk.find("/g").is_ok());
}

#[test]
fn a_failed_sync_of_a_directory_leaves_its_names_dirty() {
    let mut disk = disk();
    disk.save("/f", b"");
    disk.fail(Op::Sync, EIO);
    disk.sync(ROOT).unwrap_err();
    disk.sync(ROOT).unwrap();
    disk.crash_all_lost();
    assert!(disk.find("/f").is_ok());
}
