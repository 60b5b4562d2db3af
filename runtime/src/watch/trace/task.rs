//! A task as subscribers of `tracing` see it: its span, and wakers whose life is told.

use super::span::{Entered, Span};
use super::waker::TracedWaker;
use crate::core::onlooker::TaskFacts;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// The trace of a task. It is empty if no subscriber wants to know of the task.
pub(crate) struct TaskTrace {
    told: Option<ToldTask>,
}

struct ToldTask {
    span: Span,
    /// The task's waker, which is silent once this is dropped. `None` if it is not known which waker wakes the task.
    waker: Option<Arc<TracedWaker>>,
}

impl TaskTrace {
    /// Whether there are traces at all.
    pub(crate) const IS_TOLD: bool = true;
    pub(crate) const NOTHING: TaskTrace = TaskTrace { told: None };

    /// Traces a task that begins, and that `waker` wakes.
    pub(crate) fn begin(task: &TaskFacts<'_>, waker: Waker) -> TaskTrace {
        if task.is_blocking {
            // The call has a span of its own, on its own thread.
            return TaskTrace::NOTHING;
        }
        TaskTrace::new(task.span("task"), Some(waker))
    }

    /// Traces the future of a `block_on`. `waker` is the waker that wakes it, if that is known.
    pub(crate) fn root<'a>(task: impl FnOnce() -> TaskFacts<'a>, waker: Option<Waker>) -> TaskTrace {
        TaskTrace::new(task().span("block_on"), waker)
    }

    fn new(span: Option<Span>, waker: Option<Waker>) -> TaskTrace {
        let told = span.map(|span| {
            let waker = waker.map(|waker| TracedWaker::new(waker, span.number()));
            ToldTask { span, waker }
        });
        TaskTrace { told }
    }

    /// Enters the task's span, until the returned guard is dropped.
    pub(crate) fn enter(&self) -> Option<Entered<'_>> {
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

impl Drop for ToldTask {
    fn drop(&mut self) {
        self.waker.iter().for_each(|waker| waker.silence());
    }
}

/// The trace of a call on a thread of the pool, where its span is entered.
pub(crate) struct CallTrace {
    span: Option<Span>,
}

impl CallTrace {
    /// Traces a call of `function`.
    pub(crate) fn new(task: &TaskFacts<'_>, function: fn() -> &'static str) -> CallTrace {
        CallTrace { span: task.blocking_span(function()) }
    }

    /// Enters the call's span, until the returned guard is dropped.
    pub(crate) fn enter(&self) -> Option<Entered<'_>> {
        self.span.as_ref().map(Span::enter)
    }
}
