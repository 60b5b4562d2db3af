//! The memory of a task: a `Box` for each → blocks that are kept.
//!
//! A server that spawns a task for each connection, or each request, asks the allocator for memory each time and gives it
//! back soon after. The thread can keep what its tasks give back, last in, first out, so that the next one gets memory that is
//! still in the processor's cache. Here blocks are of one type; ayi has lists by size.
//!
//! What goes wrong without a bound: the memory of the busiest minute is never given back. And tools that find memory errors
//! see no second allocation, so ayi can be built without it (`--cfg uncached`).
//!
//! From `runtime/src/services/blocks.rs`:
//! ```text
//! fn pop(&self, class: usize) -> Option<NonNull<Block>> {
//!     let block = self.first[class].get()?;
//!     // SAFETY: invariant 2.
//!     self.first[class].set(unsafe { block.as_ref() }.next);
//!     self.room.set(self.room.get() + size(class));
//!     Some(block)
//! }
//! ```
//!
//! In tokio: each task is one allocation for header, future and output together, the `Cell` of `runtime/task/core.rs`, which
//! `runtime/task/raw.rs` points to. The allocator is asked each time. Since a task may be dropped on any thread, what it gives back
//! would often be another thread's.

use super::{Part, Way};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

pub const PART: Part = Part {
    name: "blocks",
    operation: "spawn a task of 200 bytes, poll it, and end it",
    simple: Way { what: "Box", run: boxes },
    ours: Way { what: "kept blocks", run: kept },
};

/// It is ready at its first poll.
struct Task {
    number: u64,
    _more: [u64; 24],
}

impl Future for Task {
    type Output = u64;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u64> {
        Poll::Ready(self.number)
    }
}

fn task(number: u32) -> Task {
    Task { number: u64::from(number) + 1, _more: [u64::from(number); 24] }
}

/// So many live at a time.
const ALIVE: usize = 8;

fn poll(task: Pin<&mut Task>) -> u64 {
    match task.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(number) => number,
        Poll::Pending => unreachable!("it is ready at once"),
    }
}

fn boxes(operations: u32) -> u64 {
    let mut alive: [Option<Pin<Box<Task>>>; ALIVE] = Default::default();
    let mut sum = 0;
    for number in 0..operations {
        let place = &mut alive[number as usize % ALIVE];
        // What was there ends.
        *place = None;
        sum += poll(place.insert(Box::pin(task(number))).as_mut());
    }
    sum
}

/// How many blocks are kept at most.
const KEPT: usize = 1_000;

// It is the boxes that are kept, and not what is in them.
#[allow(clippy::vec_box)]
#[derive(Default)]
struct Blocks(Vec<Box<Option<Task>>>);

impl Blocks {
    fn fill(&mut self, task: Task) -> Box<Option<Task>> {
        match self.0.pop() {
            Some(mut block) => {
                *block = Some(task);
                block
            }
            None => Box::new(Some(task)),
        }
    }

    fn give_back(&mut self, mut block: Box<Option<Task>>) {
        *block = None;
        if self.0.len() < KEPT {
            self.0.push(block);
        }
    }
}

fn kept(operations: u32) -> u64 {
    let (mut blocks, mut sum) = (Blocks::default(), 0);
    let mut alive: [Option<Box<Option<Task>>>; ALIVE] = Default::default();
    for number in 0..operations {
        let place = &mut alive[number as usize % ALIVE];
        place.take().into_iter().for_each(|block| blocks.give_back(block));
        let block = place.insert(blocks.fill(task(number)));
        sum += poll(Pin::new(block.as_mut().as_mut().expect("it was filled")));
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_was_given_back_is_the_next_one_and_no_more_are_kept_than_is_said() {
        let mut blocks = Blocks::default();
        let first = blocks.fill(task(1));
        let address = &raw const *first;
        blocks.give_back(first);
        assert_eq!(&raw const *blocks.fill(task(2)), address);
        let many: Vec<_> = (0..2 * KEPT as u32).map(|number| blocks.fill(task(number))).collect();
        many.into_iter().for_each(|block| blocks.give_back(block));
        assert_eq!(blocks.0.len(), KEPT);
    }
}
