//! Waiting for several things in one task.
//!
//! A macro can wait for futures of different types in place, without an allocation and without a task for each. All of
//! them rest on one trick: a variable that an expansion names is *new*, and no other expansion sees it. So a macro that
//! calls itself once per future gives each of them a variable of its own, though it always says `future`.
//!
//! In tokio: `macros/{join,try_join,select,pin}.rs`.

mod join;
mod pin;
mod select;
pub mod support;
mod try_join;
