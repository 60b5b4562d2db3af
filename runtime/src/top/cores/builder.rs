//! The settings of several cores, and the calls that run a main.

use super::core::{Core, Seat, Set};
use super::cpus;
use super::output::MainOutput;
use super::run::run_on_all;
use super::settings::{CorePanic, Settings};
use crate::face::builder::Builder;
use crate::services::blocked_on::BlockedOn;
use crate::services::cancellation::CancellationToken;
use crate::services::sharing::Group;
use std::fmt::Debug;
use std::io::{self, ErrorKind};
use std::num::NonZero;
use std::thread;
use std::time::Duration;

/// A builder that runs a main on each of several cores. [`Builder::cores`] and [`Builder::all_cores`] make it.
///
/// # Examples
///
/// ```
/// use ayi::runtime::Builder;
/// let names = Builder::new_current_thread().cores(2).thread_name("web").run(async |core| {
///     format!("{} of {}: {}", core.index(), core.count(), std::thread::current().name().unwrap())
/// })?;
/// assert_eq!(names, ["0 of 2: web-0", "1 of 2: web-1"]);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct CoresBuilder {
    settings: Settings,
}

impl Builder {
    /// Returns a builder that runs a main on each of `cores` threads, in a runtime with these settings.
    ///
    /// There may be more threads than the machine has cores; they share the cores then, as all threads do.
    ///
    /// # Panics
    ///
    /// Panics if `cores` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Builder;
    /// let squares = Builder::new_current_thread().cores(3).run(async |core| core.index() * core.index())?;
    /// assert_eq!(squares, [0, 1, 4]);
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn cores(&self, cores: usize) -> CoresBuilder {
        assert!(cores > 0, "cores(0): main could never run, give it at least 1 (or all_cores())");
        self.on_cores(Some(cores))
    }

    /// Returns a builder that runs a main on each core that the process may use, in a runtime with these settings. The
    /// number of these cores follows from the process's affinity, see sched_getaffinity(2), and from the quota of its
    /// cgroup, see [`available_parallelism`](std::thread::available_parallelism).
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Builder;
    /// let counts = Builder::new_current_thread().all_cores().run(async |core| core.count())?;
    /// assert_eq!(counts.len(), std::thread::available_parallelism()?.get());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn all_cores(&self) -> CoresBuilder {
        self.on_cores(None)
    }

    fn on_cores(&self, cores: Option<usize>) -> CoresBuilder {
        let settings = Settings {
            runtime: self.clone(),
            cores,
            is_pinned: false,
            is_restless: false,
            thread_name: String::from("ayi-core"),
            on_panic: CorePanic::default(),
            stop_timeout: Duration::from_secs(10),
        };
        CoresBuilder { settings }
    }
}

impl CoresBuilder {
    /// Sets whether each core's thread stays on a CPU of its own, see sched_setaffinity(2): the first core on the first
    /// CPU that the process may use, and so on. There must be as many CPUs as cores. By default threads are not pinned:
    /// the kernel mostly chooses well, and a pinned thread has to wait when something else runs on its CPU.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::Builder;
    /// let cpus = Builder::new_current_thread().all_cores().pin(true).run(async |core| core.cpu().unwrap());
    /// println!("on {cpus:?}");
    /// ```
    pub fn pin(&mut self, is_pinned: bool) -> &mut CoresBuilder {
        self.settings.is_pinned = is_pinned;
        self
    }

    /// Sets the name of the cores' threads, which is followed by `-` and the core's number. The default is `ayi-core`.
    /// The kernel shows the first 15 bytes.
    ///
    /// # Panics
    ///
    /// Panics if `name` contains a null byte.
    #[track_caller]
    pub fn thread_name(&mut self, name: impl Into<String>) -> &mut CoresBuilder {
        self.settings.thread_name = name.into();
        assert!(
            !self.settings.thread_name.contains('\0'),
            "thread_name: a null byte cannot be in a thread's name"
        );
        self
    }

    /// Sets what becomes of the other cores when a core's main panics, or when its runtime ends by
    /// [`UnhandledPanic::ShutdownRuntime`](crate::runtime::UnhandledPanic::ShutdownRuntime). The default is
    /// [`StopAll`](CorePanic::StopAll).
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::{Builder, CorePanic};
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    /// let starts = AtomicUsize::new(0);
    /// Builder::new_current_thread().cores(1).on_panic(CorePanic::Restart).run(async |_| {
    ///     if starts.fetch_add(1, Ordering::SeqCst) == 0 {
    ///         panic!("the first time");
    ///     }
    /// })?;
    /// assert_eq!(starts.into_inner(), 2);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn on_panic(&mut self, policy: CorePanic) -> &mut CoresBuilder {
        self.settings.on_panic = policy;
        self
    }

    /// Sets how long the mains of the other cores have to return when one core has failed. Then they are dropped where
    /// they wait. The default is ten seconds. A main that never awaits cannot be dropped: the caller waits for it, and
    /// a line on stderr says so. The same holds for `spawn_blocking` calls that do not return.
    pub fn stop_timeout(&mut self, time: Duration) -> &mut CoresBuilder {
        self.settings.stop_timeout = time;
        self
    }

    /// Has every task that may move go from core to core all the time, for tests.
    #[doc(hidden)]
    pub fn restless(&mut self, is_restless: bool) -> &mut CoresBuilder {
        self.settings.is_restless = is_restless;
        self
    }

    /// Runs `main` on every core, each in a thread and a runtime of its own, and waits until all have returned. It
    /// returns their outputs in the order of the cores.
    ///
    /// No main runs before every core has its runtime. When a main returns, its runtime ends, with all its tasks, while
    /// the other cores go on.
    ///
    /// # Errors
    ///
    /// Fails if the system refuses a thread or what a runtime needs. It fails with `InvalidInput` if there are fewer
    /// CPUs than cores that are to be [pinned](CoresBuilder::pin). No main has run then.
    ///
    /// # Panics
    ///
    /// Panics if a main panics, see [`on_panic`](CoresBuilder::on_panic), or if this is called inside a `block_on`.
    pub fn run<T: Send>(&self, main: impl AsyncFn(Core) -> T + Sync) -> io::Result<Vec<T>> {
        let outputs = self.run_all(&main, |_| None)?;
        Ok(outputs.into_iter().map(|output| output.expect("no core was stopped")).collect())
    }

    /// Runs `main` on every core, like [`run`](CoresBuilder::run), for mains that can fail. When one has failed, a line
    /// on stderr says which and why. The other cores are told to end by [`Core::shutdown_token`], and have
    /// [`stop_timeout`](CoresBuilder::stop_timeout) to do so.
    ///
    /// # Errors
    ///
    /// Returns what the first main that failed has returned, by the order of the cores. Otherwise it fails like
    /// [`run`](CoresBuilder::run).
    ///
    /// # Panics
    ///
    /// Panics like [`run`](CoresBuilder::run).
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::{Builder, shutdown_token};
    /// use std::io;
    /// let result: io::Result<Vec<()>> = Builder::new_current_thread().cores(2).try_run(async |core| {
    ///     if core.index() == 1 {
    ///         return Err(io::Error::other("this core cannot listen"));
    ///     }
    ///     shutdown_token().cancelled().await;
    ///     Ok(())
    /// });
    /// assert_eq!(result.unwrap_err().to_string(), "this core cannot listen");
    /// ```
    pub fn try_run<T, E>(&self, main: impl AsyncFn(Core) -> Result<T, E> + Sync) -> Result<Vec<T>, E>
    where
        T: Send,
        E: From<io::Error> + Debug + Send,
    {
        self.run_all(&main, MainOutput::failure)?.into_iter().flatten().collect()
    }

    /// Runs `main` on every core, and returns the output of the first that failed or else that of the first core:
    /// `#[ayi::main(cores = …)]` expands to this.
    #[doc(hidden)]
    pub fn main<T: MainOutput + Send>(&self, main: impl AsyncFn(Core) -> T + Sync) -> T {
        let outputs = match self.run_all(&main, T::failure) {
            Ok(outputs) => outputs,
            Err(error) => panic!("cannot start an ayi runtime on each core: {error}"),
        };
        let mut outputs: Vec<T> = outputs.into_iter().flatten().collect();
        outputs.swap_remove(outputs.iter().position(T::is_failure).unwrap_or(0))
    }

    /// Returns the outputs: all of them, unless a core has failed.
    fn run_all<T, M>(&self, main: &M, failure: fn(&T) -> Option<String>) -> io::Result<Vec<Option<T>>>
    where
        T: Send,
        M: AsyncFn(Core) -> T + Sync,
    {
        let _blocked = BlockedOn::new();
        let count = match self.settings.cores {
            Some(count) => count,
            None => thread::available_parallelism().map(NonZero::get)?,
        };
        let cpus = self.cpus(count)?;
        let seats = (0..count).map(|core| Seat::new(cpus.as_ref().map(|cpus| cpus[core]))).collect();
        let (shutdown, failed) = (CancellationToken::new(), CancellationToken::new());
        let mut runtime = self.settings.runtime.clone();
        runtime.shutdown_with(shutdown.clone());
        let settings = Settings { runtime, ..self.settings.clone() };
        let group = Group::new(count, settings.is_restless);
        run_on_all(settings, Set { shutdown, failed, seats, group }, main, failure)
    }

    /// Returns for each core the CPU that it is pinned to, if cores are pinned.
    fn cpus(&self, count: usize) -> io::Result<Option<Vec<usize>>> {
        if !self.settings.is_pinned {
            return Ok(None);
        }
        let allowed = cpus::allowed_cpus()?;
        if allowed.len() < count {
            let message = format!(
                "{count} cores cannot be pinned to {} CPUs, which is what this process may use \
                 (sched_getaffinity): take fewer, or all_cores(), or leave pin() out",
                allowed.len()
            );
            return Err(io::Error::new(ErrorKind::InvalidInput, message));
        }
        Ok(Some(allowed))
    }
}
