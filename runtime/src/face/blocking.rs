//! Calls that may block, from a handle to the pool.

use super::block_on::run;
use super::drive::Sleeper;
use super::entered::current_link;
use super::lending::lent_while;
use super::link::Link;
use crate::core::current::{EnterGuard, home};
use crate::core::onlooker::TaskFacts;
use crate::core::task::{Id, JoinHandle, Kind};
use crate::plugged::TaskTrace;
use crate::services::blocked_on::is_blocked_on;
use crate::services::blocking::{BlockingCall, Outcome, Ticket};
use crate::services::kinds::is_large;
use crate::services::nested::{may_be_nested, nested};
use crate::watch::trace::CallTrace;
use std::any::type_name;
use std::future::poll_fn;
use std::io;
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

impl Link {
    /// Hands `f` to the pool, and panics if that fails. See
    /// [`Handle::spawn_blocking`](crate::runtime::Handle::spawn_blocking).
    #[track_caller]
    pub(crate) fn spawn_blocking<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        match self.submit(f, BlockingCall) {
            Ok(task) => task,
            Err(error) => panic!("spawn_blocking: {error}"),
        }
    }

    #[track_caller]
    pub(crate) fn submit<F, T>(&self, f: F, kind: impl Kind<Outcome<T>>) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        if const { is_large::<F>() } {
            return self.submit_as(Box::new(f), kind, size_of::<F>());
        }
        self.submit_as(f, kind, size_of::<F>())
    }

    /// Hands `f` to the pool. `size` is the size of the closure that the user has given.
    #[track_caller]
    fn submit_as<F, T>(&self, f: F, kind: impl Kind<Outcome<T>>, size: usize) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (ticket, pool) = (Ticket::new(), &self.shared.pool);
        let mut asked = TaskFacts::new(Id::NONE, size, Location::caller());
        kind.describe(&mut asked);
        let name = asked.name.filter(|_| TaskTrace::IS_TOLD).map(String::from);
        let task = self.spawn_as(Outcome::new(ticket.clone(), pool.clone()), kind);
        let (link, waker, id) = (self.clone(), task.waker(), task.id());
        let facts = TaskFacts { name: name.as_deref(), ..TaskFacts::new(id, size, Location::caller()) };
        let trace = CallTrace::new(&facts, type_name::<F>);
        let run = move || {
            let _inside = EnterGuard::afar(&link);
            let _entered = trace.enter();
            id.scope(|| ticket.run(f, waker));
        };
        match pool.submit(Box::new(run)) {
            Ok(()) => Ok(task),
            Err(error) => {
                task.abort();
                // Not `WouldBlock`, which is EAGAIN's kind: nothing wakes the caller when a thread becomes available.
                Err(io::Error::other(format!(
                    "the system refuses to start the pool's first thread ({error}): raise the limit on threads \
                     (ulimit -u, cgroup pids.max)"
                )))
            }
        }
    }
}

/// Calls `f`, which blocks, on this thread.
///
/// Outside a runtime and on a thread of the pool no task has to wait for `f`. In a runtime of several
/// [workers](crate::runtime::Builder::worker_threads), a thread of the pool runs the other tasks of this worker meanwhile.
/// If one of these is not `Send`, or a file operation is under way, they wait; so do those of a runtime of the kind
/// [`MultiThread`](crate::runtime::RuntimeFlavor::MultiThread) that runs in `block_on`: unless `f` blocks on a future, by
/// [`Handle::block_on`](crate::runtime::Handle::block_on) or a `blocking_` method of `ayi::sync`. Then they run further in
/// on the stack.
///
/// While a thread of the pool runs a worker, a task that is not `Send` cannot be spawned on it.
///
/// Prefer [`spawn_blocking`](crate::task::spawn_blocking): `f` goes to a thread of the pool, and this thread runs on.
///
/// # Panics
///
/// Panics inside a runtime of the kind [`CurrentThread`](crate::runtime::RuntimeFlavor::CurrentThread) and in a task of a
/// `LocalSet`, like in tokio.
///
/// # Examples
///
/// ```
/// use ayi::runtime::{Builder, Handle};
/// use ayi::task::block_in_place;
/// assert_eq!(block_in_place(|| 7), 7); // not inside a runtime: nobody waits
///
/// let rt = Builder::new_multi_thread().build()?;
/// let total = rt.block_on(async {
///     let task = Handle::current().spawn(async { 40 });
///     block_in_place(|| Handle::current().block_on(task)).unwrap() + 2
/// });
/// assert_eq!(total, 42);
/// # std::io::Result::Ok(())
/// ```
#[track_caller]
pub fn block_in_place<F: FnOnce() -> R, R>(f: F) -> R {
    if !is_blocked_on() {
        return f();
    }
    let is_alone = current_link().is_none_or(|link| link.shared.background.is_none());
    assert!(
        !is_alone && may_be_nested(),
        "block_in_place can call blocking only when running on the multi-threaded runtime: this thread runs all tasks of \
         its runtime, which would wait. Use spawn_blocking"
    );
    let worker = current_link().and_then(|link| link.here());
    nested(worker.as_ref().map(|worker| worker.tasks()), || lent_while(worker.clone(), f))
}

/// Waits for `future` on a thread that runs no tasks, for the `blocking_` methods of `ayi::sync`. `what` and `instead`
/// are the names of that method and of the one to await.
#[doc(hidden)]
#[track_caller]
pub fn block_thread_on<F: Future>(what: &str, instead: &str, future: F) -> F::Output {
    assert!(
        !is_blocked_on(),
        "{what}: Cannot block the current thread from within a runtime, whose tasks would all wait. Use \
         {instead}().await, or call {what} in spawn_blocking or on a thread of your own"
    );
    let mut future = pin!(future);
    // Most often it is ready at once, and then nothing has to be allocated. Otherwise the next poll replaces the waker.
    if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        return output;
    }
    let mut output = None;
    block_until(size_of::<F>(), &mut |cx| future.as_mut().poll(cx).map(|it| output = Some(it)));
    output.expect("it is there when the poll is ready")
}

/// Polls until that is ready. `size` is that of the future. It is one function for all futures, since it takes long anyway.
#[track_caller]
fn block_until(size: usize, poll: &mut dyn FnMut(&mut Context<'_>) -> Poll<()>) {
    // In `block_in_place`: the other tasks go on.
    if let Some(worker) = home().filter(|worker| worker.lodgers.runs.are_going_on() && !worker.is_over.get())
    {
        return run(&worker, poll_fn(poll), size);
    }
    let sleeper = Arc::new(Sleeper::new());
    let waker = Waker::from(sleeper.clone());
    let mut cx = Context::from_waker(&waker);
    while poll(&mut cx).is_pending() {
        sleeper.park();
    }
}
