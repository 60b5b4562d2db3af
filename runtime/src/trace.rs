//! What subscribers of the crate `tracing` are told, in the words that `console-subscriber` knows, so that tokio-console
//! shows the tasks, wakers and resources of this runtime (feature `tracing`).
//!
//! ```text
//!   span  runtime.spawn               a task, from its spawn to its end; entered for each poll
//!   event runtime::waker              what is done with a waker; `task.id` is the number of that span
//!   span  runtime.resource            a socket or a timer, from its making to its drop
//!   span  runtime.resource.async_op     somebody waits for it; entered, within the resource's, for each poll
//!   event runtime::resource::poll_op      such a poll has ended
//!   event runtime::resource::state_update something of the resource has changed
//! ```
//!
//! Invariants:
//! 1. A subscriber is foreign code. It is called when nothing is borrowed, and its panics end here: the panic hook
//!    reports them, and nothing else happens.
//! 2. What is told of a span is told while it is open: its number may be another's after that.
//! 3. The console learns which resource and which task an operation belongs to from the spans that this thread is in.
//!
//! In tokio: `util/trace.rs`, `runtime/task/waker.rs`, `time/sleep.rs`.

use crate::foreign;
use std::panic::{AssertUnwindSafe, Location};
use std::task::Poll;
use std::time::Duration;
use tracing::{span, trace, trace_span};

/// A span that a subscriber wants to know of. It closes when this is dropped.
// (In an `Option`, for its drop is foreign code. `AssertUnwindSafe`: invariant 1.)
pub(crate) struct Span(AssertUnwindSafe<Option<tracing::Span>>);

impl Span {
    /// `None` if nobody wants to know.
    fn new(make: impl FnOnce() -> tracing::Span) -> Option<Span> {
        let span = foreign::catch(make).map_err(foreign::drop_panic).ok()?;
        (!span.is_disabled()).then(|| Span(AssertUnwindSafe(Some(span))))
    }

    /// The subscriber's number for it.
    pub(crate) fn number(&self) -> u64 {
        self.0.as_ref().and_then(tracing::Span::id).map_or(0, |id| id.into_u64())
    }

    pub(crate) fn enter(&self) -> Entered<'_> {
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

/// What there is to tell of a task.
pub(crate) struct Task<'a> {
    pub(crate) id: u64,
    pub(crate) name: Option<&'a str>,
    /// Of its future, or of its closure.
    pub(crate) size: usize,
    pub(crate) place: &'static Location<'static>,
}

impl Task<'_> {
    /// The span of a task, or of a `block_on`.
    pub(crate) fn span(&self, kind: &'static str) -> Option<Span> {
        Span::new(|| {
            trace_span!(
                target: "runtime::task",
                parent: None,
                "runtime.spawn",
                kind,
                task.name = self.name,
                task.id = self.id,
                size.bytes = self.size,
                loc.file = self.place.file(),
                loc.line = self.place.line(),
                loc.col = self.place.column(),
            )
        })
    }

    /// The span of a call of `function` on a thread of the pool.
    pub(crate) fn blocking_span(&self, function: &'static str) -> Option<Span> {
        Span::new(|| {
            trace_span!(
                target: "runtime::task::blocking",
                parent: None,
                "runtime.spawn",
                kind = "blocking",
                task.name = self.name,
                task.id = self.id,
                "fn" = function,
                size.bytes = self.size,
                loc.file = self.place.file(),
                loc.line = self.place.line(),
                loc.col = self.place.column(),
            )
        })
    }
}

/// `op` is done with a waker of the task that has the span `task`.
pub(crate) fn waker(op: &'static str, task: u64) {
    foreign::run(|| trace!(target: "runtime::waker", op, task.id = task));
}

/// Something that can be waited for.
pub(crate) struct Resource(Span);

impl Resource {
    /// A timer, made at `place`.
    pub(crate) fn timer(concrete_type: &'static str, place: &'static Location<'static>) -> Option<Resource> {
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

    /// A socket. (Most are made in an `async fn`, which does not know its caller.)
    pub(crate) fn socket(concrete_type: &'static str, kind: &'static str, fd: i32) -> Option<Resource> {
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

    /// A timer's deadline is `duration` from now.
    pub(crate) fn set_duration(&self, duration: Duration) {
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

    /// Somebody begins to wait, in the function `source`.
    pub(crate) fn op(&self, source: &str) -> Option<Op> {
        let _resource = self.0.enter();
        let span = Span::new(
            || trace_span!(target: "runtime::resource::async_op", "runtime.resource.async_op", source),
        );
        span.map(Op)
    }

    /// Polls within an operation.
    pub(crate) fn poll<R>(&self, op: &Op, name: &'static str, poll: impl FnOnce() -> Poll<R>) -> Poll<R> {
        let (_resource, _op) = (self.0.enter(), op.0.enter());
        let result = poll();
        let is_ready = result.is_ready();
        foreign::run(|| trace!(target: "runtime::resource::poll_op", op_name = name, is_ready));
        result
    }
}

/// An operation on a resource.
pub(crate) struct Op(Span);
