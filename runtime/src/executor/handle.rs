//! A runtime as other threads see it.
//!
//! In tokio: `runtime/handle.rs`.

use super::context::{self, EnterGuard, RuntimeRef, TryCurrentError};
use super::drive::{Drive, Drives};
use super::everywhere::Told;
use super::{Local, RuntimeMetrics};
use crate::blocking::{BlockingCall, Outcome, Pool, Ticket};
use crate::cancellation::CancellationToken;
use crate::counters::Figures;
use crate::sys::ThreadClock;
use crate::tasks::{self, Boxed, JoinHandle, Kind, Plain, is_large, spawn_from_afar};
use crate::trace::{CallTrace, TaskFacts, TaskTrace};
use futures_task::{FutureObj, Spawn, SpawnError};
use std::any::type_name;
use std::fmt;
use std::io;
use std::panic::Location;
use std::panic::RefUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

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
    pub(super) shared: Arc<Shared>,
}

/// What the handles of a runtime share with it.
pub(super) struct Shared {
    pub(super) pool: Arc<Pool>,
    pub(super) name: Option<String>,
    /// Of the runtime's thread, and what it said at the beginning.
    pub(super) cpu: (ThreadClock, Duration),
    /// Tells the tasks to end.
    pub(super) shutdown: CancellationToken,
    /// The last figures, once the runtime has ended.
    pub(super) last: OnceLock<(Figures, Duration)>,
    /// What other threads have made to block on handles of it.
    pub(super) drives: Drives,
    pub(super) told: Told,
}

// Like `Scheduler` is: a panic leaves it in order.
impl RefUnwindSafe for Shared {}

impl Shared {
    /// The CPU time of the runtime's thread since the runtime was made.
    pub(super) fn busy(&self) -> Duration {
        let (clock, start) = self.cpu;
        clock.read().saturating_sub(start)
    }
}

/// Tells runtimes apart: no two of a process have the same. See [`Handle::id`].
///
/// # Examples
///
/// ```
/// use ayi_runtime::runtime::Runtime;
/// let (one, other) = (Runtime::new()?, Runtime::new()?);
/// assert_ne!(one.handle().id(), other.handle().id());
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(u64);

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Handle {
    /// The handle of the runtime that this thread is in.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi_runtime::runtime::Handle;
    /// let handle = Handle::current();
    /// let there = std::thread::spawn(move || handle.spawn(async { 7 }));
    /// # assert_eq!(there.join().unwrap().await.unwrap(), 7);
    /// # });
    /// ```
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
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi_runtime::runtime::Handle;
    /// assert!(Handle::try_current().is_err()); // not inside a runtime
    /// ```
    pub fn try_current() -> Result<Handle, TryCurrentError> {
        context::current_handle().ok_or(TryCurrentError(()))
    }

    /// Spawns a task on the handle's runtime, whose thread will run it.
    ///
    /// If the runtime has ended, the future is dropped here and awaiting the task says that it was cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi_runtime::runtime::Handle;
    /// let handle = Handle::current();
    /// let task = std::thread::spawn(move || handle.spawn(async { 7 })).join().unwrap();
    /// assert_eq!(task.await.unwrap(), 7);
    /// # });
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        if const { is_large::<F>() } {
            return self.spawn_task(Box::pin(future), Boxed(size_of::<F>()));
        }
        self.spawn_task(future, Plain)
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
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi_runtime::runtime::Handle;
    /// let file = Handle::current().spawn_blocking(|| std::fs::read("Cargo.toml"));
    /// assert!(file.await.unwrap().is_ok());
    /// # });
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F, T>(&self, f: F) -> JoinHandle<T>
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
    pub(super) fn submit<F, T>(&self, f: F, kind: impl Kind<Outcome<T>>) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        if const { is_large::<F>() } {
            return self.submit_as(Box::new(f), kind, size_of::<F>());
        }
        self.submit_as(f, kind, size_of::<F>())
    }

    /// `size`: of what the user has given.
    #[track_caller]
    fn submit_as<F, T>(&self, f: F, kind: impl Kind<Outcome<T>>, size: usize) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (ticket, pool) = (Ticket::new(), &self.shared.pool);
        let name = if TaskTrace::IS_TOLD { kind.name().map(String::from) } else { None };
        let task = self.spawn_task(Outcome::new(ticket.clone(), pool.clone()), kind);
        let (handle, waker, id) = (self.clone(), task.waker(), task.id());
        let facts = TaskFacts { id: id.number(), name: name.as_deref(), size, place: Location::caller() };
        let trace = CallTrace::new(&facts, type_name::<F>);
        let run = move || {
            let _inside = handle.enter();
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

    #[track_caller]
    pub(super) fn spawn_task<F: Future<Output: Send + 'static> + Send + 'static>(
        &self,
        future: F,
        kind: impl Kind<F>,
    ) -> JoinHandle<F::Output> {
        match self.reference.local() {
            Some(local) => local.tasks().spawn(future, kind),
            None => spawn_from_afar(self.reference.scheduler, self.reference.id, move || future, kind),
        }
    }

    /// Runs `make` on the runtime's thread, and the future that it gives there as a task.
    ///
    /// So the future need not be `Send`: it comes into being where it runs. `make` and the output must be.
    ///
    /// If the runtime has ended, `make` is dropped here and awaiting the task says that it was cancelled. If `make`
    /// panics, that is the task's panic.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi_runtime::runtime::Handle;
    /// use std::rc::Rc;
    /// let handle = Handle::current();
    /// let task = std::thread::spawn(move || {
    ///     handle.spawn_with(|| {
    ///         let not_send = Rc::new(7);
    ///         async move { *not_send }
    ///     })
    /// });
    /// assert_eq!(task.join().unwrap().await.unwrap(), 7);
    /// # });
    /// ```
    #[track_caller]
    pub fn spawn_with<F>(&self, make: impl FnOnce() -> F + Send + 'static) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + 'static,
    {
        // In a future, so that its panics are the task's.
        match self.reference.local() {
            Some(local) => local.tasks().spawn(async move { make().await }, Plain),
            None => {
                let make = move || async move { make().await };
                spawn_from_afar(self.reference.scheduler, self.reference.id, make, Plain)
            }
        }
    }

    /// The token that tells this runtime's tasks to end. See [`shutdown`](crate::runtime::shutdown).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// let token = rt.handle().shutdown_token();
    /// let task = rt.spawn(async { ayi_runtime::runtime::shutdown_token().cancelled().await });
    /// std::thread::spawn(move || token.cancel());
    /// rt.block_on(task).unwrap();
    /// ```
    pub fn shutdown_token(&self) -> CancellationToken {
        self.shared.shutdown.clone()
    }

    /// Runs `future` to its end on this thread.
    ///
    /// On the runtime's own thread this is [`Runtime::block_on`](super::Runtime::block_on), which runs the other
    /// tasks beside it.
    ///
    /// On another thread, for example in a [`spawn_blocking`](Handle::spawn_blocking) call, that thread sleeps while
    /// `future` waits. Tasks, channels, locks and `spawn_blocking` calls are the runtime's, which somebody has to be
    /// running meanwhile. Timers, sockets, children and signals wait on this thread, which makes for them, when the first
    /// of them has to wait, what a small runtime needs: an epoll instance and an eventfd. It costs some microseconds, and
    /// it is gone when this returns. So what is different here:
    ///
    /// - A socket, a child or a signal that has waited in the runtime is tied to it, and gives an error here. One that was
    ///   made here, or has not waited yet, works.
    /// - [`spawn`](crate::spawn) panics, since its task need not be `Send`, and the runtime's thread is another:
    ///   [`Handle::spawn`] is for that.
    /// - Time is real, also if the runtime's is [paused](crate::time::pause).
    /// - When the runtime ends, sockets give an error, and timers panic, as they do in a runtime that has ended.
    ///
    /// # Panics
    ///
    /// If `future` panics; inside another `block_on`; if it awaits a timer, and the runtime has ended, or the system has no
    /// descriptors left.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ayi_runtime::{runtime::{Handle, Runtime}, task, time::{Duration, sleep}};
    /// # let rt = Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let handle = Handle::current();
    /// let slept = task::spawn_blocking(move || {
    ///     let answer = handle.spawn(async { 7 }); // on the runtime's thread
    ///     handle.block_on(async {
    ///         sleep(Duration::from_millis(1)).await; // on this one
    ///         answer.await
    ///     })
    /// });
    /// assert_eq!(slept.await.unwrap().unwrap(), 7);
    /// # });
    /// ```
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        if const { is_large::<F>() } {
            return self.block_on_as(Box::pin(future), size_of::<F>());
        }
        self.block_on_as(future, size_of::<F>())
    }

    #[track_caller]
    fn block_on_as<F: Future>(&self, future: F, size: usize) -> F::Output {
        if let Some(local) = Local::find(self.reference).filter(|local| !local.is_shut_down()) {
            return local.block_on(future, size);
        }
        let _blocked = super::local::BlockedOn::new();
        let drive = Drive::new();
        let _inside = EnterGuard::driven(self, drive.clone());
        let waker = Waker::from(drive.sleeper.clone());
        let mut cx = Context::from_waker(&waker);
        // Before this thread leaves the runtime, and after the future is dropped.
        let _end = OnDrop(|| drive.end(self));
        let place = Location::caller();
        let facts = || TaskFacts { id: tasks::Id::next().number(), name: None, size, place };
        let trace = TaskTrace::root(facts, None);
        let mut future = pin!(future);
        let mut poll = || trace.poll(&mut cx, |cx| future.as_mut().poll(cx));
        loop {
            if let Poll::Ready(output) = poll() {
                return output;
            }
            if let Some(local) = drive.local() {
                return local.go_on(&drive.sleeper, poll);
            }
            drive.sleeper.park();
        }
    }

    /// What has been counted of the runtime. See [`RuntimeMetrics`].
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi_runtime::runtime::Handle;
    /// println!("{} tasks", Handle::current().metrics().num_alive_tasks());
    /// # });
    /// ```
    pub fn metrics(&self) -> RuntimeMetrics {
        RuntimeMetrics::new(self.clone())
    }

    /// The runtime's number.
    pub fn id(&self) -> Id {
        Id(self.reference.id)
    }

    /// The runtime's name, if [`Builder::name`](super::Builder::name) gave it one.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi_runtime::runtime::Builder;
    /// let rt = Builder::new_current_thread().name("orders").build()?;
    /// assert_eq!(rt.handle().name(), Some("orders"));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.shared.name.as_deref()
    }

    /// Makes the handle's runtime the current one of this thread, until the guard is dropped.
    ///
    /// On the runtime's own thread this is as good as being inside [`block_on`](super::Runtime::block_on), but
    /// that nothing runs. On another thread, [`Handle::current`] and
    /// [`spawn_blocking`](crate::task::spawn_blocking) work, while [`spawn`](crate::spawn), sockets and timers,
    /// which live on the runtime's thread, do not: [`Handle::block_on`] runs what needs them.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ayi_runtime::runtime::Runtime;
    /// # let rt = Runtime::new()?;
    /// let handle = rt.handle();
    /// std::thread::spawn(move || {
    ///     let _inside = handle.enter();
    ///     drop(ayi_runtime::task::spawn_blocking(|| 7)); // of that runtime
    /// });
    /// # std::io::Result::Ok(())
    /// ```
    pub fn enter(&self) -> EnterGuard<'_> {
        EnterGuard::afar(self)
    }
}

struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
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
