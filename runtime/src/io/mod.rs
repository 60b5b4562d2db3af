//! Waiting for file descriptors: [`Registration`], which socket types are built on.

mod readiness;
mod registration;
#[cfg(feature = "tracing")]
mod traced;

pub use crate::ready::{Interest, Ready};
pub use readiness::ReadyEvent;
pub use registration::Registration;

/// Operations of the proactor, which file types are built on.
#[cfg(feature = "uring")]
pub mod uring;
