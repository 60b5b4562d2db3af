//! A crash: the host loses power, and the disk keeps some of what was not synced.
//!
//! 1. What was synced stays. What is left of the rest depends on the generator alone.
//! 2. A file's changes are kept, lost or torn one by one. The unit is a sector: it is as it was after the last kept change
//!    to it, so an earlier change to the same sector is kept with a later one. The kernel writes whole pages from its
//!    cache, and the disk whole sectors.
//! 3. If a shrink is lost, all later changes of that file are lost too: the file system allocates the blocks of later
//!    writes in a later transaction of its journal.
//! 4. Of the steps of the journal a closed set is kept: see `tree`. By default that is also a prefix of the steps in each
//!    directory.
//! 5. Afterwards, what no name leads to is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use super::content::{BLOCK, Content};
use super::file::{Change, File};
use super::inode::Node;
use super::tree::{Step, close};
use super::{Disk, Ino};
use crate::rng::Rng;

const SECTOR: u64 = 512;

/// What a crash does to that which was not synced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CrashFaults {
    /// The probability that one change is kept whole.
    pub(crate) keep: f64,
    /// The probability that a write which is not kept whole is torn. Otherwise it is lost.
    pub(crate) torn: f64,
    /// The disk writes in any order: a torn write keeps any of its sectors instead of the first ones, and a directory
    /// any of its steps that can be kept without the others.
    pub(crate) reorder: bool,
}

impl CrashFaults {
    /// Draws one crash. With many changes, a fixed probability would never keep all of them or none.
    pub(crate) fn draw(rng: &mut Rng) -> CrashFaults {
        let keep = match rng.below(4) {
            0 => 0.0,
            1 => 1.0,
            _ => rng.below(1_000) as f64 / 1_000.0,
        };
        CrashFaults { keep, torn: 0.5, reorder: rng.chance(0.5) }
    }

    /// Draws one in the middle of a sync, when the disk has some of all that it was given.
    pub(crate) fn draw_in_a_sync(rng: &mut Rng) -> CrashFaults {
        let keep = if rng.chance(0.5) { 0.0 } else { rng.below(500) as f64 / 1_000.0 };
        CrashFaults { keep, torn: 1.0, reorder: rng.chance(0.5) }
    }
}

/// What is kept of a change.
enum Kept {
    Sectors { bytes: Vec<(u64, Vec<u8>)>, end: u64 },
    Grow(u64),
    Shrink(u64),
}

impl Disk {
    /// Crashes. All inodes are closed afterwards, and the volatile state is the durable one.
    pub(crate) fn crash(&mut self, rng: &mut Rng, faults: &CrashFaults) {
        for inode in self.nodes.values_mut() {
            if inode.attr != inode.durable_attr && !rng.chance(faults.keep) {
                inode.attr = inode.durable_attr;
            }
            inode.durable_attr = inode.attr;
            if let Node::File(file) = &mut inode.node {
                file.crash(rng, faults);
            }
        }
        let journal = mem::take(&mut self.journal);
        let mut kept = choose(&journal, rng, faults);
        close(&journal, &mut kept, !faults.reorder);
        for (step, _) in journal.iter().zip(kept).filter(|(_, kept)| *kept) {
            for set in &step.sets {
                self.apply(set);
            }
        }
        self.rebuild();
    }

    /// Makes the volatile tree from the durable one, and frees what is not in it.
    fn rebuild(&mut self) {
        let (mut reached, mut next) = (BTreeSet::new(), vec![Disk::ROOT]);
        let mut parents = BTreeMap::from([(Disk::ROOT, Disk::ROOT)]);
        for inode in self.nodes.values_mut() {
            (inode.links, inode.opens, inode.held, inode.linkable) = (0, 0, 0, false);
        }
        while let Some(ino) = next.pop() {
            let inode = self.nodes.get_mut(&ino).expect("a durable name has an inode");
            (inode.links, inode.held) = (inode.links + 1, inode.held + 1);
            if let (true, Node::Dir(dir)) = (reached.insert(ino), &mut inode.node) {
                if mem::take(&mut dir.pending) > 0 {
                    dir.entries = dir.durable.clone();
                }
                dir.subdirs = 0;
                next.extend(dir.entries.values());
                parents.extend(dir.entries.values().map(|&child| (child, ino)));
            }
        }
        self.nodes.retain(|ino, _| reached.contains(ino));
        self.set_parents(&parents);
        self.used = self.nodes.values().map(|inode| inode.blocks()).sum();
    }

    fn set_parents(&mut self, parents: &BTreeMap<Ino, Ino>) {
        for (&ino, &parent) in parents {
            let Node::Dir(dir) = &mut self.nodes.get_mut(&ino).expect("it was reached").node else {
                continue;
            };
            dir.parent = parent;
            if ino != Disk::ROOT {
                self.dir_mut(parent).subdirs += 1;
            }
        }
    }
}

/// Draws which steps of the journal are kept, before `close`.
fn choose(journal: &[Step], rng: &mut Rng, faults: &CrashFaults) -> Vec<bool> {
    if faults.reorder {
        return journal.iter().map(|_| rng.chance(faults.keep)).collect();
    }
    let mut counts = BTreeMap::<Ino, u64>::new();
    for set in journal.iter().flat_map(|step| &step.sets) {
        *counts.entry(set.dir).or_default() += 1;
    }
    for count in counts.values_mut() {
        *count = prefix(*count, rng, faults);
    }
    let mut keep = |dir: Ino| {
        let left = counts.get_mut(&dir).expect("all are counted");
        let kept = *left > 0;
        *left = left.saturating_sub(1);
        kept
    };
    journal.iter().map(|step| step.sets.iter().all(|set| keep(set.dir))).collect()
}

/// Draws how many of the oldest steps are kept: all, or any number.
fn prefix(count: u64, rng: &mut Rng, faults: &CrashFaults) -> u64 {
    if rng.chance(faults.keep) {
        count
    } else if faults.keep > 0.0 {
        rng.below(count + 1)
    } else {
        0
    }
}

impl File {
    fn crash(&mut self, rng: &mut Rng, faults: &CrashFaults) {
        let kept = self.roll_back(rng, faults);
        for (block, before) in mem::take(&mut self.lost) {
            if !rng.chance(faults.keep) {
                self.content.set_block(block, before);
            }
        }
        for change in kept.into_iter().rev() {
            self.content.redo(change);
        }
    }

    /// Undoes the log. Returns what is kept of it, the newest change first.
    fn roll_back(&mut self, rng: &mut Rng, faults: &CrashFaults) -> Vec<Kept> {
        let (mut kept, mut settled) = (Vec::new(), BTreeSet::new());
        for change in self.take_log().into_iter().rev() {
            let size = self.content.size();
            match &change {
                Change::Write { at, len, size: before, .. } => {
                    let sectors = fate(*at / SECTOR..(at + len).div_ceil(SECTOR), rng, faults);
                    let end = match sectors.last() {
                        Some(last) => size.min((last + 1) * SECTOR),
                        None if size > *before && rng.chance(faults.keep) => size,
                        None => 0,
                    };
                    // A later change that was kept has these sectors already, with this change in them.
                    let new = sectors.into_iter().filter(|sector| settled.insert(*sector));
                    let bytes = new.map(|sector| (sector, self.content.sector(sector))).collect();
                    if end > 0 {
                        kept.push(Kept::Sectors { bytes, end });
                    }
                }
                Change::Grow { to, .. } if rng.chance(faults.keep) => kept.push(Kept::Grow(*to)),
                Change::Shrink { to, .. } if !kept.is_empty() || rng.chance(faults.keep) => {
                    kept.push(Kept::Shrink(*to))
                }
                Change::Grow { .. } | Change::Shrink { .. } => {}
            }
            self.undo(change);
        }
        kept
    }
}

/// Draws which sectors of a write are kept.
fn fate(sectors: std::ops::Range<u64>, rng: &mut Rng, faults: &CrashFaults) -> Vec<u64> {
    if rng.chance(faults.keep) {
        sectors.collect()
    } else if !rng.chance(faults.torn) {
        Vec::new()
    } else if faults.reorder {
        sectors.filter(|_| rng.chance(0.5)).collect()
    } else {
        let count = rng.below(sectors.end - sectors.start) as usize;
        sectors.take(count).collect()
    }
}

impl Content {
    fn sector(&self, sector: u64) -> Vec<u8> {
        let mut bytes = vec![0; SECTOR as usize];
        self.read(sector * SECTOR, &mut bytes);
        bytes
    }

    fn redo(&mut self, kept: Kept) {
        match kept {
            Kept::Sectors { bytes, end } => {
                let size = self.size().max(end);
                for (sector, bytes) in bytes {
                    self.put(sector * SECTOR, &bytes);
                }
                self.set_size(size);
            }
            Kept::Grow(to) => self.grow(to),
            Kept::Shrink(to) if to < self.size() => drop(self.cut(to)),
            Kept::Shrink(to) => self.set_size(to),
        }
    }
}

const _: () = assert!(BLOCK % SECTOR == 0);
