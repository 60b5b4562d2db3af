//! Child processes: one situation a test.
//!
//! They are apart from `tests/it` because any runtime of a process reaps the children that another has dropped.

#[path = "../support/mod.rs"]
mod support;

mod children;
mod dropped;
