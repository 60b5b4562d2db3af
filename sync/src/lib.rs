//! Channels, locks and signals between tasks, and limits for what goes on at once.
//!
//! | | for | holds |
//! |---|---|---|
//! | [`mpsc`] | messages from many to one | each until it is taken, with a limit or without |
//! | [`oneshot`] | one message from one to one | it until it is taken |
//! | [`broadcast`] | messages from many to many | the latest ones until all have seen them |
//! | [`watch`] | a value that many look at | the latest one |
//! | [`Notify`] | that something has happened | nothing but one permit |
//! | [`Mutex`], [`RwLock`] | a value that one may change | it, over an `.await` as well |
//! | [`Semaphore`] | how much goes on at once | a number of permits |
//! | [`OnceCell`], [`SetOnce`] | a value that is made or set once | it, for good |
//! | [`Barrier`] | tasks that go on together | who has come |
//!
//! All of them work in tasks, threads, runtimes and executors of any kind, and across them. Where something is handed
//! out, who comes first is served first. What is awaited costs one operation of the cooperative budget. Those of other
//! crates, such as `tokio::sync`, `async-channel` and `async-lock`, work as well.
//!
//! # Reading order
//!
//! Users take the façade crate `ayi`, which re-exports all of this as `ayi::sync`. Whoever reads the code begins with
//! `primitives`, `waiters` and `wakers`, on which everything is built; then comes `permits`, of which locks, the
//! semaphore and channels with a limit are made; then any of the others.

// On other systems this crate is empty, and the façade says why in one error.
#![cfg(target_os = "linux")]

mod barrier;
pub mod broadcast;
mod budget;
mod counts;
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
