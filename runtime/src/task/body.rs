//! What a slot polls: a future with its type erased.

use super::output::{Erased, Output};
use std::pin::Pin;
use std::task::{Context, Poll};

pub(crate) trait Body {
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Output>;

    /// Whether an abort takes effect now. If not, the body runs on to its end.
    fn may_cancel(&self) -> bool {
        true
    }
}

pin_project_lite::pin_project! {
    struct FutureBody<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future<Output: 'static>> Body for FutureBody<F> {
    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Output> {
        self.project().future.poll(cx).map(|value| Output::Ready(Erased::new(value)))
    }
}

pub(crate) fn body_of<F: Future + 'static>(future: F) -> Pin<Box<dyn Body>> {
    Box::pin(FutureBody { future })
}

pub(crate) fn send_body_of<F: Future + Send + 'static>(future: F) -> Pin<Box<dyn Body + Send>> {
    Box::pin(FutureBody { future })
}
