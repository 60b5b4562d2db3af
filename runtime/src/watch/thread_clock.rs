//! How much time a thread has spent on a processor.

use std::mem::MaybeUninit;
use std::time::Duration;

/// The CPU time of one thread, readable by all threads of the process: pthread_getcpuclockid(3).
#[derive(Clone, Copy)]
pub(crate) struct ThreadClock(libc::clockid_t);

impl ThreadClock {
    pub(crate) fn of_this_thread() -> ThreadClock {
        let mut clock = libc::CLOCK_THREAD_CPUTIME_ID;
        if !cfg!(miri) {
            // SAFETY: `clock` is writable, and a thread that asks about itself exists. If the system has no such
            // clocks, `clock` stays what it is: the clock of the thread that reads it.
            unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &mut clock) };
        }
        ThreadClock(clock)
    }

    /// Reads the clock. Returns zero if the thread has ended.
    pub(crate) fn read(self) -> Duration {
        let mut time = MaybeUninit::<libc::timespec>::uninit();
        // SAFETY: `time` is writable; the clock of a thread that has ended gives EINVAL.
        if unsafe { libc::clock_gettime(self.0, time.as_mut_ptr()) } != 0 {
            return Duration::ZERO;
        }
        // SAFETY: the call has succeeded, so it has written the time.
        let time = unsafe { time.assume_init() };
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }
}
