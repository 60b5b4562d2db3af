//! What a runtime and its handles share.

use super::background::Background;
use super::blocking::Pool;
use super::cancellation::CancellationToken;
use super::drives::Drives;
use super::guests::Guests;
use super::home::Home;
use super::lending::Lending;
use super::sharing::Group;
use crate::core::counters::Count;
use crate::core::foreign::lock;
use crate::core::sync::Mutex;
use crate::core::sync::atomic::{AtomicBool, AtomicUsize};
use crate::core::task::Scheduler;
use crate::core::task::scheduler::Gate;
use crate::core::worker::RuntimeRef;
use crate::watch::figures::Figures;
use crate::watch::thread_clock::ThreadClock;
use std::io::{self, Write};
use std::panic::RefUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Starts the thread that runs a runtime in the background.
pub(crate) type StartBackground = fn(RuntimeRef, &Arc<Shared>) -> io::Result<()>;

/// What the handles of a runtime share with it.
pub(crate) struct Shared {
    pub(crate) runtime: RuntimeRef,
    pub(crate) pool: Arc<Pool>,
    pub(crate) name: Option<String>,
    #[cfg(feature = "record")]
    pub(crate) recording: crate::watch::record::Recording,
    /// Where the runtime is while no thread is in it.
    pub(crate) home: Home,
    /// The thread that runs it then, if there is to be one, and what starts that thread.
    pub(crate) background: Option<Background>,
    pub(crate) start_background: StartBackground,
    /// How it goes on while its thread blocks within a poll.
    pub(crate) lending: Lending,
    /// Its other workers, if it has several.
    pub(crate) crew: OnceLock<Crew>,
    pub(crate) cpu: Mutex<Cpu>,
    /// The token that tells the tasks to end.
    pub(crate) shutdown: CancellationToken,
    pub(crate) drivers: Drivers,
    /// The runtime's thread is about to sleep, or sleeps.
    pub(crate) is_asleep: AtomicBool,
    /// The last figures, once the runtime has ended.
    pub(crate) last: OnceLock<(Figures, Duration)>,
    /// The runtimes that other threads have made to block on handles of this one.
    pub(crate) drives: Drives,
    /// The descriptors that other threads have put into its epoll instance.
    pub(crate) guests: Arc<Guests>,
}

// Like `Scheduler`: a panic leaves it in order.
impl RefUnwindSafe for Shared {}

impl Shared {
    /// Returns the CPU time of the runtime's thread since the runtime was made, and of those that it has left.
    pub(crate) fn busy(&self) -> Duration {
        lock(&self.cpu).read()
    }

    /// The runtime has come to this thread from another.
    pub(crate) fn come_to_this_thread(&self) {
        let mut cpu = lock(&self.cpu);
        *cpu = Cpu::of_this_thread(cpu.read());
    }

    /// The runtime is idle and may have work: starts the thread that runs it in the background, if it is of that kind.
    pub(crate) fn go_on_in_background(self: &Arc<Self>) {
        if let Some(background) = &self.background {
            let has_work = || self.runtime.scheduler.has_tasks() || !self.guests.are_none();
            if self.home.is_idle() && has_work() && background.must_start() {
                if let Err(error) = (self.start_background)(self.runtime, self) {
                    // The tasks go on in the next `block_on`. If stderr is closed, there is nobody to tell.
                    let _ = writeln!(io::stderr(), "ayi: {error}");
                }
            }
        }
    }
}

/// The workers of a runtime that has several. See `crew`.
pub(crate) struct Crew {
    pub(super) group: Arc<Group>,
    /// All but the first worker, which has this crew.
    pub(super) others: Vec<Arc<Shared>>,
    /// Who comes next.
    pub(super) next: AtomicUsize,
}

/// What a runtime pretends to lack, for programs that count on tokio's panics.
#[derive(Clone, Copy)]
pub(crate) struct Drivers {
    pub(crate) has_io: bool,
    pub(crate) has_timers: bool,
    /// Tasks whose futures are not `Send` are spawned without a `LocalSet`.
    pub(crate) is_local: bool,
}

/// What the runtime's thread costs.
pub(crate) struct Cpu {
    clock: ThreadClock,
    /// Its reading when the runtime came to the thread.
    start: Duration,
    /// The time of the threads that the runtime has left.
    before: Duration,
}

impl Cpu {
    pub(crate) fn of_this_thread(before: Duration) -> Cpu {
        let clock = ThreadClock::of_this_thread();
        Cpu { clock, start: clock.read(), before }
    }

    pub(crate) fn read(&self) -> Duration {
        self.before + self.clock.read().saturating_sub(self.start)
    }
}

impl Scheduler {
    /// Whether it has anything to run, as far as any thread can see.
    fn has_tasks(&self) -> bool {
        self.counters.get(Count::Spawned) > self.counters.get(Count::Finished) || !self.inbox.is_empty()
    }

    pub(crate) fn is_open(&self, runtime: u64) -> bool {
        *lock(&self.gate) == Gate::Open(runtime)
    }
}
