//! The settings of a runtime.

use super::{LocalOptions, LocalRuntime, Runtime};
use std::io;
use std::time::Duration;

/// A builder that makes a [`Runtime`] with settings of one's own. It is ayi's, with the methods that tokio's has.
#[derive(Debug)]
pub struct Builder(ayi::runtime::Builder, Drivers);

/// What has been enabled. ayi's runtimes have both, and pretend not to.
#[derive(Debug, Default)]
struct Drivers {
    io: bool,
    time: bool,
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
    /// Checks that there is at least one thread. All tasks run on one.
    fn worker_threads(threads: usize);
}

impl Builder {
    /// Begins a runtime that runs while a thread is in `block_on`.
    pub fn new_current_thread() -> Builder {
        Builder(ayi::runtime::Builder::new_current_thread(), Drivers::default())
    }

    /// Begins a runtime that runs also while no thread is in `block_on`: then a thread of its own runs it. All tasks run
    /// on one thread.
    pub fn new_multi_thread() -> Builder {
        Builder(ayi::runtime::Builder::new_multi_thread(), Drivers::default())
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
    /// Fails if the system refuses an epoll instance or an eventfd, usually because the process has no file descriptors
    /// left.
    pub fn build(&mut self) -> io::Result<Runtime> {
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
