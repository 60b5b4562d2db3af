//! Ten thousand tasks with sockets and timers, on cores that send each on all the time.

use super::share::{counts, here, on_restless_cores};
use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::net::UnixStream;
use ayi::runtime::Handle;
use ayi::sync::{OwnedSemaphorePermit, Semaphore};
use ayi::task::{JoinSet, yield_now};
use ayi::time::{Duration, sleep};
use std::sync::Arc;

const PAIRS: usize = 5_000;

/// The most pairs that are open at a time.
const OPEN: usize = 300;

/// How long a piece is that goes to and fro, and how many do.
const LEN: usize = 200;
const ROUNDS: usize = 3;

fn piece(pair: usize, round: usize) -> [u8; LEN] {
    std::array::from_fn(|at| (pair.wrapping_mul(131) ^ round.wrapping_mul(31) ^ at) as u8)
}

async fn pause(n: usize) {
    match n % 4 {
        0 => yield_now().await,
        1 => sleep(Duration::from_micros(n as u64 % 300)).await,
        _ => {}
    }
}

/// Writes, and reads what comes back. Returns how often it was on another core than before.
async fn asks(mut stream: UnixStream, pair: usize, permit: OwnedSemaphorePermit) -> usize {
    let (mut moves, mut last) = (0, here());
    for round in 0..ROUNDS {
        let (sent, mut got) = (piece(pair, round), [0; LEN]);
        stream.write_all(&sent).await.unwrap();
        pause(pair + round).await;
        stream.read_exact(&mut got).await.unwrap();
        assert_eq!(got, sent.map(|byte| !byte), "round {round} of pair {pair}");
        moves += usize::from(std::mem::replace(&mut last, here()) != here());
    }
    drop((stream, permit));
    moves
}

/// Reads, and writes back the complement of each byte.
async fn answers(mut stream: UnixStream, pair: usize) -> usize {
    let (mut moves, mut last, mut round) = (0, here(), 0);
    let mut buf = [0; LEN];
    while let Ok(len @ 1..) = stream.read(&mut buf).await {
        stream.read_exact(&mut buf[len..]).await.unwrap();
        assert_eq!(buf, piece(pair, round), "round {round} of pair {pair}");
        pause(pair / 2 + round).await;
        stream.write_all(&buf.map(|byte| !byte)).await.unwrap();
        round += 1;
        moves += usize::from(std::mem::replace(&mut last, here()) != here());
    }
    assert_eq!(round, ROUNDS);
    moves
}

fn storm<const CORES: usize>() {
    let moves = on_restless_cores(CORES, async |core| {
        let (open, handle) = (Arc::new(Semaphore::new(OPEN)), Handle::current());
        let (mut tasks, mut moves, mut ended) = (JoinSet::new(), 0, 0);
        for pair in 0..PAIRS {
            let permit = open.clone().acquire_owned().await.unwrap();
            let (near, far) = UnixStream::pair().unwrap();
            tasks.spawn_on(asks(near, pair, permit), &handle);
            tasks.spawn_on(answers(far, pair), &handle);
            while let Some(task) = tasks.try_join_next() {
                (moves, ended) = (moves + task.unwrap(), ended + 1);
            }
        }
        while let Some(task) = tasks.join_next().await {
            (moves, ended) = (moves + task.unwrap(), ended + 1);
        }
        assert_eq!(ended, 2 * PAIRS);
        let mut wanted = [(0, 0); CORES];
        wanted[0].1 = 2 * PAIRS as u64;
        counts(&core, wanted).await;
        moves
    });
    // Each has waited, and moved, many times.
    assert!(moves > PAIRS, "{moves} moves");
}

#[test]
fn a_storm_on_two_cores() {
    storm::<2>();
}

#[test]
fn a_storm_on_four_cores() {
    storm::<4>();
}
