//! A runtime that stays on its thread.

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
