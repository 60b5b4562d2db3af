//! The same random calls on this disk and on the file system of the machine: both have to say the same.
//!
//! What is compared comes from the kernel's fs/namei.c, so it is the same on all its file systems.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use libc::{O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR, O_TRUNC};

use super::{Disk, ROOT, disk};
use crate::Errno;
use crate::rng::Rng;

const PARTS: [&str; 9] = ["a", "b", "c", "a", "b", "c", ".", "..", ""];
const TARGETS: [&str; 7] = ["a", "b/c", "../a", "./c/", "..", "nothing", "b/"];
const FLAGS: [i32; 6] = [O_CREAT, O_EXCL, O_TRUNC, O_NOFOLLOW, O_DIRECTORY, O_RDWR];

/// A directory that is far enough from the root, so that `..` leads out of it on neither side.
struct Real(PathBuf);

impl Real {
    fn new(disk: &mut Disk, seed: u64) -> Real {
        let top = std::env::temp_dir().join(format!("ayi-sim-{}-{seed}", std::process::id()));
        let inner = top.join("1/2/3/4/5/6/7/8/9/10");
        fs::create_dir_all(&inner).unwrap();
        for dir in inner.ancestors().collect::<Vec<_>>().into_iter().rev().skip(1) {
            disk.mkdir(ROOT, bytes(dir), 0o755, 0).unwrap();
        }
        Real(top)
    }

    fn path(&self, rng: &mut Rng) -> PathBuf {
        let mut path = self.0.join("1/2/3/4/5/6/7/8/9/10").into_os_string();
        for _ in 0..=rng.below(3) {
            path.push("/");
            path.push(PARTS[rng.below(9) as usize]);
        }
        path.into()
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

fn errno<T>(result: io::Result<T>) -> Result<T, Errno> {
    result.map_err(|error| error.raw_os_error().unwrap())
}

/// Opens a path on both sides, and writes to it.
fn open(disk: &mut Disk, rng: &mut Rng, path: &Path) -> (Result<(), Errno>, Result<(), Errno>) {
    let flags = FLAGS.into_iter().filter(|_| rng.chance(0.4)).fold(O_RDONLY, |all, flag| all | flag);
    // Kernels before 6.4 do not agree with later ones about these two.
    let flags = if flags & O_CREAT != 0 { flags & !O_DIRECTORY } else { flags };
    // What std wants to know itself is the access mode alone; it passes on the other flags.
    let writes = flags & O_RDWR != 0;
    let real = errno(OpenOptions::new().read(true).write(writes).custom_flags(flags & !O_RDWR).open(path));
    let here = disk.open(ROOT, bytes(path), flags, 0o666, 0);
    if let (Ok(real), Ok(here), true) = (&real, here, writes) {
        let at = rng.below(9_000);
        assert_eq!((real.write_at(b"data", at).ok(), disk.write_at(here, at, b"data", 0)), (Some(4), Ok(4)));
    }
    if let Ok(here) = here {
        disk.close(here);
    }
    (real.map(drop), here.map(drop))
}

/// Does one random call. Returns what the machine and the disk say.
fn call(disk: &mut Disk, rng: &mut Rng, path: &Path, other: &Path) -> (Result<(), Errno>, Result<(), Errno>) {
    let (one, two) = (bytes(path), bytes(other));
    match rng.below(8) {
        0 => (errno(fs::create_dir(path)), disk.mkdir(ROOT, one, 0o755, 0)),
        1 => (errno(fs::remove_dir(path)), disk.rmdir(ROOT, one, 0)),
        2 => (errno(fs::remove_file(path)), disk.unlink(ROOT, one, 0)),
        3 => {
            let target = TARGETS[rng.below(7) as usize];
            (errno(symlink(target, path)), disk.symlink(target.as_bytes(), ROOT, one, 0))
        }
        4 => {
            let here = disk.lookup(ROOT, one, false).and_then(|found| disk.link(found, ROOT, two, 0));
            (errno(fs::hard_link(path, other)), here)
        }
        5 => (errno(fs::rename(path, other)), disk.rename(ROOT, one, ROOT, two, 0, 0)),
        _ => open(disk, rng, path),
    }
}

/// Compares what stat(2), lstat(2) and readlink(2) say of a path.
fn compare(disk: &Disk, path: &Path, seed: u64) {
    for follow in [false, true] {
        let real = if follow { fs::metadata(path) } else { fs::symlink_metadata(path) };
        let real =
            errno(real).map(|real| (real.mode() & libc::S_IFMT, real.is_dir(), real.nlink(), real.size()));
        let here = disk.lookup(ROOT, bytes(path), follow).and_then(|found| disk.stat(found));
        let here = here.map(|here| (here.mode & libc::S_IFMT, u64::from(here.nlink), here.size));
        // A directory's size, and on some file systems the names of its subdirectories, are up to the file system.
        match (real, here) {
            (Ok((kind, true, ..)), Ok(here)) => assert_eq!(kind, here.0, "{path:?} seed {seed}"),
            (real, here) => {
                assert_eq!(
                    real.map(|(kind, _, links, size)| (kind, links, size)),
                    here,
                    "{path:?} seed {seed}"
                );
            }
        }
    }
    let here =
        disk.lookup(ROOT, bytes(path), false).and_then(|found| disk.readlink(found).map(<[u8]>::to_vec));
    assert_eq!(errno(fs::read_link(path)).map(|target| bytes(&target).to_vec()), here);
}

#[test]
fn the_kernel_says_the_same() {
    for seed in 0..30 {
        let (mut disk, mut rng) = (disk(), Rng::new(seed));
        let real = Real::new(&mut disk, seed);
        for n in 0..200 {
            let (path, other) = (real.path(&mut rng), real.path(&mut rng));
            let (real, here) = call(&mut disk, &mut rng, &path, &other);
            assert_eq!(real, here, "seed {seed}, call {n}: {path:?} {other:?}");
            compare(&disk, &path, seed);
            compare(&disk, &other, seed);
        }
        disk.check();
    }
}
