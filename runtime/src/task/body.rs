//! What a slot polls: a future with its type erased.

use super::output::{Erased, Output};
use std::pin::Pin;
use std::task::{Context, Poll};

pub(super) trait Body {
    /// (What has an output's type all the way has one tag, and `Pending` is one word to write, without a copy.)
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Output>;

    /// Whether an abort takes effect now. If not, the body runs on to its end.
    fn may_cancel(&self) -> bool;
}

pin_project_lite::pin_project! {
    pub(super) struct FutureBody<F, C> {
        #[pin]
        pub(super) future: F,
        pub(super) may_cancel: C,
    }
}

impl<F: Future<Output: 'static>, C: Fn(&F) -> bool> Body for FutureBody<F, C> {
    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Output> {
        self.project().future.poll(cx).map(|value| Ok(Erased::new(value)))
    }

    fn may_cancel(&self) -> bool {
        (self.may_cancel)(&self.future)
    }
}
