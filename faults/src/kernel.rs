//! The kernel itself, bypassing the functions of this crate.

use libc::{c_int, c_long, c_void};
use std::mem;
use std::sync::atomic::{AtomicPtr, Ordering};

type Syscall = unsafe extern "C" fn(c_long, ...) -> c_long;

/// Calls the C library's `syscall`, which this crate replaces.
///
/// # Safety
///
/// Those of the system call `number`.
pub(crate) unsafe fn call(number: c_long, arguments: [c_long; 6]) -> c_long {
    static NEXT: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
    // Relaxed: every thread finds the same address.
    let mut next = NEXT.load(Ordering::Relaxed);
    if next.is_null() {
        next = the_next(c"syscall");
        NEXT.store(next, Ordering::Relaxed);
    }
    // SAFETY: it is the address of that function.
    let syscall = unsafe { mem::transmute::<*mut c_void, Syscall>(next) };
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: the caller's promise. The kernel takes as many arguments as the call has.
    unsafe { syscall(number, a, b, c, d, e, f) }
}

/// Returns the function that would be there without this crate: dlsym(3), `RTLD_NEXT`.
pub(crate) fn the_next(name: &std::ffi::CStr) -> *mut c_void {
    // SAFETY: the name ends with a zero.
    let found = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
    assert!(!found.is_null(), "the C library has {name:?}");
    found
}

/// Fails like a system call.
pub(crate) fn fail<T: From<i8>>(errno: c_int) -> T {
    // SAFETY: it is this thread's.
    unsafe { *libc::__errno_location() = errno };
    T::from(-1)
}

/// The kinds of descriptors, as far as faults differ.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Stream,
    /// A socket that keeps messages apart, or listens for such sockets.
    Messages,
    Pipe,
    Terminal,
    File,
    /// An eventfd, or a pidfd.
    Other,
}

pub(crate) fn kind(fd: c_int) -> Kind {
    // SAFETY: all zeros is a valid stat.
    let mut stat: libc::stat = unsafe { mem::zeroed() };
    // SAFETY: `stat` is writable.
    if unsafe { libc::fstat(fd, &mut stat) } != 0 {
        return Kind::Other;
    }
    match stat.st_mode & libc::S_IFMT {
        libc::S_IFSOCK if socket_option(fd, libc::SO_TYPE) == libc::SOCK_STREAM => Kind::Stream,
        libc::S_IFSOCK => Kind::Messages,
        libc::S_IFIFO => Kind::Pipe,
        libc::S_IFCHR => Kind::Terminal,
        libc::S_IFREG => Kind::File,
        _ => Kind::Other,
    }
}

/// Returns an integer option of the level `SOL_SOCKET`, or -1 if there is none.
pub(crate) fn socket_option(fd: c_int, option: c_int) -> c_int {
    let (mut value, mut len): (c_int, libc::socklen_t) = (-1, 4);
    // SAFETY: getsockopt(2) writes at most `len` bytes.
    unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, option, (&raw mut value).cast(), &mut len) };
    value
}

pub(crate) fn is_unix(fd: c_int) -> bool {
    socket_option(fd, libc::SO_DOMAIN) == libc::AF_UNIX
}

pub(crate) fn status_flags(fd: c_int) -> c_int {
    // SAFETY: F_GETFL takes no argument.
    unsafe { libc::fcntl(fd, libc::F_GETFL) }
}
