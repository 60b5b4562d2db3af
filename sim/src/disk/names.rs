//! The calls that change names: mkdir(2), mknod(2), symlink(2), link(2), unlink(2), rmdir(2) and rename(2).
//!
//! The checks have the order of the kernel's fs/namei.c, so that a call with two mistakes fails with the same errno.

use libc::{RENAME_EXCHANGE, RENAME_NOREPLACE, S_IFDIR, S_IFMT};

use super::file::File;
use super::inode::{Dir, Node};
use super::path::{Last, PATH, Place};
use super::tree::{Set, Step};
use super::{Disk, Ino};
use crate::{Errno, Nanos};

/// Ext4's limit for the names of one file.
const MAX_LINKS: u32 = 65_000;

/// One side of a rename.
struct Side {
    dir: Ino,
    name: Vec<u8>,
    slash: bool,
    found: Option<Ino>,
}

impl Disk {
    pub(crate) fn mkdir(&mut self, base: Ino, path: &[u8], mode: u32, now: Nanos) -> Result<(), Errno> {
        let (dir, name) = self.vacant(base, path, true)?;
        // The set-id bits are not for mkdir(2): it knows the permissions and the sticky bit.
        self.put_new(dir, name, Node::Dir(Dir::default()), mode & 0o1777, now)
    }

    /// Makes a fifo, a Unix socket's node, a device or an empty file: the type is in `mode`.
    pub(crate) fn mknod(&mut self, base: Ino, path: &[u8], mode: u32, now: Nanos) -> Result<(), Errno> {
        let node = match mode & S_IFMT {
            0 | libc::S_IFREG => Node::File(File::default()),
            bits @ (libc::S_IFIFO | libc::S_IFSOCK | libc::S_IFCHR | libc::S_IFBLK) => Node::Special(bits),
            S_IFDIR => return Err(libc::EPERM),
            _ => return Err(libc::EINVAL),
        };
        let (dir, name) = self.vacant(base, path, false)?;
        self.put_new(dir, name, node, mode, now)
    }

    pub(crate) fn symlink(&mut self, target: &[u8], base: Ino, path: &[u8], now: Nanos) -> Result<(), Errno> {
        match target.len() {
            0 => return Err(libc::ENOENT),
            PATH.. => return Err(libc::ENAMETOOLONG),
            _ => {}
        }
        let (dir, name) = self.vacant(base, path, false)?;
        self.put_new(dir, name, Node::Link(target.to_vec()), 0o777, now)
    }

    fn put_new(&mut self, dir: Ino, name: Vec<u8>, node: Node, mode: u32, now: Nanos) -> Result<(), Errno> {
        let new = Some(self.make(node, mode, now)?);
        self.record(Step { sets: vec![Set { dir, name, old: None, new }], anchors: Vec::new() }, now);
        Ok(())
    }

    /// Gives an inode one more name. For a path on both sides, the caller looks up the first.
    pub(crate) fn link(&mut self, ino: Ino, base: Ino, path: &[u8], now: Nanos) -> Result<(), Errno> {
        let (dir, name) = self.vacant(base, path, false)?;
        let inode = self.inode(ino)?;
        match inode.node {
            Node::Dir(_) => return Err(libc::EPERM),
            _ if inode.links == 0 && !inode.linkable => return Err(libc::ENOENT),
            _ if inode.links >= MAX_LINKS => return Err(libc::EMLINK),
            _ => {}
        }
        let sets = vec![Set { dir, name, old: None, new: Some(ino) }];
        let anchors = self.anchors(dir)?;
        self.record(Step { sets, anchors }, now);
        // From now on it is a file like any other: once it has lost all its names, it gets none again.
        self.inode_mut(ino)?.linkable = false;
        Ok(())
    }

    pub(crate) fn unlink(&mut self, base: Ino, path: &[u8], now: Nanos) -> Result<(), Errno> {
        let place = self.place(base, path)?;
        if !matches!(place.last, Last::Name(_)) {
            return Err(libc::EISDIR);
        }
        let found = self.at(&place)?.ok_or(libc::ENOENT)?;
        match self.inode(found)?.node {
            Node::Dir(_) => Err(libc::EISDIR),
            _ if place.slash => Err(libc::ENOTDIR),
            _ => self.take_name(place, found, now),
        }
    }

    pub(crate) fn rmdir(&mut self, base: Ino, path: &[u8], now: Nanos) -> Result<(), Errno> {
        let place = self.place(base, path)?;
        match place.last {
            Last::Dot => return Err(libc::EINVAL),
            Last::DotDot => return Err(libc::ENOTEMPTY),
            Last::Root => return Err(libc::EBUSY),
            Last::Name(_) => {}
        }
        let found = self.at(&place)?.ok_or(libc::ENOENT)?;
        if !self.dir(found)?.entries.is_empty() {
            return Err(libc::ENOTEMPTY);
        }
        self.take_name(place, found, now)
    }

    fn take_name(&mut self, place: Place, found: Ino, now: Nanos) -> Result<(), Errno> {
        let Last::Name(name) = place.last else { unreachable!("the caller has looked") };
        let set = Set { dir: place.dir, name, old: Some(found), new: None };
        self.record(Step { sets: vec![set], anchors: Vec::new() }, now);
        Ok(())
    }

    /// Renames like renameat2(2): `flags` may be `RENAME_NOREPLACE` or `RENAME_EXCHANGE`.
    pub(crate) fn rename(
        &mut self,
        from_base: Ino,
        from: &[u8],
        to_base: Ino,
        to: &[u8],
        flags: u32,
        now: Nanos,
    ) -> Result<(), Errno> {
        if ![0, RENAME_NOREPLACE, RENAME_EXCHANGE].contains(&flags) {
            return Err(libc::EINVAL);
        }
        let (from, to) = (self.place(from_base, from)?, self.place(to_base, to)?);
        let from = self.side(from, libc::EBUSY)?;
        let to = self.side(to, if flags == RENAME_NOREPLACE { libc::EEXIST } else { libc::EBUSY })?;
        let moved = from.found.ok_or(libc::ENOENT)?;
        self.may_rename(moved, &from, &to, flags)?;
        if to.found == Some(moved) {
            return Ok(());
        }
        let back = to.found.filter(|_| flags == RENAME_EXCHANGE);
        let mut anchors = self.anchors(to.dir)?;
        if back.is_some() {
            anchors.extend(self.anchors(from.dir)?);
        }
        let sets = vec![
            Set { dir: from.dir, name: from.name, old: Some(moved), new: back },
            Set { dir: to.dir, name: to.name, old: to.found, new: Some(moved) },
        ];
        self.record(Step { sets, anchors }, now);
        Ok(())
    }

    fn side(&self, place: Place, not_a_name: Errno) -> Result<Side, Errno> {
        let found = self.at(&place);
        match place.last {
            Last::Name(name) => Ok(Side { dir: place.dir, name, slash: place.slash, found: found? }),
            _ => Err(not_a_name),
        }
    }

    /// The checks of the kernel's `do_renameat2`, `vfs_rename` and `ext4_rename`, in their order.
    fn may_rename(&self, moved: Ino, from: &Side, to: &Side, flags: u32) -> Result<(), Errno> {
        let exchange = flags == RENAME_EXCHANGE;
        let is_dir = self.dir(moved).is_ok();
        let to_dir = to.found.and_then(|found| self.dir(found).ok());
        if to.found.is_some() && flags == RENAME_NOREPLACE {
            return Err(libc::EEXIST);
        }
        if exchange && to.found.is_none() {
            return Err(libc::ENOENT);
        }
        if exchange && to_dir.is_none() && to.slash || !is_dir && (from.slash || !exchange && to.slash) {
            return Err(libc::ENOTDIR);
        }
        if self.anchors(to.dir)?.contains(&moved) {
            return Err(libc::EINVAL);
        }
        if to.found.is_some_and(|found| self.anchors(from.dir).is_ok_and(|above| above.contains(&found))) {
            return Err(if exchange { libc::EINVAL } else { libc::ENOTEMPTY });
        }
        match (to.found, to_dir) {
            (None, _) => self.alive(to.dir),
            (Some(found), _) if found == moved || exchange => Ok(()),
            (_, None) if is_dir => Err(libc::ENOTDIR),
            (_, Some(_)) if !is_dir => Err(libc::EISDIR),
            (_, Some(dir)) if !dir.entries.is_empty() => Err(libc::ENOTEMPTY),
            _ => Ok(()),
        }
    }
}
