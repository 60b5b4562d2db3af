//! A task with a name.
//!
//! In tokio: `task/builder.rs`.

use super::entered::current_to_spawn;
use super::handle::Handle;
use crate::core::task::{JoinHandle, Plain};
use crate::services::blocking::BlockingCall;
use crate::services::kinds::{Boxed, Named, is_large};
use std::io;

/// A builder that spawns a task with a name.
///
/// The report of a panic that nobody joins contains the name, and [`TaskMeta`](crate::task::TaskMeta) tells it to the
/// runtime's hooks. A name costs an allocation.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let task = ayi::task::Builder::new().name("kettle").spawn(async { "hot" })?;
/// assert_eq!(task.await?, "hot");
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "a task::Builder does nothing until it spawns"]
pub struct TaskBuilder<'a> {
    name: Option<&'a str>,
}

impl<'a> TaskBuilder<'a> {
    /// Creates a builder without a name.
    pub fn new() -> TaskBuilder<'a> {
        TaskBuilder::default()
    }

    /// Names the task.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::task::Builder;
    /// let task = Builder::new().name("orders").spawn(async { 7 }).unwrap();
    /// assert_eq!(task.await.unwrap(), 7);
    /// # });
    /// ```
    pub fn name(self, name: &'a str) -> TaskBuilder<'a> {
        TaskBuilder { name: Some(name) }
    }

    fn named<K>(self, kind: K) -> Named<K> {
        Named { name: self.name.unwrap_or_default().to_owned(), kind }
    }

    /// Spawns a task, like [`spawn`](crate::spawn).
    ///
    /// # Errors
    ///
    /// Never fails. The signature is tokio's.
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
    /// use ayi::task::Builder;
    /// let not_send = std::rc::Rc::new(7);
    /// let task = Builder::new().name("orders").spawn(async move { *not_send }).unwrap();
    /// assert_eq!(task.await.unwrap(), 7);
    /// # });
    /// ```
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> io::Result<JoinHandle<F::Output>>
    where
        F: Future<Output: 'static> + 'static,
    {
        let tasks = current_to_spawn();
        if const { is_large::<F>() } {
            let size = Boxed(size_of::<F>());
            return Ok(match self.name {
                Some(_) => tasks.spawn(Box::pin(future), self.named(size)),
                None => tasks.spawn(Box::pin(future), size),
            });
        }
        Ok(match self.name {
            Some(_) => tasks.spawn(future, self.named(Plain)),
            None => tasks.spawn(future, Plain),
        })
    }

    /// Spawns a task, like [`spawn`](TaskBuilder::spawn), which takes futures that are not `Send` as well.
    ///
    /// # Errors
    ///
    /// Never fails. The signature is tokio's.
    ///
    /// # Panics
    ///
    /// Panics outside a runtime.
    #[track_caller]
    pub fn spawn_local<F>(self, future: F) -> io::Result<JoinHandle<F::Output>>
    where
        F: Future<Output: 'static> + 'static,
    {
        self.spawn(future)
    }

    /// Spawns a task on the runtime of `handle`, like [`Handle::spawn`].
    ///
    /// # Errors
    ///
    /// Never fails. The signature is tokio's.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::{runtime::Handle, task::Builder};
    /// let handle = Handle::current();
    /// let task = std::thread::spawn(move || Builder::new().name("orders").spawn_on(async { 7 }, &handle));
    /// assert_eq!(task.join().unwrap().unwrap().await.unwrap(), 7);
    /// # });
    /// ```
    #[track_caller]
    pub fn spawn_on<F>(self, future: F, handle: &Handle) -> io::Result<JoinHandle<F::Output>>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        if const { is_large::<F>() } {
            let size = Boxed(size_of::<F>());
            return Ok(match self.name {
                Some(_) => handle.link.spawn_task(Box::pin(future), self.named(size)),
                None => handle.link.spawn_task(Box::pin(future), size),
            });
        }
        Ok(match self.name {
            Some(_) => handle.link.spawn_task(future, self.named(Plain)),
            None => handle.link.spawn_task(future, Plain),
        })
    }

    /// Runs `f`, which may block, on a thread of the pool, like [`spawn_blocking`](crate::task::spawn_blocking).
    ///
    /// # Errors
    ///
    /// Fails if the pool has no thread and the system refuses to start one.
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
    /// use ayi::task::Builder;
    /// let task = Builder::new().name("reader").spawn_blocking(|| std::fs::read("Cargo.toml")).unwrap();
    /// assert!(task.await.unwrap().is_ok());
    /// # });
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.spawn_blocking_on(f, &Handle::current())
    }

    /// Runs `f`, which may block, on a thread of the pool of `handle`'s runtime, like [`Handle::spawn_blocking`].
    ///
    /// # Errors
    ///
    /// Fails if the pool has no thread and the system refuses to start one.
    #[track_caller]
    pub fn spawn_blocking_on<F, T>(self, f: F, handle: &Handle) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        match self.name {
            Some(_) => handle.link.submit(f, self.named(BlockingCall)),
            None => handle.link.submit(f, BlockingCall),
        }
    }
}
