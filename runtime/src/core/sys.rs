//! The kernel, as safe functions: epoll, eventfd and the clock. The only file of the core that names `libc`.
//!
//! An epoll instance is a kernel object that keeps two lists: the file descriptors we asked about, and those of
//! them to which something happened. We register each descriptor once, *edge-triggered*: the kernel reports that
//! it **became** ready, once, and stays silent until that happens anew. So a reader must read until
//! `WouldBlock` (or know by other means that nothing is left) before waiting for the next report.
//!
//! An eventfd is a counter behind a descriptor: another thread adds to it, and our `epoll_wait` returns.
//! It is registered edge-triggered as well, so each write is reported and nobody has to read the counter back.
//!
//! Sources: epoll(7), epoll_ctl(2), epoll_wait(2), eventfd(2). In tokio: the crate `mio`, `src/sys/unix/selector`.

use crate::plugged::Process;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub(crate) const READABLE: u32 = libc::EPOLLIN as u32;
pub(crate) const WRITABLE: u32 = libc::EPOLLOUT as u32;
pub(crate) const PEER_SHUT_DOWN: u32 = libc::EPOLLRDHUP as u32;
pub(crate) const URGENT: u32 = libc::EPOLLPRI as u32;
pub(crate) const HANG_UP: u32 = libc::EPOLLHUP as u32;
pub(crate) const ERROR: u32 = libc::EPOLLERR as u32;

/// What a source is registered for: everything, edge-triggered, once and for all.
/// Miri knows no urgent data, as it knows neither `epoll_pwait2` nor prctl(2) nor clocks of threads.
const ALL_EDGES: u32 =
    READABLE | WRITABLE | PEER_SHUT_DOWN | libc::EPOLLET as u32 | if cfg!(miri) { 0 } else { URGENT };

/// How many events one `epoll_wait` may bring (12 bytes each). What does not fit stays in the kernel's ready
/// list, which is a queue, so the rest comes first the next time.
const EVENTS_PER_WAIT: usize = 256;

const FORKED: &str = "a forked process cannot wait in a runtime of its parent: it has to make one of its own";

pub(crate) struct Epoll {
    fd: OwnedFd,
    process: Process,
    events: Vec<libc::epoll_event>,
}

impl Epoll {
    pub(crate) fn new() -> io::Result<Epoll> {
        // SAFETY: no pointers are passed.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: the kernel just gave us this descriptor, nobody else knows its number.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Epoll { fd, process: Process::current(), events: Vec::with_capacity(EVENTS_PER_WAIT) })
    }

    /// Reports every edge of `fd` under `token` from now on; one that is ready already is reported at once. In a forked
    /// process this fails, here and below, since the parent would be told, and know nothing of the token.
    pub(crate) fn add(&self, fd: RawFd, token: u64) -> io::Result<()> {
        self.reference().in_this_process(libc::EPOLL_CTL_ADD, fd, token)
    }

    /// Replaces the token of an `fd` that was added before; reports anew what is ready.
    pub(crate) fn modify(&self, fd: RawFd, token: u64) -> io::Result<()> {
        self.reference().in_this_process(libc::EPOLL_CTL_MOD, fd, token)
    }

    /// To be used only while this lives.
    pub(crate) fn reference(&self) -> EpollRef {
        EpollRef { fd: self.fd.as_raw_fd(), process: self.process }
    }

    /// Waits for events: at most `timeout`, for ever if it is `None`. Returns `(token, event bits)` pairs.
    ///
    /// A signal that interrupts the wait (`EINTR`) ends it early without events: the caller looks at its clock
    /// and its inbox anyway, and waits again. In a forked process there is no event, since those are the parent's.
    pub(crate) fn wait(
        &mut self,
        timeout: Option<Duration>,
    ) -> io::Result<impl ExactSizeIterator<Item = (u64, u32)>> {
        self.events.clear();
        let count = match check(self.wait_raw(timeout)) {
            Ok(count) if self.process == Process::current() => count as usize,
            Ok(_) => 0,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error),
        };
        // SAFETY: the kernel wrote `count` events, at most the capacity it was told.
        unsafe { self.events.set_len(count) };
        Ok(self.events.iter().map(|event| (event.u64, event.events)))
    }

    fn wait_raw(&mut self, timeout: Option<Duration>) -> libc::c_int {
        /// Set when the kernel (before Linux 5.11) or a seccomp filter does not know `epoll_pwait2`.
        static NO_PWAIT2: AtomicBool = AtomicBool::new(false);
        let (epoll, events) = (self.fd.as_raw_fd(), self.events.as_mut_ptr());
        let capacity = EVENTS_PER_WAIT as libc::c_int;

        // Whole milliseconds (0 most of all) and no limit at all do not need the finer call.
        let nanos = timeout.filter(|t| t.subsec_nanos() % 1_000_000 != 0 && !cfg!(miri));
        // Relaxed: a hint that stands alone. A thread that misses it asks the kernel once more.
        if let (Some(t), false) = (nanos, NO_PWAIT2.load(Ordering::Relaxed)) {
            // SAFETY: all zeros is a valid timespec (its padding differs between targets, so no literal).
            let mut limit: libc::timespec = unsafe { std::mem::zeroed() };
            limit.tv_sec = libc::time_t::try_from(t.as_secs()).unwrap_or(libc::time_t::MAX);
            limit.tv_nsec = t.subsec_nanos() as _;
            let no_mask = std::ptr::null::<libc::sigset_t>();
            // SAFETY: `events` has room for `capacity` events; `limit` outlives the call; a null mask is allowed.
            // Called by number, since older C libraries lack the wrapper.
            let result = unsafe {
                libc::syscall(
                    libc::SYS_epoll_pwait2,
                    epoll,
                    events,
                    capacity,
                    &limit,
                    no_mask,
                    size_of::<u64>(),
                )
            };
            let refused = result < 0
                && matches!(io::Error::last_os_error().raw_os_error(), Some(libc::ENOSYS | libc::EPERM));
            if !refused {
                return result as libc::c_int;
            }
            NO_PWAIT2.store(true, Ordering::Relaxed);
        }
        // Rounded up: a timer that fires early is wrong, one that fires late is only less good.
        let millis = timeout.map_or(-1, |t| {
            libc::c_int::try_from(t.as_nanos().div_ceil(1_000_000)).unwrap_or(libc::c_int::MAX)
        });
        // SAFETY: `events` has room for `capacity` events.
        unsafe { libc::epoll_wait(epoll, events, capacity, millis) }
    }
}

fn control(epoll: RawFd, operation: libc::c_int, fd: RawFd, token: u64) -> io::Result<()> {
    let mut event = libc::epoll_event { events: ALL_EDGES, u64: token };
    // SAFETY: `event` outlives the call, which copies it; a number that is no open descriptor gives EBADF.
    check(unsafe { libc::epoll_ctl(epoll, operation, fd, &mut event) }).map(drop)
}

/// Names an epoll instance, for any thread.
#[derive(Clone, Copy)]
pub(crate) struct EpollRef {
    fd: RawFd,
    process: Process,
}

impl EpollRef {
    /// Whether this process has made the instance. In one that was forked from that, the instance is the same: what the
    /// child did to it would be done to the parent.
    pub(crate) fn is_ours(self) -> bool {
        self.process == Process::current()
    }

    /// Like [`Epoll::add`].
    pub(crate) fn add(self, fd: RawFd, token: u64) -> io::Result<()> {
        self.in_this_process(libc::EPOLL_CTL_ADD, fd, token)
    }

    fn in_this_process(self, operation: libc::c_int, fd: RawFd, token: u64) -> io::Result<()> {
        if self.is_ours() { control(self.fd, operation, fd, token) } else { Err(io::Error::other(FORKED)) }
    }

    /// Ends the reports of `fd`. That must still be open: epoll knows descriptors by number and file together. In a forked
    /// process nothing happens.
    pub(crate) fn delete(self, fd: RawFd) {
        if self.is_ours() {
            // It can only fail if the descriptor is not in this epoll, which is what is wanted.
            let _ = control(self.fd, libc::EPOLL_CTL_DEL, fd, 0);
        }
    }
}

/// What holds of `fd` now, in epoll's bits, which are those of poll(2).
pub(crate) fn state(fd: RawFd) -> u32 {
    let events = libc::POLLIN | libc::POLLOUT | libc::POLLPRI | libc::POLLRDHUP;
    let mut poll = libc::pollfd { fd, events, revents: 0 };
    // SAFETY: one pollfd, which outlives the call. A number that is no open descriptor gives POLLNVAL.
    if unsafe { libc::poll(&mut poll, 1, 0) } < 1 {
        return 0;
    }
    poll.revents as u32 & (READABLE | WRITABLE | PEER_SHUT_DOWN | URGENT | HANG_UP | ERROR)
}

/// The bell that another thread rings to end an `epoll_wait`.
pub(crate) struct EventFd {
    fd: OwnedFd,
}

impl EventFd {
    pub(crate) fn new() -> io::Result<EventFd> {
        // SAFETY: no pointers are passed.
        let fd = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        // SAFETY: the kernel just gave us this descriptor, nobody else knows its number.
        Ok(EventFd { fd: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    pub(crate) fn raw(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    pub(crate) fn ring(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: eight readable bytes, as eventfd(2) asks. The only possible failures are EINTR, which cannot
        // happen to a write that does not block, and EAGAIN after 2^64 - 2 rings.
        unsafe { libc::write(self.fd.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }
}

/// `CLOCK_MONOTONIC` in nanoseconds since some time around the start of the machine. The vDSO reads it in user
/// space, see vdso(7).
#[inline]
pub(crate) fn monotonic_clock() -> i64 {
    let mut now = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: `now` is writable. The call cannot fail: the pointer is valid, and every Linux has this clock.
    let now = unsafe {
        libc::clock_gettime(libc::CLOCK_MONOTONIC, now.as_mut_ptr());
        now.assume_init()
    };
    now.tv_sec as i64 * 1_000_000_000 + now.tv_nsec as i64
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
