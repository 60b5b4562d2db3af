//! Calls on paths: open(2), and those that change what names mean.
//!
//! A path on a simulated host means what it means on the host's disk. The exceptions are those by which a program looks
//! at itself, to print a backtrace: see [`is_the_program`].

use super::{in_program, simulate, simulate_on};
use crate::Errno;
use crate::disk::Times;
use crate::kernel::Kernel;
use crate::kernel::descriptors::{BASE, Fd};
use crate::kernel::files::Path;
use crate::real;
use libc::{AT_FDCWD, c_char, c_long, c_void};
use std::ffi::CStr;
use std::sync::OnceLock;

/// Whether a path leads to the running program: its file, its debugging information, or what is mapped into its memory.
/// std reads these for a backtrace and keeps what it has found, so a simulation could not even repeat these calls.
fn is_the_program(path: &[u8]) -> bool {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    let file = FILE.get_or_init(|| {
        let mut room = vec![0_u8; 4_096];
        let name = c"/proc/self/exe";
        let arguments = [
            AT_FDCWD.into(),
            name.as_ptr() as c_long,
            room.as_mut_ptr() as c_long,
            room.len() as c_long,
            0,
            0,
        ];
        // SAFETY: the name is a string, and there is room for as many bytes as it is told.
        let len = unsafe { real::call(libc::SYS_readlinkat, arguments) };
        room.truncate(usize::try_from(len).unwrap_or(0));
        room
    });
    matches!(path, b"/proc/self/exe" | b"/proc/self/maps" | b"/usr/lib/debug")
        || path.starts_with(b"/usr/lib/debug/")
        || !file.is_empty() && path.starts_with(file)
}

/// Whether this is what std opens for a child process. Those of a test that is alone are real.
fn is_for_children(path: &[u8]) -> bool {
    path == b"/dev/null" && in_program(|kernel| kernel.is_alone) == Some(true)
}

/// Whether a call on this path is a simulated program's, and then whether it is one on a simulated directory.
fn whose(base: Fd, path: &[u8]) -> Option<Option<Fd>> {
    match path.starts_with(b"/") {
        true if is_the_program(path) || is_for_children(path) => None,
        true => Some(None),
        false if base >= BASE => Some(Some(base)),
        false => (base == AT_FDCWD).then_some(None),
    }
}

/// Makes a simulated call on a path. `None` if it is for the real kernel.
///
/// # Safety
///
/// `path` is null or a string.
pub(super) unsafe fn on_path(
    call: &str,
    base: Fd,
    path: *const c_void,
    mut f: impl FnMut(&mut Kernel, Path<'_>) -> Result<i64, Errno>,
) -> Option<i64> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { text(path) }?;
    let f = |kernel: &mut Kernel| f(kernel, Path { base, bytes });
    match whose(base, bytes)? {
        Some(base) => simulate_on(call, base, f),
        None => simulate(call, f),
    }
}

/// Like [`on_path`], for two paths.
///
/// # Safety
///
/// Both are null or strings.
unsafe fn on_paths(
    call: &str,
    from: (Fd, *const c_void),
    to: (Fd, *const c_void),
    f: impl FnOnce(&mut Kernel, Path<'_>, Path<'_>) -> Result<i64, Errno> + Copy,
) -> Option<i64> {
    // SAFETY: the caller's promise.
    let old = Path { base: from.0, bytes: unsafe { text(from.1) }? };
    whose(old.base, old.bytes)?;
    // SAFETY: the caller's promise.
    unsafe { on_path(call, to.0, to.1, |kernel, new| f(kernel, old, new)) }
}

/// # Safety
///
/// It is null or a string, which stays as long as the result is used.
pub(super) unsafe fn text<'a>(string: *const c_void) -> Option<&'a [u8]> {
    if string.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    Some(unsafe { CStr::from_ptr(string.cast::<c_char>()) }.to_bytes())
}

/// Makes the system call if the answer is not the simulation's.
///
/// # Safety
///
/// Those of the system call `number`.
pub(super) unsafe fn or_call(answer: Option<i64>, number: c_long, arguments: [c_long; 6]) -> i64 {
    // SAFETY: the caller's promise.
    answer.unwrap_or_else(|| unsafe { real::call(number, arguments) })
}

fn done(result: Result<(), Errno>) -> Result<i64, Errno> {
    result.map(|()| 0)
}

/// # Safety
///
/// Those of openat(2). `mode` need not be given if nothing is created.
pub unsafe fn openat(base: i32, path: *const c_void, flags: i32, mode: u32) -> i32 {
    // SAFETY: the caller's promise, here and below.
    let answer = unsafe {
        on_path("openat", base, path, |kernel, path| kernel.open_path(path, flags, mode).map(i64::from))
    };
    let arguments = [base.into(), path as c_long, flags.into(), mode.into(), 0, 0];
    // SAFETY: as above.
    unsafe { or_call(answer, libc::SYS_openat, arguments) as i32 }
}

/// # Safety
///
/// Those of openat(2).
pub unsafe fn openat64(base: i32, path: *const c_void, flags: i32, mode: u32) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { openat(base, path, flags, mode) }
}

/// # Safety
///
/// Those of open(2).
pub unsafe fn open(path: *const c_void, flags: i32, mode: u32) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { openat(AT_FDCWD, path, flags, mode) }
}

/// # Safety
///
/// Those of open(2).
pub unsafe fn open64(path: *const c_void, flags: i32, mode: u32) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { openat(AT_FDCWD, path, flags, mode) }
}

/// # Safety
///
/// Those of creat(2).
pub unsafe fn creat(path: *const c_void, mode: u32) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { openat(AT_FDCWD, path, libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC, mode) }
}

/// # Safety
///
/// Those of creat(2).
pub unsafe fn creat64(path: *const c_void, mode: u32) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { creat(path, mode) }
}

/// # Safety
///
/// Those of mkdirat(2).
pub unsafe fn mkdirat(base: i32, path: *const c_void, mode: u32) -> i32 {
    // SAFETY: the caller's promise, here and below.
    let answer =
        unsafe { on_path("mkdirat", base, path, |kernel, path| done(kernel.make_directory(path, mode))) };
    // SAFETY: as above.
    unsafe { or_call(answer, libc::SYS_mkdirat, [base.into(), path as c_long, mode.into(), 0, 0, 0]) as i32 }
}

/// # Safety
///
/// Those of mkdir(2).
pub unsafe fn mkdir(path: *const c_void, mode: u32) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { mkdirat(AT_FDCWD, path, mode) }
}

/// # Safety
///
/// Those of mknodat(2).
pub unsafe fn mknodat(base: i32, path: *const c_void, mode: u32, device: u64) -> i32 {
    // SAFETY: the caller's promise, here and below.
    let answer = unsafe { on_path("mknodat", base, path, |kernel, path| done(kernel.make_node(path, mode))) };
    let arguments = [base.into(), path as c_long, mode.into(), device as c_long, 0, 0];
    // SAFETY: as above.
    unsafe { or_call(answer, libc::SYS_mknodat, arguments) as i32 }
}

/// # Safety
///
/// Those of mknod(2).
pub unsafe fn mknod(path: *const c_void, mode: u32, device: u64) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { mknodat(AT_FDCWD, path, mode, device) }
}

/// # Safety
///
/// Those of mkfifo(3).
pub unsafe fn mkfifo(path: *const c_void, mode: u32) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { mknodat(AT_FDCWD, path, mode & 0o7777 | libc::S_IFIFO, 0) }
}

/// # Safety
///
/// Those of unlinkat(2).
pub unsafe fn unlinkat(base: i32, path: *const c_void, flags: i32) -> i32 {
    // SAFETY: the caller's promise, here and below.
    let answer = unsafe {
        on_path("unlinkat", base, path, |kernel, path| match flags {
            0 | libc::AT_REMOVEDIR => done(kernel.remove(path, flags != 0)),
            _ => Err(libc::EINVAL),
        })
    };
    // SAFETY: as above.
    unsafe {
        or_call(answer, libc::SYS_unlinkat, [base.into(), path as c_long, flags.into(), 0, 0, 0]) as i32
    }
}

/// # Safety
///
/// Those of unlink(2).
pub unsafe fn unlink(path: *const c_void) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { unlinkat(AT_FDCWD, path, 0) }
}

/// # Safety
///
/// Those of rmdir(2).
pub unsafe fn rmdir(path: *const c_void) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { unlinkat(AT_FDCWD, path, libc::AT_REMOVEDIR) }
}

/// # Safety
///
/// Those of renameat2(2).
pub unsafe fn renameat2(
    from_base: i32,
    from: *const c_void,
    to_base: i32,
    to: *const c_void,
    flags: u32,
) -> i32 {
    // SAFETY: the caller's promise, here and below.
    let answer = unsafe {
        on_paths("renameat2", (from_base, from), (to_base, to), |kernel, from, to| {
            done(kernel.rename(from, to, flags))
        })
    };
    let arguments = [from_base.into(), from as c_long, to_base.into(), to as c_long, flags.into(), 0];
    // SAFETY: as above.
    unsafe { or_call(answer, libc::SYS_renameat2, arguments) as i32 }
}

/// # Safety
///
/// Those of renameat(2).
pub unsafe fn renameat(from_base: i32, from: *const c_void, to_base: i32, to: *const c_void) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { renameat2(from_base, from, to_base, to, 0) }
}

/// # Safety
///
/// Those of rename(2).
pub unsafe fn rename(from: *const c_void, to: *const c_void) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { renameat2(AT_FDCWD, from, AT_FDCWD, to, 0) }
}

/// # Safety
///
/// Those of linkat(2).
pub unsafe fn linkat(
    from_base: i32,
    from: *const c_void,
    to_base: i32,
    to: *const c_void,
    flags: i32,
) -> i32 {
    let (follow, empty) = (flags & libc::AT_SYMLINK_FOLLOW != 0, flags & libc::AT_EMPTY_PATH != 0);
    // SAFETY: the caller's promise, here and below.
    let answer = unsafe {
        on_paths("linkat", (from_base, from), (to_base, to), |kernel, from, to| {
            done(kernel.link(from, to, follow, empty))
        })
    };
    let arguments = [from_base.into(), from as c_long, to_base.into(), to as c_long, flags.into(), 0];
    // SAFETY: as above.
    unsafe { or_call(answer, libc::SYS_linkat, arguments) as i32 }
}

/// # Safety
///
/// Those of link(2).
pub unsafe fn link(from: *const c_void, to: *const c_void) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { linkat(AT_FDCWD, from, AT_FDCWD, to, 0) }
}

/// # Safety
///
/// Those of symlinkat(2).
pub unsafe fn symlinkat(target: *const c_void, base: i32, path: *const c_void) -> i32 {
    // SAFETY: the caller's promise, here and below.
    let answer = unsafe { text(target) }.and_then(|target| {
        // SAFETY: as above.
        unsafe { on_path("symlinkat", base, path, |kernel, path| done(kernel.symlink(target, path))) }
    });
    // SAFETY: as above.
    unsafe {
        or_call(answer, libc::SYS_symlinkat, [target as c_long, base.into(), path as c_long, 0, 0, 0]) as i32
    }
}

/// # Safety
///
/// Those of symlink(2).
pub unsafe fn symlink(target: *const c_void, path: *const c_void) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { symlinkat(target, AT_FDCWD, path) }
}

/// # Safety
///
/// Those of readlinkat(2).
pub unsafe fn readlinkat(base: i32, path: *const c_void, to: *mut c_void, len: usize) -> isize {
    // SAFETY: the caller's promise, here and below.
    let answer = unsafe {
        on_path("readlinkat", base, path, |kernel, path| {
            let target = kernel.read_link(path)?;
            if len == 0 {
                return Err(libc::EINVAL);
            }
            let count = target.len().min(len);
            super::descriptors::bytes_mut(to, count).copy_from_slice(&target[..count]);
            Ok(count as i64)
        })
    };
    let arguments = [base.into(), path as c_long, to as c_long, len as c_long, 0, 0];
    // SAFETY: as above.
    unsafe { or_call(answer, libc::SYS_readlinkat, arguments) as isize }
}

/// # Safety
///
/// Those of readlink(2).
pub unsafe fn readlink(path: *const c_void, to: *mut c_void, len: usize) -> isize {
    // SAFETY: the caller's promise.
    unsafe { readlinkat(AT_FDCWD, path, to, len) }
}

/// # Safety
///
/// Those of truncate(2).
pub unsafe fn truncate(path: *const c_void, len: i64) -> i32 {
    // SAFETY: the caller's promise, here and below.
    let answer =
        unsafe { on_path("truncate", AT_FDCWD, path, |kernel, path| done(kernel.truncate_path(path, len))) };
    // SAFETY: as above.
    unsafe { or_call(answer, libc::SYS_truncate, [path as c_long, len as c_long, 0, 0, 0, 0]) as i32 }
}

/// # Safety
///
/// Those of truncate(2).
pub unsafe fn truncate64(path: *const c_void, len: i64) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { truncate(path, len) }
}

/// # Safety
///
/// Those of faccessat(2).
pub unsafe fn faccessat(base: i32, path: *const c_void, mode: i32, flags: i32) -> i32 {
    let follow = flags & libc::AT_SYMLINK_NOFOLLOW == 0;
    // SAFETY: the caller's promise, here and below.
    let answer =
        unsafe { on_path("faccessat", base, path, |kernel, path| done(kernel.access(path, follow, mode))) };
    // The older call has no flags, and an older kernel not the newer call.
    let number = if flags == 0 { libc::SYS_faccessat } else { libc::SYS_faccessat2 };
    // SAFETY: as above.
    unsafe { or_call(answer, number, [base.into(), path as c_long, mode.into(), flags.into(), 0, 0]) as i32 }
}

/// # Safety
///
/// Those of access(2).
pub unsafe fn access(path: *const c_void, mode: i32) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { faccessat(AT_FDCWD, path, mode, 0) }
}

/// # Safety
///
/// Those of fchmodat(2).
pub unsafe fn fchmodat(base: i32, path: *const c_void, mode: u32, flags: i32) -> i32 {
    let follow = flags & libc::AT_SYMLINK_NOFOLLOW == 0;
    // SAFETY: the caller's promise, here and below.
    let answer = unsafe {
        on_path("fchmodat", base, path, |kernel, path| done(kernel.change_mode(path, follow, mode)))
    };
    match answer {
        Some(answer) => answer as i32,
        // SAFETY: as above. The C library's function also works where the kernel does not know the flags.
        None => unsafe { real::fchmodat(base, path.cast(), mode, flags) },
    }
}

/// # Safety
///
/// Those of chmod(2).
pub unsafe fn chmod(path: *const c_void, mode: u32) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { fchmodat(AT_FDCWD, path, mode, 0) }
}

/// Accepts any owner, since a simulated host has one user.
///
/// # Safety
///
/// Those of fchownat(2).
pub unsafe fn fchownat(base: i32, path: *const c_void, user: u32, group: u32, flags: i32) -> i32 {
    let (follow, empty) = (flags & libc::AT_SYMLINK_NOFOLLOW == 0, flags & libc::AT_EMPTY_PATH != 0);
    // SAFETY: the caller's promise, here and below.
    let answer = unsafe {
        on_path("fchownat", base, path, |kernel, path| kernel.stat_path(path, follow, empty).map(|_| 0))
    };
    let arguments = [base.into(), path as c_long, user.into(), group.into(), flags.into(), 0];
    // SAFETY: as above.
    unsafe { or_call(answer, libc::SYS_fchownat, arguments) as i32 }
}

/// # Safety
///
/// Those of chown(2).
pub unsafe fn chown(path: *const c_void, user: u32, group: u32) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { fchownat(AT_FDCWD, path, user, group, 0) }
}

/// # Safety
///
/// Those of lchown(2).
pub unsafe fn lchown(path: *const c_void, user: u32, group: u32) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { fchownat(AT_FDCWD, path, user, group, libc::AT_SYMLINK_NOFOLLOW) }
}

/// # Safety
///
/// Those of utimensat(2).
pub unsafe fn utimensat(base: i32, path: *const c_void, times: *const c_void, flags: i32) -> i32 {
    if path.is_null() && base >= BASE {
        // SAFETY: the caller's promise.
        return unsafe { super::files::futimens(base, times) };
    }
    let follow = flags & libc::AT_SYMLINK_NOFOLLOW == 0;
    // SAFETY: the caller's promise, here and below.
    let answer = unsafe {
        on_path("utimensat", base, path, |kernel, path| {
            let times = times_of(kernel, times.cast())?;
            done(kernel.set_times(path, follow, times))
        })
    };
    let arguments = [base.into(), path as c_long, times as c_long, flags.into(), 0, 0];
    // SAFETY: as above.
    unsafe { or_call(answer, libc::SYS_utimensat, arguments) as i32 }
}

/// Reads the two times of utimensat(2). Null means now, for both.
///
/// # Safety
///
/// `times` is null, or there are two.
pub(super) unsafe fn times_of(kernel: &mut Kernel, times: *const libc::timespec) -> Result<Times, Errno> {
    let (_, now) = kernel.files()?;
    if times.is_null() {
        return Ok(Times { atime: Some(now), mtime: Some(now) });
    }
    let read = |time: libc::timespec| match time.tv_nsec {
        libc::UTIME_NOW => Ok(Some(now)),
        libc::UTIME_OMIT => Ok(None),
        nanos @ 0..1_000_000_000 => {
            Ok(Some(time.tv_sec.saturating_mul(1_000_000_000).saturating_add(nanos) as u64))
        }
        _ => Err(libc::EINVAL),
    };
    // SAFETY: the caller's promise.
    let [atime, mtime] = unsafe { [*times, *times.add(1)] };
    Ok(Times { atime: read(atime)?, mtime: read(mtime)? })
}

/// # Safety
///
/// None: it takes no pointers.
pub unsafe fn umask(mask: u32) -> u32 {
    let answer = simulate("umask", |kernel| kernel.set_umask(mask).map(i64::from));
    // SAFETY: it takes no pointers.
    unsafe { or_call(answer, libc::SYS_umask, [mask.into(), 0, 0, 0, 0, 0]) as u32 }
}
