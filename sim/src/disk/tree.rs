//! The names: each change of the tree is one step, and the journal has the steps that are not durable.
//!
//! 1. A step sets one or two names at once. It is durable as a whole or not at all, so a rename is atomic.
//! 2. Each directory has two maps. `entries` is what programs see; `durable` is what has been synced. Applying the
//!    journal to `durable`, the oldest step first, gives `entries`.
//! 3. A set of steps can become durable without the others if it is *closed*: with each step it has the earlier ones
//!    that the step rests on. A step rests on an earlier one
//!    - that sets the same name;
//!    - that gives a name to an inode from which the step takes one, so that no inode loses its last durable name while
//!      its new name is lost;
//!    - that gives a name to one of its anchors. These are the directory in which a link or rename puts an inode that
//!      had a name before, and all directories above. So what was durable stays reachable, and there are no cycles: the
//!      chain above the new place is durable as it was when the kernel checked it;
//!    - that sets a name in a directory which the step removes.
//! 4. A new file or directory has no anchors: fsync(2) of a directory does not make the directory's own name durable.
//! 5. `held` of an inode counts the durable names and the mentions in the journal. The inode stays until that is 0.

use std::collections::BTreeSet;
use std::mem;

use super::inode::{Attr, Inode, Node};
use super::{Disk, Ino};
use crate::{Errno, Nanos};

/// Above this the older half of the journal is committed, like ext4 does when its journal is full. This bounds the
/// memory of a program that never syncs a directory.
const JOURNAL_STEPS: usize = 16_384;

pub(super) struct Step {
    pub(super) sets: Vec<Set>,
    pub(super) anchors: Vec<Ino>,
}

/// One name, and what it meant before and after.
pub(super) struct Set {
    pub(super) dir: Ino,
    pub(super) name: Vec<u8>,
    pub(super) old: Option<Ino>,
    pub(super) new: Option<Ino>,
}

impl Step {
    fn mentions(&self) -> impl Iterator<Item = Ino> + '_ {
        self.sets.iter().flat_map(|set| [set.old, set.new]).flatten()
    }

    fn adds(&self) -> impl Iterator<Item = Ino> + '_ {
        self.sets.iter().filter_map(|set| set.new)
    }

    /// Returns the inodes whose earlier names it rests on.
    fn needs(&self) -> impl Iterator<Item = Ino> + '_ {
        self.sets.iter().filter_map(|set| set.old).chain(self.anchors.iter().copied())
    }

    /// Returns the inodes that it removes without giving them another name.
    fn removes(&self) -> impl Iterator<Item = Ino> + '_ {
        self.sets.iter().filter_map(|set| set.old).filter(|old| !self.adds().any(|new| new == *old))
    }
}

/// The part of each rule in rule 3 that a set of steps has, to be compared with other steps.
#[derive(Default)]
struct Marks<'a> {
    names: BTreeSet<(Ino, &'a [u8])>,
    inodes: BTreeSet<Ino>,
    dirs: BTreeSet<Ino>,
}

/// Returns which steps have to become durable with those of one directory. `Marks` has what the chosen steps rest on.
fn closed(journal: &[Step], dir: Ino) -> Vec<bool> {
    let mut marks = Marks::default();
    let mut chosen = vec![false; journal.len()];
    for (step, chosen) in journal.iter().zip(&mut chosen).rev() {
        super::count(1);
        *chosen = step.sets.iter().any(|set| {
            set.dir == dir || marks.dirs.contains(&set.dir) || marks.names.contains(&(set.dir, &set.name[..]))
        }) || step.adds().any(|inode| marks.inodes.contains(&inode));
        if *chosen {
            marks.names.extend(step.sets.iter().map(|set| (set.dir, &set.name[..])));
            marks.inodes.extend(step.needs());
            marks.dirs.extend(step.removes());
        }
    }
    chosen
}

/// Takes from a choice all steps that rest on one that is not chosen. `Marks` has what the others would have given. With
/// `ordered`, a step also rests on all earlier ones in its directories.
pub(super) fn close(journal: &[Step], chosen: &mut [bool], ordered: bool) {
    let mut marks = Marks::default();
    for (step, chosen) in journal.iter().zip(chosen) {
        let blocked = step.sets.iter().any(|set| {
            marks.names.contains(&(set.dir, &set.name[..])) || ordered && marks.dirs.contains(&set.dir)
        }) || step.needs().any(|inode| marks.inodes.contains(&inode))
            || step.removes().any(|inode| marks.dirs.contains(&inode));
        *chosen &= !blocked;
        if !*chosen {
            marks.names.extend(step.sets.iter().map(|set| (set.dir, &set.name[..])));
            marks.inodes.extend(step.adds());
            marks.dirs.extend(step.sets.iter().map(|set| set.dir));
        }
    }
}

impl Disk {
    /// Returns the directory and all those above it.
    pub(super) fn anchors(&self, mut dir: Ino) -> Result<Vec<Ino>, Errno> {
        let mut chain = vec![dir];
        while dir != Disk::ROOT {
            dir = self.dir(dir)?.parent;
            chain.push(dir);
        }
        Ok(chain)
    }

    /// Makes a change of the tree, which the caller has checked.
    pub(super) fn record(&mut self, step: Step, now: Nanos) {
        for set in &step.sets {
            if let Some(old) = set.old {
                self.unname(set.dir, old);
            }
        }
        for set in &step.sets {
            self.set_entry(set, now);
        }
        for inode in step.mentions() {
            self.hold(inode);
            self.touch(inode, |attr| attr.ctime = now);
        }
        let gone: Vec<Ino> = step.removes().collect();
        self.journal.push(step);
        for inode in gone {
            self.dismiss(inode);
        }
        if self.journal.len() > JOURNAL_STEPS {
            self.commit_oldest(JOURNAL_STEPS / 2);
        }
    }

    fn unname(&mut self, dir: Ino, old: Ino) {
        let inode = self.nodes.get_mut(&old).expect("an entry has an inode");
        inode.links -= 1;
        if matches!(inode.node, Node::Dir(_)) {
            self.dir_mut(dir).subdirs -= 1;
        }
    }

    fn set_entry(&mut self, set: &Set, now: Nanos) {
        let mut is_dir = false;
        if let Some(new) = set.new {
            let inode = self.nodes.get_mut(&new).expect("an entry has an inode");
            inode.links += 1;
            if let Node::Dir(dir) = &mut inode.node {
                dir.parent = set.dir;
                is_dir = true;
            }
        }
        let dir = self.dir_mut(set.dir);
        dir.subdirs += u32::from(is_dir);
        dir.pending += 1;
        match set.new {
            Some(new) => dir.entries.insert(set.name.clone(), new),
            None => dir.entries.remove(&set.name),
        };
        self.touch(set.dir, |attr| (attr.mtime, attr.ctime) = (now, now));
    }

    pub(super) fn touch(&mut self, inode: Ino, change: impl FnOnce(&mut Attr)) {
        change(&mut self.nodes.get_mut(&inode).expect("an entry has an inode").attr);
    }

    fn hold(&mut self, inode: Ino) {
        self.nodes.get_mut(&inode).expect("an entry has an inode").held += 1;
    }

    fn release(&mut self, inode: Ino) {
        self.nodes.get_mut(&inode).expect("what is held exists").held -= 1;
        self.reap(inode);
    }

    /// Counts the space of an inode as free if programs can no longer reach it. Each caller has just taken its last name
    /// or closed it, so this happens once.
    pub(super) fn dismiss(&mut self, ino: Ino) {
        let inode = &self.nodes[&ino];
        if inode.links == 0 && inode.opens == 0 {
            self.used -= inode.blocks();
            self.reap(ino);
        }
    }

    /// Frees an inode that neither programs nor a crash can bring back.
    fn reap(&mut self, ino: Ino) {
        let inode = &self.nodes[&ino];
        if inode.links > 0 || inode.opens > 0 || inode.held > 0 {
            return;
        }
        if let Some(Inode { node: Node::Dir(dir), .. }) = self.nodes.remove(&ino) {
            for inode in dir.durable.into_values() {
                self.release(inode);
            }
        }
    }

    /// Makes the names in a directory durable, with the earlier steps that these rest on.
    pub(super) fn sync_names(&mut self, dir: Ino) {
        if self.dir_mut(dir).pending == 0 {
            return;
        }
        let chosen = closed(&self.journal, dir);
        let mut left = Vec::new();
        for (step, chosen) in mem::take(&mut self.journal).into_iter().zip(chosen) {
            if chosen {
                self.commit_step(step);
            } else {
                left.push(step);
            }
        }
        self.journal = left;
    }

    pub(super) fn commit_oldest(&mut self, steps: usize) {
        let left = self.journal.split_off(steps);
        for step in mem::replace(&mut self.journal, left) {
            self.commit_step(step);
        }
    }

    fn commit_step(&mut self, step: Step) {
        for set in &step.sets {
            let before = self.apply(set);
            self.dir_mut(set.dir).pending -= 1;
            if let Some(new) = set.new {
                self.hold(new);
            }
            if let Some(old) = before {
                self.release(old);
            }
        }
        for inode in step.mentions() {
            self.release(inode);
        }
    }

    /// Sets a durable name. Returns what it meant before.
    pub(super) fn apply(&mut self, set: &Set) -> Option<Ino> {
        let durable = &mut self.dir_mut(set.dir).durable;
        match set.new {
            Some(new) => durable.insert(set.name.clone(), new),
            None => durable.remove(&set.name),
        }
    }
}
