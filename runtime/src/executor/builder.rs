//! The settings of a runtime.

use super::{Local, Runtime};
use crate::blocking::{Limits, Pool};
use crate::reactor::Reactor;
use crate::task::{Scheduler, UnhandledPanic};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Makes a [`Runtime`] with settings of one's own.
///
/// # Examples
///
/// ```
/// use ayi_runtime::runtime::{Builder, UnhandledPanic};
///
/// let rt = Builder::new_current_thread()
///     .max_blocking_threads(4)
///     .unhandled_panic(UnhandledPanic::ShutdownRuntime)
///     .build()?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    limits: Limits,
    unhandled: UnhandledPanic,
}

impl Builder {
    /// The default settings. (tokio's name, of which there is but one kind here.)
    pub fn new_current_thread() -> Builder {
        // tokio's numbers: what blocks mostly waits, so more threads than cores are right.
        let limits = Limits {
            threads: 512,
            keep_alive: Duration::from_secs(10),
            thread_name: String::from("ayi-blocking"),
        };
        Builder { limits, unhandled: UnhandledPanic::default() }
    }

    /// The most threads that `spawn_blocking` uses at a time; calls beyond that wait. 512 by default.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    pub fn max_blocking_threads(&mut self, threads: usize) -> &mut Builder {
        assert!(threads > 0, "max_blocking_threads(0): spawn_blocking could never run, give it at least 1");
        self.limits.threads = threads;
        self
    }

    /// How long an idle thread of the pool stays. Ten seconds by default.
    pub fn thread_keep_alive(&mut self, time: Duration) -> &mut Builder {
        self.limits.keep_alive = time;
        self
    }

    /// What the pool's threads are called, followed by `-` and a number. `ayi-blocking` by default; the kernel
    /// shows the first 15 bytes.
    ///
    /// # Panics
    ///
    /// If it contains a null byte.
    #[track_caller]
    pub fn thread_name(&mut self, name: impl Into<String>) -> &mut Builder {
        self.limits.thread_name = name.into();
        assert!(
            !self.limits.thread_name.contains('\0'),
            "thread_name: a null byte cannot be in a thread's name"
        );
        self
    }

    /// What to do about a task's panic that nobody will hear of. [`Report`](UnhandledPanic::Report) by default.
    pub fn unhandled_panic(&mut self, policy: UnhandledPanic) -> &mut Builder {
        self.unhandled = policy;
        self
    }

    /// Makes the runtime; it belongs to the current thread.
    ///
    /// # Errors
    ///
    /// If the system refuses an epoll instance or an eventfd: usually because the process has no file descriptors
    /// left.
    pub fn build(&mut self) -> io::Result<Runtime> {
        static IDS: AtomicU64 = AtomicU64::new(1);
        // Relaxed: only uniqueness matters.
        let id = IDS.fetch_add(1, Ordering::Relaxed);
        let tasks = Scheduler::acquire(id, self.unhandled)?;
        let reactor = Reactor::new(tasks.shared().bell.raw())?;
        Ok(Runtime { local: Local::new(id, tasks, reactor, Pool::new(self.limits.clone())) })
    }
}
