//! A ring that is written by hand: the kernel's own cost, and nothing else.

use super::contents::{self, BLOCK, PIECE, Random};
use io_uring::{IoUring, opcode, types};
use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::{Duration, Instant};

fn ring(entries: u32) -> io::Result<IoUring> {
    IoUring::builder()
        .setup_single_issuer()
        .setup_defer_taskrun()
        .build(entries)
        .map_err(|error| io::Error::other(format!("the system refuses io_uring: {error}")))
}

/// Submits what is queued, and waits for so many completions.
fn enter(ring: &IoUring, wanted: usize) -> io::Result<()> {
    loop {
        match ring.submit_and_wait(wanted) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result.map(drop),
        }
    }
}

/// Makes `n` reads of random blocks, `DEPTH` at a time.
pub fn read<const DEPTH: usize>(path: &Path, n: u32) -> io::Result<Duration> {
    let mut ring = ring(DEPTH as u32)?;
    let file = File::open(path)?;
    // If an error comes before the completions, the kernel may still write to the blocks: they are leaked then.
    let mut blocks = ManuallyDrop::new(vec![vec![0; BLOCK]; DEPTH]);
    let mut random: [_; DEPTH] = std::array::from_fn(|task| Random::new(task as u64));
    let mut asked = [0; DEPTH];
    let start = Instant::now();
    for _ in 0..n / DEPTH as u32 {
        let mut queue = ring.submission();
        for (i, block) in blocks.iter_mut().enumerate() {
            asked[i] = random[i].block();
            let read = opcode::Read::new(types::Fd(file.as_raw_fd()), block.as_mut_ptr(), BLOCK as u32)
                .offset(asked[i] * BLOCK as u64)
                .build()
                .user_data(i as u64);
            // SAFETY: the file is open, and the block there, until the read is completed, which is waited for.
            unsafe { queue.push(&read) }.expect("it has room for all");
        }
        drop(queue);
        enter(&ring, DEPTH)?;
        for completion in ring.completion() {
            let i = completion.user_data() as usize;
            contents::check(&blocks[i][..length(completion.result())?], BLOCK, asked[i])?;
        }
    }
    let time = start.elapsed();
    drop(ManuallyDrop::into_inner(blocks));
    Ok(time)
}

/// Writes so many numbered pieces, one after the other.
pub fn write(path: &Path, pieces: u32) -> io::Result<Duration> {
    let mut ring = ring(1)?;
    let start = Instant::now();
    let file = File::create(path)?;
    let mut piece = ManuallyDrop::new(contents::piece());
    for number in 0..pieces.into() {
        contents::set_number(&mut piece, number);
        let write = opcode::Write::new(types::Fd(file.as_raw_fd()), piece.as_ptr(), PIECE as u32)
            .offset(number * PIECE as u64)
            .build();
        // SAFETY: as above.
        unsafe { ring.submission().push(&write) }.expect("it has room for one");
        enter(&ring, 1)?;
        for completion in ring.completion() {
            if length(completion.result())? != PIECE {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
    }
    let time = start.elapsed();
    drop(ManuallyDrop::into_inner(piece));
    Ok(time)
}

fn length(result: i32) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result))
}
