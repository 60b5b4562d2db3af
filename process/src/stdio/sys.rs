//! The system calls that std does not offer, as safe functions: they leave a descriptor's mode as it is, and still do
//! not wait.
//!
//! Invariant: this is the only file of `stdio` that says `unsafe`.
//!
//! In tokio: –. Its standard streams block a thread of the pool.

use std::ffi::{c_int, c_short};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Returns whether a read (`POLLIN`) or a write (`POLLOUT`) would not wait, because it moves something or fails:
/// poll(2). A descriptor whose driver cannot wait is always ready.
pub(super) fn is_ready(fd: BorrowedFd<'_>, events: c_short) -> io::Result<bool> {
    let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 };
    // SAFETY: poll(2) reads and writes one pollfd, which outlives the call.
    let ready = unsafe { libc::poll(&mut poll, 1, 0) };
    if ready == -1 { Err(io::Error::last_os_error()) } else { Ok(ready == 1) }
}

/// Reads from a socket, which need not be non-blocking.
pub(super) fn recv(socket: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
    let flags = libc::MSG_DONTWAIT;
    // SAFETY: recv(2) writes at most `len` bytes to `buf`, which has them.
    let moved = unsafe { libc::recv(socket.as_raw_fd(), buf.as_mut_ptr().cast(), buf.len(), flags) };
    // It is negative only for an error.
    usize::try_from(moved).map_err(|_| io::Error::last_os_error())
}

/// Writes to a socket, which need not be non-blocking. No signal is raised if the connection has broken.
pub(super) fn send(socket: BorrowedFd<'_>, buf: &[u8]) -> io::Result<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: send(2) reads at most `len` bytes of `buf`, which has them.
    let moved = unsafe { libc::send(socket.as_raw_fd(), buf.as_ptr().cast(), buf.len(), flags) };
    // It is negative only for an error.
    usize::try_from(moved).map_err(|_| io::Error::last_os_error())
}

/// Returns the flags that all descriptors of an open file share: fcntl(2), `F_GETFL`.
pub(super) fn status_flags(fd: BorrowedFd<'_>) -> io::Result<c_int> {
    // SAFETY: F_GETFL takes no argument.
    let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) };
    if flags == -1 { Err(io::Error::last_os_error()) } else { Ok(flags) }
}
