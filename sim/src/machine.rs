//! The machines: each runs the program of a host in a runtime of its own, whenever the program has something to do.
//!
//! ```text
//!   an event for the host ──▶ block_on(until parked) ──▶ tasks run ──▶ nothing is left: the runtime would sleep
//!        ▲                                                                 │ in epoll_wait
//!        │                                                                 ▼
//!        └── a packet, or the time of its next timer ◀── the kernel notes until when, and reports that the
//!                                                        descriptor `parked` is readable: block_on returns
//! ```
//!
//! So the runtime is the one that always runs, and its thread is lent to the next host while it would sleep.

use crate::failure::Outcome;
use crate::kernel::Kernel;
use crate::kernel::descriptors::{Fd, Kind};
use crate::kernel::hosts::{HostId, HostState};
use ayi_io::unix::AsyncFd;
use ayi_runtime::runtime::{Builder, Runtime, UnhandledPanic};
use ayi_runtime::simulation::has_ready_tasks;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::os::fd::{AsRawFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

/// A program that is awake for so long, in nanoseconds, has a task that never waits.
const LONGEST_WAKE: u64 = 500_000_000;

/// The program of a host: makes its main future, each time it is started.
pub(crate) type Program = Rc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>>>>>;

pub(crate) fn program<F, Fut>(main: F) -> Program
where
    F: Fn() -> Fut + 'static,
    Fut: Future<Output: Outcome> + 'static,
{
    Rc::new(move || {
        let mut main = Box::pin(main());
        Box::pin(async move {
            let polled = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| main.as_mut().poll(cx))) {
                Ok(poll) => poll.map(Ok),
                Err(panic) => Poll::Ready(Err(format!("panicked: {}", message_of(&*panic)))),
            });
            polled.await.and_then(Outcome::into_result)
        })
    })
}

pub(crate) struct Machine {
    pub(crate) program: Program,
    pub(crate) is_client: bool,
    /// The end of the program, once it has come to its end by itself.
    pub(crate) outcome: Option<Result<(), String>>,
    process: Option<Rc<Process>>,
}

/// A program that runs.
struct Process {
    /// Dropped before the runtime.
    parked: RefCell<Option<Rc<AsyncFd<Parked>>>>,
    runtime: Runtime,
    outcome: Rc<RefCell<Option<Result<(), String>>>>,
}

/// A number of a descriptor that the kernel closes with the program.
struct Parked(Fd);

impl AsRawFd for Parked {
    fn as_raw_fd(&self) -> RawFd {
        self.0
    }
}

/// What a run of a program has come to.
pub(crate) enum Ran {
    /// It waits for something, or has had its share of time.
    Waits,
    /// Its main future is ready.
    Ended(Result<(), String>),
    /// It has been awake for too long.
    NeverSleeps,
    /// A task has panicked, with this message.
    Panicked(String),
}

impl Machine {
    pub(crate) fn new(program: Program, is_client: bool) -> Machine {
        Machine { program, is_client, outcome: None, process: None }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.process.is_some()
    }
}

type Machines = RefCell<Vec<Machine>>;

fn process_of(machines: &Machines, host: HostId) -> Option<Rc<Process>> {
    machines.borrow()[usize::from(host)].process.clone()
}

/// Runs `f` as the program of `host`.
fn as_program<R>(kernel: &RefCell<Kernel>, host: HostId, f: impl FnOnce() -> R) -> R {
    struct Leave<'a>(&'a RefCell<Kernel>, Option<HostId>);
    impl Drop for Leave<'_> {
        fn drop(&mut self) {
            self.0.borrow_mut().here = self.1;
        }
    }
    let before = kernel.borrow_mut().here.replace(host);
    let _leave = Leave(kernel, before);
    f()
}

/// Starts the program of `host`, which is up. It runs as soon as its first event comes.
pub(crate) fn start(kernel: &RefCell<Kernel>, machines: &Machines, host: HostId) -> Result<(), String> {
    let program = machines.borrow()[usize::from(host)].program.clone();
    let name = {
        let mut kernel = kernel.borrow_mut();
        let now = kernel.now;
        let it = kernel.host(host);
        it.life += 1;
        it.state = HostState::Up;
        (it.sleep, it.run_at, it.awake_since, it.busy_until) = (None, None, None, now);
        kernel.run_host_at(host, now);
        kernel.host(host).name.clone()
    };
    let process = as_program(kernel, host, || {
        let mut builder = Builder::new_current_thread();
        builder.name(name).unhandled_panic(UnhandledPanic::ShutdownRuntime);
        #[cfg(feature = "record")]
        kernel.borrow_mut().record(host, &mut builder);
        let runtime = builder.build().map_err(|error| format!("its runtime cannot start: {error}"))?;
        let outcome = Rc::new(RefCell::new(None));
        let fd = kernel
            .borrow_mut()
            .open(Kind::Parked(false), libc::O_CLOEXEC)
            .map_err(|errno| errno.to_string())?;
        let parked = kernel.borrow_mut().description(fd).map_err(|errno| errno.to_string())?;
        kernel.borrow_mut().host(host).parked = Some(parked);
        let async_fd = {
            let _entered = runtime.enter();
            AsyncFd::new(Parked(fd)).map_err(|error| error.to_string())?
        };
        let parked = RefCell::new(Some(Rc::new(async_fd)));
        let result = outcome.clone();
        let process = Rc::new(Process { parked, runtime, outcome });
        // The main future is made as part of the program: it may call anything.
        let waits_to_begin = Cell::new(Some(program));
        let _entered = process.runtime.enter();
        let main = async move {
            let main = waits_to_begin.take().map(|program| program());
            if let Some(main) = main {
                let ended = main.await;
                *result.borrow_mut() = Some(ended);
            }
        };
        let main = ayi_runtime::task::Builder::new().name("main").spawn(main);
        drop(main.map_err(|error| error.to_string())?);
        drop(_entered);
        Ok::<_, String>(process)
    })?;
    let mut machines = machines.borrow_mut();
    let machine = &mut machines[usize::from(host)];
    machine.outcome = None;
    machine.process = Some(process);
    Ok(())
}

/// Runs the program of `host` until it waits.
pub(crate) fn run(kernel: &RefCell<Kernel>, machines: &Machines, host: HostId) -> Ran {
    let Some(process) = process_of(machines, host) else { return Ran::Waits };
    {
        let mut kernel = kernel.borrow_mut();
        let parked = {
            let it = kernel.host(host);
            it.sleep = None;
            it.parked
        };
        let busy_until = kernel.host(host).busy_until;
        kernel.now = kernel.now.max(busy_until);
        kernel.began = kernel.now;
        if let Some(parked) = parked {
            kernel.descriptions[parked].kind = Kind::Parked(false);
        }
    }
    let until_parked = || {
        process.runtime.block_on(async {
            let parked = process.parked.borrow().clone().expect("the program runs");
            if let Ok(mut guard) = parked.readable().await {
                guard.clear_ready();
            }
            has_ready_tasks()
        })
    };
    let ran = as_program(kernel, host, || catch_unwind(AssertUnwindSafe(until_parked)));
    let mut kernel = kernel.borrow_mut();
    let now = kernel.now;
    kernel.host(host).busy_until = now;
    if let Some(outcome) = process.outcome.borrow_mut().take() {
        return Ran::Ended(outcome);
    }
    let has_work = match ran {
        Ok(has_ready_tasks) => has_ready_tasks || process.runtime.has_messages(),
        Err(panic) => return Ran::Panicked(message_of(&*panic)),
    };
    let Some(sleep) = kernel.host(host).sleep else {
        // It was told to give the thread back by an earlier report, and goes on.
        kernel.run_host_at(host, now);
        return Ran::Waits;
    };
    let is_idle = !has_work && sleep.until != Some(now);
    let it = kernel.host(host);
    if is_idle {
        it.awake_since = None;
    } else if now - *it.awake_since.get_or_insert(now) > LONGEST_WAKE * u64::from(it.slowness.max(100)) / 100
    {
        return Ran::NeverSleeps;
    }
    if has_work || kernel.has_reports(sleep.epoll) {
        kernel.run_host_at(host, now);
    } else if let Some(until) = sleep.until {
        kernel.run_host_at(host, until);
    }
    Ran::Waits
}

/// Whether others have left messages for the program while it did not run.
pub(crate) fn has_messages(machines: &Machines, host: HostId) -> bool {
    let machines = machines.borrow();
    machines[usize::from(host)].process.as_ref().is_some_and(|process| process.runtime.has_messages())
}

/// How a program ends.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum End {
    /// Its main future is ready: what it leaves is dropped as at the end of any program.
    Exit,
    /// Its process is killed: the machine's kernel closes what it had open.
    Kill,
    /// The machine loses its power: nobody is told anything.
    PowerLoss,
}

/// Ends the program of `host`.
pub(crate) fn end(kernel: &RefCell<Kernel>, machines: &Machines, host: HostId, end: End) {
    let process = machines.borrow_mut()[usize::from(host)].process.take();
    #[cfg(feature = "record")]
    process.iter().for_each(|process| crate::record::dies(kernel, host, &process.runtime, end));
    let calls = {
        let mut kernel = kernel.borrow_mut();
        if end != End::Exit {
            kernel.host(host).state = HostState::Dying;
        }
        match end {
            End::Exit => {}
            End::Kill => kernel.close_all(host),
            End::PowerLoss => kernel.lose_tcp(host),
        }
        kernel.take_calls_of(host)
    };
    // Destructors of the user's run here. Those of a dying host's have no effect outside their program.
    as_program(kernel, host, || {
        let _ = catch_unwind(AssertUnwindSafe(|| drop(calls)));
        if let Some(process) = process {
            let _ = catch_unwind(AssertUnwindSafe(|| drop(process.parked.take())));
            let _ = catch_unwind(AssertUnwindSafe(|| drop(process)));
        }
    });
    let mut kernel = kernel.borrow_mut();
    kernel.close_all(host);
    kernel.end_files(host, end == End::PowerLoss);
    let it = kernel.host(host);
    it.life += 1;
    it.state = if end == End::PowerLoss { HostState::Down } else { HostState::Up };
    (it.sleep, it.run_at, it.parked) = (None, None, None);
}

/// Returns what has been recorded of each program that runs, as files.
#[cfg(feature = "record")]
pub(crate) fn recordings(machines: &Machines) -> Vec<(HostId, Vec<u8>)> {
    let machines = machines.borrow();
    let all = machines.iter().enumerate().filter_map(|(host, machine)| {
        let snapshot = machine.process.as_ref()?.runtime.handle().snapshot()?;
        Some((host as HostId, snapshot.as_bytes().to_vec()))
    });
    all.collect()
}

pub(crate) fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}
