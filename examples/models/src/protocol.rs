//! What client and servers say to each other: a question of 64 bytes, and the same 64 bytes as the answer.
//!
//! The `aio` rungs serve a file: their question begins with the number of a block, and the answer is the block.

use crate::rungs::{BLOCK, block_content};
use load::Protocol;
use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

/// The bytes of a question. It is small enough to be typed, `printf '%-64s' hello | nc 127.0.0.1 7000`.
pub const MESSAGE: usize = 64;

pub type Message = [u8; MESSAGE];

/// A question that begins like this takes long to answer.
pub const SLOW: &[u8] = b"slow";

/// How long that takes: computing, not waiting.
pub const SLOW_TIME: Duration = Duration::from_millis(100);

/// How many different blocks are asked for. Each server of blocks has some more.
const BLOCKS: u64 = 1_000;

/// The questions of the client that measures.
pub struct Questions {
    /// The bytes of an answer. With [`BLOCK`], questions are numbers of blocks; otherwise they are their own answers.
    pub answer: usize,
    /// From this connection on, the questions are those that take long.
    pub slow_from: usize,
}

impl Protocol for Questions {
    fn ask(&self, connection: usize, sequence: u64, question: &mut Vec<u8>, answer: &mut Vec<u8>) {
        question.clear();
        let block = (connection as u64 * 7 + sequence) % BLOCKS;
        let written = if self.answer == BLOCK {
            write!(question, "{block} ")
        } else if connection >= self.slow_from {
            question.write_all(SLOW).and_then(|()| write!(question, " {connection} {sequence} "))
        } else {
            write!(question, "{connection} {sequence} ")
        };
        written.expect("a Vec takes everything");
        // The rest of it differs too.
        question.resize(MESSAGE, b'a' + ((connection as u64 + sequence) % 26) as u8);
        answer.clear();
        match self.answer {
            BLOCK => answer.extend_from_slice(&block_content(block)),
            _ => answer.extend_from_slice(question),
        }
    }
}

/// The handler: what a server does between question and answer.
pub fn answer(message: &mut Message) {
    if message.starts_with(SLOW) {
        let end = Instant::now() + SLOW_TIME;
        while Instant::now() < end {
            black_box(&message);
        }
    }
}
