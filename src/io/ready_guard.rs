//! What [`AsyncFd`] gives to those who have waited.
//!
//! In tokio: `io/async_fd.rs`.

use super::AsyncFd;
use ayi_runtime::io::{Ready, ReadyEvent};
use std::fmt;
use std::io;
use std::os::fd::AsFd;

/// Says that a descriptor was reported ready, until an operation shows that it is not.
///
/// Dropping it leaves the descriptor ready.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// # use ayi::io::{AsyncFd, Interest};
/// # use std::io::{Read, Write};
/// # let (ours, mut theirs) = std::os::unix::net::UnixStream::pair()?;
/// # ours.set_nonblocking(true)?;
/// # theirs.write_all(b"water")?;
/// # let fd = AsyncFd::new(ours)?;
/// loop {
///     let mut guard = fd.readable().await?;
///     match guard.try_io(|fd| fd.get_ref().read(&mut [0; 16])) {
///         Ok(result) => break assert_eq!(result?, 5),
///         Err(_would_block) => continue,
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "use try_io, or the next wait returns at once"]
pub struct AsyncFdReadyGuard<'a, T: AsFd> {
    pub(super) fd: &'a AsyncFd<T>,
    pub(super) event: ReadyEvent,
}

impl<'a, T: AsFd> AsyncFdReadyGuard<'a, T> {
    /// Tries `op`, non-blocking.
    ///
    /// # Errors
    ///
    /// [`TryIoError`] if `op` gave `WouldBlock`: the descriptor is not ready after all, wait again. Other errors
    /// of `op` are in the inner result.
    pub fn try_io<R>(
        &mut self,
        op: impl FnOnce(&'a AsyncFd<T>) -> io::Result<R>,
    ) -> Result<io::Result<R>, TryIoError> {
        match op(self.fd) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.clear_ready();
                Err(TryIoError(()))
            }
            result => Ok(result),
        }
    }

    /// Takes the descriptor for not ready until the kernel reports it anew. Only right after `WouldBlock`: since
    /// reports are edge-triggered, whoever clears without having drained waits for ever.
    ///
    /// What the kernel has reported since the guard was made stays known, so the guard may be kept over an `.await`. So
    /// does what the guard has not seen, and that a direction has been closed.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # use ayi::io::{AsyncFd, Interest};
    /// # use std::io::{Read, Write};
    /// # let (ours, mut theirs) = std::os::unix::net::UnixStream::pair()?;
    /// # ours.set_nonblocking(true)?;
    /// # theirs.write_all(b"water")?;
    /// # let fd = AsyncFd::new(ours)?;
    /// let mut guard = fd.readable().await?;
    /// while guard.get_inner().read(&mut [0; 16]).is_ok() {}
    /// guard.clear_ready(); // the last read gave WouldBlock
    /// # Ok(())
    /// # }
    /// ```
    pub fn clear_ready(&mut self) {
        self.fd.registration.clear(&self.event);
    }

    /// Like [`clear_ready`](AsyncFdReadyGuard::clear_ready), but of `ready` only: where one of several kinds was used up.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # use ayi::io::{AsyncFd, Interest, Ready};
    /// # use std::io::{Read, Write};
    /// # let (ours, mut theirs) = std::os::unix::net::UnixStream::pair()?;
    /// # ours.set_nonblocking(true)?;
    /// # theirs.write_all(b"water")?;
    /// # let fd = AsyncFd::new(ours)?;
    /// let mut guard = fd.ready(Interest::READABLE | Interest::WRITABLE).await?;
    /// while guard.get_inner().read(&mut [0; 16]).is_ok() {}
    /// guard.clear_ready_matching(Ready::READABLE);
    /// # Ok(())
    /// # }
    /// ```
    pub fn clear_ready_matching(&mut self, ready: Ready) {
        self.fd.registration.clear_matching(&self.event, ready);
    }

    /// Leaves the descriptor ready. It does nothing: it is there to say so.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # use ayi::io::{AsyncFd, Interest};
    /// # use std::io::{Read, Write};
    /// # let (ours, mut theirs) = std::os::unix::net::UnixStream::pair()?;
    /// # ours.set_nonblocking(true)?;
    /// # theirs.write_all(b"water")?;
    /// # let fd = AsyncFd::new(ours)?;
    /// let mut guard = fd.readable().await?;
    /// guard.retain_ready(); // there may be more
    /// # Ok(())
    /// # }
    /// ```
    pub fn retain_ready(&mut self) {}

    /// What was reported.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # use ayi::io::{AsyncFd, Interest};
    /// # use std::io::{Read, Write};
    /// # let (ours, mut theirs) = std::os::unix::net::UnixStream::pair()?;
    /// # ours.set_nonblocking(true)?;
    /// # theirs.write_all(b"water")?;
    /// # let fd = AsyncFd::new(ours)?;
    /// assert!(fd.readable().await?.ready().is_readable());
    /// # Ok(())
    /// # }
    /// ```
    pub fn ready(&self) -> Ready {
        self.event.ready()
    }

    /// The [`AsyncFd`] that this is about.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # use ayi::io::{AsyncFd, Interest};
    /// # use std::io::{Read, Write};
    /// # let (ours, mut theirs) = std::os::unix::net::UnixStream::pair()?;
    /// # ours.set_nonblocking(true)?;
    /// # theirs.write_all(b"water")?;
    /// # let fd = AsyncFd::new(ours)?;
    /// let guard = fd.readable().await?;
    /// let fd: &AsyncFd<_> = guard.get_ref();
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_ref(&self) -> &'a AsyncFd<T> {
        self.fd
    }

    /// The descriptor's owner.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # use ayi::io::{AsyncFd, Interest};
    /// # use std::io::{Read, Write};
    /// # let (ours, mut theirs) = std::os::unix::net::UnixStream::pair()?;
    /// # ours.set_nonblocking(true)?;
    /// # theirs.write_all(b"water")?;
    /// # let fd = AsyncFd::new(ours)?;
    /// let guard = fd.readable().await?;
    /// assert_eq!(guard.get_inner().read(&mut [0; 16])?, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_inner(&self) -> &'a T {
        self.fd.get_ref()
    }
}

impl<T: AsFd> fmt::Debug for AsyncFdReadyGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFdReadyGuard").field("ready", &self.ready()).finish_non_exhaustive()
    }
}

/// Says that a descriptor was reported ready, until an operation shows that it is not, and lends its owner mutably.
///
/// Dropping it leaves the descriptor ready.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// # use ayi::io::{AsyncFd, Interest};
/// # use std::io::{Read, Write};
/// # let (ours, mut theirs) = std::os::unix::net::UnixStream::pair()?;
/// # ours.set_nonblocking(true)?;
/// # theirs.write_all(b"water")?;
/// # let mut fd = AsyncFd::new(ours)?;
/// loop {
///     let mut guard = fd.readable_mut().await?;
///     match guard.try_io(|fd| fd.get_mut().read(&mut [0; 16])) {
///         Ok(result) => break assert_eq!(result?, 5),
///         Err(_would_block) => continue,
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "use try_io, or the next wait returns at once"]
pub struct AsyncFdReadyMutGuard<'a, T: AsFd> {
    pub(super) fd: &'a mut AsyncFd<T>,
    pub(super) event: ReadyEvent,
}

impl<T: AsFd> AsyncFdReadyMutGuard<'_, T> {
    /// Tries `op`, non-blocking.
    ///
    /// # Errors
    ///
    /// [`TryIoError`] if `op` gave `WouldBlock`: the descriptor is not ready after all, wait again. Other errors
    /// of `op` are in the inner result.
    pub fn try_io<R>(
        &mut self,
        op: impl FnOnce(&mut AsyncFd<T>) -> io::Result<R>,
    ) -> Result<io::Result<R>, TryIoError> {
        match op(self.fd) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.clear_ready();
                Err(TryIoError(()))
            }
            result => Ok(result),
        }
    }

    /// Takes the descriptor for not ready until the kernel reports it anew. Only right after `WouldBlock`: since
    /// reports are edge-triggered, whoever clears without having drained waits for ever.
    ///
    /// What the kernel has reported since the guard was made stays known, so the guard may be kept over an `.await`. So
    /// does what the guard has not seen, and that a direction has been closed.
    pub fn clear_ready(&mut self) {
        self.fd.registration.clear(&self.event);
    }

    /// Like [`clear_ready`](AsyncFdReadyMutGuard::clear_ready), but of `ready` only: where one of several kinds was used up.
    pub fn clear_ready_matching(&mut self, ready: Ready) {
        self.fd.registration.clear_matching(&self.event, ready);
    }

    /// Leaves the descriptor ready. It does nothing: it is there to say so.
    pub fn retain_ready(&mut self) {}

    /// What was reported.
    pub fn ready(&self) -> Ready {
        self.event.ready()
    }

    /// The [`AsyncFd`] that this is about.
    pub fn get_ref(&self) -> &AsyncFd<T> {
        self.fd
    }

    /// The [`AsyncFd`] that this is about, mutably.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # use ayi::io::{AsyncFd, Interest};
    /// # use std::io::{Read, Write};
    /// # let (ours, mut theirs) = std::os::unix::net::UnixStream::pair()?;
    /// # ours.set_nonblocking(true)?;
    /// # theirs.write_all(b"water")?;
    /// # let mut fd = AsyncFd::new(ours)?;
    /// let mut guard = fd.readable_mut().await?;
    /// let fd: &mut AsyncFd<_> = guard.get_mut();
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_mut(&mut self) -> &mut AsyncFd<T> {
        self.fd
    }

    /// The descriptor's owner.
    pub fn get_inner(&self) -> &T {
        self.fd.get_ref()
    }

    /// The descriptor's owner, mutably.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # use ayi::io::{AsyncFd, Interest};
    /// # use std::io::{Read, Write};
    /// # let (ours, mut theirs) = std::os::unix::net::UnixStream::pair()?;
    /// # ours.set_nonblocking(true)?;
    /// # theirs.write_all(b"water")?;
    /// # let mut fd = AsyncFd::new(ours)?;
    /// let mut guard = fd.readable_mut().await?;
    /// assert_eq!(guard.get_inner_mut().read(&mut [0; 16])?, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_inner_mut(&mut self) -> &mut T {
        self.fd.get_mut()
    }
}

impl<T: AsFd> fmt::Debug for AsyncFdReadyMutGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFdReadyMutGuard").field("ready", &self.ready()).finish_non_exhaustive()
    }
}

/// The operation gave `WouldBlock`: see [`AsyncFdReadyGuard::try_io`].
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// # use ayi::io::{AsyncFd, Interest};
/// # use std::io::{Read, Write};
/// # let (ours, mut theirs) = std::os::unix::net::UnixStream::pair()?;
/// # ours.set_nonblocking(true)?;
/// # theirs.write_all(b"water")?;
/// # let fd = AsyncFd::new(ours)?;
/// let mut guard = fd.writable().await?;
/// let nothing_yet = guard.try_io(|_| Err::<(), _>(std::io::ErrorKind::WouldBlock.into()));
/// println!("{}", nothing_yet.unwrap_err());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TryIoError(());

impl fmt::Display for TryIoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the operation would block: wait for readiness again")
    }
}

impl std::error::Error for TryIoError {}
