//! Reading, writing and accepting without waiting, whatever the mode of the open file description.
//!
//! `O_NONBLOCK` belongs to the open file description, which a duplicate or another process may share. Any of them may
//! clear the flag (fcntl(2)). One call that blocks would then stop the runtime's thread and all its tasks. So each call
//! asks by itself not to block:
//!
//! | what | how |
//! |---|---|
//! | sockets | `MSG_DONTWAIT` (recv(2), send(2)) |
//! | pipes | `RWF_NOWAIT` (preadv2(2)) |
//! | FIFOs, and pipes before Linux 6.4, which have no such flag | poll(2) first, if the description blocks |
//! | accept(2), which has no flags of this kind | poll(2) first |
//!
//! After a poll(2) there is a gap in which another process may take what was there. If the description blocks and is
//! read elsewhere as well, the call then waits for the next byte or connection.

use std::ffi::c_int;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::{self, MaybeUninit};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net as unix;
use std::sync::atomic::{AtomicBool, Ordering};

use socket2::SockAddr;

use super::{MAX_BUFFERS, MAX_BYTES, RawAddr, check, is_nonblocking, length_of, unix_addr};

/// A flag for [`recv`] and similar calls: they return what is there, and leave it.
pub(crate) const PEEK: c_int = libc::MSG_PEEK;

/// Returns the result of a call that reports errors as -1 and `errno`.
pub(super) fn moved(result: libc::ssize_t) -> io::Result<usize> {
    // It is negative only for an error.
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// Memory to receive into, which may be uninitialised. The bytes that were received are initialised afterwards.
pub(crate) type Room = [MaybeUninit<u8>];

/// Returns the memory of `buf` for a call that receives. Nothing else may write there.
pub(crate) fn room(buf: &mut [u8]) -> &mut Room {
    // SAFETY: the layout is the same, and the kernel writes initialised bytes.
    unsafe { &mut *(buf as *mut [u8] as *mut Room) }
}

/// Calls recv(2), with `flags`.
pub(crate) fn recv(socket: BorrowedFd<'_>, buf: &mut Room, flags: c_int) -> io::Result<usize> {
    // The kernel itself stops at `MAX_BYTES`.
    let (fd, len) = (socket.as_raw_fd(), buf.len());
    // SAFETY: `buf` is writable for as many bytes as are said.
    moved(unsafe { libc::recv(fd, buf.as_mut_ptr().cast(), len, flags | libc::MSG_DONTWAIT) })
}

/// Makes a message of one buffer.
pub(super) fn part_of(part: &mut libc::iovec) -> libc::msghdr {
    // SAFETY: all zeros is a valid msghdr: no address, no buffers, no control data. It is no literal, because its
    // padding differs between C libraries.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = part;
    message.msg_iovlen = 1;
    message
}

/// Receives like [`recv`], into several buffers. The first [`MAX_BUFFERS`] are used.
pub(crate) fn recv_vectored(socket: BorrowedFd<'_>, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    // SAFETY: all zeros is a valid msghdr: no address, no buffers, no control data. It is no literal, because its
    // padding differs between C libraries.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = bufs.as_mut_ptr().cast();
    message.msg_iovlen = bufs.len().min(MAX_BUFFERS) as _;
    // SAFETY: an `IoSliceMut` is an iovec (std promises it), `bufs` has at least `msg_iovlen` of them, and they borrow
    // the bytes that recvmsg(2) writes.
    moved(unsafe { libc::recvmsg(socket.as_raw_fd(), &mut message, libc::MSG_DONTWAIT) })
}

/// Calls send(2). It raises no signal if the connection has broken: `BrokenPipe` says so.
pub(crate) fn send(socket: BorrowedFd<'_>, buf: &[u8]) -> io::Result<usize> {
    let (fd, len, flags) = (socket.as_raw_fd(), buf.len(), libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT);
    // SAFETY: `buf` is readable for as many bytes as are said.
    moved(unsafe { libc::send(fd, buf.as_ptr().cast(), len, flags) })
}

/// Sends like [`send`], from several buffers. The first [`MAX_BUFFERS`] are used. std uses writev(2), which raises
/// SIGPIPE.
pub(crate) fn send_vectored(socket: BorrowedFd<'_>, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
    // SAFETY: as in `recv_vectored`.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = bufs.as_ptr().cast_mut().cast();
    message.msg_iovlen = bufs.len().min(MAX_BUFFERS) as _;
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    // SAFETY: an `IoSlice` is an iovec (std promises it), `bufs` has at least `msg_iovlen` of them, and they borrow the
    // bytes that sendmsg(2) reads. It writes to neither: the `mut` is C's.
    moved(unsafe { libc::sendmsg(socket.as_raw_fd(), &message, flags) })
}

/// Calls recvfrom(2) on an internet socket, with `flags`.
pub(crate) fn recv_from(
    socket: BorrowedFd<'_>,
    buf: &mut Room,
    flags: c_int,
) -> io::Result<(usize, SocketAddr)> {
    let (mut raw, mut len) = (RawAddr::ZERO, length_of::<RawAddr>());
    // SAFETY: `raw` has `len` bytes.
    let received = unsafe { recv_from_raw(socket, buf, flags, raw.as_mut_ptr(), &mut len) }?;
    Ok((received, raw.decode()?))
}

/// The same for Unix sockets.
pub(crate) fn recv_from_unix(
    socket: BorrowedFd<'_>,
    buf: &mut Room,
) -> io::Result<(usize, unix::SocketAddr)> {
    // SAFETY: all zeros is a valid sockaddr_un.
    let mut raw: libc::sockaddr_un = unsafe { mem::zeroed() };
    let mut len = length_of::<libc::sockaddr_un>();
    // SAFETY: `raw` has `len` bytes.
    let received = unsafe { recv_from_raw(socket, buf, 0, (&raw mut raw).cast(), &mut len) }?;
    Ok((received, unix_addr(&raw, len)?))
}

/// # Safety
///
/// `addr` points to `len` bytes that may be written.
unsafe fn recv_from_raw(
    socket: BorrowedFd<'_>,
    buf: &mut Room,
    flags: c_int,
    addr: *mut libc::sockaddr,
    len: &mut libc::socklen_t,
) -> io::Result<usize> {
    let (fd, room) = (socket.as_raw_fd(), buf.len().min(MAX_BYTES));
    let flags = flags | libc::MSG_DONTWAIT;
    // SAFETY: `buf` is writable for as many bytes as are said, and the address for `len`, as the caller promises.
    moved(unsafe { libc::recvfrom(fd, buf.as_mut_ptr().cast(), room, flags, addr, len) })
}

/// Calls sendto(2) on an internet socket.
pub(crate) fn send_to(socket: BorrowedFd<'_>, buf: &[u8], to: SocketAddr) -> io::Result<usize> {
    let (raw, len) = RawAddr::encode(to);
    // SAFETY: `raw` has `len` bytes (`encode`).
    unsafe { send_to_raw(socket, buf, raw.as_ptr(), len) }
}

/// The same for Unix sockets.
pub(crate) fn send_to_unix(socket: BorrowedFd<'_>, buf: &[u8], to: &SockAddr) -> io::Result<usize> {
    // SAFETY: a `SockAddr` has as many bytes as it says.
    unsafe { send_to_raw(socket, buf, to.as_ptr().cast(), to.len()) }
}

/// # Safety
///
/// `addr` points to `len` bytes.
unsafe fn send_to_raw(
    socket: BorrowedFd<'_>,
    buf: &[u8],
    addr: *const libc::sockaddr,
    len: libc::socklen_t,
) -> io::Result<usize> {
    let (fd, bytes) = (socket.as_raw_fd(), buf.len().min(MAX_BYTES));
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    // SAFETY: `buf` is readable for as many bytes as are said, and the address for `len`, as the caller promises.
    moved(unsafe { libc::sendto(fd, buf.as_ptr().cast(), bytes, flags, addr, len) })
}

/// Returns whether one of `events` holds for `fd` now, by poll(2).
pub(super) fn has_events(fd: BorrowedFd<'_>, events: i16) -> io::Result<bool> {
    let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 };
    // SAFETY: one pollfd, which outlives the call.
    check(unsafe { libc::poll(&mut poll, 1, 0) }).map(|_| poll.revents != 0)
}

/// Returns `WouldBlock` unless one of `events`, an error or a hang-up is there.
pub(super) fn wait_for(fd: BorrowedFd<'_>, events: i16) -> io::Result<()> {
    if has_events(fd, events)? { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) }
}

/// A pipe or a FIFO.
#[derive(Debug)]
pub struct Pipe {
    file: std::fs::File,
    /// Whether the kernel does not know `RWF_NOWAIT` for it.
    has_no_flag: AtomicBool,
}

/// A pipe has room for this many bytes when poll(2) reports any room: pipe(7).
const ROOM: usize = libc::PIPE_BUF;

impl Pipe {
    pub(crate) fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_vectored(&mut [IoSliceMut::new(buf)])
    }

    pub(crate) fn read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let (count, is_empty) = (bufs.len().min(MAX_BUFFERS), bufs.iter().all(|buf| buf.is_empty()));
        // SAFETY: an `IoSliceMut` is an iovec (std promises it), there are `count` of them, and they borrow the bytes.
        let read = unsafe { self.read_raw(bufs.as_mut_ptr().cast(), count) };
        if is_empty { read } else { self.unless_too_early(read) }
    }

    /// Reads like `read`, into memory that may be uninitialised. The bytes that were read are initialised afterwards.
    pub(crate) fn read_uninit(&self, buf: &mut Room) -> io::Result<usize> {
        let part = libc::iovec { iov_base: buf.as_mut_ptr().cast(), iov_len: buf.len().min(MAX_BYTES) };
        // SAFETY: one iovec, whose bytes may be written.
        let read = unsafe { self.read_raw(&part, 1) };
        if buf.is_empty() { read } else { self.unless_too_early(read) }
    }

    /// # Safety
    ///
    /// `parts` points to `count` iovecs, whose bytes may be written.
    unsafe fn read_raw(&self, parts: *const libc::iovec, count: usize) -> io::Result<usize> {
        let fd = self.file.as_raw_fd();
        // SAFETY: the caller's promise.
        let with_flag = || moved(unsafe { libc::preadv2(fd, parts, count as c_int, -1, libc::RWF_NOWAIT) });
        self.unless_without_flag(with_flag).unwrap_or_else(|| {
            if !is_nonblocking(self.as_fd())? {
                wait_for(self.as_fd(), libc::POLLIN)?;
            }
            // SAFETY: the caller's promise.
            moved(unsafe { libc::readv(fd, parts, count as c_int) })
        })
    }

    /// Before a FIFO has been opened for writing, a read reports the end of the file (fifo(7)), and the kernel reports
    /// no hang-up. This turns such a read into `WouldBlock`.
    fn unless_too_early(&self, read: io::Result<usize>) -> io::Result<usize> {
        use std::os::unix::fs::FileTypeExt;
        let is_too_early = || {
            Ok::<_, io::Error>(!has_events(self.as_fd(), 0)? && self.file.metadata()?.file_type().is_fifo())
        };
        match read {
            Ok(0) if is_too_early()? => Err(io::ErrorKind::WouldBlock.into()),
            read => read,
        }
    }

    pub(crate) fn write(&self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    pub(crate) fn write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let (fd, parts) = (self.file.as_raw_fd(), bufs.as_ptr().cast::<libc::iovec>());
        let count = bufs.len().min(MAX_BUFFERS) as c_int;
        // SAFETY: an `IoSlice` is an iovec (std promises it), there are `count` of them, and they borrow the bytes.
        let with_flag = || moved(unsafe { libc::pwritev2(fd, parts, count, -1, libc::RWF_NOWAIT) });
        self.unless_without_flag(with_flag).unwrap_or_else(|| {
            if is_nonblocking(self.as_fd())? {
                // SAFETY: as above.
                return moved(unsafe { libc::writev(fd, parts, count) });
            }
            wait_for(self.as_fd(), libc::POLLOUT)?;
            let Some(first) = bufs.iter().find(|buf| !buf.is_empty()) else { return Ok(0) };
            // SAFETY: `first` is readable for as many bytes as are said.
            moved(unsafe { libc::write(fd, first.as_ptr().cast(), first.len().min(ROOM)) })
        })
    }

    fn unless_without_flag(&self, call: impl FnOnce() -> io::Result<usize>) -> Option<io::Result<usize>> {
        // Relaxed: a hint that stands alone. A thread that misses it asks the kernel once more.
        if self.has_no_flag.load(Ordering::Relaxed) {
            return None;
        }
        match call() {
            Err(error) if matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::ENOSYS)) => {
                self.has_no_flag.store(true, Ordering::Relaxed);
                None
            }
            result => Some(result),
        }
    }
}

impl From<std::fs::File> for Pipe {
    fn from(file: std::fs::File) -> Pipe {
        Pipe { file, has_no_flag: AtomicBool::new(false) }
    }
}

impl From<Pipe> for std::os::fd::OwnedFd {
    fn from(pipe: Pipe) -> std::os::fd::OwnedFd {
        pipe.file.into()
    }
}

impl AsFd for Pipe {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
