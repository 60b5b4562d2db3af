//! What lies about: handles, wakers, timers, sockets, tokens, sets.

use super::actor::Output;
use ayi::net::UnixStream;
use ayi::runtime::CancellationToken;
use ayi::runtime::{Handle, Id};
use ayi::task::{AbortHandle, JoinHandle, JoinSet};
use ayi::time::{Instant, Sleep};
use std::cell::RefCell;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Waker;

pub enum Thing {
    /// Of a task, or of something that is none.
    Waker {
        of: Option<usize>,
        waker: Waker,
    },
    Join {
        of: usize,
        handle: JoinHandle<Output>,
    },
    Abort {
        of: usize,
        handle: AbortHandle,
    },
    Sleep {
        number: usize,
        runtime: Id,
        sleep: Pin<Box<Sleep>>,
    },
    Wait {
        number: usize,
        on: On,
        future: Pin<Box<dyn Future<Output = ()> + Send>>,
    },
    /// One end of a pair.
    Stream {
        pair: usize,
        side: bool,
        stream: Arc<UnixStream>,
    },
    Token {
        number: usize,
        token: CancellationToken,
    },
    Set(JoinSet<Output>),
    Handle(Handle),
}

/// What somebody waits for.
#[derive(Clone, Copy, PartialEq)]
pub enum On {
    Time(Instant),
    Readable { pair: usize, side: bool },
    Token(usize),
}

/// Who waits, with which thing, for what.
struct Waiter {
    task: usize,
    with: usize,
    on: On,
    has_happened: bool,
}

impl Waiter {
    fn is_over(&self) -> bool {
        self.has_happened || matches!(self.on, On::Time(deadline) if deadline <= Instant::now())
    }
}

#[derive(Default)]
pub struct Waits {
    waiters: RefCell<Vec<Waiter>>,
    /// Of each token, the one it was made from.
    parents: RefCell<Vec<Option<usize>>>,
}

impl Waits {
    /// A thing has been polled: by a task, and it is pending; else nobody waits with it any more.
    pub fn polled(&self, with: usize, by: Option<(usize, On)>) {
        let mut waiters = self.waiters.borrow_mut();
        waiters.retain(|waiter| waiter.with != with);
        waiters.extend(by.map(|(task, on)| Waiter { task, with, on, has_happened: false }));
    }

    /// The deadline was moved, and who waits goes on waiting; unless it has been woken already.
    pub fn moved(&self, with: usize, to: Instant) {
        let mut waiters = self.waiters.borrow_mut();
        waiters.retain(|waiter| waiter.with != with || !waiter.is_over());
        waiters.iter_mut().filter(|waiter| waiter.with == with).for_each(|waiter| waiter.on = On::Time(to));
    }

    /// A task is polled: what it was woken for will not wake it once more. (For a socket that may have been what was
    /// written before it waited.)
    pub fn forget_past(&self, task: usize) {
        let is_past = |waiter: &Waiter| waiter.is_over() || matches!(waiter.on, On::Readable { .. });
        self.waiters.borrow_mut().retain(|waiter| waiter.task != task || !is_past(waiter));
    }

    /// The tasks that wait for what has happened.
    pub fn late(&self) -> Vec<usize> {
        let waiters = self.waiters.borrow();
        waiters.iter().filter(|waiter| waiter.is_over()).map(|waiter| waiter.task).collect()
    }

    /// Something happens: who waits for it and does not give up until then is woken.
    pub fn happens(&self, what: impl Fn(On) -> bool) {
        let mut waiters = self.waiters.borrow_mut();
        waiters.iter_mut().filter(|waiter| what(waiter.on)).for_each(|waiter| waiter.has_happened = true);
    }

    pub fn new_token(&self, parent: Option<usize>) -> usize {
        let mut parents = self.parents.borrow_mut();
        parents.push(parent);
        parents.len() - 1
    }

    /// Whether `token` is cancelled when `cancelled` is.
    pub fn is_below(&self, token: usize, cancelled: usize) -> bool {
        let parents = self.parents.borrow();
        let mut next = Some(token);
        while let Some(token) = next {
            if token == cancelled {
                return true;
            }
            next = parents[token];
        }
        false
    }
}
