//! The pool of threads for calls that block.
//!
//! A `spawn_blocking` call is a task like any other: its future waits for the result, which a pool thread leaves
//! there when it has run the call.
//!
//! ```text
//!   queued ── a pool thread claims it ──▶ running ──▶ its result wakes the task
//!      └───── an abort claims it ───────▶ cancelled
//! ```
//!
//! Threads are started when a call finds none idle, up to the bound, and end after a while without work. A call
//! costs two thread switches, some 10 µs, so none of this is tuned: one mutex, one queue.
//!
//! In tokio: `runtime/blocking`.

use crate::core::foreign::{self, Panic, lock};
use crate::core::onlooker::TaskFacts;
use crate::core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::core::sync::{self, Condvar, Mutex, thread};
use crate::core::task::Kind;
use crate::watch::record::CallTimes;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// How long the end of a runtime waits for calls before it says so.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a call and its task share.
pub(crate) struct Ticket<T> {
    /// Decides between the pool, which would start the call, and an abort, which would cancel it: the first to set it
    /// wins.
    is_claimed: AtomicBool,
    result: Mutex<Option<Result<T, Panic>>>,
    times: CallTimes,
}

impl<T> Ticket<T> {
    pub(crate) fn new() -> sync::Arc<Ticket<T>> {
        let (is_claimed, times) = (AtomicBool::new(false), CallTimes::new());
        sync::Arc::new(Ticket { is_claimed, result: Mutex::new(None), times })
    }

    /// Returns whether the caller is the first. If so, the pool may run the call, or an abort may cancel it.
    pub(crate) fn claim(&self) -> bool {
        // Relaxed: it only matters which thread was first. The call itself travels through the queue's mutex.
        !self.is_claimed.swap(true, Ordering::Relaxed)
    }

    /// Runs `f` on the pool's side, unless the call was cancelled, and wakes its task.
    pub(crate) fn run(&self, f: impl FnOnce() -> T, task: Waker) {
        if self.claim() {
            let result = self.times.run(|| foreign::catch(f));
            *lock(&self.result) = Some(result);
            task.wake();
        }
    }
}

/// The task's side of a call.
pub(crate) struct Outcome<T> {
    ticket: sync::Arc<Ticket<T>>,
    pool: Arc<Pool>,
}

impl<T> Outcome<T> {
    pub(crate) fn new(ticket: sync::Arc<Ticket<T>>, pool: Arc<Pool>) -> Outcome<T> {
        // Relaxed, here and below: the owner thread has to see only the outcomes that it has been given, and it drops
        // them itself.
        pool.outcomes.fetch_add(1, Ordering::Relaxed);
        Outcome { ticket, pool }
    }
}

/// The kind of a call's task.
pub(crate) struct BlockingCall;

impl<T> Kind<Outcome<T>> for BlockingCall {
    /// Returns false for a call that has been started: it runs to its end.
    fn may_cancel(&self, outcome: &Outcome<T>) -> bool {
        outcome.ticket.claim()
    }

    fn describe<'a>(&'a self, facts: &mut TaskFacts<'a>) {
        facts.is_blocking = true;
    }
}

impl<T> Future for Outcome<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<T> {
        let Some(result) = lock(&self.ticket.result).take() else { return Poll::Pending };
        self.ticket.times.tell();
        Poll::Ready(result.unwrap_or_else(|panic| resume_unwind(panic)))
    }
}

impl<T> Drop for Outcome<T> {
    /// Claims the call. At the end of the runtime the future is dropped without a call of `may_cancel`.
    fn drop(&mut self) {
        self.ticket.claim();
        self.pool.outcomes.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How large the pool may grow, what its threads are, and how long an idle one stays.
#[derive(Clone)]
pub(crate) struct PoolSettings {
    pub(crate) threads: usize,
    pub(crate) keep_alive: Duration,
    pub(crate) thread_name: String,
    /// Names a thread instead, if it is given.
    pub(crate) name_of_thread: Option<Arc<dyn Fn() -> String + Send + Sync>>,
    /// In bytes. `None` stands for the system's default.
    pub(crate) stack_size: Option<usize>,
    /// The user's functions, run on each thread at its beginning and at its end.
    pub(crate) on_start: Option<ThreadHook>,
    pub(crate) on_stop: Option<ThreadHook>,
}

impl PoolSettings {
    /// The name of the thread that runs the runtime in the background.
    pub(crate) fn background_name(&self) -> String {
        match &self.name_of_thread {
            Some(name) => name(),
            None if self.thread_name == DEFAULT_NAME => String::from("ayi-runtime"),
            None => self.thread_name.clone(),
        }
    }

    /// Starts a thread of the runtime.
    pub(crate) fn start_thread(&self, name: String, body: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        let mut thread = thread::Builder::new().name(name);
        if let Some(size) = self.stack_size {
            thread = thread.stack_size(size);
        }
        thread.spawn(body).map(drop)
    }
}

/// What the pool's threads are called.
pub(crate) const DEFAULT_NAME: &str = "ayi-blocking";

pub(crate) type ThreadHook = Arc<dyn Fn() + Send + Sync>;

/// Runs a function of the user's.
pub(crate) fn call(hook: &ThreadHook) {
    foreign::run(|| hook());
}

pub(crate) struct Pool {
    state: Mutex<PoolState>,
    /// Notified when work comes, and at the end.
    work: Condvar,
    /// Notified when a thread ends.
    ended: Condvar,
    limits: PoolSettings,
    /// How many tasks of calls are not finished.
    outcomes: AtomicUsize,
}

type Call = Box<dyn FnOnce() + Send>;

struct PoolState {
    queue: VecDeque<Call>,
    threads: usize,
    idle: usize,
    started: usize,
    is_closed: bool,
}

impl Pool {
    pub(crate) fn new(limits: PoolSettings) -> Arc<Pool> {
        let state = PoolState { queue: VecDeque::new(), threads: 0, idle: 0, started: 0, is_closed: false };
        Arc::new(Pool {
            state: Mutex::new(state),
            work: Condvar::new(),
            ended: Condvar::new(),
            limits,
            outcomes: AtomicUsize::new(0),
        })
    }

    pub(crate) fn settings(&self) -> &PoolSettings {
        &self.limits
    }

    /// Returns whether a task waits for a call.
    pub(crate) fn is_awaited(&self) -> bool {
        self.outcomes.load(Ordering::Relaxed) > 0
    }

    /// Returns how many threads there are, how many of them are idle, and how many calls are queued.
    pub(crate) fn count(&self) -> (usize, usize, usize) {
        let state = lock(&self.state);
        (state.threads, state.idle, state.queue.len())
    }

    /// Hands `call` to a thread, or queues it. After the end the call is dropped: its task has been cancelled.
    ///
    /// # Errors
    ///
    /// Fails if the pool has no thread and the system refuses to start one.
    pub(crate) fn submit(self: &Arc<Self>, call: Call) -> io::Result<()> {
        #[cfg(feature = "sim")]
        let Some(call) = super::simulation::take_call(call) else { return Ok(()) };
        let mut name = None;
        let mut state = lock(&self.state);
        // `call` is dropped after the guard here, like all parameters.
        if state.is_closed {
            return Ok(());
        }
        // `idle` counts threads that wait, including those that were notified and have not woken yet. Each of these
        // takes one call.
        let mut has_idle = state.idle > state.queue.len();
        if let (Some(make), false) = (&self.limits.name_of_thread, has_idle) {
            // Foreign code, so outside the lock. Meanwhile a thread may have become idle.
            drop(state);
            name = Some(make());
            state = lock(&self.state);
            if state.is_closed {
                return Ok(());
            }
            has_idle = state.idle > state.queue.len();
        }
        if !has_idle && state.threads < self.limits.threads {
            let name = name.unwrap_or_else(|| format!("{}-{}", self.limits.thread_name, state.started));
            let started = self.start_thread(&mut state, name);
            // If there are other threads, one of them runs the call later. If there is none, the call would never run.
            if state.threads == 0 {
                return started;
            }
        }
        state.queue.push_back(call);
        drop(state);
        if has_idle {
            // Notified after unlocking. Otherwise the thread that wakes would wait for the lock, at the cost of two
            // more system calls.
            self.work.notify_one();
        }
        Ok(())
    }

    fn start_thread(self: &Arc<Self>, state: &mut PoolState, name: String) -> io::Result<()> {
        let pool = self.clone();
        let body = move || {
            pool.limits.on_start.iter().for_each(call);
            pool.work();
            // `work` has counted the thread out, so nobody waits for this hook.
            pool.limits.on_stop.iter().for_each(call);
        };
        self.limits.start_thread(name, Box::new(body))?;
        state.threads += 1;
        state.started += 1;
        Ok(())
    }

    fn work(&self) {
        let mut state = lock(&self.state);
        loop {
            while let Some(call) = state.queue.pop_front() {
                drop(state);
                foreign::run(call);
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

    /// Gives up the calls that have not started, and waits at most `grace` for those that have. After a long wait a
    /// line on stderr says why.
    pub(crate) fn shut_down(&self, grace: Duration) {
        let mut state = lock(&self.state);
        state.is_closed = true;
        let queue = std::mem::take(&mut state.queue);
        self.work.notify_all();
        drop(state);
        for call in queue {
            foreign::run(|| drop(call));
        }
        self.wait_for_the_end(grace, PATIENCE, |calls| {
            // If stderr is closed, there is nobody to tell, and `eprintln!` would panic.
            let _ = writeln!(
                io::stderr(),
                "ayi: the end of a runtime has waited {PATIENCE:?} for {calls} of its spawn_blocking calls, which do \
                 not return, and waits on; Runtime::shutdown_timeout and runtime::Builder::shutdown_timeout set a limit"
            );
        });
    }

    /// Waits at most `grace` for running calls. After `patience` it calls `tell` with their number.
    fn wait_for_the_end(&self, grace: Duration, patience: Duration, tell: impl FnOnce(usize)) {
        let running = self.wait(grace.min(patience));
        if running > 0 && grace > patience {
            tell(running);
            self.wait(grace - patience);
        }
    }

    /// Waits at most `limit` for all threads to end. Returns how many are left.
    fn wait(&self, limit: Duration) -> usize {
        let waited = self.ended.wait_timeout_while(lock(&self.state), limit, |state| state.threads > 0);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.threads
    }
}

#[cfg(all(test, loom))]
mod tests;

#[cfg(all(test, not(loom)))]
mod waits_tests;
