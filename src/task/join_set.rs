//! Tasks that are awaited together.
//!
//! The tasks of the runtime that the set is in are *near*: ayi-runtime keeps them, without a lock. The others are *far*:
//! those of other threads' runtimes, and near ones when the set has gone to another thread. There they stay.
//!
//! In tokio: `task/join_set.rs` and `util/idle_notified_set.rs`.

mod far;

use super::{AbortHandle, Id, JoinError, JoinHandle, LocalSet};
use crate::runtime::Handle;
use ayi_runtime::task::{Near, WaitNote, What, coop};
use far::Far;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::panic::resume_unwind;
use std::ptr;
use std::task::{Context, Poll, ready};

const WAITING: What = What::new("the end of a task of its JoinSet");

/// A set of tasks, whose outputs come in the order in which they finish.
///
/// All tasks have the same type of output. Dropping the set aborts its tasks. It can be awaited anywhere: in a task, on
/// another thread, by another executor.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// use ayi::task::JoinSet;
///
/// let mut set = JoinSet::new();
/// for n in 0..10 {
///     set.spawn(async move { n * n });
/// }
/// let mut sum = 0;
/// while let Some(square) = set.join_next().await {
///     sum += square.unwrap();
/// }
/// assert_eq!(sum, 285);
/// # }
/// ```
pub struct JoinSet<T> {
    near: Near<T>,
    far: Far<T>,
    /// Which of the two is asked first, in turns: neither keeps the other waiting.
    is_fars_turn: bool,
}

impl<T> JoinSet<T> {
    /// Makes an empty set.
    pub fn new() -> JoinSet<T> {
        JoinSet { near: Near::new(), far: Far::default(), is_fars_turn: false }
    }

    /// Returns the number of tasks in the set: those that run, and those whose output has not been taken.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::task::JoinSet;
    /// let mut set = JoinSet::new();
    /// set.spawn(async {});
    /// assert!(set.len() == 1 && !set.is_empty());
    /// # }
    /// ```
    pub fn len(&self) -> usize {
        self.near.len() + self.far.len()
    }

    /// Returns whether there is no task in the set.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until a task is finished, and returns its output, or `None` if the set is empty.
    ///
    /// # Errors
    ///
    /// Fails if the task panicked or was aborted.
    ///
    /// # Cancel safety
    ///
    /// No output is lost if the future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::task::JoinSet;
    /// let mut set: JoinSet<u32> = [1, 2, 3].map(|n| async move { n }).into_iter().collect();
    /// let mut sum = 0;
    /// while let Some(result) = set.join_next().await {
    ///     match result {
    ///         Ok(n) => sum += n,
    ///         Err(error) => eprintln!("{error}"), // it panicked or was aborted
    ///     }
    /// }
    /// assert_eq!(sum, 6);
    /// # }
    /// ```
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        self.join_next_with_id().await.map(without_id)
    }

    /// Waits like [`join_next`](JoinSet::join_next), and returns the task's id too. If the task failed, the error has
    /// the id.
    ///
    /// # Errors
    ///
    /// Fails if the task panicked or was aborted.
    ///
    /// # Cancel safety
    ///
    /// No output is lost if the future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::task::JoinSet;
    /// let mut set = JoinSet::new();
    /// let task = set.spawn(async { "tea" });
    /// let (id, output) = set.join_next_with_id().await.unwrap().unwrap();
    /// assert_eq!((id, output), (task.id(), "tea"));
    /// # }
    /// ```
    pub async fn join_next_with_id(&mut self) -> Option<Result<(Id, T), JoinError>> {
        let mut note = WaitNote::new();
        poll_fn(|cx| {
            let output = self.poll_join_next_with_id(cx);
            if output.is_pending() {
                note.begin(WAITING, ptr::from_ref(self).addr());
            }
            output
        })
        .await
    }

    /// Returns the output of a task that is finished, if there is one.
    ///
    /// # Errors
    ///
    /// Fails if the task panicked or was aborted.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::task::{JoinSet, yield_now};
    /// let mut set = JoinSet::new();
    /// set.spawn(async { 7 });
    /// assert!(set.try_join_next().is_none()); // it has not run yet
    /// yield_now().await;
    /// assert_eq!(set.try_join_next().unwrap().unwrap(), 7);
    /// # }
    /// ```
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        self.try_join_next_with_id().map(without_id)
    }

    /// Returns an output like [`try_join_next`](JoinSet::try_join_next), with the task's id.
    ///
    /// # Errors
    ///
    /// Fails if the task panicked or was aborted.
    pub fn try_join_next_with_id(&mut self) -> Option<Result<(Id, T), JoinError>> {
        self.follow();
        self.near_output().or_else(|| self.far.take())
    }

    /// Polls for a task that is finished, like [`join_next`](JoinSet::join_next).
    ///
    /// # Errors
    ///
    /// Fails if the task panicked or was aborted.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::task::JoinSet;
    /// use std::future::poll_fn;
    /// let mut set = JoinSet::new();
    /// set.spawn(async { 7 });
    /// assert_eq!(poll_fn(|cx| set.poll_join_next(cx)).await.unwrap().unwrap(), 7);
    /// # }
    /// ```
    pub fn poll_join_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        let output = ready!(self.poll_join_next_with_id(cx));
        Poll::Ready(output.map(without_id))
    }

    /// Polls for a task that is finished, like [`join_next_with_id`](JoinSet::join_next_with_id).
    ///
    /// # Errors
    ///
    /// Fails if the task panicked or was aborted.
    pub fn poll_join_next_with_id(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<(Id, T), JoinError>>> {
        // One output is one operation, however many entries were looked at. So is the answer that the set is empty.
        ready!(coop::poll_budget(cx));
        let output = ready!(self.poll_output(cx));
        coop::charge();
        Poll::Ready(output)
    }

    fn poll_output(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(Id, T), JoinError>>> {
        loop {
            self.follow();
            self.is_fars_turn = !self.is_fars_turn && !self.far.is_empty();
            if self.is_fars_turn {
                if let Some(output) = self.far.take() {
                    return Poll::Ready(Some(output));
                }
            }
            if let Some(output) = self.near_output() {
                return Poll::Ready(Some(output));
            }
            if self.is_empty() {
                return Poll::Ready(None);
            }
            if !self.far.is_empty() {
                if let Poll::Ready(output) = self.far.poll(cx) {
                    return Poll::Ready(Some(output));
                }
            }
            if self.near.is_empty() || self.near.wait(cx.waker()) {
                return Poll::Pending;
            }
        }
    }

    /// If the set has left the thread of its tasks, they are far from now on.
    #[inline]
    fn follow(&mut self) {
        if !self.near.is_empty() && !self.near.is_home() {
            self.near.take_all().into_iter().for_each(|task| self.far.insert(task));
        }
    }

    #[inline]
    fn near_output(&mut self) -> Option<Result<(Id, T), JoinError>> {
        let (id, output) = self.near.take()?;
        Some(output.map(|output| (id, output)))
    }

    /// Aborts all tasks. Their outputs, most of which report the abort, can still be awaited.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::task::JoinSet;
    /// let mut set = JoinSet::new();
    /// set.spawn(std::future::pending::<()>());
    /// set.abort_all();
    /// assert!(set.join_next().await.unwrap().unwrap_err().is_cancelled());
    /// # }
    /// ```
    pub fn abort_all(&mut self) {
        self.near.tasks().for_each(AbortHandle::abort);
        self.far.abort_all();
    }

    /// Aborts all tasks, and waits until they are finished. The set is empty then.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the tasks have been aborted, and those that were not waited for are still in the set.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::task::JoinSet;
    /// let mut set = JoinSet::new();
    /// set.spawn(std::future::pending::<()>());
    /// set.shutdown().await;
    /// assert!(set.is_empty());
    /// # }
    /// ```
    pub async fn shutdown(&mut self) {
        self.abort_all();
        while self.join_next().await.is_some() {}
    }

    /// Removes all tasks from the set without aborting them: nobody awaits them any longer.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::task::JoinSet;
    /// let mut set = JoinSet::new();
    /// set.spawn(async { /* will be done, whatever becomes of the set */ });
    /// set.detach_all();
    /// assert!(set.is_empty());
    /// # }
    /// ```
    pub fn detach_all(&mut self) {
        // This drops outputs that nobody took, which is foreign code.
        drop((self.near.take_all(), self.far.take_all()));
    }

    /// Waits for all tasks, and returns their outputs in the order in which they finished.
    ///
    /// # Panics
    ///
    /// Panics if a task panicked or was aborted. This aborts the other tasks.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, all tasks are aborted, and the outputs are lost.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let set: ayi::task::JoinSet<u32> = (0..3).map(|n| async move { n }).collect();
    /// assert_eq!(set.join_all().await, [0, 1, 2]);
    /// # }
    /// ```
    pub async fn join_all(mut self) -> Vec<T> {
        let mut outputs = Vec::with_capacity(self.len());
        while let Some(output) = self.join_next().await {
            match output {
                Ok(output) => outputs.push(output),
                Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
                Err(error) => panic!("JoinSet::join_all: {error}"),
            }
        }
        outputs
    }
}

impl<T: 'static> JoinSet<T> {
    /// Spawns a task like [`spawn`](crate::spawn), and puts it into the set.
    ///
    /// # Panics
    ///
    /// Panics outside a runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::task::JoinSet;
    /// let mut set = JoinSet::new();
    /// let task = set.spawn(std::future::pending::<()>());
    /// task.abort();
    /// # }
    /// ```
    #[track_caller]
    pub fn spawn(&mut self, future: impl Future<Output = T> + 'static) -> AbortHandle {
        self.insert(crate::spawn(future))
    }

    /// Spawns a task on the runtime of `handle`, and puts it into the set.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::{runtime::Handle, task::JoinSet};
    /// let mut set = JoinSet::new();
    /// set.spawn_on(async { 7 }, &Handle::current()); // or that of another thread's runtime
    /// assert_eq!(set.join_all().await, [7]);
    /// # }
    /// ```
    #[track_caller]
    pub fn spawn_on(
        &mut self,
        future: impl Future<Output = T> + Send + 'static,
        handle: &Handle,
    ) -> AbortHandle
    where
        T: Send,
    {
        self.insert(handle.spawn(future))
    }

    /// Spawns a task like [`spawn_local`](super::spawn_local), and puts it into the set.
    ///
    /// # Panics
    ///
    /// Panics outside a runtime.
    #[track_caller]
    pub fn spawn_local(&mut self, future: impl Future<Output = T> + 'static) -> AbortHandle {
        self.insert(super::spawn_local(future))
    }

    /// Spawns a task on `local_set`, and puts it into the set.
    ///
    /// # Panics
    ///
    /// Panics outside a runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::task::{JoinSet, LocalSet};
    /// let (mut set, local) = (JoinSet::new(), LocalSet::new());
    /// set.spawn_local_on(async { 7 }, &local);
    /// assert_eq!(local.run_until(set.join_all()).await, [7]);
    /// # }
    /// ```
    #[track_caller]
    pub fn spawn_local_on(
        &mut self,
        future: impl Future<Output = T> + 'static,
        local_set: &LocalSet,
    ) -> AbortHandle {
        self.insert(local_set.spawn_local(future))
    }

    /// Runs `f`, which may block, on a thread of the pool, and puts the call into the set.
    ///
    /// Calls that have started cannot be aborted.
    ///
    /// # Panics
    ///
    /// Panics outside a runtime, or if the pool has no thread and the system refuses to start one.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::task::JoinSet;
    /// let mut set = JoinSet::new();
    /// for name in ["Cargo.toml", "src/lib.rs"] {
    ///     set.spawn_blocking(move || std::fs::read(name));
    /// }
    /// assert!(set.join_all().await.iter().all(|file| file.is_ok()));
    /// # }
    /// ```
    #[track_caller]
    pub fn spawn_blocking(&mut self, f: impl FnOnce() -> T + Send + 'static) -> AbortHandle
    where
        T: Send,
    {
        self.insert(super::spawn_blocking(f))
    }

    /// Runs `f` like [`spawn_blocking`](JoinSet::spawn_blocking), on the pool of `handle`'s runtime.
    #[track_caller]
    pub fn spawn_blocking_on(
        &mut self,
        f: impl FnOnce() -> T + Send + 'static,
        handle: &Handle,
    ) -> AbortHandle
    where
        T: Send,
    {
        self.insert(handle.spawn_blocking(f))
    }

    /// Returns a builder with settings for one task of the set: its name.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut set = ayi::task::JoinSet::new();
    /// set.build_task().name("kettle").spawn(async { "hot" })?;
    /// assert_eq!(set.join_next().await.unwrap()?, "hot");
    /// # Ok(())
    /// # }
    /// ```
    pub fn build_task(&mut self) -> Builder<'_, T> {
        Builder { set: self, task: super::Builder::new() }
    }

    /// Puts a task into the set.
    #[doc(hidden)]
    pub fn insert(&mut self, task: JoinHandle<T>) -> AbortHandle {
        let abort = task.abort_handle();
        if let Err(task) = self.near.insert(task) {
            self.far.insert(task);
        }
        abort
    }
}

fn without_id<T>(output: Result<(Id, T), JoinError>) -> Result<T, JoinError> {
    output.map(|(_, output)| output)
}

impl<T> Default for JoinSet<T> {
    fn default() -> JoinSet<T> {
        JoinSet::new()
    }
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        self.abort_all();
    }
}

/// Spawns the futures of an iterator.
impl<T: 'static, F: Future<Output = T> + 'static> FromIterator<F> for JoinSet<T> {
    fn from_iter<I: IntoIterator<Item = F>>(futures: I) -> JoinSet<T> {
        let mut set = JoinSet::new();
        set.extend(futures);
        set
    }
}

/// Spawns the futures of an iterator.
impl<T: 'static, F: Future<Output = T> + 'static> Extend<F> for JoinSet<T> {
    fn extend<I: IntoIterator<Item = F>>(&mut self, futures: I) {
        for future in futures {
            self.spawn(future);
        }
    }
}

impl<T> fmt::Debug for JoinSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinSet").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// The settings of a task for a [`JoinSet`]: see [`JoinSet::build_task`].
#[derive(Debug)]
#[must_use = "a Builder does nothing until it spawns"]
pub struct Builder<'a, T> {
    set: &'a mut JoinSet<T>,
    task: super::Builder<'a>,
}

impl<'a, T: 'static> Builder<'a, T> {
    /// Names the task.
    pub fn name(self, name: &'a str) -> Builder<'a, T> {
        Builder { task: self.task.name(name), ..self }
    }

    /// Spawns a task like [`JoinSet::spawn`].
    ///
    /// # Errors
    ///
    /// Never fails: the signature is tokio's.
    ///
    /// # Panics
    ///
    /// Panics outside a runtime.
    #[track_caller]
    pub fn spawn(self, future: impl Future<Output = T> + 'static) -> io::Result<AbortHandle> {
        Ok(self.set.insert(self.task.spawn(future)?))
    }

    /// Spawns a task like [`JoinSet::spawn_on`].
    ///
    /// # Errors
    ///
    /// Never fails: the signature is tokio's.
    #[track_caller]
    pub fn spawn_on(
        self,
        future: impl Future<Output = T> + Send + 'static,
        handle: &Handle,
    ) -> io::Result<AbortHandle>
    where
        T: Send,
    {
        Ok(self.set.insert(self.task.spawn_on(future, handle)?))
    }

    /// Runs `f` like [`JoinSet::spawn_blocking`].
    ///
    /// # Errors
    ///
    /// Fails if the pool has no thread and the system refuses to start one.
    ///
    /// # Panics
    ///
    /// Panics outside a runtime.
    #[track_caller]
    pub fn spawn_blocking(self, f: impl FnOnce() -> T + Send + 'static) -> io::Result<AbortHandle>
    where
        T: Send,
    {
        Ok(self.set.insert(self.task.spawn_blocking(f)?))
    }

    /// Runs `f` like [`JoinSet::spawn_blocking_on`].
    ///
    /// # Errors
    ///
    /// Fails if the pool has no thread and the system refuses to start one.
    #[track_caller]
    pub fn spawn_blocking_on(
        self,
        f: impl FnOnce() -> T + Send + 'static,
        handle: &Handle,
    ) -> io::Result<AbortHandle>
    where
        T: Send,
    {
        Ok(self.set.insert(self.task.spawn_blocking_on(f, handle)?))
    }
}

#[cfg(test)]
mod tests;
