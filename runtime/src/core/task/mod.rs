//! What a task is, and what becomes of it.

pub(crate) mod body;
pub(crate) mod boxed;
pub(crate) mod error;
pub(crate) mod id;
pub(crate) mod join;
pub(crate) mod run;
pub(crate) mod scheduler;
pub(crate) mod slot;

pub(crate) use body::{Kind, Plain};
pub use error::JoinError;
pub use id::Id;
pub use join::{AbortHandle, JoinHandle};
pub(crate) use run::leave;
pub(crate) use scheduler::{Lease, OwnScheduler, Scheduler};
pub(crate) use slot::{OwnSlot, copy_own, wake, wake_own};

#[cfg(all(test, not(loom)))]
mod tests;
