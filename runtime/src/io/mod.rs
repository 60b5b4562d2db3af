//! Waiting for file descriptors: [`Registration`], which socket types are built on.

mod readiness;
mod registration;
mod waiting;

pub use crate::ready::{Interest, Ready};
pub use readiness::ReadyEvent;
pub use registration::Registration;
#[doc(hidden)]
pub use {
    crate::reactor::Waiter,
    waiting::{Wait, Waiting, poll_once},
};

/// Operations of the proactor, which file types are built on.
#[cfg(feature = "uring")]
pub mod uring;
