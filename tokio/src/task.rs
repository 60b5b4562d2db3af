//! Tasks.

mod join_set_type;

#[doc(no_inline)]
pub use ayi::task::{
    AbortHandle, Id, JoinError, JoinHandle, LocalEnterGuard, LocalKey, LocalSet, block_in_place, coop, id,
    spawn_blocking, spawn_local, try_id, yield_now,
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

/// Sets of tasks.
pub mod join_set {
    pub use super::JoinSet;
}

/// Named futures.
pub mod futures {
    #[doc(no_inline)]
    pub use ayi::task::TaskLocalFuture;
}
