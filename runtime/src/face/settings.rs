//! What a runtime is made with, and how it is made.

use super::background;
use super::link::Link;
use super::lodgers::{Lodgers, ParkHooks};
use crate::core::sync::Mutex;
use crate::core::sync::atomic::AtomicBool;
use crate::core::task::Scheduler;
use crate::core::turn::POLLS_PER_TURN;
use crate::core::wait::{Clock, Reactor};
use crate::core::worker::{RuntimeRef, Worker};
use crate::services::background::Background;
use crate::services::blocking::{DEFAULT_NAME, Pool, PoolSettings};
use crate::services::cancellation::CancellationToken;
use crate::services::drives::Drives;
use crate::services::elsewhere::Listed;
use crate::services::everywhere::{self, Runs};
use crate::services::here::lives_here;
use crate::services::home::Home;
use crate::services::lending::Lending;
use crate::services::next;
use crate::services::ring::RingPlace;
use crate::services::shared::{Cpu, Drivers, Shared};
use crate::services::sharing::Seat;
use crate::services::stay::Stays;
use crate::watch::hooks::Hooks;
use crate::watch::record::Recording;
use crate::watch::slow_poll::limit_in_environment;
use crate::watch::unhandled::UnhandledPanic;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) pool: PoolSettings,
    pub(crate) unhandled: UnhandledPanic,
    pub(crate) hooks: Hooks,
    pub(crate) name: Option<String>,
    pub(crate) start_paused: bool,
    pub(crate) polls_per_turn: u32,
    pub(crate) park_hooks: ParkHooks,
    /// The parent of the runtime's own token.
    pub(crate) shutdown: CancellationToken,
    /// Whether the proactor may be made.
    pub(crate) io_uring: bool,
    /// Whether a thread of its own runs it while nobody is in `block_on`.
    pub(crate) is_background: bool,
    /// Its place among runtimes that share tasks, and the first of them if they are one.
    pub(crate) seat: Option<Seat>,
    pub(crate) leader: Option<Link>,
    pub(crate) workers: usize,
    /// They have threads of their own, also if there is only one.
    pub(crate) is_apart: bool,
    pub(crate) drivers: Drivers,
    #[cfg(feature = "record")]
    pub(crate) record: Option<crate::watch::record::Record>,
}

impl Settings {
    pub(crate) fn new() -> Settings {
        // tokio's numbers. Blocking calls mostly wait, so there may be more threads than cores.
        let pool = PoolSettings {
            threads: 512,
            keep_alive: Duration::from_secs(10),
            thread_name: String::from(DEFAULT_NAME),
            name_of_thread: None,
            stack_size: None,
            on_start: None,
            on_stop: None,
        };
        Settings {
            pool,
            unhandled: UnhandledPanic::default(),
            hooks: Hooks::default(),
            name: None,
            start_paused: false,
            polls_per_turn: POLLS_PER_TURN,
            park_hooks: ParkHooks::default(),
            shutdown: CancellationToken::new(),
            io_uring: true,
            is_background: false,
            seat: None,
            leader: None,
            workers: 1,
            is_apart: false,
            drivers: Drivers { has_io: true, has_timers: true, is_local: true },
            #[cfg(feature = "record")]
            record: None,
        }
    }

    /// Makes a runtime on this thread. The caller owns it, and has to end it.
    pub(crate) fn make(&self) -> io::Result<Rc<Worker>> {
        let mut hooks = self.hooks.clone();
        if let Some(limit) = limit_in_environment() {
            hooks.slow_poll = limit;
        }
        let (id, tasks) = match next::take() {
            Some(next) => next,
            None => {
                let id = next::id();
                (id, Scheduler::acquire(id)?)
            }
        };
        let recording = self.record(id)?;
        tasks.cells().onlookers.configure(self.unhandled, hooks);
        tasks.cells().onlookers.record(recording);
        let reactor = Reactor::new(id, tasks.shared().bell.raw())?;
        let shared = Shared {
            runtime: RuntimeRef { scheduler: tasks.shared(), id },
            pool: Pool::new(self.pool.clone()),
            name: self.name.clone(),
            #[cfg(feature = "record")]
            recording,
            home: Home::new(),
            background: self.is_background.then(Background::default),
            start_background: background::start,
            lending: Lending::default(),
            crew: OnceLock::new(),
            cpu: Mutex::new(Cpu::of_this_thread(Duration::ZERO)),
            shutdown: self.shutdown.child_token(),
            drivers: self.drivers,
            is_asleep: AtomicBool::new(false),
            last: OnceLock::new(),
            drives: Drives::default(),
            guests: reactor.guests.clone(),
        };
        let shared = Arc::new(shared);
        let lodgers = Lodgers {
            _listed: Listed::new(&shared),
            ring: RingPlace::new(tasks.shared(), self.io_uring),
            share: self.seat.clone().map(|seat| seat.sit_down(shared.runtime)),
            shared,
            hooks: self.park_hooks.clone(),
            leader: self.leader.clone(),
            runs: Runs::default(),
            stays: Stays::default(),
        };
        let worker = Worker::new(id, tasks, reactor, self.polls_per_turn, lodgers);
        #[cfg(feature = "record")]
        recording.starts(worker.start);
        if self.start_paused {
            worker.clock.set(Clock::REAL.pause());
        }
        // There are some already if they were spawned before it was made.
        worker.tasks().cells().is_local.set(worker.tasks().tasks_left() > 0);
        lives_here(&worker);
        everywhere::register(worker.reference);
        Ok(worker)
    }

    /// Begins to record the runtime `id`, if that is wanted.
    #[cfg(feature = "record")]
    fn record(&self, id: u64) -> io::Result<Recording> {
        let seat = self.seat.as_ref().map(|seat| seat.index);
        Recording::begin(self.record.as_ref(), id, self.name.as_deref(), seat)
    }

    #[cfg(not(feature = "record"))]
    fn record(&self, _: u64) -> io::Result<Recording> {
        Ok(Recording)
    }
}
