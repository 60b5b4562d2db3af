//! The number of open connections: a server can wait until there are few enough, or none.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// Counts the connections of a server.
#[derive(Default)]
pub(crate) struct Open {
    count: Cell<usize>,
    /// The server that waits until they are so few.
    waiting: RefCell<Option<(usize, Waker)>>,
}

impl Open {
    pub(crate) fn count(&self) -> usize {
        self.count.get()
    }

    /// Counts one more, until the guard is dropped.
    pub(crate) fn enter(self: &Rc<Open>) -> Guard {
        self.count.set(self.count.get() + 1);
        Guard(self.clone())
    }

    pub(crate) async fn at_most(&self, count: usize) {
        poll_fn(|cx| {
            if self.count.get() <= count {
                return Poll::Ready(());
            }
            // The previous waker is dropped after the borrow: that is foreign code.
            let before = self.waiting.replace(Some((count, cx.waker().clone())));
            drop(before);
            Poll::Pending
        })
        .await;
    }
}

pub(crate) struct Guard(Rc<Open>);

impl Drop for Guard {
    fn drop(&mut self) {
        let count = self.0.count.get() - 1;
        self.0.count.set(count);
        // It is woken after the borrow.
        let waiting = self.0.waiting.borrow_mut().take_if(|(enough, _)| count <= *enough);
        if let Some((_, waker)) = waiting {
            waker.wake();
        }
    }
}
