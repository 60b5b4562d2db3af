//! Locks of files: flock(2), and those of fcntl(2).
//!
//! 1. flock(2) locks a whole file for a description. It knows nothing of the locks of fcntl(2).
//! 2. A lock of fcntl(2) is for a range, and belongs to the process or, with F_OFD_SETLK, to the description. A host has
//!    one process, so the former never exclude one another.
//! 3. An owner has at most one lock for a byte: a new one replaces what it overlaps.

use super::Kernel;
use crate::Errno;
use crate::disk::Ino;
use crate::kernel::descriptors::Fd;
use crate::kernel::slab::Key;
use std::collections::BTreeMap;

#[derive(Default)]
pub(crate) struct Locks {
    /// By inode: who has it, and whether alone.
    whole: BTreeMap<Ino, Vec<(Key, bool)>>,
    ranges: BTreeMap<Ino, Vec<Range>>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Owner {
    Process,
    Description(Key),
}

/// A lock of the bytes from `start` to before `end`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Range {
    pub(crate) owner: Owner,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) is_exclusive: bool,
}

impl Range {
    fn overlaps(&self, other: &Range) -> bool {
        self.start < other.end && other.start < self.end
    }

    fn excludes(&self, other: &Range) -> bool {
        self.overlaps(other) && self.owner != other.owner && (self.is_exclusive || other.is_exclusive)
    }
}

impl Locks {
    /// A description is gone. A process loses its locks of a file with any descriptor of it that it closes.
    pub(super) fn forget(&mut self, ino: Ino, key: Key) {
        if let Some(holders) = self.whole.get_mut(&ino) {
            holders.retain(|(holder, _)| *holder != key);
        }
        if let Some(ranges) = self.ranges.get_mut(&ino) {
            ranges.retain(|range| range.owner != Owner::Process && range.owner != Owner::Description(key));
        }
    }

    /// Takes a range away from what its owner has locked.
    fn clear(&mut self, ino: Ino, cleared: &Range) {
        let ranges = self.ranges.entry(ino).or_default();
        let (theirs, mut left): (Vec<Range>, Vec<Range>) = std::mem::take(ranges)
            .into_iter()
            .partition(|range| range.owner == cleared.owner && range.overlaps(cleared));
        for range in theirs {
            let (before, after) = (
                Range { end: cleared.start.min(range.end), ..range },
                Range { start: cleared.end.max(range.start), ..range },
            );
            left.extend([before, after].into_iter().filter(|part| part.start < part.end));
        }
        *ranges = left;
    }
}

impl Kernel {
    /// flock(2). EWOULDBLOCK if another description excludes it.
    pub(crate) fn lock_whole(&mut self, fd: Fd, is_exclusive: Option<bool>) -> Result<(), Errno> {
        let it = self.opened(fd, libc::EBADF)?;
        it.has_content()?;
        let (files, _) = self.files()?;
        let holders = files.locks.whole.entry(it.ino).or_default();
        // Converting a lock drops it first: flock(2) says that this is not atomic.
        holders.retain(|(holder, _)| *holder != it.key);
        let Some(is_exclusive) = is_exclusive else { return Ok(()) };
        if holders.iter().any(|(_, is_alone)| *is_alone || is_exclusive) {
            return Err(libc::EWOULDBLOCK);
        }
        holders.push((it.key, is_exclusive));
        Ok(())
    }

    /// Who owns the locks that are taken through `fd`.
    pub(crate) fn lock_owner(&mut self, fd: Fd, is_description: bool) -> Result<Owner, Errno> {
        let it = self.opened(fd, libc::EINVAL)?;
        Ok(if is_description { Owner::Description(it.key) } else { Owner::Process })
    }

    /// Turns an offset of fcntl(2) into that of the file.
    pub(crate) fn lock_offset(&mut self, fd: Fd, offset: i64, whence: i32) -> Result<i64, Errno> {
        let it = self.opened(fd, libc::EINVAL)?;
        let base = match whence {
            libc::SEEK_SET => 0,
            libc::SEEK_CUR => it.position as i64,
            libc::SEEK_END => self.files()?.0.disk.stat(it.ino)?.size as i64,
            _ => return Err(libc::EINVAL),
        };
        base.checked_add(offset).ok_or(libc::EOVERFLOW)
    }

    /// The lock that excludes `wanted`, if there is one.
    pub(crate) fn find_lock(&mut self, fd: Fd, wanted: &Range) -> Result<Option<Range>, Errno> {
        let it = self.opened(fd, libc::EINVAL)?;
        let (files, _) = self.files()?;
        let ranges = files.locks.ranges.get(&it.ino);
        Ok(ranges.into_iter().flatten().find(|range| range.excludes(wanted)).copied())
    }

    /// Locks a range. EAGAIN if another owner excludes it.
    pub(crate) fn lock_range(&mut self, fd: Fd, wanted: Range) -> Result<(), Errno> {
        let it = self.opened(fd, libc::EINVAL)?;
        if wanted.is_exclusive {
            it.may_write()?
        } else {
            it.may_read()?
        }
        if self.find_lock(fd, &wanted)?.is_some() {
            return Err(libc::EAGAIN);
        }
        let (files, _) = self.files()?;
        files.locks.clear(it.ino, &wanted);
        files.locks.ranges.entry(it.ino).or_default().push(wanted);
        Ok(())
    }

    pub(crate) fn unlock_range(&mut self, fd: Fd, range: &Range) -> Result<(), Errno> {
        let it = self.opened(fd, libc::EINVAL)?;
        self.files()?.0.locks.clear(it.ino, range);
        Ok(())
    }
}
