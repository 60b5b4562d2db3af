//! Channels, locks and signals between tasks. Users take the façade crate `ayi`, which re-exports all of this as
//! `ayi::sync`.
//!
//! Reading order: `primitives` and `waiters`, on which everything is built; `semaphore`, which is what most of the rest
//! is made of; then any of the others.

// On other systems this crate is empty, and the façade says why in one error.
#![cfg(target_os = "linux")]

mod primitives;
mod waiters;
