//! Operations on paths.

use super::{Running, call, charged, start};
use ayi_runtime::io::uring::Resources;
use ayi_runtime::io::{Interest, Registration};
use io_uring::squeue;
use io_uring::{opcode, types};
use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, FromRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt};
use std::path::Path;
use std::pin::pin;
use std::task::Poll;

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
    let opening = start_open(ToOpen(c_path(path).await?), flags, mode, false);
    // io_uring opens without waiting first, unless the file may have to be made or truncated. That is not right for a
    // fifo: one end waits for the other (fifo(7)).
    let may_wait = matches!(opening, Running::Ring(_)) && flags & libc::O_NONBLOCK == 0;
    let as_it_is = libc::O_PATH | libc::O_CREAT | libc::O_TRUNC;
    let (result, path) = opening.await;
    let result = result.map(opened);
    match (result, path, flags & libc::O_ACCMODE) {
        (Ok(early), Some(path), libc::O_RDONLY) if may_wait && flags & as_it_is == 0 && is_fifo(&early) => {
            Ok(with_a_writer(early, path, flags, mode).await)
        }
        // The error of a fifo that has no reader.
        (Err(error), Some(path), libc::O_WRONLY) if may_wait && error.raw_os_error() == Some(libc::ENXIO) => {
            start_open(path, flags, mode, true).await.0.map(opened)
        }
        (result, ..) => result,
    }
}

fn opened(fd: u32) -> File {
    // SAFETY: the kernel has just given it to us.
    unsafe { File::from_raw_fd(fd as libc::c_int) }
}

fn is_fifo(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.file_type().is_fifo())
}

/// Waits until a fifo that is open for reading already has a writer.
///
/// The kernel lets a second open wait for that. The first one must not be closed before: a writer that has met it would
/// find itself without a reader. And it tells if a writer came before the second open, and has gone since: there is
/// something to read, or the end.
async fn with_a_writer(early: File, path: ToOpen, flags: libc::c_int, mode: libc::mode_t) -> File {
    let registration = Registration::new();
    let met = {
        let mut waiting = pin!(start_open(path, flags, mode, true));
        let mut written = Some(Box::pin(registration.ready(early.as_fd(), Interest::READABLE)));
        poll_fn(|cx| {
            if let Poll::Ready((result, _)) = waiting.as_mut().poll(cx) {
                return Poll::Ready(result.ok().map(opened));
            }
            match written.as_mut().map(|written| written.as_mut().poll(cx)) {
                Some(Poll::Ready(Ok(_))) => Poll::Ready(None),
                // The reactor has no room for it: the open alone tells.
                Some(Poll::Ready(Err(_))) => {
                    written = None;
                    Poll::Pending
                }
                Some(Poll::Pending) | None => Poll::Pending,
            }
        })
        .await
    };
    registration.deregister(early.as_fd());
    // If the second open has failed, the fifo has another name by now, or none. The first one is the right one then.
    met.unwrap_or(early)
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
