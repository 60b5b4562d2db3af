//! Why a task has no output, and what is done about that.

use super::id::Id;
use crate::foreign::{Panic, lock};
use crate::sync::Mutex;
use std::fmt;
use std::io;
use std::sync::PoisonError;

/// Why awaiting a [`JoinHandle`](super::JoinHandle) gave no output: the task panicked, or was cancelled.
///
/// # Examples
///
/// ```
/// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let task = ayi_runtime::spawn(std::future::pending::<()>());
/// task.abort();
/// assert!(task.await.unwrap_err().is_cancelled());
/// # });
/// ```
pub struct JoinError {
    id: Id,
    /// `None`: cancelled.
    panic: Option<Box<TaskPanic>>,
}

struct TaskPanic {
    /// Never contended: it makes a payload that is only `Send` shareable, as `Box<dyn Error + Send + Sync>` asks.
    payload: Mutex<Panic>,
    /// The task's.
    name: Option<String>,
}

impl JoinError {
    pub(crate) fn cancelled(id: Id) -> JoinError {
        JoinError { id, panic: None }
    }

    pub(crate) fn panicked(id: Id, name: Option<String>, payload: Panic) -> JoinError {
        JoinError { id, panic: Some(Box::new(TaskPanic { payload: Mutex::new(payload), name })) }
    }

    /// The task's name, where it panicked and has one.
    pub(super) fn task_name(&self) -> Option<&str> {
        self.panic.as_ref()?.name.as_deref()
    }

    /// Whether the task was aborted, or its runtime shut down, before it was finished.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let task = ayi_runtime::spawn(std::future::pending::<()>());
    /// task.abort();
    /// assert!(task.await.unwrap_err().is_cancelled());
    /// # });
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.panic.is_none()
    }

    /// Whether the task panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let task = ayi_runtime::spawn(async { panic!("no tea") });
    /// let error = task.await.unwrap_err();
    /// assert!(error.is_panic() && !error.is_cancelled());
    /// # });
    /// ```
    pub fn is_panic(&self) -> bool {
        self.panic.is_some()
    }

    /// What the task panicked with, for [`resume_unwind`](std::panic::resume_unwind).
    ///
    /// # Panics
    ///
    /// If the task was cancelled. [`try_into_panic`](JoinError::try_into_panic) asks first.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// if let Err(error) = ayi_runtime::spawn(async { panic!("no tea") }).await {
    ///     std::panic::resume_unwind(error.into_panic()); // as if it had happened here
    /// }
    /// # });
    /// ```
    #[track_caller]
    pub fn into_panic(self) -> Panic {
        self.try_into_panic().expect("the task was cancelled, it did not panic: check is_panic() first")
    }

    /// What the task panicked with.
    ///
    /// # Errors
    ///
    /// Gives the error back if the task was cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let task = ayi_runtime::spawn(std::future::pending::<()>());
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

    /// The task that this is about.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let task = ayi_runtime::spawn(async { panic!("no tea") });
    /// let id = task.id();
    /// assert_eq!(task.await.unwrap_err().id(), id);
    /// # });
    /// ```
    pub fn id(&self) -> Id {
        self.id
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(panic) = &self.panic else { return write!(f, "task {} was cancelled", self.id) };
        let payload = lock(&panic.payload);
        let message = payload.downcast_ref::<&str>().copied();
        match message.or_else(|| payload.downcast_ref::<String>().map(String::as_str)) {
            Some(message) => write!(f, "task {} panicked with message {message:?}", self.id),
            None => write!(f, "task {} panicked", self.id),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinError({self})")
    }
}

impl std::error::Error for JoinError {}

impl From<JoinError> for io::Error {
    fn from(error: JoinError) -> io::Error {
        io::Error::other(error)
    }
}

/// What a runtime does about a panic that nobody will hear of, because the task's
/// [`JoinHandle`](super::JoinHandle) was dropped.
///
/// A panic is always caught, and belongs to whoever awaits the JoinHandle. Only when that was dropped, before
/// or after the panic, is it *unhandled*. (Unlike tokio's `ShutdownRuntime`, which acts on joined tasks too.) A
/// JoinHandle that is dropped unread outside the runtime, on another thread say, is beyond this policy's reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnhandledPanic {
    /// Nothing: the panic hook has printed it.
    Ignore,
    /// Says on stderr which task it was and where that was spawned, and goes on.
    #[default]
    Report,
    /// Reports it, and ends the runtime: `block_on` panics.
    ShutdownRuntime,
}
