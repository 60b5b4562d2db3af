//! What a slot polls: a future with its type erased.

use super::output::Erased;
use std::pin::Pin;
use std::task::{Context, Poll};

pub(super) trait Body {
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Erased>;

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
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Erased> {
        self.project().future.poll(cx).map(Erased::new)
    }

    fn may_cancel(&self) -> bool {
        (self.may_cancel)(&self.future)
    }
}
