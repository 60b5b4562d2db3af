//! Waiting for file descriptors: [`Registration`], which socket types are built on.

mod ready;
mod registration;

pub use ready::{Interest, Ready};
pub use registration::Registration;
