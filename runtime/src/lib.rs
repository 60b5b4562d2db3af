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
pub mod task;
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
    pub use crate::task::{RunningTask, TaskMeta, UnhandledPanic};
}

pub use executor::spawn;
