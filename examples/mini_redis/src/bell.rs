//! Tells one task that it has something to do.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::{Poll, Waker};

#[derive(Default)]
pub struct Bell {
    has_rung: Cell<bool>,
    /// The waker of the task that waits.
    waker: RefCell<Option<Waker>>,
}

impl Bell {
    /// Two rings before the task has listened count as one.
    pub fn ring(&self) {
        self.has_rung.set(true);
        let waker = self.waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Waits until it rings, or has rung since the last time. Nothing is lost if this future is dropped.
    pub async fn rung(&self) {
        poll_fn(|cx| {
            if self.has_rung.replace(false) {
                return Poll::Ready(());
            }
            let mut waker = self.waker.borrow_mut();
            match &mut *waker {
                Some(waker) => waker.clone_from(cx.waker()),
                None => *waker = Some(cx.waker().clone()),
            }
            Poll::Pending
        })
        .await
    }
}
