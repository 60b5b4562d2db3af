//! Reading and writing at an offset that the caller gives, and what concerns the file alone.

use super::{Running, call, start};
use crate::buf::{IoBuf, IoBufMut};
use crate::open_file::OpenFile;
use ayi_runtime::io::uring::Resources;
use io_uring::{opcode, types};
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;

/// The most that one call moves, read(2).
pub(super) const MOST: usize = 0x7fff_f000;

/// The offset that is none to the kernel: it means the descriptor's own position, see `IORING_FEAT_RW_CUR_POS`.
pub(super) const HERE: u64 = u64::MAX;

/// Converts an offset from the user. The kernel refuses one that is too large, either way; but it must not become
/// [`HERE`].
pub(crate) fn at(offset: u64) -> u64 {
    offset.min(HERE - 1)
}

/// Calls `f` with an offset. For a file without positions, such as a pipe, it calls `f` without one, as io_uring does.
fn call_at(at: u64, f: impl Fn(Option<libc::off_t>) -> isize) -> io::Result<u32> {
    match call(|| f(Some(at as libc::off_t))) {
        Err(error) if error.raw_os_error() == Some(libc::ESPIPE) => call(|| f(None)),
        result => result,
    }
}

pub(super) fn fd(file: &OpenFile) -> types::Fd {
    types::Fd(file.std.as_raw_fd())
}

/// What a read or a write owns.
pub(crate) struct Transfer<B> {
    pub(crate) file: Arc<OpenFile>,
    pub(crate) buf: B,
}

impl<B: Send + 'static> Resources for Transfer<B> {}

/// Reads into the room of `buf`.
pub(crate) fn read<B: IoBufMut>(file: Arc<OpenFile>, mut buf: B, at: u64) -> Running<Transfer<B>> {
    let bytes = buf.room().len();
    fn parts<B: IoBufMut>(transfer: &mut Transfer<B>) -> (types::Fd, *mut u8, usize) {
        let room = transfer.buf.room();
        (fd(&transfer.file), room.cast(), room.len().min(MOST))
    }
    let entry = |transfer: &mut Transfer<B>| {
        let (fd, to, len) = parts(transfer);
        opcode::Read::new(fd, to, len as u32).offset(at).build()
    };
    let blocking = move |transfer: &mut Transfer<B>| {
        let (types::Fd(fd), to, len) = parts(transfer);
        call_at(at, |offset| match offset {
            // SAFETY: `to` has room for `len` bytes: the trait's promise 1. Nobody else uses it: `transfer` owns it.
            None => unsafe { libc::read(fd, to.cast(), len) },
            // SAFETY: likewise.
            Some(offset) => unsafe { libc::pread(fd, to.cast(), len, offset) },
        })
    };
    // SAFETY: the room stays where it is, by the trait's promise 2, and the transfer owns it.
    unsafe { start(Transfer { file, buf }, bytes, false, entry, blocking) }
}

/// Returns the buffer of a read that has ended.
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

/// Writes what is in `buf` after its first `from` bytes.
pub(crate) fn write<B: IoBuf>(file: Arc<OpenFile>, buf: B, from: usize, at: u64) -> Running<Transfer<B>> {
    let bytes = buf.bytes().len() - from;
    fn parts<B: IoBuf>(transfer: &mut Transfer<B>, from: usize) -> (types::Fd, *const u8, usize) {
        let bytes = &transfer.buf.bytes()[from..];
        (fd(&transfer.file), bytes.as_ptr(), bytes.len().min(MOST))
    }
    let entry = |transfer: &mut Transfer<B>| {
        let (fd, bytes, len) = parts(transfer, from);
        opcode::Write::new(fd, bytes, len as u32).offset(at).build()
    };
    let blocking = move |transfer: &mut Transfer<B>| {
        let (types::Fd(fd), bytes, len) = parts(transfer, from);
        call_at(at, |offset| match offset {
            // SAFETY: there are `len` bytes, which `transfer` owns.
            None => unsafe { libc::write(fd, bytes.cast(), len) },
            // SAFETY: likewise.
            Some(offset) => unsafe { libc::pwrite(fd, bytes.cast(), len, offset) },
        })
    };
    // SAFETY: the bytes stay where and as they are, by the trait's promises 2 and 3, and the transfer owns them.
    unsafe { start(Transfer { file, buf }, bytes, false, entry, blocking) }
}

/// Buffers, and their list for the kernel.
pub(crate) struct Vectored<B> {
    file: Arc<OpenFile>,
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
pub(crate) fn read_vectored<B: IoBufMut>(
    file: Arc<OpenFile>,
    mut bufs: Vec<B>,
    at: u64,
) -> Running<Vectored<B>> {
    let iovec = |buf: &mut B| {
        let room = buf.room();
        libc::iovec { iov_base: room.cast(), iov_len: room.len() }
    };
    let list: Vec<_> = bufs.iter_mut().take(MOST_BUFFERS).map(iovec).collect();
    let bytes = sum(&list);
    let entry = |parts: &mut Vectored<B>| {
        opcode::Readv::new(fd(&parts.file), parts.list.as_ptr(), parts.list.len() as u32).offset(at).build()
    };
    let blocking = move |parts: &mut Vectored<B>| {
        let (fd, list, len) =
            (parts.file.std.as_raw_fd(), parts.list.as_ptr(), parts.list.len() as libc::c_int);
        call_at(at, |offset| match offset {
            // SAFETY: the list is that of the buffers' room.
            None => unsafe { libc::readv(fd, list, len) },
            // SAFETY: likewise.
            Some(offset) => unsafe { libc::preadv(fd, list, len, offset) },
        })
    };
    // SAFETY: the room of each stays where it is, by the trait's promise 2; the list is on the heap, and the parts own both.
    unsafe { start(Vectored { file, bufs, list }, bytes, false, entry, blocking) }
}

/// Returns the buffers of a read that has ended, each with what was read into it.
pub(crate) fn buffers_of<B: IoBufMut>(
    (result, parts): (io::Result<u32>, Option<Vectored<B>>),
) -> (io::Result<usize>, Option<Vec<B>>) {
    let Some(Vectored { mut bufs, list, .. }) = parts else { return (result.map(|n| n as usize), None) };
    if let Ok(read) = result {
        let mut left = read as usize;
        // Buffers for which the list has no place got nothing.
        let room = list.iter().map(|room| room.iov_len).chain(std::iter::repeat(0));
        for (buf, room) in bufs.iter_mut().zip(room) {
            let len = room.min(left);
            left -= len;
            // SAFETY: the kernel has filled the buffers one after the other, each with so many bytes.
            unsafe { buf.set_len(len) };
        }
    }
    (result.map(|read| read as usize), Some(bufs))
}

/// Writes what is in `bufs`, one after the other.
pub(crate) fn write_vectored<B: IoBuf>(file: Arc<OpenFile>, bufs: Vec<B>, at: u64) -> Running<Vectored<B>> {
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
        let (fd, list, len) =
            (parts.file.std.as_raw_fd(), parts.list.as_ptr(), parts.list.len() as libc::c_int);
        call_at(at, |offset| match offset {
            // SAFETY: the list is that of the buffers' bytes.
            None => unsafe { libc::writev(fd, list, len) },
            // SAFETY: likewise.
            Some(offset) => unsafe { libc::pwritev(fd, list, len, offset) },
        })
    };
    // SAFETY: the bytes of each stay where and as they are, by promises 2 and 3; the list is on the heap.
    unsafe { start(Vectored { file, bufs, list }, bytes, false, entry, blocking) }
}

struct Synced(Arc<OpenFile>);

impl Resources for Synced {}

/// Calls fsync(2), or fdatasync(2).
pub(crate) async fn sync(file: Arc<OpenFile>, data_only: bool) -> io::Result<()> {
    let flags = if data_only { types::FsyncFlags::DATASYNC } else { types::FsyncFlags::empty() };
    let entry = |Synced(file): &mut Synced| opcode::Fsync::new(fd(file)).flags(flags).build();
    let blocking = move |Synced(file): &mut Synced| {
        if data_only { file.std.sync_data() } else { file.std.sync_all() }.map(|()| 0)
    };
    // SAFETY: it points at nothing.
    unsafe { start(Synced(file), 0, false, entry, blocking) }.await.0.map(drop)
}
