//! Contents, sizes, space and times.

use libc::{EFBIG, EINVAL, EISDIR, ENOENT, ENOSPC};

use super::{Disk, ROOT, WORK, disk};
use crate::disk::Times;
use crate::rng::Rng;

const MAX: u64 = (u32::MAX as u64) * 4_096;

#[test]
fn a_hole_reads_as_zeros_and_takes_no_space() {
    let mut disk = disk();
    let file = disk.save("/f", b"start");
    disk.write_at(file, 1 << 40, b"end", 0).unwrap();
    let stat = disk.stat(file).unwrap();
    assert_eq!((stat.size, stat.blocks), ((1 << 40) + 3, 16));
    let mut buf = [9; 8];
    assert_eq!(disk.read_at(file, 3, &mut buf), Ok(8));
    assert_eq!(&buf, b"rt\0\0\0\0\0\0");
    assert_eq!(disk.read_at(file, (1 << 40) - 2, &mut buf), Ok(5));
    assert_eq!(&buf[..5], b"\0\0end");
    assert_eq!(disk.read_at(file, 1 << 50, &mut buf), Ok(0));
}

#[test]
fn truncate_forgets_what_was_past_the_end() {
    let mut disk = disk();
    let file = disk.save("/f", &[7; 10_000]);
    disk.truncate(file, 5_000, 0).unwrap();
    disk.truncate(file, 9_000, 3).unwrap();
    assert_eq!(disk.bytes(file).unwrap(), [vec![7; 5_000], vec![0; 4_000]].concat());
    let stat = disk.stat(file).unwrap();
    assert_eq!((stat.blocks, stat.mtime, stat.ctime), (16, 3, 3));
    assert_eq!(disk.truncate(file, MAX + 1, 0), Err(EFBIG));
    assert_eq!(disk.truncate(ROOT, 0, 0), Err(EISDIR));
    disk.check();
}

#[test]
fn the_largest_file_ends_a_write() {
    let mut disk = disk();
    let file = disk.save("/f", b"");
    assert_eq!(disk.write_at(file, MAX - 2, b"four", 0), Ok(2));
    assert_eq!(disk.write_at(file, MAX, b"four", 0), Err(EFBIG));
    assert_eq!(disk.write_at(file, MAX, b"", 0), Ok(0));
    assert_eq!(disk.write_at(ROOT, 0, b"x", 0), Err(EISDIR));
}

#[test]
fn a_full_disk_takes_what_fits_and_then_nothing() {
    let mut disk = Disk::new(4 * 4_096, Rng::new(1), 0);
    let file = disk.save("/f", b"");
    assert_eq!(disk.write_at(file, 100, &[1; 5 * 4_096], 0), Ok(3 * 4_096 - 100));
    assert_eq!(disk.size(file), Ok(3 * 4_096));
    assert_eq!(disk.write_at(file, 3 * 4_096, b"x", 0), Err(ENOSPC));
    assert_eq!(disk.write_at(file, 3 * 4_096 - 2, b"four", 0), Ok(2));
    assert_eq!(disk.write_at(file, 0, &[2; 4_096], 0), Ok(4_096), "overwriting needs no space");
    assert_eq!(disk.mkdir(ROOT, b"/d", 0o755, 0), Err(ENOSPC));
    assert_eq!(disk.symlink(&[b'x'; 60], ROOT, b"/long", 0), Err(ENOSPC));
    disk.symlink(&[b'x'; 59], ROOT, b"/short", 0).unwrap();
    disk.save("/empty", b"");
    assert_eq!((disk.space().blocks, disk.space().free), (4, 0));
    disk.truncate(file, 1, 0).unwrap();
    assert_eq!((disk.space().free, disk.space().inodes), (2, 4));
    disk.set_capacity(1);
    assert_eq!(disk.space().free, 0);
    disk.check();
}

#[test]
fn reserved_space_is_there_when_it_is_needed() {
    let mut disk = Disk::new(4 * 4_096, Rng::new(1), 0);
    let (a, b) = (disk.save("/a", b""), disk.save("/b", b""));
    assert_eq!(disk.reserve(a, 0, 4 * 4_096, false, 0), Err(ENOSPC));
    assert_eq!(disk.reserve(a, 0, 0, false, 0), Err(EINVAL));
    disk.reserve(a, 0, 3 * 4_096, true, 0).unwrap();
    assert_eq!((disk.size(a), disk.stat(a).unwrap().blocks), (Ok(0), 24));
    assert_eq!(disk.write_at(b, 0, b"x", 0), Err(ENOSPC));
    assert_eq!(disk.write_at(a, 0, &[1; 9_000], 0), Ok(9_000));
    disk.reserve(a, 100, 9_900, false, 0).unwrap();
    assert_eq!(disk.size(a), Ok(10_000));
    disk.truncate(a, 10_000, 0).unwrap();
    disk.check();
}

#[test]
fn copy_ends_with_the_source() {
    let mut disk = disk();
    let from = disk.save("/from", &(0..200_000).map(|n| n as u8).collect::<Vec<_>>());
    let to = disk.save("/to", b"");
    assert_eq!(disk.copy((from, 10), (to, 5), u64::MAX, 0), Ok(199_990));
    assert_eq!(disk.bytes(to).unwrap()[5..], disk.bytes(from).unwrap()[10..]);
    assert_eq!(disk.copy((from, 0), (from, 10), 11, 0), Err(EINVAL));
    assert_eq!(disk.copy((from, 0), (from, 10), 10, 0), Ok(10));
    assert_eq!(disk.copy((from, 1 << 40), (to, 0), 10, 0), Ok(0));
    assert_eq!(disk.copy((ROOT, 0), (to, 0), 10, 0), Err(EISDIR));
}

#[test]
fn times_and_modes_follow_the_calls() {
    let mut disk = disk();
    disk.mkdir(ROOT, b"/d", 0o755, 1).unwrap();
    let file = disk.open(ROOT, b"/d/f", libc::O_CREAT, 0o4755, 2).unwrap();
    let dir = disk.stat(disk.find("/d").unwrap()).unwrap();
    assert_eq!((dir.btime, dir.mtime, dir.ctime, dir.size), (1, 2, 2, 4_096));
    disk.write_at(file, 0, b"x", 3).unwrap();
    disk.chmod(file, 0o100_600, 4).unwrap();
    let stat = disk.stat(file).unwrap();
    assert_eq!((stat.mode & 0o7777, stat.uid, stat.gid), (0o600, 0, 0));
    assert_eq!((stat.btime, stat.atime, stat.mtime, stat.ctime), (2, 2, 3, 4));
    disk.set_times(file, Times { atime: Some(9), mtime: None }, 5).unwrap();
    let stat = disk.stat(file).unwrap();
    assert_eq!((stat.atime, stat.mtime, stat.ctime), (9, 3, 5));
    disk.rename(ROOT, b"/d/f", ROOT, b"/g", 0, 6).unwrap();
    assert_eq!(disk.stat(file).unwrap().ctime, 6);
    assert_eq!(disk.stat(ROOT).unwrap().mtime, 6);
    assert_eq!(disk.stat(99), Err(ENOENT));
}

#[test]
fn a_record_and_its_sync_cost_the_same_in_a_large_log() {
    let mut disk = disk();
    let log = disk.save("/log", &vec![0; 64 << 20]);
    disk.sync(log).unwrap();
    let before = WORK.get();
    for record in 0..10_000 {
        disk.write_at(log, (64 << 20) + record * 100, &[1; 100], 0).unwrap();
        disk.sync_data(log).unwrap();
    }
    // Each write is in one or two blocks, which are looked at for the space and for the write itself.
    let work = (WORK.get() - before) / 10_000;
    assert!(work < 12, "a record and its sync take {work} steps");
}

#[test]
fn what_is_never_synced_is_written_back_in_the_end() {
    let mut disk = disk();
    let file = disk.save("/f", &vec![0; 1 << 20]);
    for round in 0..200 {
        disk.write_at(file, 0, &vec![round; 1 << 20], 0).unwrap();
    }
    assert!(disk.inode(file).unwrap().file().unwrap().log.len() < 70);
}
