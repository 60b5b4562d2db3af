//! Tasks: spawning, awaiting, aborting and naming them; sets of tasks; values that belong to a task.
//!
//! A task is a future that runs by itself, beside others, on the runtime's thread. [`spawn`] starts one; the
//! [`JoinHandle`] that it gives awaits the output, or [aborts](JoinHandle::abort) the task.
//!
//! A future that is spawned moves into memory of its own, and may be large; while it moves, it lies on the stack
//! for a moment. Where a future has hundreds of kilobytes, `Box::pin` what is large in it.

mod join_set;
mod local_set;
mod task_local;

#[doc(inline)]
pub use ayi_runtime::task::*;
pub use join_set::{Builder as JoinSetBuilder, JoinSet};
pub use local_set::{LocalEnterGuard, LocalSet, spawn_local};
pub use task_local::{AccessError, LocalKey, TaskLocalFuture};
