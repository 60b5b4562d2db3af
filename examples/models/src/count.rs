//! Counts the system calls of this program.
//!
//! The functions in `counted!` have the names of the C library's and replace them. Any call of `recv` in this program,
//! whether by a rung, the standard library or ayi, goes through here, adds one to its thread's counter, and enters the
//! kernel. So the numbers that `compare` prints are counts; `strace -c -f` shows the same ones. Calls that reach the
//! kernel another way (`poll`, `select`, io_uring) are counted where they are made. Calls that serve no request are not
//! counted: starting, mapping memory, creating threads, waiting for a lock. `watched` keeps the calls with their times.

use crate::sys;
use crate::watched::{self, Asked, number};
use libc::{c_int, c_long, c_void, iovec, size_t, sockaddr, socklen_t, ssize_t};
use std::cell::Cell;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// There is a counter per thread, on a cache line of its own, so that counting slows no other thread down. Beyond this
/// number, threads share them.
const COUNTERS: usize = 1024;

#[repr(align(64))]
struct Counter(AtomicU64);

type Counters = [Counter; COUNTERS];

static OWN_COUNTS: Counters = [const { Counter(AtomicU64::new(0)) }; COUNTERS];
/// Where counting goes on after [`share`].
static SHARED_COUNTS: OnceLock<&'static Counters> = OnceLock::new();

thread_local! {
    /// The index of the thread's counter.
    static OWN: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// From now on, what copies of this process call is counted here, too. fork(2).
pub fn share() {
    SHARED_COUNTS.get_or_init(|| {
        let memory = sys::shared_memory(size_of::<Counters>()).cast();
        // SAFETY: it is as large, aligned to a page, and zeroed: counters at 0. Nobody gives it back.
        unsafe { &*memory }
    });
}

/// A copy of this process calls this first, and so takes a counter of its own.
pub fn begin_as_child() {
    OWN.set(std::process::id() as usize % COUNTERS);
}

fn counts() -> &'static Counters {
    SHARED_COUNTS.get().copied().unwrap_or(&OWN_COUNTS)
}

/// Adds system calls that are made elsewhere. It needs no lock and no memory, so a signal handler may call
/// it.
pub fn count(calls: u64) {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    if OWN.get() == usize::MAX {
        OWN.set(THREADS.fetch_add(1, Ordering::Relaxed) % COUNTERS);
    }
    // Relaxed, here and above: only the sum is read.
    counts()[OWN.get()].0.fetch_add(calls, Ordering::Relaxed);
}

/// Returns how many system calls the process has made so far.
pub fn counted() -> u64 {
    let sum = |all: &Counters| all.iter().map(|counter| counter.0.load(Ordering::Relaxed)).sum::<u64>();
    sum(&OWN_COUNTS) + SHARED_COUNTS.get().map_or(0, |shared| sum(shared))
}

/// Makes a system call, which is counted. `given` is the descriptor that it is about, or how many it is given; below 0:
/// neither.
pub fn call<T: Outcome>(number: u16, given: impl Into<i64>, make: impl FnOnce() -> T) -> T {
    count(1);
    watched::keep(Asked { number, given: given.into(), may_sleep: false }, make, T::number)
}

/// Does the same with a call that waits for several descriptors, if it may sleep.
pub fn wait<T: Outcome>(number: u16, given: impl Into<i64>, may_sleep: bool, make: impl FnOnce() -> T) -> T {
    count(1);
    watched::keep(Asked { number, given: given.into(), may_sleep }, make, T::number)
}

/// What a system call returns.
pub trait Outcome {
    /// Returns it as a number: below 0, it is `-errno`.
    fn number(&self) -> i64;
}

impl Outcome for c_long {
    fn number(&self) -> i64 {
        if *self >= 0 { *self } else { -i64::from(io::Error::last_os_error().raw_os_error().unwrap_or(0)) }
    }
}

impl Outcome for c_int {
    fn number(&self) -> i64 {
        c_long::from(*self).number()
    }
}

impl Outcome for io::Result<usize> {
    fn number(&self) -> i64 {
        match self {
            Ok(number) => *number as i64,
            Err(error) => -i64::from(error.raw_os_error().unwrap_or(0)),
        }
    }
}

macro_rules! counted {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty = $number:ident($($passed:expr),*)
        as $call:ident($given:expr, $may_sleep:expr);)*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $type),*) -> $result {
            // SAFETY: the caller promises what the C function asks for, and this does no more than that function.
            let make = || unsafe { libc::syscall(libc::$number, $($passed as c_long),*) };
            wait(number::$call, $given, $may_sleep, make) as $result
        }
    )*};
}

counted! {
    read(fd: c_int, buf: *mut c_void, len: size_t) -> ssize_t = SYS_read(fd, buf, len) as READ(fd, false);
    write(fd: c_int, buf: *const c_void, len: size_t) -> ssize_t = SYS_write(fd, buf, len) as WRITE(fd, false);
    readv(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t = SYS_readv(fd, parts, count)
        as READV(fd, false);
    writev(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t = SYS_writev(fd, parts, count)
        as WRITEV(fd, false);
    recv(fd: c_int, buf: *mut c_void, len: size_t, flags: c_int) -> ssize_t = SYS_recvfrom(fd, buf, len, flags, 0, 0)
        as RECV(fd, false);
    send(fd: c_int, buf: *const c_void, len: size_t, flags: c_int) -> ssize_t = SYS_sendto(fd, buf, len, flags, 0, 0)
        as SEND(fd, false);
    recvfrom(fd: c_int, buf: *mut c_void, len: size_t, flags: c_int, from: *mut sockaddr, size: *mut socklen_t)
        -> ssize_t = SYS_recvfrom(fd, buf, len, flags, from, size) as RECV(fd, false);
    sendto(fd: c_int, buf: *const c_void, len: size_t, flags: c_int, to: *const sockaddr, size: socklen_t)
        -> ssize_t = SYS_sendto(fd, buf, len, flags, to, size) as SEND(fd, false);
    accept4(fd: c_int, from: *mut sockaddr, size: *mut socklen_t, flags: c_int) -> c_int
        = SYS_accept4(fd, from, size, flags) as ACCEPT(fd, false);
    close(fd: c_int) -> c_int = SYS_close(fd) as CLOSE(fd, false);
    epoll_ctl(epoll: c_int, operation: c_int, fd: c_int, event: *mut libc::epoll_event) -> c_int
        = SYS_epoll_ctl(epoll, operation, fd, event) as EPOLL_CTL(fd, false);
    epoll_wait(epoll: c_int, events: *mut libc::epoll_event, room: c_int, milliseconds: c_int) -> c_int
        = SYS_epoll_pwait(epoll, events, room, milliseconds, 0, 8)
        as EPOLL_WAIT(epoll, milliseconds != 0);
}
