//! Tasks: how they are started, woken, joined, and kept from keeping others.

mod auto_traits;
mod blocking;
mod budget;
mod fairness;
mod join;
mod join_macro;
mod join_set;
mod large_futures;
mod local_set;
mod lost_wakes;
mod macro_sizes;
mod names;
mod outputs;
mod panics;
mod select;
mod slow_polls;
mod task_local;
mod tasks;
mod unhandled_panics;
mod wakes;
