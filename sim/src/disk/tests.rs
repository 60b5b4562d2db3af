//! Tests of the disk, and what they share.

mod crash;
mod data;
mod faults;
mod kernel;
mod names;
mod paths;
mod random;
mod random_crash;
mod trees;

use std::cell::Cell;
use std::collections::BTreeMap;

use libc::{O_CREAT, O_RDWR};

use super::inode::Node;
use super::{CrashFaults, Disk, Ino};
use crate::Errno;
use crate::rng::Rng;

thread_local!(pub(super) static WORK: Cell<u64> = const { Cell::new(0) });

pub(super) const ROOT: Ino = Disk::ROOT;

/// A crash that keeps nothing but what is synced.
pub(super) const ALL_LOST: CrashFaults = CrashFaults { keep: 0.0, torn: 0.0, reorder: false };

pub(super) fn disk() -> Disk {
    Disk::new(1 << 30, Rng::new(1), 0)
}

impl Disk {
    /// Creates a file, writes it and closes it.
    fn save(&mut self, path: &str, bytes: &[u8]) -> Ino {
        let file = self.create_open(path).unwrap();
        assert_eq!(self.write_at(file, 0, bytes, 0), Ok(bytes.len()));
        self.close(file);
        file
    }

    fn create_open(&mut self, path: &str) -> Result<Ino, Errno> {
        self.open(ROOT, path.as_bytes(), O_RDWR | O_CREAT, 0o644, 0)
    }

    fn find(&self, path: &str) -> Result<Ino, Errno> {
        self.lookup(ROOT, path.as_bytes(), true)
    }

    fn load(&mut self, path: &str) -> Result<Vec<u8>, Errno> {
        let file = self.find(path)?;
        self.bytes(file)
    }

    fn bytes(&mut self, file: Ino) -> Result<Vec<u8>, Errno> {
        let mut bytes = vec![0xee; self.size(file)? as usize];
        assert_eq!(self.read_at(file, 0, &mut bytes), Ok(bytes.len()));
        Ok(bytes)
    }

    fn names(&self, path: &str) -> Vec<String> {
        let entries = self.read_dir(self.find(path).unwrap()).unwrap();
        entries.into_iter().map(|entry| String::from_utf8(entry.name).unwrap()).collect()
    }

    fn crash_all_lost(&mut self) {
        self.crash(&mut Rng::new(1), &ALL_LOST);
        self.check_after_crash();
    }

    /// Lists the whole tree, with the contents of the files.
    fn dump(&mut self) -> BTreeMap<String, (Ino, Vec<u8>)> {
        let (mut all, mut dirs) = (BTreeMap::new(), vec![(ROOT, String::new())]);
        while let Some((dir, path)) = dirs.pop() {
            for entry in self.read_dir(dir).unwrap().split_off(2) {
                let path = format!("{path}/{}", String::from_utf8(entry.name).unwrap());
                if entry.kind == libc::S_IFDIR {
                    dirs.push((entry.ino, path.clone()));
                }
                all.insert(path, (entry.ino, self.bytes(entry.ino).unwrap_or_default()));
            }
        }
        all
    }

    /// Checks the invariants of the tree and of the space.
    fn check(&self) {
        let mut pending = BTreeMap::<Ino, usize>::new();
        for set in self.journal.iter().flat_map(|step| &step.sets) {
            *pending.entry(set.dir).or_default() += 1;
        }
        let (mut links, mut used) = (BTreeMap::<Ino, u32>::from([(ROOT, 1)]), 0);
        for (ino, inode) in &self.nodes {
            let Node::Dir(dir) = &inode.node else { continue };
            assert_eq!(dir.pending, pending.remove(ino).unwrap_or(0), "steps in {ino}");
            for (name, child) in &dir.entries {
                assert!(inode.links > 0, "the removed directory {ino} has {name:?}");
                *links.entry(*child).or_default() += 1;
                if let Node::Dir(child) = &self.nodes[child].node {
                    assert_eq!(child.parent, *ino);
                }
            }
            let subdirs = dir.entries.values().filter(|child| self.dir(**child).is_ok()).count();
            assert_eq!(dir.subdirs as usize, subdirs, "subdirectories of {ino}");
            assert!(inode.links == 0 || self.anchors(*ino).unwrap().ends_with(&[ROOT]));
        }
        for (ino, inode) in &self.nodes {
            assert_eq!(inode.links, links.get(ino).copied().unwrap_or(0), "names of {ino}");
            assert!(inode.links + inode.opens + inode.held > 0, "{ino} should be free");
            used += if inode.links + inode.opens > 0 { inode.blocks() } else { 0 };
        }
        assert_eq!((self.used, pending.len()), (used, 0));
    }

    fn check_after_crash(&self) {
        self.check();
        assert!(self.journal.is_empty());
        for inode in self.nodes.values() {
            assert_eq!((inode.opens, inode.attr), (0, inode.durable_attr));
            match &inode.node {
                Node::Dir(dir) => assert_eq!((&dir.entries, dir.pending), (&dir.durable, 0)),
                Node::File(file) => assert!(file.log.is_empty() && file.lost.is_empty()),
                _ => {}
            }
        }
    }
}
