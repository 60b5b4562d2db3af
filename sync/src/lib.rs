//! Channels, locks and signals between tasks. Users take the façade crate `ayi`, which re-exports all of this as
//! `ayi::sync`.
//!
//! Reading order: `primitives`, `waiters` and `wakers`, on which everything is built; `permits`, which is what most of
//! the rest is made of; then any of the others.

// On other systems this crate is empty, and the façade says why in one error.
#![cfg(target_os = "linux")]

pub mod broadcast;
mod budget;
mod guards;
mod locked;
pub mod mpsc;
mod mutex;
pub mod oneshot;
mod permits;
mod place;
mod primitives;
#[cfg(all(test, loom))]
mod proof;
mod rwlock;
mod semaphore;
mod waiters;
mod wakers;
pub mod watch;

pub use mutex::{MappedMutexGuard, Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard, TryLockError};
pub use rwlock::{
    OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, RwLockMappedWriteGuard,
    RwLockReadGuard, RwLockWriteGuard,
};
pub use semaphore::{AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit, TryAcquireError};
