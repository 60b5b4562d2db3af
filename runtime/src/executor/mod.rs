//! The executor: runs tasks, fires timers, turns the reactor, sleeps when there is nothing to do.
//!
//! Read in this order: `local` (the loop), `context` (which runtime is the current one), `runtime`, `handle`, `drive`
//! (what a handle's `block_on` sleeps in on other threads), `builder`, `clock` (time that stands still, for tests),
//! `metrics`, `task_builder`, `everywhere` (work that any runtime may do).

mod builder;
mod clock;
mod context;
mod drive;
mod everywhere;
mod handle;
mod local;
mod metrics;
mod next;
mod ring;
mod runtime;
mod task_builder;

pub use builder::Builder;
pub use clock::{advance, pause, resume};
pub use context::{EnterGuard, TryCurrentError, is_rt_shutdown_err};
pub(crate) use context::{RuntimeRef, SHUT_DOWN, home, start_drive, why_no_timer, with_current};
pub use everywhere::{run_everywhere, run_when_left};
pub use handle::{Handle, Id};
pub(crate) use local::{BlockedOn, Local};
pub use metrics::RuntimeMetrics;
#[doc(hidden)]
pub use next::{spawn_sooner_or_later, start_running_here};
pub use runtime::Runtime;
pub use task_builder::TaskBuilder;
#[cfg(feature = "uring")]
pub(crate) use {context::TIED_ELSEWHERE, ring::settle};

use crate::tasks::{Boxed, JoinHandle, Plain, is_large};

/// Spawns a task on the current thread's runtime. It is first polled after the caller has awaited something.
///
/// The future need not be `Send`: a runtime is one thread, and a task never leaves it, so `Rc` and `RefCell` are
/// fine. It moves to memory of its own, which is free again as soon as it is finished or aborted.
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
    if const { is_large::<F>() } {
        return context::current_to_spawn().tasks().spawn(Box::pin(future), Boxed(size_of::<F>()));
    }
    context::current_to_spawn().tasks().spawn(future, Plain)
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

/// Refuses to block: on one thread there is nobody to whom the other tasks could be handed.
///
/// In tokio's multi-threaded runtime this moves them to another thread, and its single-threaded one refuses as well.
/// Here [`spawn_blocking`] does what is wanted: `f` goes to a thread of its own, and this one runs on. Where no
/// task would have to wait (outside a runtime, or on a thread of the pool), `f` is called as it is.
///
/// # Panics
///
/// On a thread that is inside `block_on`.
///
/// # Examples
///
/// ```
/// assert_eq!(ayi_runtime::task::block_in_place(|| 7), 7); // not inside a runtime: nobody waits
/// ```
#[track_caller]
pub fn block_in_place<F: FnOnce() -> R, R>(f: F) -> R {
    assert!(
        !local::is_blocked_on(),
        "block_in_place: this thread runs all tasks of its runtime, which would wait: use spawn_blocking"
    );
    f()
}
