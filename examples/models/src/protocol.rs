//! What client and servers say to each other: a question of 64 bytes, and the same 64 bytes as the answer.
//!
//! (The `aio` rungs serve a file: there the question begins with the number of a block, and the answer is the block.)

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Bytes of a question. Small enough to be typed, `printf '%-64s' hello | nc 127.0.0.1 7000`.
pub const MESSAGE: usize = 64;

pub type Message = [u8; MESSAGE];

/// A question that begins like this takes long to answer.
pub const SLOW: &[u8] = b"slow";

/// How long: computing, not waiting.
pub const SLOW_TIME: Duration = Duration::from_millis(100);

/// The handler: what a server does between question and answer.
pub fn answer(message: &mut Message) {
    if message.starts_with(SLOW) {
        let end = Instant::now() + SLOW_TIME;
        while Instant::now() < end {
            black_box(&message);
        }
    }
}
