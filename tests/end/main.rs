//! The end of a runtime, and what comes after it.
//!
//! The tests are apart from `tests/it` because they wake tasks of runtimes that have ended. Such a wake goes to
//! whatever task has the slot by then. That may be a task of another test, which may count its polls.

#[path = "../support/mod.rs"]
mod support;

mod end_from_inside;
mod ended_runtime;
mod late_wakes;
mod shutdown;
mod shutdown_drops;
mod shutdown_races;
