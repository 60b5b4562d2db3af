//! What a name leads to: files, directories, symbolic links, and nodes without content.

use std::collections::BTreeMap;

use super::content::BLOCK;
use super::file::File;
use super::{Disk, Ino};
use crate::{Errno, Nanos};

/// Ext4 keeps the target of a symbolic link in the inode itself if it is no longer than this.
const INLINE_TARGET: usize = 59;

pub(super) struct Inode {
    pub(super) node: Node,
    pub(super) attr: Attr,
    pub(super) durable_attr: Attr,
    /// The names that programs see. A directory has one, or none once it is removed.
    pub(super) links: u32,
    pub(super) opens: u32,
    /// Durable names, and mentions in the journal: see `tree`.
    pub(super) held: u32,
    /// Made by `O_TMPFILE`, so that it may get its first name later.
    pub(super) linkable: bool,
    /// How many syncs of it have failed.
    pub(super) failed_syncs: u64,
}

pub(super) enum Node {
    File(File),
    Dir(Dir),
    Link(Vec<u8>),
    /// A fifo, a Unix socket or a device: these are its type bits.
    Special(u32),
}

#[derive(Default)]
pub(super) struct Dir {
    pub(super) parent: Ino,
    pub(super) entries: BTreeMap<Vec<u8>, Ino>,
    pub(super) durable: BTreeMap<Vec<u8>, Ino>,
    /// How many names the journal sets in this directory.
    pub(super) pending: usize,
    pub(super) subdirs: u32,
}

/// Permission bits and times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attr {
    pub(super) mode: u32,
    pub(super) atime: Nanos,
    pub(super) mtime: Nanos,
    pub(super) ctime: Nanos,
    pub(super) btime: Nanos,
}

/// What stat(2) says of an inode. The times are in nanoseconds, `blocks` in units of 512 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) ino: Ino,
    /// The type bits and the permission bits.
    pub(crate) mode: u32,
    pub(crate) nlink: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) size: u64,
    pub(crate) blocks: u64,
    pub(crate) atime: Nanos,
    pub(crate) mtime: Nanos,
    pub(crate) ctime: Nanos,
    pub(crate) btime: Nanos,
}

impl Node {
    pub(super) fn type_bits(&self) -> u32 {
        match self {
            Node::File(_) => libc::S_IFREG,
            Node::Dir(_) => libc::S_IFDIR,
            Node::Link(_) => libc::S_IFLNK,
            Node::Special(bits) => *bits,
        }
    }

    /// Returns the blocks that it takes.
    pub(super) fn blocks(&self) -> u64 {
        match self {
            Node::File(file) => file.content.blocks(),
            Node::Dir(_) => 1,
            Node::Link(target) => u64::from(target.len() > INLINE_TARGET),
            Node::Special(_) => 0,
        }
    }

    fn size(&self) -> u64 {
        match self {
            Node::File(file) => file.content.size(),
            Node::Dir(_) => BLOCK,
            Node::Link(target) => target.len() as u64,
            Node::Special(_) => 0,
        }
    }
}

impl Inode {
    pub(super) fn new(node: Node, mode: u32, now: Nanos) -> Inode {
        let attr = Attr { mode: mode & 0o7777, atime: now, mtime: now, ctime: now, btime: now };
        Inode {
            node,
            attr,
            durable_attr: attr,
            links: 0,
            opens: 0,
            held: 0,
            linkable: false,
            failed_syncs: 0,
        }
    }

    pub(super) fn blocks(&self) -> u64 {
        self.node.blocks()
    }

    fn nlink(&self) -> u32 {
        match &self.node {
            Node::Dir(dir) if self.links > 0 => 2 + dir.subdirs,
            _ => self.links,
        }
    }

    pub(super) fn stat(&self, ino: Ino) -> Stat {
        let Attr { mode, atime, mtime, ctime, btime } = self.attr;
        Stat {
            ino,
            mode: self.node.type_bits() | mode,
            nlink: self.nlink(),
            uid: 0,
            gid: 0,
            size: self.node.size(),
            blocks: self.blocks() * (BLOCK / 512),
            atime,
            mtime,
            ctime,
            btime,
        }
    }

    /// Returns the regular file, or the error that truncate(2) has for anything else.
    pub(super) fn file(&self) -> Result<&File, Errno> {
        match &self.node {
            Node::File(file) => Ok(file),
            Node::Dir(_) => Err(libc::EISDIR),
            _ => Err(libc::EINVAL),
        }
    }

    pub(super) fn file_mut(&mut self) -> Result<&mut File, Errno> {
        match &mut self.node {
            Node::File(file) => Ok(file),
            Node::Dir(_) => Err(libc::EISDIR),
            _ => Err(libc::EINVAL),
        }
    }
}

impl Disk {
    pub(super) fn inode(&self, ino: Ino) -> Result<&Inode, Errno> {
        self.nodes.get(&ino).ok_or(libc::ENOENT)
    }

    pub(super) fn inode_mut(&mut self, ino: Ino) -> Result<&mut Inode, Errno> {
        self.nodes.get_mut(&ino).ok_or(libc::ENOENT)
    }

    pub(super) fn dir(&self, ino: Ino) -> Result<&Dir, Errno> {
        match &self.inode(ino)?.node {
            Node::Dir(dir) => Ok(dir),
            _ => Err(libc::ENOTDIR),
        }
    }

    /// Returns a directory that a step of the journal, or the caller, has found already.
    pub(super) fn dir_mut(&mut self, ino: Ino) -> &mut Dir {
        match self.nodes.get_mut(&ino).map(|inode| &mut inode.node) {
            Some(Node::Dir(dir)) => dir,
            _ => unreachable!("a step is in a directory, and that stays until the step is durable"),
        }
    }

    /// Makes an inode that has no name yet, if there is space for it.
    pub(super) fn make(&mut self, node: Node, mode: u32, now: Nanos) -> Result<Ino, Errno> {
        let blocks = node.blocks();
        if blocks > self.free_blocks() {
            return Err(libc::ENOSPC);
        }
        self.used += blocks;
        let ino = self.next_ino;
        self.next_ino += 1;
        self.nodes.insert(ino, Inode::new(node, mode, now));
        Ok(ino)
    }
}
