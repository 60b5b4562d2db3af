//! Which connections are open, so that a server can wait until none is.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// Counts the connections of a server.
#[derive(Default)]
pub(crate) struct Open {
    count: Cell<usize>,
    /// Of the server that waits for the last one.
    waiting: RefCell<Option<Waker>>,
}

impl Open {
    pub(crate) fn count(&self) -> usize {
        self.count.get()
    }

    /// One more, until the guard is dropped.
    pub(crate) fn enter(self: &Rc<Open>) -> Guard {
        self.count.set(self.count.get() + 1);
        Guard(self.clone())
    }

    pub(crate) async fn none_left(&self) {
        poll_fn(|cx| {
            if self.count.get() == 0 {
                return Poll::Ready(());
            }
            // (The one before is dropped after the borrow: that is foreign code.)
            let before = self.waiting.replace(Some(cx.waker().clone()));
            drop(before);
            Poll::Pending
        })
        .await;
    }
}

pub(crate) struct Guard(Rc<Open>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.count.set(self.0.count.get() - 1);
        if self.0.count.get() == 0 {
            let waiting = self.0.waiting.take();
            waiting.into_iter().for_each(Waker::wake);
        }
    }
}
