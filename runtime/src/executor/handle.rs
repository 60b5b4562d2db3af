//! A runtime as other threads see it.
//!
//! In tokio: `runtime/handle.rs`.

use super::context::{self, EnterGuard, RuntimeRef, TryCurrentError};
use crate::blocking::{Outcome, Pool, Ticket};
use crate::task::{JoinHandle, always, spawn_from_afar};
use futures_task::{FutureObj, Spawn, SpawnError};
use std::fmt;
use std::sync::Arc;

/// Reaches a runtime from any thread: `Send`, `Sync`, cheap to clone. It does not keep the runtime alive.
///
/// # Examples
///
/// ```
/// use ayi_runtime::runtime::{Handle, Runtime};
///
/// let rt = Runtime::new().unwrap();
/// rt.block_on(async {
///     let handle = Handle::current();
///     let thread = std::thread::spawn(move || handle.spawn(async { "from another thread" }));
///     let task = ayi_runtime::task::spawn_blocking(|| thread.join().unwrap()).await.unwrap();
///     assert_eq!(task.await.unwrap(), "from another thread");
/// });
/// ```
#[derive(Clone)]
pub struct Handle {
    pub(super) reference: RuntimeRef,
    pub(super) pool: Arc<Pool>,
}

impl Handle {
    /// The handle of the runtime that this thread is in.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    #[track_caller]
    pub fn current() -> Handle {
        match Handle::try_current() {
            Ok(handle) => handle,
            Err(error) => panic!("{error}"),
        }
    }

    /// The handle of the runtime that this thread is in.
    ///
    /// # Errors
    ///
    /// Outside a runtime.
    pub fn try_current() -> Result<Handle, TryCurrentError> {
        context::current_handle().ok_or(TryCurrentError(()))
    }

    /// Spawns a task on the handle's runtime, whose thread will run it.
    ///
    /// If the runtime has ended, the future is dropped here and awaiting the task says that it was cancelled.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.spawn_task(future, always)
    }

    /// Runs `f`, which may block, on a thread of the runtime's pool.
    ///
    /// In it, [`Handle::current`] is this handle.
    ///
    /// When all threads of the pool are busy and there are as many as
    /// [`max_blocking_threads`](super::Builder::max_blocking_threads) allows, it waits in a queue, in order.
    /// [`JoinHandle::abort`] stops it only as long as it has not started. When the runtime ends, awaiting it
    /// says that it was cancelled; if it has started, it runs to its end on its thread, and its result is dropped.
    ///
    /// # Panics
    ///
    /// If the pool has no thread and the system refuses to start one.
    #[track_caller]
    pub fn spawn_blocking<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let ticket = Ticket::new();
        let task = self.spawn_task(Outcome(ticket.clone()), |outcome| outcome.0.claim());
        let (handle, waker) = (self.clone(), task.waker());
        let run = move || {
            let _inside = handle.enter();
            ticket.run(f, waker);
        };
        if let Err(error) = self.pool.submit(Box::new(run)) {
            task.abort();
            panic!(
                "spawn_blocking: the system refuses to start the pool's first thread ({error}): raise the limit on \
                 threads (ulimit -u, cgroup pids.max)"
            );
        }
        task
    }

    #[track_caller]
    fn spawn_task<F: Future<Output: Send + 'static> + Send + 'static>(
        &self,
        future: F,
        may_cancel: impl Fn(&F) -> bool + Send + 'static,
    ) -> JoinHandle<F::Output> {
        match self.reference.local() {
            Some(local) => local.tasks().spawn(future, may_cancel),
            None => spawn_from_afar(self.reference.scheduler, self.reference.id, future, may_cancel),
        }
    }

    /// Makes the handle's runtime the current one of this thread, until the guard is dropped.
    ///
    /// On the runtime's own thread this is as good as being inside [`block_on`](super::Runtime::block_on), but
    /// that nothing runs. On another thread, [`Handle::current`] and
    /// [`spawn_blocking`](crate::task::spawn_blocking) work, while [`spawn`](crate::spawn), sockets and timers,
    /// which live on the runtime's thread, do not.
    pub fn enter(&self) -> EnterGuard<'_> {
        EnterGuard::afar(self)
    }
}

impl Spawn for Handle {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.status()?;
        drop(self.spawn(future));
        Ok(())
    }

    fn status(&self) -> Result<(), SpawnError> {
        if self.reference.scheduler.is_open(self.reference.id) { Ok(()) } else { Err(SpawnError::shutdown()) }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("runtime", &self.reference.id).finish_non_exhaustive()
    }
}
