//! The tests that need no process of their own, in one program, so that only one is compiled and linked.
//!
//! A test that changes what belongs to the whole process, or counts it, either runs itself in a process of its own, by
//! `support::in_a_child`, or stands in a program beside this folder, whose header says why.

#[path = "../support/mod.rs"]
mod support;

mod fs;
mod io;
mod net;
mod runtime;
mod sync;
mod task;
mod time;
