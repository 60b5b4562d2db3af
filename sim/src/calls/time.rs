//! Clocks and sleeps.

use super::{in_program, nanos_of};
use crate::kernel::Kernel;
use crate::real;
use libc::c_void;

/// # Safety
///
/// Those of clock_gettime(2).
pub unsafe fn clock_gettime(clock: i32, to: *mut c_void) -> i32 {
    let to = to.cast::<libc::timespec>();
    let is_time_of_day = match clock {
        libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE | libc::CLOCK_TAI => Some(true),
        libc::CLOCK_MONOTONIC
        | libc::CLOCK_MONOTONIC_COARSE
        | libc::CLOCK_MONOTONIC_RAW
        | libc::CLOCK_BOOTTIME => Some(false),
        // What a thread or a process has used is real.
        _ => None,
    };
    let nanos = is_time_of_day.and_then(|it| in_program(|kernel| kernel.read_clock(it)).flatten());
    let Some(nanos) = nanos else {
        // SAFETY: the caller's promise.
        return unsafe { real::clock_gettime(clock, to) };
    };
    // SAFETY: the caller's promise.
    unsafe {
        (*to).tv_sec = (nanos / 1_000_000_000) as libc::time_t;
        (*to).tv_nsec = (nanos % 1_000_000_000) as _;
    }
    0
}

/// # Safety
///
/// Those of gettimeofday(2).
pub unsafe fn gettimeofday(to: *mut c_void, zone: *mut c_void) -> i32 {
    let Some(nanos) = in_program(|kernel| kernel.read_clock(true)).flatten() else {
        let arguments = [to as libc::c_long, zone as libc::c_long, 0, 0, 0, 0];
        // SAFETY: the caller's promise.
        return unsafe { real::call(libc::SYS_gettimeofday, arguments) as i32 };
    };
    // SAFETY: the caller's promise.
    if let Some(to) = unsafe { to.cast::<libc::timeval>().as_mut() } {
        to.tv_sec = (nanos / 1_000_000_000) as libc::time_t;
        to.tv_usec = (nanos % 1_000_000_000 / 1_000) as _;
    }
    0
}

/// A program sleeps, and its whole thread with it. Only a call of the blocking pool may.
fn sleep(kernel: &mut Kernel, nanos: u64) {
    if !kernel.is_in_call && !kernel.is_alone {
        kernel.escape("sleeps by std::thread::sleep, where it should by ayi::time::sleep");
    }
    kernel.now += nanos;
}

/// # Safety
///
/// Those of nanosleep(2).
pub unsafe fn nanosleep(time: *const c_void, left: *mut c_void) -> i32 {
    // SAFETY: the caller's promise.
    let nanos = unsafe { nanos_of(time.cast()) }.unwrap_or(0);
    match in_program(|kernel| sleep(kernel, nanos)) {
        Some(()) => 0,
        // SAFETY: the caller's promise.
        None => unsafe { real::nanosleep(time.cast(), left.cast()) },
    }
}

/// # Safety
///
/// Those of clock_nanosleep(2).
pub unsafe fn clock_nanosleep(clock: i32, flags: i32, time: *const c_void, left: *mut c_void) -> i32 {
    let slept = in_program(|kernel| {
        // SAFETY: the caller's promise.
        let time = unsafe { nanos_of(time.cast()) }.unwrap_or(0);
        let is_until = flags & libc::TIMER_ABSTIME != 0;
        let now = if is_until { kernel.read_clock(clock == libc::CLOCK_REALTIME).unwrap_or(0) } else { 0 };
        sleep(kernel, time.saturating_sub(now));
    });
    if slept.is_some() {
        return 0;
    }
    let arguments = [clock.into(), flags.into(), time as libc::c_long, left as libc::c_long, 0, 0];
    // SAFETY: the caller's promise. Unlike the system call, the function returns the error.
    let result = unsafe { real::call(libc::SYS_clock_nanosleep, arguments) };
    if result == 0 { 0 } else { std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL) }
}
