//! The runtime.

mod builder;
mod local;

use crate::task::JoinHandle;
use std::io;
use std::ops::Deref;
use std::time::Duration;

#[doc(no_inline)]
pub use ayi::runtime::{
    EnterGuard, Handle, Id, RuntimeFlavor, RuntimeMetrics, TryCurrentError, is_rt_shutdown_err, worker_index,
};
pub use builder::Builder;
pub use local::{LocalOptions, LocalRuntime};

/// A runtime, of which there are two kinds. [`Builder::new_current_thread`] makes one that runs while a thread is in
/// [`block_on`](Runtime::block_on), all tasks on that thread. [`Runtime::new`] and [`Builder::new_multi_thread`] make one
/// whose tasks run on threads of its own, its workers.
///
/// It is ayi's, whose methods it has, except that the futures of [`spawn`](Runtime::spawn) must be `Send`.
#[derive(Debug)]
pub struct Runtime(pub(crate) ayi::runtime::Runtime);

impl Runtime {
    /// Makes a runtime of the kind `multi_thread`, with the default settings.
    ///
    /// # Errors
    ///
    /// Fails if the system refuses an epoll instance or an eventfd, usually because the process has no file descriptors
    /// left.
    pub fn new() -> io::Result<Runtime> {
        Builder::new_multi_thread().enable_all().build()
    }

    /// Spawns a task.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.0.handle().spawn(future)
    }

    /// Runs `future` to its end on this thread, with the runtime's tasks alongside, unless another thread runs these.
    ///
    /// # Panics
    ///
    /// Panics if `future` panics or if this is called inside another `block_on`.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.0.block_on(future)
    }

    /// Runs `f`, which may block, on a thread of the pool.
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.0.spawn_blocking(f)
    }

    /// Makes this the current runtime of the thread, until the guard is dropped.
    pub fn enter(&self) -> EnterGuard<'_> {
        self.0.enter()
    }

    /// Returns a handle that reaches this runtime from any thread.
    pub fn handle(&self) -> &Handle {
        self.0.handle()
    }

    /// Returns what has been counted of this runtime.
    pub fn metrics(&self) -> RuntimeMetrics {
        self.0.metrics()
    }

    /// Ends the runtime, and waits at most `limit` for `spawn_blocking` calls that are running.
    pub fn shutdown_timeout(self, limit: Duration) {
        self.0.shutdown_timeout(limit);
    }

    /// Ends the runtime without waiting for `spawn_blocking` calls that are running.
    pub fn shutdown_background(self) {
        self.0.shutdown_background();
    }
}

impl Deref for Runtime {
    type Target = ayi::runtime::Runtime;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
