//! pidfd_open(2), which std offers on nightly only, as a safe function.
//!
//! In tokio: `process/unix/pidfd_reaper.rs`.

use std::ffi::{c_int, c_long};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

/// A descriptor of the process `pid`: readable when the process has ended. It is closed on exec.
///
/// `None` if the system refuses it whatever the process: a kernel before 5.3, or a sandbox without this call.
///
/// # Errors
///
/// `EMFILE`, `ENFILE` and `ENOMEM`, which say that there is no room for one now.
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
    // SAFETY: pidfd_open(2) has just made this descriptor, nobody else owns it. (It is a c_int in a register.)
    Ok(Some(unsafe { OwnedFd::from_raw_fd(fd as c_int) }))
}
