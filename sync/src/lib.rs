//! Channels, locks and signals between tasks. Users take the façade crate `ayi`, which re-exports all of this as
//! `ayi::sync`.
//!
//! Reading order: `primitives`, `waiters` and `wakers`, on which everything is built; `permits`, which is what most of
//! the rest is made of; then any of the others.

// On other systems this crate is empty, and the façade says why in one error.
#![cfg(target_os = "linux")]

mod barrier;
pub mod broadcast;
mod budget;
mod guards;
mod locked;
pub mod mpsc;
mod mutex;
mod notify;
mod once_cell;
pub mod oneshot;
mod permits;
mod place;
mod primitives;
#[cfg(all(test, loom))]
mod proof;
mod rwlock;
mod semaphore;
mod set_once;
mod slot;
mod waiters;
mod wakers;
pub mod watch;

pub use barrier::{Barrier, BarrierWaitResult};
pub use mutex::{MappedMutexGuard, Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard, TryLockError};
pub use notify::Notify;
pub use once_cell::{OnceCell, SetError};
pub use rwlock::{
    OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, RwLockMappedWriteGuard,
    RwLockReadGuard, RwLockWriteGuard,
};
pub use semaphore::{AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit, TryAcquireError};
pub use set_once::{SetOnce, SetOnceError};

/// Futures that have a name.
pub mod futures {
    pub use crate::notify::{Notified, OwnedNotified};
}
