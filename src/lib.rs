//! ayi (阿姨, "auntie") is an async runtime for Linux: one thread, one epoll, and tasks without reference counts.
//!
//! Students want water; the taps run when they like. A student can stand at the tap, which is blocking I/O, or keep
//! walking back to look, which is polling. Or an auntie watches all the taps and calls each student when *their* tap
//! runs. That is what a reactor does, and this one is written to be used and to be read.
//!
//! ```no_run
//! use ayi::io::AsyncWriteExt;
//! use ayi::net::TcpListener;
//!
//! #[ayi::main]
//! async fn main() -> std::io::Result<()> {
//!     let listener = TcpListener::bind("127.0.0.1:8080").await?;
//!     loop {
//!         let (mut stream, peer) = listener.accept().await?;
//!         ayi::spawn(async move { stream.write_all(format!("hello, {peer}\n").as_bytes()).await });
//!     }
//! }
//! ```
//!
//! ```toml
//! [dependencies]
//! ayi = { path = "…/ayi", features = ["signal"] } # not on crates.io yet; edition 2024 or 2021
//! ```
//!
//! Names and semantics are tokio's wherever tokio has the item. The differences come from running on one thread:
//! [`spawn`] takes futures that are not `Send`, so you can use `Rc` and `RefCell`, with no borrow across an `.await`;
//! [`runtime::Handle`] spawns from other threads; timers have a resolution of a nanosecond. Crates that call tokio inside
//! run on ayi by two lines of Cargo.toml: see [`tokio_on_ayi`].
//!
//! - [`spawn`] and [`task`]: tasks, sets of tasks, blocking calls, values that belong to a task
//! - [`select!`], [`join!`], [`try_join!`]: waiting for several things in one task
//! - [`net`]: TCP, UDP, Unix sockets and pipes, name lookup
//! - [`time`]: sleeping, time limits, intervals, and time that stands still for tests
//! - [`io`]: the reading and writing traits, copying, streams in memory, and waiting for any file descriptor
//! - [`sync`]: channels, locks and signals between tasks, and limits for what goes on at once
//! - [`runtime`]: what `#[ayi::main]` does for you, its settings and what it counts
//!
//! # Features
//!
//! All are off by default: you compile only what you use.
//!
//! | feature | what it brings | crates that it adds |
//! |---|---|---|
//! | `bytes` | methods that take buffers of the crate `bytes` | `bytes` |
//! | `fs` | `fs`: files and directories, through io_uring in the same loop | `io-uring` |
//! | `futures-io` | the traits of `futures-io` on all streams, files included | `futures-io` |
//! | `hyper` | `hyper`: an executor and a timer for hyper, and its traits on all streams | `hyper` |
//! | `live` | `record`, and a page that the program serves itself, which follows the run: [`seeing_a_run`] | `ayi-lens` |
//! | `process` | `process`: child processes | |
//! | `record` | `runtime::Record`, `Handle::dump`: what a runtime does, event by event: [`seeing_a_run`] | |
//! | `serve` | `serve`: HTTP/1 and HTTP/2 for axum, tower and hyper services | `hyper`, `hyper-util`, `h2` |
//! | `signal` | `signal`: Ctrl-C and other signals | `signal-hook-registry` |
//! | `sim` | `sim`: whole systems on a simulated network, disk and clock, from a seed: `testing_with_seeds` | |
//! | `stdio` | `io::stdin`, `stdout`, `stderr` that wait in epoll | |
//! | `tokio` | the traits of the crate `tokio` on all streams, files included | `tokio`, without its runtime |
//! | `tracing` | tasks, wakers, timers and sockets for subscribers such as tokio-console's | `tracing` |
//!
//! # Where it runs
//!
//! On Linux 5.11 or newer, where `epoll_pwait2` is; on older kernels timers have milliseconds. Files go through
//! io_uring where it is allowed, and otherwise to a pool of threads. It is tested on x86-64; aarch64 compiles. On a
//! Mac or on Windows, build in a Linux container or a virtual machine: elsewhere there is one clear error.
//! It needs Rust 1.85 or newer.
//!
//! # Pages
//!
//! - [`choosing`]: whether ayi is for you, what it lacks, and other runtimes beside it
//! - [`coming_from_tokio`]: tokio's items, and what they are called here
//! - [`tokio_on_ayi`]: how a program that was written for tokio, and everything that it depends on, runs on ayi
//! - [`production`]: limits, time-outs, a unit for systemd, and what to watch
//! - [`scaling_out`]: all cores, several processes, and how they are replaced without failing a request
//! - [`seeing_a_run`]: what a program did, event by event, and why a request was slow
//! - `testing_with_seeds`, with the feature `sim`: from a first simulated server to a failure and its cause

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg), doc(auto_cfg(hide(target_os = "linux"))))]

/// The README's programs compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
/// So do those of the attributes, which need `ayi`.
#[cfg(doctest)]
#[doc = include_str!("attributes/main.md")]
struct Main;
#[cfg(doctest)]
#[doc = include_str!("attributes/test.md")]
struct Test;
#[cfg(all(doctest, feature = "sim"))]
#[doc = include_str!("attributes/sim_test.md")]
struct SimTest;

// Elsewhere nothing but this is compiled, so that it is the one error.
#[cfg(not(target_os = "linux"))]
compile_error!(
    "ayi runs on Linux only: its reactor is built on epoll and eventfd. Build in a Linux container or VM"
);

#[cfg(target_os = "linux")]
#[doc = include_str!("choosing.md")]
pub mod choosing {}
#[cfg(target_os = "linux")]
#[doc = include_str!("coming_from_tokio.md")]
pub mod coming_from_tokio {}
#[cfg(target_os = "linux")]
#[doc = include_str!("tokio_on_ayi.md")]
pub mod tokio_on_ayi {}
#[cfg(target_os = "linux")]
#[doc = include_str!("production.md")]
pub mod production {}
#[cfg(target_os = "linux")]
#[doc = include_str!("scaling_out.md")]
pub mod scaling_out {}
#[cfg(target_os = "linux")]
#[doc = include_str!("seeing_a_run.md")]
pub mod seeing_a_run {}
#[cfg(all(target_os = "linux", feature = "sim"))]
#[doc = include_str!("testing_with_seeds.md")]
pub mod testing_with_seeds {}
#[cfg(target_os = "linux")]
mod macros;
#[cfg(target_os = "linux")]
#[doc(hidden)]
pub use macros::support as __private;

#[cfg(all(target_os = "linux", feature = "sim"))]
#[doc(inline)]
pub use ayi_macros::sim_test;
#[doc(inline)]
pub use ayi_macros::{main, test};
#[cfg(all(target_os = "linux", feature = "process"))]
#[doc(inline)]
pub use ayi_process::process;
#[cfg(all(target_os = "linux", feature = "signal"))]
#[doc(inline)]
pub use ayi_process::signal;
#[cfg(target_os = "linux")]
#[doc(inline)]
pub use ayi_runtime::{runtime, spawn};
#[cfg(all(target_os = "linux", feature = "serve"))]
#[doc(inline)]
pub use ayi_serve::serve;
#[cfg(all(target_os = "linux", feature = "fs"))]
pub mod fs;
#[cfg(all(target_os = "linux", feature = "hyper"))]
pub mod hyper;
#[cfg(target_os = "linux")]
pub mod io;
#[cfg(target_os = "linux")]
pub mod net;
#[cfg(all(target_os = "linux", feature = "serve"))]
pub mod serve;
#[cfg(target_os = "linux")]
pub mod task;

#[cfg(all(target_os = "linux", feature = "sim"))]
#[doc(inline)]
pub use ayi_sim as sim;
#[cfg(target_os = "linux")]
#[doc(inline)]
pub use ayi_sync as sync;

/// Sleeping, time limits, and ticking at an interval.
///
/// Deadlines have a resolution of one nanosecond, and a timer never fires early. How late it fires depends on the
/// kernel, some 10 µs on an idle machine, and on what else the thread is doing. Timers that are due within 50 µs after
/// others have fired may fire together at the end of that time, so that thousands of them do not cost a wake-up each.
///
/// By default the kernel would be late by another 50 µs: this is the "timer slack" of a thread, see prctl(2). While the
/// thread sleeps in `block_on` for less than 50 ms, its slack is therefore 1 ns. Tasks, and the threads that they
/// start, have the thread's own slack.
#[cfg(target_os = "linux")]
pub mod time {
    mod interval;
    mod timeout;
    mod timer_error;

    pub use ayi_runtime::time::{Duration, Instant, Sleep, advance, pause, resume, sleep, sleep_until};
    pub use interval::{Interval, MissedTickBehavior, interval, interval_at};
    pub use timeout::{Elapsed, Timeout, timeout, timeout_at};

    /// The errors of this module.
    pub mod error {
        pub use super::Elapsed;
        pub use super::timer_error::Error;
    }
}
