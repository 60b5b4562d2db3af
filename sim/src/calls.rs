//! The functions of the C library, as simulated programs see them. [`kernel!`](crate::kernel) puts them in place of the
//! real ones.
//!
//! ```text
//!   ayi, std, socket2, … ──▶ recv ──▶ here ──▶ on a simulated host, and about what is simulated: the `Kernel`
//!                          (C's name)     └──▶ otherwise: the C library's own
//! ```
//!
//! Invariants:
//! 1. This module and `real` are the only ones with unsafe code. Each function promises what the C function does, and
//!    asks for what that asks for: pointers that are valid for the sizes given.
//! 2. The kernel is borrowed only while no code runs but this crate's. A call that comes while it is borrowed is one of
//!    this crate's own, from std, and goes to the real kernel.

pub(crate) mod addr;
mod control;
mod descriptors;
mod directories;
mod files;
mod locks;
mod names;
mod numbers;
mod options;
mod pairs;
mod paths;
mod sockets;
mod stat;
mod threads;
mod time;

pub use descriptors::*;
pub use directories::*;
pub use files::*;
pub use locks::*;
pub use names::*;
pub use options::*;
pub use pairs::*;
pub use paths::*;
pub use sockets::*;
pub use stat::*;
pub use threads::*;
pub use time::*;

use crate::alone::{self, Waited};
use crate::kernel::Kernel;
use crate::kernel::descriptors::{BASE, Fd};
use crate::real::fail;
use crate::{Errno, Nanos};
use std::cell::RefCell;
use std::rc::Rc;

thread_local! {
    /// The kernel of the simulation that runs on this thread.
    static KERNEL: RefCell<Option<Rc<RefCell<Kernel>>>> = const { RefCell::new(None) };
}

/// Has the calls of this thread go to `kernel` from here on, or to the real one. Returns what was set before.
pub(crate) fn install(kernel: Option<Rc<RefCell<Kernel>>>) -> Option<Rc<RefCell<Kernel>>> {
    KERNEL.replace(kernel)
}

/// Runs `f` with this thread's kernel, if there is one that can be borrowed.
pub(crate) fn with_kernel<R>(f: impl FnOnce(&mut Kernel) -> R) -> Option<R> {
    let kernel = KERNEL.try_with(|kernel| Some(kernel.try_borrow().ok()?.clone())).ok()??;
    let kernel = kernel.or_else(alone::kernel)?;
    let mut kernel = kernel.try_borrow_mut().ok()?;
    Some(f(&mut kernel))
}

/// Runs `f` if the thread runs a program of a simulated host.
pub(crate) fn in_program<R>(f: impl FnOnce(&mut Kernel) -> R) -> Option<R> {
    with_kernel(|kernel| kernel.here.is_some().then(|| f(kernel)))?
}

/// Makes a simulated call. It costs time and counts for the hash. `None` if the call is not a simulated program's.
fn simulate(call: &str, mut f: impl FnMut(&mut Kernel) -> Result<i64, Errno>) -> Option<i64> {
    let mut until = None;
    loop {
        let (result, waits) = in_program(|kernel| {
            // What a dying program still does has no effect, and takes no time.
            if let Err(errno) = kernel.check_alive() {
                if call != "epoll_wait" || !kernel.is_dark() {
                    return (Err(errno), None);
                }
            }
            kernel.charge();
            let result = f(kernel);
            let outcome = result.unwrap_or_else(|errno| -i64::from(errno));
            kernel.trace.note(kernel.now, kernel.here.unwrap_or_default(), call, outcome);
            (result, kernel.waits.take())
        })?;
        let Some(waits) = waits else {
            return Some(result.unwrap_or_else(|errno| i64::from(fail::<i32>(errno))));
        };
        match alone::wait_until(*until.get_or_insert(waits)) {
            Waited::On => {}
            // A wait for descriptors may end early, and other calls are made again.
            Waited::Called if call != "epoll_wait" => {}
            Waited::TimeIsUp | Waited::Called => return Some(0),
            Waited::InVain => return Some(i64::from(fail::<i32>(libc::EDEADLK))),
        }
    }
}

/// Like [`simulate`], for a call on a descriptor. Those of the real kernel are left to it.
fn simulate_on(call: &str, fd: Fd, f: impl FnMut(&mut Kernel) -> Result<i64, Errno>) -> Option<i64> {
    if fd < BASE {
        return None;
    }
    // One that outlives its simulation, or is used outside it, names nothing.
    Some(simulate(call, f).unwrap_or_else(|| i64::from(fail::<i32>(libc::EBADF))))
}

/// Whether the C library's `socket` is the one of `kernel!`, asked on a simulated host.
pub(crate) fn makes_simulated_sockets() -> bool {
    // SAFETY: it takes no pointers.
    let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    // SAFETY: this descriptor was just made, and nobody else has it.
    unsafe { libc::close(fd) };
    fd >= BASE
}

/// A call that would wait, on a descriptor that may: nothing else could happen meanwhile.
fn may_not_wait(kernel: &mut Kernel, fd: Fd, flags: i32, result: Result<i64, Errno>) -> Result<i64, Errno> {
    if result == Err(libc::EAGAIN) && kernel.may_wait(fd, flags) {
        if kernel.is_alone {
            kernel.waits = Some(None);
            return result;
        }
        kernel.escape("waits in a call on a socket that is not non-blocking, which would stop all hosts");
        return Err(libc::EDEADLK);
    }
    result
}

/// # Safety
///
/// `time` is null, or points to a time.
unsafe fn nanos_of(time: *const libc::timespec) -> Option<Nanos> {
    // SAFETY: the caller's promise.
    let time = unsafe { time.as_ref() }?;
    let seconds = Nanos::try_from(time.tv_sec).unwrap_or(0);
    Some(seconds.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec as Nanos))
}

/// Puts the simulated kernel into this program: every test binary that uses [`Sim`](crate::Sim) names it once, outside
/// all functions.
///
/// It defines the functions of the C library through which Rust programs reach the kernel. They do what they always do,
/// except on a thread that runs a simulation.
///
/// # Examples
///
/// ```
/// ayi::sim::kernel!();
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! kernel {
    () => {
        $crate::kernel! { @define
            accept(fd: i32, addr: *mut c_void, len: *mut u32) -> i32;
            accept4(fd: i32, addr: *mut c_void, len: *mut u32, flags: i32) -> i32;
            access(path: *const c_void, mode: i32) -> i32;
            bind(fd: i32, addr: *const c_void, len: u32) -> i32;
            chdir(path: *const c_void) -> i32;
            chmod(path: *const c_void, mode: u32) -> i32;
            chown(path: *const c_void, user: u32, group: u32) -> i32;
            clock_gettime(clock: i32, to: *mut c_void) -> i32;
            clock_nanosleep(clock: i32, flags: i32, time: *const c_void, left: *mut c_void) -> i32;
            close(fd: i32) -> i32;
            closedir(dir: *mut c_void) -> i32;
            connect(fd: i32, addr: *const c_void, len: u32) -> i32;
            copy_file_range(from: i32, from_at: *mut c_void, to: i32, to_at: *mut c_void, len: usize, flags: u32) -> isize;
            creat(path: *const c_void, mode: u32) -> i32;
            creat64(path: *const c_void, mode: u32) -> i32;
            dirfd(dir: *mut c_void) -> i32;
            dup(fd: i32) -> i32;
            epoll_create1(flags: i32) -> i32;
            epoll_ctl(epoll: i32, operation: i32, fd: i32, event: *mut c_void) -> i32;
            epoll_pwait(epoll: i32, events: *mut c_void, room: i32, milliseconds: i32, mask: *const c_void) -> i32;
            epoll_wait(epoll: i32, events: *mut c_void, room: i32, milliseconds: i32) -> i32;
            faccessat(base: i32, path: *const c_void, mode: i32, flags: i32) -> i32;
            fallocate(fd: i32, mode: i32, offset: i64, len: i64) -> i32;
            fallocate64(fd: i32, mode: i32, offset: i64, len: i64) -> i32;
            fchdir(fd: i32) -> i32;
            fchmod(fd: i32, mode: u32) -> i32;
            fchmodat(base: i32, path: *const c_void, mode: u32, flags: i32) -> i32;
            fchown(fd: i32, user: u32, group: u32) -> i32;
            fchownat(base: i32, path: *const c_void, user: u32, group: u32, flags: i32) -> i32;
            fcntl(fd: i32, command: i32, argument: usize) -> i32;
            fcntl64(fd: i32, command: i32, argument: usize) -> i32;
            fdatasync(fd: i32) -> i32;
            fdopendir(fd: i32) -> *mut c_void;
            flock(fd: i32, operation: i32) -> i32;
            freeaddrinfo(list: *mut c_void) -> ();
            fstat(fd: i32, to: *mut c_void) -> i32;
            fstat64(fd: i32, to: *mut c_void) -> i32;
            fstatat(base: i32, path: *const c_void, to: *mut c_void, flags: i32) -> i32;
            fstatat64(base: i32, path: *const c_void, to: *mut c_void, flags: i32) -> i32;
            fstatfs(fd: i32, to: *mut c_void) -> i32;
            fstatfs64(fd: i32, to: *mut c_void) -> i32;
            fstatvfs(fd: i32, to: *mut c_void) -> i32;
            fstatvfs64(fd: i32, to: *mut c_void) -> i32;
            fsync(fd: i32) -> i32;
            ftruncate(fd: i32, len: i64) -> i32;
            ftruncate64(fd: i32, len: i64) -> i32;
            futimens(fd: i32, times: *const c_void) -> i32;
            getaddrinfo(node: *const c_void, service: *const c_void, hints: *const c_void, to: *mut c_void) -> i32;
            getcwd(to: *mut c_void, room: usize) -> *mut c_void;
            getpeername(fd: i32, addr: *mut c_void, len: *mut u32) -> i32;
            getrandom(to: *mut c_void, len: usize, flags: u32) -> isize;
            getsockname(fd: i32, addr: *mut c_void, len: *mut u32) -> i32;
            getsockopt(fd: i32, level: i32, name: i32, value: *mut c_void, len: *mut u32) -> i32;
            gettimeofday(to: *mut c_void, zone: *mut c_void) -> i32;
            ioctl(fd: i32, request: usize, argument: usize) -> i32;
            lchown(path: *const c_void, user: u32, group: u32) -> i32;
            link(from: *const c_void, to: *const c_void) -> i32;
            linkat(from_base: i32, from: *const c_void, to_base: i32, to: *const c_void, flags: i32) -> i32;
            listen(fd: i32, backlog: i32) -> i32;
            lseek(fd: i32, offset: i64, whence: i32) -> i64;
            lseek64(fd: i32, offset: i64, whence: i32) -> i64;
            lstat(path: *const c_void, to: *mut c_void) -> i32;
            lstat64(path: *const c_void, to: *mut c_void) -> i32;
            mkdir(path: *const c_void, mode: u32) -> i32;
            mkdirat(base: i32, path: *const c_void, mode: u32) -> i32;
            mkfifo(path: *const c_void, mode: u32) -> i32;
            mknod(path: *const c_void, mode: u32, device: u64) -> i32;
            mknodat(base: i32, path: *const c_void, mode: u32, device: u64) -> i32;
            mmap(at: *mut c_void, len: usize, protection: i32, flags: i32, fd: i32, offset: i64) -> *mut c_void;
            mmap64(at: *mut c_void, len: usize, protection: i32, flags: i32, fd: i32, offset: i64) -> *mut c_void;
            nanosleep(time: *const c_void, left: *mut c_void) -> i32;
            open(path: *const c_void, flags: i32, mode: u32) -> i32;
            open64(path: *const c_void, flags: i32, mode: u32) -> i32;
            openat(base: i32, path: *const c_void, flags: i32, mode: u32) -> i32;
            openat64(base: i32, path: *const c_void, flags: i32, mode: u32) -> i32;
            opendir(path: *const c_void) -> *mut c_void;
            pipe(to: *mut c_void) -> i32;
            pipe2(to: *mut c_void, flags: i32) -> i32;
            poll(list: *mut c_void, count: usize, milliseconds: i32) -> i32;
            posix_fadvise(fd: i32, offset: i64, len: i64, advice: i32) -> i32;
            posix_fadvise64(fd: i32, offset: i64, len: i64, advice: i32) -> i32;
            posix_fallocate(fd: i32, offset: i64, len: i64) -> i32;
            posix_fallocate64(fd: i32, offset: i64, len: i64) -> i32;
            prctl(option: i32, a: usize, b: usize, c: usize, d: usize) -> i32;
            pread(fd: i32, to: *mut c_void, len: usize, offset: i64) -> isize;
            pread64(fd: i32, to: *mut c_void, len: usize, offset: i64) -> isize;
            preadv(fd: i32, parts: *const c_void, count: i32, offset: i64) -> isize;
            preadv2(fd: i32, parts: *const c_void, count: i32, offset: i64, flags: i32) -> isize;
            preadv64(fd: i32, parts: *const c_void, count: i32, offset: i64) -> isize;
            preadv64v2(fd: i32, parts: *const c_void, count: i32, offset: i64, flags: i32) -> isize;
            pthread_create(to: *mut c_void, attributes: *const c_void, f: *mut c_void, argument: *mut c_void) -> i32;
            pwrite(fd: i32, from: *const c_void, len: usize, offset: i64) -> isize;
            pwrite64(fd: i32, from: *const c_void, len: usize, offset: i64) -> isize;
            pwritev(fd: i32, parts: *const c_void, count: i32, offset: i64) -> isize;
            pwritev2(fd: i32, parts: *const c_void, count: i32, offset: i64, flags: i32) -> isize;
            pwritev64(fd: i32, parts: *const c_void, count: i32, offset: i64) -> isize;
            pwritev64v2(fd: i32, parts: *const c_void, count: i32, offset: i64, flags: i32) -> isize;
            read(fd: i32, to: *mut c_void, len: usize) -> isize;
            readdir(dir: *mut c_void) -> *mut c_void;
            readdir64(dir: *mut c_void) -> *mut c_void;
            readlink(path: *const c_void, to: *mut c_void, len: usize) -> isize;
            readlinkat(base: i32, path: *const c_void, to: *mut c_void, len: usize) -> isize;
            readv(fd: i32, parts: *const c_void, count: i32) -> isize;
            realpath(path: *const c_void, to: *mut c_void) -> *mut c_void;
            recv(fd: i32, to: *mut c_void, len: usize, flags: i32) -> isize;
            recvfrom(fd: i32, to: *mut c_void, len: usize, flags: i32, addr: *mut c_void, size: *mut u32) -> isize;
            recvmsg(fd: i32, message: *mut c_void, flags: i32) -> isize;
            rename(from: *const c_void, to: *const c_void) -> i32;
            renameat(from_base: i32, from: *const c_void, to_base: i32, to: *const c_void) -> i32;
            renameat2(from_base: i32, from: *const c_void, to_base: i32, to: *const c_void, flags: u32) -> i32;
            rewinddir(dir: *mut c_void) -> ();
            rmdir(path: *const c_void) -> i32;
            send(fd: i32, from: *const c_void, len: usize, flags: i32) -> isize;
            sendfile(to: i32, from: i32, offset: *mut c_void, len: usize) -> isize;
            sendfile64(to: i32, from: i32, offset: *mut c_void, len: usize) -> isize;
            sendmsg(fd: i32, message: *const c_void, flags: i32) -> isize;
            sendto(fd: i32, from: *const c_void, len: usize, flags: i32, addr: *const c_void, size: u32) -> isize;
            setsockopt(fd: i32, level: i32, name: i32, value: *const c_void, len: u32) -> i32;
            shutdown(fd: i32, how: i32) -> i32;
            socket(family: i32, kind: i32, protocol: i32) -> i32;
            socketpair(family: i32, kind: i32, protocol: i32, to: *mut c_void) -> i32;
            stat(path: *const c_void, to: *mut c_void) -> i32;
            stat64(path: *const c_void, to: *mut c_void) -> i32;
            statfs(path: *const c_void, to: *mut c_void) -> i32;
            statfs64(path: *const c_void, to: *mut c_void) -> i32;
            statvfs(path: *const c_void, to: *mut c_void) -> i32;
            statvfs64(path: *const c_void, to: *mut c_void) -> i32;
            statx(base: i32, path: *const c_void, flags: i32, mask: u32, to: *mut c_void) -> i32;
            symlink(target: *const c_void, path: *const c_void) -> i32;
            symlinkat(target: *const c_void, base: i32, path: *const c_void) -> i32;
            sync() -> ();
            sync_file_range(fd: i32, offset: i64, len: i64, flags: u32) -> i32;
            syncfs(fd: i32) -> i32;
            syscall(number: isize, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> isize;
            truncate(path: *const c_void, len: i64) -> i32;
            truncate64(path: *const c_void, len: i64) -> i32;
            umask(mask: u32) -> u32;
            unlink(path: *const c_void) -> i32;
            unlinkat(base: i32, path: *const c_void, flags: i32) -> i32;
            utimensat(base: i32, path: *const c_void, times: *const c_void, flags: i32) -> i32;
            write(fd: i32, from: *const c_void, len: usize) -> isize;
            writev(fd: i32, parts: *const c_void, count: i32) -> isize;
        }
    };
    (@define $($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        const _: () = {
            #[allow(unused_imports, reason = "not each list needs it")]
            use ::core::ffi::c_void;
            $(
                #[unsafe(no_mangle)]
                unsafe extern "C" fn $name($($argument: $type),*) -> $result {
                    // SAFETY: the caller promises what the C function asks for.
                    unsafe { $crate::calls::$name($($argument),*) }
                }
            )*
        };
    };
}
