//! Wakes from other threads: a channel and a bell that is always rung → an inbox that rings only who sleeps.
//!
//! A thread that sleeps in `epoll_wait` is woken by a write to an eventfd, which is a system call. If each message rings, a
//! hundred messages to a thread that is awake anyway are a hundred system calls.
//!
//! What goes wrong with a simple flag: the owner looks into its queue, finds it empty, and then says that it sleeps; a
//! message that comes between the two rings nobody, and is slept over. Rung 14e shows it. So the owner says it first, and
//! looks again. Both do it with a swap of one word, so that one of the two comes first.
//!
//! From `runtime/src/core/queue.rs`:
//! ```text
//! let _ = self.queue.push(item);
//! …
//! self.state.swap(NOTIFIED, AcqRel) == PARKED
//! ```
//!
//! In tokio: `runtime/scheduler/inject.rs` is the queue, behind a lock, and `runtime/io/driver.rs` rings mio's waker, an eventfd, for
//! each wake from another thread. With many workers, `runtime/scheduler/multi_thread/park.rs` has a word for each, so that
//! one is rung only if it sleeps. Which one is asked for, `runtime/scheduler/multi_thread/idle.rs` knows.

use super::{Part, Way};
use crate::sys;
use concurrent_queue::ConcurrentQueue;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU8, Ordering::AcqRel};
use std::sync::mpsc;

pub const PART: Part = Part {
    name: "inbox",
    operation: "send a message to a thread that is awake",
    simple: Way { what: "channel, always a ring", run: channel },
    ours: Way { what: "inbox, a ring for sleepers", run: inbox },
};

/// So many messages are read at a time.
const AT_A_TIME: u32 = 100;

fn bell() -> OwnedFd {
    sys::eventfd(libc::EFD_NONBLOCK).expect("there is a descriptor left")
}

fn channel(operations: u32) -> u64 {
    let (bell, (sender, receiver)) = (bell(), mpsc::channel());
    let mut sum = 0;
    for operation in 0..operations {
        sender.send(u64::from(operation) + 1).expect("the receiver is here");
        sys::add(&bell, 1);
        if operation % AT_A_TIME == AT_A_TIME - 1 || operation + 1 == operations {
            let _ = sys::take(&bell);
            sum += receiver.try_iter().sum::<u64>();
        }
    }
    sum
}

const RUNNING: u8 = 0;
const PARKED: u8 = 1;
const NOTIFIED: u8 = 2;

struct Inbox {
    queue: ConcurrentQueue<u64>,
    state: AtomicU8,
}

impl Inbox {
    fn new() -> Inbox {
        Inbox { queue: ConcurrentQueue::unbounded(), state: AtomicU8::new(RUNNING) }
    }

    /// Any thread. Returns whether the bell has to be rung.
    fn post(&self, item: u64) -> bool {
        let _ = self.queue.push(item);
        // Pairs with the swaps of `prepare_park` and `unpark`.
        self.state.swap(NOTIFIED, AcqRel) == PARKED
    }

    /// The owner, before it sleeps. Returns whether it may.
    fn prepare_park(&self) -> bool {
        self.state.swap(PARKED, AcqRel);
        let may_sleep = self.queue.is_empty();
        if !may_sleep {
            self.unpark();
        }
        may_sleep
    }

    fn unpark(&self) {
        self.state.swap(RUNNING, AcqRel);
    }
}

fn inbox(operations: u32) -> u64 {
    let (bell, inbox) = (bell(), Inbox::new());
    let mut sum = 0;
    for operation in 0..operations {
        if inbox.post(u64::from(operation) + 1) {
            sys::add(&bell, 1);
        }
        if operation % AT_A_TIME == AT_A_TIME - 1 || operation + 1 == operations {
            // It would sleep, and finds that there is something.
            assert!(!inbox.prepare_park());
            sum += std::iter::from_fn(|| inbox.queue.pop().ok()).sum::<u64>();
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    #[test]
    fn only_the_first_message_to_a_sleeper_rings() {
        let inbox = Inbox::new();
        assert!(!inbox.post(1));
        assert!(!inbox.prepare_park());
        inbox.queue.pop().unwrap();
        assert!(inbox.prepare_park());
        assert!(inbox.post(2) && !inbox.post(3));
        inbox.unpark();
        assert!(!inbox.post(4));
    }

    #[test]
    fn no_message_is_slept_over() {
        const MESSAGES: u64 = 20_000;
        let (inbox, bell, read) = (Arc::new(Inbox::new()), Arc::new(bell()), Arc::new(AtomicU64::new(0)));
        thread::scope(|scope| {
            scope.spawn(|| {
                for message in 1..=MESSAGES {
                    if inbox.post(message) {
                        sys::add(&*bell, 1);
                    }
                    // Now and then it waits until all is read, so that the owner sleeps.
                    while message % 100 == 0 && read.load(Ordering::Acquire) < message {
                        thread::yield_now();
                    }
                }
            });
            while read.load(Ordering::Relaxed) < MESSAGES {
                while inbox.queue.pop().is_ok() {
                    read.fetch_add(1, Ordering::Release);
                }
                if read.load(Ordering::Relaxed) < MESSAGES && inbox.prepare_park() {
                    let mut entry = [libc::pollfd {
                        fd: std::os::fd::AsRawFd::as_raw_fd(&*bell),
                        events: libc::POLLIN,
                        revents: 0,
                    }];
                    sys::poll(&mut entry, Some(std::time::Duration::from_secs(20))).unwrap();
                    assert!(entry[0].revents != 0, "slept over");
                    let _ = sys::take(&*bell);
                    inbox.unpark();
                }
            }
        });
    }
}
