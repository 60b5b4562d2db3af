//! What a slot polls: a future with its type erased.

use super::output::{Erased, Output};
use std::pin::Pin;
use std::task::{Context, Poll};

pub(super) trait Body {
    /// (What has an output's type all the way has one tag, and `Pending` is one word to write, without a copy.)
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Output>;

    /// Whether an abort takes effect now. If not, the body runs on to its end.
    fn may_cancel(&self) -> bool;

    fn name(&self) -> Option<&str>;
}

/// What a task is besides its future `F`.
pub(crate) trait Kind<F>: 'static {
    /// Asked when an aborted task is not being polled.
    fn may_cancel(&self, _future: &F) -> bool {
        true
    }

    fn name(&self) -> Option<&str> {
        None
    }
}

/// What most tasks are.
pub(crate) struct Plain;

impl<F> Kind<F> for Plain {}

/// With a name that its user gave it.
pub(crate) struct Named<K> {
    pub(crate) name: String,
    pub(crate) kind: K,
}

impl<F, K: Kind<F>> Kind<F> for Named<K> {
    fn may_cancel(&self, future: &F) -> bool {
        self.kind.may_cancel(future)
    }

    fn name(&self) -> Option<&str> {
        Some(&self.name)
    }
}

pin_project_lite::pin_project! {
    pub(super) struct FutureBody<F, K> {
        #[pin]
        pub(super) future: F,
        pub(super) kind: K,
    }
}

impl<F: Future<Output: 'static>, K: Kind<F>> Body for FutureBody<F, K> {
    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Output> {
        self.project().future.poll(cx).map(|value| Ok(Erased::new(value)))
    }

    fn may_cancel(&self) -> bool {
        self.kind.may_cancel(&self.future)
    }

    fn name(&self) -> Option<&str> {
        self.kind.name()
    }
}
