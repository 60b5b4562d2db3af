//! The system calls that programs make by their numbers, where the C library has a function that does the same.

use super::*;
use crate::real;
use libc::{c_long, c_void};

/// How openat2(2) is told what openat(2) is: `struct open_how`.
#[repr(C)]
struct How {
    flags: u64,
    mode: u64,
    resolve: u64,
}

/// Makes one of the file calls. `None` if the number is none of theirs.
///
/// # Safety
///
/// Those of the system call `number`.
pub(super) unsafe fn call_on_files(number: c_long, [a, b, c, d, e, f]: [usize; 6]) -> Option<isize> {
    let (path, second) = (b as *const c_void, d as *const c_void);
    // SAFETY: the caller's promise. Each function asks for what the call of its name does.
    let result = unsafe {
        match number {
            libc::SYS_copy_file_range => {
                return Some(copy_file_range(
                    a as i32,
                    b as *mut c_void,
                    c as i32,
                    d as *mut c_void,
                    e,
                    f as u32,
                ));
            }
            libc::SYS_faccessat => faccessat(a as i32, path, c as i32, 0),
            libc::SYS_faccessat2 => faccessat(a as i32, path, c as i32, d as i32),
            libc::SYS_fallocate => fallocate(a as i32, b as i32, c as i64, d as i64),
            libc::SYS_fdatasync => fdatasync(a as i32),
            libc::SYS_flock => flock(a as i32, b as i32),
            libc::SYS_fsync => fsync(a as i32),
            libc::SYS_ftruncate => ftruncate(a as i32, b as i64),
            libc::SYS_linkat => linkat(a as i32, path, c as i32, second, e as i32),
            libc::SYS_lseek => return Some(lseek(a as i32, b as i64, c as i32) as isize),
            libc::SYS_mkdirat => mkdirat(a as i32, path, c as u32),
            libc::SYS_openat => openat(a as i32, path, c as i32, d as u32),
            libc::SYS_openat2 => return open_as_told(a as i32, path, c as *const How, d),
            libc::SYS_pread64 => return Some(pread(a as i32, b as *mut c_void, c, d as i64)),
            libc::SYS_pwrite64 => return Some(pwrite(a as i32, path, c, d as i64)),
            libc::SYS_renameat2 => renameat2(a as i32, path, c as i32, second, e as u32),
            libc::SYS_sendfile => return Some(sendfile(a as i32, b as i32, c as *mut c_void, d)),
            libc::SYS_statx => statx(a as i32, path, c as i32, d as u32, e as *mut c_void),
            libc::SYS_sync_file_range => sync_file_range(a as i32, b as i64, c as i64, d as u32),
            libc::SYS_unlinkat => unlinkat(a as i32, path, c as i32),
            _ => return None,
        }
    };
    Some(result as isize)
}

/// openat2(2). What restricts the resolution is not simulated: programs have to expect ENOSYS from older kernels.
///
/// # Safety
///
/// Those of openat2(2).
unsafe fn open_as_told(base: i32, path: *const c_void, how: *const How, size: usize) -> Option<isize> {
    in_program(|_| ())?;
    if size < size_of::<How>() {
        return Some(real::fail::<i32>(libc::EINVAL) as isize);
    }
    // SAFETY: the caller's promise: it has this size.
    let how = unsafe { &*how };
    if how.resolve != 0 {
        return Some(real::fail::<i32>(libc::ENOSYS) as isize);
    }
    // SAFETY: the caller's promise.
    Some(unsafe { openat(base, path, how.flags as i32, how.mode as u32) } as isize)
}
