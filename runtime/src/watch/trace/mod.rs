//! What subscribers of the crate `tracing` are told, in the words that `console-subscriber` knows. So tokio-console
//! shows the tasks, wakers and resources of this runtime, with the feature `tracing`.
//!
//! ```text
//!   span  runtime.spawn               a task, from its spawn to its end; entered for each poll
//!   event runtime::waker              what is done with a waker; `task.id` is the number of that span
//!   span  runtime.resource            a socket or a timer, from its making to its drop
//!   span  runtime.resource.async_op     a task waits for it; entered, within the resource's, for each poll
//!   event runtime::resource::poll_op      such a poll has ended
//!   event runtime::resource::state_update something of the resource has changed
//! ```
//!
//! Tasks, timers and sockets always have a trace, and call it. Without the feature a trace is empty, and its functions
//! only run what they are given: see `untold`. So only this module depends on the feature.
//!
//! Invariants:
//! 1. A subscriber is foreign code. It is called when nothing is borrowed, and its panics end here: the panic hook
//!    reports them, and nothing else happens.
//! 2. What is told of a span is told while it is open: its number may be another's after that.
//! 3. The console learns which resource and which task an operation belongs to from the spans that this thread is in.
//!
//! In tokio: `util/trace.rs`, `runtime/task/waker.rs`, `time/sleep.rs`.

#[cfg(feature = "tracing")]
mod socket;
#[cfg(feature = "tracing")]
mod span;
#[cfg(feature = "tracing")]
mod task;
#[cfg(feature = "tracing")]
mod timer;
#[cfg(not(feature = "tracing"))]
mod untold;
#[cfg(feature = "tracing")]
mod waker;

#[cfg(not(feature = "tracing"))]
pub(crate) use untold::{CallTrace, SocketOp, SocketTrace, TaskTrace, TimerTrace};
#[cfg(feature = "tracing")]
pub(crate) use {
    socket::{SocketOp, SocketTrace},
    task::{CallTrace, TaskTrace},
    timer::TimerTrace,
};
