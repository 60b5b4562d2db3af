//! Waiting for file descriptors: [`AsyncFd`] for any descriptor, [`Registration`] to build socket types on.

mod async_fd;
mod ready;
mod registration;

pub use async_fd::{AsyncFd, AsyncFdReadyGuard, TryIoError};
pub use ready::{Interest, Ready};
pub use registration::Registration;
