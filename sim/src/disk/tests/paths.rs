//! Path resolution and open(2).

use libc::{
    EEXIST, EINVAL, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, ENXIO, O_CREAT, O_DIRECTORY, O_EXCL,
    O_NOFOLLOW, O_PATH, O_RDONLY, O_RDWR, O_TMPFILE, O_TRUNC, O_WRONLY,
};

use super::{Disk, ROOT, disk};
use crate::Errno;

fn with_tree() -> Disk {
    let mut disk = disk();
    disk.mkdir(ROOT, b"/d", 0o755, 0).unwrap();
    disk.mkdir(ROOT, b"/d/e", 0o755, 0).unwrap();
    disk.save("/d/f", b"in d");
    disk.symlink(b"d", ROOT, b"/to_d", 0).unwrap();
    disk.symlink(b"../to_d/f", ROOT, b"/d/to_f", 0).unwrap();
    disk.symlink(b"nothing", ROOT, b"/dangling", 0).unwrap();
    disk
}

fn open(disk: &mut Disk, path: &str, flags: i32) -> Result<u64, Errno> {
    disk.open(ROOT, path.as_bytes(), flags, 0o644, 0)
}

#[test]
fn dots_slashes_and_links_lead_to_the_same_file() {
    let disk = with_tree();
    let file = disk.find("/d/f");
    assert!(file.is_ok());
    for path in ["d/f", "//d///f", "/d/./f", "/d/e/../f", "/../d/f", "/to_d/f", "/to_d/e/../f", "/d/to_f"] {
        assert_eq!(disk.find(path), file, "{path}");
    }
    let dir = disk.find("/d").unwrap();
    assert_eq!(disk.lookup(dir, b"f", true), file);
    assert_eq!(disk.lookup(dir, b"e/../../d/f", true), file);
    assert_eq!(disk.lookup(file.unwrap(), b"/d/f", true), file, "an absolute path needs no base");
    for path in ["/d/", "/d/.", "/to_d/", "/d/e/..", "/d/e/../"] {
        assert_eq!(disk.lookup(ROOT, path.as_bytes(), false), Ok(dir), "{path}");
    }
    assert_ne!(disk.lookup(ROOT, b"/to_d", false), Ok(dir));
    assert_eq!(disk.find("/"), Ok(ROOT));
}

#[test]
fn a_path_that_leads_nowhere_says_why() {
    let disk = with_tree();
    for (path, errno) in [
        ("", ENOENT),
        ("/x", ENOENT),
        ("/x/y", ENOENT),
        ("/dangling", ENOENT),
        ("/dangling/x", ENOENT),
        ("/d/f/", ENOTDIR),
        ("/d/f/.", ENOTDIR),
        ("/d/f/..", ENOTDIR),
        ("/d/f/x", ENOTDIR),
        ("/d/to_f/", ENOTDIR),
    ] {
        assert_eq!(disk.find(path), Err(errno), "{path}");
    }
    assert_eq!(disk.lookup(disk.find("/d/f").unwrap(), b"x", true), Err(ENOTDIR));
}

#[test]
fn names_and_paths_have_a_limit() {
    let mut disk = disk();
    let longest = "n".repeat(255);
    disk.save(&longest, b"");
    assert!(disk.find(&longest).is_ok());
    assert_eq!(disk.find(&"n".repeat(256)), Err(ENAMETOOLONG));
    assert_eq!(disk.create_open(&"n".repeat(256)), Err(ENAMETOOLONG));
    assert_eq!(disk.find(&format!("/{longest}/{}", "n".repeat(256))), Err(ENOTDIR));
    assert_eq!(disk.find(&"/".repeat(4_095)), Ok(ROOT));
    assert_eq!(disk.find(&"/".repeat(4_096)), Err(ENAMETOOLONG));
}

#[test]
fn forty_links_are_followed_and_no_more() {
    let mut disk = disk();
    disk.save("/0", b"");
    for n in 1..=41 {
        disk.symlink(format!("{}", n - 1).as_bytes(), ROOT, format!("/{n}").as_bytes(), 0).unwrap();
    }
    assert_eq!(disk.find("/40"), disk.find("/0"));
    assert_eq!(disk.find("/41"), Err(ELOOP));
    disk.symlink(b"loop", ROOT, b"/loop", 0).unwrap();
    assert_eq!(disk.find("/loop"), Err(ELOOP));
    assert_eq!(disk.find("/loop/x"), Err(ELOOP));
    assert_eq!(open(&mut disk, "/loop", O_RDWR | O_CREAT), Err(ELOOP));
}

#[test]
fn open_honours_its_flags() {
    let mut disk = with_tree();
    for (path, flags, errno) in [
        ("/d/f", O_CREAT | O_EXCL, EEXIST),
        ("/dangling", O_CREAT | O_EXCL, EEXIST),
        ("/d", O_CREAT | O_EXCL, EEXIST),
        ("/d", O_CREAT, EISDIR),
        ("/d/.", O_CREAT, EISDIR),
        ("/", O_CREAT, EISDIR),
        ("/d", O_WRONLY, EISDIR),
        ("/d", O_RDONLY | O_TRUNC, EISDIR),
        ("/new/", O_CREAT, EISDIR),
        ("/d/f/", O_CREAT, EISDIR),
        ("/d/f/", O_RDONLY, ENOTDIR),
        ("/d/f", O_DIRECTORY, ENOTDIR),
        ("/to_d", O_NOFOLLOW, ELOOP),
        ("/to_d", O_NOFOLLOW | O_CREAT, ELOOP),
        ("/to_d", O_NOFOLLOW | O_DIRECTORY, ENOTDIR),
        ("/new", O_CREAT | O_DIRECTORY, EINVAL),
        ("/x", O_RDONLY, ENOENT),
        ("/x/y", O_CREAT, ENOENT),
        ("/d/f/y", O_CREAT, ENOTDIR),
    ] {
        assert_eq!(open(&mut disk, path, flags), Err(errno), "{path} {flags:#o}");
    }
    assert_eq!(open(&mut disk, "/to_d", O_DIRECTORY), disk.find("/d"));
    assert_eq!(open(&mut disk, "/to_d/", O_NOFOLLOW), disk.find("/d"));
    assert_eq!(open(&mut disk, "/to_d", O_PATH | O_NOFOLLOW), disk.lookup(ROOT, b"/to_d", false));
    assert_eq!(open(&mut disk, "/d", O_PATH | O_RDWR | O_CREAT), disk.find("/d"));
    disk.check();
}

#[test]
fn open_creates_truncates_and_sets_the_mode_once() {
    let mut disk = with_tree();
    let made = open(&mut disk, "/dangling", O_RDWR | O_CREAT).unwrap();
    assert_eq!(disk.find("/nothing"), Ok(made), "a dangling link is created at its target");
    assert_eq!(disk.open(ROOT, b"/nothing", O_CREAT, 0o600, 0), Ok(made));
    assert_eq!(disk.stat(made).unwrap().mode, libc::S_IFREG | 0o644);
    assert_eq!(disk.load("/d/f").unwrap(), b"in d");
    open(&mut disk, "/d/to_f", O_WRONLY | O_TRUNC).unwrap();
    assert_eq!(disk.load("/d/f").unwrap(), b"");
}

#[test]
fn a_socket_cannot_be_opened() {
    let mut disk = disk();
    disk.mknod(ROOT, b"/socket", libc::S_IFSOCK | 0o755, 0).unwrap();
    disk.mknod(ROOT, b"/fifo", libc::S_IFIFO | 0o644, 0).unwrap();
    assert_eq!(open(&mut disk, "/socket", O_RDWR), Err(ENXIO));
    assert!(open(&mut disk, "/socket", O_PATH).is_ok());
    let fifo = open(&mut disk, "/fifo", O_RDWR | O_TRUNC).unwrap();
    assert_eq!(disk.stat(fifo).unwrap().mode, libc::S_IFIFO | 0o644);
    assert_eq!(disk.read_at(fifo, 0, &mut [0]), Err(EINVAL));
}

#[test]
fn an_unnamed_file_may_get_a_name_unless_it_is_exclusive() {
    let mut disk = with_tree();
    assert_eq!(open(&mut disk, "/d", O_TMPFILE), Err(EINVAL));
    assert_eq!(open(&mut disk, "/d/f", O_TMPFILE | O_RDWR), Err(ENOTDIR));
    let file = open(&mut disk, "/d", O_TMPFILE | O_RDWR).unwrap();
    disk.write_at(file, 0, b"unnamed", 0).unwrap();
    assert_eq!(disk.stat(file).unwrap().nlink, 0);
    disk.link(file, ROOT, b"/named", 0).unwrap();
    assert_eq!(disk.load("/named").unwrap(), b"unnamed");
    disk.unlink(ROOT, b"/named", 0).unwrap();
    assert_eq!(disk.link(file, ROOT, b"/again", 0), Err(ENOENT), "it has had its name");
    let free = disk.space().free;
    let other = open(&mut disk, "/d", O_TMPFILE | O_RDWR | O_EXCL).unwrap();
    disk.write_at(other, 0, b"unnamed", 0).unwrap();
    assert_eq!(disk.link(other, ROOT, b"/other", 0), Err(ENOENT));
    disk.close(other);
    assert_eq!((disk.space().free, disk.stat(other)), (free, Err(ENOENT)));
}
