//! The executor: runs tasks, fires timers, turns the reactor, sleeps when there is nothing to do.
//!
//! Read in this order: `local` (the loop), `context` (which runtime is the current one), `runtime`, `handle`.

mod builder;
mod context;
mod handle;
mod local;
mod runtime;

pub use builder::Builder;
pub use context::{EnterGuard, TryCurrentError};
pub(crate) use context::{NO_RUNTIME, RuntimeRef, SHUT_DOWN, with_current};
pub use handle::Handle;
pub(crate) use local::Local;
pub use runtime::Runtime;

use crate::task::{JoinHandle, always};

/// Spawns a task on the current thread's runtime. It is first polled after the caller has awaited something.
///
/// The future need not be `Send`: a runtime is one thread, and a task never leaves it, so `Rc` and `RefCell` are
/// fine. It moves to an allocation of its own, which is freed as soon as it is finished or aborted.
///
/// # Panics
///
/// Outside a runtime; and on a thread that has entered the runtime of another thread through
/// [`Handle::enter`], where only [`Handle::spawn`] can spawn.
///
/// # Examples
///
/// ```
/// use std::{cell::Cell, rc::Rc};
/// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let cups = Rc::new(Cell::new(0));
/// let task = ayi_runtime::spawn({
///     let cups = cups.clone();
///     async move { cups.set(cups.get() + 1) }
/// });
/// task.await.unwrap();
/// assert_eq!(cups.get(), 1);
/// # });
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: 'static> + 'static,
{
    match context::current() {
        Some(local) => local.tasks().spawn(future, always),
        None => panic!("{}", context::current_handle().map_or(NO_RUNTIME, |_| context::NOT_HERE)),
    }
}

/// Runs `f`, which may block, on a thread of the pool. See [`Handle::spawn_blocking`].
///
/// # Panics
///
/// Outside a runtime, or if the pool has no thread and the system refuses to start one.
///
/// # Examples
///
/// ```
/// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let text = ayi_runtime::task::spawn_blocking(|| std::fs::read_to_string("Cargo.toml")).await.unwrap();
/// assert!(text.unwrap().contains("[package]"));
/// # });
/// ```
#[track_caller]
pub fn spawn_blocking<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Handle::current().spawn_blocking(f)
}
