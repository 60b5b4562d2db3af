//! pidfds as safe functions; std offers them only on nightly.
//!
//! In tokio: `process/unix/pidfd_reaper.rs`.

use std::ffi::{c_int, c_long};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Opens a descriptor of the process `pid`, which is readable when the process has ended. It is closed on exec.
///
/// Returns `None` if the system refuses this for every process: a kernel before 5.3, or a sandbox without this call.
///
/// # Errors
///
/// Returns `EMFILE`, `ENFILE` and `ENOMEM`, which say that there is no room for one now.
pub(super) fn pidfd_open(pid: u32) -> io::Result<Option<OwnedFd>> {
    let flags: c_long = 0;
    // SAFETY: pidfd_open(2) takes two numbers, and no pointers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, c_long::from(pid), flags) };
    if fd < 0 {
        let error = io::Error::last_os_error();
        return match error.raw_os_error() {
            Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM) => Err(error),
            _ => Ok(None),
        };
    }
    // SAFETY: pidfd_open(2) has just made this descriptor, and nobody else owns it. It is a c_int in a register.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(fd as c_int) }))
}

/// Sends SIGKILL to the process of a pidfd, and to no other that has its number now: pidfd_send_signal(2).
///
/// # Errors
///
/// Returns `ESRCH` if it was reaped, `EPERM` if it may not be killed, and the error of a sandbox that allows nobody
/// this call.
pub(super) fn pidfd_kill(pidfd: BorrowedFd<'_>) -> io::Result<()> {
    let (pidfd, signal, flags) = (c_long::from(pidfd.as_raw_fd()), c_long::from(libc::SIGKILL), 0 as c_long);
    let no_info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: without a siginfo_t it reads nothing: the kernel fills one in, like for kill(2).
    let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd, signal, no_info, flags) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
