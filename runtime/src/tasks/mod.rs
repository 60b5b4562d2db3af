//! What a task is, and what becomes of it. ARCHITECTURE.md says in which order this is read.

mod ages;
mod body;
mod boxed;
mod error;
mod hooks;
mod id;
mod join;
mod run;
mod running;
mod scheduler;
mod slot;
mod slow_poll;
#[cfg(all(test, not(loom)))]
mod tests;

#[doc(hidden)]
pub use body::is_large;
pub(crate) use body::{Boxed, Kind, Named, Plain};
pub use error::{JoinError, UnhandledPanic};
pub(crate) use hooks::Hooks;
pub use hooks::TaskMeta;
pub use id::{Id, id, try_id};
pub use join::{AbortHandle, JoinHandle};
pub(crate) use run::{leave, spawn_from_afar};
pub use running::RunningTask;
pub(crate) use scheduler::{Lease, LocalScheduler, Scheduler};
pub(crate) use slot::{LocalSlot, copy_own, is_to_be_polled, wake, wake_own};
pub(crate) use slow_poll::limit_in_environment;

use std::task::Poll;

/// Lets the other tasks that are ready run first.
///
/// The task goes to the end of the run queue, once.
///
/// # Cancel safety
///
/// Nothing is lost if it is dropped.
///
/// # Examples
///
/// ```
/// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let other = ayi_runtime::spawn(async { /* has run by the time that yield_now returns */ });
/// ayi_runtime::task::yield_now().await;
/// assert!(other.is_finished());
/// # });
/// ```
pub async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
