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
//! The end is noticed by a pidfd (pidfd_open(2), Linux 5.3), a descriptor that becomes readable when the process has
//! ended. No handler of SIGCHLD is installed and no thread is started, so the rest of the program may use that signal
//! as it likes. But it must leave the children alone: code that ignores SIGCHLD, or waits for any child
//! (`waitpid(-1)`), takes their status away.
//!
//! If the system refuses pidfds, because of an old kernel or a sandbox, a timer asks for the end instead, after 1 ms, 2
//! ms and so on, up to every 50 ms. The same happens if `AYI_NO_PIDFD` is set in the environment, which is meant for
//! tests.
//!
//! # Which runtime
//!
//! A child can be started anywhere, and awaited in any runtime, even in one after the other. Each of its streams
//! belongs to the runtime in which it first had to wait, and returns an error if it has to wait in another while that
//! runtime lives.
//!
//! In a process that fork(2) has made of this one, a child does not belong to the new process: nothing there kills it
//! unless asked to, and nothing learns its status.
//!
//! # Reading order
//!
//! `sys` → `watched` (a process whose end can be awaited) → `orphan` (a child that nobody awaits any longer) → `stdio`
//! (the pipes) → `output` (everything that comes out of one) → `child` → `command`.
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
