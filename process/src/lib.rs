//! What a process is connected with, for the ayi runtime: signals, child processes, and the standard streams.
//!
//! Names and semantics are those of `tokio::{signal, process}` and `tokio::io::{stdin, stdout, stderr}`. Programs reach
//! this crate as `ayi::signal`, `ayi::process` and `ayi::io`.
//!
//! The streams have the traits of `futures-io`, and with the features `tokio` and `hyper` those of these crates as well.

#![cfg(target_os = "linux")]
#![deny(unsafe_op_in_unsafe_fn)]

#[cfg(feature = "process")]
pub mod process;
#[cfg(feature = "signal")]
pub mod signal;

#[cfg(feature = "stdio")]
pub mod stdio;
#[cfg(any(feature = "hyper", feature = "tokio"))]
mod streams;
