//! The settings of a runtime.

use super::{LocalOptions, LocalRuntime, Runtime};
use std::env::VarError;
use std::io;
use std::num::NonZero;
use std::thread;
use std::time::Duration;

/// A builder that makes a [`Runtime`] with settings of one's own. It is ayi's, with the methods that tokio's has.
#[derive(Debug)]
pub struct Builder(ayi::runtime::Builder, Asked);

/// What has been asked for. ayi's runtimes have sockets and timers in any case, and pretend not to.
#[derive(Debug, Default)]
struct Asked {
    io: bool,
    time: bool,
    /// The number of workers, and whether there may be several.
    workers: Option<usize>,
    is_multi_thread: bool,
}

/// The environment variable that says how many workers there are if the program does not.
const WORKERS: &str = "TOKIO_WORKER_THREADS";

/// How many workers there are by default: as many as there are CPUs that this process may use.
#[track_caller]
fn default_workers() -> usize {
    match std::env::var(WORKERS) {
        Ok(text) => match text.parse() {
            Ok(0) => panic!("{WORKERS} is 0: a runtime has at least one thread for its tasks"),
            Ok(workers) => workers,
            Err(error) => panic!("{WORKERS} is {text:?}, which is not a number of threads: {error}"),
        },
        Err(VarError::NotUnicode(text)) => panic!("{WORKERS} is {text:?}, which is not a number of threads"),
        Err(VarError::NotPresent) => thread::available_parallelism().map_or(1, NonZero::get),
    }
}

/// Methods that are ayi's.
macro_rules! forwarded {
    ($($(#[$doc:meta])* fn $name:ident($($argument:ident: $type:ty),*);)*) => {
        impl Builder {
            $(
                $(#[$doc])*
                #[track_caller]
                pub fn $name(&mut self, $($argument: $type),*) -> &mut Builder {
                    self.0.$name($($argument),*);
                    self
                }
            )*
        }
    };
}

forwarded! {
    /// Names the runtime.
    fn name(name: impl Into<String>);
    /// Sets how many threads `spawn_blocking` may use.
    fn max_blocking_threads(threads: usize);
    /// Sets for how long an idle thread of `spawn_blocking` stays.
    fn thread_keep_alive(time: Duration);
    /// Sets the size of the stacks of the runtime's threads, in bytes.
    fn thread_stack_size(bytes: usize);
    /// Calls `f` on each of the runtime's threads when it starts.
    fn on_thread_start(f: impl Fn() + Send + Sync + 'static);
    /// Calls `f` on each of the runtime's threads before it ends.
    fn on_thread_stop(f: impl Fn() + Send + Sync + 'static);
    /// Calls `f` before the runtime sleeps.
    fn on_thread_park(f: impl Fn() + Send + Sync + 'static);
    /// Calls `f` after the runtime has slept.
    fn on_thread_unpark(f: impl Fn() + Send + Sync + 'static);
    /// Sets after how many polls the runtime looks at sockets and timers.
    fn event_interval(polls: u32);
    /// Makes the runtime's time stand still at first.
    fn start_paused(start_paused: bool);
    /// Sets what becomes of a panic of a task that nobody awaits.
    fn unhandled_panic(policy: ayi::runtime::UnhandledPanic);
}

impl Builder {
    /// Begins a runtime that runs while a thread is in `block_on`.
    pub fn new_current_thread() -> Builder {
        Builder(ayi::runtime::Builder::new_current_thread(), Asked::default())
    }

    /// Begins a runtime whose tasks run on several threads, its workers, also while no thread is in `block_on`. There are
    /// as many workers as CPUs that this process may use, unless [`worker_threads`](Builder::worker_threads) or the
    /// environment variable `TOKIO_WORKER_THREADS` says otherwise.
    pub fn new_multi_thread() -> Builder {
        let asked = Asked { is_multi_thread: true, ..Asked::default() };
        Builder(ayi::runtime::Builder::new_multi_thread(), asked)
    }

    /// Sets how many workers there are, if the runtime is of the kind `multi_thread`.
    ///
    /// # Panics
    ///
    /// Panics if `threads` is zero.
    #[track_caller]
    pub fn worker_threads(&mut self, threads: usize) -> &mut Builder {
        self.0.worker_threads(threads);
        self.1.workers = Some(threads);
        self
    }

    /// Enables sockets and timers.
    pub fn enable_all(&mut self) -> &mut Builder {
        self.enable_io().enable_time()
    }

    /// Enables sockets. Without this, an `AsyncFd` panics where it is made.
    pub fn enable_io(&mut self) -> &mut Builder {
        self.1.io = true;
        self
    }

    /// Enables timers. Without this, they panic where they are made.
    pub fn enable_time(&mut self) -> &mut Builder {
        self.1.time = true;
        self
    }

    /// Sets the name of the runtime's threads.
    pub fn thread_name(&mut self, name: impl Into<String>) -> &mut Builder {
        let name = name.into();
        self.thread_name_fn(move || name.clone())
    }

    /// Calls `f`, which names a thread of the runtime that is about to start.
    pub fn thread_name_fn(&mut self, f: impl Fn() -> String + Send + Sync + 'static) -> &mut Builder {
        self.0.thread_name_fn(f);
        self
    }

    /// Does nothing: descriptors are not counted in advance.
    ///
    /// # Panics
    ///
    /// Panics if `events` is zero.
    #[track_caller]
    pub fn max_io_events_per_tick(&mut self, events: usize) -> &mut Builder {
        assert!(events > 0, "max_io_events_per_tick must be non-zero");
        self
    }

    /// Does nothing: descriptors are not counted in advance.
    ///
    /// # Panics
    ///
    /// Panics if `events` is zero.
    #[track_caller]
    pub fn max_io_events_per_busy_tick(&mut self, events: usize) -> &mut Builder {
        assert!(events > 0, "max_io_events_per_busy_tick must be non-zero");
        self
    }

    /// Does nothing: there is one queue, which is first in, first out.
    ///
    /// # Panics
    ///
    /// Panics if `polls` is zero.
    #[track_caller]
    pub fn global_queue_interval(&mut self, polls: u32) -> &mut Builder {
        assert!(polls > 0, "global_queue_interval must be greater than 0");
        self
    }

    /// Makes the runtime.
    ///
    /// # Errors
    ///
    /// Fails if the system refuses an epoll instance, an eventfd or a thread, usually because the process has no file
    /// descriptors left.
    ///
    /// # Panics
    ///
    /// Panics if `TOKIO_WORKER_THREADS` is needed and is not a number of at least 1.
    #[track_caller]
    pub fn build(&mut self) -> io::Result<Runtime> {
        if self.1.is_multi_thread {
            let workers = self.1.workers.unwrap_or_else(default_workers);
            self.0.worker_threads(workers).apart();
        }
        self.0.pretend(self.1.io, self.1.time, false).build().map(Runtime)
    }

    /// Makes a runtime that stays on this thread.
    ///
    /// # Errors
    ///
    /// Fails like [`build`](Builder::build).
    pub fn build_local(&mut self, _options: LocalOptions) -> io::Result<LocalRuntime> {
        self.0.pretend(self.1.io, self.1.time, true).build().map(LocalRuntime::of)
    }
}
