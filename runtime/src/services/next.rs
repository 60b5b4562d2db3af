//! Tasks that are spawned on a thread before its first runtime is made.
//!
//! Only members of a `LocalSet` are spawned so early, since the set says when they run. They go to the runtime that is
//! made next on this thread. Its scheduler is taken from the pool now, and the runtime is built on it later. If no
//! runtime is made, the tasks are cancelled when the thread ends.

use super::here::latest_here;
use super::stay::Stay;
use crate::core::current::{EnterGuard, current, home, start_afar};
use crate::core::sync::thread_local;
use crate::core::task::{JoinHandle, Lease, OwnScheduler, Plain, Scheduler};
use crate::core::worker::Worker;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    static NEXT: RefCell<Option<Next>> = const { RefCell::new(None) };
}

/// What the next runtime of this thread is built on.
struct Next {
    id: u64,
    /// `None` once it has been taken.
    tasks: Option<Lease>,
}

impl Drop for Next {
    /// Cancels the tasks if the thread ends and no runtime has been made.
    fn drop(&mut self) {
        let Some(tasks) = self.tasks.take() else { return };
        // No runtime is entered while the thread-locals are dropped.
        OwnScheduler::set_owned(Some(*tasks));
        tasks.cells().is_closed.set(true);
        tasks.cancel_all();
        tasks.close_gate();
        OwnScheduler::set_owned(None);
    }
}

/// Returns the id of a new runtime.
pub(crate) fn id() -> u64 {
    static IDS: AtomicU64 = AtomicU64::new(1);
    // Relaxed: only uniqueness matters.
    IDS.fetch_add(1, Ordering::Relaxed)
}

/// Takes the scheduler that is ready for the next runtime, with the id of that runtime.
pub(crate) fn take() -> Option<(u64, Lease)> {
    // A thread that is ending has none.
    let mut next = NEXT.try_with(|next| next.borrow_mut().take()).ok().flatten()?;
    next.tasks.take().map(|tasks| (next.id, tasks))
}

/// Spawns a task on the runtime of this thread: the one that the thread is in, or else the latest that lives on it, or
/// else the one that comes next.
///
/// # Panics
///
/// Panics if no runtime can be made, because the process has no descriptors left.
#[doc(hidden)]
#[track_caller]
pub fn spawn_sooner_or_later<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: 'static> + 'static,
{
    if let Some(worker) = home().or_else(enter_afar) {
        worker.tasks().local_task();
        return worker.tasks().spawn(future, Plain);
    }
    let latest = latest_here(&|worker| !worker.is_over.get());
    if let Some(stay) = latest.map(|worker| Stay::within(&worker)).or_else(Stay::in_the_latest) {
        let worker = stay.worker();
        worker.tasks().local_task();
        let _inside = EnterGuard::here(worker);
        return worker.tasks().spawn(future, Plain);
    }
    next().spawn(future, Plain)
}

/// Makes the runtime that runs tasks of this thread, if the thread is in a `Handle::block_on` of another thread's
/// runtime and has no such runtime yet.
#[doc(hidden)]
pub fn start_running_here() {
    enter_afar();
}

#[track_caller]
fn enter_afar() -> Option<Rc<Worker>> {
    let worker = current().or_else(|| start_afar()?.ok())?;
    assert!(
        !worker.lodgers.shared.lending.is_lent(),
        "a task that is not Send cannot be spawned here: this thread stands in for the worker's own, which is in \
         block_in_place"
    );
    Some(worker)
}

#[track_caller]
fn next() -> OwnScheduler {
    NEXT.with_borrow_mut(|next| {
        let next = next.get_or_insert_with(|| {
            let id = id();
            match Scheduler::acquire(id) {
                Ok(tasks) => Next { id, tasks: Some(tasks) },
                Err(error) => panic!("a task cannot be spawned, for want of what its runtime needs: {error}"),
            }
        });
        **next.tasks.as_ref().expect("only `take` and the drop take it")
    })
}
