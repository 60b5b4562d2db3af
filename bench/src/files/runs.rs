//! The measurements: each piece of work once, for any runtime that has files, and for std.

use super::access::Files;
use super::contents::{self, BLOCK, PIECE, Random};
use send_wrapper::SendWrapper;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The length of a small file.
pub const SMALL: usize = 3_000;

/// Returns the small file of this number.
pub fn small(folder: &Path, number: u32) -> PathBuf {
    folder.join(number.to_string())
}

/// Makes `n` reads of random blocks, by `TASKS` tasks that share them.
pub fn read<R: Files, const TASKS: u32>(path: &Path, n: u32) -> io::Result<Duration> {
    async fn read_blocks<R: Files>(mut file: R::File, task: u32, n: u32) -> io::Result<SendWrapper<R::File>> {
        let mut random = Random::new(task.into());
        let mut used = None;
        for _ in 0..n {
            let number = random.block();
            let block = R::read_at(&mut file, used, BLOCK, number * BLOCK as u64).await?;
            contents::check(&block, BLOCK, number)?;
            used = Some(block);
        }
        Ok(SendWrapper::new(file))
    }

    R::block_on(async {
        let mut files = Vec::new();
        for _ in 0..TASKS {
            let mut file = R::open(path).await?;
            // What the runtime makes for its first read exists now.
            R::read_at(&mut file, None, BLOCK, 0).await?;
            files.push(file);
        }
        let start = Instant::now();
        let spawn = |(task, file)| R::spawn(SendWrapper::new(read_blocks::<R>(file, task, n / TASKS)));
        let tasks: Vec<_> = (0..).zip(files).map(spawn).collect();
        let mut ended = Vec::new();
        for task in tasks {
            ended.push(task.await);
        }
        let time = start.elapsed();
        for file in ended {
            R::close(file?.take()).await?;
        }
        R::check()?;
        Ok(time)
    })
}

pub fn read_std(path: &Path, n: u32) -> io::Result<Duration> {
    let file = File::open(path)?;
    let mut random = Random::new(0);
    let mut block = vec![0; BLOCK];
    let start = Instant::now();
    for _ in 0..n {
        let number = random.block();
        file.read_exact_at(&mut block, number * BLOCK as u64)?;
        contents::check(&block, BLOCK, number)?;
    }
    Ok(start.elapsed())
}

/// Makes a file of so many pieces, one after the other, until the kernel has all of them. It does not wait for the
/// disk, whose speed is no runtime's merit.
pub fn write<R: Files>(path: &Path, pieces: u32) -> io::Result<Duration> {
    R::block_on(async {
        let start = Instant::now();
        let mut file = R::create(path).await?;
        let mut piece = contents::piece();
        for number in 0..pieces.into() {
            contents::set_number(&mut piece, number);
            piece = R::write_at(&mut file, piece, number * PIECE as u64).await?;
        }
        R::flush(&mut file).await?;
        let time = start.elapsed();
        R::close(file).await?;
        R::check()?;
        Ok(time)
    })
}

pub fn write_std(path: &Path, pieces: u32) -> io::Result<Duration> {
    let start = Instant::now();
    let file = File::create(path)?;
    let mut piece = contents::piece();
    for number in 0..pieces.into() {
        contents::set_number(&mut piece, number);
        file.write_all_at(&piece, number * PIECE as u64)?;
    }
    Ok(start.elapsed())
}

/// Reads `n` small files, each as a whole, one after the other.
pub fn read_small<R: Files>(folder: &Path, n: u32) -> io::Result<Duration> {
    let paths: Vec<_> = (0..n).map(|number| small(folder, number)).collect();
    R::block_on(async {
        let start = Instant::now();
        for (number, path) in (0..).zip(&paths) {
            contents::check(&R::read(path).await?, SMALL, number)?;
        }
        let time = start.elapsed();
        R::check()?;
        Ok(time)
    })
}

pub fn read_small_std(folder: &Path, n: u32) -> io::Result<Duration> {
    let paths: Vec<_> = (0..n).map(|number| small(folder, number)).collect();
    let start = Instant::now();
    for (number, path) in (0..).zip(&paths) {
        contents::check(&std::fs::read(path)?, SMALL, number)?;
    }
    Ok(start.elapsed())
}

/// The runtimes that can copy a file as a whole.
macro_rules! copy {
    ($name:ident, $runtime:ty, $copy:path) => {
        pub fn $name(from: &Path, to: &Path) -> io::Result<Duration> {
            use crate::runtimes::Runtime;
            <$runtime>::block_on(async {
                let start = Instant::now();
                $copy(from, to).await?;
                Ok(start.elapsed())
            })
        }
    };
}

copy!(copy_ayi, crate::runtimes::Ayi, ayi::fs::copy);
copy!(copy_tokio, crate::runtimes::Tokio, tokio::fs::copy);
copy!(copy_smol, crate::runtimes::Smol, smol::fs::copy);

pub fn copy_std(from: &Path, to: &Path) -> io::Result<Duration> {
    let start = Instant::now();
    std::fs::copy(from, to)?;
    Ok(start.elapsed())
}
