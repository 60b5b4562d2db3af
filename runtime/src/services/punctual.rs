//! Sleeps that end on time.
//!
//! The kernel may end a sleep late, by the thread's "timer slack": 50 µs, unless the program has set another.

use std::ffi::c_ulong;
use std::time::Duration;

/// Sleeps of this length and longer are left to the thread's own timer slack. epoll_wait(2) may be late by a thousandth
/// of the time anyway, which from here on is more than the slack that a thread begins with, 50 µs.
const SLACK_MATTERS_BELOW: Duration = Duration::from_millis(50);

/// A timer slack of 1 ns on this thread, for the time of one sleep. It must not last longer: threads and processes
/// inherit the slack from the thread that starts them, and a task may start some. This holds the user's slack.
pub(crate) struct Punctual(c_ulong);

impl Punctual {
    /// Sets the slack for a sleep of at most `limit`, if it matters for such a sleep.
    pub(crate) fn for_sleep(limit: Option<Duration>) -> Option<Punctual> {
        let is_short = |limit: &Duration| !limit.is_zero() && *limit < SLACK_MATTERS_BELOW;
        limit.filter(is_short).map(|_| Punctual::new())
    }

    fn new() -> Punctual {
        let users = timer_slack();
        set_timer_slack(1);
        Punctual(users)
    }
}

impl Drop for Punctual {
    fn drop(&mut self) {
        set_timer_slack(self.0);
    }
}

/// Returns by how many nanoseconds the kernel may be late with this thread's timeouts, see `PR_GET_TIMERSLACK` in
/// prctl(2). A kernel without it gives 0, which [`set_timer_slack`] takes for the slack that the thread began with.
fn timer_slack() -> c_ulong {
    if cfg!(any(miri, loom)) {
        return 0;
    }
    // SAFETY: no pointers are passed. The call is made by its number, since the result of the C library's wrapper has
    // room for two seconds only. The kernel ignores the zeros. Without them memcheck would see what is in those
    // registers.
    let slack = unsafe { libc::syscall(libc::SYS_prctl, libc::PR_GET_TIMERSLACK, 0, 0, 0, 0) };
    slack.max(0) as c_ulong
}

/// Sets this thread's timer slack by `PR_SET_TIMERSLACK`. This cannot fail for the own thread. On a kernel without it,
/// nothing changes.
fn set_timer_slack(nanos: c_ulong) {
    if !cfg!(any(miri, loom)) {
        // SAFETY: no pointers are passed. The zeros are as above.
        unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, nanos, 0, 0, 0) };
    }
}
