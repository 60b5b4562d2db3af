//! Operations on paths, directories and whole files do what std's do.

use super::support::{Folder, Random, both, same, with};
use crate::support;
use ayi::fs;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs::Permissions;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, DirEntryExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::task::Poll;

/// Returns what is in a folder: names, kinds, permissions, and contents or the target of a link.
fn tree(path: &Path, name: &str, to: &mut Vec<String>) {
    let metadata = path.symlink_metadata().unwrap();
    let what = match metadata.file_type() {
        kind if kind.is_dir() => "a directory".to_owned(),
        kind if kind.is_symlink() => std::fs::read_link(path).unwrap().display().to_string(),
        kind if kind.is_file() => String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned(),
        _ => "something".to_owned(),
    };
    to.push(format!(
        "{name} {:o} {}: {what}",
        metadata.mode(),
        if metadata.is_dir() { 0 } else { metadata.nlink() }
    ));
    if metadata.is_dir() {
        let mut names: Vec<_> =
            std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        for entry in names {
            tree(&path.join(&entry), &format!("{name}/{}", entry.to_string_lossy()), to);
        }
    }
}

/// Makes one of each kind.
fn furnish(folder: &Folder) {
    folder.file("file", "contents");
    folder.file("other", "other contents");
    folder.fifo("fifo");
    std::fs::create_dir(folder.join("empty")).unwrap();
    std::fs::create_dir_all(folder.join("full/deep")).unwrap();
    folder.file("full/file", "inside");
    for (to, name) in
        [("file", "to_file"), ("full", "to_full"), ("nowhere", "to_nowhere"), ("to_self", "to_self")]
    {
        std::os::unix::fs::symlink(to, folder.join(name)).unwrap();
    }
}

const PATHS: [&str; 18] = [
    "file",
    "other",
    "fifo",
    "empty",
    "full",
    "full/deep",
    "full/file",
    "full/none",
    "to_file",
    "to_full",
    "to_nowhere",
    "to_self",
    "to_full/file",
    "file/x",
    "none",
    "none/x",
    "",
    "with\0zero",
];

fn long() -> String {
    "x".repeat(256)
}

fn paths() -> Vec<String> {
    PATHS
        .iter()
        .map(|path| path.to_string())
        .chain([long(), format!("empty/{}", "y/".repeat(3000))])
        .collect()
}

/// Two folders, in which the same is done.
struct Pair {
    folders: [Folder; 2],
    tree: Vec<String>,
}

impl Pair {
    fn new() -> Pair {
        let folders = [Folder::new(), Folder::new()];
        folders.iter().for_each(furnish);
        let tree = all_in(&folders[0]);
        Pair { folders, tree }
    }

    /// Compares the results and the folders afterwards.
    async fn compare<T: PartialEq + Debug>(
        &mut self,
        what: &str,
        ours: impl AsyncFnOnce(&Folder) -> io::Result<T>,
        theirs: impl FnOnce(&Folder) -> io::Result<T>,
    ) {
        let [a, b] = &self.folders;
        same(ours(a).await, theirs(b), what);
        let tree = all_in(a);
        assert_eq!(tree, all_in(b), "{what}");
        if tree != self.tree {
            *self = Pair::new();
        }
    }
}

fn all_in(folder: &Folder) -> Vec<String> {
    let mut all = Vec::new();
    tree(folder.path(), "", &mut all);
    all
}

/// Joins a path to a folder. The empty path stays empty.
fn at(folder: &Folder, path: &str) -> std::path::PathBuf {
    if path.is_empty() { path.into() } else { folder.join(path) }
}

#[test]
fn with_one_path() {
    both(async || {
        let mut pair = Pair::new();
        for path in &paths() {
            let what = |name: &str| format!("{name} {path:?}");
            let at = |folder: &Folder| at(folder, path);
            pair.compare(
                &what("remove_file"),
                async |a| fs::remove_file(at(a)).await,
                |b| std::fs::remove_file(at(b)),
            )
            .await;
            pair.compare(
                &what("remove_dir"),
                async |a| fs::remove_dir(at(a)).await,
                |b| std::fs::remove_dir(at(b)),
            )
            .await;
            pair.compare(
                &what("remove_dir_all"),
                async |a| fs::remove_dir_all(at(a)).await,
                |b| std::fs::remove_dir_all(at(b)),
            )
            .await;
            pair.compare(
                &what("create_dir"),
                async |a| fs::create_dir(at(a)).await,
                |b| std::fs::create_dir(at(b)),
            )
            .await;
            // Below the empty path would be the folder in which the test runs.
            let below =
                |folder: &Folder| if path.is_empty() { at(folder) } else { at(folder).join("two/more") };
            pair.compare(
                &what("create_dir_all"),
                async |a| fs::create_dir_all(below(a)).await,
                |b| std::fs::create_dir_all(below(b)),
            )
            .await;
            for recursive in [false, true] {
                pair.compare(
                    &what("DirBuilder"),
                    async |a| fs::DirBuilder::new().recursive(recursive).mode(0o710).create(at(a)).await,
                    |b| std::fs::DirBuilder::new().recursive(recursive).mode(0o710).create(at(b)),
                )
                .await;
            }
            pair.compare(
                &what("set_permissions"),
                async |a| fs::set_permissions(at(a), Permissions::from_mode(0o711)).await,
                |b| std::fs::set_permissions(at(b), Permissions::from_mode(0o711)),
            )
            .await;
            pair.compare(&what("try_exists"), async |a| fs::try_exists(at(a)).await, |b| at(b).try_exists())
                .await;
            pair.compare(
                &what("read_link"),
                async |a| fs::read_link(at(a)).await,
                |b| std::fs::read_link(at(b)),
            )
            .await;
            let relative = |folder: &Folder, path: std::path::PathBuf| {
                path.strip_prefix(folder.path().canonicalize().unwrap()).unwrap().to_owned()
            };
            pair.compare(
                &what("canonicalize"),
                async |a| fs::canonicalize(at(a)).await.map(|path| relative(a, path)),
                |b| std::fs::canonicalize(at(b)).map(|path| relative(b, path)),
            )
            .await;
            let known = |metadata: std::fs::Metadata| {
                (
                    metadata.mode(),
                    if metadata.is_dir() { 0 } else { metadata.len() },
                    metadata.file_type().is_fifo(),
                )
            };
            pair.compare(
                &what("metadata"),
                async |a| fs::metadata(at(a)).await.map(known),
                |b| std::fs::metadata(at(b)).map(known),
            )
            .await;
            pair.compare(
                &what("symlink_metadata"),
                async |a| fs::symlink_metadata(at(a)).await.map(known),
                |b| std::fs::symlink_metadata(at(b)).map(known),
            )
            .await;
            pair.compare(
                &what("read_dir"),
                async |a| fs::read_dir(at(a)).await.map(drop),
                |b| std::fs::read_dir(at(b)).map(drop),
            )
            .await;
            // One has to wait for the other end of a fifo.
            if path == "fifo" {
                continue;
            }
            pair.compare(&what("read"), async |a| fs::read(at(a)).await, |b| std::fs::read(at(b))).await;
            pair.compare(
                &what("read_to_string"),
                async |a| fs::read_to_string(at(a)).await,
                |b| std::fs::read_to_string(at(b)),
            )
            .await;
            pair.compare(
                &what("write"),
                async |a| fs::write(at(a), "new").await,
                |b| std::fs::write(at(b), "new"),
            )
            .await;
        }
    });
}

#[test]
fn with_two_paths() {
    both(async || {
        let mut pair = Pair::new();
        let (long, pairs) = (
            long(),
            [
                ("file", "new"),
                ("file", "other"),
                ("file", "file"),
                ("file", "to_other"),
                ("file", "empty"),
                ("empty", "file"),
                ("full", "empty"),
                ("empty", "full"),
                ("full", "full/deep/x"),
                ("none", "new"),
                ("file", "none/new"),
                ("file", "file/x"),
                ("to_file", "new"),
                ("to_nowhere", "new"),
                ("file", "to_nowhere"),
                ("file", "to_file"),
                ("to_self", "new"),
                ("file", "to_self"),
                ("fifo", "new"),
                ("full", "new"),
                ("", "new"),
                ("file", ""),
                ("a\0b", "new"),
                ("file", "a\0b"),
            ],
        );
        let pairs = pairs.into_iter().chain([(&*long, "new"), ("file", &*long)]);
        for (from, to) in pairs {
            let what = |name: &str| format!("{name} {from:?} {to:?}");
            pair.compare(
                &what("rename"),
                async |a| fs::rename(at(a, from), at(a, to)).await,
                |b| std::fs::rename(at(b, from), at(b, to)),
            )
            .await;
            pair.compare(
                &what("hard_link"),
                async |a| fs::hard_link(at(a, from), at(a, to)).await,
                |b| std::fs::hard_link(at(b, from), at(b, to)),
            )
            .await;
            // The target of a link may be anything.
            pair.compare(
                &what("symlink"),
                async |a| fs::symlink(from, at(a, to)).await,
                |b| std::os::unix::fs::symlink(from, at(b, to)),
            )
            .await;
            if from == "fifo" {
                continue;
            }
            pair.compare(
                &what("copy"),
                async |a| fs::copy(at(a, from), at(a, to)).await,
                |b| std::fs::copy(at(b, from), at(b, to)),
            )
            .await;
        }
    });
}

#[test]
fn copies_have_the_permissions_too() {
    both(async || {
        let folder = Folder::new();
        let (from, to) = (folder.file("a", vec![7; 3_000_000]), folder.join("b"));
        std::fs::set_permissions(&from, Permissions::from_mode(0o751)).unwrap();
        assert_eq!(fs::copy(&from, &to).await.unwrap(), 3_000_000);
        assert_eq!(std::fs::metadata(&to).unwrap().mode() & 0o777, 0o751);
        assert!(std::fs::read(&to).unwrap() == vec![7; 3_000_000]);
    });
}

#[test]
fn directories_of_any_size() {
    both(async || {
        for count in [0, 1, 2, 63, 64, 65, 127, 128, 129, 1000] {
            let folder = Folder::new();
            let mut expected = BTreeSet::new();
            for n in 0..count {
                folder.file(&format!("file {n}"), "");
                expected.insert(format!("file {n}"));
            }
            let mut entries = fs::read_dir(folder.path()).await.unwrap();
            let mut names = BTreeSet::new();
            while let Some(entry) = entries.next_entry().await.unwrap() {
                assert_eq!(entry.path(), folder.join(entry.file_name()));
                assert!(names.insert(entry.file_name().into_string().unwrap()));
            }
            assert_eq!(names, expected);
            for _ in 0..3 {
                assert!(entries.next_entry().await.unwrap().is_none());
            }
        }
    });
}

#[test]
fn what_an_entry_knows() {
    both(async || {
        let folder = Folder::new();
        furnish(&folder);
        let mut entries = fs::read_dir(folder.path()).await.unwrap();
        let mut expected: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap).collect();
        while let Some(ours) = entries.next_entry().await.unwrap() {
            let index = expected.iter().position(|entry| entry.file_name() == ours.file_name()).unwrap();
            let theirs = expected.remove(index);
            assert_eq!(ours.ino(), theirs.ino());
            assert_eq!(ours.file_type().await.unwrap(), theirs.file_type().unwrap());
            let (a, b) = (ours.metadata().await.unwrap(), theirs.metadata().unwrap());
            assert_eq!((a.ino(), a.mode(), a.len()), (b.ino(), b.mode(), b.len()));
        }
        assert!(expected.is_empty());
        // The entry has gone meanwhile.
        let mut entries = fs::read_dir(folder.join("full")).await.unwrap();
        let entry = entries.next_entry().await.unwrap().unwrap();
        std::fs::remove_dir_all(folder.join("full")).unwrap();
        assert_eq!(entry.metadata().await.unwrap_err().kind(), ErrorKind::NotFound);
    });
}

/// Two futures for the next entry are given up in between: nothing is lost.
#[test]
fn a_directory_is_read_on_after_a_wait_that_was_given_up() {
    both(async || {
        let folder = Folder::new();
        for n in 0..200 {
            folder.file(&n.to_string(), "");
        }
        let mut entries = fs::read_dir(folder.path()).await.unwrap();
        let mut names = BTreeSet::new();
        loop {
            let polled = support::poll_once(std::pin::pin!(entries.next_entry()));
            let entry = match polled {
                Poll::Ready(entry) => entry.unwrap(),
                Poll::Pending => entries.next_entry().await.unwrap(),
            };
            let Some(entry) = entry else { break };
            assert!(names.insert(entry.file_name()));
        }
        assert_eq!(names.len(), 200);
    });
}

#[test]
fn the_runtime_of_a_directory_ends() {
    for io_uring in [true, false] {
        let folder = Folder::new();
        for n in 0..200 {
            folder.file(&n.to_string(), "");
        }
        let (mut entries, mut names) = with(io_uring, async || {
            let mut entries = fs::read_dir(folder.path()).await.unwrap();
            let mut names = Vec::new();
            for _ in 0..64 {
                names.push(entries.next_entry().await.unwrap().unwrap().file_name());
            }
            assert!(support::poll_once(std::pin::pin!(entries.next_entry())).is_pending());
            (entries, names)
        });
        // If the call had not begun, one error says so, and the next call begins anew. If it had begun, the end has
        // waited for it.
        with(io_uring, async || {
            let mut is_told = false;
            loop {
                match entries.next_entry().await {
                    Ok(Some(entry)) => names.push(entry.file_name()),
                    Ok(None) => break,
                    Err(error) => {
                        assert!(error.to_string().contains("shut down") && !is_told, "{error}");
                        is_told = true;
                    }
                }
            }
        });
        // None is returned twice, and none is left out.
        assert_eq!(names.len(), 200);
        assert_eq!(BTreeSet::from_iter(names).len(), 200);
    }
}

#[test]
fn whole_files_of_any_size() {
    both(async || {
        let folder = Folder::new();
        let path = folder.join("a");
        let (small, large) = (16 * 1024, 1024 * 1024);
        let around = |size: usize| [size - 1, size, size + 1, size + 31, size + 32, size + 33];
        let sizes = [0, 1, 31, 32, 33].into_iter().chain(around(small)).chain(around(2 * small));
        for size in sizes.chain(around(large)).chain(around(large + small)).chain([3 * large + 5]) {
            let contents = Random::new(size as u64).bytes(size);
            fs::write(&path, &contents).await.unwrap();
            assert!(std::fs::read(&path).unwrap() == contents, "{size}");
            assert!(fs::read(&path).await.unwrap() == contents, "{size}");
        }
        // What was in it before is gone.
        fs::write(&path, "short").await.unwrap();
        assert_eq!(fs::read_to_string(&path).await.unwrap(), "short");
    });
}

#[test]
fn files_whose_size_says_nothing() {
    both(async || {
        let status = fs::read_to_string("/proc/self/status").await.unwrap();
        assert!(status.starts_with("Name:") && status.contains("\nPid:\t"));
        assert!(status.ends_with('\n'));
        let same_twice = [
            "/proc/cpuinfo",
            "/proc/filesystems",
            "/proc/self/cmdline",
            "/sys/kernel/mm/transparent_hugepage/enabled",
        ];
        for path in same_twice.into_iter().filter(|path| Path::new(path).exists()) {
            let (ours, theirs) = (fs::read(path).await, std::fs::read(path));
            assert_eq!(ours.unwrap().len(), theirs.unwrap().len(), "{path}");
        }
        // The file is long, and is mapped in parts of a page: many mappings.
        let folder = Folder::new();
        let file = std::fs::File::open(folder.file("a", [0; 4096])).unwrap();
        use std::os::fd::AsRawFd;
        let map = || {
            let (none, fd) = (std::ptr::null_mut(), file.as_raw_fd());
            // SAFETY: new mappings, which nobody looks at.
            unsafe { libc::mmap(none, 4096, libc::PROT_READ, libc::MAP_SHARED, fd, 0) }
        };
        let maps: Vec<_> = (0..1000).map(|_| map()).collect();
        let text = fs::read_to_string("/proc/self/maps").await.unwrap();
        let name = folder.path().to_str().unwrap();
        assert_eq!(text.lines().filter(|line| line.contains(name)).count(), 1000);
        for map in maps {
            // SAFETY: ours, and not in use.
            unsafe { libc::munmap(map, 4096) };
        }
    });
}

#[test]
fn text_that_is_none() {
    both(async || {
        let folder = Folder::new();
        let path = folder.file("a", b"caf\xe9");
        assert_eq!(fs::read_to_string(&path).await.unwrap_err().kind(), ErrorKind::InvalidData);
        assert_eq!(fs::read(&path).await.unwrap(), b"caf\xe9");
        // A name that is not UTF-8 either.
        let name = Path::new(std::ffi::OsStr::from_bytes(b"\xff\xfe")).to_owned();
        fs::write(folder.join(&name), "x").await.unwrap();
        fs::rename(folder.join(&name), folder.join("b")).await.unwrap();
        same(fs::read(folder.join("b")).await, Ok(b"x".to_vec()), "renamed");
    });
}

#[test]
fn a_relative_path_is_that_of_the_process() {
    both(async || {
        same(fs::read("Cargo.toml").await, std::fs::read("Cargo.toml"), "Cargo.toml");
        same(fs::canonicalize(".").await, std::env::current_dir().and_then(std::fs::canonicalize), ".");
    });
}
