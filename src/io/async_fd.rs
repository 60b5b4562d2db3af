//! Any descriptor that epoll can wait for: pipes, eventfd, inotify, timerfd, sockets of other libraries.
//!
//! In tokio: `io/async_fd.rs`.

use ayi_runtime::io::{Interest, Ready, Registration};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

/// Makes a non-blocking descriptor awaitable.
///
/// It owns `T` and closes it when dropped. Unlike tokio's, it asks for `T: AsFd`, not `AsRawFd`, which makes it
/// certain that the descriptor is open; wrap a bare number in an `OwnedFd` or `BorrowedFd`.
///
/// # Examples
///
/// ```
/// use ayi::io::AsyncFd;
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
///
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (mut ours, mut theirs) = UnixStream::pair()?;
/// ours.set_nonblocking(true)?;
/// theirs.write_all(b"water")?;
///
/// let ours = AsyncFd::new(ours)?;
/// let mut buf = [0; 16];
/// let n = loop {
///     let mut guard = ours.readable().await?;
///     match guard.try_io(|fd| fd.get_ref().read(&mut buf)) {
///         Ok(result) => break result?,
///         Err(_would_block) => continue,
///     }
/// };
/// assert_eq!(&buf[..n], b"water");
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct AsyncFd<T: AsFd> {
    registration: Registration,
    /// `None` only while it is taken apart.
    inner: Option<T>,
}

impl<T: AsFd> AsyncFd<T> {
    /// Registers `inner` with the reactor of the current thread's runtime.
    ///
    /// # Errors
    ///
    /// If there is no runtime on this thread, or as epoll_ctl(2) says: `PermissionDenied` for a descriptor that
    /// epoll cannot wait for (a regular file: reading one never waits for anybody, use `spawn_blocking`);
    /// `AlreadyExists` if it is registered with this runtime already.
    pub fn new(inner: T) -> io::Result<AsyncFd<T>> {
        let registration = Registration::new();
        registration.register(inner.as_fd())?;
        Ok(AsyncFd { registration, inner: Some(inner) })
    }

    /// The descriptor's owner.
    pub fn get_ref(&self) -> &T {
        self.inner.as_ref().expect("it is there until the AsyncFd is taken apart")
    }

    /// The descriptor's owner, mutably.
    pub fn get_mut(&mut self) -> &mut T {
        self.inner.as_mut().expect("it is there until the AsyncFd is taken apart")
    }

    /// Deregisters the descriptor and gives it back.
    pub fn into_inner(mut self) -> T {
        self.take().expect("it is there until the AsyncFd is taken apart")
    }

    /// The descriptor may live on (`T` may only borrow it), so it has to leave epoll.
    fn take(&mut self) -> Option<T> {
        let inner = self.inner.take()?;
        std::mem::take(&mut self.registration).deregister(inner.as_fd());
        Some(inner)
    }

    /// Waits until a read would not block. Any number of tasks may wait.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if it is dropped.
    ///
    /// # Errors
    ///
    /// On another thread than the one of the runtime that it was made in.
    pub async fn readable(&self) -> io::Result<AsyncFdReadyGuard<'_, T>> {
        self.ready(Interest::READABLE).await
    }

    /// Waits until a write would not block. Any number of tasks may wait.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if it is dropped.
    ///
    /// # Errors
    ///
    /// On another thread than the one of the runtime that it was made in.
    pub async fn writable(&self) -> io::Result<AsyncFdReadyGuard<'_, T>> {
        self.ready(Interest::WRITABLE).await
    }

    /// [`readable`](AsyncFd::readable) or [`writable`](AsyncFd::writable).
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if it is dropped.
    ///
    /// # Errors
    ///
    /// On another thread than the one of the runtime that it was made in.
    pub async fn ready(&self, interest: Interest) -> io::Result<AsyncFdReadyGuard<'_, T>> {
        let ready = self.registration.ready(self.as_fd(), interest).await?;
        Ok(AsyncFdReadyGuard { fd: self, interest, ready })
    }

    /// Runs the non-blocking `op` until it gives something else than `WouldBlock`, waiting in between.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped before it is finished, `op` has done nothing.
    ///
    /// # Errors
    ///
    /// What `op` gives; and on another thread than the one of the runtime that it was made in.
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        mut op: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.registration.async_io(self.as_fd(), interest, || op(self.get_ref()), |_| false).await
    }
}

impl<T: AsFd> AsFd for AsyncFd<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.get_ref().as_fd()
    }
}

impl<T: AsFd> AsRawFd for AsyncFd<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl<T: AsFd> Drop for AsyncFd<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

impl<T: AsFd + fmt::Debug> fmt::Debug for AsyncFd<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFd").field("inner", &self.inner).finish()
    }
}

/// Says that a descriptor was reported ready, until an operation shows that it is not.
///
/// Dropping it leaves the descriptor ready.
#[must_use = "use try_io, or the next wait returns at once"]
pub struct AsyncFdReadyGuard<'a, T: AsFd> {
    fd: &'a AsyncFd<T>,
    interest: Interest,
    ready: Ready,
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
    pub fn clear_ready(&mut self) {
        self.fd.registration.clear_ready(self.interest);
    }

    /// What was reported.
    pub fn ready(&self) -> Ready {
        self.ready
    }

    /// The [`AsyncFd`] that this is about.
    pub fn get_ref(&self) -> &'a AsyncFd<T> {
        self.fd
    }
}

impl<T: AsFd> fmt::Debug for AsyncFdReadyGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFdReadyGuard").field("ready", &self.ready).finish_non_exhaustive()
    }
}

/// The operation gave `WouldBlock`: see [`AsyncFdReadyGuard::try_io`].
#[derive(Debug)]
pub struct TryIoError(());

impl fmt::Display for TryIoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the operation would block: wait for readiness again")
    }
}

impl std::error::Error for TryIoError {}
