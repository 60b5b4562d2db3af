//! The handles of a task, and its error, as users see them.

use crate::core::foreign::{Panic, lock};
use crate::core::task::error::TaskPanic;
use crate::core::task::slot::Marks;
use crate::core::task::{AbortHandle, Id, JoinError, JoinHandle};
use std::fmt;
use std::io;
use std::sync::PoisonError;
use std::task::Waker;

impl<T> JoinHandle<T> {
    /// Returns a waker that has the task polled, like the task's own.
    pub(crate) fn waker(&self) -> Waker {
        self.task.slot.waker()
    }

    /// Cancels the task at its next turn: its future is dropped, and awaiting this handle gives a [`JoinError`] with
    /// [`is_cancelled`](JoinError::is_cancelled), unless the task finishes before that.
    ///
    /// A `spawn_blocking` call that has started is not stopped by this.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let task = ayi::spawn(std::future::pending::<()>());
    /// task.abort();
    /// assert!(task.await.unwrap_err().is_cancelled());
    /// # });
    /// ```
    pub fn abort(&self) {
        self.task.abort();
    }

    /// Returns a handle that can abort the task and nothing else.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let task = ayi::spawn(std::future::pending::<()>());
    /// let stop = task.abort_handle();
    /// drop(ayi::spawn(async move { stop.abort() }));
    /// assert!(task.await.unwrap_err().is_cancelled());
    /// # });
    /// ```
    pub fn abort_handle(&self) -> AbortHandle {
        self.task.clone()
    }

    /// Returns whether the task is over, so that awaiting it would not wait.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let task = ayi::spawn(async {});
    /// assert!(!task.is_finished());
    /// ayi::task::yield_now().await;
    /// assert!(task.is_finished());
    /// # });
    /// ```
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Returns the task's id.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let task = ayi::spawn(async { ayi::task::id() });
    /// let id = task.id();
    /// assert_eq!(task.await.unwrap(), id);
    /// # });
    /// ```
    pub fn id(&self) -> Id {
        self.task.id
    }
}

impl AbortHandle {
    /// Cancels the task at its next turn, like [`JoinHandle::abort`]. It does nothing if the task is over.
    pub fn abort(&self) {
        let id = self.id;
        // The future is dropped when the slot comes off the run queue, not in the middle of the caller's code.
        self.visit(move |slot| {
            if !slot.is_finished(id) {
                slot.mark(Marks::ABORTED);
                slot.schedule();
            }
        });
    }

    /// Returns whether the task is over.
    pub fn is_finished(&self) -> bool {
        self.slot.is_finished(self.id)
    }

    /// Returns the task's id.
    pub fn id(&self) -> Id {
        self.id
    }

    /// Returns whether this thread is in the task's runtime, and can run it.
    #[doc(hidden)]
    pub fn is_at_home(&self) -> bool {
        self.slot.own().is_some()
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("id", &self.id()).field("finished", &self.is_finished()).finish()
    }
}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortHandle").field("id", &self.id).finish_non_exhaustive()
    }
}

impl JoinError {
    /// Returns whether the task panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let task = ayi::spawn(async { panic!("no tea") });
    /// let error = task.await.unwrap_err();
    /// assert!(error.is_panic() && !error.is_cancelled());
    /// # });
    /// ```
    pub fn is_panic(&self) -> bool {
        self.panic.is_some()
    }

    /// Returns whether the task was aborted, or its runtime shut down, before the task was finished.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let task = ayi::spawn(std::future::pending::<()>());
    /// task.abort();
    /// assert!(task.await.unwrap_err().is_cancelled());
    /// # });
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.panic.is_none()
    }

    /// Returns the id of the task that panicked or was cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let task = ayi::spawn(async { panic!("no tea") });
    /// let id = task.id();
    /// assert_eq!(task.await.unwrap_err().id(), id);
    /// # });
    /// ```
    pub fn id(&self) -> Id {
        self.id
    }

    /// Returns what the task panicked with, for [`resume_unwind`](std::panic::resume_unwind).
    ///
    /// # Panics
    ///
    /// Panics if the task was cancelled. [`try_into_panic`](JoinError::try_into_panic) does not.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// if let Err(error) = ayi::spawn(async { panic!("no tea") }).await {
    ///     std::panic::resume_unwind(error.into_panic()); // as if it had happened here
    /// }
    /// # });
    /// ```
    #[track_caller]
    pub fn into_panic(self) -> Panic {
        self.try_into_panic().expect("the task was cancelled, it did not panic: check is_panic() first")
    }

    /// Returns what the task panicked with.
    ///
    /// # Errors
    ///
    /// Returns the error itself if the task was cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let task = ayi::spawn(std::future::pending::<()>());
    /// task.abort();
    /// let error = task.await.unwrap_err();
    /// assert!(error.try_into_panic().is_err()); // it was cancelled
    /// # });
    /// ```
    pub fn try_into_panic(self) -> Result<Panic, JoinError> {
        match self.panic {
            Some(panic) => Ok(panic.payload.into_inner().unwrap_or_else(PoisonError::into_inner)),
            None => Err(self),
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(panic) = &self.panic else { return write!(f, "task {} was cancelled", self.id) };
        match panic.message() {
            Some(message) => write!(f, "task {} panicked with message {message:?}", self.id),
            None => write!(f, "task {} panicked", self.id),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(panic) = &self.panic else { return write!(f, "JoinError::Cancelled({:?})", self.id) };
        match panic.message() {
            Some(message) => write!(f, "JoinError::Panic({:?}, {message:?}, ...)", self.id),
            None => write!(f, "JoinError::Panic({:?}, ...)", self.id),
        }
    }
}

impl TaskPanic {
    /// What the panic says, if it was made with a text.
    fn message(&self) -> Option<String> {
        let payload = lock(&self.payload);
        let text = payload.downcast_ref::<&str>().map(|text| String::from(*text));
        text.or_else(|| payload.downcast_ref::<String>().cloned())
    }
}

impl std::error::Error for JoinError {}

impl From<JoinError> for io::Error {
    fn from(error: JoinError) -> io::Error {
        io::Error::other(error)
    }
}
