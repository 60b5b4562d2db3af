//! Operations on paths.

use super::{Running, call, charged, start};
use ayi_runtime::io::uring::Resources;
use io_uring::squeue;
use io_uring::{opcode, types};
use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::FromRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Converts a path to the kernel's form.
async fn c_path(path: &Path) -> io::Result<CString> {
    charged(
        CString::new(path.as_os_str().as_bytes())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a path cannot have a zero byte in it")),
    )
    .await
}

fn std_path(path: &CStr) -> &Path {
    Path::new(OsStr::from_bytes(path.to_bytes()))
}

/// The path of an `open`.
struct ToOpen(CString);

impl Resources for ToOpen {
    fn abandoned(self: Box<Self>, result: i32) {
        if result >= 0 {
            // SAFETY: the kernel has opened it for us, and nobody else knows of it.
            drop(unsafe { File::from_raw_fd(result) });
        }
    }
}

/// The paths of other operations.
struct Paths<const N: usize>([CString; N]);

impl<const N: usize> Resources for Paths<N> {}

const CWD: types::Fd = types::Fd(libc::AT_FDCWD);

/// Calls openat(2).
pub(crate) async fn open(path: &Path, flags: libc::c_int, mode: libc::mode_t) -> io::Result<File> {
    let (mut result, path) = start_open(ToOpen(c_path(path).await?), flags, mode, false).await;
    // io_uring first opens without waiting. For the writing end of a fifo that has no reader, that gives this error.
    let is_fifo_error = |error: &io::Error| {
        error.raw_os_error() == Some(libc::ENXIO)
            && flags & libc::O_ACCMODE == libc::O_WRONLY
            && flags & libc::O_NONBLOCK == 0
    };
    if let (true, Some(path)) = (result.as_ref().is_err_and(is_fifo_error), path) {
        (result, _) = start_open(path, flags, mode, true).await;
    }
    // SAFETY: the kernel has just given it to us.
    result.map(|opened| unsafe { File::from_raw_fd(opened as libc::c_int) })
}

/// With `may_wait`, it goes at once to a thread of the kernel.
fn start_open(path: ToOpen, flags: libc::c_int, mode: libc::mode_t, may_wait: bool) -> Running<ToOpen> {
    let where_to = if may_wait { squeue::Flags::ASYNC } else { squeue::Flags::empty() };
    let entry = |ToOpen(path): &mut ToOpen| {
        opcode::OpenAt::new(CWD, path.as_ptr()).flags(flags).mode(mode).build().flags(where_to)
    };
    let blocking = move |ToOpen(path): &mut ToOpen| {
        // SAFETY: the path ends with a zero.
        call(|| unsafe { libc::open(path.as_ptr(), flags, mode) } as isize)
    };
    // SAFETY: the path is on the heap.
    unsafe { start(path, 0, false, entry, blocking) }
}

/// The operations on one path.
#[derive(Clone, Copy)]
pub(crate) enum WithPath {
    RemoveFile,
    RemoveDir,
    /// With these permissions.
    CreateDir(libc::mode_t),
}

pub(crate) async fn with_path(what: WithPath, path: &Path) -> io::Result<()> {
    let paths = Paths([c_path(path).await?]);
    let entry = |Paths([path]): &mut Paths<1>| {
        let path = path.as_ptr();
        match what {
            WithPath::RemoveFile => opcode::UnlinkAt::new(CWD, path).build(),
            WithPath::RemoveDir => opcode::UnlinkAt::new(CWD, path).flags(libc::AT_REMOVEDIR).build(),
            WithPath::CreateDir(mode) => opcode::MkDirAt::new(CWD, path).mode(mode).build(),
        }
    };
    let blocking = move |Paths([path]): &mut Paths<1>| {
        let path = std_path(path);
        match what {
            WithPath::RemoveFile => std::fs::remove_file(path),
            WithPath::RemoveDir => std::fs::remove_dir(path),
            WithPath::CreateDir(mode) => std::fs::DirBuilder::new().mode(mode).create(path),
        }
        .map(|()| 0)
    };
    // SAFETY: the path is on the heap.
    unsafe { start(paths, 0, false, entry, blocking) }.await.0.map(drop)
}

/// The operations on two paths.
#[derive(Clone, Copy)]
pub(crate) enum WithPaths {
    Rename,
    HardLink,
    /// Makes the second path a link to the first.
    Symlink,
}

pub(crate) async fn with_paths(what: WithPaths, from: &Path, to: &Path) -> io::Result<()> {
    let paths = Paths([c_path(from).await?, c_path(to).await?]);
    let entry = |Paths([from, to]): &mut Paths<2>| {
        let (from, to) = (from.as_ptr(), to.as_ptr());
        match what {
            WithPaths::Rename => opcode::RenameAt::new(CWD, from, CWD, to).build(),
            WithPaths::HardLink => opcode::LinkAt::new(CWD, from, CWD, to).build(),
            WithPaths::Symlink => opcode::SymlinkAt::new(CWD, from, to).build(),
        }
    };
    let blocking = move |Paths([from, to]): &mut Paths<2>| {
        let (from, to) = (std_path(from), std_path(to));
        match what {
            WithPaths::Rename => std::fs::rename(from, to),
            WithPaths::HardLink => std::fs::hard_link(from, to),
            WithPaths::Symlink => std::os::unix::fs::symlink(from, to),
        }
        .map(|()| 0)
    };
    // SAFETY: the paths are on the heap.
    unsafe { start(paths, 0, false, entry, blocking) }.await.0.map(drop)
}
