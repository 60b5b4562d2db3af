//! open(2), and the count of opens that keeps an inode alive without a name.

use libc::{
    O_ACCMODE, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_PATH, O_RDONLY, O_TMPFILE, O_TRUNC, c_int,
};

use super::file::File;
use super::inode::Node;
use super::path::{Last, Place};
use super::tree::{Set, Step};
use super::{Disk, Ino};
use crate::{Errno, Nanos};

impl Disk {
    /// Opens a path like open(2), and counts the open until `close`. The caller applies the umask to `mode`, checks the access mode
    /// at each read and write, and does what opening a fifo means.
    pub(crate) fn open(
        &mut self,
        base: Ino,
        path: &[u8],
        flags: c_int,
        mode: u32,
        now: Nanos,
    ) -> Result<Ino, Errno> {
        // O_PATH ignores all other flags.
        let flags = if flags & O_PATH == 0 { flags } else { flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW) };
        let found = if flags & O_TMPFILE == O_TMPFILE {
            self.open_unnamed(base, path, flags, mode, now)?
        } else if flags & O_CREAT != 0 && flags & O_DIRECTORY != 0 {
            return Err(libc::EINVAL);
        } else {
            self.open_named(base, path, flags, mode, now)?
        };
        self.inode_mut(found)?.opens += 1;
        Ok(found)
    }

    /// Counts one more open. The caller needs this for a directory that is some process's working directory.
    pub(crate) fn reopen(&mut self, ino: Ino) -> Result<(), Errno> {
        self.inode_mut(ino)?.opens += 1;
        Ok(())
    }

    /// Ends one open. An inode that has neither names nor opens is gone.
    pub(crate) fn close(&mut self, ino: Ino) {
        let Some(inode) = self.nodes.get_mut(&ino) else { return };
        debug_assert!(inode.opens > 0, "inode {ino} was closed more often than opened");
        inode.opens -= 1;
        self.dismiss(ino);
    }

    fn open_unnamed(
        &mut self,
        base: Ino,
        path: &[u8],
        flags: c_int,
        mode: u32,
        now: Nanos,
    ) -> Result<Ino, Errno> {
        if flags & O_CREAT != 0 || flags & O_ACCMODE == O_RDONLY {
            return Err(libc::EINVAL);
        }
        let dir = self.lookup(base, path, true)?;
        self.dir(dir)?;
        let ino = self.make(Node::File(File::default()), mode, now)?;
        self.inode_mut(ino)?.linkable = flags & O_EXCL == 0;
        Ok(ino)
    }

    fn open_named(
        &mut self,
        base: Ino,
        path: &[u8],
        flags: c_int,
        mode: u32,
        now: Nanos,
    ) -> Result<Ino, Errno> {
        let create = flags & O_CREAT != 0;
        let follow = flags & O_NOFOLLOW == 0 && !(create && flags & O_EXCL != 0);
        let mut place = self.place(base, path)?;
        loop {
            if create && place.slash && matches!(place.last, Last::Name(_)) {
                return Err(libc::EISDIR);
            }
            let Some(found) = self.at(&place)? else {
                return if create { self.create(place, mode, now) } else { Err(libc::ENOENT) };
            };
            match &self.inode(found)?.node {
                Node::Link(target) if follow || place.slash => place = self.follow(&place, target)?,
                node => {
                    may_open(node, flags, place.slash)?;
                    if flags & O_TRUNC != 0 && matches!(node, Node::File(_)) {
                        self.truncate(found, 0, now)?;
                    }
                    return Ok(found);
                }
            }
        }
    }

    fn create(&mut self, place: Place, mode: u32, now: Nanos) -> Result<Ino, Errno> {
        let Last::Name(name) = place.last else { unreachable!("anything but a name exists") };
        self.alive(place.dir)?;
        let ino = self.make(Node::File(File::default()), mode, now)?;
        let set = Set { dir: place.dir, name, old: None, new: Some(ino) };
        self.record(Step { sets: vec![set], anchors: Vec::new() }, now);
        Ok(ino)
    }
}

/// The checks of the kernel's `do_open` and `may_open` for an inode that exists, in their order.
fn may_open(node: &Node, flags: c_int, slash: bool) -> Result<(), Errno> {
    let (is_dir, create) = (matches!(node, Node::Dir(_)), flags & O_CREAT != 0);
    let writes = flags & O_ACCMODE != O_RDONLY || flags & O_TRUNC != 0;
    let path_only = flags & O_PATH != 0;
    match node {
        _ if create && flags & O_EXCL != 0 => Err(libc::EEXIST),
        Node::Dir(_) if create => Err(libc::EISDIR),
        _ if !is_dir && (slash || flags & O_DIRECTORY != 0) => Err(libc::ENOTDIR),
        Node::Link(_) if !path_only => Err(libc::ELOOP),
        Node::Dir(_) if writes => Err(libc::EISDIR),
        Node::Special(libc::S_IFSOCK) if !path_only => Err(libc::ENXIO),
        _ => Ok(()),
    }
}
