//! The core of the [`ayi`](https://docs.rs/ayi) runtime: tasks, executor, reactor, timers, and the pool for
//! blocking calls. Users take the façade crate `ayi`, which re-exports all of this.
//!
//! `ARCHITECTURE.md` has the map, in the order in which the modules are read.

// Elsewhere this crate is empty, and the façade says why in one error.
#![cfg(target_os = "linux")]

mod blocking;
mod cancellation;
mod coop;
mod cores;
mod counters;
mod executor;
#[cfg(faults)]
#[doc(hidden)]
pub mod faults;
mod foreign;
pub mod io;
#[cfg(loom)]
mod models;
#[cfg(loom)]
use models::sys;
#[cfg(feature = "uring")]
mod proactor;
mod queue;
mod reactor;
mod ready;
mod shutdown;
mod sync;
#[cfg(not(loom))]
mod sys;
mod tasks;
pub mod time;
mod trace;

/// The runtime itself, its settings and its handles.
pub mod runtime {
    pub use crate::cancellation::{
        CancellationToken, DropGuard, WaitForCancellationFuture, WaitForCancellationFutureOwned,
    };
    pub use crate::cores::{Core, CorePanic, CoresBuilder, MainOutput};
    pub use crate::executor::{
        Builder, EnterGuard, Handle, Id, Runtime, RuntimeMetrics, TryCurrentError, is_rt_shutdown_err,
    };
    #[doc(hidden)]
    pub use crate::executor::{run_everywhere, run_when_left};
    pub use crate::shutdown::{ShutdownReport, shutdown, shutdown_token};
    pub use crate::tasks::{RunningTask, TaskMeta, UnhandledPanic};
}

/// Tasks: spawning, awaiting, aborting, and yielding.
pub mod task {
    pub use crate::executor::{TaskBuilder as Builder, block_in_place, spawn, spawn_blocking};
    #[doc(hidden)]
    pub use crate::executor::{spawn_sooner_or_later, start_running_here};
    #[doc(hidden)]
    pub use crate::tasks::is_large;
    pub use crate::tasks::{
        AbortHandle, Id, JoinError, JoinHandle, RunningTask, TaskMeta, UnhandledPanic, id, try_id, yield_now,
    };

    /// The cooperative budget. See [`Runtime`](crate::runtime::Runtime#fairness).
    pub mod coop {
        pub use crate::coop::{
            Coop, Unconstrained, consume_budget, cooperative, has_budget_remaining, poll_budget,
            poll_composed, unconstrained,
        };
    }
    pub use coop::consume_budget;
}

pub use executor::spawn;
