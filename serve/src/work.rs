//! What there is to do on one connection, and whose turn it is.
//!
//! ```text
//!   a request comes ──▶ Server: the service computes ──▶ Client: a part of the response waits to be taken ──▶ gone
//!                         ▲                                │
//!                         └── the body has nothing yet ◀───┘
//! ```
//!
//! The time limits need this: a server that takes long for an answer must not be hurried, and a client that takes
//! nothing must not be waited for. hyper's HTTP/2 does not tell what it has in its buffers. So each piece of a response
//! of HTTP/2 carries a [`Turn`] until hyper has written or dropped it.
//!
//! Invariant: `turns` is the number of living `Turn`s, each counted for the side it names.

use crate::BoxError;
use crate::error::Tell;
use std::cell::Cell;
use std::rc::Rc;

/// The side that has to do something next.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Client,
}

/// The progress of the requests of one connection. It stays on the connection's thread.
#[derive(Default)]
pub(crate) struct Work {
    /// Grows with each request that comes, each part that a response returns, and each piece of it that is written.
    steps: Cell<usize>,
    turns: [Cell<usize>; 2],
    is_http_2: Cell<bool>,
    /// Whether a stream of HTTP/2 was turned into a tunnel, whose bytes are not those of a response.
    has_tunnel: Cell<bool>,
    tell: Tell,
}

impl Work {
    /// Makes one. `tell` hears of single requests that have failed.
    pub(crate) fn new(tell: Tell) -> Rc<Work> {
        Rc::new(Work { tell, ..Work::default() })
    }

    /// Records that a request has failed. In HTTP/1 that ends the connection, which reports it; in HTTP/2 only the
    /// request ends.
    pub(crate) fn failed(&self, error: impl Into<BoxError>) -> BoxError {
        let error = error.into();
        if let Some(tell) = self.tell.as_ref().filter(|_| self.is_http_2()) {
            tell(&*error);
        }
        error
    }

    pub(crate) fn steps(&self) -> usize {
        self.steps.get()
    }

    pub(crate) fn step(&self) {
        self.steps.set(self.steps.get().wrapping_add(1));
    }

    /// Returns whether something waits for this side.
    pub(crate) fn waits_for(&self, side: Side) -> bool {
        self.turns[side as usize].get() > 0
    }

    pub(crate) fn is_http_2(&self) -> bool {
        self.is_http_2.get()
    }

    pub(crate) fn has_tunnel(&self) -> bool {
        self.has_tunnel.get()
    }

    pub(crate) fn set_tunnel(&self) {
        self.has_tunnel.set(true);
    }

    /// Records a new request.
    pub(crate) fn begin(self: &Rc<Work>, is_http_2: bool) -> Turn {
        self.is_http_2.set(is_http_2);
        self.step();
        Turn::new(self.clone(), Side::Server)
    }

    fn count(&self, side: Side) -> &Cell<usize> {
        &self.turns[side as usize]
    }
}

/// Something that waits for one side, until it is dropped.
pub(crate) struct Turn {
    work: Rc<Work>,
    side: Side,
}

impl Turn {
    fn new(work: Rc<Work>, side: Side) -> Turn {
        let count = work.count(side);
        count.set(count.get() + 1);
        Turn { work, side }
    }

    pub(crate) fn work(&self) -> &Work {
        &self.work
    }

    /// Makes another one, for a piece of a response that the client has to take. For HTTP/1 there is none: its stream
    /// tells whether a write waits.
    pub(crate) fn piece(&self) -> Option<Turn> {
        self.work.is_http_2().then(|| Turn::new(self.work.clone(), Side::Client))
    }

    /// Sets the side that is waited for from now on.
    pub(crate) fn set(&mut self, side: Side) {
        if side == self.side {
            return;
        }
        let (before, after) = (self.work.count(self.side), self.work.count(side));
        before.set(before.get() - 1);
        after.set(after.get() + 1);
        self.side = side;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let count = self.work.count(self.side);
        count.set(count.get() - 1);
    }
}
