//! Calls on an open file: reading, writing, seeking and the syncs.

use super::{Device, Kernel, SYNC};
use crate::disk::{Entry, Stat, Times};
use crate::kernel::descriptors::Fd;
use crate::kernel::hosts::HostState;
use crate::{Errno, Nanos};

/// A call moves no more than this: read(2).
const MOST: usize = 0x7fff_f000;

/// How durable a write is at its return: O_DSYNC and O_SYNC.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub(crate) enum Sync {
    No,
    Data,
    All,
}

impl Sync {
    /// Reads it out of the flags of open(2).
    fn of(flags: i32) -> Sync {
        if flags & libc::O_SYNC == libc::O_SYNC {
            Sync::All
        } else if flags & libc::O_DSYNC != 0 {
            Sync::Data
        } else {
            Sync::No
        }
    }
}

impl Kernel {
    /// Reads at `at`, or at the file's position, which moves.
    pub(crate) fn read_file(&mut self, fd: Fd, to: &mut [u8], at: Option<u64>) -> Result<i64, Errno> {
        let it = self.opened(fd, libc::ESPIPE)?;
        it.may_read()?;
        let most = to.len().min(MOST);
        let to = &mut to[..most];
        self.charge_bytes(most);
        match it.device {
            Some(Device::Null) => return Ok(0),
            Some(Device::Full | Device::Zero) => to.fill(0),
            Some(Device::Random) => self.entropy.fill(to),
            None => {
                let (files, _) = self.files()?;
                let count = files.disk.read_at(it.ino, at.unwrap_or(it.position), to)?;
                if at.is_none() {
                    self.open_file(it.key).position += count as u64;
                }
                return Ok(count as i64);
            }
        }
        Ok(most as i64)
    }

    /// Writes at `at`, or at the file's position, which moves. With O_APPEND it writes at the end in any case.
    pub(crate) fn write_file(
        &mut self,
        fd: Fd,
        bytes: &[u8],
        at: Option<u64>,
        sync: Sync,
    ) -> Result<i64, Errno> {
        let it = self.opened(fd, libc::ESPIPE)?;
        it.may_write()?;
        let bytes = &bytes[..bytes.len().min(MOST)];
        self.charge_bytes(bytes.len());
        match it.device {
            Some(Device::Full) if !bytes.is_empty() => return Err(libc::ENOSPC),
            Some(_) => return Ok(bytes.len() as i64),
            None => {}
        }
        let (files, now) = self.files()?;
        let end = if it.flags & libc::O_APPEND != 0 { Some(files.disk.size(it.ino)?) } else { None };
        let place = end.or(at).unwrap_or(it.position);
        let count = files.disk.write_at(it.ino, place, bytes, now)?;
        if at.is_none() {
            self.open_file(it.key).position = place + count as u64;
        }
        let sync = if sync > Sync::of(it.flags) { sync } else { Sync::of(it.flags) };
        if sync != Sync::No && count > 0 {
            self.sync_file(fd, sync == Sync::Data)?;
        }
        Ok(count as i64)
    }

    /// lseek(2).
    pub(crate) fn seek_file(&mut self, fd: Fd, offset: i64, whence: i32) -> Result<i64, Errno> {
        let it = self.opened(fd, libc::ESPIPE)?;
        it.has_content()?;
        if it.device.is_some() {
            return Ok(0);
        }
        let (files, _) = self.files()?;
        let disk = &files.disk;
        let at = match whence {
            libc::SEEK_SET => Some(offset),
            libc::SEEK_CUR => (it.position as i64).checked_add(offset),
            libc::SEEK_END => (disk.stat(it.ino)?.size as i64).checked_add(offset),
            libc::SEEK_DATA | libc::SEEK_HOLE => {
                let from = u64::try_from(offset).map_err(|_| libc::ENXIO)?;
                Some(disk.seek(it.ino, from, whence == libc::SEEK_DATA)? as i64)
            }
            _ => None,
        };
        let at = at.filter(|at| *at >= 0).ok_or(libc::EINVAL)?;
        self.open_file(it.key).position = at as u64;
        Ok(at)
    }

    /// fsync(2), and fdatasync(2) for the data alone. A sync that failed is reported once to each description that was
    /// open then, also if it was asked for elsewhere.
    pub(crate) fn sync_file(&mut self, fd: Fd, data_only: bool) -> Result<(), Errno> {
        let it = self.opened(fd, libc::EINVAL)?;
        it.has_content()?;
        if it.device.is_some() {
            return Err(libc::EINVAL);
        }
        self.charge_sync()?;
        let (files, _) = self.files()?;
        let result = if data_only { files.disk.sync_data(it.ino) } else { files.disk.sync(it.ino) };
        let failed = files.disk.failed_syncs(it.ino);
        let known = std::mem::replace(&mut self.open_file(it.key).failed_syncs, failed);
        result?;
        if known == failed { Ok(()) } else { Err(libc::EIO) }
    }

    /// sync(2) and syncfs(2).
    pub(crate) fn sync_disk(&mut self) -> Result<(), Errno> {
        self.charge_sync()?;
        self.files()?.0.disk.sync_all()
    }

    fn charge_sync(&mut self) -> Result<(), Errno> {
        let (least, most) = SYNC;
        let cost: Nanos = self.files()?.0.rng.between(least, most);
        self.charge_nanos(cost);
        let here = self.here()?;
        let host = self.host(here);
        if std::mem::take(&mut host.crashes_at_sync) {
            host.state = HostState::Dark;
            self.files()?.0.is_in_sync = true;
            return Err(libc::EIO);
        }
        Ok(())
    }

    /// ftruncate(2).
    pub(crate) fn truncate_file(&mut self, fd: Fd, len: i64) -> Result<(), Errno> {
        let it = self.opened(fd, libc::EINVAL)?;
        let len = u64::try_from(len).map_err(|_| libc::EINVAL)?;
        it.has_content()?;
        it.may_write().map_err(|_| libc::EINVAL)?;
        let (files, now) = self.files()?;
        files.disk.truncate(it.ino, len, now)
    }

    /// fallocate(2), of which space can be reserved.
    pub(crate) fn reserve_file(&mut self, fd: Fd, mode: i32, at: i64, len: i64) -> Result<(), Errno> {
        let it = self.opened(fd, libc::ESPIPE)?;
        it.may_write()?;
        if at < 0 || len <= 0 {
            return Err(libc::EINVAL);
        }
        if mode & !libc::FALLOC_FL_KEEP_SIZE != 0 {
            return Err(libc::EOPNOTSUPP);
        }
        if it.device.is_some() {
            return Err(libc::ENODEV);
        }
        let (files, now) = self.files()?;
        let keep_size = mode & libc::FALLOC_FL_KEEP_SIZE != 0;
        files.disk.reserve(it.ino, at as u64, len as u64, keep_size, now)
    }

    /// copy_file_range(2). Positions are those given, or the files' own, which move.
    pub(crate) fn copy_range(
        &mut self,
        from: (Fd, &mut Option<u64>),
        to: (Fd, &mut Option<u64>),
        len: usize,
    ) -> Result<i64, Errno> {
        let (source, target) = (self.opened(from.0, libc::EINVAL)?, self.opened(to.0, libc::EINVAL)?);
        source.may_read()?;
        target.may_write()?;
        if target.flags & libc::O_APPEND != 0 {
            return Err(libc::EBADF);
        }
        if source.device.is_some() || target.device.is_some() {
            return Err(libc::EINVAL);
        }
        let len = len.min(MOST);
        let (from_at, to_at) = (from.1.unwrap_or(source.position), to.1.unwrap_or(target.position));
        let (files, now) = self.files()?;
        let count = files.disk.copy((source.ino, from_at), (target.ino, to_at), len as u64, now)?;
        match from.1 {
            Some(at) => *at += count,
            None => self.open_file(source.key).position += count,
        }
        match to.1 {
            Some(at) => *at += count,
            None => self.open_file(target.key).position += count,
        }
        self.charge_bytes(count as usize);
        Ok(count as i64)
    }

    /// fstat(2), for files.
    pub(crate) fn stat_file(&mut self, fd: Fd) -> Result<(Stat, Option<Device>), Errno> {
        let it = self.opened(fd, libc::EINVAL)?;
        Ok((self.files()?.0.disk.stat(it.ino)?, it.device))
    }

    /// fchmod(2).
    pub(crate) fn change_mode_of_file(&mut self, fd: Fd, mode: u32) -> Result<(), Errno> {
        let it = self.opened(fd, libc::EINVAL)?;
        it.has_content()?;
        let (files, now) = self.files()?;
        files.disk.chmod(it.ino, mode, now)
    }

    /// futimens(3).
    pub(crate) fn set_times_of_file(&mut self, fd: Fd, times: Times) -> Result<(), Errno> {
        let it = self.opened(fd, libc::EINVAL)?;
        let (files, now) = self.files()?;
        files.disk.set_times(it.ino, times, now)
    }

    /// Lists a directory, as getdents64(2) does.
    pub(crate) fn list_directory(&mut self, fd: Fd) -> Result<Vec<Entry>, Errno> {
        let it = self.opened(fd, libc::ENOTDIR)?;
        it.has_content()?;
        let (files, _) = self.files()?;
        files.disk.read_dir(it.ino)
    }
}
