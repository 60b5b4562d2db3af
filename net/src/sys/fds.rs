//! Descriptors that travel with bytes over a Unix socket: `SCM_RIGHTS` of unix(7), in the form of cmsg(3).
//!
//! Invariants:
//! 1. A [`Control`] is aligned like the headers in it, and the kernel is told its whole size, or less.
//! 2. The kernel has given us every descriptor in the control data of a message that was received, and nobody else knows
//!    of it. All of them are owned (`OwnedFd`) before anything can fail.

use std::ffi::{c_int, c_uint};
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use super::MAX_BYTES;
use super::transfer::{moved, part_of};

/// One message carries at most so many descriptors (unix(7), "SCM_MAX_FD").
pub(crate) const MOST_FDS: usize = 253;

/// Room for as many descriptors, and for what the user may have asked the kernel to add: credentials, a security label, a
/// pidfd.
const CONTROL: usize = {
    // SAFETY: it computes.
    let fds = unsafe { libc::CMSG_SPACE(size_of_fds(MOST_FDS)) as usize };
    fds + 512
};

/// Not in the crate libc yet: `SCM_PIDFD` of <linux/socket.h>.
const SCM_PIDFD: c_int = 4;

#[repr(C)]
union Control {
    bytes: [u8; CONTROL],
    /// For the alignment: invariant 1.
    _header: libc::cmsghdr,
}

impl Control {
    const EMPTY: Control = Control { bytes: [0; CONTROL] };
}

const fn size_of_fds(count: usize) -> c_uint {
    (count * mem::size_of::<RawFd>()) as c_uint
}

/// Calls sendmsg(2). The first byte of `buf` carries `fds`.
pub(crate) fn send_with_fds(socket: BorrowedFd<'_>, buf: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
    if fds.len() > MOST_FDS {
        let text = format!("{} descriptors are too many for one message: send {MOST_FDS} at most", fds.len());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    let mut part =
        libc::iovec { iov_base: buf.as_ptr().cast_mut().cast(), iov_len: buf.len().min(MAX_BYTES) };
    let mut message = part_of(&mut part);
    let mut control = Control::EMPTY;
    if !fds.is_empty() {
        let size = size_of_fds(fds.len());
        message.msg_control = (&raw mut control).cast();
        // SAFETY: it computes.
        message.msg_controllen = unsafe { libc::CMSG_SPACE(size) } as _;
        // SAFETY: the control data has room for a header (invariant 1).
        let header = unsafe { libc::CMSG_FIRSTHDR(&message) };
        // SAFETY: as above. Behind the header there is room for `fds`, since they are no more than `MOST_FDS`. A
        // `BorrowedFd` is a descriptor in memory (std promises it).
        unsafe {
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(size) as _;
            ptr::copy_nonoverlapping(fds.as_ptr().cast::<u8>(), libc::CMSG_DATA(header), size as usize);
        }
    }
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    // SAFETY: the message points at `buf`, of which as many bytes are readable as are said, and at `control`.
    moved(unsafe { libc::sendmsg(socket.as_raw_fd(), &message, flags) })
}

/// Calls recvmsg(2), and appends the descriptors that have come to `fds`. They are close-on-exec.
pub(crate) fn recv_with_fds(
    socket: BorrowedFd<'_>,
    buf: &mut [u8],
    fds: &mut Vec<OwnedFd>,
) -> io::Result<usize> {
    let mut part = libc::iovec { iov_base: buf.as_mut_ptr().cast(), iov_len: buf.len().min(MAX_BYTES) };
    let mut message = part_of(&mut part);
    let mut control = Control::EMPTY;
    message.msg_control = (&raw mut control).cast();
    message.msg_controllen = CONTROL as _;
    let flags = libc::MSG_CMSG_CLOEXEC | libc::MSG_DONTWAIT;
    // SAFETY: the message points at `buf`, of which as many bytes are writable as are said, and at `control`, which has
    // `CONTROL` bytes (invariant 1).
    let received = moved(unsafe { libc::recvmsg(socket.as_raw_fd(), &mut message, flags) })?;
    let already = fds.len();
    // SAFETY: recvmsg(2) has just filled the message, and returned without an error.
    unsafe { take(&message, fds) };
    if message.msg_flags & libc::MSG_CTRUNC != 0 {
        fds.truncate(already); // closes them
        return Err(io::Error::other(
            "descriptors that came with these bytes were lost, most likely because the process has no room for more \
             (RLIMIT_NOFILE): the rest was closed, and the bytes are lost too, so give up this connection",
        ));
    }
    Ok(received)
}

/// Takes all descriptors that have come with a message (invariant 2).
///
/// # Safety
///
/// recvmsg(2) has just filled `message`, and its control data is still there.
// `cmsg_len` has another type in other C libraries.
#[allow(clippy::unnecessary_cast)]
unsafe fn take(message: &libc::msghdr, fds: &mut Vec<OwnedFd>) {
    // SAFETY: the headers were written by the kernel, and the control data is aligned for them (invariant 1).
    let mut next = unsafe { libc::CMSG_FIRSTHDR(message) };
    while !next.is_null() {
        // SAFETY: as above.
        let libc::cmsghdr { cmsg_len, cmsg_level, cmsg_type, .. } = unsafe { *next };
        // SAFETY: it computes.
        let data = (cmsg_len as usize).saturating_sub(unsafe { libc::CMSG_LEN(0) } as usize);
        let count = data / mem::size_of::<RawFd>();
        if cmsg_level == libc::SOL_SOCKET && matches!(cmsg_type, libc::SCM_RIGHTS | SCM_PIDFD) {
            fds.reserve(count);
            for index in 0..count {
                // SAFETY: the kernel has written `count` descriptors there, which are ours (invariant 2).
                let fd = unsafe {
                    let fd = libc::CMSG_DATA(next).cast::<RawFd>().add(index).read_unaligned();
                    // Where the kernel could make no pidfd, its error stands there.
                    (fd >= 0).then(|| OwnedFd::from_raw_fd(fd))
                };
                // Nobody has asked for a pidfd here: it is closed.
                fds.extend(fd.filter(|_| cmsg_type == libc::SCM_RIGHTS));
            }
        }
        // SAFETY: as above.
        next = unsafe { libc::CMSG_NXTHDR(message, next) };
    }
}
