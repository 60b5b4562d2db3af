//! The calls that change names.

use libc::{
    EBUSY, EEXIST, EINVAL, EISDIR, EMLINK, ENOENT, ENOTDIR, ENOTEMPTY, EPERM, O_DIRECTORY, RENAME_EXCHANGE,
    RENAME_NOREPLACE, S_IFDIR, S_IFREG,
};

use super::{Disk, ROOT, disk};
use crate::Errno;

fn with_tree() -> Disk {
    let mut disk = disk();
    for dir in ["/d", "/d/e", "/empty"] {
        disk.mkdir(ROOT, dir.as_bytes(), 0o755, 0).unwrap();
    }
    disk.save("/f", b"f");
    disk.save("/d/g", b"g");
    disk.symlink(b"d", ROOT, b"/to_d", 0).unwrap();
    disk
}

fn rename(disk: &mut Disk, from: &str, to: &str, flags: u32) -> Result<(), Errno> {
    let done = disk.rename(ROOT, from.as_bytes(), ROOT, to.as_bytes(), flags, 0);
    disk.check();
    done
}

#[test]
fn mkdir_counts_the_names_of_a_directory() {
    let mut disk = with_tree();
    let nlink = |disk: &Disk, path: &str| disk.stat(disk.find(path).unwrap()).unwrap().nlink;
    assert_eq!((nlink(&disk, "/"), nlink(&disk, "/d"), nlink(&disk, "/d/e")), (4, 3, 2));
    disk.mkdir(ROOT, b"/d/e/x/", 0o7777, 0).unwrap();
    assert_eq!(nlink(&disk, "/d/e"), 3);
    assert_eq!(disk.stat(disk.find("/d/e/x").unwrap()).unwrap().mode, S_IFDIR | 0o1777);
    for (path, errno) in [
        ("/d", EEXIST),
        ("/", EEXIST),
        ("/d/..", EEXIST),
        ("/to_d", EEXIST),
        ("/x/y", ENOENT),
        ("/f/x", ENOTDIR),
    ] {
        assert_eq!(disk.mkdir(ROOT, path.as_bytes(), 0o755, 0), Err(errno), "{path}");
    }
}

#[test]
fn a_listing_has_the_dots_and_then_the_order_of_creation() {
    let disk = with_tree();
    assert_eq!(disk.names("/"), [".", "..", "d", "empty", "f", "to_d"]);
    assert_eq!(disk.names("/d"), [".", "..", "e", "g"]);
    let entries = disk.read_dir(disk.find("/d").unwrap()).unwrap();
    assert_eq!(
        entries.iter().map(|entry| entry.kind).collect::<Vec<_>>(),
        [S_IFDIR, S_IFDIR, S_IFDIR, S_IFREG]
    );
    assert_eq!((entries[0].ino, entries[1].ino), (disk.find("/d").unwrap(), ROOT));
    assert_eq!(disk.read_dir(disk.find("/f").unwrap()), Err(ENOTDIR));
}

#[test]
fn rmdir_and_unlink_take_only_their_own_kind() {
    let mut disk = with_tree();
    for (path, errno) in [
        ("/d", ENOTEMPTY),
        ("/d/.", EINVAL),
        ("/d/..", ENOTEMPTY),
        ("/", EBUSY),
        ("/f", ENOTDIR),
        ("/to_d", ENOTDIR),
        ("/to_d/", ENOTDIR),
        ("/x", ENOENT),
    ] {
        assert_eq!(disk.rmdir(ROOT, path.as_bytes(), 0), Err(errno), "rmdir {path}");
    }
    for (path, errno) in [
        ("/d", EISDIR),
        ("/d/", EISDIR),
        ("/", EISDIR),
        ("/d/.", EISDIR),
        ("/f/", ENOTDIR),
        ("/to_d/", ENOTDIR),
        ("/x/", ENOENT),
    ] {
        assert_eq!(disk.unlink(ROOT, path.as_bytes(), 0), Err(errno), "unlink {path}");
    }
    disk.rmdir(ROOT, b"/empty/", 0).unwrap();
    disk.unlink(ROOT, b"/to_d", 0).unwrap();
    disk.unlink(ROOT, b"/f", 0).unwrap();
    assert_eq!(disk.names("/"), [".", "..", "d"]);
    disk.check();
}

#[test]
fn an_open_file_outlives_its_name() {
    let mut disk = disk();
    let free = disk.space().free;
    let file = disk.create_open("/f").unwrap();
    disk.write_at(file, 0, b"still here", 0).unwrap();
    disk.unlink(ROOT, b"/f", 0).unwrap();
    assert_eq!(disk.bytes(file).unwrap(), b"still here");
    assert_eq!((disk.stat(file).unwrap().nlink, disk.space().free), (0, free - 1));
    assert_eq!(disk.link(file, ROOT, b"/again", 0), Err(ENOENT));
    assert_ne!(disk.create_open("/f").unwrap(), file, "numbers are not reused");
    disk.close(file);
    assert_eq!(disk.space().free, free);
    disk.commit();
    assert_eq!(disk.stat(file), Err(ENOENT));
    disk.check();
}

#[test]
fn nothing_can_be_put_into_a_removed_directory() {
    let mut disk = with_tree();
    let dir = disk.open(ROOT, b"/d/e", O_DIRECTORY, 0, 0).unwrap();
    disk.rmdir(ROOT, b"/d/e", 0).unwrap();
    assert_eq!(disk.stat(dir).unwrap().nlink, 0);
    assert_eq!(disk.mkdir(dir, b"x", 0o755, 0), Err(ENOENT));
    assert_eq!(disk.open(dir, b"x", libc::O_CREAT, 0o644, 0), Err(ENOENT));
    assert_eq!(disk.rename(ROOT, b"/f", dir, b"x", 0, 0), Err(ENOENT));
    assert_eq!(disk.read_dir(dir), Err(ENOENT));
    assert_eq!(disk.lookup(dir, b"..", true), disk.find("/d"));
    disk.check();
}

#[test]
fn link_and_symlink_say_what_is_wrong() {
    let mut disk = with_tree();
    let (dir, file) = (disk.find("/d").unwrap(), disk.find("/f").unwrap());
    assert_eq!(disk.link(dir, ROOT, b"/x", 0), Err(EPERM));
    assert_eq!(disk.link(file, ROOT, b"/d", 0), Err(EEXIST));
    assert_eq!(disk.link(file, ROOT, b"/x/", 0), Err(ENOENT));
    assert_eq!(disk.symlink(b"", ROOT, b"/x", 0), Err(ENOENT));
    assert_eq!(disk.symlink(b"x", ROOT, b"/f", 0), Err(EEXIST));
    assert_eq!(disk.readlink(file), Err(EINVAL));
    assert_eq!(disk.readlink(disk.lookup(ROOT, b"/to_d", false).unwrap()), Ok(&b"d"[..]));
    disk.link(file, ROOT, b"/d/f2", 7).unwrap();
    assert_eq!(disk.find("/d/f2"), Ok(file));
    let stat = disk.stat(file).unwrap();
    assert_eq!((stat.nlink, stat.ctime), (2, 7));
    assert_eq!(disk.mknod(ROOT, b"/x", S_IFDIR, 0), Err(EPERM));
}

#[test]
fn a_file_has_no_more_than_65_000_names() {
    let mut disk = disk();
    let file = disk.save("/0", b"");
    for n in 1..65_000 {
        disk.link(file, ROOT, format!("/{n}").as_bytes(), 0).unwrap();
    }
    assert_eq!(disk.link(file, ROOT, b"/more", 0), Err(EMLINK));
}

#[test]
fn rename_replaces_at_once() {
    let mut disk = with_tree();
    let (f, g) = (disk.find("/f").unwrap(), disk.find("/d/g").unwrap());
    rename(&mut disk, "/f", "/d/g", 0).unwrap();
    assert_eq!((disk.find("/f"), disk.find("/d/g")), (Err(ENOENT), Ok(f)));
    disk.commit();
    assert_eq!(disk.stat(g), Err(ENOENT));
    rename(&mut disk, "/d/e", "/empty", 0).unwrap();
    rename(&mut disk, "/d", "/empty/d/", 0).unwrap();
    assert_eq!(disk.find("/empty/d/g"), Ok(f));
    assert_eq!(disk.find("/empty/d/.."), disk.find("/empty"));
    disk.link(f, ROOT, b"/same", 0).unwrap();
    rename(&mut disk, "/same", "/empty/d/g", 0).unwrap();
    assert_eq!(disk.find("/same"), Ok(f), "two names of one file: nothing happens");
}

#[test]
fn rename_says_what_is_wrong() {
    let mut disk = with_tree();
    for (from, to, flags, errno) in [
        ("/x", "/y", 0, ENOENT),
        ("/f", "/x/y", 0, ENOENT),
        ("/f", "/d", 0, EISDIR),
        ("/d", "/f", 0, ENOTDIR),
        ("/f/", "/y", 0, ENOTDIR),
        ("/f", "/y/", 0, ENOTDIR),
        ("/empty", "/d", 0, ENOTEMPTY),
        ("/d", "/d/e/x", 0, EINVAL),
        ("/d", "/d/x", 0, EINVAL),
        ("/d/e", "/d", 0, ENOTEMPTY),
        ("/d/.", "/y", 0, EBUSY),
        ("/f", "/d/..", 0, EBUSY),
        ("/f", "/d/..", RENAME_NOREPLACE, EEXIST),
        ("/f", "/d/g", RENAME_NOREPLACE, EEXIST),
        ("/f", "/y", RENAME_EXCHANGE, ENOENT),
        ("/d", "/d/e", RENAME_EXCHANGE, EINVAL),
        ("/d/e", "/d", RENAME_EXCHANGE, EINVAL),
        ("/f", "/y", RENAME_EXCHANGE | RENAME_NOREPLACE, EINVAL),
        ("/f", "/y", 4, EINVAL),
    ] {
        assert_eq!(rename(&mut disk, from, to, flags), Err(errno), "{from} {to} {flags}");
    }
    assert_eq!(rename(&mut disk, "/f", "/y", RENAME_NOREPLACE), Ok(()));
}

#[test]
fn exchange_swaps_even_a_file_and_a_directory() {
    let mut disk = with_tree();
    let (f, e) = (disk.find("/f").unwrap(), disk.find("/d/e").unwrap());
    rename(&mut disk, "/f", "/d/e", RENAME_EXCHANGE).unwrap();
    assert_eq!((disk.find("/f"), disk.find("/d/e")), (Ok(e), Ok(f)));
    assert_eq!(disk.find("/f/.."), Ok(ROOT));
}
