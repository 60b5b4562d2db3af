//! tokio's names for making an [`AsyncFd`]. They are `unsafe` there, and so they are here.
//!
//! Invariant: these functions do nothing that needs their callers' promise. A number that is no open descriptor is
//! refused by the kernel, and one of another file wakes tasks for nothing.
//!
//! In tokio: `io/async_fd.rs`.

use super::{AsyncFd, AsyncFdTryNewError};
use ayi_runtime::io::Interest;
use std::os::fd::AsRawFd;

/// Another name of [`AsyncFdTryNewError`].
pub type AsyncFdRegisterError<T> = AsyncFdTryNewError<T>;

/// tokio's names for [`try_new`](AsyncFd::try_new) and [`try_with_interest`](AsyncFd::try_with_interest).
impl<T: AsRawFd> AsyncFd<T> {
    /// Registers `inner` like [`try_new`](AsyncFd::try_new).
    ///
    /// # Safety
    ///
    /// None is needed here. In tokio, the descriptor must stay open, and be the same, as long as the `AsyncFd` lives.
    ///
    /// # Errors
    ///
    /// Fails like [`try_new`](AsyncFd::try_new).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::unix::AsyncFd;
    /// let (ours, _theirs) = std::os::unix::net::UnixStream::pair()?;
    /// ours.set_nonblocking(true)?;
    /// // SAFETY: a UnixStream keeps its descriptor.
    /// let fd = unsafe { AsyncFd::register(ours) }?;
    /// assert!(fd.writable().await?.ready().is_writable());
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub unsafe fn register(inner: T) -> Result<AsyncFd<T>, AsyncFdRegisterError<T>> {
        AsyncFd::try_new(inner)
    }

    /// Registers `inner` like [`try_with_interest`](AsyncFd::try_with_interest).
    ///
    /// # Safety
    ///
    /// As for [`register`](AsyncFd::register).
    ///
    /// # Errors
    ///
    /// Fails like [`try_new`](AsyncFd::try_new).
    #[track_caller]
    pub unsafe fn register_with_interest(
        inner: T,
        interest: Interest,
    ) -> Result<AsyncFd<T>, AsyncFdRegisterError<T>> {
        AsyncFd::try_with_interest(inner, interest)
    }
}
