//! What connects a process with its surroundings, for the [`ayi`](https://docs.rs/ayi) runtime: signals, child
//! processes, and the standard streams. Users take the façade crate `ayi`, which has them as `ayi::signal`,
//! `ayi::process` and in `ayi::io`.

#![cfg(target_os = "linux")]
#![deny(unsafe_op_in_unsafe_fn)]

#[cfg(feature = "process")]
pub mod process;
#[cfg(feature = "signal")]
pub mod signal;

#[cfg(feature = "stdio")]
pub mod stdio;
