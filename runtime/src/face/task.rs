//! Functions about the task that runs.

use crate::core::task::Id;
use std::fmt;
use std::task::Poll;

/// Returns the id of the task that is running. It works in the task's future, in the drop of that future, and in a
/// `spawn_blocking` call.
///
/// # Panics
///
/// Panics outside a task. The future given to `block_on` is no task. [`try_id`] does not panic.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let task = ayi::spawn(async { ayi::task::id() });
/// assert_eq!(task.id(), task.await.unwrap());
/// # });
/// ```
#[track_caller]
pub fn id() -> Id {
    try_id().expect("task::id(): this is not a task. The future of block_on is none; try_id() asks")
}

/// Returns the id of the task that is running, or `None` outside a task. See [`id`].
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// assert!(ayi::task::try_id().is_none()); // the future of block_on is no task
/// # });
/// ```
pub fn try_id() -> Option<Id> {
    Some(Id::current()).filter(|id| *id != Id::NONE)
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Lets the other tasks that are ready run first.
///
/// The task goes to the end of the run queue, once.
///
/// # Cancel safety
///
/// Nothing is lost if the future is dropped.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let other = ayi::spawn(async { /* has run by the time that yield_now returns */ });
/// ayi::task::yield_now().await;
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
