//! Spans and events. There are no spans for subscribers that do not want to know of them.

use crate::core::foreign;
use crate::core::onlooker::TaskFacts;
use std::panic::{AssertUnwindSafe, Location};
use std::task::Poll;
use std::time::Duration;
use tracing::{span, trace, trace_span};

/// A span that a subscriber wants to know of. It closes when this is dropped.
// An `Option`, since the drop of the span is foreign code. `AssertUnwindSafe`: invariant 1.
pub(super) struct Span(AssertUnwindSafe<Option<tracing::Span>>);

impl Span {
    /// Opens a span. Returns `None` if no subscriber wants to know of it.
    fn new(make: impl FnOnce() -> tracing::Span) -> Option<Span> {
        let span = foreign::catch(make).map_err(foreign::drop_panic).ok()?;
        (!span.is_disabled()).then(|| Span(AssertUnwindSafe(Some(span))))
    }

    /// Returns the subscriber's number for the span.
    pub(super) fn number(&self) -> u64 {
        self.0.as_ref().and_then(tracing::Span::id).map_or(0, |id| id.into_u64())
    }

    pub(super) fn enter(&self) -> Entered<'_> {
        let enter = || self.0.as_ref().map(tracing::Span::enter);
        Entered(foreign::catch(enter).map_err(foreign::drop_panic).ok().flatten())
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let span = self.0.take();
        foreign::run(|| drop(span));
    }
}

/// The thread is in a span until this is dropped.
pub(crate) struct Entered<'a>(Option<span::Entered<'a>>);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let entered = self.0.take();
        foreign::run(|| drop(entered));
    }
}

impl TaskFacts<'_> {
    /// Opens the span of a task, or of a `block_on`.
    pub(super) fn span(&self, kind: &'static str) -> Option<Span> {
        Span::new(|| {
            trace_span!(
                target: "runtime::task",
                parent: None,
                "runtime.spawn",
                kind,
                task.name = self.name,
                task.id = self.id.0,
                size.bytes = self.size,
                loc.file = self.place.file(),
                loc.line = self.place.line(),
                loc.col = self.place.column(),
            )
        })
    }

    /// Opens the span of a call of `function` on a thread of the pool. The size is that of its closure.
    pub(super) fn blocking_span(&self, function: &'static str) -> Option<Span> {
        Span::new(|| {
            trace_span!(
                target: "runtime::task::blocking",
                parent: None,
                "runtime.spawn",
                kind = "blocking",
                task.name = self.name,
                task.id = self.id.0,
                "fn" = function,
                size.bytes = self.size,
                loc.file = self.place.file(),
                loc.line = self.place.line(),
                loc.col = self.place.column(),
            )
        })
    }
}

/// Tells that `op` is done with a waker of the task that has the span `task`.
pub(super) fn waker(op: &'static str, task: u64) {
    foreign::run(|| trace!(target: "runtime::waker", op, task.id = task));
}

/// Something that can be waited for.
pub(super) struct Resource(Span);

impl Resource {
    /// Makes the resource of a timer that was made at `place`.
    pub(super) fn timer(concrete_type: &'static str, place: &'static Location<'static>) -> Option<Resource> {
        let span = Span::new(|| {
            trace_span!(
                target: "runtime::resource",
                parent: None,
                "runtime.resource",
                concrete_type,
                kind = "timer",
                loc.file = place.file(),
                loc.line = place.line(),
                loc.col = place.column(),
            )
        });
        span.map(Resource)
    }

    /// Makes the resource of a socket. It has no place: most sockets are made in an `async fn`, which does not know its
    /// caller.
    pub(super) fn socket(concrete_type: &'static str, kind: &'static str, fd: i32) -> Option<Resource> {
        let span = Span::new(|| {
            trace_span!(
                target: "runtime::resource",
                parent: None,
                "runtime.resource",
                concrete_type,
                kind,
            )
        });
        let resource = span.map(Resource)?;
        resource.update(|| trace!(target: "runtime::resource::state_update", fd, fd.op = "override"));
        Some(resource)
    }

    /// Tells that a timer's deadline is `duration` from now.
    pub(super) fn set_duration(&self, duration: Duration) {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        self.update(|| {
            trace!(
                target: "runtime::resource::state_update",
                duration = millis,
                duration.unit = "ms",
                duration.op = "override",
            );
        });
    }

    fn update(&self, tell: impl FnOnce()) {
        // Invariant 3, here and below.
        let _resource = self.0.enter();
        foreign::run(tell);
    }

    /// Opens an operation: a task begins to wait, in the function `source`.
    pub(super) fn op(&self, source: &str) -> Option<Op> {
        let _resource = self.0.enter();
        let span = Span::new(
            || trace_span!(target: "runtime::resource::async_op", "runtime.resource.async_op", source),
        );
        span.map(Op)
    }

    /// Polls within an operation.
    pub(super) fn poll<R>(&self, op: &Op, name: &'static str, poll: impl FnOnce() -> Poll<R>) -> Poll<R> {
        let (_resource, _op) = (self.0.enter(), op.0.enter());
        let result = poll();
        let is_ready = result.is_ready();
        foreign::run(|| trace!(target: "runtime::resource::poll_op", op_name = name, is_ready));
        result
    }
}

/// An operation on a resource.
pub(super) struct Op(Span);
