//! What connects a process with its surroundings, for the [`ayi`](https://docs.rs/ayi) runtime: signals, child
//! processes, and the standard streams. Users take the façade crate `ayi`, which has them as `ayi::signal`,
//! `ayi::process` and in `ayi::io`.
//!
//! A child is a source of the reactor: its pidfd is readable when it has ended. Only `Watched` reaps it, so its pid is its
//! own until then. One that is dropped becomes an orphan, which is its own waker in the reactor of any runtime that runs
//! (`process/orphan.rs`).
//!
//! A signal's listener is an eventfd, to which the handler writes. It belongs to the process that made it.
//!
//! Standard streams never get `O_NONBLOCK` on a description that others share. Pipes and terminals are opened again, sockets
//! are asked with `MSG_DONTWAIT`, the rest is polled before each call, and files go to the pool.

#![cfg(target_os = "linux")]
#![deny(unsafe_op_in_unsafe_fn)]

#[cfg(feature = "process")]
pub mod process;
#[cfg(feature = "signal")]
pub mod signal;

#[cfg(feature = "stdio")]
pub mod stdio;
