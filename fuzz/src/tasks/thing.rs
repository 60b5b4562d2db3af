//! The things that an input makes: handles, wakers, timers, sockets, tokens, sets.

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
    /// The waker of a task, or another one.
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

/// What a task waits for.
#[derive(Clone, Copy, PartialEq)]
pub enum On {
    Time(Instant),
    Readable { pair: usize, side: bool },
    Token(usize),
}

/// A task that waits, with which thing, for what.
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
    /// The token from which each token was made.
    parents: RefCell<Vec<Option<usize>>>,
}

impl Waits {
    /// A thing has been polled. If a task polled it and it is pending, the task waits with it. Otherwise no task waits
    /// with it any longer.
    pub fn polled(&self, with: usize, by: Option<(usize, On)>) {
        let mut waiters = self.waiters.borrow_mut();
        waiters.retain(|waiter| waiter.with != with);
        waiters.extend(by.map(|(task, on)| Waiter { task, with, on, has_happened: false }));
    }

    /// The deadline was moved. A task that waits goes on waiting, unless it has been woken already.
    pub fn moved(&self, with: usize, to: Instant) {
        let mut waiters = self.waiters.borrow_mut();
        waiters.retain(|waiter| waiter.with != with || !waiter.is_over());
        waiters.iter_mut().filter(|waiter| waiter.with == with).for_each(|waiter| waiter.on = On::Time(to));
    }

    /// A task is polled, so what it was woken for will not wake it once more. For a socket, that may have been what was
    /// written before the task waited.
    pub fn forget_past(&self, task: usize) {
        let is_past = |waiter: &Waiter| waiter.is_over() || matches!(waiter.on, On::Readable { .. });
        self.waiters.borrow_mut().retain(|waiter| waiter.task != task || !is_past(waiter));
    }

    /// Returns the tasks that wait for something that has happened.
    pub fn late(&self) -> Vec<usize> {
        let waiters = self.waiters.borrow();
        waiters.iter().filter(|waiter| waiter.is_over()).map(|waiter| waiter.task).collect()
    }

    /// Something happens: a task that waits for it, and does not give up before that, is woken.
    pub fn happens(&self, what: impl Fn(On) -> bool) {
        let mut waiters = self.waiters.borrow_mut();
        waiters.iter_mut().filter(|waiter| what(waiter.on)).for_each(|waiter| waiter.has_happened = true);
    }

    pub fn new_token(&self, parent: Option<usize>) -> usize {
        let mut parents = self.parents.borrow_mut();
        parents.push(parent);
        parents.len() - 1
    }

    /// Returns whether `token` is cancelled when `cancelled` is.
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
