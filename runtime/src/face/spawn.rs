//! Spawning on the runtime of this thread.

use super::entered::{current_link, current_to_spawn};
use super::errors::NO_RUNTIME;
use crate::core::current::HOME;
use crate::core::task::{JoinHandle, Plain};
use crate::services::kinds::{Boxed, Mobile, is_large};

/// Spawns a task on the current thread's runtime. It is first polled after the caller has awaited something.
///
/// The future need not be `Send`: a runtime is one thread, and a task never leaves it, so you can use `Rc` and
/// `RefCell`. The future moves to memory of its own, which is free again as soon as the task is finished or aborted.
///
/// Do not keep a borrow of a `RefCell` across an `.await`: other tasks run meanwhile, and one that borrows it panics
/// (`already borrowed`). Clippy's `await_holding_refcell_ref` finds such places. Where something has to be held across
/// an `.await`, use `ayi::sync::Mutex`, whose `lock` waits.
///
/// # Panics
///
/// Panics outside a runtime. It also panics on a thread that has entered the runtime of another thread through
/// [`Handle::enter`](crate::runtime::Handle::enter), where only [`Handle::spawn`](crate::runtime::Handle::spawn) can
/// spawn.
///
/// # Examples
///
/// ```
/// use std::{cell::Cell, rc::Rc};
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let cups = Rc::new(Cell::new(0));
/// let task = ayi::spawn({
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
    if const { is_large::<F>() } {
        return current_to_spawn().spawn(Box::pin(future), Boxed(size_of::<F>()));
    }
    current_to_spawn().spawn(future, Plain)
}

/// Like [`spawn`], for a future that is `Send`: the task does not keep the runtime on this thread.
#[doc(hidden)]
#[inline]
#[track_caller]
pub fn spawn_send<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    match HOME.get() {
        Some(tasks) if const { is_large::<F>() } => {
            tasks.spawn(Box::pin(future), Mobile(Boxed(size_of::<F>())))
        }
        Some(tasks) => tasks.spawn(future, Mobile(Plain)),
        None => spawn_afar(future),
    }
}

/// Like [`spawn_send`], on a thread that is not the runtime's.
#[cold]
#[track_caller]
fn spawn_afar<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    match current_link() {
        Some(link) if const { is_large::<F>() } => link.spawn_task(Box::pin(future), Boxed(size_of::<F>())),
        Some(link) => link.spawn_task(future, Plain),
        None => panic!("{NO_RUNTIME}"),
    }
}

/// Runs `f`, which may block, on a thread of the pool. See
/// [`Handle::spawn_blocking`](crate::runtime::Handle::spawn_blocking).
///
/// # Panics
///
/// Panics outside a runtime, or if the pool has no thread and the system refuses to start one.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let text = ayi::task::spawn_blocking(|| std::fs::read_to_string("Cargo.toml")).await.unwrap();
/// assert!(text.unwrap().contains("[package]"));
/// # });
/// ```
#[track_caller]
pub fn spawn_blocking<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    match current_link() {
        Some(link) => link.spawn_blocking(f),
        None => panic!("{NO_RUNTIME}"),
    }
}
