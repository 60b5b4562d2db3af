//! Sockets alongside files: how long a light task waits for its turn while others read files without end.
//!
//! Like in fairness.rs the light task sends back each byte that comes on a socket, and another thread sends them, and
//! measures. That thread has the last core.

use super::access::Files;
use super::contents::{self, BLOCK, BLOCKS};
use crate::runtimes::{Ayi, Tokio};
use send_wrapper::SendWrapper;
use std::cell::Cell;
use std::hint::black_box;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// The cores of the runtime, and of the threads of its pool.
#[derive(Clone, Copy, PartialEq)]
pub enum Cores {
    First,
    /// They include that of the other thread.
    All,
}

/// The number of tasks that read.
const READERS: u64 = 8;
/// How many bytes they read at a time.
const LENGTH: usize = 256 << 10;
/// The number of questions before those that count.
const FIRST_QUESTIONS: u32 = 50;
const QUESTIONS: usize = 3_000;
/// There are fewer questions if they would take longer.
const LIMIT: Duration = Duration::from_secs(2);

/// Returns the latencies in order, and how long it took.
fn ask(mut questions: UnixStream) -> io::Result<(Vec<Duration>, Duration)> {
    questions.set_nonblocking(true)?;
    let mut latencies = Vec::with_capacity(QUESTIONS);
    let mut first = FIRST_QUESTIONS;
    let mut begin = Instant::now();
    while latencies.len() < QUESTIONS && begin.elapsed() < LIMIT {
        let start = Instant::now();
        questions.write_all(&[1])?;
        while let Err(error) = questions.read_exact(&mut [0]) {
            if error.kind() != ErrorKind::WouldBlock {
                return Err(error);
            }
        }
        if first > 0 {
            (first, begin) = (first - 1, Instant::now());
        } else {
            latencies.push(start.elapsed());
        }
    }
    let time = begin.elapsed();
    latencies.sort();
    Ok((latencies, time))
}

/// Reads the file, round and round, until it is over. Returns how often it read.
async fn read_on<R: Files>(mut file: R::File, first: u64, is_over: Rc<Cell<bool>>) -> io::Result<u64> {
    const BLOCKS_AT_A_TIME: u64 = (LENGTH / BLOCK) as u64;
    let (mut used, mut reads, mut block) = (None, 0, first);
    while !is_over.get() {
        let read = R::read_at(&mut file, used, LENGTH, block * BLOCK as u64).await?;
        contents::check(&read[..BLOCK], BLOCK, block)?;
        used = Some(read);
        reads += 1;
        block = (block + BLOCKS_AT_A_TIME) % BLOCKS;
    }
    R::close(file).await?;
    Ok(reads)
}

/// Makes glibc take buffers of this length from its heap from here on: it does so once it has been given a larger one
/// back. A buffer that it maps instead begins 16 bytes after a page does, and some processors of AMD read a file to
/// there at a fifth of the speed.
fn settle_allocator() {
    drop(black_box(Vec::<u8>::with_capacity(2 * LENGTH)));
}

/// Returns p50 and p99.9 in nanoseconds, and how many reads per second there were meanwhile.
fn beside<R: Files>(
    path: &Path,
    cores: Cores,
    light: impl AsyncFnOnce(UnixStream) -> io::Result<()>,
) -> io::Result<Vec<f64>> {
    settle_allocator();
    let (questions, answers) = UnixStream::pair()?;
    answers.set_nonblocking(true)?;
    let (send, all_read) = mpsc::channel();
    let other = thread::spawn(move || {
        load::stay_on_last_core()?;
        all_read.recv().map_err(io::Error::other)?;
        ask(questions)
    });
    if cores == Cores::First {
        // This comes only now: a thread begins on the cores of the one that starts it.
        load::stay_on_first_core()?;
    }
    let reads = R::block_on(async {
        let is_over = Rc::new(Cell::new(false));
        let mut readers = Vec::new();
        for reader in 0..READERS {
            let file = R::open(path).await?;
            let first = BLOCKS / READERS * reader;
            readers.push(R::spawn(SendWrapper::new(read_on::<R>(file, first, is_over.clone()))));
        }
        send.send(()).map_err(io::Error::other)?;
        light(answers).await?;
        is_over.set(true);
        let mut reads = 0;
        for reader in readers {
            reads += reader.await?;
        }
        R::check()?;
        io::Result::Ok(reads)
    })?;
    let (latencies, time) = other.join().expect("the other thread does not panic")?;
    let at = |part: usize| latencies[latencies.len() * part / 1000].as_nanos() as f64;
    Ok(vec![at(500), at(999), reads as f64 / time.as_secs_f64()])
}

pub fn on_ayi(path: &Path, cores: Cores) -> io::Result<Vec<f64>> {
    use ayi::io::{AsyncReadExt, AsyncWriteExt};
    beside::<Ayi>(path, cores, async |stream| {
        let mut stream = ayi::net::UnixStream::from_std(stream)?;
        let mut byte = [0];
        // This lasts until the other thread has got all its answers.
        while stream.read_exact(&mut byte).await.is_ok() && stream.write_all(&byte).await.is_ok() {}
        Ok(())
    })
}

pub fn on_tokio(path: &Path, cores: Cores) -> io::Result<Vec<f64>> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    beside::<Tokio>(path, cores, async |stream| {
        let mut stream = tokio::net::UnixStream::from_std(stream)?;
        let mut byte = [0];
        while stream.read_exact(&mut byte).await.is_ok() && stream.write_all(&byte).await.is_ok() {}
        Ok(())
    })
}
