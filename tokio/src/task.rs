//! Tasks.

mod join_set_type;

#[doc(no_inline)]
pub use ayi::task::{
    AbortHandle, Id, JoinError, JoinHandle, LocalEnterGuard, LocalKey, LocalSet, block_in_place, coop, id,
    spawn_blocking, try_id, yield_now,
};
#[doc(no_inline)]
pub use coop::{Unconstrained, consume_budget, unconstrained};
pub use join_set_type::JoinSet;

/// Spawns a task on the current runtime. Its future is `Send`, so the task keeps the runtime on no thread.
///
/// # Panics
///
/// Panics outside a runtime.
///
/// # Examples
///
/// ```
/// # #[tokio::main]
/// # async fn main() {
/// assert_eq!(tokio::spawn(async { 7 }).await.unwrap(), 7);
/// # }
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    ayi::task::spawn_send(future)
}

/// Spawns a task whose future need not be `Send` on this thread: on the [`LocalSet`] in which this code runs, or on the
/// [`LocalRuntime`](crate::runtime::LocalRuntime).
///
/// # Panics
///
/// Panics outside of both.
#[track_caller]
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    check_local();
    ayi::task::spawn_local(future)
}

#[track_caller]
fn check_local() {
    assert!(
        ayi::task::may_spawn_local(),
        "`spawn_local` called from outside of a `task::LocalSet` or `runtime::LocalRuntime`. Local tasks can only be \
         spawned on a LocalRuntime from the thread the runtime was created on"
    );
}

/// Sets of tasks.
pub mod join_set {
    pub use super::JoinSet;
}

/// Named futures.
pub mod futures {
    #[doc(no_inline)]
    pub use ayi::task::TaskLocalFuture;
}
