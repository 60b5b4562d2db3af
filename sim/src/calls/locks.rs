//! Locks of files: flock(2), and those of fcntl(2).

use super::paths::or_call;
use super::simulate_on;
use crate::Errno;
use crate::kernel::Kernel;
use crate::kernel::descriptors::Fd;
use crate::kernel::files::{Owner, Range};
use libc::c_long;

/// The lock is another's. On a host that is alone the call waits, elsewhere nobody could give the lock back meanwhile.
fn wait_for_lock(kernel: &mut Kernel) -> Errno {
    if kernel.is_alone {
        kernel.waits = Some(None);
        return libc::EAGAIN;
    }
    kernel
        .escape("waits for a lock of a file, which would stop all hosts: ask for it with LOCK_NB or F_SETLK");
    libc::EDEADLK
}

/// # Safety
///
/// None: it takes no pointers.
pub unsafe fn flock(fd: i32, operation: i32) -> i32 {
    let answer = simulate_on("flock", fd, |kernel| {
        let is_exclusive = match operation & !libc::LOCK_NB {
            libc::LOCK_SH => Some(false),
            libc::LOCK_EX => Some(true),
            libc::LOCK_UN => None,
            _ => return Err(libc::EINVAL),
        };
        match kernel.lock_whole(fd, is_exclusive) {
            Err(libc::EWOULDBLOCK) if operation & libc::LOCK_NB == 0 => Err(wait_for_lock(kernel)),
            result => result.map(|()| 0),
        }
    });
    // SAFETY: it takes no pointers.
    unsafe { or_call(answer, libc::SYS_flock, [fd.into(), c_long::from(operation), 0, 0, 0, 0]) as i32 }
}

/// Whether a command of fcntl(2) is about locks.
pub(super) fn is_about_locks(command: i32) -> bool {
    matches!(
        command,
        libc::F_GETLK
            | libc::F_SETLK
            | libc::F_SETLKW
            | libc::F_OFD_GETLK
            | libc::F_OFD_SETLK
            | libc::F_OFD_SETLKW
    )
}

/// # Safety
///
/// `lock` points to one, which nobody else uses.
pub(super) unsafe fn control_lock(
    kernel: &mut Kernel,
    fd: Fd,
    command: i32,
    lock: *mut libc::flock,
) -> Result<i64, Errno> {
    // SAFETY: the caller's promise.
    let lock = unsafe { lock.as_mut() }.ok_or(libc::EFAULT)?;
    let is_description = matches!(command, libc::F_OFD_GETLK | libc::F_OFD_SETLK | libc::F_OFD_SETLKW);
    if is_description && lock.l_pid != 0 {
        return Err(libc::EINVAL);
    }
    let wanted = range_of(kernel, fd, lock, is_description)?;
    if matches!(command, libc::F_GETLK | libc::F_OFD_GETLK) {
        match kernel.find_lock(fd, &wanted)? {
            Some(found) => show(&found, lock),
            None => lock.l_type = libc::F_UNLCK as i16,
        }
        return Ok(0);
    }
    if i32::from(lock.l_type) == libc::F_UNLCK {
        return kernel.unlock_range(fd, &wanted).map(|()| 0);
    }
    match kernel.lock_range(fd, wanted) {
        Err(libc::EAGAIN) if matches!(command, libc::F_SETLKW | libc::F_OFD_SETLKW) => {
            Err(wait_for_lock(kernel))
        }
        result => result.map(|()| 0),
    }
}

/// Reads what is to be locked. A length of 0 goes to the end of any file, and a negative one ends before the start.
fn range_of(kernel: &mut Kernel, fd: Fd, lock: &libc::flock, is_description: bool) -> Result<Range, Errno> {
    let is_exclusive = match i32::from(lock.l_type) {
        libc::F_RDLCK | libc::F_UNLCK => false,
        libc::F_WRLCK => true,
        _ => return Err(libc::EINVAL),
    };
    let owner: Owner = kernel.lock_owner(fd, is_description)?;
    let at = kernel.lock_offset(fd, lock.l_start, i32::from(lock.l_whence))?;
    let (start, end) = match lock.l_len {
        0 => (at, i64::MAX),
        len if len > 0 => (at, at.checked_add(len).ok_or(libc::EOVERFLOW)?),
        len => (at.checked_add(len).ok_or(libc::EINVAL)?, at),
    };
    let start = u64::try_from(start).map_err(|_| libc::EINVAL)?;
    Ok(Range { owner, start, end: end as u64, is_exclusive })
}

fn show(found: &Range, lock: &mut libc::flock) {
    lock.l_type = if found.is_exclusive { libc::F_WRLCK } else { libc::F_RDLCK } as i16;
    lock.l_whence = libc::SEEK_SET as i16;
    lock.l_start = found.start as i64;
    lock.l_len = if found.end == i64::MAX as u64 { 0 } else { (found.end - found.start) as i64 };
    // The lock of a description has no process: fcntl(2) says -1.
    lock.l_pid = if found.owner == Owner::Process { std::process::id() as i32 } else { -1 };
}
