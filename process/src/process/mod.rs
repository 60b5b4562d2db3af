//! Child processes: starting them, talking with them, and awaiting their end.
//!
//! ```
//! use ayi::process::Command;
//!
//! # let rt = ayi::runtime::Runtime::new().unwrap();
//! # rt.block_on(async {
//! let output = Command::new("echo").arg("tea").output().await?;
//! assert!(output.status.success());
//! assert_eq!(output.stdout, b"tea\n");
//! # std::io::Result::Ok(())
//! # }).unwrap();
//! ```
//!
//! # How the end is noticed
//!
//! By a pidfd (pidfd_open(2), Linux 5.3), a descriptor that becomes readable when the process has ended. No handler of
//! SIGCHLD is installed and no thread is started, so the rest of the program may do with that signal what it likes.
//! But it must leave the children alone: who ignores SIGCHLD, or waits for any child (`waitpid(-1)`), takes their
//! status away.
//!
//! Where the system refuses pidfds (an old kernel, a sandbox), a timer asks for the end instead, after 1 ms, 2 ms, and
//! so on up to each 50 ms. The same happens if `AYI_NO_PIDFD` is set in the environment, which is there for tests.
//!
//! # Which runtime
//!
//! A child can be started anywhere, and awaited in any runtime, also in one after the other. Each of its streams belongs
//! to the runtime in which it first had to wait, and gives an error if it is to wait in another while that one lives.
//!
//! In a process that fork(2) has made of this one, a child is not the new process's: nobody kills it there, unless asked
//! to, or learns its status.
//!
//! # Reading order
//!
//! `sys` → `watched` (a process whose end can be awaited) → `orphan` (nobody awaits it any more) → `stdio` (the pipes) →
//! `output` (all that comes out of one) → `child` → `command`.
//!
//! In tokio: `process`.

mod child;
mod command;
mod orphan;
mod output;
mod stdio;
mod sys;
mod watched;

pub use child::Child;
pub use command::Command;
pub use stdio::{ChildStderr, ChildStdin, ChildStdout};
