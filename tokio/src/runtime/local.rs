//! A runtime that stays on its thread.

use super::{EnterGuard, Handle, RuntimeMetrics};
use crate::task::JoinHandle;
use std::io;
use std::marker::PhantomData;
use std::ops::Deref;
use std::time::Duration;

/// A runtime that stays on the thread that made it, so that its tasks need not be `Send`.
#[derive(Debug)]
pub struct LocalRuntime(ayi::runtime::Runtime, PhantomData<*const ()>);

/// The options of [`Builder::build_local`](super::Builder::build_local). There are none yet.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LocalOptions {}

impl LocalRuntime {
    pub(super) fn of(runtime: ayi::runtime::Runtime) -> LocalRuntime {
        LocalRuntime(runtime, PhantomData)
    }

    /// Makes a runtime with the default settings.
    ///
    /// # Errors
    ///
    /// Fails if the system refuses an epoll instance or an eventfd, usually because the process has no file descriptors
    /// left.
    pub fn new() -> io::Result<LocalRuntime> {
        ayi::runtime::Runtime::new().map(LocalRuntime::of)
    }

    /// Spawns a task whose future need not be `Send`.
    #[track_caller]
    pub fn spawn_local<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.0.spawn(future)
    }

    /// Runs `future` to its end on this thread, with the runtime's tasks alongside.
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

impl Deref for LocalRuntime {
    type Target = ayi::runtime::Runtime;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
