//! Signals: Ctrl-C, and any other that the process is sent.
//!
//! [`ctrl_c`] is what most programs need. Servers need [`termination`], which receives `SIGTERM` as well.
//! [`unix::signal`] listens to a signal of any kind, as often as it comes.
//!
//! Each listener has a file descriptor of its own, an eventfd(2). The signal handler writes to it, and the runtime
//! waits for it like for a socket. So any number of listeners receive the same signal, in any number of runtimes on any
//! number of threads.
//!
//! ```no_run
//! use ayi::signal::unix::{SignalKind, signal};
//! # let rt = ayi::runtime::Runtime::new().unwrap();
//! # rt.block_on(async {
//! let mut hangup = signal(SignalKind::hangup())?;
//! loop {
//!     hangup.recv().await;
//!     println!("reading the configuration again");
//! }
//! # #[allow(unreachable_code)]
//! # std::io::Result::Ok(())
//! # }).unwrap();
//! ```
//!
//! In tokio: `signal`.

mod bell;
mod kind;
mod lull;
mod termination;
pub mod unix;

use std::io;
pub use termination::{Termination, termination};
use unix::SignalKind;

/// Waits until somebody presses Ctrl-C in the terminal, or sends `SIGINT` in another way.
///
/// From its first poll on, `SIGINT` no longer ends the process, and that stays so when the future is finished or
/// dropped: a second Ctrl-C does nothing unless somebody listens for it. Only signals after the first poll are seen. If
/// none may be missed between two calls that are awaits apart, keep a [`Signal`](unix::Signal).
///
/// # Errors
///
/// Fails if there are no file descriptors left, or no runtime on this thread.
///
/// # Cancel safety
///
/// If the future is dropped and `ctrl_c` is called and polled again before the task next waits, as by `select!` in a
/// loop, no signal is lost in between. A signal that comes when nobody has called it for longer is not seen.
///
/// # Examples
///
/// ```no_run
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// println!("Ctrl-C ends this");
/// ayi::signal::ctrl_c().await?;
/// println!("goodbye");
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub async fn ctrl_c() -> io::Result<()> {
    unix::signal(SignalKind::interrupt())?.wait().await
}
