//! The C library's own functions, which those of `calls` stand in front of.

use libc::{c_char, c_int, c_long, c_void};
use std::ffi::CStr;
use std::mem;
use std::sync::atomic::{AtomicPtr, Ordering};

type Syscall = unsafe extern "C" fn(c_long, ...) -> c_long;

/// Finds the function that would be called without this crate: dlsym(3), `RTLD_NEXT`. `place` keeps the answer.
pub(crate) fn next(place: &AtomicPtr<c_void>, name: &CStr) -> *mut c_void {
    // Relaxed: every thread finds the same address.
    let known = place.load(Ordering::Relaxed);
    if !known.is_null() {
        return known;
    }
    // SAFETY: the name ends with a zero.
    let found = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
    assert!(!found.is_null(), "this program has no C library that is linked dynamically, and so no {name:?}");
    place.store(found, Ordering::Relaxed);
    found
}

/// Makes a system call.
///
/// # Safety
///
/// Those of the system call `number`.
pub(crate) unsafe fn call(number: c_long, arguments: [c_long; 6]) -> c_long {
    static NEXT: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
    let found = next(&NEXT, c"syscall");
    // SAFETY: it is the address of that function.
    let syscall = unsafe { mem::transmute::<*mut c_void, Syscall>(found) };
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: the caller's promise. The kernel takes as many arguments as the call has.
    unsafe { syscall(number, a, b, c, d, e, f) }
}

/// Sets errno, and returns what a call that fails returns.
pub(crate) fn fail<T: From<i8>>(errno: c_int) -> T {
    // SAFETY: it is this thread's.
    unsafe { *libc::__errno_location() = errno };
    T::from(-1)
}

/// Declares functions that call the C library's function of the same name.
macro_rules! real {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {$(
        /// # Safety
        ///
        /// Those of the C function.
        pub(crate) unsafe fn $name($($argument: $type),*) -> $result {
            static NEXT: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
            const NAME: &CStr = match CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => unreachable!(),
            };
            let found = next(&NEXT, NAME);
            // SAFETY: it is the address of that function.
            let f = unsafe { mem::transmute::<*mut c_void, unsafe extern "C" fn($($type),*) -> $result>(found) };
            // SAFETY: the caller's promise.
            unsafe { f($($argument),*) }
        }
    )*};
}
pub(crate) use real;

real! {
    closedir(dir: *mut libc::DIR) -> c_int;
    dirfd(dir: *mut libc::DIR) -> c_int;
    fchmodat(base: c_int, path: *const c_char, mode: u32, flags: c_int) -> c_int;
    fdopendir(fd: c_int) -> *mut libc::DIR;
    fstatvfs(fd: c_int, to: *mut libc::statvfs) -> c_int;
    getcwd(to: *mut c_char, room: usize) -> *mut c_char;
    posix_fadvise(fd: c_int, offset: i64, len: i64, advice: c_int) -> c_int;
    posix_fallocate(fd: c_int, offset: i64, len: i64) -> c_int;
    readdir64(dir: *mut libc::DIR) -> *mut libc::dirent64;
    realpath(path: *const c_char, to: *mut c_char) -> *mut c_char;
    rewinddir(dir: *mut libc::DIR) -> ();
    statvfs(path: *const c_char, to: *mut libc::statvfs) -> c_int;
    clock_gettime(clock: c_int, to: *mut libc::timespec) -> c_int;
    nanosleep(time: *const libc::timespec, left: *mut libc::timespec) -> c_int;
    poll(list: *mut libc::pollfd, count: libc::nfds_t, milliseconds: c_int) -> c_int;
    pthread_create(to: *mut libc::pthread_t, attributes: *const libc::pthread_attr_t,
        f: *mut c_void, argument: *mut c_void) -> c_int;
}
