//! Starts the cores, and sees to their ends.
//!
//! ```text
//!   core thread:   pinned, runtime made ──▶ Ready ──▶ the gate ──▶ main ──▶ runtime dropped ──▶ Ended
//!   caller:        all Ready: opens the gate
//!                  Ended with an output: kept. With a panic, it may be started anew
//!   the thread that first knows of a failure without a new start:
//!                  a line on stderr, and the token of all is cancelled; after `stop_timeout` the mains that are
//!                  left are dropped
//! ```
//!
//! A core knows of its failure as soon as its main has ended. The caller knows only when the core's runtime has ended
//! too, which may take as long as its blocking calls. So the core itself reports the failure and stops the others.

use super::core::{Core, Set};
use super::cpus;
use super::settings::{CorePanic, Settings};
use crate::core::foreign::{self, Panic, lock};
use crate::core::sync::{Condvar, Mutex};
use crate::face::runtime::Runtime;
use crate::face::sleep::sleep;
use crate::services::sharing;
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, Write};
use std::mem;
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, PoisonError};
use std::task::Poll;
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

/// A core that panics more often than this within [`RESTARTS_WITHIN`] is beyond help.
const MOST_RESTARTS: usize = 5;
const RESTARTS_WITHIN: Duration = Duration::from_secs(10);

/// Returns the outputs: all of them, unless a core has failed. No core runs a main before all have a runtime.
pub(super) fn run_on_all<T, M>(
    settings: Settings,
    set: Set,
    main: &M,
    failure: fn(&T) -> Option<String>,
) -> io::Result<Vec<Option<T>>>
where
    T: Send,
    M: AsyncFn(Core) -> T + Sync,
{
    let job = Job { settings, main, failure, set: Arc::new(set), gate: StartGate::default() };
    let (reporter, reports) = channel();
    thread::scope(|scope| Caller::new(&job, scope, reporter).start_all().see_to_the_end(&reports))
}

/// What all threads see.
struct Job<'a, T, M> {
    settings: Settings,
    main: &'a M,
    /// Returns what went wrong, if an output says so.
    failure: fn(&T) -> Option<String>,
    set: Arc<Set>,
    gate: StartGate,
}

/// What a core's thread tells the caller's.
enum Report<T> {
    Ready,
    /// A main has failed, and all are told to end.
    Failed,
    Ended(usize, Result<io::Result<Option<T>>, Panic>),
}

/// Where cores wait until all are ready.
#[derive(Default)]
struct StartGate {
    state: Mutex<GateState>,
    moved: Condvar,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum GateState {
    #[default]
    Closed,
    Open,
    /// One core could not be made ready.
    CalledOff,
}

impl StartGate {
    /// Decides the state. Only the first decision counts.
    fn decide(&self, state: GateState) {
        let mut now = lock(&self.state);
        if *now == GateState::Closed {
            *now = state;
            self.moved.notify_all();
        }
    }

    /// Waits for the decision, and returns whether the gate is open.
    fn pass(&self) -> bool {
        let is_closed = |state: &mut GateState| *state == GateState::Closed;
        let state = self.moved.wait_while(lock(&self.state), is_closed);
        *state.unwrap_or_else(PoisonError::into_inner) == GateState::Open
    }
}

impl<T: Send, M: AsyncFn(Core) -> T + Sync> Job<'_, T, M> {
    /// Runs a core's thread, from its beginning to its end. Returns `None` if there was no time for an output.
    fn run_core(&self, index: usize, reporter: &Sender<Report<T>>) -> io::Result<Option<T>> {
        let seat = &self.set.seats[index];
        if let Some(cpu) = seat.cpu {
            cpus::stay_on_cpu(cpu)?;
        }
        let seat_in_group = sharing::Seat { group: self.set.group.clone(), index };
        let runtime = self.settings.runtime.clone().seat(seat_in_group).build()?;
        let core = Core { index, set: self.set.clone() };
        core.clone().enter();
        let _up = seat.up(runtime.handle().clone());
        // The caller listens until all have ended.
        let _ = reporter.send(Report::Ready);
        if !self.gate.pass() {
            return Ok(None);
        }
        match foreign::catch(|| self.run_main(&runtime, core)) {
            Ok(output) => {
                if let Some(why) = output.as_ref().and_then(self.failure) {
                    self.fail(format_args!("core {index} has failed: {why}{}", hint(&why)));
                    let _ = reporter.send(Report::Failed);
                }
                Ok(output)
            }
            Err(panic) => {
                if self.may_restart() {
                    // The process goes on, and blocking calls go on with it, so nobody has to wait for them.
                    runtime.shutdown_timeout(self.settings.stop_timeout);
                } else {
                    self.fail(format_args!("core {index} has panicked"));
                    let _ = reporter.send(Report::Failed);
                    drop(runtime);
                }
                resume_unwind(panic)
            }
        }
    }

    fn may_restart(&self) -> bool {
        self.settings.on_panic == CorePanic::Restart && !self.set.shutdown.is_cancelled()
    }

    /// Reports that a core has failed, and stops the others, which are not to go on alone.
    fn fail(&self, how: fmt::Arguments<'_>) {
        // If there is only one core, the caller hears of its failure in a moment.
        if self.set.seats.len() > 1 {
            let is_first = !self.set.failed.is_cancelled();
            match is_first {
                true => {
                    let limit = self.settings.stop_timeout;
                    say(format_args!("{how}; the other cores are told to end, and have {limit:?} for that"));
                }
                false => say(how),
            }
        }
        self.stop();
    }

    fn stop(&self) {
        self.gate.decide(GateState::CalledOff);
        self.set.shutdown.cancel();
        self.set.failed.cancel();
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

/// Returns what to do about a failure that every program meets which binds on each core as on one.
fn hint(why: &str) -> &'static str {
    match why.contains("AddrInUse") || why.contains("Address already in use") {
        true => ". For cores to listen on one address, each calls TcpSocket::set_reuseport before bind",
        false => "",
    }
}

/// The thread that has started the cores.
struct Caller<'scope, 'job, T, M> {
    job: &'job Job<'job, T, M>,
    scope: &'scope Scope<'scope, 'job>,
    reporter: Sender<Report<T>>,
    threads: Vec<Option<ScopedJoinHandle<'scope, ()>>>,
    outputs: Vec<Option<T>>,
    /// When each core was started anew, within [`RESTARTS_WITHIN`].
    restarts: Vec<VecDeque<Instant>>,
    /// The first thing that went wrong, except failures that are outputs.
    trouble: Option<Trouble>,
    /// Whether all cores are to end.
    is_stopping: bool,
    /// When to report which cores have not ended. `None` if there is no need, or if it has been reported.
    impatient: Option<Instant>,
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
        let (trouble, impatient) = (None, None);
        Caller { job, scope, reporter, threads, outputs, restarts, trouble, is_stopping: false, impatient }
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
            match self.next(reports) {
                Report::Failed => self.stop_all(),
                Report::Ready => {
                    not_ready = not_ready.saturating_sub(1);
                    if not_ready == 0 {
                        self.job.gate.decide(GateState::Open);
                    }
                }
                Report::Ended(index, outcome) => {
                    let thread = self.threads[index].take().expect("a core ends once");
                    // Waits until the thread is gone, with its thread-locals. Their panics have been reported, and
                    // concern nobody.
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

    /// Waits for the next report. If all cores are to end, it says once which ones have not.
    fn next(&mut self, reports: &Receiver<Report<T>>) -> Report<T> {
        if let Some(then) = self.impatient {
            match reports.recv_timeout(then.saturating_duration_since(Instant::now())) {
                Ok(report) => return report,
                Err(_) => self.impatient = None,
            }
            let left: Vec<_> =
                (0..self.threads.len()).filter(|&index| self.threads[index].is_some()).collect();
            say(format_args!(
                "of the cores that are told to end, {left:?} have not, and are waited for: a main or a task does not \
                 await, or a spawn_blocking call does not return"
            ));
        }
        reports.recv().expect("the caller has a sender itself")
    }

    fn has_ended(&mut self, index: usize, outcome: Result<io::Result<Option<T>>, Panic>) {
        match outcome {
            Ok(Ok(output)) => {
                self.outputs[index] = output;
            }
            Ok(Err(error)) => {
                if !self.restarts[index].is_empty() {
                    self.job.fail(format_args!("core {index} cannot be started anew: {error}"));
                }
                self.stop(Trouble::Start(error));
            }
            Err(panic) => match self.restart(index) {
                true => foreign::drop_panic(panic),
                false => self.stop(Trouble::Panic(panic)),
            },
        }
    }

    /// Starts a core anew that has panicked, if the policy says so and it has not panicked too often. Returns whether
    /// it has been started.
    fn restart(&mut self, index: usize) -> bool {
        if !self.job.may_restart() {
            return false;
        }
        let (now, restarts) = (Instant::now(), &mut self.restarts[index]);
        restarts.retain(|then| now - *then < RESTARTS_WITHIN);
        if restarts.len() == MOST_RESTARTS {
            self.job.fail(format_args!(
                "core {index} has panicked {} times within {RESTARTS_WITHIN:?}",
                MOST_RESTARTS + 1
            ));
            return false;
        }
        restarts.push_back(now);
        match self.start(index) {
            Ok(()) => say(format_args!("core {index} has panicked, and is started anew")),
            Err(error) => {
                self.job.fail(format_args!("core {index} has panicked, and cannot be started anew: {error}"));
                return false;
            }
        }
        true
    }

    fn stop(&mut self, trouble: Trouble) {
        match (&self.trouble, trouble) {
            (None, trouble) => self.trouble = Some(trouble),
            (Some(_), Trouble::Panic(panic)) => foreign::drop_panic(panic),
            (Some(_), Trouble::Start(_)) => {}
        }
        self.stop_all();
    }

    fn stop_all(&mut self) {
        self.job.stop();
        // A little after the remaining mains have been dropped. `None` if that is beyond what an `Instant` can tell.
        let patience = self.job.settings.stop_timeout.saturating_add(Duration::from_secs(1));
        if !mem::replace(&mut self.is_stopping, true) {
            self.impatient = Instant::now().checked_add(patience);
        }
    }
}

/// Writes a line to stderr. If stderr is closed, there is nobody to tell, and `eprintln!` would panic.
fn say(what: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "ayi: {what}");
}
