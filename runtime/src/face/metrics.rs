//! What can be known of a runtime from outside.
//!
//! In tokio: `runtime/metrics/runtime.rs`, where most of it is unstable.

use super::link::Link;
use crate::core::counters::Count;
use crate::core::current::worker_of;
use crate::core::foreign::lock;
use crate::core::task::scheduler::Gate;
use crate::core::task::{OwnScheduler, Scheduler};
use crate::core::worker::RuntimeRef;
use crate::services::shared::Shared;
use crate::watch::figures::Figures;
use std::fmt;
use std::iter::successors;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The counters of a runtime. They are `Send` and `Sync`, and can be read on any thread at any time.
///
/// The names are tokio's. A worker is a thread that runs tasks; the first is number 0, and most runtimes have no other. Counting costs an addition per event,
/// and reading takes a lock for a short time. The counters of a runtime that has ended keep their last values.
///
/// Another thread may count while they are read, and where a task has been on several threads, one after the other: so the
/// figures of all workers may hold a task that has just ended for a moment more.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let metrics = ayi::runtime::Handle::current().metrics();
/// let task = ayi::spawn(std::future::pending::<()>());
/// assert_eq!(metrics.num_alive_tasks(), 1);
/// # drop(task);
/// # });
/// ```
#[derive(Clone)]
pub struct RuntimeMetrics {
    link: Link,
}

impl RuntimeMetrics {
    pub(crate) fn new(link: Link) -> RuntimeMetrics {
        RuntimeMetrics { link }
    }

    /// Those of all workers.
    fn counters(&self) -> Figures {
        self.link.shared.counted_of_all()
    }

    #[track_caller]
    fn worker(&self, worker: usize) -> &Shared {
        match self.link.shared.workers().nth(worker) {
            Some(worker) => worker,
            None => {
                panic!("there is no worker {worker}: there are {}, and the first is 0", self.num_workers())
            }
        }
    }

    /// Returns how many workers there are: threads that run tasks.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let metrics = ayi::runtime::Handle::current().metrics();
    /// assert_eq!(metrics.num_workers(), 1);
    /// # });
    /// ```
    pub fn num_workers(&self) -> usize {
        self.link.shared.workers().count()
    }

    /// Returns how many tasks have been spawned and are not finished.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let metrics = ayi::runtime::Handle::current().metrics();
    /// let task = ayi::spawn(async {});
    /// assert_eq!(metrics.num_alive_tasks(), 1);
    /// task.await.unwrap();
    /// assert_eq!(metrics.num_alive_tasks(), 0);
    /// # });
    /// ```
    pub fn num_alive_tasks(&self) -> usize {
        let counters = self.counters();
        let ended = counters.get(Count::Finished) + counters.get(Count::Visiting);
        counters.get(Count::Spawned).saturating_sub(ended) as usize
    }

    /// Returns how many tasks have been spawned.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let metrics = ayi::runtime::Handle::current().metrics();
    /// ayi::spawn(async {}).await.unwrap();
    /// assert_eq!(metrics.spawned_tasks_count(), 1);
    /// # });
    /// ```
    pub fn spawned_tasks_count(&self) -> u64 {
        let counters = self.counters();
        counters.get(Count::Spawned).saturating_sub(counters.get(Count::Visiting))
    }

    /// Returns whether file operations go through io_uring(7) rather than to the blocking pool. It returns `None` if
    /// there has been no file operation.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # let metrics = rt.metrics();
    /// assert_eq!(metrics.uses_io_uring(), None);
    /// ```
    #[cfg(feature = "uring")]
    pub fn uses_io_uring(&self) -> Option<bool> {
        let states = self.link.shared.workers().map(|worker| worker.counted().get(Count::Ring));
        let known = states.into_iter().find(|state| *state != 0)?;
        Some(known == crate::services::ring::RING_IN_USE)
    }

    /// Returns how many messages of other threads, which wake or spawn tasks, the runtime has not read yet.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let metrics = ayi::runtime::Handle::current().metrics();
    /// assert_eq!(metrics.global_queue_depth(), 0);
    /// # });
    /// ```
    pub fn global_queue_depth(&self) -> usize {
        let unread = |runtime: RuntimeRef| {
            if runtime.scheduler.is_open(runtime.id) { runtime.scheduler.inbox.len() } else { 0 }
        };
        self.link.shared.workers().map(|worker| unread(worker.runtime)).sum()
    }

    /// Returns how many tasks are on the run queue. Another thread gets the number at the latest turn, plus the tasks
    /// that have been put there since.
    ///
    /// # Panics
    ///
    /// Panics if `worker` is not 0, here and below.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let metrics = ayi::runtime::Handle::current().metrics();
    /// drop(ayi::spawn(async {}));
    /// assert_eq!(metrics.worker_local_queue_depth(0), 1);
    /// # });
    /// ```
    #[track_caller]
    pub fn worker_local_queue_depth(&self, worker: usize) -> usize {
        let shared = self.worker(worker);
        let counters = shared.counted();
        match worker_of(shared.runtime.id) {
            Some(worker) => worker.tasks().queue_len(),
            None => counters.get(Count::Scheduled).saturating_sub(counters.get(Count::Popped)) as usize,
        }
    }

    /// Returns how often a task, or the future of `block_on`, was taken off the run queue to be polled, as of the
    /// latest turn.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let metrics = ayi::runtime::Handle::current().metrics();
    /// println!("{} polls", metrics.worker_poll_count(0));
    /// # });
    /// ```
    #[track_caller]
    pub fn worker_poll_count(&self, worker: usize) -> u64 {
        self.worker(worker).counted().get(Count::Popped)
    }

    /// Returns how often the runtime's own thread put a task on the run queue, by spawning or waking it.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let metrics = ayi::runtime::Handle::current().metrics();
    /// println!("{} wakes", metrics.worker_local_schedule_count(0));
    /// # });
    /// ```
    #[track_caller]
    pub fn worker_local_schedule_count(&self, worker: usize) -> u64 {
        let counters = self.worker(worker).counted();
        counters.get(Count::Scheduled).saturating_sub(counters.get(Count::WokenFromAfar))
    }

    /// Returns how often another thread woke a task.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let metrics = ayi::runtime::Handle::current().metrics();
    /// println!("{} wakes by other threads", metrics.remote_schedule_count());
    /// # });
    /// ```
    pub fn remote_schedule_count(&self) -> u64 {
        self.counters().get(Count::WokenFromAfar)
    }

    /// Returns how often the runtime went to sleep.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let metrics = ayi::runtime::Handle::current().metrics();
    /// println!("slept {} times", metrics.worker_park_count(0));
    /// # });
    /// ```
    #[track_caller]
    pub fn worker_park_count(&self, worker: usize) -> u64 {
        self.worker(worker).counted().get(Count::Parks)
    }

    /// Returns how often the worker has slept and how often it has woken, together: the number is odd while it sleeps.
    ///
    /// # Panics
    ///
    /// Panics if `worker` is not 0.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let metrics = ayi::runtime::Handle::current().metrics();
    /// assert_eq!(metrics.worker_park_unpark_count(0) % 2, 0); // it is awake
    /// # });
    /// ```
    #[track_caller]
    pub fn worker_park_unpark_count(&self, worker: usize) -> u64 {
        let worker = self.worker(worker);
        let parks = worker.counted().get(Count::Parks);
        // Relaxed: a figure that stands alone.
        (2 * parks).saturating_sub(worker.is_asleep.load(Ordering::Relaxed).into())
    }

    /// Returns how often the runtime looked at timers, descriptors and other threads' messages. tokio has no such
    /// counter.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let metrics = ayi::runtime::Handle::current().metrics();
    /// println!("{} turns", metrics.worker_turn_count(0));
    /// # });
    /// ```
    #[track_caller]
    pub fn worker_turn_count(&self, worker: usize) -> u64 {
        self.worker(worker).counted().get(Count::Turns)
    }

    /// Returns the CPU time of the runtime's thread since the runtime was made, as the kernel counts it. tokio takes
    /// the time between sleeps instead, and reads the clock twice for each.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let metrics = ayi::runtime::Handle::current().metrics();
    /// println!("{:?} of CPU time", metrics.worker_total_busy_duration(0));
    /// # });
    /// ```
    #[track_caller]
    pub fn worker_total_busy_duration(&self, worker: usize) -> Duration {
        let shared = self.worker(worker);
        match shared.last.get() {
            Some((_, busy)) => *busy,
            None => shared.busy(),
        }
    }

    /// Returns how many descriptors have been registered with the reactor.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let metrics = ayi::runtime::Handle::current().metrics();
    /// println!("{} descriptors registered", metrics.io_driver_fd_registered_count());
    /// # });
    /// ```
    pub fn io_driver_fd_registered_count(&self) -> u64 {
        let (guests, _) = self.link.shared.guests.counted();
        self.counters().get(Count::Registered) + guests
    }

    /// Returns how many of the registered descriptors have been given up.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let metrics = ayi::runtime::Handle::current().metrics();
    /// let open = metrics.io_driver_fd_registered_count() - metrics.io_driver_fd_deregistered_count();
    /// # assert_eq!(open, 0);
    /// # });
    /// ```
    pub fn io_driver_fd_deregistered_count(&self) -> u64 {
        let (_, guests) = self.link.shared.guests.counted();
        self.counters().get(Count::Deregistered) + guests
    }

    /// Returns how many events epoll has reported.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let metrics = ayi::runtime::Handle::current().metrics();
    /// println!("{} events", metrics.io_driver_ready_count());
    /// # });
    /// ```
    pub fn io_driver_ready_count(&self) -> u64 {
        self.counters().get(Count::Events)
    }

    /// Returns how many timers are pending, as of the runtime's latest turn. tokio has no such counter.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let metrics = ayi::runtime::Handle::current().metrics();
    /// println!("{} timers pending", metrics.num_timers());
    /// # });
    /// ```
    pub fn num_timers(&self) -> usize {
        self.counters().get(Count::Timers) as usize
    }

    /// Returns how many threads the pool for blocking calls has.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let metrics = ayi::runtime::Handle::current().metrics();
    /// ayi::task::spawn_blocking(|| ()).await.unwrap();
    /// assert_eq!(metrics.num_blocking_threads(), 1);
    /// # });
    /// ```
    pub fn num_blocking_threads(&self) -> usize {
        self.link.shared.pool.count().0
    }

    /// Returns how many of the pool's threads have nothing to do.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let metrics = ayi::runtime::Handle::current().metrics();
    /// assert_eq!(metrics.num_idle_blocking_threads(), 0);
    /// # });
    /// ```
    pub fn num_idle_blocking_threads(&self) -> usize {
        self.link.shared.pool.count().1
    }

    /// Returns how many `spawn_blocking` calls wait for a thread.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # let metrics = ayi::runtime::Handle::current().metrics();
    /// assert_eq!(metrics.blocking_queue_depth(), 0);
    /// # });
    /// ```
    pub fn blocking_queue_depth(&self) -> usize {
        self.link.shared.pool.count().2
    }
}

impl fmt::Debug for RuntimeMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeMetrics")
            .field("alive_tasks", &self.num_alive_tasks())
            .field("spawned_tasks", &self.spawned_tasks_count())
            .field("polls", &self.worker_poll_count(0))
            .finish_non_exhaustive()
    }
}

impl OwnScheduler {
    /// Returns how many slots are on the run queue.
    pub(crate) fn queue_len(self) -> usize {
        successors(self.cells().head.get(), |slot| self.next(*slot)).count()
    }
}

impl Shared {
    /// What has been counted of this worker.
    pub(crate) fn counted(&self) -> Figures {
        let live = self.runtime.scheduler.counted(self.runtime.id);
        live.or_else(|| Some(self.last.get()?.0)).unwrap_or_default()
    }

    /// Returns those of all workers.
    pub(crate) fn counted_of_all(self: &Arc<Self>) -> Figures {
        self.workers().map(|worker| worker.counted()).sum()
    }
}

impl Scheduler {
    /// Returns what has been counted of the runtime `runtime`, unless it has ended. While the gate is locked, the
    /// counters cannot become another runtime's.
    pub(crate) fn counted(&self, runtime: u64) -> Option<Figures> {
        let gate = lock(&self.gate);
        (*gate == Gate::Open(runtime)).then(|| self.counters.read())
    }
}
