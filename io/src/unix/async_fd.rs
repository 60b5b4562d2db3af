//! Any descriptor that epoll can wait for: pipes, eventfd, inotify, timerfd, sockets of other libraries.
//!
//! In tokio: `io/async_fd.rs`.

use super::ready_guard::{AsyncFdReadyGuard, AsyncFdReadyMutGuard};
use ayi_runtime::io::{Interest, Registration};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::task::{Context, Poll, ready};

/// A non-blocking descriptor that can be awaited.
///
/// It owns `T` and closes it when dropped. `T` tells its number, which must stay the same. Wrap a bare number in an
/// `OwnedFd` or a `BorrowedFd`. If the number is closed elsewhere, this value reports what happens to the next file
/// with that number.
///
/// Any number of tasks may wait for it, also for different interests: each is told of what concerns it. If one of them
/// finds the descriptor not ready after all, it stays ready for the other interests.
///
/// The caller performs the operations, and they must not block. `O_NONBLOCK` belongs to the open file description. If a
/// duplicate, or another process, may clear that flag, use calls that never wait, such as recv(2) with `MSG_DONTWAIT`
/// or preadv2(2) with `RWF_NOWAIT`. ayi's own sockets and pipes do so.
///
/// A description that a forked child inherits, or that is duplicated, outlives this value. Dropping this value removes
/// it from this runtime even if a duplicate is still open, and a forked child that drops its copy leaves its parent's
/// registered.
///
/// # Examples
///
/// ```
/// use ayi::io::unix::AsyncFd;
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
pub struct AsyncFd<T: AsRawFd> {
    pub(super) registration: Registration,
    // It stands after the registration, so that it is dropped last.
    inner: T,
}

impl<T: AsRawFd> AsyncFd<T> {
    /// Registers `inner` with the reactor of the current thread's runtime.
    ///
    /// # Errors
    ///
    /// Fails if there is no runtime on this thread, and like epoll_ctl(2): `PermissionDenied` for a descriptor that
    /// epoll cannot wait for, such as a regular file, whose reads never wait and belong on `spawn_blocking`;
    /// `AlreadyExists` if it is registered with this runtime already. `inner` is dropped then;
    /// [`try_new`](AsyncFd::try_new) gives it back.
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
    /// let fd = AsyncFd::new(ours)?;
    /// let file = std::fs::File::open("Cargo.toml")?;
    /// let error = AsyncFd::new(file).unwrap_err(); // never waits: epoll refuses it
    /// assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn new(inner: T) -> io::Result<AsyncFd<T>> {
        AsyncFd::try_new(inner).map_err(|error| error.cause)
    }

    /// Registers `inner` like [`new`](AsyncFd::new), whatever the interest: a descriptor is always registered for
    /// everything. In tokio, one cannot wait for what is not in `interest`.
    ///
    /// # Errors
    ///
    /// Fails like [`new`](AsyncFd::new).
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
    /// let fd = AsyncFd::with_interest(ours, Interest::READABLE)?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn with_interest(inner: T, _interest: Interest) -> io::Result<AsyncFd<T>> {
        AsyncFd::new(inner)
    }

    /// Registers `inner` like [`new`](AsyncFd::new), and gives it back if that fails.
    ///
    /// # Errors
    ///
    /// Fails like [`new`](AsyncFd::new). The error gives `inner` back.
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
    /// let file = std::fs::File::open("Cargo.toml")?;
    /// let (file, cause) = AsyncFd::try_new(file).unwrap_err().into_parts();
    /// println!("{cause}; {} bytes, read otherwise", file.metadata()?.len());
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn try_new(inner: T) -> Result<AsyncFd<T>, AsyncFdTryNewError<T>> {
        ayi_runtime::runtime::check_io();
        let registration = Registration::new();
        match registration.register_raw(inner.as_raw_fd()) {
            Ok(()) => Ok(AsyncFd { registration, inner }),
            Err(cause) => Err(AsyncFdTryNewError { inner, cause }),
        }
    }

    /// Registers `inner` like [`with_interest`](AsyncFd::with_interest), and gives it back if that fails.
    ///
    /// # Errors
    ///
    /// Fails like [`new`](AsyncFd::new). The error gives `inner` back.
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
    /// let fd = AsyncFd::try_with_interest(ours, Interest::READABLE)?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn try_with_interest(inner: T, _interest: Interest) -> Result<AsyncFd<T>, AsyncFdTryNewError<T>> {
        AsyncFd::try_new(inner)
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
    /// println!("{:?}", fd.get_ref().peer_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_ref(&self) -> &T {
        &self.inner
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
    /// let n = fd.get_mut().read(&mut [0; 8])?;
    /// # assert_eq!(n, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.inner
    }

    /// Deregisters the descriptor and gives it back.
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
    /// let ours = fd.into_inner();
    /// ours.set_nonblocking(false)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_inner(self) -> T {
        let AsyncFd { registration, inner } = self;
        drop(registration);
        inner
    }

    /// Waits until a read would not block. Any number of tasks may wait.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped.
    ///
    /// # Errors
    ///
    /// Fails on any thread other than that of the runtime it was made in, and after that runtime has ended.
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
    /// let result = guard.try_io(|fd| fd.get_ref().read(&mut [0; 8]));
    /// assert_eq!(result.expect("there is something").unwrap(), 5);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn readable(&self) -> io::Result<AsyncFdReadyGuard<'_, T>> {
        self.ready(Interest::READABLE).await
    }

    /// Waits like [`readable`](AsyncFd::readable), and returns a guard that lends the owner mutably.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped.
    ///
    /// # Errors
    ///
    /// Fails on any thread other than that of the runtime it was made in, and after that runtime has ended.
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
    /// let result = guard.try_io(|fd| fd.get_mut().read(&mut [0; 8]));
    /// assert_eq!(result.expect("there is something").unwrap(), 5);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn readable_mut(&mut self) -> io::Result<AsyncFdReadyMutGuard<'_, T>> {
        self.ready_mut(Interest::READABLE).await
    }

    /// Waits until a write would not block. Any number of tasks may wait.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped.
    ///
    /// # Errors
    ///
    /// Fails on any thread other than that of the runtime it was made in, and after that runtime has ended.
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
    /// let result = guard.try_io(|fd| fd.get_ref().write(b"tea"));
    /// assert_eq!(result.expect("there is room").unwrap(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn writable(&self) -> io::Result<AsyncFdReadyGuard<'_, T>> {
        self.ready(Interest::WRITABLE).await
    }

    /// Waits like [`writable`](AsyncFd::writable), and returns a guard that lends the owner mutably.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped.
    ///
    /// # Errors
    ///
    /// Fails on any thread other than that of the runtime it was made in, and after that runtime has ended.
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
    /// let mut guard = fd.writable_mut().await?;
    /// let result = guard.try_io(|fd| fd.get_mut().write(b"tea"));
    /// assert_eq!(result.expect("there is room").unwrap(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn writable_mut(&mut self) -> io::Result<AsyncFdReadyMutGuard<'_, T>> {
        self.ready_mut(Interest::WRITABLE).await
    }

    /// Waits until the descriptor is ready for one of `interest`. Any number of tasks may wait.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped.
    ///
    /// # Errors
    ///
    /// Fails on any thread other than that of the runtime it was made in, and after that runtime has ended.
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
    /// let guard = fd.ready(Interest::READABLE | Interest::WRITABLE).await?;
    /// if guard.ready().is_readable() {
    ///     // read
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn ready(&self, interest: Interest) -> io::Result<AsyncFdReadyGuard<'_, T>> {
        let event = self.registration.ready_event_raw(self.as_raw_fd(), interest).await?;
        Ok(AsyncFdReadyGuard::new(self, event))
    }

    /// Waits like [`ready`](AsyncFd::ready), and returns a guard that lends the owner mutably.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped.
    ///
    /// # Errors
    ///
    /// Fails on any thread other than that of the runtime it was made in, and after that runtime has ended.
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
    /// let mut guard = fd.ready_mut(Interest::READABLE).await?;
    /// guard.get_inner_mut().read(&mut [0; 8])?;
    /// guard.clear_ready(); // no more is expected
    /// # Ok(())
    /// # }
    /// ```
    pub async fn ready_mut(&mut self, interest: Interest) -> io::Result<AsyncFdReadyMutGuard<'_, T>> {
        let event = self.registration.ready_event_raw(self.as_raw_fd(), interest).await?;
        Ok(AsyncFdReadyMutGuard::new(self, event))
    }

    /// Polls for read readiness, like [`readable`](AsyncFd::readable).
    ///
    /// # Errors
    ///
    /// Fails like [`readable`](AsyncFd::readable).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use std::future::poll_fn;
    /// # use ayi::io::{Interest, unix::AsyncFd};
    /// # use std::io::{Read, Write};
    /// # let (ours, mut theirs) = std::os::unix::net::UnixStream::pair()?;
    /// # ours.set_nonblocking(true)?;
    /// # theirs.write_all(b"water")?;
    /// # let fd = AsyncFd::new(ours)?;
    /// let guard = poll_fn(|cx| fd.poll_read_ready(cx)).await?;
    /// assert!(guard.ready().is_readable());
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<AsyncFdReadyGuard<'_, T>>> {
        self.poll_ready(Interest::READABLE, cx)
    }

    /// Polls for read readiness, like [`readable_mut`](AsyncFd::readable_mut).
    ///
    /// # Errors
    ///
    /// Fails like [`readable`](AsyncFd::readable).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use std::task::Poll;
    /// # use ayi::io::{Interest, unix::AsyncFd};
    /// # use std::io::{Read, Write};
    /// # let (ours, mut theirs) = std::os::unix::net::UnixStream::pair()?;
    /// # ours.set_nonblocking(true)?;
    /// # theirs.write_all(b"water")?;
    /// # let mut fd = AsyncFd::new(ours)?;
    /// let is_ready = std::future::poll_fn(|cx| match fd.poll_read_ready_mut(cx) {
    ///     Poll::Ready(guard) => Poll::Ready(guard.map(|guard| guard.ready().is_readable())),
    ///     Poll::Pending => Poll::Pending,
    /// });
    /// assert!(is_ready.await?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_read_ready_mut(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyMutGuard<'_, T>>> {
        self.poll_ready_mut(Interest::READABLE, cx)
    }

    /// Polls for write readiness, like [`writable`](AsyncFd::writable).
    ///
    /// # Errors
    ///
    /// Fails like [`writable`](AsyncFd::writable).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use std::future::poll_fn;
    /// # use ayi::io::{Interest, unix::AsyncFd};
    /// # use std::io::{Read, Write};
    /// # let (ours, mut theirs) = std::os::unix::net::UnixStream::pair()?;
    /// # ours.set_nonblocking(true)?;
    /// # theirs.write_all(b"water")?;
    /// # let fd = AsyncFd::new(ours)?;
    /// let guard = poll_fn(|cx| fd.poll_write_ready(cx)).await?;
    /// assert!(guard.ready().is_writable());
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<AsyncFdReadyGuard<'_, T>>> {
        self.poll_ready(Interest::WRITABLE, cx)
    }

    /// Polls for write readiness, like [`writable_mut`](AsyncFd::writable_mut).
    ///
    /// # Errors
    ///
    /// Fails like [`writable`](AsyncFd::writable).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use std::task::Poll;
    /// # use ayi::io::{Interest, unix::AsyncFd};
    /// # use std::io::{Read, Write};
    /// # let (ours, mut theirs) = std::os::unix::net::UnixStream::pair()?;
    /// # ours.set_nonblocking(true)?;
    /// # theirs.write_all(b"water")?;
    /// # let mut fd = AsyncFd::new(ours)?;
    /// let is_ready = std::future::poll_fn(|cx| match fd.poll_write_ready_mut(cx) {
    ///     Poll::Ready(guard) => Poll::Ready(guard.map(|guard| guard.ready().is_writable())),
    ///     Poll::Pending => Poll::Pending,
    /// });
    /// assert!(is_ready.await?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_write_ready_mut(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyMutGuard<'_, T>>> {
        self.poll_ready_mut(Interest::WRITABLE, cx)
    }

    fn poll_ready(
        &self,
        interest: Interest,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyGuard<'_, T>>> {
        let event = ready!(self.registration.poll_ready_event_raw(self.as_raw_fd(), interest, cx))?;
        Poll::Ready(Ok(AsyncFdReadyGuard::new(self, event)))
    }

    fn poll_ready_mut(
        &mut self,
        interest: Interest,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyMutGuard<'_, T>>> {
        let event = ready!(self.registration.poll_ready_event_raw(self.as_raw_fd(), interest, cx))?;
        Poll::Ready(Ok(AsyncFdReadyMutGuard::new(self, event)))
    }

    /// Tries the non-blocking `op` once, if the kernel has reported that the descriptor is ready. If `op` returns
    /// `WouldBlock`, the descriptor counts as not ready until the kernel reports it again.
    ///
    /// Reports come with the turns of the runtime, so a new `AsyncFd` is not ready yet.
    ///
    /// # Errors
    ///
    /// Returns `WouldBlock`, without calling `op`, if the descriptor is not known to be ready. Otherwise it returns the
    /// errors of `op`.
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
    /// # drop(fd.readable().await?);
    /// let mut buf = [0; 8];
    /// let n = fd.try_io(Interest::READABLE, |mut ours| ours.read(&mut buf))?;
    /// # assert_eq!(n, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_io<R>(&self, interest: Interest, op: impl FnOnce(&T) -> io::Result<R>) -> io::Result<R> {
        if !self.registration.may_try(interest) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.registration.try_io(interest, || op(self.get_ref()))
    }

    /// Tries `op` like [`try_io`](AsyncFd::try_io), lending the owner mutably.
    ///
    /// # Errors
    ///
    /// Fails like [`try_io`](AsyncFd::try_io).
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
    /// # drop(fd.readable().await?);
    /// let mut buf = [0; 8];
    /// let n = fd.try_io_mut(Interest::READABLE, |ours| ours.read(&mut buf))?;
    /// # assert_eq!(n, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_io_mut<R>(
        &mut self,
        interest: Interest,
        op: impl FnOnce(&mut T) -> io::Result<R>,
    ) -> io::Result<R> {
        if !self.registration.may_try(interest) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.registration.try_io(interest, || op(&mut self.inner))
    }

    /// Runs the non-blocking `op` until it returns anything other than `WouldBlock`, waiting in between.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is finished, `op` has done nothing.
    ///
    /// # Errors
    ///
    /// Returns the errors of `op`, and fails like [`readable`](AsyncFd::readable).
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
    /// let mut buf = [0; 8];
    /// let n = fd.async_io(Interest::READABLE, |mut ours| ours.read(&mut buf)).await?;
    /// assert_eq!(&buf[..n], b"water");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        mut op: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.registration.async_io_raw(self.as_raw_fd(), interest, || op(self.get_ref()), |_| false).await
    }

    /// Runs `op` like [`async_io`](AsyncFd::async_io), lending the owner mutably.
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as [`async_io`](AsyncFd::async_io).
    ///
    /// # Errors
    ///
    /// Fails like [`async_io`](AsyncFd::async_io).
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
    /// let mut buf = [0; 8];
    /// let n = fd.async_io_mut(Interest::READABLE, |ours| ours.read(&mut buf)).await?;
    /// assert_eq!(&buf[..n], b"water");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn async_io_mut<R>(
        &mut self,
        interest: Interest,
        mut op: impl FnMut(&mut T) -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            let mut guard = self.ready_mut(interest).await?;
            if let Ok(result) = guard.try_io(|fd| op(fd.get_mut())) {
                return result;
            }
        }
    }
}

/// Only for owners that lend their descriptor. tokio's `AsyncFd` lends what any `AsRawFd` says.
impl<T: AsRawFd + AsFd> AsFd for AsyncFd<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.get_ref().as_fd()
    }
}

impl<T: AsRawFd> AsRawFd for AsyncFd<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.get_ref().as_raw_fd()
    }
}

impl<T: AsRawFd + fmt::Debug> fmt::Debug for AsyncFd<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFd").field("inner", &self.inner).finish()
    }
}

/// The error of [`AsyncFd::try_new`]: why it failed, with the descriptor's owner.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// use ayi::io::unix::AsyncFd;
/// let file = std::fs::File::open("Cargo.toml")?;
/// let error = AsyncFd::try_new(file).unwrap_err();
/// println!("{error}");
/// let (file, cause): (std::fs::File, std::io::Error) = error.into_parts();
/// # Ok(())
/// # }
/// ```
pub struct AsyncFdTryNewError<T> {
    inner: T,
    cause: io::Error,
}

impl<T> AsyncFdTryNewError<T> {
    /// Returns the descriptor's owner, and why it could not be registered.
    pub fn into_parts(self) -> (T, io::Error) {
        (self.inner, self.cause)
    }
}

impl<T> fmt::Debug for AsyncFdTryNewError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl<T> fmt::Display for AsyncFdTryNewError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl<T> std::error::Error for AsyncFdTryNewError<T> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

impl<T> From<AsyncFdTryNewError<T>> for io::Error {
    fn from(error: AsyncFdTryNewError<T>) -> io::Error {
        error.cause
    }
}
