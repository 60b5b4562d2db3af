//! System calls, as safe functions.
//!
//! A call that a signal interrupts (`EINTR`) is either made again, or reported as "nothing happened" if the caller
//! checks its state before it waits again. System calls that `count` does not see by itself are counted here.

use crate::count::{call, wait};
use crate::watched::number;
use libc::{c_int, c_void, ssize_t};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// Returns the result of a C function that returns -1 and sets `errno` when it fails.
pub fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Makes a call again that a signal has interrupted.
pub fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn size(result: ssize_t) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// Receives at least one byte; 0 means that the peer sends no more.
pub fn recv(socket: impl AsFd, buf: &mut [u8]) -> io::Result<usize> {
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: `buf` is writable for its length.
    retry(|| size(unsafe { libc::recv(fd, buf.as_mut_ptr().cast(), buf.len(), 0) }))
}

/// Sends at least one byte. To a peer that is gone it is an error, not a `SIGPIPE`.
pub fn send(socket: impl AsFd, buf: &[u8]) -> io::Result<usize> {
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: `buf` is readable for its length.
    retry(|| size(unsafe { libc::send(fd, buf.as_ptr().cast(), buf.len(), libc::MSG_NOSIGNAL) }))
}

/// Accepts the next connection. It blocks like any new socket, even if the listener does not.
pub fn accept(listener: impl AsFd) -> io::Result<OwnedFd> {
    let (fd, nowhere) = (listener.as_fd().as_raw_fd(), std::ptr::null_mut::<c_void>());
    // SAFETY: null pointers say that the peer's address is not wanted.
    let accepted =
        retry(|| check(unsafe { libc::accept4(fd, nowhere.cast(), nowhere.cast(), libc::SOCK_CLOEXEC) }))?;
    // SAFETY: the kernel just gave us this descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(accepted) })
}

/// Makes calls on this descriptor return `WouldBlock` from now on where they would have waited.
pub fn set_nonblocking(fd: impl AsFd) -> io::Result<()> {
    let fd = fd.as_fd().as_raw_fd();
    let flags = fcntl(fd, libc::F_GETFL, 0)?;
    fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK).map(drop)
}

/// Makes one of the calls of fcntl(2) that take a number.
fn fcntl(fd: c_int, operation: c_int, value: c_int) -> io::Result<c_int> {
    // SAFETY: no pointers are passed.
    check(call(number::FCNTL, fd, || unsafe { libc::fcntl(fd, operation, value) }))
}

/// Ends both directions of a socket: a thread that blocks in `accept` or `recv` on it returns.
pub fn shut_down(fd: c_int) {
    // SAFETY: no pointers are passed. For a descriptor that is no socket, or not connected, the error says nothing new.
    call(number::SHUTDOWN, fd, || unsafe { libc::shutdown(fd, libc::SHUT_RDWR) });
}

/// Makes a counter behind a descriptor, which becomes readable when something is added. eventfd(2).
pub fn eventfd(flags: c_int) -> io::Result<OwnedFd> {
    // SAFETY: no pointers are passed.
    let create = || unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | flags) };
    let fd = check(call(number::EVENTFD, -1, create))?;
    // SAFETY: the kernel just gave us this descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Adds to an eventfd.
pub fn add(event: impl AsFd, number: u64) {
    let bytes = number.to_ne_bytes();
    // SAFETY: eight readable bytes.
    unsafe { libc::write(event.as_fd().as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) };
}

/// Reads an eventfd: the sum, or, with `EFD_SEMAPHORE`, one.
pub fn take(event: impl AsFd) -> io::Result<u64> {
    let mut bytes = [0; 8];
    let fd = event.as_fd().as_raw_fd();
    // SAFETY: eight writable bytes.
    retry(|| size(unsafe { libc::read(fd, bytes.as_mut_ptr().cast(), bytes.len()) }))?;
    Ok(u64::from_ne_bytes(bytes))
}

/// Keeps signals from this thread and those it starts. They wait until they are asked for. An empty list means all.
pub fn block_signals(signals: &[c_int]) {
    set_mask(libc::SIG_BLOCK, &signal_set(signals));
}

/// Lets them through again.
pub fn unblock_signals(signals: &[c_int]) {
    set_mask(libc::SIG_UNBLOCK, &signal_set(signals));
}

fn set_mask(how: c_int, signals: &libc::sigset_t) {
    // SAFETY: an initialised set; the old one is not wanted.
    unsafe { libc::pthread_sigmask(how, signals, std::ptr::null_mut()) };
}

/// Waits until one of these signals comes. All of them are blocked.
pub fn wait_for_signal(signals: &[c_int]) -> c_int {
    let (set, mut signal) = (signal_set(signals), 0);
    // SAFETY: both point to what the call asks for.
    while unsafe { libc::sigwait(&set, &mut signal) } != 0 {}
    signal
}

/// Makes a set of signals. An empty list means all that there are.
pub fn signal_set(signals: &[c_int]) -> libc::sigset_t {
    let mut set = std::mem::MaybeUninit::uninit();
    // SAFETY: the first call initialises the set, the others change it.
    unsafe {
        if signals.is_empty() {
            libc::sigfillset(set.as_mut_ptr());
        } else {
            libc::sigemptyset(set.as_mut_ptr());
        }
        for &signal in signals {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        set.assume_init()
    }
}

/// Returns the time of the system's monotonic clock, in nanoseconds. It is the same in all processes, and a signal
/// handler may ask for it.
pub fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is writable.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Returns the CPUs that this thread may use.
pub fn allowed_cpus() -> io::Result<Vec<usize>> {
    // SAFETY: a set is an array of bits, for which zeros are valid: an empty one.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is writable for its size; 0 is this thread.
    check(unsafe { libc::sched_getaffinity(0, size_of_val(&set), &mut set) })?;
    // SAFETY: the set has that bit.
    Ok((0..libc::CPU_SETSIZE as usize).filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) }).collect())
}

/// Lets this thread, and those that it starts, run only on this CPU, which is one of the allowed.
pub fn stay_on(cpu: usize) -> io::Result<()> {
    // SAFETY: as above.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set has that bit, because another set has had it.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: `set` is readable for its size; 0 is this thread.
    check(unsafe { libc::sched_setaffinity(0, size_of_val(&set), &set) }).map(drop)
}

/// Returns the number that the system has given to this thread.
pub fn thread_id() -> u64 {
    // SAFETY: no pointers are passed.
    unsafe { libc::gettid() as u64 }
}

/// Returns the CPU time of the whole process, user and system.
pub fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is writable.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Waits until one of the descriptors is ready for what its entry asks, at most `timeout`, and writes into each entry
/// what it is ready for. A signal ends the wait with none.
pub fn poll(entries: &mut [libc::pollfd], timeout: Option<Duration>) -> io::Result<()> {
    let timeout = timeout.map_or(-1, |time| time.as_micros().div_ceil(1000).min(i32::MAX as u128) as c_int);
    let given = entries.len() as i64;
    // SAFETY: `entries` is writable for its length.
    let poll = || unsafe { libc::poll(entries.as_mut_ptr(), entries.len() as libc::nfds_t, timeout) };
    match check(wait(number::POLL, given, timeout != 0, poll)) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::Interrupted => {
            entries.iter_mut().for_each(|entry| entry.revents = 0);
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Makes a descriptor that becomes readable when this signal comes. The signal does nothing else from now on.
/// signalfd(2).
pub fn signalfd(signal: c_int) -> io::Result<OwnedFd> {
    block_signals(&[signal]);
    let (set, flags) = (signal_set(&[signal]), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
    // SAFETY: the set is initialised.
    let fd = check(call(number::SIGNALFD, -1, || unsafe { libc::signalfd(-1, &set, flags) }))?;
    // SAFETY: the kernel just gave us this descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Takes a signal from a signalfd.
pub fn take_signal(signals: impl AsFd) -> io::Result<()> {
    let mut info = [0u8; size_of::<libc::signalfd_siginfo>()];
    let fd = signals.as_fd().as_raw_fd();
    // SAFETY: `info` has room for one.
    retry(|| size(unsafe { libc::read(fd, info.as_mut_ptr().cast(), info.len()) })).map(drop)
}

/// Makes each change of this descriptor send a signal to the process from now on. The descriptor does not block.
/// fcntl(2).
pub fn set_signal(fd: impl AsFd, signal: c_int) -> io::Result<()> {
    /// The `libc` crate does not declare it.
    const F_SETSIG: c_int = 10;
    let fd = fd.as_fd().as_raw_fd();
    fcntl(fd, F_SETSIG, signal)?;
    // SAFETY: no pointers are passed.
    let process = call(number::GETPID, -1, || unsafe { libc::getpid() });
    fcntl(fd, libc::F_SETOWN, process)?;
    fcntl(fd, libc::F_SETFL, libc::O_NONBLOCK | libc::O_ASYNC).map(drop)
}

/// Stops the signals from it.
pub fn clear_signal(fd: impl AsFd) -> io::Result<()> {
    fcntl(fd.as_fd().as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK).map(drop)
}

/// The beginning of `siginfo_t`, as the signals of [`set_signal`] fill it in. sigaction(2).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SignalInfo {
    pub signal: c_int,
    _errno: c_int,
    _code: c_int,
    _band: libc::c_long,
    pub fd: c_int,
}

/// Takes the next of these signals, which are blocked, if one comes in time.
pub fn next_signal(signals: &[c_int], timeout: Duration) -> Option<SignalInfo> {
    let limit = libc::timespec { tv_sec: timeout.as_secs() as _, tv_nsec: timeout.subsec_nanos() as _ };
    let (set, mut info) = (signal_set(signals), std::mem::MaybeUninit::<libc::siginfo_t>::zeroed());
    // SAFETY: all three are valid for the call.
    let take = || unsafe { libc::sigtimedwait(&set, info.as_mut_ptr(), &limit) };
    let signal = wait(number::SIGTIMEDWAIT, -1, !timeout.is_zero(), take);
    // SAFETY: `siginfo_t` is larger, was zeroed, and any bits are valid.
    (signal > 0).then(|| unsafe { info.as_ptr().cast::<SignalInfo>().read() })
}

/// Makes a copy of this process, which does `work` and ends. Returns the copy's number. fork(2).
///
/// It is killed if the process that made it ends before.
///
/// # Safety
///
/// Of all threads only the calling one goes on in the copy. So `work` must not wait for a lock that another thread may
/// have had at that moment, as for memory.
pub unsafe fn fork(work: impl FnOnce()) -> io::Result<u32> {
    // SAFETY: no pointers are passed; what may be done in the copy, the caller knows.
    let child = check(call(number::CLONE, -1, || unsafe { libc::fork() }))?;
    if child == 0 {
        // SAFETY: no pointers are passed, and `_exit` runs nothing of what the other threads have left.
        unsafe {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            work();
            libc::_exit(0)
        }
    }
    Ok(child as u32)
}

/// Ends a process that `fork` has made.
pub fn kill(child: u32) {
    // SAFETY: no pointers are passed. It is a child that nobody has reaped, so the number is still its own.
    call(number::KILL, -1, || unsafe { libc::kill(child as libc::pid_t, libc::SIGKILL) });
}

/// Asks for the end of a child, and waits for it; or of any child, without waiting. Returns which it was. waitpid(2).
pub fn reap(child: Option<u32>) -> io::Result<Option<u32>> {
    let (which, flags) = child.map_or((-1, libc::WNOHANG), |child| (child as libc::pid_t, 0));
    // SAFETY: a null pointer says that the status is not wanted.
    let wait =
        || check(call(number::WAIT4, -1, || unsafe { libc::waitpid(which, std::ptr::null_mut(), flags) }));
    match retry(wait) {
        Ok(0) => Ok(None),
        Ok(ended) => Ok(Some(ended as u32)),
        Err(error) if error.raw_os_error() == Some(libc::ECHILD) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the CPU time of all children that were reaped.
pub fn cpu_time_of_reaped() -> Duration {
    // SAFETY: a structure of numbers, for which zeros are valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is writable.
    unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage) };
    let time = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// Returns memory for `len` bytes, zeroed, that a copy of this process shares. It is never given back. mmap(2).
pub fn shared_memory(len: usize) -> *mut c_void {
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping, wherever there is room.
    let memory = unsafe { libc::mmap(std::ptr::null_mut(), len, protection, flags, -1, 0) };
    assert_ne!(memory, libc::MAP_FAILED, "there is no memory: {}", io::Error::last_os_error());
    memory
}

/// Returns the CPU time of another process, which does nothing for it.
pub fn cpu_time_of(process: u32) -> io::Result<Duration> {
    let (mut clock, mut time) = (0, libc::timespec { tv_sec: 0, tv_nsec: 0 });
    // SAFETY: `clock` is writable.
    match unsafe { libc::clock_getcpuclockid(process as libc::pid_t, &mut clock) } {
        0 => {}
        error => return Err(io::Error::from_raw_os_error(error)),
    }
    // SAFETY: `time` is writable.
    check(unsafe { libc::clock_gettime(clock, &mut time) })?;
    Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}
