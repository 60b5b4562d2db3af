//! A runtime on each of several cores.
//!
//! ```text
//!   the caller's thread   starts one thread per core, waits for their ends, starts a core anew
//!     ayi-core-0          its own runtime: reactor, tasks, timers        main(core 0)
//!     ayi-core-1          its own runtime: reactor, tasks, timers        main(core 1)
//! ```
//!
//! The cores share nothing but a `Set`: the handles through which one reaches another, the tokens that end them all, and
//! the group in which one gives tasks to another that has nothing to do. Nothing is stolen: see `services/sharing`.
//!
//! Invariants:
//! 1. No main runs before every core has its runtime: a handle to any of them is there from the beginning.
//! 2. A core that is started anew has a new thread, and with it new thread-locals.
//!
//! Read `core`, which says what a main knows of its core, then `settings`, `run` and `builder`.
//!
//! In tokio: `LocalPoolHandle` of `tokio_util` comes closest; its own runtime of many threads shares all tasks.

mod builder;
mod core;
mod cpus;
mod output;
mod run;
mod settings;

pub use builder::CoresBuilder;
pub use core::Core;
pub use output::MainOutput;
pub use settings::CorePanic;
