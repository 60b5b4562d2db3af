//! What a signal handler may touch: an eventfd that it rings.
//!
//! ```text
//!   signal ──▶ handler: write(2) to each listener's eventfd ──▶ epoll ──▶ task: read(2) sets it back to 0
//! ```
//!
//! Only the eventfd's counter remembers a signal, and the kernel keeps it. It exists before the handler is installed,
//! so nothing that comes after that is lost, whether or not a task waits yet. Signals that come before a read add up in
//! it, and are read as one.
//!
//! A child of fork(2) or vfork(2) has the handler until it calls execve(2), and it has the same eventfd: a write in the
//! child would be a signal of the parent. So a bell belongs to the process that has made it:
//!
//! ```text
//!   signal ──▶ handler, in the bell's own process ──▶ write(2)
//!                    └─ in a child ──▶ notes the child's number in the bell ──▶ renew(): the child's own bell, rung
//! ```
//!
//! Invariants:
//! 1. The handler makes two system calls, getpid(2), and write(2) on an eventfd. Both are async-signal-safe
//!    (signal-safety(7)), and the write does not block, because the descriptor is non-blocking. The handler allocates
//!    nothing, locks nothing, and cannot panic. `signal-hook-registry` restores `errno` after it.
//! 2. The eventfd is open for as long as the handler knows it: the action in the registry owns a share of it. The
//!    registry drops an action on the thread that removes it, after the last handler that could run it.
//! 3. Code that registers a signal has asked [`is_forbidden`] before, because the registry panics on forbidden ones.
//! 4. The eventfd is written to and read only in the bell's own process. The kernel says which process that is, because
//!    a mark in memory cannot: between vfork(2) and execve(2) the child has the parent's memory. Two processes can have
//!    the same number only in different namespaces, see pid_namespaces(7). A process 1 whose child is process 1 of a
//!    new namespace therefore hears of the child's signals until the child calls execve(2).
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
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// A bell that each signal of one kind rings, until it is dropped. The process's handler stays installed even then.
#[derive(Debug)]
pub(super) struct Bell {
    clapper: Arc<Clapper>,
    signal: c_int,
    action: SigId,
}

/// The part of a bell that the handler has.
#[derive(Debug)]
struct Clapper {
    eventfd: File,
    /// The process whose bell it is.
    process: u32,
    /// The last other process in which a signal has come, or 0 if there was none.
    heard_in: AtomicU32,
}

impl Bell {
    /// Makes a bell. Fails with `EINVAL` if there is no such signal (sigaction(2)).
    pub(super) fn hang_up(signal: c_int) -> io::Result<Bell> {
        assert!(!is_forbidden(signal), "invariant 3");
        let eventfd = File::from(eventfd()?);
        let clapper = Arc::new(Clapper { eventfd, process: process::id(), heard_in: AtomicU32::new(0) });
        let rung = clapper.clone();
        // SAFETY: the action is async-signal-safe, invariant 1.
        let action = unsafe { signal_hook_registry::register(signal, move || rung.strike()) }?;
        Ok(Bell { clapper, signal, action })
    }

    /// Returns whether this process has made it. If not, the process was forked since, and only [`renew`](Bell::renew)
    /// and a drop are allowed.
    pub(super) fn is_ours(&self) -> bool {
        self.clapper.process == process::id()
    }

    /// Makes a bell of this process from one that was made before a fork. It has rung if a signal has come since.
    pub(super) fn renew(&self) -> io::Result<Bell> {
        let bell = Bell::hang_up(self.signal)?;
        // This comes after the new bell hangs: a signal that comes now rings the new one. Relaxed: it is written by a
        // handler on this thread, or on another one at a time that nothing orders.
        if self.clapper.heard_in.load(Ordering::Relaxed) == process::id() {
            bell.clapper.ring();
        }
        Ok(bell)
    }

    /// Returns the number of the signal that rings it.
    pub(super) fn signal(&self) -> c_int {
        self.signal
    }

    /// Rings another bell if this one has rung and was not answered.
    pub(super) fn pass_on(&self, other: &Bell) {
        if self.is_ours() && self.answer().is_ok() {
            self.clapper.ring();
            other.clapper.ring();
        }
    }

    /// Returns whether it was rung since the last call, as `WouldBlock` if not.
    pub(super) fn answer(&self) -> io::Result<()> {
        (&self.clapper.eventfd).read_exact(&mut [0; 8])
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.clapper.eventfd.as_fd()
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        signal_hook_registry::unregister(self.action);
    }
}

/// Returns whether nobody can listen to this signal. The kernel delivers two such signals to nobody, and the others are
/// raised by an instruction that would fail again when the handler returns.
pub(super) fn is_forbidden(signal: c_int) -> bool {
    signal_hook_registry::FORBIDDEN.contains(&signal)
}

impl Clapper {
    /// Rings. It runs in a signal handler, in whatever process that is.
    fn strike(&self) {
        let here = process::id();
        if here == self.process {
            self.ring();
        } else {
            // Relaxed: see `renew`. Between vfork(2) and execve(2) this is the parent's memory, and the note stays
            // behind. No process asks for that child's number unless the number is its own.
            self.heard_in.store(here, Ordering::Relaxed);
        }
    }

    fn ring(&self) {
        let one = 1_u64;
        // SAFETY: write(2) reads 8 bytes of `one`, which outlives the call. The result does not matter: it can only
        // fail if the counter has no room, after 2^64 - 2 signals, and then it is not 0.
        unsafe { libc::write(self.eventfd.as_raw_fd(), (&raw const one).cast(), size_of::<u64>()) };
    }
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
