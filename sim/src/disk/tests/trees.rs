//! What a crash leaves of the names.

use std::collections::BTreeSet;

use libc::ENOENT;

use super::{Disk, ROOT, disk};
use crate::disk::CrashFaults;
use crate::rng::Rng;

fn mkdir(disk: &mut Disk, path: &str) -> u64 {
    disk.mkdir(ROOT, path.as_bytes(), 0o755, 0).unwrap();
    disk.find(path).unwrap()
}

fn rename(disk: &mut Disk, from: &str, to: &str) {
    disk.rename(ROOT, from.as_bytes(), ROOT, to.as_bytes(), 0, 0).unwrap();
}

/// Returns the names that many crashes leave.
fn outcomes(reorder: bool, make: impl Fn() -> Disk) -> BTreeSet<String> {
    let crash = |seed| {
        let mut disk = make();
        disk.crash(&mut Rng::new(seed), &CrashFaults { keep: 0.5, torn: 0.0, reorder });
        disk.check_after_crash();
        disk.dump().into_keys().collect::<Vec<_>>().join(" ")
    };
    (0..300).map(crash).collect()
}

fn set(of: &[&str]) -> BTreeSet<String> {
    of.iter().map(|names| names.to_string()).collect()
}

#[test]
fn a_rename_is_there_as_a_whole_or_not_at_all() {
    let make = || {
        let mut disk = disk();
        mkdir(&mut disk, "/a");
        mkdir(&mut disk, "/b");
        disk.save("/a/f", b"");
        disk.sync_all().unwrap();
        rename(&mut disk, "/a/f", "/b/g");
        disk
    };
    for reorder in [false, true] {
        assert_eq!(outcomes(reorder, make), set(&["/a /a/f /b", "/a /b /b/g"]));
    }
    for dir in ["/a", "/b"] {
        let mut disk = make();
        disk.sync(disk.find(dir).unwrap()).unwrap();
        disk.crash_all_lost();
        assert!(disk.find("/b/g").is_ok(), "either directory has the rename");
    }
}

#[test]
fn replacing_by_rename_leaves_the_old_file_or_the_new_one() {
    let make = || {
        let mut disk = disk();
        disk.save("/f", b"old");
        disk.sync_all().unwrap();
        let new = disk.save("/tmp", b"new");
        disk.sync(new).unwrap();
        rename(&mut disk, "/tmp", "/f");
        disk
    };
    assert_eq!(outcomes(true, make), set(&["/f", "/f /tmp"]));
    let mut disk = make();
    disk.crash_all_lost();
    assert_eq!(disk.load("/f").unwrap(), b"old");
    let mut disk = make();
    disk.sync(ROOT).unwrap();
    disk.crash_all_lost();
    assert_eq!((disk.load("/f").unwrap(), disk.find("/tmp")), (b"new".to_vec(), Err(ENOENT)));
}

#[test]
fn steps_of_a_directory_are_kept_in_their_order_unless_reordered() {
    let make = || {
        let mut disk = disk();
        for name in ["/1", "/2", "/3"] {
            disk.save(name, b"");
        }
        disk
    };
    assert_eq!(outcomes(false, make), set(&["", "/1", "/1 /2", "/1 /2 /3"]));
    assert_eq!(outcomes(true, make).len(), 8);
}

#[test]
fn steps_of_two_directories_are_independent() {
    let make = || {
        let mut disk = disk();
        mkdir(&mut disk, "/a");
        mkdir(&mut disk, "/b");
        disk.sync_all().unwrap();
        disk.save("/a/1", b"");
        disk.save("/b/2", b"");
        disk
    };
    let all = set(&["/a /b", "/a /a/1 /b", "/a /b /b/2", "/a /a/1 /b /b/2"]);
    assert_eq!(outcomes(false, make), all);
}

#[test]
fn a_rename_keeps_the_order_in_both_directories() {
    let make = || {
        let mut disk = disk();
        mkdir(&mut disk, "/a");
        mkdir(&mut disk, "/b");
        disk.save("/a/f", b"");
        disk.sync_all().unwrap();
        disk.save("/b/1", b"");
        rename(&mut disk, "/a/f", "/b/f");
        disk.save("/a/2", b"");
        disk
    };
    let all = set(&["/a /a/f /b", "/a /a/f /b /b/1", "/a /b /b/1 /b/f", "/a /a/2 /b /b/1 /b/f"]);
    assert_eq!(outcomes(false, make), all);
}

#[test]
fn an_exchange_takes_the_new_directory_with_it() {
    let mut disk = disk();
    let file = disk.save("/f", b"durable");
    disk.sync_all().unwrap();
    mkdir(&mut disk, "/p");
    mkdir(&mut disk, "/p/d");
    disk.save("/p/d/g", b"");
    disk.rename(ROOT, b"/p/d/g", ROOT, b"/f", libc::RENAME_EXCHANGE, 0).unwrap();
    disk.sync(disk.find("/p/d").unwrap()).unwrap();
    disk.crash_all_lost();
    assert_eq!(disk.find("/p/d/g"), Ok(file));
}

#[test]
fn a_new_directory_needs_a_sync_of_its_parent() {
    let mut disk = disk();
    let dir = mkdir(&mut disk, "/d");
    disk.save("/d/f", b"");
    disk.sync(dir).unwrap();
    let mut other = disk;
    other.crash_all_lost();
    assert_eq!(other.find("/d"), Err(ENOENT));
    let dir = mkdir(&mut other, "/d");
    other.save("/d/f", b"");
    other.sync(dir).unwrap();
    other.sync(ROOT).unwrap();
    other.crash_all_lost();
    assert!(other.find("/d/f").is_ok());
}

#[test]
fn what_was_durable_is_not_lost_with_a_new_directory() {
    let make = || {
        let mut disk = disk();
        disk.save("/f", b"");
        disk.save("/g", b"");
        disk.sync_all().unwrap();
        mkdir(&mut disk, "/p");
        mkdir(&mut disk, "/p/d");
        rename(&mut disk, "/f", "/p/d/f");
        disk.link(disk.find("/g").unwrap(), ROOT, b"/p/d/g", 0).unwrap();
        disk.unlink(ROOT, b"/g", 0).unwrap();
        disk
    };
    for names in outcomes(true, make) {
        assert_eq!((names.matches("/f").count(), names.contains("/g")), (1, true), "{names}");
    }
    let mut disk = make();
    disk.sync(disk.find("/p").unwrap()).unwrap();
    disk.sync(disk.find("/p/d").unwrap()).unwrap();
    disk.crash_all_lost();
    assert!(disk.find("/p/d/f").is_ok(), "the rename takes the new directories with it");
}

#[test]
fn a_directory_is_not_removed_with_what_was_durable_in_it() {
    let make = || {
        let mut disk = disk();
        mkdir(&mut disk, "/d");
        disk.save("/d/f", b"");
        disk.sync_all().unwrap();
        rename(&mut disk, "/d/f", "/f");
        disk.rmdir(ROOT, b"/d", 0).unwrap();
        disk
    };
    let all = set(&["/d /d/f", "/d /f", "/f"]);
    for reorder in [false, true] {
        assert_eq!(outcomes(reorder, make), all);
    }
}

#[test]
fn moving_directories_into_one_another_makes_no_cycle() {
    let make = || {
        let mut disk = disk();
        for dir in ["/b", "/b/q", "/p", "/p/a"] {
            mkdir(&mut disk, dir);
        }
        disk.sync_all().unwrap();
        rename(&mut disk, "/p", "/b/p");
        rename(&mut disk, "/b/p", "/p2");
        rename(&mut disk, "/b", "/p2/a/b");
        disk
    };
    let all =
        set(&["/b /b/q /p /p/a", "/b /b/p /b/p/a /b/q", "/b /b/q /p2 /p2/a", "/p2 /p2/a /p2/a/b /p2/a/b/q"]);
    assert_eq!(outcomes(true, make), all);
}

#[test]
fn an_inode_that_nobody_can_reach_is_freed() {
    let mut disk = disk();
    let free = disk.space();
    let file = disk.create_open("/f").unwrap();
    disk.write_at(file, 0, &[1; 9_000], 0).unwrap();
    disk.unlink(ROOT, b"/f", 0).unwrap();
    disk.sync_all().unwrap();
    disk.crash_all_lost();
    assert_eq!((disk.stat(file), disk.space()), (Err(ENOENT), free));
}

#[test]
fn the_journal_commits_what_it_cannot_hold() {
    let mut disk = disk();
    for n in 0..20_000 {
        disk.save(&format!("/{n}"), b"");
    }
    disk.crash_all_lost();
    assert!(disk.find("/0").is_ok() && disk.find("/19999").is_err());
}
