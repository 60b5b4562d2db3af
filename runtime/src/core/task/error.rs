//! Why a task has no output.

use super::id::Id;
use crate::core::foreign::Panic;
use crate::core::sync::Mutex;

/// The reason why awaiting a [`JoinHandle`](super::JoinHandle) gave no output: the task panicked, or was cancelled.
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
pub struct JoinError {
    pub(crate) id: Id,
    /// `None`: cancelled.
    pub(crate) panic: Option<Box<TaskPanic>>,
}

pub(crate) struct TaskPanic {
    /// Never contended: it makes a payload that is only `Send` shareable, as `Box<dyn Error + Send + Sync>` asks.
    pub(crate) payload: Mutex<Panic>,
    /// The task's.
    pub(crate) name: Option<String>,
}

impl JoinError {
    pub(crate) fn cancelled(id: Id) -> JoinError {
        JoinError { id, panic: None }
    }

    pub(crate) fn panicked(id: Id, name: Option<String>, payload: Panic) -> JoinError {
        JoinError { id, panic: Some(Box::new(TaskPanic { payload: Mutex::new(payload), name })) }
    }
}
