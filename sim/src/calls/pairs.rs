//! What is made with both its ends: socketpair(2), pipe(2).

use super::simulate;
use crate::Errno;
use crate::kernel::Kernel;
use crate::kernel::descriptors::Fd;
use crate::kernel::unix::UnixKind;
use crate::real;
use libc::{c_long, c_void};

/// Makes two descriptors with `make`, and writes them to `to`.
///
/// # Safety
///
/// There is room for two integers at `to`.
unsafe fn make_two(
    call: &str,
    to: *mut c_void,
    mut make: impl FnMut(&mut Kernel) -> Result<(Fd, Fd), Errno>,
) -> Option<i64> {
    simulate(call, |kernel| {
        let (first, second) = make(kernel)?;
        // SAFETY: the caller's promise.
        unsafe { to.cast::<[Fd; 2]>().write_unaligned([first, second]) };
        Ok(0)
    })
}

/// # Safety
///
/// Those of socketpair(2).
pub unsafe fn socketpair(family: i32, kind: i32, protocol: i32, to: *mut c_void) -> i32 {
    let flags = kind & (libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC);
    // SAFETY: the caller's promise.
    let answer = unsafe {
        make_two("socketpair", to, |kernel| {
            if family != libc::AF_UNIX {
                return Err(libc::EOPNOTSUPP);
            }
            kernel.unix_pair(UnixKind::of(kind & !flags)?, flags)
        })
    };
    answer.unwrap_or_else(|| {
        let arguments = [family.into(), kind.into(), protocol.into(), to as c_long, 0, 0];
        // SAFETY: the caller's promise.
        unsafe { real::call(libc::SYS_socketpair, arguments) }
    }) as i32
}

/// # Safety
///
/// Those of pipe(2).
pub unsafe fn pipe(to: *mut c_void) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { pipe2(to, 0) }
}

/// # Safety
///
/// Those of pipe2(2).
pub unsafe fn pipe2(to: *mut c_void, flags: i32) -> i32 {
    // SAFETY: the caller's promise.
    let answer = unsafe { make_two("pipe2", to, |kernel| kernel.open_pipe(flags)) };
    answer.unwrap_or_else(|| {
        // SAFETY: the caller's promise.
        unsafe { real::call(libc::SYS_pipe2, [to as c_long, flags.into(), 0, 0, 0, 0]) }
    }) as i32
}
