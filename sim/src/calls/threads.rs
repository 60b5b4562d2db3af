//! Threads, random numbers, and calls by their numbers.

use super::descriptors::wait_finely;
use super::numbers::call_on_files;
use super::{in_program, with_kernel};
use crate::alone;
use crate::real;
use libc::{c_long, c_void};

/// # Safety
///
/// Those of pthread_create(3).
pub unsafe fn pthread_create(
    to: *mut c_void,
    attributes: *const c_void,
    f: *mut c_void,
    argument: *mut c_void,
) -> i32 {
    let escaped = in_program(|kernel| {
        if !kernel.is_alone {
            kernel.escape("starts a thread, which would not be part of the simulation");
        }
        kernel.is_alone
    });
    match escaped {
        // SAFETY: the caller's promise.
        Some(true) => return unsafe { alone::start_thread(to, attributes, f, argument) },
        Some(false) => return libc::EAGAIN,
        None => {}
    }
    // SAFETY: the caller's promise.
    unsafe { real::pthread_create(to.cast(), attributes.cast(), f, argument) }
}

/// # Safety
///
/// Those of getrandom(2).
pub unsafe fn getrandom(to: *mut c_void, len: usize, flags: u32) -> isize {
    // Also what runs beside the hosts: std draws the keys of a thread's hash maps once, wherever the first one is.
    let filled = with_kernel(|kernel| {
        // SAFETY: the caller's promise.
        kernel.entropy.fill(unsafe { super::descriptors::bytes_mut(to, len) });
    });
    match filled {
        Some(()) => len as isize,
        // SAFETY: the caller's promise.
        None => unsafe {
            real::call(libc::SYS_getrandom, [to as c_long, len as c_long, flags.into(), 0, 0, 0]) as isize
        },
    }
}

/// # Safety
///
/// Those of prctl(2).
pub unsafe fn prctl(option: i32, a: usize, b: usize, c: usize, d: usize) -> i32 {
    if is_timer_slack(option) && in_program(|_| ()).is_some() {
        return 0;
    }
    let arguments = [option.into(), a as c_long, b as c_long, c as c_long, d as c_long, 0];
    // SAFETY: the caller's promise.
    unsafe { real::call(libc::SYS_prctl, arguments) as i32 }
}

/// How punctual real sleeps are, which is of no use here.
fn is_timer_slack(option: i32) -> bool {
    matches!(option, libc::PR_SET_TIMERSLACK | libc::PR_GET_TIMERSLACK)
}

/// # Safety
///
/// Those of the system call `number`.
pub unsafe fn syscall(number: isize, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> isize {
    let number = number as c_long;
    match number {
        libc::SYS_epoll_pwait2 => {
            // SAFETY: the caller's promise.
            let answer =
                unsafe { wait_finely(a as i32, b as *mut c_void, c as i32, d as *const libc::timespec) };
            if let Some(answer) = answer {
                return answer as isize;
            }
        }
        // SAFETY: the caller's promise.
        libc::SYS_getrandom => return unsafe { getrandom(a as *mut c_void, b, c as u32) },
        libc::SYS_prctl if is_timer_slack(a as i32) && in_program(|_| ()).is_some() => return 0,
        libc::SYS_io_uring_setup if in_program(|_| ()).is_some() => {
            return real::fail::<i32>(libc::ENOSYS) as isize;
        }
        _ => {
            // SAFETY: the caller's promise.
            if let Some(answer) = unsafe { call_on_files(number, [a, b, c, d, e, f]) } {
                return answer;
            }
        }
    }
    let arguments = [a, b, c, d, e, f].map(|argument| argument as c_long);
    // SAFETY: the caller's promise.
    unsafe { real::call(number, arguments) as isize }
}
