//! The calls on an inode: read, write, truncate, stat, and the syncs.

use super::content::BLOCK;
use super::inode::{Node, Stat};
use super::{Disk, Ino, Op};
use crate::{Errno, Nanos};

/// Ext4's limit with blocks of 4,096 bytes.
const MAX_SIZE: u64 = (u32::MAX as u64) * BLOCK;

/// How much `copy` moves at once.
const COPY: u64 = 64 << 10;

/// A directory's entry. `kind` has the type bits of a mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    pub(crate) ino: Ino,
    pub(crate) kind: u32,
}

/// The times that utimensat(2) sets. `None` leaves one as it is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    pub(crate) atime: Option<Nanos>,
    pub(crate) mtime: Option<Nanos>,
}

impl Disk {
    /// Reads at a position, up to the end of the file. Returns the number of bytes.
    pub(crate) fn read_at(&mut self, ino: Ino, at: u64, buf: &mut [u8]) -> Result<usize, Errno> {
        let error = self.next_error(Op::Read);
        let file = self.inode(ino)?.file()?;
        error.map_or_else(|| Ok(file.content.read(at, buf)), Err)
    }

    /// Writes at a position. Returns how much has fit, which may be less than all.
    pub(crate) fn write_at(&mut self, ino: Ino, at: u64, bytes: &[u8], now: Nanos) -> Result<usize, Errno> {
        let (error, free) = (self.next_error(Op::Write), self.free_blocks());
        let inode = self.inode_mut(ino)?;
        let file = inode.file_mut()?;
        if let Some(error) = error {
            return Err(error);
        }
        if bytes.is_empty() {
            return Ok(0);
        }
        if at >= MAX_SIZE {
            return Err(libc::EFBIG);
        }
        let most = (MAX_SIZE - at).min(bytes.len() as u64) as usize;
        let fits = file.content.room(at, most, free);
        if fits == 0 {
            return Err(libc::ENOSPC);
        }
        let before = file.content.blocks();
        file.write(at, &bytes[..fits]);
        let more = file.content.blocks() - before;
        (inode.attr.mtime, inode.attr.ctime) = (now, now);
        self.used += more;
        Ok(fits)
    }

    /// Returns the size of a file: where `O_APPEND` writes.
    pub(crate) fn size(&self, ino: Ino) -> Result<u64, Errno> {
        Ok(self.inode(ino)?.file()?.content.size())
    }

    /// Finds the next byte that is in a block, or in a hole if not `is_data`: lseek(2), `SEEK_DATA` and `SEEK_HOLE`.
    pub(crate) fn seek(&self, ino: Ino, from: u64, is_data: bool) -> Result<u64, Errno> {
        self.inode(ino)?.file()?.content.seek(from, is_data).ok_or(libc::ENXIO)
    }

    pub(crate) fn truncate(&mut self, ino: Ino, len: u64, now: Nanos) -> Result<(), Errno> {
        let inode = self.inode_mut(ino)?;
        let file = inode.file_mut()?;
        if len > MAX_SIZE {
            return Err(libc::EFBIG);
        }
        let before = file.content.blocks();
        file.resize(len);
        let freed = before - file.content.blocks();
        (inode.attr.mtime, inode.attr.ctime) = (now, now);
        self.used -= freed;
        Ok(())
    }

    /// Allocates space like fallocate(2): all of it, or none. The file grows to
    /// the end of the range unless `keep_size` is set.
    pub(crate) fn reserve(
        &mut self,
        ino: Ino,
        at: u64,
        len: u64,
        keep_size: bool,
        now: Nanos,
    ) -> Result<(), Errno> {
        let free = self.free_blocks();
        let inode = self.inode_mut(ino)?;
        let file = inode.file_mut()?;
        let Some(end) = at.checked_add(len).filter(|&end| end <= MAX_SIZE) else { return Err(libc::EFBIG) };
        if len == 0 {
            return Err(libc::EINVAL);
        }
        if file.content.room(at, len as usize, free) < len as usize {
            return Err(libc::ENOSPC);
        }
        let before = file.content.blocks();
        let size = file.content.size();
        file.reserve(at, len, if keep_size { size } else { size.max(end) });
        let more = file.content.blocks() - before;
        inode.attr.ctime = now;
        self.used += more;
        Ok(())
    }

    /// Copies between two files like copy_file_range(2). Returns the number of bytes, which is less at the end of the
    /// source or on a full disk.
    pub(crate) fn copy(
        &mut self,
        (from, from_at): (Ino, u64),
        (to, to_at): (Ino, u64),
        len: u64,
        now: Nanos,
    ) -> Result<u64, Errno> {
        let len = len.min(self.size(from)?.saturating_sub(from_at));
        self.size(to)?;
        if from == to && from_at < to_at.saturating_add(len) && to_at < from_at + len {
            return Err(libc::EINVAL);
        }
        let mut done = 0;
        while done < len {
            let mut part = vec![0; COPY.min(len - done) as usize];
            let moved = self
                .read_at(from, from_at + done, &mut part)
                .and_then(|_| self.write_at(to, to_at + done, &part, now));
            match moved {
                Ok(moved) => done += moved as u64,
                Err(errno) if done == 0 => return Err(errno),
                Err(_) => break,
            }
        }
        Ok(done)
    }

    pub(crate) fn stat(&self, ino: Ino) -> Result<Stat, Errno> {
        Ok(self.inode(ino)?.stat(ino))
    }

    /// Reads a symbolic link. For a path, the caller looks it up without following.
    pub(crate) fn readlink(&self, ino: Ino) -> Result<&[u8], Errno> {
        match &self.inode(ino)?.node {
            Node::Link(target) => Ok(target),
            _ => Err(libc::EINVAL),
        }
    }

    /// Lists a directory: `.` and `..`, then the others in the order of their inodes.
    pub(crate) fn read_dir(&self, ino: Ino) -> Result<Vec<Entry>, Errno> {
        let dir = self.dir(ino)?;
        self.alive(ino)?;
        let mut named: Vec<_> = dir.entries.iter().map(|(name, &ino)| (ino, &name[..])).collect();
        named.sort_unstable();
        let all = [(ino, &b"."[..]), (dir.parent, &b".."[..])].into_iter().chain(named);
        Ok(all.map(|(ino, name)| Entry { name: name.to_vec(), ino, kind: self.kind(ino) }).collect())
    }

    fn kind(&self, ino: Ino) -> u32 {
        self.nodes.get(&ino).map_or(libc::S_IFDIR, |inode| inode.node.type_bits())
    }

    pub(crate) fn chmod(&mut self, ino: Ino, mode: u32, now: Nanos) -> Result<(), Errno> {
        let inode = self.inode_mut(ino)?;
        if matches!(inode.node, Node::Link(_)) {
            return Err(libc::EOPNOTSUPP);
        }
        (inode.attr.mode, inode.attr.ctime) = (mode & 0o7777, now);
        Ok(())
    }

    pub(crate) fn set_times(&mut self, ino: Ino, times: Times, now: Nanos) -> Result<(), Errno> {
        let attr = &mut self.inode_mut(ino)?.attr;
        attr.atime = times.atime.unwrap_or(attr.atime);
        attr.mtime = times.mtime.unwrap_or(attr.mtime);
        if times.atime.is_some() || times.mtime.is_some() {
            attr.ctime = now;
        }
        Ok(())
    }

    /// Does what fsync(2) does: for a file its content and attributes, for a directory the names in it.
    pub(crate) fn sync(&mut self, ino: Ino) -> Result<(), Errno> {
        self.sync_data(ino)?;
        let inode = self.inode_mut(ino)?;
        inode.durable_attr = inode.attr;
        Ok(())
    }

    /// Does what fdatasync(2) does: like `sync`, without the attributes.
    pub(crate) fn sync_data(&mut self, ino: Ino) -> Result<(), Errno> {
        let error = self.next_error(Op::Sync);
        let inode = self.inode_mut(ino)?;
        match (&mut inode.node, error) {
            (Node::File(file), None) => file.sync(),
            (Node::File(file), Some(_)) => file.lose(),
            (Node::Dir(_), None) => self.sync_names(ino),
            _ => {}
        }
        let Some(error) = error else { return Ok(()) };
        self.inode_mut(ino)?.failed_syncs += 1;
        Err(error)
    }

    /// Returns how many syncs of an inode have failed. Linux reports a failure once to each descriptor that was open: the
    /// caller compares this with what it was at the descriptor's open or last fsync(2).
    pub(crate) fn failed_syncs(&self, ino: Ino) -> u64 {
        self.nodes.get(&ino).map_or(0, |inode| inode.failed_syncs)
    }

    /// Makes all names durable and no data, which is what ext4's journal does every five seconds.
    pub(crate) fn commit(&mut self) {
        self.commit_oldest(self.journal.len());
    }

    /// Makes everything durable, like the kernel's own threads do in time. No error is drawn for that.
    pub(crate) fn write_back(&mut self) {
        self.commit();
        for inode in self.nodes.values_mut() {
            inode.durable_attr = inode.attr;
            if let Node::File(file) = &mut inode.node {
                file.sync();
            }
        }
    }

    /// Does what sync(2) and syncfs(2) do. If it fails, the names are durable, and of the files' data nothing new is.
    pub(crate) fn sync_all(&mut self) -> Result<(), Errno> {
        let error = self.next_error(Op::Sync);
        self.commit();
        for inode in self.nodes.values_mut() {
            inode.durable_attr = inode.attr;
            match (&mut inode.node, error) {
                (Node::File(file), None) => file.sync(),
                (Node::File(file), Some(_)) if !file.log.is_empty() => {
                    file.lose();
                    inode.failed_syncs += 1;
                }
                _ => {}
            }
        }
        error.map_or(Ok(()), Err)
    }
}
