//! The contents of the files, which show whether the right bytes were read and written: each block of 4 KiB, and each
//! piece of 64 KiB, has its number at its beginning and at its end.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The bytes of a random read.
pub const BLOCK: usize = 4 << 10;
/// The bytes of a write.
pub const PIECE: usize = 64 << 10;
pub const PIECES_OF_MIB: u32 = (1 << 20) / PIECE as u32;
/// The number of blocks in the file that is read at random: 64 MiB.
pub const BLOCKS: u64 = 1 << 14;

/// Which blocks are read: the same on all runtimes.
pub struct Random(u64);

impl Random {
    pub fn new(task: u64) -> Random {
        Random(task.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// Returns the number of a block: the upper 14 bits of a linear congruential generator with Knuth's constants.
    pub fn block(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> (64 - BLOCKS.ilog2())
    }
}

pub fn set_number(bytes: &mut [u8], number: u64) {
    let number = number.to_le_bytes();
    let end = bytes.len() - number.len();
    bytes[..number.len()].copy_from_slice(&number);
    bytes[end..].copy_from_slice(&number);
}

/// Makes a piece to write numbers into.
pub fn piece() -> Vec<u8> {
    vec![b'.'; PIECE]
}

/// Checks that these are all the bytes that have this number.
pub fn check(bytes: &[u8], len: usize, number: u64) -> io::Result<()> {
    let number = number.to_le_bytes();
    if bytes.len() == len && bytes.starts_with(&number) && bytes.ends_with(&number) {
        return Ok(());
    }
    Err(io::Error::other(format!("the bytes are not those of the file: {} of {len}", bytes.len())))
}

/// Makes a file of numbered parts.
pub fn make(path: &Path, parts: u64, len: usize) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(PIECE, File::create(path)?);
    let mut part = vec![b'.'; len];
    for number in 0..parts {
        set_number(&mut part, number);
        file.write_all(&part)?;
    }
    file.into_inner()?;
    Ok(())
}

/// Checks that a file has so many numbered pieces.
pub fn check_pieces(path: &Path, pieces: u64) -> io::Result<()> {
    let file = File::open(path)?;
    if file.metadata()?.len() != pieces * PIECE as u64 {
        return Err(io::Error::other("the file has not the right size"));
    }
    for number in 0..pieces {
        let mut ends = [0; 16];
        let start = number * PIECE as u64;
        file.read_exact_at(&mut ends[..8], start)?;
        file.read_exact_at(&mut ends[8..], start + PIECE as u64 - 8)?;
        check(&ends, 16, number)?;
    }
    Ok(())
}
