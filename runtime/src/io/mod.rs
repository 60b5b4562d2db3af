//! Waiting for file descriptors: [`Registration`], which socket types are built on.

mod registration;

pub use crate::ready::{Interest, Ready};
pub use registration::Registration;
