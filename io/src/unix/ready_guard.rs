//! What [`AsyncFd`] returns after waiting.
//!
//! In tokio: `io/async_fd.rs`.

use super::AsyncFd;
use ayi_runtime::io::{Ready, ReadyEvent};
use std::fmt;
use std::io;
use std::os::fd::AsRawFd;

/// A report that a descriptor is ready, valid until an operation shows that it is not.
///
/// Dropping it leaves the descriptor ready.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// # use ayi::io::{Interest, unix::AsyncFd};
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
pub struct AsyncFdReadyGuard<'a, T: AsRawFd> {
    pub(super) fd: &'a AsyncFd<T>,
    event: ReadyEvent,
    /// What was reported, without what has been cleared.
    ready: Ready,
}

impl<'a, T: AsRawFd> AsyncFdReadyGuard<'a, T> {
    pub(super) fn new(fd: &'a AsyncFd<T>, event: ReadyEvent) -> AsyncFdReadyGuard<'a, T> {
        AsyncFdReadyGuard { fd, ready: event.ready(), event }
    }

    /// Tries the non-blocking `op`.
    ///
    /// # Errors
    ///
    /// Returns [`TryIoError`] if `op` returned `WouldBlock`: the descriptor is not ready after all, so wait again.
    /// Other errors of `op` are in the inner result.
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

    /// Marks the descriptor as not ready until the kernel reports it again. Call this only right after `WouldBlock`:
    /// reports are edge-triggered, so a task that clears without having drained waits for ever.
    ///
    /// What the kernel has reported since the guard was made stays known, so the guard may be kept over an `.await`.
    /// What the guard has not seen stays known too, and so does the closing of a direction.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # use ayi::io::{Interest, unix::AsyncFd};
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
        self.ready = Ready::EMPTY;
    }

    /// Clears like [`clear_ready`](AsyncFdReadyGuard::clear_ready), but only `ready`: one kind of several was used up.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # use ayi::io::{Interest, Ready, unix::AsyncFd};
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
        self.ready = self.ready - ready;
    }

    /// Leaves the descriptor ready. It does nothing, and makes that intention explicit.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # use ayi::io::{Interest, unix::AsyncFd};
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

    /// Returns what was reported, without what has been cleared.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # use ayi::io::{Interest, unix::AsyncFd};
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
        self.ready
    }

    /// Returns the [`AsyncFd`] that was waited for.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # use ayi::io::{Interest, unix::AsyncFd};
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

    /// Returns the descriptor's owner.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # use ayi::io::{Interest, unix::AsyncFd};
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

impl<T: AsRawFd> fmt::Debug for AsyncFdReadyGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFdReadyGuard").field("ready", &self.ready()).finish_non_exhaustive()
    }
}

/// A report that a descriptor is ready, valid until an operation shows that it is not. It lends the owner mutably.
///
/// Dropping it leaves the descriptor ready.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// # use ayi::io::{Interest, unix::AsyncFd};
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
pub struct AsyncFdReadyMutGuard<'a, T: AsRawFd> {
    pub(super) fd: &'a mut AsyncFd<T>,
    event: ReadyEvent,
    /// What was reported, without what has been cleared.
    ready: Ready,
}

impl<'a, T: AsRawFd> AsyncFdReadyMutGuard<'a, T> {
    pub(super) fn new(fd: &'a mut AsyncFd<T>, event: ReadyEvent) -> AsyncFdReadyMutGuard<'a, T> {
        AsyncFdReadyMutGuard { fd, ready: event.ready(), event }
    }

    /// Tries the non-blocking `op`.
    ///
    /// # Errors
    ///
    /// Returns [`TryIoError`] if `op` returned `WouldBlock`: the descriptor is not ready after all, so wait again.
    /// Other errors of `op` are in the inner result.
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

    /// Marks the descriptor as not ready until the kernel reports it again. Call this only right after `WouldBlock`:
    /// reports are edge-triggered, so a task that clears without having drained waits for ever.
    ///
    /// What the kernel has reported since the guard was made stays known, so the guard may be kept over an `.await`.
    /// What the guard has not seen stays known too, and so does the closing of a direction.
    pub fn clear_ready(&mut self) {
        self.fd.registration.clear(&self.event);
        self.ready = Ready::EMPTY;
    }

    /// Clears like [`clear_ready`](AsyncFdReadyMutGuard::clear_ready), but only `ready`: one kind of several was used
    /// up.
    pub fn clear_ready_matching(&mut self, ready: Ready) {
        self.fd.registration.clear_matching(&self.event, ready);
        self.ready = self.ready - ready;
    }

    /// Leaves the descriptor ready. It does nothing, and makes that intention explicit.
    pub fn retain_ready(&mut self) {}

    /// Returns what was reported, without what has been cleared.
    pub fn ready(&self) -> Ready {
        self.ready
    }

    /// Returns the [`AsyncFd`] that was waited for.
    pub fn get_ref(&self) -> &AsyncFd<T> {
        self.fd
    }

    /// Returns the [`AsyncFd`] that was waited for, mutably.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # use ayi::io::{Interest, unix::AsyncFd};
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

    /// Returns the descriptor's owner.
    pub fn get_inner(&self) -> &T {
        self.fd.get_ref()
    }

    /// Returns the descriptor's owner, mutably.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # use ayi::io::{Interest, unix::AsyncFd};
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

impl<T: AsRawFd> fmt::Debug for AsyncFdReadyMutGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFdReadyMutGuard").field("ready", &self.ready()).finish_non_exhaustive()
    }
}

/// The operation returned `WouldBlock`: see [`AsyncFdReadyGuard::try_io`].
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// # use ayi::io::{Interest, unix::AsyncFd};
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
