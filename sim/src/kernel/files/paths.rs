//! Calls on a path: opening, and changing names.

use super::{Device, Files, Kernel, OpenFile};
use crate::Errno;
use crate::disk::{Disk, Ino, Space, Stat, Times};
use crate::kernel::descriptors::{Fd, Kind};

/// A path, and the descriptor of the directory that it begins in: AT_FDCWD, or an open one.
#[derive(Clone, Copy)]
pub(crate) struct Path<'a> {
    pub(crate) base: Fd,
    pub(crate) bytes: &'a [u8],
}

/// Flags of open(2) that are not the description's.
const AT_OPEN_ONLY: i32 = libc::O_CREAT | libc::O_EXCL | libc::O_NOCTTY | libc::O_TRUNC;

impl Files {
    /// The device that an inode is.
    fn device(&self, ino: Ino) -> Option<Device> {
        self.devices.get(&ino).copied()
    }
}

impl Kernel {
    /// Returns the inode of the directory that a path begins in.
    fn base(&mut self, path: Path<'_>) -> Result<Ino, Errno> {
        if path.bytes.starts_with(b"/") {
            return Ok(Disk::ROOT);
        }
        match path.base {
            libc::AT_FDCWD => Ok(self.files()?.0.directory),
            fd => self.opened(fd, libc::ENOTDIR).map(|it| it.ino),
        }
    }

    /// Returns what a path means. An empty path means what `base` stands for, if `empty` allows that.
    fn find(&mut self, path: Path<'_>, follow: bool, empty: bool) -> Result<Ino, Errno> {
        if let Some(fd) = descriptor_named(path.bytes).filter(|_| follow) {
            return self.opened(fd, libc::ENXIO).map(|it| it.ino);
        }
        let base = self.base(path)?;
        if path.bytes.is_empty() && empty {
            return Ok(base);
        }
        self.files()?.0.disk.lookup(base, path.bytes, follow)
    }

    /// openat(2).
    pub(crate) fn open_path(&mut self, path: Path<'_>, flags: i32, mode: u32) -> Result<Fd, Errno> {
        let here = self.here()?;
        let base = self.base(path)?;
        if self.host(here).fds >= self.host(here).max_fds {
            return Err(libc::EMFILE);
        }
        let (files, now) = self.files()?;
        let mode = mode & 0o7777 & !files.umask;
        let ino = files.disk.open(base, path.bytes, flags, mode, now)?;
        let (device, boot) = (files.device(ino), files.boot);
        let kind = files.disk.stat(ino)?.mode & libc::S_IFMT;
        if kind == libc::S_IFIFO && flags & libc::O_PATH == 0 {
            return self.open_fifo_node(ino, flags & !AT_OPEN_ONLY);
        }
        let is_unknown = matches!(kind, libc::S_IFSOCK | libc::S_IFCHR | libc::S_IFBLK) && device.is_none();
        if is_unknown && flags & libc::O_PATH == 0 {
            files.disk.close(ino);
            return Err(libc::ENXIO);
        }
        let failed_syncs = files.disk.failed_syncs(ino);
        let file = OpenFile { ino, device, boot, position: 0, failed_syncs };
        self.open(Kind::File(file), flags & !AT_OPEN_ONLY)
    }

    /// fstatat(2).
    pub(crate) fn stat_path(
        &mut self,
        path: Path<'_>,
        follow: bool,
        empty: bool,
    ) -> Result<(Stat, Option<Device>), Errno> {
        let ino = self.find(path, follow, empty)?;
        let (files, _) = self.files()?;
        Ok((files.disk.stat(ino)?, files.device(ino)))
    }

    /// statvfs(3).
    pub(crate) fn space(&mut self) -> Result<Space, Errno> {
        Ok(self.files()?.0.disk.space())
    }

    /// truncate(2).
    pub(crate) fn truncate_path(&mut self, path: Path<'_>, len: i64) -> Result<(), Errno> {
        let len = u64::try_from(len).map_err(|_| libc::EINVAL)?;
        let ino = self.find(path, true, false)?;
        let (files, now) = self.files()?;
        files.disk.truncate(ino, len, now)
    }

    pub(crate) fn make_directory(&mut self, path: Path<'_>, mode: u32) -> Result<(), Errno> {
        let base = self.base(path)?;
        let (files, now) = self.files()?;
        let mode = mode & !files.umask;
        files.disk.mkdir(base, path.bytes, mode, now)
    }

    /// Opens a named pipe, whose inode is open.
    fn open_fifo_node(&mut self, ino: Ino, flags: i32) -> Result<Fd, Errno> {
        let pipe = self.files()?.0.pipes.get(&ino).copied();
        let opened = self.open_fifo(pipe, flags);
        let (files, _) = self.files()?;
        files.disk.close(ino);
        match opened {
            Ok((fd, pipe)) => {
                files.pipes.insert(ino, pipe);
                Ok(fd)
            }
            // It would wait for the other end.
            Err(libc::EAGAIN) => {
                self.escape("waits for the other end of a named pipe, which would stop all hosts");
                Err(libc::EDEADLK)
            }
            Err(errno) => Err(errno),
        }
    }

    /// Makes the node of a Unix socket: bind(2).
    pub(crate) fn make_socket_node(&mut self, path: &[u8]) -> Result<Ino, Errno> {
        let (files, now) = self.files()?;
        let (base, mode) = (files.directory, libc::S_IFSOCK | 0o777 & !files.umask);
        match files.disk.mknod(base, path, mode, now) {
            Err(libc::EEXIST) => Err(libc::EADDRINUSE),
            Err(errno) => Err(errno),
            Ok(()) => files.disk.lookup(base, path, false),
        }
    }

    /// Finds what a Unix socket is to connect to.
    pub(crate) fn find_node(&mut self, path: &[u8]) -> Result<Ino, Errno> {
        let (files, _) = self.files()?;
        files.disk.lookup(files.directory, path, true)
    }

    /// mknod(2).
    pub(crate) fn make_node(&mut self, path: Path<'_>, mode: u32) -> Result<(), Errno> {
        let base = self.base(path)?;
        let (files, now) = self.files()?;
        let mode = mode & !files.umask;
        files.disk.mknod(base, path.bytes, mode, now)
    }

    /// unlink(2), and rmdir(2) of a directory.
    pub(crate) fn remove(&mut self, path: Path<'_>, is_directory: bool) -> Result<(), Errno> {
        let base = self.base(path)?;
        let (files, now) = self.files()?;
        match is_directory {
            true => files.disk.rmdir(base, path.bytes, now),
            false => files.disk.unlink(base, path.bytes, now),
        }
    }

    /// renameat2(2).
    pub(crate) fn rename(&mut self, from: Path<'_>, to: Path<'_>, flags: u32) -> Result<(), Errno> {
        let (from_base, to_base) = (self.base(from)?, self.base(to)?);
        let (files, now) = self.files()?;
        files.disk.rename(from_base, from.bytes, to_base, to.bytes, flags, now)
    }

    /// linkat(2).
    pub(crate) fn link(
        &mut self,
        from: Path<'_>,
        to: Path<'_>,
        follow: bool,
        empty: bool,
    ) -> Result<(), Errno> {
        let ino = self.find(from, follow, empty)?;
        let base = self.base(to)?;
        let (files, now) = self.files()?;
        files.disk.link(ino, base, to.bytes, now)
    }

    pub(crate) fn symlink(&mut self, target: &[u8], path: Path<'_>) -> Result<(), Errno> {
        let base = self.base(path)?;
        let (files, now) = self.files()?;
        files.disk.symlink(target, base, path.bytes, now)
    }

    pub(crate) fn read_link(&mut self, path: Path<'_>) -> Result<Vec<u8>, Errno> {
        let ino = self.find(path, false, true)?;
        self.files()?.0.disk.readlink(ino).map(<[u8]>::to_vec)
    }

    /// realpath(3).
    pub(crate) fn real_path(&mut self, path: Path<'_>) -> Result<Vec<u8>, Errno> {
        let base = self.base(path)?;
        self.files()?.0.disk.canonical(base, path.bytes)
    }

    pub(crate) fn change_mode(&mut self, path: Path<'_>, follow: bool, mode: u32) -> Result<(), Errno> {
        let ino = self.find(path, follow, false)?;
        let (files, now) = self.files()?;
        files.disk.chmod(ino, mode, now)
    }

    /// utimensat(2).
    pub(crate) fn set_times(&mut self, path: Path<'_>, follow: bool, times: Times) -> Result<(), Errno> {
        let ino = self.find(path, follow, false)?;
        let (files, now) = self.files()?;
        files.disk.set_times(ino, times, now)
    }

    /// Looks whether a path means anything: access(2), for root.
    pub(crate) fn access(&mut self, path: Path<'_>, follow: bool, mode: i32) -> Result<(), Errno> {
        let (stat, _) = self.stat_path(path, follow, true)?;
        // Even root executes only what somebody may execute.
        let is_refused =
            mode & libc::X_OK != 0 && stat.mode & libc::S_IFMT == libc::S_IFREG && stat.mode & 0o111 == 0;
        if is_refused { Err(libc::EACCES) } else { Ok(()) }
    }

    /// getcwd(3).
    pub(crate) fn working_directory(&mut self) -> Result<Vec<u8>, Errno> {
        let (files, _) = self.files()?;
        files.disk.path_of(files.directory)
    }

    /// chdir(2), and fchdir(2) with an empty path.
    pub(crate) fn change_directory(&mut self, path: Path<'_>, empty: bool) -> Result<(), Errno> {
        let ino = self.find(path, true, empty)?;
        let (files, _) = self.files()?;
        if files.disk.stat(ino)?.mode & libc::S_IFMT != libc::S_IFDIR {
            return Err(libc::ENOTDIR);
        }
        files.change_directory(ino);
        Ok(())
    }

    /// umask(2).
    pub(crate) fn set_umask(&mut self, mask: u32) -> Result<u32, Errno> {
        Ok(std::mem::replace(&mut self.files()?.0.umask, mask & 0o777))
    }
}

/// The descriptor that a path in proc(5) names. A file that was made with O_TMPFILE gets its first name by it.
fn descriptor_named(path: &[u8]) -> Option<Fd> {
    let number = path.strip_prefix(b"/proc/self/fd/")?;
    std::str::from_utf8(number).ok()?.parse().ok()
}
