//! The bytes of one file, as programs see them.
//!
//! 1. A file is made of blocks. A block that is missing is a hole: it reads as zeros and takes no space.
//! 2. All bytes at and past `size` are zero, in every block that exists.
//! 3. Nothing here looks at blocks outside the range that it is asked for, except `cut`, which moves those past its
//!    point.

use std::collections::BTreeMap;
use std::ops::Range;

/// The unit in which space is handed out: ext4's block, and also the page of the page cache.
pub(super) const BLOCK: u64 = 4_096;

pub(super) type Block = Box<[u8; BLOCK as usize]>;

#[derive(Default)]
pub(super) struct Content {
    blocks: BTreeMap<u64, Block>,
    size: u64,
}

/// What `cut` has removed: the bytes of the block in which the new end is, and the blocks past it.
pub(super) struct Cut {
    tail: Vec<u8>,
    blocks: BTreeMap<u64, Block>,
}

impl Content {
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Returns the number of blocks that exist.
    pub(super) fn blocks(&self) -> u64 {
        self.blocks.len() as u64
    }

    /// Reads into the start of `buf`, up to the end of the file. Returns the number of bytes.
    pub(super) fn read(&self, at: u64, buf: &mut [u8]) -> usize {
        let len = self.size.saturating_sub(at).min(buf.len() as u64) as usize;
        for piece in pieces(at, len) {
            let part = &mut buf[piece.buffer];
            match self.blocks.get(&piece.block) {
                Some(block) => part.copy_from_slice(&block[piece.inside]),
                None => part.fill(0),
            }
        }
        len
    }

    /// Returns the bytes from `at` to `end`, or to the end of the file if that comes first.
    pub(super) fn copy(&self, at: u64, end: u64) -> Vec<u8> {
        let mut bytes = vec![0; end.min(self.size).saturating_sub(at) as usize];
        self.read(at, &mut bytes);
        bytes
    }

    /// Returns how much of a write fits if only `free` more blocks can be had.
    pub(super) fn room(&self, at: u64, len: usize, mut free: u64) -> usize {
        for piece in pieces(at, len) {
            if !self.blocks.contains_key(&piece.block) {
                if free == 0 {
                    return piece.buffer.start;
                }
                free -= 1;
            }
        }
        len
    }

    /// Writes, and extends the file if needed. Returns the blocks that did not exist before.
    pub(super) fn put(&mut self, at: u64, bytes: &[u8]) -> Vec<u64> {
        let mut fresh = Vec::new();
        for piece in pieces(at, bytes.len()) {
            let block = self.blocks.entry(piece.block).or_insert_with(|| {
                fresh.push(piece.block);
                Box::new([0; BLOCK as usize])
            });
            block[piece.inside].copy_from_slice(&bytes[piece.buffer]);
        }
        self.grow(at + bytes.len() as u64);
        fresh
    }

    /// Makes the blocks of a range exist. Returns those that did not exist before.
    pub(super) fn reserve(&mut self, at: u64, len: u64) -> Vec<u64> {
        let mut fresh = Vec::new();
        for block in blocks_of(at, len) {
            self.blocks.entry(block).or_insert_with(|| {
                fresh.push(block);
                Box::new([0; BLOCK as usize])
            });
        }
        fresh
    }

    pub(super) fn grow(&mut self, to: u64) {
        self.size = self.size.max(to);
    }

    /// Ends the file at `to`, which is no more than its size, and frees all blocks past that.
    pub(super) fn cut(&mut self, to: u64) -> Cut {
        let (inside, left) = ((to % BLOCK) as usize, self.size - to);
        let mut tail = Vec::new();
        if let Some(block) = self.blocks.get_mut(&(to / BLOCK)).filter(|_| inside > 0) {
            let end = left.min(BLOCK - inside as u64) as usize + inside;
            tail.extend_from_slice(&block[inside..end]);
            block[inside..end].fill(0);
        }
        self.size = to;
        Cut { tail, blocks: self.blocks.split_off(&to.div_ceil(BLOCK)) }
    }

    /// Reverts `cut`: the file ends where it did.
    pub(super) fn uncut(&mut self, cut: Cut, size: u64) {
        self.blocks.extend(cut.blocks);
        self.put(self.size, &cut.tail);
        self.size = size;
    }

    /// Reverts `put` and `reserve`: the old bytes come back, the fresh blocks go, and the file ends where it did.
    pub(super) fn unput(&mut self, at: u64, end: u64, old: &[u8], fresh: &[u64], size: u64) {
        let zeros = at + old.len() as u64;
        for block in fresh {
            self.blocks.remove(block);
        }
        self.overwrite(at, old);
        self.overwrite(zeros, &vec![0; (end - zeros) as usize]);
        self.size = size;
    }

    /// Writes to the blocks that exist. The others would get zeros, which they have.
    fn overwrite(&mut self, at: u64, bytes: &[u8]) {
        for piece in pieces(at, bytes.len()) {
            if let Some(block) = self.blocks.get_mut(&piece.block) {
                block[piece.inside].copy_from_slice(&bytes[piece.buffer]);
            }
        }
    }

    /// Finds the first byte from `from` on that is in a block, or in a hole if not `is_data`. The end of the file is a
    /// hole. `None` if there is no such byte, or `from` is not within the file.
    pub(super) fn seek(&self, from: u64, is_data: bool) -> Option<u64> {
        if from >= self.size {
            return None;
        }
        let first = from / BLOCK;
        let block = if is_data {
            *self.blocks.range(first..).next()?.0
        } else {
            let full = self.blocks.range(first..).zip(first..).take_while(|((block, _), at)| *block == at);
            first + full.count() as u64
        };
        let found = from.max(block.saturating_mul(BLOCK));
        if is_data { Some(found).filter(|found| *found < self.size) } else { Some(found.min(self.size)) }
    }

    pub(super) fn block(&self, block: u64) -> Option<Block> {
        self.blocks.get(&block).cloned()
    }

    pub(super) fn set_block(&mut self, block: u64, to: Option<Block>) {
        match to {
            Some(bytes) => self.blocks.insert(block, bytes),
            None => self.blocks.remove(&block),
        };
    }

    /// Sets the size alone. The caller promises invariant 2.
    pub(super) fn set_size(&mut self, size: u64) {
        self.size = size;
    }
}

impl Cut {
    /// Returns the number of bytes that it holds in memory.
    pub(super) fn bytes(&self) -> usize {
        self.tail.len() + self.blocks.len() * BLOCK as usize
    }
}

/// The part of a transfer that concerns one block.
struct Piece {
    block: u64,
    inside: Range<usize>,
    buffer: Range<usize>,
}

fn pieces(at: u64, len: usize) -> impl Iterator<Item = Piece> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let (position, left) = (at + done as u64, len - done);
        let start = (position % BLOCK) as usize;
        let count = left.min(BLOCK as usize - start);
        let piece =
            Piece { block: position / BLOCK, inside: start..start + count, buffer: done..done + count };
        done += count;
        super::count(1);
        (count > 0).then_some(piece)
    })
}

/// Returns the blocks of which a range has bytes.
pub(super) fn blocks_of(at: u64, len: u64) -> Range<u64> {
    if len == 0 { 0..0 } else { at / BLOCK..(at + len).div_ceil(BLOCK) }
}
