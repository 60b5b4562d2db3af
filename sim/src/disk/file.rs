//! A regular file: what programs see, and the way back to what is durable.
//!
//! 1. `content` is what programs see. Undoing all of `log`, the newest change first, gives what has been synced.
//! 2. `lost` has the blocks whose last sync has failed, with what the disk has in their place. Programs, and the changes
//!    in the log, do not see that. The block leaves `lost` when it is written again and that is synced, since the kernel
//!    writes whole pages.
//! 3. The size is journalled: a failed sync makes it durable. Ext4 does the same with `data_err=ignore`, its default.
//! 4. A change costs memory for what it has overwritten, not for what it has written: an append costs a few words.
//!
//! Rule 2 is there because Linux marks the pages of a failed sync clean although they are not on the disk. It reports the
//! error once, and the next fsync(2) succeeds. PostgreSQL's developers found this in 2018 and called it fsyncgate.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use super::content::{BLOCK, Block, Content, Cut, blocks_of};

/// Above this the older half of the log is written back, like the kernel writes back what has been dirty for long. This
/// bounds the memory of a program that never syncs.
const DIRTY_BYTES: usize = 64 << 20;

#[derive(Default)]
pub(super) struct File {
    pub(super) content: Content,
    pub(super) log: Vec<Change>,
    pub(super) lost: BTreeMap<u64, Option<Block>>,
    logged: usize,
}

/// A change that is not durable, with what is needed to undo it. `size` is the file's size before the change.
pub(super) enum Change {
    Write { at: u64, len: u64, size: u64, old: Vec<u8>, fresh: Vec<u64> },
    Grow { size: u64, to: u64, fresh: Vec<u64> },
    Shrink { size: u64, to: u64, cut: Cut },
}

impl File {
    pub(super) fn write(&mut self, at: u64, bytes: &[u8]) {
        let (size, len) = (self.content.size(), bytes.len() as u64);
        let old = self.content.copy(at, at + len);
        let fresh = self.content.put(at, bytes);
        self.note(Change::Write { at, len, size, old, fresh });
    }

    pub(super) fn resize(&mut self, to: u64) {
        let size = self.content.size();
        if to > size {
            self.content.grow(to);
            self.note(Change::Grow { size, to, fresh: Vec::new() });
        } else {
            let cut = self.content.cut(to);
            if to < size || cut.bytes() > 0 {
                self.note(Change::Shrink { size, to, cut });
            }
        }
    }

    /// Allocates the blocks of a range, and makes the file end at `to` or later.
    pub(super) fn reserve(&mut self, at: u64, len: u64, to: u64) {
        let size = self.content.size();
        let fresh = self.content.reserve(at, len);
        self.content.grow(to);
        self.note(Change::Grow { size, to, fresh });
    }

    fn note(&mut self, change: Change) {
        self.logged += change.bytes();
        self.log.push(change);
        if self.logged > DIRTY_BYTES {
            self.settle(self.log.len().div_ceil(2));
        }
    }

    /// Makes everything durable, except for blocks that have been lost and not been written since.
    pub(super) fn sync(&mut self) {
        self.settle(self.log.len());
    }

    /// Makes the oldest changes durable.
    fn settle(&mut self, changes: usize) {
        for change in self.log.drain(..changes) {
            super::count(1);
            self.logged -= change.bytes();
            if self.lost.is_empty() {
                continue;
            }
            if let Change::Shrink { to, .. } = change {
                trim(&mut self.lost, to);
            }
            for block in change.touched() {
                self.lost.remove(&block);
            }
        }
    }

    /// A sync that fails: what it should have written is in the cache only, and no longer dirty.
    pub(super) fn lose(&mut self) {
        let touched: BTreeSet<u64> = self.log.iter().flat_map(Change::touched).collect();
        let seen: Vec<_> = touched.iter().map(|&block| (block, self.content.block(block))).collect();
        let (size, mut least) = (self.content.size(), u64::MAX);
        for change in mem::take(&mut self.log).into_iter().rev() {
            if let Change::Shrink { to, .. } = change {
                least = least.min(to);
            }
            self.undo(change);
        }
        self.logged = 0;
        if least < self.content.size() {
            self.content.cut(least);
        }
        trim(&mut self.lost, least);
        for (block, bytes) in seen {
            let before = self.content.block(block);
            self.lost.entry(block).or_insert(before);
            self.content.set_block(block, bytes);
        }
        self.content.set_size(size);
    }

    pub(super) fn undo(&mut self, change: Change) {
        match change {
            Change::Write { at, len, size, old, fresh } => {
                self.content.unput(at, at + len, &old, &fresh, size)
            }
            Change::Grow { size, fresh, .. } => self.content.unput(size, size, &[], &fresh, size),
            Change::Shrink { size, cut, .. } => self.content.uncut(cut, size),
        }
    }

    /// Forgets the log, once a crash has dealt with it.
    pub(super) fn take_log(&mut self) -> Vec<Change> {
        self.logged = 0;
        mem::take(&mut self.log)
    }
}

impl Change {
    /// Returns the blocks that it makes dirty. A shrink zeroes the rest of the block in which the file ends.
    fn touched(&self) -> impl Iterator<Item = u64> + '_ {
        let (blocks, reserved) = match self {
            Change::Write { at, len, .. } => (blocks_of(*at, *len), &[][..]),
            Change::Grow { fresh, .. } => (0..0, &fresh[..]),
            Change::Shrink { to, .. } => (blocks_of(*to, (BLOCK - to % BLOCK) % BLOCK), &[][..]),
        };
        blocks.chain(reserved.iter().copied())
    }

    /// Returns about how much memory it takes.
    fn bytes(&self) -> usize {
        mem::size_of::<Change>()
            + match self {
                Change::Write { old, fresh, .. } => old.len() + 8 * fresh.len(),
                Change::Grow { fresh, .. } => 8 * fresh.len(),
                Change::Shrink { cut, .. } => cut.bytes(),
            }
    }
}

/// Cuts what the disk has at `to`.
fn trim(lost: &mut BTreeMap<u64, Option<Block>>, to: u64) {
    lost.split_off(&to.div_ceil(BLOCK));
    if let Some(Some(block)) = lost.get_mut(&(to / BLOCK)) {
        block[(to % BLOCK) as usize..].fill(0);
    }
}
