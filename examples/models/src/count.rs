//! Counts the system calls of this program.
//!
//! The functions in `counted!` have the names of the C library's and replace them. Any call of `recv` in this program,
//! whether by a rung, the standard library or ayi, goes through here, adds one to its thread's counter, and enters the
//! kernel. So the numbers that `compare` prints are counts; `strace -c -f` shows the same ones. Calls that reach the
//! kernel another way (`poll`, `select`, io_uring) are counted where they are made. Calls that serve no request are not
//! counted: starting, mapping memory, creating threads, waiting for a lock.

use libc::{c_int, c_long, c_void, iovec, size_t, sockaddr, socklen_t, ssize_t};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// There is a counter per thread, on a cache line of its own, so that counting slows no other thread down. Beyond this
/// number, threads share them.
const COUNTERS: usize = 1024;

#[repr(align(64))]
struct Counter(AtomicU64);

static COUNTS: [Counter; COUNTERS] = [const { Counter(AtomicU64::new(0)) }; COUNTERS];

/// Adds system calls that do not go through `counted!`. It needs no lock and no memory, so a signal handler may call
/// it.
pub fn count(calls: u64) {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    if OWN.get() == usize::MAX {
        OWN.set(THREADS.fetch_add(1, Ordering::Relaxed) % COUNTERS);
    }
    // Relaxed, here and above: only the sum is read.
    COUNTS[OWN.get()].0.fetch_add(calls, Ordering::Relaxed);
}

/// Returns how many system calls the process has made so far.
pub fn counted() -> u64 {
    COUNTS.iter().map(|counter| counter.0.load(Ordering::Relaxed)).sum()
}

macro_rules! counted {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty = $number:ident($($passed:expr),*);)*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $type),*) -> $result {
            count(1);
            // SAFETY: the caller promises what the C function asks for, and this does no more than that function.
            unsafe { libc::syscall(libc::$number, $($passed as c_long),*) as $result }
        }
    )*};
}

counted! {
    read(fd: c_int, buf: *mut c_void, len: size_t) -> ssize_t = SYS_read(fd, buf, len);
    write(fd: c_int, buf: *const c_void, len: size_t) -> ssize_t = SYS_write(fd, buf, len);
    readv(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t = SYS_readv(fd, parts, count);
    writev(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t = SYS_writev(fd, parts, count);
    recv(fd: c_int, buf: *mut c_void, len: size_t, flags: c_int) -> ssize_t = SYS_recvfrom(fd, buf, len, flags, 0, 0);
    send(fd: c_int, buf: *const c_void, len: size_t, flags: c_int) -> ssize_t = SYS_sendto(fd, buf, len, flags, 0, 0);
    recvfrom(fd: c_int, buf: *mut c_void, len: size_t, flags: c_int, from: *mut sockaddr, size: *mut socklen_t)
        -> ssize_t = SYS_recvfrom(fd, buf, len, flags, from, size);
    sendto(fd: c_int, buf: *const c_void, len: size_t, flags: c_int, to: *const sockaddr, size: socklen_t)
        -> ssize_t = SYS_sendto(fd, buf, len, flags, to, size);
    accept4(fd: c_int, from: *mut sockaddr, size: *mut socklen_t, flags: c_int) -> c_int
        = SYS_accept4(fd, from, size, flags);
    close(fd: c_int) -> c_int = SYS_close(fd);
    epoll_ctl(epoll: c_int, operation: c_int, fd: c_int, event: *mut libc::epoll_event) -> c_int
        = SYS_epoll_ctl(epoll, operation, fd, event);
    epoll_wait(epoll: c_int, events: *mut libc::epoll_event, room: c_int, milliseconds: c_int) -> c_int
        = SYS_epoll_pwait(epoll, events, room, milliseconds, 0, 8);
}
