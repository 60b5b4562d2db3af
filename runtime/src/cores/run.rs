//! Starts the cores, and sees to their ends.
//!
//! ```text
//!   core thread:   pinned, runtime made ──▶ Ready ──▶ the gate ──▶ main ──▶ runtime dropped ──▶ Ended
//!   caller:        all Ready: opens the gate
//!                  Ended with an output: kept. With a failure, or a panic that is not to be followed by a new start:
//!                  the token of all is cancelled, and after `stop_timeout` the mains that are left are dropped
//! ```

use super::core::{Core, Seat, Set};
use super::output::MainOutput;
use crate::cancellation::CancellationToken;
use crate::executor::{BlockedOn, Builder, Runtime};
use crate::foreign::{self, Panic, lock};
use crate::sys;
use crate::time::{Duration, sleep};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, ErrorKind, Write};
use std::num::NonZero;
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::Poll;
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::Instant;

/// A core that panics more often than this within [`RESTARTS_WITHIN`] is beyond help.
const RESTARTS: usize = 5;
const RESTARTS_WITHIN: Duration = Duration::from_secs(10);

/// What becomes of the others when one core's main panics. See [`CoresBuilder::on_panic`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CorePanic {
    /// They are told to end, and when they have, the panic goes on in the thread that has started the cores.
    #[default]
    StopAll,
    /// They go on, and the core is started anew, with a new thread and a new runtime; its tasks are gone. A line on
    /// stderr says so. A core that panics more than five times within ten seconds stops all, as does one that cannot
    /// be started, or that panics when all are ending anyway.
    Restart,
}

/// Runs a main on each of several cores; [`Builder::cores`] and [`Builder::all_cores`] make it.
///
/// # Examples
///
/// ```
/// use ayi_runtime::runtime::Builder;
/// let names = Builder::new_current_thread().cores(2).thread_name("web").run(async |core| {
///     format!("{} of {}: {}", core.index(), core.count(), std::thread::current().name().unwrap())
/// })?;
/// assert_eq!(names, ["0 of 2: web-0", "1 of 2: web-1"]);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct CoresBuilder {
    runtime: Builder,
    /// `None`: all.
    cores: Option<usize>,
    is_pinned: bool,
    thread_name: String,
    on_panic: CorePanic,
    stop_timeout: Duration,
}

impl Builder {
    /// A runtime with these settings on each of `cores` threads.
    ///
    /// There may be more than the machine has cores; they share these then, as all threads do.
    ///
    /// # Panics
    ///
    /// If it is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi_runtime::runtime::Builder;
    /// let squares = Builder::new_current_thread().cores(3).run(async |core| core.index() * core.index())?;
    /// assert_eq!(squares, [0, 1, 4]);
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn cores(&self, cores: usize) -> CoresBuilder {
        assert!(cores > 0, "cores(0): main could never run, give it at least 1 (or all_cores())");
        self.on_cores(Some(cores))
    }

    /// A runtime with these settings on each core that the process may use: as many as its affinity
    /// (sched_getaffinity(2)) and the quota of its cgroup leave it, see
    /// [`available_parallelism`](std::thread::available_parallelism).
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi_runtime::runtime::Builder;
    /// let counts = Builder::new_current_thread().all_cores().run(async |core| core.count())?;
    /// assert_eq!(counts.len(), std::thread::available_parallelism()?.get());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn all_cores(&self) -> CoresBuilder {
        self.on_cores(None)
    }

    fn on_cores(&self, cores: Option<usize>) -> CoresBuilder {
        CoresBuilder {
            runtime: self.clone(),
            cores,
            is_pinned: false,
            thread_name: String::from("ayi-core"),
            on_panic: CorePanic::default(),
            stop_timeout: Duration::from_secs(10),
        }
    }
}

impl CoresBuilder {
    /// Whether each core's thread stays on a CPU of its own (sched_setaffinity(2)): the first on the first that the
    /// process may use, and so on. Not by default: the kernel mostly does well, and a pinned thread has to wait when
    /// something else runs on its CPU. There must be as many CPUs as cores.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi_runtime::runtime::Builder;
    /// let cpus = Builder::new_current_thread().all_cores().pin(true).run(async |core| core.cpu().unwrap());
    /// println!("on {cpus:?}");
    /// ```
    pub fn pin(&mut self, is_pinned: bool) -> &mut CoresBuilder {
        self.is_pinned = is_pinned;
        self
    }

    /// What the cores' threads are called, followed by `-` and the core's number. `ayi-core` by default; the kernel
    /// shows the first 15 bytes.
    ///
    /// # Panics
    ///
    /// If it contains a null byte.
    #[track_caller]
    pub fn thread_name(&mut self, name: impl Into<String>) -> &mut CoresBuilder {
        self.thread_name = name.into();
        assert!(!self.thread_name.contains('\0'), "thread_name: a null byte cannot be in a thread's name");
        self
    }

    /// What becomes of the others when a core's main panics (or its runtime, by
    /// [`UnhandledPanic::ShutdownRuntime`](crate::runtime::UnhandledPanic::ShutdownRuntime)).
    /// [`StopAll`](CorePanic::StopAll) by default.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi_runtime::runtime::{Builder, CorePanic};
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
        self.on_panic = policy;
        self
    }

    /// When one core has failed, how long the mains of the others have until they are dropped where they wait. Ten
    /// seconds by default. (One that never awaits cannot be dropped, and is waited for.)
    pub fn stop_timeout(&mut self, time: Duration) -> &mut CoresBuilder {
        self.stop_timeout = time;
        self
    }

    /// Runs `main` on every core, each in a thread and a runtime of its own, and waits until all have returned. What
    /// they have returned comes in the order of the cores.
    ///
    /// No main runs before every core has its runtime. When a main returns, its runtime ends, with all its tasks, while
    /// the other cores go on.
    ///
    /// # Errors
    ///
    /// If the system refuses a thread or what a runtime needs; `InvalidInput` if there are fewer CPUs than cores that
    /// are to be [pinned](CoresBuilder::pin). No main has run then.
    ///
    /// # Panics
    ///
    /// If a main panics, see [`on_panic`](CoresBuilder::on_panic); inside a `block_on`.
    pub fn run<T: Send>(&self, main: impl AsyncFn(Core) -> T + Sync) -> io::Result<Vec<T>> {
        let outputs = self.run_all(&main, |_| false)?;
        Ok(outputs.into_iter().map(|output| output.expect("no core was stopped")).collect())
    }

    /// As [`run`](CoresBuilder::run), for mains that can fail: when one has, the others are told to end
    /// ([`Core::shutdown_token`] is cancelled) and have [`stop_timeout`](CoresBuilder::stop_timeout) to do so.
    ///
    /// # Errors
    ///
    /// What the first main that failed has returned, by the order of the cores; those of `run`.
    ///
    /// # Panics
    ///
    /// As `run`.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi_runtime::runtime::{Builder, shutdown_token};
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
        E: From<io::Error> + Send,
    {
        self.run_all(&main, Result::is_err)?.into_iter().flatten().collect()
    }

    /// What `#[ayi::main(cores = …)]` expands to.
    #[doc(hidden)]
    pub fn main<T: MainOutput + Send>(&self, main: impl AsyncFn(Core) -> T + Sync) -> T {
        let outputs = match self.run_all(&main, T::is_failure) {
            Ok(outputs) => outputs,
            Err(error) => panic!("cannot start an ayi runtime on each core: {error}"),
        };
        let mut outputs: Vec<T> = outputs.into_iter().flatten().collect();
        outputs.swap_remove(outputs.iter().position(T::is_failure).unwrap_or(0))
    }

    /// The outputs: all, unless a core has failed.
    fn run_all<T, M>(&self, main: &M, is_failure: fn(&T) -> bool) -> io::Result<Vec<Option<T>>>
    where
        T: Send,
        M: AsyncFn(Core) -> T + Sync,
    {
        let _blocked = BlockedOn::new();
        let count = match self.cores {
            Some(count) => count,
            None => thread::available_parallelism().map(NonZero::get)?,
        };
        let seats = self.cpus(count)?.into_iter().map(Seat::new).collect();
        let (shutdown, failed) = (CancellationToken::new(), CancellationToken::new());
        let mut runtime = self.runtime.clone();
        runtime.shutdown_with(shutdown.clone());
        let job = Job {
            settings: CoresBuilder { runtime, ..self.clone() },
            main,
            is_failure,
            set: Arc::new(Set { shutdown, failed, seats }),
            gate: Gate::default(),
        };
        let (reporter, reports) = channel();
        thread::scope(|scope| Caller::new(&job, scope, reporter).start_all().see_to_the_end(&reports))
    }

    /// For each core the CPU that it is pinned to, if it is.
    fn cpus(&self, count: usize) -> io::Result<Vec<Option<usize>>> {
        if !self.is_pinned {
            return Ok(vec![None; count]);
        }
        let allowed = sys::allowed_cpus()?;
        if allowed.len() < count {
            let message = format!(
                "{count} cores cannot be pinned to {} CPUs, which is what this process may use \
                 (sched_getaffinity): take fewer, or all_cores(), or leave pin() out",
                allowed.len()
            );
            return Err(io::Error::new(ErrorKind::InvalidInput, message));
        }
        Ok(allowed.into_iter().take(count).map(Some).collect())
    }
}

/// What all threads see.
struct Job<'a, T, M> {
    settings: CoresBuilder,
    main: &'a M,
    is_failure: fn(&T) -> bool,
    set: Arc<Set>,
    gate: Gate,
}

/// What a core's thread tells the caller's.
enum Report<T> {
    Ready,
    Ended(usize, Result<io::Result<Option<T>>, Panic>),
}

/// Where cores wait until all are ready.
#[derive(Default)]
struct Gate {
    state: Mutex<GateState>,
    moved: Condvar,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum GateState {
    #[default]
    Closed,
    Open,
    /// One could not be made ready.
    CalledOff,
}

impl Gate {
    /// Once; what comes later changes nothing.
    fn decide(&self, state: GateState) {
        let mut now = lock(&self.state);
        if *now == GateState::Closed {
            *now = state;
            self.moved.notify_all();
        }
    }

    /// Whether it is open at last.
    fn pass(&self) -> bool {
        let is_closed = |state: &mut GateState| *state == GateState::Closed;
        let state = self.moved.wait_while(lock(&self.state), is_closed);
        *state.unwrap_or_else(PoisonError::into_inner) == GateState::Open
    }
}

impl<T: Send, M: AsyncFn(Core) -> T + Sync> Job<'_, T, M> {
    /// A core's thread, from its beginning to its end. `None`: there was no time for an output.
    fn run_core(&self, index: usize, reporter: &Sender<Report<T>>) -> io::Result<Option<T>> {
        let seat = &self.set.seats[index];
        if let Some(cpu) = seat.cpu {
            sys::stay_on_cpu(cpu)?;
        }
        let runtime = self.settings.runtime.clone().build()?;
        let core = Core { index, set: self.set.clone() };
        core.clone().enter();
        let _up = seat.up(runtime.handle());
        // (The caller listens until all have ended.)
        let _ = reporter.send(Report::Ready);
        Ok(if self.gate.pass() { self.run_main(&runtime, core) } else { None })
    }

    fn run_main(&self, runtime: &Runtime, core: Core) -> Option<T> {
        runtime.block_on(async {
            let mut main = pin!((self.main)(core));
            if let Some(output) = self.set.failed.run_until_cancelled(main.as_mut()).await {
                return Some(output);
            }
            let mut time_is_up = sleep(self.settings.stop_timeout);
            poll_fn(|cx| match main.as_mut().poll(cx) {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                Poll::Pending => Pin::new(&mut time_is_up).poll(cx).map(|()| None),
            })
            .await
        })
    }
}

/// The thread that has started the cores.
struct Caller<'scope, 'job, T, M> {
    job: &'job Job<'job, T, M>,
    scope: &'scope Scope<'scope, 'job>,
    reporter: Sender<Report<T>>,
    threads: Vec<Option<ScopedJoinHandle<'scope, ()>>>,
    outputs: Vec<Option<T>>,
    /// When each core was started anew, lately.
    restarts: Vec<VecDeque<Instant>>,
    /// What went wrong first, but for failures that are outputs.
    trouble: Option<Trouble>,
}

enum Trouble {
    Start(io::Error),
    Panic(Panic),
}

impl<'scope, 'job, T: Send, M: AsyncFn(Core) -> T + Sync> Caller<'scope, 'job, T, M> {
    fn new(
        job: &'job Job<'job, T, M>,
        scope: &'scope Scope<'scope, 'job>,
        reporter: Sender<Report<T>>,
    ) -> Caller<'scope, 'job, T, M> {
        let count = job.set.seats.len();
        let none = || (0..count).map(|_| None);
        let (threads, outputs) = (none().collect(), (0..count).map(|_| None).collect());
        let restarts = vec![VecDeque::new(); count];
        Caller { job, scope, reporter, threads, outputs, restarts, trouble: None }
    }

    fn start_all(mut self) -> Self {
        for index in 0..self.threads.len() {
            if let Err(error) = self.start(index) {
                self.stop(Trouble::Start(error));
                break;
            }
        }
        self
    }

    fn start(&mut self, index: usize) -> io::Result<()> {
        let (job, reporter) = (self.job, self.reporter.clone());
        let name = format!("{}-{index}", job.settings.thread_name);
        let run = move || {
            let outcome = foreign::catch(|| job.run_core(index, &reporter));
            let _ = reporter.send(Report::Ended(index, outcome));
        };
        let thread = thread::Builder::new().name(name).spawn_scoped(self.scope, run)?;
        self.threads[index] = Some(thread);
        Ok(())
    }

    fn see_to_the_end(mut self, reports: &Receiver<Report<T>>) -> io::Result<Vec<Option<T>>> {
        let mut not_ready = self.threads.len();
        while self.threads.iter().any(Option::is_some) {
            match reports.recv().expect("the caller has a sender itself") {
                Report::Ready => {
                    not_ready = not_ready.saturating_sub(1);
                    if not_ready == 0 {
                        self.job.gate.decide(GateState::Open);
                    }
                }
                Report::Ended(index, outcome) => {
                    let thread = self.threads[index].take().expect("a core ends once");
                    // Until it is gone, with its thread-locals. (Their panics are reported, and concern nobody.)
                    if let Err(panic) = thread.join() {
                        foreign::drop_panic(panic);
                    }
                    self.has_ended(index, outcome);
                }
            }
        }
        match self.trouble {
            Some(Trouble::Panic(panic)) => resume_unwind(panic),
            Some(Trouble::Start(error)) => Err(error),
            None => Ok(self.outputs),
        }
    }

    fn has_ended(&mut self, index: usize, outcome: Result<io::Result<Option<T>>, Panic>) {
        match outcome {
            Ok(Ok(output)) => {
                if output.as_ref().is_some_and(self.job.is_failure) {
                    self.stop_all();
                }
                self.outputs[index] = output;
            }
            Ok(Err(error)) => self.stop(Trouble::Start(error)),
            Err(panic) => match self.restart(index) {
                true => foreign::drop_panic(panic),
                false => self.stop(Trouble::Panic(panic)),
            },
        }
    }

    /// Starts a core anew that has panicked, if that is wanted and there is hope.
    fn restart(&mut self, index: usize) -> bool {
        let is_wanted = self.job.settings.on_panic == CorePanic::Restart;
        if !is_wanted || self.job.set.shutdown.is_cancelled() {
            return false;
        }
        let (now, restarts) = (Instant::now(), &mut self.restarts[index]);
        restarts.retain(|then| now - *then < RESTARTS_WITHIN);
        if restarts.len() == RESTARTS {
            return false;
        }
        restarts.push_back(now);
        let is_started = self.start(index).is_ok();
        if is_started {
            // If stderr is closed, there is nobody to tell. (`eprintln!` would panic.)
            let _ = writeln!(io::stderr(), "ayi: core {index} has panicked, and is started anew");
        }
        is_started
    }

    fn stop(&mut self, trouble: Trouble) {
        match (&self.trouble, trouble) {
            (None, trouble) => self.trouble = Some(trouble),
            (Some(_), Trouble::Panic(panic)) => foreign::drop_panic(panic),
            (Some(_), Trouble::Start(_)) => {}
        }
        self.stop_all();
    }

    /// One has failed: the others are not to go on alone.
    fn stop_all(&self) {
        self.job.gate.decide(GateState::CalledOff);
        self.job.set.shutdown.cancel();
        self.job.set.failed.cancel();
    }
}
