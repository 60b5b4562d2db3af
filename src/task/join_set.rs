//! Tasks that are awaited together.
//!
//! ```text
//! spawn ──▶ entry: JoinHandle + waker ──▶ on the ready list
//!                                              │ join_next polls its handle with its waker
//!          task finished: the waker puts       ├──▶ pending: off the list
//!          the entry on the list again ──▶     └──▶ output: the entry is vacant
//! ```
//!
//! Invariants:
//! 1. An entry whose task is finished is on the ready list, or its waker is about to put it there. So an entry that is
//!    neither new nor finished is not polled, however many there are.
//! 2. The list's lock is held for a push or a pop, never while a handle is polled or a waker is cloned, woken or
//!    dropped.
//! 3. Entries and their wakers are kept for later tasks: spawning into a set that has been as large before allocates
//!    only what `spawn` allocates.
//!
//! In tokio: `task/join_set.rs` and `util/idle_notified_set.rs`.

use super::{AbortHandle, Id, JoinError, JoinHandle, LocalSet};
use crate::runtime::Handle;
use ayi_runtime::task::coop;
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

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
    entries: Vec<Entry<T>>,
    /// The entries that have no task.
    vacant: Vec<usize>,
    list: Arc<List>,
}

struct Entry<T> {
    /// `None` if the entry is vacant.
    task: Option<JoinHandle<T>>,
    /// An `Arc<Finished>` as a waker.
    waker: Waker,
}

/// What the set and the wakers of its tasks share.
#[derive(Default)]
struct List(Mutex<Ready>);

#[derive(Default)]
struct Ready {
    entries: VecDeque<usize>,
    /// The waker of `join_next`.
    waiter: Option<Waker>,
}

/// Wakes the set for one entry.
struct Finished {
    list: Arc<List>,
    entry: usize,
}

impl List {
    fn lock(&self) -> MutexGuard<'_, Ready> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Finished {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut ready = self.list.lock();
        ready.entries.push_back(self.entry);
        let waiter = ready.waiter.take();
        drop(ready);
        waiter.into_iter().for_each(Waker::wake);
    }
}

impl<T> JoinSet<T> {
    /// Makes an empty set.
    pub fn new() -> JoinSet<T> {
        JoinSet { entries: Vec::new(), vacant: Vec::new(), list: Arc::default() }
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
        self.entries.len() - self.vacant.len()
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
        poll_fn(|cx| self.poll_join_next(cx)).await
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
        poll_fn(|cx| self.poll_join_next_with_id(cx)).await
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
        loop {
            let entry = self.list.lock().entries.pop_front()?;
            if let Poll::Ready(output) = self.poll_entry(entry) {
                return Some(output);
            }
        }
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
        let mut operation = coop::cooperative(poll_fn(|cx| {
            if self.is_empty() {
                return Poll::Ready(None);
            }
            loop {
                let entry = ready!(self.poll_ready_entry(cx));
                if let Poll::Ready(output) = self.poll_entry(entry) {
                    return Poll::Ready(Some(output));
                }
            }
        }));
        Pin::new(&mut operation).poll(cx)
    }

    /// Polls for an entry of the ready list. If there is none, `cx` is woken when there is.
    fn poll_ready_entry(&self, cx: &mut Context<'_>) -> Poll<usize> {
        let entry = self.list.lock().entries.pop_front();
        if let Some(entry) = entry {
            return Poll::Ready(entry);
        }
        // The waker is cloned before the list is locked, and the one that it replaces is dropped after that: both are
        // foreign code.
        let waker = cx.waker().clone();
        let mut list = self.list.lock();
        // An entry may have come meanwhile.
        let entry = list.entries.pop_front();
        let unused = if entry.is_none() { list.waiter.replace(waker) } else { Some(waker) };
        drop(list);
        drop(unused);
        entry.map_or(Poll::Pending, Poll::Ready)
    }

    /// Takes the output of an entry. It is also pending if the entry is vacant: that was a wake that came too late.
    fn poll_entry(&mut self, index: usize) -> Poll<Result<(Id, T), JoinError>> {
        let entry = &mut self.entries[index];
        let Some(task) = &mut entry.task else { return Poll::Pending };
        let id = task.id();
        let mut free = coop::unconstrained(task);
        let output = ready!(Pin::new(&mut free).poll(&mut Context::from_waker(&entry.waker)));
        entry.task = None;
        self.vacant.push(index);
        Poll::Ready(output.map(|output| (id, output)))
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
        self.tasks().for_each(JoinHandle::abort);
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
        let entries = self.entries.iter_mut().enumerate();
        let detached: Vec<_> =
            entries.filter_map(|(index, entry)| Some((index, entry.task.take()?))).collect();
        self.vacant.extend(detached.iter().map(|(index, _)| *index));
        // All entries are vacant. If one is woken at this moment, it joins the list, and `poll_entry` passes it over.
        self.list.lock().entries.clear();
        // This drops outputs that nobody took, which is foreign code.
        drop(detached);
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

    fn tasks(&self) -> impl Iterator<Item = &JoinHandle<T>> {
        self.entries.iter().filter_map(|entry| entry.task.as_ref())
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
        let index = self.vacant.pop().unwrap_or_else(|| {
            let entry = self.entries.len();
            let waker = Waker::from(Arc::new(Finished { list: self.list.clone(), entry }));
            self.entries.push(Entry { task: None, waker });
            entry
        });
        self.entries[index].task = Some(task);
        // This makes the entry ready as if it had been woken: its handle has not been told of the waker yet.
        self.entries[index].waker.wake_by_ref();
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
