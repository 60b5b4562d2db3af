//! Tasks: spawning, awaiting, aborting and naming them; sets of tasks; values that belong to a task.
//!
//! A task is a future that runs by itself, alongside others, on the runtime's thread. [`spawn`] starts one and returns
//! a [`JoinHandle`], which awaits the output or [aborts](JoinHandle::abort) the task.
//!
//! A spawned future moves into memory of its own, and may be large. While it moves, it lies on the stack for a moment.
//! If a future has hundreds of kilobytes, `Box::pin` its large parts.

mod abort_on_drop;
mod join_set;
mod local_set;
mod task_local;

pub use abort_on_drop::AbortOnDropHandle;
#[doc(inline)]
pub use ayi_runtime::task::*;
pub use join_set::{Builder as JoinSetBuilder, JoinSet};
#[doc(hidden)]
pub use local_set::may_spawn_local;
pub use local_set::{LocalEnterGuard, LocalSet, spawn_local};
pub use task_local::{AccessError, LocalKey, TaskLocalFuture};
