//! What files are: stat(2), statx(2) and statvfs(3).

use super::paths::{on_path, or_call};
use super::simulate_on;
use crate::disk::{Space, Stat};
use crate::kernel::Kernel;
use crate::kernel::descriptors::{Fd, Kind};
use crate::kernel::files::Device;
use crate::{Errno, Nanos, real};
use libc::{AT_FDCWD, c_long, c_void};

/// The number of a simulated disk: the first partition of the first one.
const DISK: (u32, u32) = (8, 1);

const BLOCK: i32 = 4_096;

/// The longest name, which statvfs(3) tells.
const LONGEST_NAME: u64 = 255;

/// Ext4's magic number: statfs(2).
const EXT4: i64 = 0xef53;

/// What a path or a descriptor stands for.
type Found = (Stat, Option<Device>);

/// The empty path, with AT_EMPTY_PATH, means the descriptor.
fn find(kernel: &mut Kernel, path: crate::kernel::files::Path<'_>, flags: i32) -> Result<Found, Errno> {
    let empty = flags & libc::AT_EMPTY_PATH != 0;
    if path.bytes.is_empty() && empty && path.base != AT_FDCWD {
        return find_descriptor(kernel, path.base);
    }
    kernel.stat_path(path, flags & libc::AT_SYMLINK_NOFOLLOW == 0, empty)
}

fn find_descriptor(kernel: &mut Kernel, fd: Fd) -> Result<Found, Errno> {
    let mode = match kernel.kind(fd)? {
        Kind::File(_) => return kernel.stat_file(fd),
        Kind::Tcp(_) | Kind::Udp(_) | Kind::Unix(_) => libc::S_IFSOCK | 0o777,
        Kind::Pipe(_) => libc::S_IFIFO | 0o600,
        Kind::Parked(_) | Kind::Bell(_) | Kind::Epoll(_) => 0o600,
    };
    let ino = kernel.description(fd)?.index.into();
    let (uid, gid, size, blocks, times) = (0, 0, 0, 0, 0);
    let [atime, mtime, ctime, btime] = [times; 4];
    Ok((Stat { ino, mode, nlink: 1, uid, gid, size, blocks, atime, mtime, ctime, btime }, None))
}

/// Splits a time into seconds and nanoseconds. One before 1970 is kept as the bits of a negative number.
fn split(time: Nanos) -> (i64, i64) {
    let time = time as i64;
    (time.div_euclid(1_000_000_000), time.rem_euclid(1_000_000_000))
}

fn to_stat(&(stat, device): &Found) -> libc::stat {
    // SAFETY: all zeros is a valid stat.
    let mut to: libc::stat = unsafe { std::mem::zeroed() };
    to.st_dev = libc::makedev(DISK.0, DISK.1);
    to.st_rdev = device.map_or(0, |device| libc::makedev(1, device.minor()));
    (to.st_ino, to.st_mode) = (stat.ino, stat.mode);
    to.st_nlink = stat.nlink.into();
    (to.st_uid, to.st_gid) = (stat.uid, stat.gid);
    to.st_size = stat.size as i64;
    to.st_blksize = BLOCK.into();
    to.st_blocks = stat.blocks as i64;
    (to.st_atime, to.st_atime_nsec) = split(stat.atime);
    (to.st_mtime, to.st_mtime_nsec) = split(stat.mtime);
    (to.st_ctime, to.st_ctime_nsec) = split(stat.ctime);
    to
}

fn to_statx(&(stat, device): &Found) -> libc::statx {
    let time = |time| {
        // SAFETY: all zeros is a valid time.
        let mut to: libc::statx_timestamp = unsafe { std::mem::zeroed() };
        let (seconds, nanos) = split(time);
        (to.tv_sec, to.tv_nsec) = (seconds, nanos as u32);
        to
    };
    // SAFETY: all zeros is a valid statx.
    let mut to: libc::statx = unsafe { std::mem::zeroed() };
    to.stx_mask = libc::STATX_BASIC_STATS | libc::STATX_BTIME;
    to.stx_blksize = BLOCK as u32;
    to.stx_nlink = stat.nlink;
    (to.stx_uid, to.stx_gid) = (stat.uid, stat.gid);
    to.stx_mode = stat.mode as u16;
    to.stx_ino = stat.ino;
    (to.stx_size, to.stx_blocks) = (stat.size, stat.blocks);
    (to.stx_atime, to.stx_btime) = (time(stat.atime), time(stat.btime));
    (to.stx_ctime, to.stx_mtime) = (time(stat.ctime), time(stat.mtime));
    if let Some(device) = device {
        (to.stx_rdev_major, to.stx_rdev_minor) = (1, device.minor());
    }
    (to.stx_dev_major, to.stx_dev_minor) = DISK;
    to
}

/// # Safety
///
/// Those of statx(2).
pub unsafe fn statx(base: i32, path: *const c_void, flags: i32, mask: u32, to: *mut c_void) -> i32 {
    // SAFETY: the caller's promise, here and below.
    let answer = unsafe {
        on_path("statx", base, path, |kernel, path| {
            let found = find(kernel, path, flags)?;
            to.cast::<libc::statx>().write(to_statx(&found));
            Ok(0)
        })
    };
    let arguments = [base.into(), path as c_long, flags.into(), mask.into(), to as c_long, 0];
    // SAFETY: as above.
    unsafe { or_call(answer, libc::SYS_statx, arguments) as i32 }
}

/// # Safety
///
/// Those of fstatat(2).
pub unsafe fn fstatat(base: i32, path: *const c_void, to: *mut c_void, flags: i32) -> i32 {
    // SAFETY: the caller's promise, here and below.
    let answer = unsafe {
        on_path("fstatat", base, path, |kernel, path| {
            let found = find(kernel, path, flags)?;
            to.cast::<libc::stat>().write(to_stat(&found));
            Ok(0)
        })
    };
    let arguments = [base.into(), path as c_long, to as c_long, flags.into(), 0, 0];
    // SAFETY: as above.
    unsafe { or_call(answer, libc::SYS_newfstatat, arguments) as i32 }
}

/// # Safety
///
/// Those of fstatat(2).
pub unsafe fn fstatat64(base: i32, path: *const c_void, to: *mut c_void, flags: i32) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { fstatat(base, path, to, flags) }
}

/// # Safety
///
/// Those of stat(2).
pub unsafe fn stat(path: *const c_void, to: *mut c_void) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { fstatat(AT_FDCWD, path, to, 0) }
}

/// # Safety
///
/// Those of stat(2).
pub unsafe fn stat64(path: *const c_void, to: *mut c_void) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { fstatat(AT_FDCWD, path, to, 0) }
}

/// # Safety
///
/// Those of lstat(2).
pub unsafe fn lstat(path: *const c_void, to: *mut c_void) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { fstatat(AT_FDCWD, path, to, libc::AT_SYMLINK_NOFOLLOW) }
}

/// # Safety
///
/// Those of lstat(2).
pub unsafe fn lstat64(path: *const c_void, to: *mut c_void) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { lstat(path, to) }
}

/// # Safety
///
/// Those of fstat(2).
pub unsafe fn fstat(fd: i32, to: *mut c_void) -> i32 {
    let answer = simulate_on("fstat", fd, |kernel| {
        let found = find_descriptor(kernel, fd)?;
        // SAFETY: the caller's promise.
        unsafe { to.cast::<libc::stat>().write(to_stat(&found)) };
        Ok(0)
    });
    // SAFETY: the caller's promise.
    unsafe { or_call(answer, libc::SYS_fstat, [fd.into(), to as c_long, 0, 0, 0, 0]) as i32 }
}

/// # Safety
///
/// Those of fstat(2).
pub unsafe fn fstat64(fd: i32, to: *mut c_void) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { fstat(fd, to) }
}

fn to_statvfs(space: Space) -> libc::statvfs {
    // SAFETY: all zeros is a valid statvfs.
    let mut to: libc::statvfs = unsafe { std::mem::zeroed() };
    (to.f_bsize, to.f_frsize) = (space.block_size, space.block_size);
    (to.f_blocks, to.f_bfree, to.f_bavail) = (space.blocks, space.free, space.free);
    let inodes = space.inodes + space.free;
    (to.f_files, to.f_ffree, to.f_favail) = (inodes, space.free, space.free);
    to.f_namemax = LONGEST_NAME;
    to
}

fn to_statfs(space: Space) -> libc::statfs {
    // SAFETY: all zeros is a valid statfs.
    let mut to: libc::statfs = unsafe { std::mem::zeroed() };
    (to.f_type, to.f_namelen) = (EXT4 as _, LONGEST_NAME as _);
    (to.f_bsize, to.f_frsize) = (space.block_size as _, space.block_size as _);
    (to.f_blocks, to.f_bfree, to.f_bavail) = (space.blocks, space.free, space.free);
    (to.f_files, to.f_ffree) = (space.inodes + space.free, space.free);
    to
}

/// # Safety
///
/// Those of statvfs(3).
pub unsafe fn statvfs(path: *const c_void, to: *mut c_void) -> i32 {
    // SAFETY: the caller's promise, here and below.
    let answer = unsafe {
        on_path("statvfs", AT_FDCWD, path, |kernel, path| {
            kernel.stat_path(path, true, false)?;
            to.cast::<libc::statvfs>().write(to_statvfs(kernel.space()?));
            Ok(0)
        })
    };
    // SAFETY: as above.
    answer.map_or_else(|| unsafe { real::statvfs(path.cast(), to.cast()) }, |answer| answer as i32)
}

/// # Safety
///
/// Those of statvfs(3).
pub unsafe fn statvfs64(path: *const c_void, to: *mut c_void) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { statvfs(path, to) }
}

/// # Safety
///
/// Those of fstatvfs(3).
pub unsafe fn fstatvfs(fd: i32, to: *mut c_void) -> i32 {
    let answer = simulate_on("fstatvfs", fd, |kernel| {
        kernel.stat_file(fd)?;
        // SAFETY: the caller's promise.
        unsafe { to.cast::<libc::statvfs>().write(to_statvfs(kernel.space()?)) };
        Ok(0)
    });
    // SAFETY: the caller's promise.
    answer.map_or_else(|| unsafe { real::fstatvfs(fd, to.cast()) }, |answer| answer as i32)
}

/// # Safety
///
/// Those of fstatvfs(3).
pub unsafe fn fstatvfs64(fd: i32, to: *mut c_void) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { fstatvfs(fd, to) }
}

/// # Safety
///
/// Those of statfs(2).
pub unsafe fn statfs(path: *const c_void, to: *mut c_void) -> i32 {
    // SAFETY: the caller's promise, here and below.
    let answer = unsafe {
        on_path("statfs", AT_FDCWD, path, |kernel, path| {
            kernel.stat_path(path, true, false)?;
            to.cast::<libc::statfs>().write(to_statfs(kernel.space()?));
            Ok(0)
        })
    };
    // SAFETY: as above.
    unsafe { or_call(answer, libc::SYS_statfs, [path as c_long, to as c_long, 0, 0, 0, 0]) as i32 }
}

/// # Safety
///
/// Those of statfs(2).
pub unsafe fn statfs64(path: *const c_void, to: *mut c_void) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { statfs(path, to) }
}

/// # Safety
///
/// Those of fstatfs(2).
pub unsafe fn fstatfs(fd: i32, to: *mut c_void) -> i32 {
    let answer = simulate_on("fstatfs", fd, |kernel| {
        kernel.stat_file(fd)?;
        // SAFETY: the caller's promise.
        unsafe { to.cast::<libc::statfs>().write(to_statfs(kernel.space()?)) };
        Ok(0)
    });
    // SAFETY: the caller's promise.
    unsafe { or_call(answer, libc::SYS_fstatfs, [fd.into(), to as c_long, 0, 0, 0, 0]) as i32 }
}

/// # Safety
///
/// Those of fstatfs(2).
pub unsafe fn fstatfs64(fd: i32, to: *mut c_void) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { fstatfs(fd, to) }
}
