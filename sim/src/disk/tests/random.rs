//! Random calls beside a plain model of what programs should see.

use std::collections::{BTreeMap, BTreeSet};

use super::{Disk, ROOT, disk};
use crate::rng::Rng;

/// What a path has: the bytes of a file, or nothing for a directory.
type Model = BTreeMap<String, Option<Vec<u8>>>;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn path(rng: &mut Rng) -> String {
    let depth = rng.between(1, 3);
    (0..depth).map(|_| format!("/{}", NAMES[rng.below(4) as usize])).collect()
}

fn parent(path: &str) -> &str {
    &path[..path.rfind('/').unwrap()]
}

fn is_dir(model: &Model, path: &str) -> bool {
    path.is_empty() || model.get(path).is_some_and(Option::is_none)
}

fn below<'a>(model: &'a Model, path: &str) -> impl Iterator<Item = &'a String> {
    let start = format!("{path}/");
    model.keys().filter(move |other| other.starts_with(&start))
}

fn bytes(rng: &mut Rng) -> Vec<u8> {
    let len = if rng.chance(0.2) { rng.below(20_000) } else { rng.below(300) };
    let mut bytes = vec![0; len as usize];
    rng.fill(&mut bytes);
    bytes
}

fn write(disk: &mut Disk, model: &mut Model, rng: &mut Rng, path: &str) {
    let opened = disk.create_open(path);
    let may = is_dir(model, parent(path)) && !is_dir(model, path);
    assert_eq!(opened.is_ok(), may, "{path}");
    let Ok(file) = opened else { return };
    let content = model.entry(path.to_owned()).or_insert_with(|| Some(Vec::new())).as_mut().unwrap();
    let (at, bytes) = (rng.below(9_000), bytes(rng));
    assert_eq!(disk.write_at(file, at, &bytes, 0), Ok(bytes.len()));
    let (start, end) = (at as usize, at as usize + bytes.len());
    if !bytes.is_empty() {
        content.resize(content.len().max(end), 0);
        content[start..end].copy_from_slice(&bytes);
    }
    disk.close(file);
}

fn truncate(disk: &mut Disk, model: &mut Model, rng: &mut Rng, path: &str) {
    let Ok(file) = disk.find(path) else { return };
    let len = rng.below(10_000);
    let Some(Some(content)) = model.get_mut(path) else {
        return assert_eq!(disk.truncate(file, len, 0), Err(libc::EISDIR));
    };
    content.resize(len as usize, 0);
    assert_eq!(disk.truncate(file, len, 0), Ok(()));
}

fn make_dir(disk: &mut Disk, model: &mut Model, path: &str) {
    let may = is_dir(model, parent(path)) && !model.contains_key(path);
    assert_eq!(disk.mkdir(ROOT, path.as_bytes(), 0o755, 0).is_ok(), may, "{path}");
    if may {
        model.insert(path.to_owned(), None);
    }
}

fn remove(disk: &mut Disk, model: &mut Model, path: &str) {
    let done = if is_dir(model, path) {
        disk.rmdir(ROOT, path.as_bytes(), 0)
    } else {
        disk.unlink(ROOT, path.as_bytes(), 0)
    };
    let may = model.contains_key(path) && below(model, path).next().is_none();
    assert_eq!(done.is_ok(), may, "{path}");
    if may {
        model.remove(path);
    }
}

fn rename(disk: &mut Disk, model: &mut Model, from: &str, to: &str) {
    let (from_dir, to_dir) = (is_dir(model, from), is_dir(model, to));
    let may = model.contains_key(from)
        && is_dir(model, parent(to))
        && !format!("{to}/").starts_with(&format!("{from}/"))
        && (!model.contains_key(to) || from_dir == to_dir && below(model, to).next().is_none())
        || from == to && model.contains_key(from);
    let done = disk.rename(ROOT, from.as_bytes(), ROOT, to.as_bytes(), 0, 0);
    assert_eq!(done.is_ok(), may, "{from} {to} {done:?}");
    if may && from != to {
        let moved: Vec<_> = below(model, from).cloned().chain([from.to_owned()]).collect();
        for old in moved {
            let value = model.remove(&old).unwrap();
            model.insert(format!("{to}{}", &old[from.len()..]), value);
        }
    }
}

fn sync(disk: &mut Disk, rng: &mut Rng, path: &str) {
    match rng.below(4) {
        0 => disk.sync(ROOT).unwrap(),
        1 => disk.commit(),
        2 => disk.sync_all().unwrap(),
        _ => drop(disk.find(path).map(|ino| disk.sync(ino))),
    }
}

/// Does one random call on both.
fn step(disk: &mut Disk, model: &mut Model, rng: &mut Rng) {
    let path = path(rng);
    match rng.below(10) {
        0..=2 => write(disk, model, rng, &path),
        3 => truncate(disk, model, rng, &path),
        4 | 5 => make_dir(disk, model, &path),
        6 => remove(disk, model, &path),
        7 | 8 => rename(disk, model, &path, &self::path(rng)),
        _ => sync(disk, rng, &path),
    }
}

fn seen(disk: &mut Disk) -> Model {
    let dump = disk.dump();
    let is_file = |ino| disk.size(ino).is_ok();
    dump.into_iter().map(|(path, (ino, bytes))| (path, is_file(ino).then_some(bytes))).collect()
}

#[test]
fn programs_see_what_a_plain_map_has() {
    for seed in 0..20 {
        let (mut disk, mut model, mut rng) = (disk(), Model::new(), Rng::new(seed));
        for _ in 0..300 {
            step(&mut disk, &mut model, &mut rng);
            disk.check();
        }
        assert_eq!(seen(&mut disk), model, "seed {seed}");
    }
}

#[test]
fn a_failed_sync_changes_nothing_that_programs_see() {
    for seed in 0..20 {
        let (mut disk, mut model, mut rng) = (disk(), Model::new(), Rng::new(seed));
        for _ in 0..300 {
            step(&mut disk, &mut model, &mut rng);
            if rng.chance(0.1) {
                disk.fail(crate::disk::Op::Sync, libc::EIO);
                disk.sync_all().unwrap_err();
            }
            disk.check();
        }
        assert_eq!(seen(&mut disk), model, "seed {seed}");
    }
}

#[test]
fn the_same_seed_gives_the_same_disk() {
    let run = |seed| {
        let (mut disk, mut model, mut rng) = (disk(), Model::new(), Rng::new(seed));
        for _ in 0..10 {
            for _ in 0..50 {
                step(&mut disk, &mut model, &mut rng);
            }
            let faults = crate::disk::CrashFaults::draw(&mut rng);
            disk.crash(&mut rng, &faults);
            disk.check_after_crash();
            model = seen(&mut disk);
        }
        (disk.dump(), disk.space(), rng.next())
    };
    let runs: Vec<_> = (0..20).map(|seed| (run(seed), run(seed))).collect();
    assert!(runs.iter().all(|(one, other)| one == other));
    assert!(runs.iter().map(|(one, _)| one.2).collect::<BTreeSet<_>>().len() == 20);
}
