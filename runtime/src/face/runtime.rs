//! The runtime that users own.
//!
//! In tokio: `runtime/runtime.rs`, and `LocalRuntime`, which is closer to this one: it also has one thread.

use super::entered::{EnterGuard, current_link};
use super::errors::{LEAKED, ON_ANOTHER_THREAD};
use super::handle::Handle;
use super::link::Link;
use super::lodgers::Lodgers;
use super::metrics::RuntimeMetrics;
use super::settings::Settings;
use super::task::try_id;
use crate::core::current::EnterGuard as CoreGuard;
use crate::core::current::worker_of;
use crate::core::lodger::Lodger;
use crate::core::task::{JoinHandle, Plain};
use crate::core::worker::Worker;
use crate::services::afar::refused;
use crate::services::home::Who;
use crate::services::kinds::{Boxed, is_large};
use crate::services::stay::{Stay, begin_idle};
use futures_task::{FutureObj, LocalFutureObj, LocalSpawn, Spawn, SpawnError};
use std::fmt;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Duration;

/// An async runtime: tasks, an epoll reactor, timers, and a pool of threads for blocking calls.
///
/// Everything but the pool's work happens on the thread that is inside [`block_on`](Runtime::block_on). A [`Handle`]
/// reaches the runtime from other threads.
///
/// # Threads
///
/// A runtime may be sent to another thread, or shared: the next `block_on` runs it wherever that is called. While one
/// thread is in `block_on`, another one that calls it runs only its own future. Timers and sockets of that future wait
/// there, and the tasks stay where they are.
///
/// [`spawn`](crate::spawn) takes futures that are not `Send`. A runtime with such a task stays on its thread until the
/// task has finished: `block_on` elsewhere panics, and if the runtime is dropped elsewhere, it is leaked, with what it
/// owns, and says so on stderr. Tasks of [`Handle::spawn`] are `Send`, and do not keep a runtime anywhere.
///
/// # The end
///
/// A runtime that is dropped ends in this order:
///
/// 1. Tasks that are spawned from here on are cancelled at once.
/// 2. Every unfinished task is cancelled and its future is dropped on this thread, while sockets and timers still work.
/// 3. `spawn_blocking` calls that have not started are given up, and the runtime waits for those that have.
/// 4. The reactor is closed.
///
/// JoinHandles that are still held say "cancelled". Sockets that are still held can only be closed or turned into those
/// of std.
///
/// The runtime waits without end for a call that never returns, since nobody knows what would be lost with it. After
/// ten seconds a line on stderr says so. [`shutdown_timeout`](Runtime::shutdown_timeout),
/// [`shutdown_background`](Runtime::shutdown_background) and
/// [`Builder::shutdown_timeout`](crate::runtime::Builder::shutdown_timeout) set a limit.
///
/// One of the runtime's own tasks may drop it, if [`Handle::block_on`] runs that task. The other tasks are cancelled at
/// once. The task that drops the runtime is cancelled when the poll in which it does so has returned, unless that poll
/// returns the task's output. The rest of the end follows then.
///
/// # Fairness
///
/// Tasks run in the order in which they were woken. At most 61 polls pass before the runtime looks at timers, other
/// threads' wakes and sockets. One poll may complete at most 128 operations, as in tokio, before its task has to give
/// way. That task goes on after at most 16 polls of other tasks. If no other task is ready, it goes on behind the tasks
/// that the next look at timers, wakes and sockets has made ready. So no task, however busy, keeps others waiting for
/// longer than one round of the run queue.
///
/// # Examples
///
/// ```
/// let rt = ayi::runtime::Runtime::new()?;
/// assert_eq!(rt.block_on(async { 40 + 2 }), 42);
/// # std::io::Result::Ok(())
/// ```
pub struct Runtime {
    handle: Handle,
    /// How long the end waits for `spawn_blocking` calls that are running.
    pub(crate) grace: Duration,
}

impl Runtime {
    /// Returns whether others have left messages for it. The simulator asks this, since nobody rings while it runs other
    /// hosts.
    #[cfg(feature = "sim")]
    #[doc(hidden)]
    pub fn has_messages(&self) -> bool {
        !self.handle.link.reference.scheduler.inbox.is_empty()
    }

    pub(crate) fn of(worker: Rc<Worker>, grace: Duration) -> Runtime {
        let handle = Handle { link: Link::of(&worker) };
        begin_idle(worker);
        Runtime { handle, grace }
    }

    /// Makes a runtime with the default settings. A [`Builder`](crate::runtime::Builder) makes one with other settings.
    ///
    /// # Errors
    ///
    /// Fails if the system refuses an epoll instance or an eventfd, usually because the process has no file descriptors
    /// left.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Runtime;
    /// let rt = Runtime::new()?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn new() -> io::Result<Runtime> {
        Ok(Runtime::of(Settings::new().make()?, Duration::MAX))
    }

    /// Runs `future` to its end on this thread, with the other tasks alongside.
    ///
    /// Tasks that are not finished by then stay, and go on during the next `block_on`.
    ///
    /// # Panics
    ///
    /// Panics if `future` panics or if this is called inside another `block_on`. It also panics if a task's panic was
    /// unhandled and the policy is
    /// [`UnhandledPanic::ShutdownRuntime`](crate::runtime::UnhandledPanic::ShutdownRuntime).
    ///
    /// # Examples
    ///
    /// ```
    /// # use ayi::runtime::Runtime;
    /// # let rt = Runtime::new()?;
    /// assert_eq!(rt.block_on(async { 40 + 2 }), 42);
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        if const { is_large::<F>() } {
            return self.handle.link.block_on(Box::pin(future), size_of::<F>(), Who::Owner);
        }
        self.handle.link.block_on(future, size_of::<F>(), Who::Owner)
    }

    /// Spawns a task. This also works outside `block_on`. See [`spawn`](crate::spawn).
    ///
    /// # Panics
    ///
    /// Panics if another thread is in the runtime: a future that is not `Send` cannot go there. Use [`Handle::spawn`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use ayi::runtime::Runtime;
    /// # let rt = Runtime::new()?;
    /// let task = rt.spawn(async { 7 }); // runs during the next block_on
    /// assert_eq!(rt.block_on(task).unwrap(), 7);
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        let Some(stay) = self.handle.link.stay(Who::Owner) else {
            assert!(!self.handle.is_open(), "{ON_ANOTHER_THREAD}");
            drop(future);
            return refused(self.handle.link.reference.scheduler);
        };
        let _inside = CoreGuard::here(stay.worker());
        stay.worker().tasks().local_task();
        if const { is_large::<F>() } {
            return stay.worker().tasks().spawn(Box::pin(future), Boxed(size_of::<F>()));
        }
        stay.worker().tasks().spawn(future, Plain)
    }

    /// Runs `f`, which may block, on a thread of the pool. See [`Handle::spawn_blocking`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use ayi::runtime::Runtime;
    /// # let rt = Runtime::new()?;
    /// let file = rt.spawn_blocking(|| std::fs::read("Cargo.toml"));
    /// assert!(rt.block_on(file).unwrap().is_ok());
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.handle.spawn_blocking(f)
    }

    /// Makes this the current runtime of the thread, until the guard is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ayi::runtime::Runtime;
    /// # let rt = Runtime::new()?;
    /// let task = {
    ///     let _inside = rt.enter();
    ///     ayi::spawn(async { 7 })
    /// };
    /// assert_eq!(rt.block_on(task).unwrap(), 7);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn enter(&self) -> EnterGuard<'_> {
        EnterGuard::new(&self.handle.link, Who::Owner)
    }

    /// Returns what has been counted of this runtime. See [`RuntimeMetrics`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use ayi::runtime::Runtime;
    /// # let rt = Runtime::new()?;
    /// drop(rt.spawn(async {}));
    /// assert_eq!(rt.metrics().num_alive_tasks(), 1);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn metrics(&self) -> RuntimeMetrics {
        self.handle.metrics()
    }

    /// Returns a handle that reaches this runtime from other threads.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ayi::runtime::Runtime;
    /// # let rt = Runtime::new()?;
    /// let handle = rt.handle().clone();
    /// let task = std::thread::spawn(move || handle.spawn(async { 7 })).join().unwrap();
    /// assert_eq!(rt.block_on(task).unwrap(), 7);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Ends the runtime, and waits at most `grace` for `spawn_blocking` calls that are running. Dropping the runtime
    /// waits until they have returned. A call that has not returned by then goes on, on its thread, and its result is
    /// dropped. When the process ends, the call ends with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// # use ayi::runtime::Runtime;
    /// # let rt = Runtime::new()?;
    /// rt.spawn_blocking(|| println!("nearly done"));
    /// rt.shutdown_timeout(Duration::from_millis(100));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn shutdown_timeout(mut self, grace: Duration) {
        self.grace = grace;
    }

    /// Ends the runtime without waiting for `spawn_blocking` calls that are running. They go on, on their threads, and
    /// their results are dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// let rt = ayi::runtime::Runtime::new().unwrap();
    /// rt.spawn_blocking(|| std::thread::sleep(std::time::Duration::from_secs(1)));
    /// rt.shutdown_background(); // at once
    /// ```
    pub fn shutdown_background(self) {
        self.shutdown_timeout(Duration::ZERO);
    }
}

impl Link {
    /// Ends the runtime, wherever it is, for its owner.
    pub(crate) fn end(&self, grace: Duration) {
        let Link { reference, shared } = self;
        // A task or a blocking call of this runtime that waited for the end would wait for itself.
        let is_inside = current_link().is_some_and(|link| link.reference.id == reference.id);
        let is_in_a_call = is_inside && (self.here().is_some() || try_id().is_some());
        let background = shared.background.as_ref();
        shared.ask_to_end(grace);
        // The worker that this thread is, and those whose threads could not be started.
        for other in shared.workers().skip(1) {
            if let Some(stay) = Stay::begin(other.runtime, &other.home, Who::Owner) {
                stay.worker().shut_down(Duration::ZERO);
            }
        }
        if let Some(stay) = self.stay(Who::Owner) {
            let is_here = worker_of(reference.id).is_some();
            let waits_for_itself = is_in_a_call && !is_here;
            stay.worker().shut_down(if waits_for_itself { Duration::ZERO } else { grace });
            // Its thread may be about to find that it came too late.
            if !waits_for_itself {
                shared.wait_for_the_end(grace);
            }
            return;
        }
        if shared.home.is_tied_elsewhere() {
            // If stderr is closed, there is nobody to tell, and `eprintln!` would panic.
            let _ = writeln!(io::stderr(), "ayi: {LEAKED}");
            return;
        }
        let id = reference.id;
        let end = move |_| Lodgers::find_here(id).iter().for_each(|it| it.shut_down(grace));
        match background {
            Some(_) if !is_in_a_call => shared.wait_for_the_end(grace),
            Some(_) => {}
            None => drop(reference.scheduler.send(Some(id), Box::new(end))),
        }
        if !is_in_a_call {
            shared.pool.shut_down(grace);
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.handle.link.end(self.grace);
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("handle", &self.handle).finish()
    }
}

impl Spawn for Runtime {
    #[inline]
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.spawn_local_obj(future.into())
    }

    fn status(&self) -> Result<(), SpawnError> {
        self.handle.status()
    }
}

impl LocalSpawn for Runtime {
    #[inline]
    fn spawn_local_obj(&self, future: LocalFutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.status()?;
        drop(self.spawn(future));
        Ok(())
    }

    fn status_local(&self) -> Result<(), SpawnError> {
        self.status()
    }
}
