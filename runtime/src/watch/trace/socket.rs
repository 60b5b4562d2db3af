//! A socket as subscribers of `tracing` see it: a resource from its making to its drop, and an operation on it for each
//! wait, until that is over. Operations that need not wait are not told.

use super::span::{Op, Resource};
use crate::core::foreign::lock;
use crate::core::ready::Interest;
use crate::core::sync::Mutex;
use std::task::Poll;

/// The trace of a socket. `None` if no subscriber wants to know of it.
#[derive(Default)]
pub(crate) struct SocketTrace(Option<Box<ToldSocket>>);

/// What a waiter keeps from one poll to the next.
pub(crate) struct SocketOp(Option<Op>);

impl SocketOp {
    pub(crate) const NOTHING: SocketOp = SocketOp(None);
}

struct ToldSocket {
    /// The operations of the `poll_…` functions, which have nowhere else to keep them: the latest for each kind of
    /// interest.
    shared: Mutex<[Option<Op>; 3]>,
    resource: Resource,
    concrete_type: &'static str,
}

impl SocketTrace {
    pub(crate) const NOTHING: SocketTrace = SocketTrace(None);

    /// Traces a socket. `names` returns its type, and what kind of resource it is.
    pub(crate) fn new(names: impl FnOnce() -> (&'static str, &'static str), fd: i32) -> SocketTrace {
        let (concrete_type, kind) = names();
        let told = Resource::socket(concrete_type, kind, fd)
            .map(|resource| Box::new(ToldSocket { shared: Mutex::default(), resource, concrete_type }));
        SocketTrace(told)
    }

    /// Polls an operation, which `op` keeps from one poll to the next.
    pub(crate) fn poll<R>(
        &self,
        interest: Interest,
        op: &mut SocketOp,
        poll: impl FnOnce() -> Poll<R>,
    ) -> Poll<R> {
        match &self.0 {
            Some(told) => told.poll(interest, &mut op.0, poll),
            None => poll(),
        }
    }

    /// Polls like `poll`, for a caller who keeps nothing.
    pub(crate) fn poll_shared<R>(&self, interest: Interest, poll: impl FnOnce() -> Poll<R>) -> Poll<R> {
        match &self.0 {
            Some(told) => told.poll_shared(interest, poll),
            None => poll(),
        }
    }
}

impl ToldSocket {
    fn poll<R>(&self, interest: Interest, op: &mut Option<Op>, poll: impl FnOnce() -> Poll<R>) -> Poll<R> {
        let (what, name) = match interest {
            Interest::READABLE => ("readable", "poll_readable"),
            Interest::WRITABLE => ("writable", "poll_writable"),
            _ => ("ready", "poll_ready"),
        };
        let result = match op {
            Some(op) => self.resource.poll(op, name, poll),
            None => poll(),
        };
        if result.is_ready() {
            *op = None;
        } else if op.is_none() {
            *op = self.resource.op(&format!("{}::{what}", self.concrete_type));
            // The operation has waited already, so subscribers are told of that poll.
            if let Some(op) = op {
                return self.resource.poll(op, name, || Poll::Pending);
            }
        }
        result
    }

    fn poll_shared<R>(&self, interest: Interest, poll: impl FnOnce() -> Poll<R>) -> Poll<R> {
        let place = match interest {
            Interest::READABLE => 0,
            Interest::WRITABLE => 1,
            _ => 2,
        };
        // Taken out of its place before the poll, since a subscriber is foreign code.
        let mut op = lock(&self.shared)[place].take();
        let result = self.poll(interest, &mut op, poll);
        let replaced = std::mem::replace(&mut lock(&self.shared)[place], op);
        drop(replaced);
        result
    }
}
