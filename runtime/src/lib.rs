//! The core of the [`ayi`](https://docs.rs/ayi) runtime: tasks, executor, reactor, timers, and the pool for
//! blocking calls. Users take the façade crate `ayi`, which re-exports all of this.
//!
//! `ARCHITECTURE.md` has the map, in the order in which the modules are read.

// On other systems this crate is empty, and the façade says why in one error.
#![cfg(target_os = "linux")]

mod core;
mod face;
#[cfg(loom)]
mod proof;
#[cfg(test)]
mod random_tests;
mod services;
mod top;
mod watch;

#[cfg(faults)]
#[doc(hidden)]
pub use services::faults;

/// What is plugged into the two seams of the core. The core calls these types and does not know what they are.
mod plugged {
    pub(crate) type Lodgers = crate::face::lodgers::Lodgers;
    pub(crate) type Afar = crate::face::entered::Afar;
    pub(crate) type AfarTimer = crate::services::afar_timer::AfarTimer;
    pub(crate) type Onlookers = crate::watch::onlookers::Onlookers;
    pub(crate) type Recorder = crate::watch::record::Recorder;
    pub(crate) type Began = crate::watch::record::Began;
    pub(crate) type Kept = crate::services::here::Kept;
    pub(crate) type Unjoined = crate::watch::unhandled::Unjoined;
    pub(crate) type Blocks = crate::services::blocks::Blocks;
    #[cfg(not(loom))]
    pub(crate) type Process = crate::services::process::Process;
    pub(crate) type Sources = crate::services::sources::Sources;
    pub(crate) type Guests = crate::services::guests::Guests;
    pub(crate) type Origin = crate::services::origin::Origin;
    pub(crate) type MoreFacts<'a> = crate::services::places::MoreFacts<'a>;
    pub(crate) type Tie = crate::services::moves::Tie;
    pub(crate) type Crowd = crate::services::crowd::Crowd;
    pub(crate) type Sifting = crate::services::crowd::Sifting;
    pub(crate) type TaskTrace = crate::watch::trace::TaskTrace;
    pub(crate) type TimerTrace = crate::watch::trace::TimerTrace;
    pub(crate) type SocketTrace = crate::watch::trace::SocketTrace;
    pub(crate) type SocketOp = crate::watch::trace::SocketOp;
    /// Into the live view, which stands before what it shows.
    #[cfg(feature = "live")]
    pub(crate) type Dumps = crate::top::dumps::Dumps;
}

/// The runtime itself, its settings and its handles.
pub mod runtime {
    pub use crate::face::builder::Builder;
    pub use crate::face::entered::EnterGuard;
    #[doc(hidden)]
    pub use crate::face::entered::{check_io, check_open, has_io, has_timers, is_local};
    pub use crate::face::errors::{TryCurrentError, is_rt_shutdown_err};
    pub use crate::face::handle::{Handle, Id, RuntimeFlavor, worker_index};
    pub use crate::face::metrics::RuntimeMetrics;
    pub use crate::face::runtime::Runtime;
    #[cfg(feature = "record")]
    pub use crate::face::snapshot::Snapshot;
    pub use crate::services::cancellation::{
        CancellationToken, DropGuard, WaitForCancellationFuture, WaitForCancellationFutureOwned,
    };
    #[doc(hidden)]
    pub use crate::services::everywhere::{run_everywhere, run_when_left};
    pub use crate::top::cores::{Core, CorePanic, CoresBuilder, MainOutput};
    #[cfg(feature = "record")]
    pub use crate::top::dump::Dump;
    pub use crate::top::shutdown::{ShutdownReport, shutdown, shutdown_token};
    pub use crate::watch::hooks::TaskMeta;
    #[cfg(feature = "record")]
    pub use crate::watch::record::Record;
    pub use crate::watch::running::RunningTask;
    #[cfg(feature = "record")]
    pub use crate::watch::running::WaitsFor;
    pub use crate::watch::unhandled::UnhandledPanic;
}

/// Tasks: spawning, awaiting, aborting, and yielding.
pub mod task {
    pub use crate::core::task::{AbortHandle, Id, JoinError, JoinHandle};
    pub use crate::face::blocking::block_in_place;
    #[doc(hidden)]
    pub use crate::face::blocking::block_thread_on;
    #[doc(hidden)]
    pub use crate::face::spawn::spawn_send;
    pub use crate::face::spawn::{spawn, spawn_blocking};
    pub use crate::face::task::{id, try_id, yield_now};
    pub use crate::face::task_builder::TaskBuilder as Builder;
    #[doc(hidden)]
    pub use crate::services::blocks::Blocks;
    #[doc(hidden)]
    pub use crate::services::kinds::is_large;
    #[doc(hidden)]
    pub use crate::services::near::Near;
    #[doc(hidden)]
    pub use crate::services::nested::NotInPlace;
    #[doc(hidden)]
    pub use crate::services::next::{spawn_sooner_or_later, start_running_here};
    #[doc(hidden)]
    pub use crate::services::soon::expect_wake;
    pub use crate::watch::hooks::TaskMeta;
    #[doc(hidden)]
    pub use crate::watch::record::{Holder, WaitNote, What};
    pub use crate::watch::running::RunningTask;
    pub use crate::watch::unhandled::UnhandledPanic;

    /// The cooperative budget. See [`Runtime`](crate::runtime::Runtime#fairness).
    pub mod coop {
        pub use crate::services::coop::{
            Coop, RestoreOnPending, Unconstrained, charge, consume_budget, cooperative, has_budget_remaining,
            poll_budget, poll_charged, poll_composed, poll_proceed, unconstrained,
        };
    }
    pub use coop::consume_budget;
}

/// Timers: sleeping until a point in time.
///
/// Deadlines have a resolution of one nanosecond, and a timer never fires early. How late it fires is up to the kernel
/// and to what else the thread is doing. ayi asks the kernel to be as punctual as it can, see "timer slack" in
/// prctl(2).
pub mod time {
    pub use crate::core::wait::{Instant, Sleep};
    pub use crate::face::clock::{advance, pause, resume};
    #[doc(hidden)]
    pub use crate::face::sleep::ticks_from;
    pub use crate::face::sleep::{sleep, sleep_until};
    pub use std::time::Duration;
}

/// For the crate `ayi-sim`.
#[cfg(feature = "sim")]
#[doc(hidden)]
pub mod simulation {
    pub use crate::services::simulation::{Decisions, decide, has_ready_tasks};
    pub use crate::watch::simulated::Answers;
}

/// Waiting for file descriptors: [`Registration`](crate::io::Registration), which socket types are built on.
pub mod io {
    #[doc(hidden)]
    pub use crate::core::wait::Waiter;
    #[doc(hidden)]
    pub use crate::core::wait::waiting::{Wait, Waiting};
    pub use crate::core::wait::{Interest, Registration};
    pub use crate::face::readiness::ReadyEvent;
    pub use crate::face::ready::Ready;
    /// Operations of the proactor, which file types are built on.
    #[cfg(feature = "uring")]
    pub use crate::services::uring;
}

pub use task::spawn;
