//! The settings of a runtime.

use super::runtime::Runtime;
use super::settings::Settings;
use super::workers;
use crate::services::cancellation::CancellationToken;
use crate::services::shared::Drivers;
use crate::services::sharing::Seat;
use crate::watch::hooks::TaskMeta;
use crate::watch::unhandled::UnhandledPanic;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// A builder that makes a [`Runtime`] with settings of one's own.
///
/// # Examples
///
/// ```
/// use ayi::runtime::{Builder, UnhandledPanic};
///
/// let rt = Builder::new_current_thread()
///     .max_blocking_threads(4)
///     .unhandled_panic(UnhandledPanic::ShutdownRuntime)
///     .build()?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone)]
pub struct Builder {
    settings: Settings,
    grace: Duration,
}

impl Builder {
    /// Creates a builder with the default settings. The name is tokio's; ayi has only this kind of runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Builder;
    /// let rt = Builder::new_current_thread().build()?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn new_current_thread() -> Builder {
        Builder { settings: Settings::new(), grace: Duration::MAX }
    }

    /// Creates a builder with the default settings for a runtime that also runs while no thread is in
    /// [`block_on`](Runtime::block_on): when it is left with tasks, or gets one, a thread of its own runs it from then on.
    /// The name is tokio's.
    ///
    /// It has one worker, unless [`worker_threads`](Builder::worker_threads) says otherwise: all tasks run on one thread at
    /// a time, that of the first `block_on`, for as long as that lasts, or the runtime's own. A `block_on` beside the
    /// runtime's own thread runs its future on the thread that calls it.
    ///
    /// A task whose future is not `Send`, see [`spawn`](crate::spawn), keeps the runtime on its thread, so that it does
    /// not go on in the background. Tasks of [`Handle::spawn`](crate::runtime::Handle::spawn) do.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Builder;
    /// let rt = Builder::new_multi_thread().build()?;
    /// let (told, news) = std::sync::mpsc::channel();
    /// rt.handle().spawn(async move { told.send("tea is ready") });
    /// assert_eq!(news.recv().unwrap(), "tea is ready"); // and nobody is in block_on
    /// # std::io::Result::Ok(())
    /// ```
    pub fn new_multi_thread() -> Builder {
        let mut builder = Builder::new_current_thread();
        builder.settings.is_background = true;
        builder
    }

    /// Sets how many workers a runtime of the kind [`new_multi_thread`](Builder::new_multi_thread) has: threads that run
    /// its tasks. The default is one.
    ///
    /// With several workers, each has a thread from the beginning, with sockets and timers of its own, and `block_on` runs
    /// only its future, on the thread that calls it. A task of [`Handle::spawn`](crate::runtime::Handle::spawn) begins on
    /// the worker that spawns it, or on one that has little to do if it is spawned elsewhere. When a worker has nothing to
    /// do, another one whose tasks wait sends it some of them, between two polls. A task of [`spawn`](crate::spawn), which
    /// need not be `Send`, stays on the worker that spawns it; spawned elsewhere, also in `block_on`, it panics.
    ///
    /// A poll that blocks its thread holds up the tasks that wait on the same worker. See
    /// [`block_in_place`](crate::task::block_in_place).
    ///
    /// # Panics
    ///
    /// Panics if `threads` is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::{Builder, worker_index};
    /// let rt = Builder::new_multi_thread().worker_threads(4).build()?;
    /// let task = rt.handle().spawn(async { worker_index() });
    /// assert!(rt.block_on(task).unwrap() < Some(4));
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn worker_threads(&mut self, threads: usize) -> &mut Builder {
        assert!(threads > 0, "worker_threads: a runtime has at least one thread for its tasks");
        self.settings.workers = threads;
        self
    }

    /// Does nothing. Sockets and timers are always there, and cost nothing if unused. The method is there for programs
    /// that come from tokio.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Builder;
    /// let rt = Builder::new_current_thread().enable_all().build()?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn enable_all(&mut self) -> &mut Builder {
        self
    }

    /// Does nothing. See [`enable_all`](Builder::enable_all).
    pub fn enable_io(&mut self) -> &mut Builder {
        self
    }

    /// Does nothing. See [`enable_all`](Builder::enable_all).
    pub fn enable_time(&mut self) -> &mut Builder {
        self
    }

    /// Names the runtime, for [`Handle::name`](crate::runtime::Handle::name).
    ///
    /// # Panics
    ///
    /// Panics if `name` is empty or blank.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Builder;
    /// let rt = Builder::new_current_thread().name("orders").build()?;
    /// assert_eq!(rt.handle().name(), Some("orders"));
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn name(&mut self, name: impl Into<String>) -> &mut Builder {
        let name = name.into();
        assert!(!name.trim().is_empty(), "Builder::name: the name of a runtime must not be blank");
        self.settings.name = Some(name);
        self
    }

    /// Gives the runtime a place among those with which it shares tasks.
    pub(crate) fn seat(&mut self, seat: Seat) -> &mut Builder {
        self.settings.seat = Some(seat);
        self
    }

    /// Sets whether the runtime's time stands still from the beginning, see [`pause`](crate::time::pause). By default
    /// it does not; this setting is meant for tests.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Builder;
    /// use ayi::time::sleep;
    /// use std::time::Duration;
    /// let rt = Builder::new_current_thread().start_paused(true).build()?;
    /// rt.block_on(sleep(Duration::from_secs(3600))); // at once
    /// # std::io::Result::Ok(())
    /// ```
    pub fn start_paused(&mut self, start_paused: bool) -> &mut Builder {
        self.settings.start_paused = start_paused;
        self
    }

    /// Sets whether file operations go through io_uring(7). By default they do if the system has it: it needs Linux
    /// 6.1, and must not be forbidden. Otherwise they go to the threads of `spawn_blocking`. With `AYI_IO_URING=0` in
    /// the environment no runtime uses io_uring.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Builder;
    /// let rt = Builder::new_current_thread().io_uring(false).build()?;
    /// # std::io::Result::Ok(())
    /// ```
    #[cfg(feature = "uring")]
    pub fn io_uring(&mut self, wanted: bool) -> &mut Builder {
        self.settings.io_uring = wanted;
        self
    }

    /// Sets how many tasks are polled before the runtime looks at timers, sockets and other threads' messages. The
    /// default is 61.
    ///
    /// With a smaller number the runtime answers sooner under load; with a larger one it spends less on looking. There
    /// is no separate setting like tokio's `global_queue_interval`: messages from other threads are read at each of
    /// these looks.
    ///
    /// # Panics
    ///
    /// Panics if `polls` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Builder;
    /// let rt = Builder::new_current_thread().event_interval(31).build()?;
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn event_interval(&mut self, polls: u32) -> &mut Builder {
        assert!(polls > 0, "event_interval(0): no task could ever be polled, give it at least 1");
        self.settings.polls_per_turn = polls;
        self
    }

    /// Sets the most threads that `spawn_blocking` uses at a time. Calls beyond that number wait. The default is 512.
    ///
    /// # Panics
    ///
    /// Panics if `threads` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Builder;
    /// let rt = Builder::new_current_thread().max_blocking_threads(4).build()?;
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn max_blocking_threads(&mut self, threads: usize) -> &mut Builder {
        assert!(threads > 0, "max_blocking_threads(0): spawn_blocking could never run, give it at least 1");
        self.settings.pool.threads = threads;
        self
    }

    /// Sets how long an idle thread of the pool stays. The default is ten seconds.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Builder;
    /// use std::time::Duration;
    /// let rt = Builder::new_current_thread().thread_keep_alive(Duration::from_secs(60)).build()?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn thread_keep_alive(&mut self, time: Duration) -> &mut Builder {
        self.settings.pool.keep_alive = time;
        self
    }

    /// Sets how long the drop of the runtime waits for `spawn_blocking` calls that are running. Without a limit it
    /// waits until they have returned, and says so on stderr after ten seconds.
    ///
    /// A call that has not returned by then goes on, on its thread, and its result is dropped. When the process ends,
    /// the call ends with it: a file may be half written. [`Runtime::shutdown_timeout`] sets the limit for one runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Builder;
    /// use std::time::Duration;
    /// let rt = Builder::new_current_thread().shutdown_timeout(Duration::from_millis(10)).build()?;
    /// rt.spawn_blocking(|| std::thread::sleep(Duration::from_secs(3600)));
    /// drop(rt); // soon
    /// # std::io::Result::Ok(())
    /// ```
    pub fn shutdown_timeout(&mut self, limit: Duration) -> &mut Builder {
        self.grace = limit;
        self
    }

    /// Sets the name of the pool's threads, which is followed by `-` and a number. The default is `ayi-blocking`. The
    /// kernel shows the first 15 bytes.
    ///
    /// # Panics
    ///
    /// Panics if `name` contains a null byte.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Builder;
    /// let rt = Builder::new_current_thread().thread_name("orders-blocking").build()?;
    /// let task = rt.spawn_blocking(|| std::thread::current().name().map(String::from));
    /// assert_eq!(rt.block_on(task).unwrap().as_deref(), Some("orders-blocking-0"));
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn thread_name(&mut self, name: impl Into<String>) -> &mut Builder {
        self.settings.pool.thread_name = name.into();
        assert!(
            !self.settings.pool.thread_name.contains('\0'),
            "thread_name: a null byte cannot be in a thread's name"
        );
        self
    }

    /// Names each thread of the runtime by `f`, which is called before the thread starts.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Builder;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    /// let (made, mut builder) = (AtomicUsize::new(1), Builder::new_current_thread());
    /// let rt = builder.thread_name_fn(move || format!("helper {}", made.fetch_add(1, Ordering::Relaxed))).build()?;
    /// let task = rt.spawn_blocking(|| std::thread::current().name().map(String::from));
    /// assert_eq!(rt.block_on(task).unwrap().as_deref(), Some("helper 1"));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn thread_name_fn(&mut self, f: impl Fn() -> String + Send + Sync + 'static) -> &mut Builder {
        self.settings.pool.name_of_thread = Some(Arc::new(f));
        self
    }

    /// Sets the stack size of the pool's threads, in bytes. The default is the system's: 2 MiB, or `RUST_MIN_STACK`.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Builder;
    /// let rt = Builder::new_current_thread().thread_stack_size(256 * 1024).build()?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn thread_stack_size(&mut self, bytes: usize) -> &mut Builder {
        self.settings.pool.stack_size = Some(bytes);
        self
    }

    /// Runs `f` on each thread of the pool when it starts. The runtime's own thread is the user's, so `f` does not run
    /// there.
    ///
    /// If a hook panics, here and below, the panic hook reports it and nothing else happens.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Builder;
    /// let rt = Builder::new_current_thread().on_thread_start(|| println!("a thread of the pool begins")).build()?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn on_thread_start(&mut self, f: impl Fn() + Send + Sync + 'static) -> &mut Builder {
        self.settings.pool.on_start = Some(Arc::new(f));
        self
    }

    /// Runs `f` on each thread of the pool before it ends.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Builder;
    /// let rt = Builder::new_current_thread().on_thread_stop(|| println!("a thread of the pool ends")).build()?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn on_thread_stop(&mut self, f: impl Fn() + Send + Sync + 'static) -> &mut Builder {
        self.settings.pool.on_stop = Some(Arc::new(f));
        self
    }

    /// Runs `f` on the runtime's thread when it has nothing to do and is about to sleep. `f` may wake and spawn tasks.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Builder;
    /// let rt = Builder::new_current_thread().on_thread_park(|| println!("nothing to do")).build()?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn on_thread_park(&mut self, f: impl Fn() + Send + Sync + 'static) -> &mut Builder {
        self.settings.park_hooks.on_park = Some(Arc::new(f));
        self
    }

    /// Runs `f` on the runtime's thread when it is awake again, once for each time that the hook of
    /// [`on_thread_park`](Builder::on_thread_park) has run.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Builder;
    /// let rt = Builder::new_current_thread().on_thread_unpark(|| println!("something has happened")).build()?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn on_thread_unpark(&mut self, f: impl Fn() + Send + Sync + 'static) -> &mut Builder {
        self.settings.park_hooks.on_unpark = Some(Arc::new(f));
        self
    }

    /// Runs `f` on the runtime's thread for each task that begins, before its first poll.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ayi::runtime::Builder;
    /// let rt = Builder::new_current_thread()
    ///     .on_task_spawn(|task| println!("task {} spawned at {}", task.id(), task.spawned_at()))
    ///     .build()?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn on_task_spawn(&mut self, f: impl Fn(&TaskMeta<'_>) + Send + Sync + 'static) -> &mut Builder {
        self.settings.hooks.on_spawn = Some(Arc::new(f));
        self
    }

    /// Runs `f` on the runtime's thread for each task that is finished: returned, panicked or cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Builder;
    /// let rt = Builder::new_current_thread().on_task_terminate(|task| println!("task {} has ended", task.id())).build()?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn on_task_terminate(&mut self, f: impl Fn(&TaskMeta<'_>) + Send + Sync + 'static) -> &mut Builder {
        self.settings.hooks.on_terminate = Some(Arc::new(f));
        self
    }

    /// Sets what the runtime does about a task's panic that nobody will hear of. The default is
    /// [`Report`](UnhandledPanic::Report).
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Builder;
    /// use ayi::runtime::UnhandledPanic;
    /// let rt = Builder::new_current_thread().unhandled_panic(UnhandledPanic::Ignore).build()?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn unhandled_panic(&mut self, policy: UnhandledPanic) -> &mut Builder {
        self.settings.unhandled = policy;
        self
    }

    /// Reports on stderr each poll of a task, or of the future of `block_on`, that takes longer than `limit`. For that
    /// time no other task of the runtime could run: something in the task blocks, or computes without an `.await`.
    ///
    /// ```text
    /// ayi: task 7 "orders", spawned at src/main.rs:12:5, did not give way for 25.3ms (limit 10ms)
    /// ```
    ///
    /// The runtime reports at most ten slow polls a second, and never one that does not end. `AYI_SLOW_POLLS=10ms` in
    /// the environment sets the limit of all runtimes, whatever their builders say, and `AYI_SLOW_POLLS=off` lifts it.
    /// If unused, this costs nothing; with a limit, the clock is read twice for each poll.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Builder;
    /// use std::time::Duration;
    /// let rt = Builder::new_current_thread().report_slow_polls(Duration::from_millis(10)).build()?;
    /// rt.block_on(async { std::thread::sleep(Duration::from_millis(11)) });
    /// # std::io::Result::Ok(())
    /// ```
    pub fn report_slow_polls(&mut self, limit: Duration) -> &mut Builder {
        self.settings.hooks.slow_poll = Some(limit);
        self
    }

    /// Makes `token` the parent of the tokens of the runtimes that are made from here on.
    /// Records what the runtime does, in a ring: see [`Record`](crate::runtime::Record). It exists with the feature `record`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use ayi::runtime::{Builder, Record};
    /// let rt = Builder::new_current_thread().record(Record::new().file("server.ayi")).build()?;
    /// # std::io::Result::Ok(())
    /// ```
    #[cfg(feature = "record")]
    pub fn record(&mut self, record: crate::watch::record::Record) -> &mut Builder {
        self.settings.record = Some(record);
        self
    }

    pub(crate) fn shutdown_with(&mut self, token: CancellationToken) {
        self.settings.shutdown = token;
    }

    /// Makes the runtime, which belongs to the current thread.
    ///
    /// # Errors
    ///
    /// Fails if the system refuses an epoll instance, an eventfd or a thread, usually because the process has no file descriptors
    /// left.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Builder;
    /// let rt = Builder::new_current_thread().build()?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn build(&mut self) -> io::Result<Runtime> {
        let Settings { is_background, workers, is_apart, .. } = self.settings;
        match is_background && (workers > 1 || is_apart) {
            true => workers::build(&self.settings, self.grace),
            false => Ok(Runtime::of(self.settings.make()?, self.grace)),
        }
    }
}

impl Builder {
    /// Has the workers of a runtime run on threads of their own, also if there is only one: for the package that stands in
    /// for tokio.
    #[doc(hidden)]
    pub fn apart(&mut self) -> &mut Builder {
        self.settings.is_apart = true;
        self
    }

    /// Makes the runtime pretend to lack sockets or timers, and to spawn only what is `Send` outside of a `LocalSet`: for the
    /// package that stands in for tokio.
    #[doc(hidden)]
    pub fn pretend(&mut self, has_io: bool, has_timers: bool, is_local: bool) -> &mut Builder {
        self.settings.drivers = Drivers { has_io, has_timers, is_local };
        self
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.settings.name)
            .field("max_blocking_threads", &self.settings.pool.threads)
            .field("thread_name", &self.settings.pool.thread_name)
            .field("thread_keep_alive", &self.settings.pool.keep_alive)
            .field("unhandled_panic", &self.settings.unhandled)
            .field("report_slow_polls", &self.settings.hooks.slow_poll)
            .field("event_interval", &self.settings.polls_per_turn)
            .field("start_paused", &self.settings.start_paused)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Builder, Duration};

    #[test]
    fn its_end_waits_without_a_limit_unless_it_is_given_one() {
        let mut builder = Builder::new_current_thread();
        assert_eq!(builder.build().unwrap().grace, Duration::MAX);
        let limit = Duration::from_secs(1);
        assert_eq!(builder.shutdown_timeout(limit).build().unwrap().grace, limit);
    }
}
