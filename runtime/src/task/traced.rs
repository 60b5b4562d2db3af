//! A task as subscribers of `tracing` see it: its span, and wakers whose life is told.
//!
//! Such wakers are not the slot's address, for one that outlives its task must not be taken for one of the next task's.
//! They carry the number of the span, and are silent when the task has ended. To the rest of the runtime they are foreign
//! code, and so is the subscriber, which they call: woken when nothing is borrowed.
//!
//! A `spawn_blocking` call has its span where it runs, on a thread of the pool: see `Handle::submit`.

use super::body::Body;
use super::id::Id;
use super::slot::{LocalSlot, TracedWaker};
use crate::trace::{Entered, Span, Task};
use std::panic::Location;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Nothing, if nobody wants to know of the task.
#[derive(Default)]
pub(crate) struct Trace {
    told: Option<Told>,
}

struct Told {
    span: Span,
    /// Silent from here on, when this is dropped. `None`: the wakers are others'.
    waker: Option<Arc<TracedWaker>>,
}

impl Trace {
    /// Of the task that begins in `slot`.
    pub(super) fn begin(slot: LocalSlot, body: &dyn Body) -> Trace {
        if body.is_blocking() {
            return Trace::default();
        }
        let task =
            Task { id: slot.id().0, name: body.name(), size: body.future_size(), place: body.spawned_at() };
        Trace::new(task.span("task"), Some(slot))
    }

    /// Of the future of a `block_on`, of `size` bytes; `slot`: if it is woken through that.
    pub(crate) fn root(size: usize, slot: Option<LocalSlot>, place: &'static Location<'static>) -> Trace {
        let id = slot.map_or_else(Id::next, |slot| slot.id());
        let task = Task { id: id.0, name: None, size, place };
        Trace::new(task.span("block_on"), slot)
    }

    fn new(span: Option<Span>, slot: Option<LocalSlot>) -> Trace {
        let told = span.map(|span| {
            let waker = slot.map(|slot| TracedWaker::new(*slot, span.number()));
            Told { span, waker }
        });
        Trace { told }
    }

    /// The thread is in the task's span.
    pub(super) fn enter(&self) -> Option<Entered<'_>> {
        self.told.as_ref().map(|told| told.span.enter())
    }

    /// Polls within the span, with a waker whose life is told.
    pub(crate) fn poll<R>(
        &self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        let _entered = self.enter();
        match self.told.as_ref().and_then(|told| told.waker.as_ref()) {
            Some(waker) => TracedWaker::with(waker, |waker| poll(&mut Context::from_waker(waker))),
            None => poll(cx),
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.waker.iter().for_each(|waker| waker.silence());
    }
}
