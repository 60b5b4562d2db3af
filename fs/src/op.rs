//! The operations: each through the ring if the runtime has one, else by a thread of the blocking pool.
//!
//! Invariants:
//! 1. What an operation's entry points at is on the heap and owned by its resources, which the operation keeps until the
//!    kernel is done with it: so the pointers are right wherever the resources go meanwhile.
//! 2. The call on the pool does the same as the entry, with the same resources.
//!
//! In tokio: `fs/mod.rs`, `asyncify`.

use crate::buf::{IoBuf, IoBufMut};
use ayi_runtime::io::uring::{Operation, Resources, is_available, submit};
use ayi_runtime::task::{Builder, JoinHandle, coop};
use io_uring::squeue::{self, Entry};
use io_uring::{opcode, types};
use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io::{self, Seek};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

/// As an offset: where the descriptor is, see `IORING_FEAT_RW_CUR_POS`.
pub(crate) const HERE: u64 = u64::MAX;

/// What one call moves at most, read(2).
const MOST: usize = 0x7fff_f000;

/// An operation under way. Gives what the system call would, and the resources; `None` if they are lost, because the
/// runtime has ended.
#[must_use]
pub(crate) enum Running<T: Resources> {
    Ring(Operation<T>),
    Pool(JoinHandle<Finished<T>>),
    /// There is no thread for it.
    Refused(Option<Box<(io::Error, T)>>),
}

/// A call that has ended. If nobody takes it, its result is settled as an operation's would be.
pub(crate) struct Finished<T: Resources>(Option<(io::Result<u32>, T)>);

impl<T: Resources> Drop for Finished<T> {
    fn drop(&mut self) {
        if let Some((result, resources)) = self.0.take() {
            // (No descriptor is larger than an `i32`.)
            Box::new(resources).abandoned(result.map_or(-1, |result| result as i32));
        }
    }
}

/// A call on the pool. A lasting one that the pool gives up, because the runtime ends, is made then.
struct PoolCall<T: Resources, F: FnOnce(&mut T) -> io::Result<u32>> {
    parts: Option<(T, F)>,
    is_lasting: bool,
}

impl<T: Resources, F: FnOnce(&mut T) -> io::Result<u32>> PoolCall<T, F> {
    fn run(&mut self) -> Option<Finished<T>> {
        let (mut resources, call) = self.parts.take()?;
        Some(Finished(Some((call(&mut resources), resources))))
    }
}

impl<T: Resources, F: FnOnce(&mut T) -> io::Result<u32>> Drop for PoolCall<T, F> {
    fn drop(&mut self) {
        if self.is_lasting {
            drop(self.run());
        }
    }
}

impl<T: Resources> Future for Running<T> {
    type Output = (io::Result<u32>, Option<T>);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Running::Ring(operation) => {
                let (result, resources) = ready!(Pin::new(operation).poll(cx));
                Poll::Ready((result, Some(resources)))
            }
            Running::Pool(handle) => match ready!(Pin::new(handle).poll(cx)) {
                Ok(mut finished) => {
                    let (result, resources) = finished.0.take().expect("it is taken once");
                    Poll::Ready((result, Some(resources)))
                }
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_cancelled) => Poll::Ready((Err(io::Error::other(GONE)), None)),
            },
            Running::Refused(refused) => {
                let (error, resources) = *refused.take().expect("it is taken once");
                Poll::Ready((Err(error), Some(resources)))
            }
        }
    }
}

pub(crate) const GONE: &str = "the ayi runtime was shut down before this file operation had begun";

/// # Safety
///
/// Invariant 1, of what `entry` makes.
unsafe fn start<T: Resources>(
    mut resources: T,
    bytes: usize,
    is_lasting: bool,
    entry: impl FnOnce(&mut T) -> Entry,
    call: impl FnOnce(&mut T) -> io::Result<u32> + Send + 'static,
) -> Running<T> {
    let entry = entry(&mut resources);
    // SAFETY: the caller's promise.
    match unsafe { submit(entry, bytes, resources) } {
        Ok(mut operation) => {
            if is_lasting {
                operation.make_lasting();
            }
            Running::Ring(operation)
        }
        Err(resources) => {
            let call = PoolCall { parts: Some((resources, call)), is_lasting };
            // (Shared, for the pool gives nothing back that it refuses.)
            let call = Arc::new(Mutex::new(call));
            let on_pool = call.clone();
            let run = move || lock(&on_pool).run().expect("it is run once");
            match Builder::new().spawn_blocking(run) {
                Ok(handle) => Running::Pool(handle),
                Err(error) => {
                    let (resources, _) = lock(&call).parts.take().expect("it was not run");
                    Running::Refused(Some(Box::new((error, resources))))
                }
            }
        }
    }
}

/// (A call that panics is not asked for again.)
fn lock<T>(call: &Mutex<T>) -> MutexGuard<'_, T> {
    call.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A system call's result.
fn check(result: isize) -> io::Result<u32> {
    match result {
        0.. => Ok(u32::try_from(result).expect("no call moves more than `MOST` bytes")),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A call that is begun anew when a signal interrupts it.
fn call(f: impl Fn() -> isize) -> io::Result<u32> {
    #[cfg(faults)]
    let f = || ayi_runtime::faults::within(ayi_runtime::faults::Operation::OnAny, &f);
    loop {
        match check(f()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// An offset that the user gives. What is too large the kernel refuses, either way; but it is not [`HERE`].
pub(crate) fn at(offset: u64) -> u64 {
    offset.min(HERE - 1)
}

/// `f` at an offset; where there are no positions, in a pipe, wherever it is: as io_uring does it.
fn call_at(at: u64, f: impl Fn(Option<libc::off_t>) -> isize) -> io::Result<u32> {
    if at == HERE {
        return call(|| f(None));
    }
    match call(|| f(Some(at as libc::off_t))) {
        Err(error) if error.raw_os_error() == Some(libc::ESPIPE) => call(|| f(None)),
        result => result,
    }
}

fn fd(file: &File) -> types::Fd {
    types::Fd(file.as_raw_fd())
}

/// What a read or a write owns.
pub(crate) struct Transfer<B> {
    pub(crate) file: Arc<File>,
    pub(crate) buf: B,
}

impl<B: Send + 'static> Resources for Transfer<B> {}

/// Reads into the room of `buf`, and into `most` bytes of it at most.
pub(crate) fn read<B: IoBufMut>(file: Arc<File>, mut buf: B, most: usize, at: u64) -> Running<Transfer<B>> {
    let bytes = buf.room().len().min(most);
    fn parts<B: IoBufMut>(transfer: &mut Transfer<B>, most: usize) -> (libc::c_int, *mut u8, usize) {
        let room = transfer.buf.room();
        (transfer.file.as_raw_fd(), room.as_mut_ptr().cast(), room.len().min(most).min(MOST))
    }
    let entry = |transfer: &mut Transfer<B>| {
        let (fd, to, len) = parts(transfer, most);
        opcode::Read::new(types::Fd(fd), to, len as u32).offset(at).build()
    };
    let blocking = move |transfer: &mut Transfer<B>| {
        let (fd, to, len) = parts(transfer, most);
        call_at(at, |offset| match offset {
            // SAFETY: `to` has room for `len` bytes.
            None => unsafe { libc::read(fd, to.cast(), len) },
            // SAFETY: likewise.
            Some(offset) => unsafe { libc::pread(fd, to.cast(), len, offset) },
        })
    };
    // SAFETY: the trait's promise about the room.
    unsafe { start(Transfer { file, buf }, bytes, false, entry, blocking) }
}

/// The buffer of a read that has ended.
pub(crate) fn buffer_of<B: IoBufMut>(
    (result, transfer): (io::Result<u32>, Option<Transfer<B>>),
) -> (io::Result<usize>, Option<B>) {
    let mut buf = transfer.map(|transfer| transfer.buf);
    if let (Ok(read), Some(buf)) = (&result, &mut buf) {
        // SAFETY: the kernel has written so many bytes to the beginning of the room.
        unsafe { buf.set_len(*read as usize) };
    }
    (result.map(|read| read as usize), buf)
}

/// Writes what is in `buf` after its first `from` bytes. At the position, it is done whoever waits for it.
pub(crate) fn write<B: IoBuf>(file: Arc<File>, buf: B, from: usize, at: u64) -> Running<Transfer<B>> {
    let bytes = buf.bytes().len() - from;
    fn parts<B: IoBuf>(transfer: &mut Transfer<B>, from: usize) -> (libc::c_int, *const u8, usize) {
        let bytes = &transfer.buf.bytes()[from..];
        (transfer.file.as_raw_fd(), bytes.as_ptr(), bytes.len().min(MOST))
    }
    let entry = |transfer: &mut Transfer<B>| {
        let (fd, bytes, len) = parts(transfer, from);
        opcode::Write::new(types::Fd(fd), bytes, len as u32).offset(at).build()
    };
    let blocking = move |transfer: &mut Transfer<B>| {
        let (fd, bytes, len) = parts(transfer, from);
        call_at(at, |offset| match offset {
            // SAFETY: there are `len` bytes.
            None => unsafe { libc::write(fd, bytes.cast(), len) },
            // SAFETY: likewise.
            Some(offset) => unsafe { libc::pwrite(fd, bytes.cast(), len, offset) },
        })
    };
    // (What may block for ever is not waited for at the runtime's end: that is, a pipe's write on the pool.)
    let is_lasting = at == HERE && (is_available() || (&*file).stream_position().is_ok());
    // SAFETY: the trait's promise about the bytes.
    unsafe { start(Transfer { file, buf }, bytes, is_lasting, entry, blocking) }
}

/// Buffers, and the list of them that the kernel is given.
pub(crate) struct Vectored<B> {
    file: Arc<File>,
    pub(crate) bufs: Vec<B>,
    list: Vec<libc::iovec>,
}

// SAFETY: the pointers in the list are into the buffers, which are `Send`.
unsafe impl<B: Send> Send for Vectored<B> {}

impl<B: Send + 'static> Resources for Vectored<B> {}

/// How many buffers one call takes, readv(2).
const MOST_BUFFERS: usize = libc::UIO_MAXIOV as usize;

fn sum(list: &[libc::iovec]) -> usize {
    list.iter().fold(0, |sum, buf| sum.saturating_add(buf.iov_len))
}

/// Reads into the room of `bufs`, one after the other.
pub(crate) fn read_vectored<B: IoBufMut>(file: Arc<File>, mut bufs: Vec<B>, at: u64) -> Running<Vectored<B>> {
    let iovec = |buf: &mut B| {
        let room = buf.room();
        libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() }
    };
    let list: Vec<_> = bufs.iter_mut().take(MOST_BUFFERS).map(iovec).collect();
    let bytes = sum(&list);
    let entry = |parts: &mut Vectored<B>| {
        opcode::Readv::new(fd(&parts.file), parts.list.as_ptr(), parts.list.len() as u32).offset(at).build()
    };
    let blocking = move |parts: &mut Vectored<B>| {
        let (fd, list, len) = (parts.file.as_raw_fd(), parts.list.as_ptr(), parts.list.len() as libc::c_int);
        call_at(at, |offset| match offset {
            // SAFETY: the list is that of the buffers' room.
            None => unsafe { libc::readv(fd, list, len) },
            // SAFETY: likewise.
            Some(offset) => unsafe { libc::preadv(fd, list, len, offset) },
        })
    };
    // SAFETY: the trait's promise about the room; the list is on the heap.
    unsafe { start(Vectored { file, bufs, list }, bytes, false, entry, blocking) }
}

/// The buffers of a read that has ended, each with what was read into it.
pub(crate) fn buffers_of<B: IoBufMut>(
    (result, parts): (io::Result<u32>, Option<Vectored<B>>),
) -> (io::Result<usize>, Option<Vec<B>>) {
    let mut bufs = parts.map(|parts| parts.bufs);
    if let (Ok(read), Some(bufs)) = (&result, &mut bufs) {
        let mut left = *read as usize;
        for buf in bufs {
            let len = buf.room().len().min(left);
            left -= len;
            // SAFETY: the kernel has filled the buffers one after the other.
            unsafe { buf.set_len(len) };
        }
    }
    (result.map(|read| read as usize), bufs)
}

/// Writes what is in `bufs`, one after the other.
pub(crate) fn write_vectored<B: IoBuf>(file: Arc<File>, bufs: Vec<B>, at: u64) -> Running<Vectored<B>> {
    let iovec = |buf: &B| {
        let bytes = buf.bytes();
        libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() }
    };
    let list: Vec<_> = bufs.iter().take(MOST_BUFFERS).map(iovec).collect();
    let bytes = sum(&list);
    let entry = |parts: &mut Vectored<B>| {
        opcode::Writev::new(fd(&parts.file), parts.list.as_ptr(), parts.list.len() as u32).offset(at).build()
    };
    let blocking = move |parts: &mut Vectored<B>| {
        let (fd, list, len) = (parts.file.as_raw_fd(), parts.list.as_ptr(), parts.list.len() as libc::c_int);
        call_at(at, |offset| match offset {
            // SAFETY: the list is that of the buffers' bytes.
            None => unsafe { libc::writev(fd, list, len) },
            // SAFETY: likewise.
            Some(offset) => unsafe { libc::pwritev(fd, list, len, offset) },
        })
    };
    // SAFETY: the trait's promise about the bytes; the list is on the heap.
    unsafe { start(Vectored { file, bufs, list }, bytes, false, entry, blocking) }
}

struct Synced(Arc<File>);

impl Resources for Synced {}

/// fsync(2), or fdatasync(2).
pub(crate) async fn sync(file: Arc<File>, data_only: bool) -> io::Result<()> {
    let flags = if data_only { types::FsyncFlags::DATASYNC } else { types::FsyncFlags::empty() };
    let entry = |Synced(file): &mut Synced| opcode::Fsync::new(fd(file)).flags(flags).build();
    let blocking = move |Synced(file): &mut Synced| {
        if data_only { file.sync_data() } else { file.sync_all() }.map(|()| 0)
    };
    // SAFETY: it points at nothing.
    unsafe { start(Synced(file), 0, false, entry, blocking) }.await.0.map(drop)
}

/// A path as the kernel wants it.
async fn c_path(path: &Path) -> io::Result<CString> {
    charged(
        CString::new(path.as_os_str().as_bytes())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a path cannot have a zero byte in it")),
    )
    .await
}

/// Charges an error that came without an operation: a loop that tries again is to give way.
async fn charged<T>(result: io::Result<T>) -> io::Result<T> {
    if result.is_err() {
        coop::consume_budget().await;
    }
    result
}

fn std_path(path: &CStr) -> &Path {
    Path::new(OsStr::from_bytes(path.to_bytes()))
}

/// Of an `open`.
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

/// openat(2).
pub(crate) async fn open(path: &Path, flags: libc::c_int, mode: libc::mode_t) -> io::Result<File> {
    let (mut result, path) = start_open(ToOpen(c_path(path).await?), flags, mode, false).await;
    // (io_uring first opens without waiting, which for the writing end of a fifo that has no reader is this error.)
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

/// `may_wait`: at once on a thread of the kernel.
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

/// What is done with one path.
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

/// What is done with two paths.
#[derive(Clone, Copy)]
pub(crate) enum WithPaths {
    Rename,
    HardLink,
    /// The first is what the second says.
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

/// What the ring has no operation for: `f` on the pool.
pub(crate) async fn on_pool<T: Send + 'static>(
    f: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match charged(Builder::new().spawn_blocking(f)).await?.await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_cancelled) => Err(io::Error::other(GONE)),
    }
}
