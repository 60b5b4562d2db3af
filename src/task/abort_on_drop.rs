//! A handle whose task ends with it.

use super::{AbortHandle, JoinError, JoinHandle};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A [`JoinHandle`] that aborts its task when it is dropped, so that a task never outlives the code that waits for it.
///
/// # Cancel safety
///
/// Awaiting it by reference, as in `select!`, loses nothing. If it is dropped, the task is aborted.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// use ayi::task::AbortOnDropHandle;
/// let (told, news) = ayi::sync::oneshot::channel::<()>();
/// let task = AbortOnDropHandle::new(ayi::spawn(async move {
///     let _told = told;
///     std::future::pending::<()>().await
/// }));
/// drop(task);
/// assert!(news.await.is_err()); // the task is gone, and what it held
/// # }
/// ```
#[must_use = "if it is dropped, its task is aborted"]
pub struct AbortOnDropHandle<T>(Option<JoinHandle<T>>);

impl<T> AbortOnDropHandle<T> {
    /// Wraps the handle of a task.
    pub fn new(task: JoinHandle<T>) -> AbortOnDropHandle<T> {
        AbortOnDropHandle(Some(task))
    }

    /// Aborts the task now. The handle tells when it has ended.
    pub fn abort(&self) {
        self.task().abort();
    }

    /// Returns whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.task().is_finished()
    }

    /// Returns a handle by which the task can be aborted, and which does not abort it when it is dropped.
    pub fn abort_handle(&self) -> AbortHandle {
        self.task().abort_handle()
    }

    /// Lets the task run on by itself, and returns its usual handle.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::task::AbortOnDropHandle;
    /// let task = AbortOnDropHandle::new(ayi::spawn(async { 7 })).detach();
    /// assert_eq!(task.await.unwrap(), 7);
    /// # }
    /// ```
    pub fn detach(mut self) -> JoinHandle<T> {
        self.0.take().expect("only this takes it")
    }

    fn task(&self) -> &JoinHandle<T> {
        self.0.as_ref().expect("only `detach` takes it, and that takes the whole")
    }
}

impl<T> Future for AbortOnDropHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let task = self.0.as_mut().expect("only `detach` takes it, and that takes the whole");
        Pin::new(task).poll(cx)
    }
}

impl<T> Drop for AbortOnDropHandle<T> {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

impl<T> fmt::Debug for AbortOnDropHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AbortOnDropHandle").field(&self.0.as_ref().map(JoinHandle::id)).finish()
    }
}

impl<T> From<JoinHandle<T>> for AbortOnDropHandle<T> {
    fn from(task: JoinHandle<T>) -> AbortOnDropHandle<T> {
        AbortOnDropHandle::new(task)
    }
}
