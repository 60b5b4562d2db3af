//! Random calls and crashes: what has to be true of each that is left.

use std::collections::BTreeSet;

use super::{Disk, ROOT, disk};
use crate::disk::{CrashFaults, Ino, Op};
use crate::rng::Rng;

const SECTOR: usize = 512;

fn change(disk: &mut Disk, file: Ino, rng: &mut Rng) {
    match rng.below(8) {
        0 => disk.truncate(file, rng.below(6_000), 0).unwrap(),
        1 => disk.reserve(file, rng.below(6_000), 1 + rng.below(9_000), rng.chance(0.5), 0).unwrap(),
        _ => {
            let mut bytes = vec![0; 1 + rng.below(2_000) as usize];
            rng.fill(&mut bytes);
            disk.write_at(file, rng.below(6_000), &bytes, 0).unwrap();
        }
    }
}

/// Returns a sector of a file, padded with zeros.
fn sector(bytes: &[u8], sector: usize) -> Vec<u8> {
    let start = (sector * SECTOR).min(bytes.len());
    let mut bytes = bytes[start..(start + SECTOR).min(bytes.len())].to_vec();
    bytes.resize(SECTOR, 0);
    bytes
}

/// A shrink or a size can cut a sector of an earlier moment.
fn is_cut_of(found: &[u8], was: &[u8]) -> bool {
    let end = found.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    found[..end] == was[..end]
}

#[test]
fn each_sector_is_as_it_was_at_one_moment_since_the_sync() {
    for seed in 0..400 {
        let (mut disk, mut rng) = (disk(), Rng::new(seed));
        let file = disk.save("/f", b"");
        disk.sync(ROOT).unwrap();
        for _ in 0..rng.below(10) {
            change(&mut disk, file, &mut rng);
        }
        disk.sync_data(file).unwrap();
        let mut moments = vec![disk.bytes(file).unwrap()];
        for _ in 0..rng.below(10) {
            change(&mut disk, file, &mut rng);
            moments.push(disk.bytes(file).unwrap());
        }
        let faults = CrashFaults::draw(&mut rng);
        disk.crash(&mut rng, &faults);
        disk.check_after_crash();
        let found = disk.load("/f").unwrap();
        for n in 0..found.len().div_ceil(SECTOR) {
            let found = sector(&found, n);
            assert!(moments.iter().any(|was| is_cut_of(&found, &sector(was, n))), "seed {seed}, sector {n}");
        }
        if faults.keep == 0.0 && faults.torn == 0.0 || moments.len() == 1 {
            assert_eq!(found, moments[0], "seed {seed}");
        }
        if faults.keep == 1.0 {
            assert_eq!(&found, moments.last().unwrap(), "seed {seed}");
        }
    }
}

#[test]
fn what_is_synced_is_there_after_any_crash() {
    for seed in 0..300 {
        let (mut disk, mut rng) = (disk(), Rng::new(seed));
        let file = disk.save("/f", b"");
        disk.sync(ROOT).unwrap();
        for _ in 0..5 {
            for _ in 0..rng.below(6) {
                change(&mut disk, file, &mut rng);
                // A failed sync is no reason to lose what has been written since and synced.
                if rng.chance(0.2) {
                    disk.fail(Op::Sync, libc::EIO);
                    disk.sync(file).unwrap_err();
                }
            }
            let size = disk.size(file).unwrap() as usize;
            let all = vec![seed as u8; size.max(1)];
            disk.write_at(file, 0, &all, 0).unwrap();
            disk.sync_data(file).unwrap();
            let faults = CrashFaults::draw(&mut rng);
            disk.crash(&mut rng, &faults);
            disk.check_after_crash();
            assert_eq!(disk.load("/f").unwrap(), all, "seed {seed}");
        }
    }
}

fn random_dir(disk: &mut Disk, rng: &mut Rng) -> String {
    let dump = disk.dump();
    let dirs: Vec<_> = dump.keys().filter(|path| path.contains("dir") && is_dir(disk, path)).collect();
    match rng.below(dirs.len() as u64 + 1) as usize {
        0 => String::new(),
        n => dirs[n - 1].clone(),
    }
}

fn is_dir(disk: &Disk, path: &str) -> bool {
    disk.find(path).is_ok_and(|ino| disk.read_dir(ino).is_ok())
}

/// Moves, links and unlinks what exists, without ever taking the last name of a file.
fn shuffle(disk: &mut Disk, rng: &mut Rng, n: u64) {
    let dump = disk.dump();
    let Some((from, (ino, _))) = dump.iter().nth(rng.below(dump.len() as u64) as usize) else { return };
    let dir = random_dir(disk, rng);
    let file = disk.size(*ino).is_ok();
    match rng.below(8) {
        0 => disk.mkdir(ROOT, format!("{dir}/dir{n}").as_bytes(), 0o755, 0).unwrap(),
        1 if file => disk.link(*ino, ROOT, format!("{dir}/link{n}").as_bytes(), 0).unwrap(),
        2 if file && disk.stat(*ino).unwrap().nlink > 1 => disk.unlink(ROOT, from.as_bytes(), 0).unwrap(),
        3 => drop(disk.rmdir(ROOT, from.as_bytes(), 0)),
        4 => disk.sync(disk.find(&format!("{dir}/")).unwrap()).unwrap(),
        5 => {
            let flags = libc::RENAME_EXCHANGE;
            let _ = disk.rename(ROOT, from.as_bytes(), ROOT, dir.as_bytes(), flags, 0);
        }
        _ => {
            let to = format!("{dir}/{}{n}", if file { "moved" } else { "dir" });
            let _ = disk.rename(ROOT, from.as_bytes(), ROOT, to.as_bytes(), 0, 0);
        }
    }
}

#[test]
fn a_durable_file_is_never_lost_by_moving_it() {
    for seed in 0..300 {
        let (mut disk, mut rng) = (disk(), Rng::new(seed));
        let files: BTreeSet<Ino> = (0..4).map(|n| disk.save(&format!("/file{n}"), b"durable")).collect();
        disk.sync_all().unwrap();
        for round in 0..4 {
            for n in 0..rng.below(40) {
                shuffle(&mut disk, &mut rng, round * 100 + n);
                disk.check();
            }
            let faults = CrashFaults::draw(&mut rng);
            disk.crash(&mut rng, &faults);
            disk.check_after_crash();
            let left: BTreeSet<Ino> = disk.dump().into_values().map(|(ino, _)| ino).collect();
            assert!(left.is_superset(&files), "seed {seed}: {files:?} {left:?} {faults:?}");
        }
    }
}

#[test]
fn all_names_in_a_synced_directory_are_there() {
    for seed in 0..200 {
        let (mut disk, mut rng) = (disk(), Rng::new(seed));
        disk.save("/file", b"");
        disk.mkdir(ROOT, b"/dir", 0o755, 0).unwrap();
        disk.sync_all().unwrap();
        let dir = disk.find("/dir").unwrap();
        for n in 0..rng.below(40) {
            shuffle(&mut disk, &mut rng, n);
        }
        if disk.stat(dir).is_err() || disk.stat(dir).unwrap().nlink == 0 {
            continue;
        }
        disk.sync(dir).unwrap();
        let names = disk.read_dir(dir).unwrap().split_off(2);
        let faults = CrashFaults { reorder: true, ..CrashFaults::draw(&mut rng) };
        disk.crash(&mut rng, &faults);
        assert_eq!(disk.read_dir(dir).unwrap().split_off(2), names, "seed {seed}");
    }
}
