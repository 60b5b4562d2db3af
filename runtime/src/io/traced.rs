//! A socket as subscribers of `tracing` see it: a resource from its making to its drop, and an operation on it for each
//! that waits, until it is done. What need not wait is not told.

use super::Interest;
use crate::foreign::lock;
use crate::sync::Mutex;
use crate::trace::{Op, Resource};
use std::task::Poll;

pub(super) struct Trace {
    /// Of the `poll_…` functions, which have nowhere else to keep them: for each kind of interest the latest.
    shared: Mutex<[Option<Op>; 3]>,
    resource: Resource,
    concrete_type: &'static str,
}

impl Trace {
    /// `None`, if nobody wants to know of the socket.
    pub(super) fn new(concrete_type: &'static str, kind: &'static str, fd: i32) -> Option<Box<Trace>> {
        let resource = Resource::socket(concrete_type, kind, fd)?;
        Some(Box::new(Trace { shared: Mutex::default(), resource, concrete_type }))
    }

    /// Polls an operation, which `op` keeps from one poll to the next.
    pub(super) fn poll<R>(
        &self,
        interest: Interest,
        op: &mut Option<Op>,
        poll: impl FnOnce() -> Poll<R>,
    ) -> Poll<R> {
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
            // (It has waited already: so much is told of it.)
            if let Some(op) = op {
                return self.resource.poll(op, name, || Poll::Pending);
            }
        }
        result
    }

    /// As `poll`, where the caller keeps nothing.
    pub(super) fn poll_shared<R>(&self, interest: Interest, poll: impl FnOnce() -> Poll<R>) -> Poll<R> {
        let place = match interest {
            Interest::READABLE => 0,
            Interest::WRITABLE => 1,
            _ => 2,
        };
        // Out of its place, since a subscriber is foreign code.
        let mut op = lock(&self.shared)[place].take();
        let result = self.poll(interest, &mut op, poll);
        let replaced = std::mem::replace(&mut lock(&self.shared)[place], op);
        drop(replaced);
        result
    }
}
