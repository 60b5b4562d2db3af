//! A runtime as other threads see it.
//!
//! In tokio: `runtime/handle.rs`.

use super::entered::{EnterGuard, current_link};
use super::errors::TryCurrentError;
use super::lending::until_it_is_here;
use super::link::Link;
use super::metrics::RuntimeMetrics;
use super::task::try_id;
use crate::core::current::HOME;
use crate::core::task::{JoinHandle, Plain};
use crate::services::cancellation::CancellationToken;
use crate::services::home::Who;
use crate::services::kinds::{Boxed, is_large};
use crate::services::next;
use futures_task::{FutureObj, Spawn, SpawnError};
use std::fmt;

/// A handle that reaches a runtime from any thread. It is `Send`, `Sync` and cheap to clone. It does not keep the
/// runtime alive.
///
/// # Examples
///
/// ```
/// use ayi::runtime::{Handle, Runtime};
///
/// let rt = Runtime::new().unwrap();
/// rt.block_on(async {
///     let handle = Handle::current();
///     let thread = std::thread::spawn(move || handle.spawn(async { "from another thread" }));
///     let task = ayi::task::spawn_blocking(|| thread.join().unwrap()).await.unwrap();
///     assert_eq!(task.await.unwrap(), "from another thread");
/// });
/// ```
#[derive(Clone)]
pub struct Handle {
    pub(crate) link: Link,
}

impl Handle {
    /// Returns the handle of the runtime that this thread is in.
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
    /// use ayi::runtime::Handle;
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

    /// Returns the handle of the runtime that this thread is in.
    ///
    /// # Errors
    ///
    /// Fails outside a runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Handle;
    /// assert!(Handle::try_current().is_err()); // not inside a runtime
    /// ```
    pub fn try_current() -> Result<Handle, TryCurrentError> {
        current_link().map(|link| Handle { link }).ok_or(TryCurrentError(()))
    }

    /// Spawns a task on the handle's runtime, whose thread will run it, or one of whose
    /// [workers](crate::runtime::Builder::worker_threads).
    ///
    /// Where several runtimes share tasks, the workers of one or the [`cores`](crate::runtime::Builder::cores) of a
    /// program, the task may go from one to another that has nothing to do: between two polls, while it waits for its turn.
    ///
    /// If the runtime has ended, the future is dropped here and awaiting the task says that it was cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::runtime::Handle;
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
            return self.link.spawn_task(Box::pin(future), Boxed(size_of::<F>()));
        }
        self.link.spawn_task(future, Plain)
    }

    /// Runs `f`, which may block, on a thread of the runtime's pool.
    ///
    /// While `f` runs, [`Handle::current`] on that thread is this handle.
    ///
    /// When all threads of the pool are busy and there are as many as
    /// [`max_blocking_threads`](crate::runtime::Builder::max_blocking_threads) allows, the call waits; calls run in the
    /// order in which they came. [`JoinHandle::abort`] stops the call only as long as it has not started. When the
    /// runtime ends, awaiting the call says that it was cancelled. A call that has started runs to its end on its
    /// thread, and its result is dropped.
    ///
    /// # Panics
    ///
    /// Panics if the pool has no thread and the system refuses to start one.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::runtime::Handle;
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
        self.link.spawn_blocking(f)
    }

    /// Calls `make` on the runtime's thread, and spawns the future that `make` returns as a task on that thread.
    ///
    /// So the future need not be `Send`: it comes into being where it runs. `make` and the output must be `Send`.
    ///
    /// If the runtime has ended, `make` is dropped here and awaiting the task says that it was cancelled. If `make`
    /// panics, that is the task's panic.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::runtime::Handle;
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
        // `make` is called in a future, so that its panics are the task's.
        match self.link.here().filter(|_| HOME.get().is_some()) {
            Some(worker) => {
                worker.tasks().local_task();
                worker.tasks().spawn(async move { make().await }, Plain)
            }
            None => {
                let begin = async move || {
                    until_it_is_here().await;
                    make().await
                };
                self.link.spawn_from_afar(begin, Plain)
            }
        }
    }

    /// Runs `future` to its end on this thread.
    ///
    /// On the runtime's own thread this is [`Runtime::block_on`](crate::runtime::Runtime::block_on), which runs the
    /// other tasks alongside.
    ///
    /// On another thread, for example in a [`spawn_blocking`](Handle::spawn_blocking) call, that thread sleeps while
    /// `future` waits. Tasks, channels, locks and `spawn_blocking` calls are the runtime's, so the runtime's thread has
    /// to be in `block_on` meanwhile. Timers, sockets, children and signals wait on this thread. When the first of them
    /// has to wait, this thread makes a small runtime for them, with an epoll instance and an eventfd. That costs some
    /// microseconds, and the small runtime ends when this call returns. So these things are different here:
    ///
    /// - A socket, a child or a signal that has waited in the runtime comes to this thread when it is polled here, unless
    ///   others wait for it there: then it waits there as well, which costs a message.
    /// - [`spawn`](crate::spawn) panics, since its task need not be `Send`, and the runtime's thread is another. Use
    ///   [`Handle::spawn`].
    /// - Time is real, even if the runtime's is [paused](crate::time::pause).
    /// - When the runtime ends, sockets give an error, and timers panic, as they do in a runtime that has ended.
    ///
    /// # Panics
    ///
    /// Panics if `future` panics or if this is called inside another `block_on`. It also panics if `future` awaits a
    /// timer and the runtime has ended or the system has no descriptors left.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ayi::{runtime::{Handle, Runtime}, task, time::{Duration, sleep}};
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
            return self.link.block_on(Box::pin(future), size_of::<F>(), Who::LastThread);
        }
        self.link.block_on(future, size_of::<F>(), Who::LastThread)
    }

    /// Returns the token that tells this runtime's tasks to end. See [`shutdown`](crate::runtime::shutdown).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// let token = rt.handle().shutdown_token();
    /// let task = rt.spawn(async { ayi::runtime::shutdown_token().cancelled().await });
    /// std::thread::spawn(move || token.cancel());
    /// rt.block_on(task).unwrap();
    /// ```
    pub fn shutdown_token(&self) -> CancellationToken {
        self.link.shared.shutdown.clone()
    }

    /// Returns what has been counted of the runtime. See [`RuntimeMetrics`].
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::runtime::Handle;
    /// println!("{} tasks", Handle::current().metrics().num_alive_tasks());
    /// # });
    /// ```
    pub fn metrics(&self) -> RuntimeMetrics {
        RuntimeMetrics::new(self.link.clone())
    }

    /// Returns the runtime's id.
    pub fn id(&self) -> Id {
        Id(self.link.reference.id)
    }

    /// Returns the runtime's name, if [`Builder::name`](crate::runtime::Builder::name) gave it one.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Builder;
    /// let rt = Builder::new_current_thread().name("orders").build()?;
    /// assert_eq!(rt.handle().name(), Some("orders"));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.link.shared.name.as_deref()
    }

    /// Returns the kind of the runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::{Runtime, RuntimeFlavor};
    /// let rt = Runtime::new()?;
    /// assert_eq!(rt.handle().runtime_flavor(), RuntimeFlavor::CurrentThread);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn runtime_flavor(&self) -> RuntimeFlavor {
        match self.link.shared.background {
            None => RuntimeFlavor::CurrentThread,
            Some(_) => RuntimeFlavor::MultiThread,
        }
    }

    /// Makes the handle's runtime the current one of this thread, until the guard is dropped.
    ///
    /// On the runtime's own thread this works like being inside [`block_on`](crate::runtime::Runtime::block_on), but
    /// nothing runs. On another thread, [`Handle::current`] and [`spawn_blocking`](crate::task::spawn_blocking) work, and
    /// sockets and timers wait in the runtime, whatever executor polls them. [`spawn`](crate::spawn) panics, since its
    /// task need not be `Send`: use [`Handle::spawn`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use ayi::runtime::Runtime;
    /// # let rt = Runtime::new()?;
    /// let handle = rt.handle().clone();
    /// std::thread::spawn(move || {
    ///     let _inside = handle.enter();
    ///     drop(ayi::task::spawn_blocking(|| 7)); // of that runtime
    /// });
    /// # std::io::Result::Ok(())
    /// ```
    pub fn enter(&self) -> EnterGuard<'_> {
        EnterGuard::new(&self.link, Who::LastThread)
    }
}

impl Handle {
    /// Whether the runtime has not ended.
    pub(crate) fn is_open(&self) -> bool {
        self.link.reference.scheduler.is_open(self.link.reference.id)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("runtime", &self.link.reference.id).finish_non_exhaustive()
    }
}

impl Spawn for Handle {
    // Inlined, here and for `Runtime`: a program that does not spawn by this trait does not compile it.
    #[inline]
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.status()?;
        drop(self.spawn(future));
        Ok(())
    }

    fn status(&self) -> Result<(), SpawnError> {
        if self.is_open() { Ok(()) } else { Err(SpawnError::shutdown()) }
    }
}

/// The id of a runtime. No two runtimes of a process have the same id. See [`Handle::id`].
///
/// # Examples
///
/// ```
/// use ayi::runtime::Runtime;
/// let (one, other) = (Runtime::new()?, Runtime::new()?);
/// assert_ne!(one.handle().id(), other.handle().id());
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(u64);

/// The kinds of runtimes, by tokio's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuntimeFlavor {
    /// It runs while a thread is in `block_on`.
    CurrentThread,
    /// It runs also while no thread is in `block_on`. See
    /// [`Builder::new_multi_thread`](crate::runtime::Builder::new_multi_thread).
    MultiThread,
}

/// Returns the number of the current runtime's worker that this thread is, 0 for the first, or `None` on other threads. The future of a `block_on` of a [`MultiThread`](RuntimeFlavor::MultiThread) runtime is
/// not on that thread by tokio's rules.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// assert_eq!(ayi::runtime::worker_index(), None);
/// assert_eq!(rt.block_on(async { ayi::runtime::worker_index() }), Some(0));
/// ```
pub fn worker_index() -> Option<usize> {
    let worker = current_link()?.here()?;
    let is_apart = worker.lodgers.shared.background.is_some() && try_id().is_none();
    let is_worker = worker.lodgers.runs.are_going_on() && !is_apart;
    is_worker.then(|| worker.lodgers.worker_index())
}

impl Id {
    /// A number that no runtime has, for a `LocalSet`.
    #[doc(hidden)]
    pub fn for_a_set() -> Id {
        Id(next::id())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
