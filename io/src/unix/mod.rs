//! Waiting for any descriptor.
//!
//! In tokio: the module `tokio::io::unix`.

mod async_fd;
mod ready_guard;
mod register;

pub use async_fd::{AsyncFd, AsyncFdTryNewError};
pub use ready_guard::{AsyncFdReadyGuard, AsyncFdReadyMutGuard, TryIoError};
pub use register::AsyncFdRegisterError;
