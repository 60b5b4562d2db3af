//! The pool of threads for calls that block.
//!
//! A `spawn_blocking` call is a task like any other, whose body waits for a job on a pool thread:
//!
//! ```text
//!   queued(f) ──▶ running ──▶ done(result) ──▶ taken by the task
//!      └───────────┴──── given up: the task was aborted before it started, or its runtime ended
//! ```
//!
//! Threads are started when a job finds none idle, up to the bound, and end after a while without work. Its cost
//! is two thread switches per call, so none of this is tuned: a mutex per job and one for the queue.
//!
//! In tokio: `runtime/blocking`.

use crate::executor::Handle;
use crate::foreign;
use crate::task::{Body, Erased, JoinHandle, Output};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// Runs `f`, which may block, on a thread of the pool. See [`Handle::spawn_blocking`].
///
/// # Panics
///
/// Outside a runtime, or if the pool has no thread and the system refuses to start one.
///
/// # Examples
///
/// ```
/// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let text = ayi_runtime::task::spawn_blocking(|| std::fs::read_to_string("Cargo.toml")).await.unwrap();
/// assert!(text.unwrap().contains("[package]"));
/// # });
/// ```
#[track_caller]
pub fn spawn_blocking<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Handle::current().spawn_blocking(f)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No foreign code runs under these locks, so a poisoned one is as good as any.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Job<F, T> {
    state: Mutex<JobState<F, T>>,
}

struct JobState<F, T> {
    stage: Stage<F, T>,
    waker: Option<Waker>,
}

enum Stage<F, T> {
    Queued(F),
    Running,
    Done(thread::Result<T>),
    GivenUp,
}

/// A job as the pool sees it.
trait Run: Send + Sync {
    fn run(&self);
}

impl<F: FnOnce() -> T + Send, T: Send> Run for Job<F, T> {
    fn run(&self) {
        let f = {
            let mut state = lock(&self.state);
            match std::mem::replace(&mut state.stage, Stage::Running) {
                Stage::Queued(f) => f,
                other => return state.stage = other,
            }
        };
        let result = foreign::catch(f);
        let mut state = lock(&self.state);
        let unread = match state.stage {
            Stage::GivenUp => Some(result),
            _ => {
                state.stage = Stage::Done(result);
                None
            }
        };
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        // Nobody wants it, and no panic may end a thread of the pool.
        match unread {
            Some(Err(panic)) => foreign::drop_panic(panic),
            unread => foreign::run(|| drop(unread)),
        }
    }
}

/// The task's side of a job.
struct JobBody<F, T> {
    job: Arc<Job<F, T>>,
}

impl<F, T: 'static> Body for JobBody<F, T> {
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Output> {
        // Not foreign code: a body is polled with the waker of its slot.
        let waker = cx.waker().clone();
        let mut state = lock(&self.job.state);
        match std::mem::replace(&mut state.stage, Stage::GivenUp) {
            Stage::Done(Ok(value)) => Poll::Ready(Output::Ready(Erased::new(value))),
            Stage::Done(Err(panic)) => {
                drop(state);
                // Caught by whoever polls a body, like any panic of a task.
                std::panic::resume_unwind(panic)
            }
            waiting => {
                state.stage = waiting;
                state.waker = Some(waker);
                Poll::Pending
            }
        }
    }

    fn may_cancel(&self) -> bool {
        !matches!(lock(&self.job.state).stage, Stage::Running | Stage::Done(_))
    }
}

impl<F, T> Drop for JobBody<F, T> {
    fn drop(&mut self) {
        let left = std::mem::replace(&mut lock(&self.job.state).stage, Stage::GivenUp);
        // The closure or its result; the lock is free again.
        drop(left);
    }
}

/// The body of a blocking task: what the slot polls, and what the pool runs.
fn job<F, T>(f: F) -> (Pin<Box<dyn Body + Send>>, Arc<dyn Run>)
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let job = Arc::new(Job { state: Mutex::new(JobState { stage: Stage::Queued(f), waker: None }) });
    (Box::pin(JobBody { job: job.clone() }), job)
}

/// How large the pool may grow, what its threads are called, and how long an idle one stays.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) threads: usize,
    pub(crate) keep_alive: Duration,
    pub(crate) thread_name: String,
}

pub(crate) struct Pool {
    state: Mutex<State>,
    /// Work came, or the end.
    work: Condvar,
    /// A thread ended.
    ended: Condvar,
    limits: Limits,
}

struct State {
    queue: VecDeque<Arc<dyn Run>>,
    threads: usize,
    idle: usize,
    started: usize,
    is_closed: bool,
}

impl Pool {
    pub(crate) fn new(limits: Limits) -> Arc<Pool> {
        let state = State { queue: VecDeque::new(), threads: 0, idle: 0, started: 0, is_closed: false };
        Arc::new(Pool { state: Mutex::new(state), work: Condvar::new(), ended: Condvar::new(), limits })
    }

    /// Queues `f`; gives the body of the task that waits for it. After the end, that task never starts.
    #[track_caller]
    pub(crate) fn submit<F, T>(self: &Arc<Self>, f: F) -> Pin<Box<dyn Body + Send>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (body, job) = job(f);
        let mut state = lock(&self.state);
        if state.is_closed {
            return body;
        }
        state.queue.push_back(job);
        // `idle` counts threads that wait, also those notified that have not woken yet: each takes one job.
        if state.idle >= state.queue.len() {
            self.work.notify_one();
        } else if state.threads < self.limits.threads {
            if let Err(error) = self.start_thread(&mut state) {
                // With other threads the job is run a little later. With none it would never be.
                if state.threads == 0 {
                    let job = state.queue.pop_back();
                    drop(state);
                    drop(job);
                    panic!(
                        "spawn_blocking: the system refuses to start the pool's first thread ({error}): \
                            raise the limit on threads (ulimit -u, cgroup pids.max)"
                    );
                }
            }
        }
        body
    }

    fn start_thread(self: &Arc<Self>, state: &mut State) -> std::io::Result<()> {
        let pool = self.clone();
        let name = format!("{}-{}", self.limits.thread_name, state.started);
        thread::Builder::new().name(name).spawn(move || pool.work())?;
        state.threads += 1;
        state.started += 1;
        Ok(())
    }

    fn work(&self) {
        let mut state = lock(&self.state);
        loop {
            while let Some(job) = state.queue.pop_front() {
                drop(state);
                job.run();
                drop(job);
                state = lock(&self.state);
            }
            if state.is_closed {
                break;
            }
            state.idle += 1;
            let (guard, waited) = self
                .work
                .wait_timeout_while(state, self.limits.keep_alive, |s| s.queue.is_empty() && !s.is_closed)
                .unwrap_or_else(PoisonError::into_inner);
            state = guard;
            state.idle -= 1;
            if waited.timed_out() && state.queue.is_empty() {
                break;
            }
        }
        state.threads -= 1;
        self.ended.notify_all();
    }

    /// Gives up what has not started, and waits for what has, at most `grace`.
    pub(crate) fn shut_down(&self, grace: Duration) {
        let mut state = lock(&self.state);
        state.is_closed = true;
        let queue = std::mem::take(&mut state.queue);
        self.work.notify_all();
        drop(state);
        drop(queue);

        let until = Instant::now().checked_add(grace);
        let mut state = lock(&self.state);
        while state.threads > 0 {
            let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return;
            }
            state = self.ended.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
