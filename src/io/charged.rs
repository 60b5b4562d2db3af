//! What the extension methods of readers and writers have in common: each `.await` costs one operation.

use ayi_runtime::task::coop;
use pin_project_lite::pin_project;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// A read, a write or a similar operation that is charged to the [cooperative budget](crate::task::coop) once.
    ///
    /// The stream may be of any crate. If it has charged by itself, as ayi's streams do, it is not charged again.
    #[derive(Debug)]
    #[must_use = "it does nothing unless it is awaited"]
    pub struct Charged<F> {
        #[pin]
        future: F,
        was_put_off: bool,
    }
}

impl<F> Charged<F> {
    pub(super) fn new(future: F) -> Charged<F> {
        Charged { future, was_put_off: false }
    }
}

impl<F: Future> Future for Charged<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        coop::poll_composed(cx, this.was_put_off, |cx| this.future.poll(cx))
    }
}

/// Polls one step of an operation that has several.
#[inline]
pub(super) fn poll_step<R>(cx: &mut Context<'_>, poll: impl FnOnce(&mut Context<'_>) -> Poll<R>) -> Poll<R> {
    coop::poll_composed(cx, &mut false, poll)
}

/// The error of a writer that has taken none of some bytes.
pub(super) fn wrote_nothing() -> io::Error {
    io::Error::new(io::ErrorKind::WriteZero, "the writer took none of the bytes: it can take no more")
}
