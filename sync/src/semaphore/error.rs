//! Why there is no permit.

use std::fmt;

/// The semaphore is closed: there are no more permits.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// let limit = ayi::sync::Semaphore::new(1);
/// limit.close();
/// let error = limit.acquire().await.unwrap_err();
/// assert!(error.to_string().starts_with("the semaphore is closed"));
/// # }
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct AcquireError(pub(crate) ());

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the semaphore is closed, so it gives no more permits: somebody has called `Semaphore::close`",
        )
    }
}

impl std::error::Error for AcquireError {}

/// The reason why [`Semaphore::try_acquire`](super::Semaphore::try_acquire) returns no permit.
///
/// # Examples
///
/// ```
/// use ayi::sync::{Semaphore, TryAcquireError};
/// assert_eq!(Semaphore::new(0).try_acquire().unwrap_err(), TryAcquireError::NoPermits);
/// ```
#[derive(Debug, PartialEq, Eq)]
pub enum TryAcquireError {
    /// The semaphore is closed.
    Closed,
    /// All permits are taken, or other waiters come first.
    NoPermits,
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryAcquireError::Closed => AcquireError(()).fmt(f),
            TryAcquireError::NoPermits => {
                f.write_str("all permits of the semaphore are given away: wait for one with `acquire`")
            }
        }
    }
}

impl std::error::Error for TryAcquireError {}
