//! The orderly end of a runtime's tasks: they are told to end, then the runtime waits for them, and only then are they
//! aborted.
//!
//! ```text
//!   shutdown(limit) ──▶ the token is cancelled ──▶ tasks finish ──────────────▶ all have: done
//!                                                    └─ limit is over: reported, and aborted
//! ```
//!
//! tokio has no single call for this; `tokio_util` has `CancellationToken` and `TaskTracker`.

#[cfg(feature = "record")]
use super::dump::{attach, waits_in};
use crate::core::counters::Count;
#[cfg(feature = "record")]
use crate::core::current::current;
use crate::core::task::{Id, OwnScheduler, Plain};
use crate::core::worker::RuntimeRef;
use crate::face::entered::current_link;
use crate::face::errors::NO_RUNTIME;
use crate::face::handle::Handle;
use crate::face::sleep::sleep;
use crate::face::task::yield_now;
use crate::services::afar::spawn_from_afar;
use crate::services::cancellation::CancellationToken;
use crate::services::shared::Shared;
use crate::watch::running::RunningTask;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

/// Returns the token that tells the tasks of this thread's runtime to end.
///
/// A task that has something to finish before it ends waits for this token alongside its work. [`shutdown`] cancels the
/// token, and so may any task, for example one that waits for `SIGTERM`.
///
/// # Panics
///
/// Panics outside a runtime.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use ayi::runtime::shutdown_token;
/// let task = ayi::spawn(async {
///     shutdown_token().cancelled().await;
///     "goodbye"
/// });
/// shutdown_token().cancel();
/// assert_eq!(task.await.unwrap(), "goodbye");
/// # });
/// ```
#[track_caller]
pub fn shutdown_token() -> CancellationToken {
    Handle::current().shutdown_token()
}

/// Ends the tasks of this runtime: cancels [`shutdown_token`], waits until all other tasks have finished, and aborts
/// the tasks that have not finished after `limit`. The report says which tasks these were.
///
/// First stop what makes new work, for example accepting connections. Tasks that are spawned while `shutdown` waits are
/// waited for like the others. Tasks that are spawned afterwards run until the runtime ends.
///
/// A [`spawn_blocking`](crate::task::spawn_blocking) call that has started cannot be aborted. The report contains it,
/// and the drop of the runtime waits until it has returned;
/// [`Runtime::shutdown_timeout`](crate::runtime::Runtime::shutdown_timeout) sets a limit. A task that never awaits
/// cannot be aborted either. It keeps the thread, so `shutdown` does not return before that task does.
///
/// # Panics
///
/// Panics outside a runtime.
///
/// # Cancel safety
///
/// If the future is dropped, the token stays cancelled, and nothing is aborted.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use ayi::{runtime::{shutdown, shutdown_token}, time::Duration};
/// ayi::spawn(async { shutdown_token().cancelled().await });
/// ayi::task::Builder::new().name("stubborn").spawn(std::future::pending::<()>())?;
/// let report = shutdown(Duration::from_millis(20)).await;
/// assert_eq!(report.still_running()[0].name(), Some("stubborn"));
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub async fn shutdown(limit: Duration) -> ShutdownReport {
    let link = current_link().unwrap_or_else(|| panic!("{NO_RUNTIME}"));
    link.shared.shutdown.cancel();
    let caller = Id::current();
    let mut time_is_up = sleep(limit);
    let all_have_ended = poll_fn(|cx| {
        if have_ended(&link.shared, caller) {
            return Poll::Ready(true);
        }
        if Pin::new(&mut time_is_up).poll(cx).is_ready() {
            return Poll::Ready(false);
        }
        link.shared.workers().for_each(|worker| watch(worker.runtime, cx.waker()));
        Poll::Pending
    })
    .await;
    let mut still_running = Vec::new();
    if !all_have_ended {
        for worker in link.shared.workers() {
            still_running.append(&mut end_tasks(worker.runtime, caller).await);
        }
    }
    ShutdownReport { still_running }
}

/// Returns whether all tasks have ended, not counting the calling task if there is one, and those that only visit, which go
/// home when this runtime ends.
fn have_ended(shared: &Arc<Shared>, caller: Id) -> bool {
    let read = || shared.counted_of_all();
    // In this order: a task that spawns another one and ends is not taken for the last.
    let (ended, begun) = (read(), read());
    let gone = ended.get(Count::Finished) + ended.get(Count::Visiting);
    begun.get(Count::Spawned).saturating_sub(gone) <= u64::from(caller != Id::NONE)
}

/// Has the worker wake `waker` when one of its tasks is finished.
fn watch(worker: RuntimeRef, waker: &Waker) {
    let waker = waker.clone();
    match worker.scheduler.own() {
        Some(own) => _ = own.cells().onlookers.watch(waker),
        // Some may have been finished since the caller has looked: it looks again. Refused: all are finished.
        None => {
            let there = move |own: OwnScheduler| {
                if own.cells().onlookers.watch(waker.clone()) {
                    waker.wake();
                }
            };
            drop(worker.scheduler.send(Some(worker.id), Box::new(there)));
        }
    }
}

/// The tasks of this thread's worker, with what they wait for if that can be told.
fn running(own: OwnScheduler) -> Vec<RunningTask> {
    #[cfg_attr(not(feature = "record"), expect(unused_mut))]
    let mut running = own.running();
    #[cfg(feature = "record")]
    if let Some(worker) = current() {
        attach(&mut running, waits_in(&worker));
    }
    running
}

/// Aborts the tasks of a worker, except the caller, and returns those that there were.
async fn end_tasks(worker: RuntimeRef, caller: Id) -> Vec<RunningTask> {
    let end = move |own: OwnScheduler| {
        let mut running = running(own);
        own.abort_all(caller);
        running.retain(|task| task.id() != caller);
        running
    };
    if let Some(own) = worker.scheduler.own() {
        let running = end(own);
        // The aborted tasks are on the run queue now, and this task goes behind them.
        yield_now().await;
        return running;
    }
    let there = move || async move {
        let running = worker.scheduler.own().map(end).unwrap_or_default();
        yield_now().await;
        running
    };
    spawn_from_afar(worker.scheduler, worker.id, there, Plain).await.unwrap_or_default()
}

/// A report of the tasks that had not finished when [`shutdown`]'s time was up, and were aborted.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use ayi::{runtime::shutdown, time::Duration};
/// let report = shutdown(Duration::from_secs(10)).await; // no tasks: at once
/// assert!(report.is_clean());
/// if !report.is_clean() {
///     eprintln!("{report}");
/// }
/// # });
/// ```
#[derive(Clone, Debug)]
#[must_use = "it says what was cut off"]
pub struct ShutdownReport {
    still_running: Vec<RunningTask>,
}

impl ShutdownReport {
    /// Returns whether all tasks had finished by themselves.
    pub fn is_clean(&self) -> bool {
        self.still_running.is_empty()
    }

    /// Returns the tasks that had not finished.
    pub fn still_running(&self) -> &[RunningTask] {
        &self.still_running
    }
}

impl fmt::Display for ShutdownReport {
    /// Writes a line for each task. There is no line break after the last one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return f.write_str("all tasks have finished");
        }
        let count = self.still_running.len();
        write!(f, "{count} task{} had not finished when time was up:", if count == 1 { "" } else { "s" })?;
        self.still_running.iter().try_for_each(|task| write!(f, "\n  {task}"))
    }
}
