//! Calls on descriptors of files.

use super::descriptors::{bytes, bytes_mut, gather, parts_mut, scatter, write_any};
use super::paths::{or_call, times_of};
use super::{simulate, simulate_on};
use crate::Errno;
use crate::kernel::Kernel;
use crate::kernel::descriptors::{BASE, Fd};
use crate::kernel::files::Sync;
use crate::real;
use libc::{c_long, c_void};

/// How much sendfile(2) moves at once. A caller has to expect less than it asked for.
const SENT_AT_ONCE: usize = 64 << 10;

fn done(result: Result<(), Errno>) -> Result<i64, Errno> {
    result.map(|()| 0)
}

fn position(offset: i64) -> Result<u64, Errno> {
    u64::try_from(offset).map_err(|_| libc::EINVAL)
}

/// How durable a write of pwritev2(2) is.
pub(super) fn sync_of(flags: i32) -> Sync {
    if flags & libc::RWF_SYNC != 0 {
        Sync::All
    } else if flags & libc::RWF_DSYNC != 0 {
        Sync::Data
    } else {
        Sync::No
    }
}

/// # Safety
///
/// None: it takes no pointers.
pub unsafe fn lseek(fd: i32, offset: i64, whence: i32) -> i64 {
    let answer = simulate_on("lseek", fd, |kernel| kernel.seek_file(fd, offset, whence));
    // SAFETY: it takes no pointers.
    unsafe { or_call(answer, libc::SYS_lseek, [fd.into(), offset as c_long, whence.into(), 0, 0, 0]) }
}

/// # Safety
///
/// None: it takes no pointers.
pub unsafe fn lseek64(fd: i32, offset: i64, whence: i32) -> i64 {
    // SAFETY: it takes no pointers.
    unsafe { lseek(fd, offset, whence) }
}

/// # Safety
///
/// Those of pread(2).
pub unsafe fn pread(fd: i32, to: *mut c_void, len: usize, offset: i64) -> isize {
    let answer = simulate_on("pread", fd, |kernel| {
        // SAFETY: the caller's promise.
        kernel.read_file(fd, unsafe { bytes_mut(to, len) }, Some(position(offset)?))
    });
    let arguments = [fd.into(), to as c_long, len as c_long, offset as c_long, 0, 0];
    // SAFETY: the caller's promise.
    unsafe { or_call(answer, libc::SYS_pread64, arguments) as isize }
}

/// # Safety
///
/// Those of pread(2).
pub unsafe fn pread64(fd: i32, to: *mut c_void, len: usize, offset: i64) -> isize {
    // SAFETY: the caller's promise.
    unsafe { pread(fd, to, len, offset) }
}

/// # Safety
///
/// Those of pwrite(2).
pub unsafe fn pwrite(fd: i32, from: *const c_void, len: usize, offset: i64) -> isize {
    let answer = simulate_on("pwrite", fd, |kernel| {
        // SAFETY: the caller's promise.
        kernel.write_file(fd, unsafe { bytes(from, len) }, Some(position(offset)?), Sync::No)
    });
    let arguments = [fd.into(), from as c_long, len as c_long, offset as c_long, 0, 0];
    // SAFETY: the caller's promise.
    unsafe { or_call(answer, libc::SYS_pwrite64, arguments) as isize }
}

/// # Safety
///
/// Those of pwrite(2).
pub unsafe fn pwrite64(fd: i32, from: *const c_void, len: usize, offset: i64) -> isize {
    // SAFETY: the caller's promise.
    unsafe { pwrite(fd, from, len, offset) }
}

/// Reads at a position into several buffers.
///
/// # Safety
///
/// Those of preadv(2).
pub(super) unsafe fn read_parts_at(fd: Fd, parts: *const c_void, count: i32, offset: i64) -> Option<i64> {
    simulate_on("preadv", fd, |kernel| {
        let count = usize::try_from(count).map_err(|_| libc::EINVAL)?;
        // SAFETY: the caller's promise.
        let mut parts = unsafe { parts_mut(parts.cast(), count) };
        let mut gathered = vec![0; parts.iter().map(|part| part.len()).sum()];
        let count = kernel.read_file(fd, &mut gathered, Some(position(offset)?))?;
        scatter(&gathered[..count as usize], &mut parts);
        Ok(count)
    })
}

/// Writes several buffers, at a position or at the file's own.
///
/// # Safety
///
/// Those of pwritev(2).
pub(super) unsafe fn write_parts_at(
    fd: Fd,
    parts: *const c_void,
    count: i32,
    offset: Option<i64>,
    sync: Sync,
) -> Option<i64> {
    simulate_on("pwritev", fd, |kernel| {
        let count = usize::try_from(count).map_err(|_| libc::EINVAL)?;
        // SAFETY: the caller's promise.
        let bytes = unsafe { gather(parts.cast(), count) };
        kernel.write_file(fd, &bytes, offset.map(position).transpose()?, sync)
    })
}

/// # Safety
///
/// Those of preadv(2).
pub unsafe fn preadv(fd: i32, parts: *const c_void, count: i32, offset: i64) -> isize {
    // SAFETY: the caller's promise, here and below.
    let answer = unsafe { read_parts_at(fd, parts, count, offset) };
    let arguments = [fd.into(), parts as c_long, count.into(), offset as c_long, 0, 0];
    // SAFETY: as above.
    unsafe { or_call(answer, libc::SYS_preadv, arguments) as isize }
}

/// # Safety
///
/// Those of preadv(2).
pub unsafe fn preadv64(fd: i32, parts: *const c_void, count: i32, offset: i64) -> isize {
    // SAFETY: the caller's promise.
    unsafe { preadv(fd, parts, count, offset) }
}

/// # Safety
///
/// Those of preadv2(2).
pub unsafe fn preadv64v2(fd: i32, parts: *const c_void, count: i32, offset: i64, flags: i32) -> isize {
    // SAFETY: the caller's promise.
    unsafe { super::descriptors::preadv2(fd, parts, count, offset, flags) }
}

/// # Safety
///
/// Those of pwritev(2).
pub unsafe fn pwritev(fd: i32, parts: *const c_void, count: i32, offset: i64) -> isize {
    // SAFETY: the caller's promise, here and below.
    let answer = unsafe { write_parts_at(fd, parts, count, Some(offset), Sync::No) };
    let arguments = [fd.into(), parts as c_long, count.into(), offset as c_long, 0, 0];
    // SAFETY: as above.
    unsafe { or_call(answer, libc::SYS_pwritev, arguments) as isize }
}

/// # Safety
///
/// Those of pwritev(2).
pub unsafe fn pwritev64(fd: i32, parts: *const c_void, count: i32, offset: i64) -> isize {
    // SAFETY: the caller's promise.
    unsafe { pwritev(fd, parts, count, offset) }
}

/// # Safety
///
/// Those of pwritev2(2).
pub unsafe fn pwritev64v2(fd: i32, parts: *const c_void, count: i32, offset: i64, flags: i32) -> isize {
    // SAFETY: the caller's promise.
    unsafe { super::descriptors::pwritev2(fd, parts, count, offset, flags) }
}

/// # Safety
///
/// None: it takes no pointers.
pub unsafe fn fsync(fd: i32) -> i32 {
    let answer = simulate_on("fsync", fd, |kernel| done(kernel.sync_file(fd, false)));
    // SAFETY: it takes no pointers.
    unsafe { or_call(answer, libc::SYS_fsync, [fd.into(), 0, 0, 0, 0, 0]) as i32 }
}

/// # Safety
///
/// None: it takes no pointers.
pub unsafe fn fdatasync(fd: i32) -> i32 {
    let answer = simulate_on("fdatasync", fd, |kernel| done(kernel.sync_file(fd, true)));
    // SAFETY: it takes no pointers.
    unsafe { or_call(answer, libc::SYS_fdatasync, [fd.into(), 0, 0, 0, 0, 0]) as i32 }
}

/// Starts writing back, and promises nothing: sync_file_range(2) neither flushes the disk's own cache nor writes the
/// file's size.
///
/// # Safety
///
/// None: it takes no pointers.
pub unsafe fn sync_file_range(fd: i32, offset: i64, len: i64, flags: u32) -> i32 {
    let answer = simulate_on("sync_file_range", fd, |kernel| kernel.stat_file(fd).map(|_| 0));
    let arguments = [fd.into(), offset as c_long, len as c_long, flags.into(), 0, 0];
    // SAFETY: it takes no pointers.
    unsafe { or_call(answer, libc::SYS_sync_file_range, arguments) as i32 }
}

/// # Safety
///
/// None: it takes no pointers.
pub unsafe fn syncfs(fd: i32) -> i32 {
    let answer = simulate_on("syncfs", fd, |kernel| {
        kernel.stat_file(fd)?;
        done(kernel.sync_disk())
    });
    // SAFETY: it takes no pointers.
    unsafe { or_call(answer, libc::SYS_syncfs, [fd.into(), 0, 0, 0, 0, 0]) as i32 }
}

/// # Safety
///
/// None: it takes no pointers.
pub unsafe fn sync() {
    // sync(2) cannot fail.
    let answer = simulate("sync", |kernel| Ok(i64::from(kernel.sync_disk().is_err())));
    // SAFETY: it takes no pointers.
    unsafe { or_call(answer, libc::SYS_sync, [0; 6]) };
}

/// # Safety
///
/// None: it takes no pointers.
pub unsafe fn ftruncate(fd: i32, len: i64) -> i32 {
    let answer = simulate_on("ftruncate", fd, |kernel| done(kernel.truncate_file(fd, len)));
    // SAFETY: it takes no pointers.
    unsafe { or_call(answer, libc::SYS_ftruncate, [fd.into(), len as c_long, 0, 0, 0, 0]) as i32 }
}

/// # Safety
///
/// None: it takes no pointers.
pub unsafe fn ftruncate64(fd: i32, len: i64) -> i32 {
    // SAFETY: it takes no pointers.
    unsafe { ftruncate(fd, len) }
}

/// # Safety
///
/// None: it takes no pointers.
pub unsafe fn fallocate(fd: i32, mode: i32, offset: i64, len: i64) -> i32 {
    let answer = simulate_on("fallocate", fd, |kernel| done(kernel.reserve_file(fd, mode, offset, len)));
    let arguments = [fd.into(), mode.into(), offset as c_long, len as c_long, 0, 0];
    // SAFETY: it takes no pointers.
    unsafe { or_call(answer, libc::SYS_fallocate, arguments) as i32 }
}

/// # Safety
///
/// None: it takes no pointers.
pub unsafe fn fallocate64(fd: i32, mode: i32, offset: i64, len: i64) -> i32 {
    // SAFETY: it takes no pointers.
    unsafe { fallocate(fd, mode, offset, len) }
}

/// Unlike fallocate(2), it returns the error.
///
/// # Safety
///
/// None: it takes no pointers.
pub unsafe fn posix_fallocate(fd: i32, offset: i64, len: i64) -> i32 {
    if fd < BASE {
        // SAFETY: it takes no pointers.
        return unsafe { real::posix_fallocate(fd, offset, len) };
    }
    // SAFETY: it takes no pointers.
    let result = unsafe { fallocate(fd, 0, offset, len) };
    if result == 0 { 0 } else { std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL) }
}

/// # Safety
///
/// None: it takes no pointers.
pub unsafe fn posix_fallocate64(fd: i32, offset: i64, len: i64) -> i32 {
    // SAFETY: it takes no pointers.
    unsafe { posix_fallocate(fd, offset, len) }
}

/// # Safety
///
/// None: it takes no pointers.
pub unsafe fn posix_fadvise(fd: i32, offset: i64, len: i64, advice: i32) -> i32 {
    if fd < BASE {
        // SAFETY: it takes no pointers.
        return unsafe { real::posix_fadvise(fd, offset, len, advice) };
    }
    let known = simulate_on("posix_fadvise", fd, |kernel| kernel.stat_file(fd).map(|_| 0));
    if known == Some(0) { 0 } else { libc::EBADF }
}

/// # Safety
///
/// None: it takes no pointers.
pub unsafe fn posix_fadvise64(fd: i32, offset: i64, len: i64, advice: i32) -> i32 {
    // SAFETY: it takes no pointers.
    unsafe { posix_fadvise(fd, offset, len, advice) }
}

/// # Safety
///
/// None: it takes no pointers.
pub unsafe fn fchmod(fd: i32, mode: u32) -> i32 {
    let answer = simulate_on("fchmod", fd, |kernel| done(kernel.change_mode_of_file(fd, mode)));
    // SAFETY: it takes no pointers.
    unsafe { or_call(answer, libc::SYS_fchmod, [fd.into(), mode.into(), 0, 0, 0, 0]) as i32 }
}

/// # Safety
///
/// None: it takes no pointers.
pub unsafe fn fchown(fd: i32, user: u32, group: u32) -> i32 {
    let answer = simulate_on("fchown", fd, |kernel| kernel.stat_file(fd).map(|_| 0));
    // SAFETY: it takes no pointers.
    unsafe { or_call(answer, libc::SYS_fchown, [fd.into(), user.into(), group.into(), 0, 0, 0]) as i32 }
}

/// # Safety
///
/// Those of futimens(3).
pub unsafe fn futimens(fd: i32, times: *const c_void) -> i32 {
    let answer = simulate_on("futimens", fd, |kernel| {
        // SAFETY: the caller's promise.
        let times = unsafe { times_of(kernel, times.cast()) }?;
        done(kernel.set_times_of_file(fd, times))
    });
    // SAFETY: the caller's promise.
    unsafe { or_call(answer, libc::SYS_utimensat, [fd.into(), 0, times as c_long, 0, 0, 0]) as i32 }
}

/// # Safety
///
/// `offset` is null, or nobody else uses it.
unsafe fn offset_of(offset: *mut c_void) -> Result<Option<u64>, Errno> {
    // SAFETY: the caller's promise.
    unsafe { offset.cast::<i64>().as_ref() }.map(|offset| position(*offset)).transpose()
}

/// # Safety
///
/// As for [`offset_of`].
unsafe fn set_offset(offset: *mut c_void, to: Option<u64>) {
    // SAFETY: the caller's promise.
    if let (Some(offset), Some(to)) = (unsafe { offset.cast::<i64>().as_mut() }, to) {
        *offset = to as i64;
    }
}

/// # Safety
///
/// Those of copy_file_range(2).
pub unsafe fn copy_file_range(
    from: i32,
    from_at: *mut c_void,
    to: i32,
    to_at: *mut c_void,
    len: usize,
    flags: u32,
) -> isize {
    let answer = simulate_on("copy_file_range", from.max(to), |kernel| {
        if from < BASE || to < BASE {
            return Err(if from < 0 || to < 0 { libc::EBADF } else { libc::EXDEV });
        }
        if flags != 0 {
            return Err(libc::EINVAL);
        }
        // SAFETY: the caller's promise, here and below.
        let (mut source, mut target) = unsafe { (offset_of(from_at)?, offset_of(to_at)?) };
        let count = kernel.copy_range((from, &mut source), (to, &mut target), len)?;
        // SAFETY: as above.
        unsafe {
            set_offset(from_at, source);
            set_offset(to_at, target);
        }
        Ok(count)
    });
    let arguments = [from.into(), from_at as c_long, to.into(), to_at as c_long, len as c_long, flags.into()];
    // SAFETY: the caller's promise.
    unsafe { or_call(answer, libc::SYS_copy_file_range, arguments) as isize }
}

/// # Safety
///
/// Those of sendfile(2).
pub unsafe fn sendfile(to: i32, from: i32, offset: *mut c_void, len: usize) -> isize {
    let answer = simulate_on("sendfile", from.max(to), |kernel| {
        if from < BASE || to < BASE {
            return Err(if from < 0 || to < 0 { libc::EBADF } else { libc::EINVAL });
        }
        // SAFETY: the caller's promise, here and below.
        let mut at = unsafe { offset_of(offset)? };
        let count = send_file(kernel, to, from, &mut at, len)?;
        // SAFETY: as above.
        unsafe { set_offset(offset, at) };
        Ok(count)
    });
    let arguments = [to.into(), from.into(), offset as c_long, len as c_long, 0, 0];
    // SAFETY: the caller's promise.
    unsafe { or_call(answer, libc::SYS_sendfile, arguments) as isize }
}

/// Reads at `at`, or at the file's position, writes that to `to`, and moves on by what was taken there.
fn send_file(kernel: &mut Kernel, to: Fd, from: Fd, at: &mut Option<u64>, len: usize) -> Result<i64, Errno> {
    kernel.stat_file(from)?;
    let place = match *at {
        Some(at) => at,
        None => kernel.seek_file(from, 0, libc::SEEK_CUR)? as u64,
    };
    let mut room = vec![0; len.min(SENT_AT_ONCE)];
    let count = kernel.read_file(from, &mut room, Some(place))? as usize;
    if count == 0 {
        return Ok(0);
    }
    let count = write_any(kernel, to, &room[..count], 0)?;
    let place = place + count as u64;
    match at {
        Some(at) => *at = place,
        None => drop(kernel.seek_file(from, place as i64, libc::SEEK_SET)?),
    }
    Ok(count)
}

/// # Safety
///
/// Those of sendfile(2).
pub unsafe fn sendfile64(to: i32, from: i32, offset: *mut c_void, len: usize) -> isize {
    // SAFETY: the caller's promise.
    unsafe { sendfile(to, from, offset, len) }
}

/// Maps memory, but no simulated file: programs have to expect ENODEV from file systems that cannot do this.
///
/// # Safety
///
/// Those of mmap(2).
pub unsafe fn mmap(
    at: *mut c_void,
    len: usize,
    protection: i32,
    flags: i32,
    fd: i32,
    offset: i64,
) -> *mut c_void {
    if fd >= BASE && flags & libc::MAP_ANONYMOUS == 0 {
        real::fail::<i32>(libc::ENODEV);
        return libc::MAP_FAILED;
    }
    let arguments =
        [at as c_long, len as c_long, protection.into(), flags.into(), fd.into(), offset as c_long];
    // SAFETY: the caller's promise.
    unsafe { real::call(libc::SYS_mmap, arguments) as *mut c_void }
}

/// # Safety
///
/// Those of mmap(2).
pub unsafe fn mmap64(
    at: *mut c_void,
    len: usize,
    protection: i32,
    flags: i32,
    fd: i32,
    offset: i64,
) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { mmap(at, len, protection, flags, fd, offset) }
}
