//! What a signal handler may touch: an eventfd that it rings.
//!
//! ```text
//!   signal ──▶ handler: write(2) to each listener's eventfd ──▶ epoll ──▶ task: read(2) sets it back to 0
//! ```
//!
//! The eventfd's counter is all that is remembered of a signal, and the kernel keeps it: it is there from before the
//! handler is installed, so nothing that comes after that is lost, whether anybody waits yet or not. Signals that
//! come before a read add up in it, and are read as one.
//!
//! Invariants:
//! 1. The handler makes one system call, write(2) on an eventfd, which is async-signal-safe (signal-safety(7)) and
//!    does not block, as the descriptor is non-blocking. It allocates nothing, locks nothing, and cannot panic.
//!    (`signal-hook-registry` puts `errno` back after it.)
//! 2. The eventfd is open for as long as the handler knows it: the action in the registry has a share in it. The
//!    registry drops an action on the thread that takes it out, after the last handler that could run it.
//! 3. Whoever registers has asked [`is_forbidden`] before, as the registry panics on those.
//!
//! Left out: a pipe or eventfd for the whole process with a table of flags behind it, as in tokio. There the signal
//! goes to one runtime, which passes it on to the listeners of the others. With a descriptor for each listener the
//! kernel does all of that, and a process has only a handful of them.
//!
//! In tokio: `signal/registry.rs`, and `action` in `signal/unix.rs`.

use signal_hook_registry::SigId;
use std::ffi::c_int;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;

/// Rung by each signal of one kind, until it is dropped. The process's handler stays installed also then.
#[derive(Debug)]
pub(super) struct Bell {
    eventfd: Arc<File>,
    action: SigId,
}

impl Bell {
    /// Fails with `EINVAL` if there is no such signal (sigaction(2)).
    pub(super) fn hang_up(signal: c_int) -> io::Result<Bell> {
        assert!(!is_forbidden(signal), "invariant 3");
        let eventfd = Arc::new(File::from(eventfd()?));
        let rung = eventfd.clone();
        // SAFETY: the action is async-signal-safe, invariant 1.
        let action = unsafe { signal_hook_registry::register(signal, move || ring(rung.as_fd())) }?;
        Ok(Bell { eventfd, action })
    }

    /// Whether it was rung since the last call; `WouldBlock` if not.
    pub(super) fn answer(&self) -> io::Result<()> {
        (&*self.eventfd).read_exact(&mut [0; 8])
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.eventfd.as_fd()
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        signal_hook_registry::unregister(self.action);
    }
}

/// Signals that nobody can listen to: the kernel delivers two of them to nobody, and the others are raised by an
/// instruction that would fail again when the handler returns.
pub(super) fn is_forbidden(signal: c_int) -> bool {
    signal_hook_registry::FORBIDDEN.contains(&signal)
}

/// In a signal handler.
fn ring(eventfd: BorrowedFd<'_>) {
    let one = 1_u64;
    // SAFETY: write(2) reads 8 bytes of `one`, which outlives the call. The result does not matter: it can only fail
    // if the counter has no room, and then it is not 0.
    unsafe { libc::write(eventfd.as_raw_fd(), (&raw const one).cast(), size_of::<u64>()) };
}

fn eventfd() -> io::Result<OwnedFd> {
    // SAFETY: eventfd(2) takes no pointers.
    let fd = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
    if fd == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: eventfd(2) has just made this descriptor, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
