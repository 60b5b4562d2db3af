//! Control data of messages: the descriptors that Unix sockets pass, `SCM_RIGHTS` in unix(7).

// The sizes have other types in other C libraries.
#![allow(clippy::unnecessary_cast)]

use crate::Errno;
use crate::kernel::descriptors::Fd;
use libc::{CMSG_DATA, CMSG_FIRSTHDR, CMSG_LEN, CMSG_NXTHDR, CMSG_SPACE, cmsghdr, msghdr};

/// unix(7), `SCM_MAX_FD`: one message passes at most so many descriptors.
const MOST: usize = 253;

/// Returns the numbers of the descriptors that `message` is to pass.
///
/// # Safety
///
/// Those of sendmsg(2).
pub(super) unsafe fn passed_by(message: &msghdr) -> Result<Vec<Fd>, Errno> {
    let mut fds = Vec::new();
    // SAFETY: the caller's promise.
    let end = unsafe { message.msg_control.byte_add(message.msg_controllen as usize) } as usize;
    // SAFETY: the caller's promise.
    let mut next: *const cmsghdr = unsafe { CMSG_FIRSTHDR(message) };
    while !next.is_null() {
        // SAFETY: a header that `message` has room for: both functions promise it.
        let header = unsafe { next.read_unaligned() };
        let len = header.cmsg_len as usize;
        if len < size_of::<cmsghdr>() || len > end - next as usize {
            return Err(libc::EINVAL);
        }
        match (header.cmsg_level, header.cmsg_type) {
            (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
                let count = (len - size_of::<cmsghdr>()) / size_of::<Fd>();
                // SAFETY: there are `len` bytes, which was checked.
                fds.extend(
                    (0..count).map(|at| unsafe { CMSG_DATA(next).cast::<Fd>().add(at).read_unaligned() }),
                );
            }
            // Everybody is root here, and may say to be somebody else.
            (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) => {}
            (libc::SOL_SOCKET, _) => return Err(libc::EINVAL),
            _ => {}
        }
        // SAFETY: `next` is a header of `message`.
        next = unsafe { CMSG_NXTHDR(message, next) };
    }
    if fds.len() > MOST { Err(libc::EINVAL) } else { Ok(fds) }
}

/// Returns how many descriptors `message` has room for.
pub(super) fn room_of(message: &msghdr) -> usize {
    if message.msg_control.is_null() {
        return 0;
    }
    (message.msg_controllen as usize).saturating_sub(size_of::<cmsghdr>()) / size_of::<Fd>()
}

/// Tells the descriptors that were passed, for which there is room.
///
/// # Safety
///
/// Those of recvmsg(2).
pub(super) unsafe fn tell_passed(message: &mut msghdr, fds: &[Fd]) {
    if fds.is_empty() {
        message.msg_controllen = 0;
        return;
    }
    let size = size_of_val(fds) as u32;
    let header = message.msg_control.cast::<cmsghdr>();
    // SAFETY: the caller's promise: there is room for the header, and, as `room_of` has it, for the descriptors.
    unsafe {
        (&raw mut (*header).cmsg_level).write_unaligned(libc::SOL_SOCKET);
        (&raw mut (*header).cmsg_type).write_unaligned(libc::SCM_RIGHTS);
        (&raw mut (*header).cmsg_len).write_unaligned(CMSG_LEN(size) as _);
        for (at, fd) in fds.iter().enumerate() {
            CMSG_DATA(header).cast::<Fd>().add(at).write_unaligned(*fd);
        }
    }
    // SAFETY: it takes no pointers.
    let space = unsafe { CMSG_SPACE(size) } as usize;
    message.msg_controllen = space.min(message.msg_controllen as usize) as _;
}
