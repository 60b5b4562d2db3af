//! Waiting for several things in one task.
//!
//! A macro can wait for futures of different types in place, without an allocation and without a task for each. All of
//! them rest on one trick: a variable that an expansion names is *new*, and no other expansion sees it. So a macro that
//! calls itself once per future gives each of them a variable of its own, though it always says `future`.
//!
//! The futures then move into one list, `Pair { first, rest: Pair { first, rest: () } }`, which is pinned as a whole. The
//! closure that polls them keeps one pointer to it, and gets at each future by splitting the list again and again.
//! Closures that captured the variables themselves would keep a pointer per future.
//!
//! In tokio: `macros/{join,try_join,select,pin}.rs`, where the futures lie in a tuple. To pin the parts of a tuple takes
//! unsafe code, and to pin those of a list does not.

mod join;
mod pin;
mod select;
pub mod support;
mod try_join;
