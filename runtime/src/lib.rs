//! The core of the [`ayi`](https://docs.rs/ayi) runtime: tasks, executor, reactor, timers, and the pool for
//! blocking calls. Users take the façade crate `ayi`, which re-exports all of this.
//!
//! # Reading order
//!
//! | layer | module | what it is |
//! |---|---|---|
//! | 0 | `sys` | epoll and eventfd as safe functions |
//! | 0 | `time/wheel` | the timer data structure |
//! | 1 | `queue` | the inbox, through which other threads reach a runtime |
//! | 1 | `coop`, `foreign` | how much a task may do in one poll; what if foreign code panics |
//! | 2 | `task` | a slot per task: its wakers, its life, its handles; the run queue |
//! | 2 | `reactor` | a source per descriptor: from epoll's events to wakes |
//! | 3 | `executor` | the loop, and what users hold of it |
//! | 4 | `io`, `time`, `blocking` | what users and socket types build on |
//!
//! Each uses what stands above it. (`task` re-exports `spawn` and `spawn_blocking` for users.)

#[cfg(not(target_os = "linux"))]
compile_error!("ayi runs on Linux only: its reactor is built on epoll and eventfd");

mod blocking;
mod coop;
mod executor;
mod foreign;
pub mod io;
mod queue;
mod reactor;
mod sys;
pub mod task;
pub mod time;

/// The runtime itself, its settings and its handles.
pub mod runtime {
    pub use crate::executor::{Builder, EnterGuard, Handle, Runtime, TryCurrentError};
    pub use crate::task::UnhandledPanic;
}

pub use executor::spawn;
