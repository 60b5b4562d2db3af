//! The disk of one simulated host: what its programs see, and what a crash leaves of that.
//!
//! It is a data structure and nothing else: no I/O, and the time is passed in. It behaves like Linux with ext4 as seen
//! through system calls, errno values included. Between the programs and what is durable there is a volatile cache, as
//! in a real host:
//!
//! ```text
//!   programs ── write, truncate, create, rename, … ──► volatile state ── fsync ──► durable state
//!        ▲                                                  │                           │
//!        └──────────────── read, stat, read_dir ────────────┘     crash: a part of what was not synced is kept
//! ```
//!
//! 1. All calls but the syncs act on the volatile state. `sync` of a file makes its content, size and attributes durable,
//!    `sync_data` the content and size. Neither makes the *name* durable: that takes a `sync` of the directory. Ext4
//!    happens to sync the name of a new file too. POSIX does not promise it, and the strict rule finds more bugs.
//! 2. After `crash` both states are the same, and nothing is open.
//! 3. The same calls and the same generators give the same disk. Nothing iterates over a hash table.
//! 4. A call costs time for the data that it moves, and a sync for what is dirty, never for the size of the file.
//! 5. `used` counts the blocks of all inodes that programs can reach by a name or an open file.
//! 6. Inode numbers are never reused.
//!
//! | modelled | how |
//! |---|---|
//! | write-back cache | an undo log for each file: see `file` |
//! | directory operations | one journal for all, with what each operation rests on: see `tree` |
//! | a crash within a write | sectors of 512 bytes are kept or lost, alone or as a prefix: see `crash` |
//! | two writes to one sector | the sector is that of one moment, since the kernel writes whole pages |
//! | size after a lost append | the old size, or the new one with zeros |
//! | failed fsync(2) | the data is clean but not durable, and the next fsync(2) succeeds: see `file` |
//! | full disk | ENOSPC by blocks of 4,096 bytes, short writes, holes and reserved blocks |
//! | I/O errors | by probability or one at a time: see `faults` |
//! | the kernel's own write-back | when a file has 64 MiB of undo log, or the journal 16,384 steps; `commit` when called |
//!
//! | left out | what happens instead |
//! |---|---|
//! | permissions, owners | all belongs to root, and the caller is root |
//! | atime of reads | as with `noatime` |
//! | extended attributes, quotas, file locks, hard limits like RLIMIT_FSIZE | nothing |
//! | growing directories, a full inode table | a directory is always one block |
//! | ext4's `auto_da_alloc` | a rename over a file does not sync the new file's data |
//! | garbage after a crash | lost data reads as it was before, or as zeros |
//! | space that is free only once a removal is durable | it is free at once, so a crash can leave more than fits |
//! | a page of a failed sync that is evicted | programs see the new data until a crash |

mod content;
mod crash;
mod data;
mod faults;
mod file;
mod inode;
mod names;
mod open;
mod path;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeMap;

use self::content::BLOCK;
pub(crate) use self::crash::CrashFaults;
pub(crate) use self::data::{Entry, Times};
pub(crate) use self::faults::{Faults, Op};
pub(crate) use self::inode::Stat;
use self::inode::{Dir, Inode, Node};
use self::tree::Step;
use crate::Nanos;
use crate::rng::Rng;

/// The number of an inode.
pub(crate) type Ino = u64;

pub(crate) struct Disk {
    nodes: BTreeMap<Ino, Inode>,
    journal: Vec<Step>,
    next_ino: Ino,
    /// In blocks, like `capacity`.
    used: u64,
    capacity: u64,
    rng: Rng,
    faults: Faults,
    planned: Vec<(Op, i32)>,
}

/// What statfs(2) says, in blocks of `block_size` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Space {
    pub(crate) block_size: u64,
    pub(crate) blocks: u64,
    pub(crate) free: u64,
    /// The number of inodes in use.
    pub(crate) inodes: u64,
}

impl Disk {
    /// The root directory has the number that it has on ext4.
    pub(crate) const ROOT: Ino = 2;

    /// Makes an empty disk of so many bytes. The generator decides which calls fail.
    pub(crate) fn new(capacity: u64, rng: Rng, now: Nanos) -> Disk {
        let mut root = Inode::new(Node::Dir(Dir { parent: Disk::ROOT, ..Dir::default() }), 0o755, now);
        (root.links, root.held) = (1, 1);
        Disk {
            nodes: BTreeMap::from([(Disk::ROOT, root)]),
            journal: Vec::new(),
            // Ext4's first number that is not reserved is that of lost+found.
            next_ino: 12,
            used: 1,
            capacity: capacity / BLOCK,
            rng,
            faults: Faults::default(),
            planned: Vec::new(),
        }
    }

    /// Sets the size of the disk in bytes. It may be less than what is in use: then nothing more fits.
    pub(crate) fn set_capacity(&mut self, bytes: u64) {
        self.capacity = bytes / BLOCK;
    }

    pub(crate) fn space(&self) -> Space {
        let inodes = self.nodes.values().filter(|inode| inode.links + inode.opens > 0).count() as u64;
        Space { block_size: BLOCK, blocks: self.capacity, free: self.free_blocks(), inodes }
    }

    fn free_blocks(&self) -> u64 {
        self.capacity.saturating_sub(self.used)
    }
}

/// Counts work, for the test that a call costs no more than it should.
fn count(_work: u64) {
    #[cfg(test)]
    tests::WORK.with(|work| work.set(work.get() + _work));
}
