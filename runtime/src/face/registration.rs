//! A [`Registration`] as socket types see it.

use crate::core::ready::{Interest, Known};
use crate::core::wait::reactor::Seen;
use crate::core::wait::registration::Io;
use crate::core::wait::waiting::{Wait, Waiting};
use crate::core::wait::{Registration, SourceKey, Waiter};
use crate::face::ready::Ready;
use crate::plugged::{Origin, SocketTrace, Tie};
#[cfg(faults)]
use crate::services::faults;
use std::fmt;
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::task::{Context, Poll};

impl Registration {
    /// Creates a registration for a socket of which subscribers of `tracing` are told. `names` returns the socket's
    /// type, and what kind of resource it is.
    #[doc(hidden)]
    #[inline]
    pub fn traced(names: impl FnOnce() -> (&'static str, &'static str), fd: BorrowedFd<'_>) -> Registration {
        Registration {
            tie: Tie::default(),
            origin: Origin::here(),
            trace: SocketTrace::new(names, fd.as_raw_fd()),
        }
    }

    /// Like [`traced`](Registration::traced), for a socket that was accepted: it is taken for ready until an attempt fails.
    #[doc(hidden)]
    #[inline]
    pub fn fresh(names: impl FnOnce() -> (&'static str, &'static str), fd: BorrowedFd<'_>) -> Registration {
        Registration { tie: Tie::fresh(), ..Registration::traced(names, fd) }
    }

    /// Ties the registration to the current thread's runtime now. Otherwise that happens when an operation first has to
    /// wait.
    ///
    /// # Errors
    ///
    /// Fails if there is no runtime on this thread, or if others wait for the descriptor in another one. Otherwise it returns
    /// what epoll_ctl(2) reports, for example `PermissionDenied` for a descriptor that cannot be waited for, such as a
    /// regular file.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::io::{Interest, Registration};
    /// # use std::{io::{Read, Write}, os::fd::AsFd, os::unix::net::UnixStream};
    /// # let (stream, mut peer) = UnixStream::pair()?;
    /// # stream.set_nonblocking(true)?;
    /// # peer.write_all(b"tea")?;
    /// # let registration = Registration::new();
    /// # let fd = stream.as_fd();
    /// registration.register(fd)?; // else at the first operation that has to wait
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn register(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.register_raw(fd.as_raw_fd())
    }

    /// Runs `op` as soon as it need not wait.
    ///
    /// `op` is one non-blocking attempt. It is called again when it returns `Interrupted`. When it returns
    /// `WouldBlock`, it is called again after the descriptor has become ready.
    ///
    /// `is_short` says of a result that it was a short transfer on a byte stream, that is, a socket or a pipe. Then the
    /// kernel has nothing left, see epoll(7), and the next operation waits for a report instead of asking. If a short
    /// transfer does not mean that the descriptor is drained, pass `|_| false`.
    ///
    /// # Errors
    ///
    /// Returns the errors of `op`, and otherwise fails like [`register`](Registration::register).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::future::poll_fn;
    /// # use ayi::io::{Interest, Registration};
    /// # use std::{io::{Read, Write}, os::fd::AsFd, os::unix::net::UnixStream};
    /// # let (stream, mut peer) = UnixStream::pair()?;
    /// # stream.set_nonblocking(true)?;
    /// # peer.write_all(b"tea")?;
    /// # let registration = Registration::new();
    /// # let fd = stream.as_fd();
    /// let mut buf = [0; 8];
    /// let read = |cx: &mut std::task::Context<'_>| {
    ///     registration.poll_io(fd, Interest::READABLE, cx, || (&stream).read(&mut buf), |_| false)
    /// };
    /// assert_eq!(poll_fn(read).await?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn poll_io<R>(
        &self,
        fd: BorrowedFd<'_>,
        interest: Interest,
        cx: &mut Context<'_>,
        op: impl FnMut() -> io::Result<R>,
        is_short: impl Fn(&R) -> bool,
    ) -> Poll<io::Result<R>> {
        // By value: what is polled by reference would lie in memory.
        self.trace.poll_shared(interest, || self.poll_with(fd.as_raw_fd(), interest, None, cx, op, is_short))
    }

    /// Runs `op` as soon as it need not wait, like [`poll_io`](Registration::poll_io). Any number of tasks may wait in
    /// this function at once.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is finished, `op` has done nothing: its last call returned `WouldBlock`.
    ///
    /// # Errors
    ///
    /// Fails like [`poll_io`](Registration::poll_io).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::io::{Interest, Registration};
    /// # use std::{io::{Read, Write}, os::fd::AsFd, os::unix::net::UnixStream};
    /// # let (stream, mut peer) = UnixStream::pair()?;
    /// # stream.set_nonblocking(true)?;
    /// # peer.write_all(b"tea")?;
    /// # let registration = Registration::new();
    /// # let fd = stream.as_fd();
    /// let mut buf = [0; 8];
    /// let n = registration.async_io(fd, Interest::READABLE, || (&stream).read(&mut buf), |_| false).await?;
    /// # assert_eq!(n, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn async_io<R>(
        &self,
        fd: BorrowedFd<'_>,
        interest: Interest,
        op: impl FnMut() -> io::Result<R>,
        is_short: impl Fn(&R) -> bool,
    ) -> impl Future<Output = io::Result<R>> {
        self.async_io_raw(fd.as_raw_fd(), interest, op, is_short)
    }

    /// Tries `op` once. If it returns `WouldBlock`, the descriptor counts as not ready for `interest` until the next
    /// report.
    ///
    /// # Errors
    ///
    /// Returns the errors of `op`, including `WouldBlock`.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::io::{Interest, Registration};
    /// # use std::{io::{Read, Write}, os::fd::AsFd, os::unix::net::UnixStream};
    /// # let (stream, mut peer) = UnixStream::pair()?;
    /// # stream.set_nonblocking(true)?;
    /// # peer.write_all(b"tea")?;
    /// # let registration = Registration::new();
    /// # let fd = stream.as_fd();
    /// registration.ready(fd, Interest::READABLE).await?;
    /// let n = registration.try_io(Interest::READABLE, || (&stream).read(&mut [0; 8]))?;
    /// # assert_eq!(n, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn try_io<R>(&self, interest: Interest, op: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        #[cfg(faults)]
        let op = || faults::within(faults::Operation::Tried, op);
        // Read before the attempt, since the reactor may turn during it.
        let key = self.tie.key();
        let seen = key.seen_here();
        let result = op();
        if let Err(error) = &result {
            self.has_failed(error, key, interest, seen);
        }
        result
    }

    /// An attempt has failed. If it would have to wait, the descriptor is not ready.
    #[cold]
    fn has_failed(&self, error: &io::Error, key: SourceKey, interest: Interest, seen: Option<Seen>) {
        if error.kind() != ErrorKind::WouldBlock {
            return;
        }
        match seen {
            Some(_) => _ = key.with(|reactor, key| reactor.clear(key, interest, seen)),
            None => _ = self.tie.exchange(SourceKey::FRESH, SourceKey::NONE),
        }
    }

    /// Takes the descriptor out of epoll, for a descriptor that outlives the registration, as in `into_std`. Dropping
    /// the registration does the same, on whatever thread.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::io::{Interest, Registration};
    /// # use std::{io::{Read, Write}, os::fd::AsFd, os::unix::net::UnixStream};
    /// # let (stream, mut peer) = UnixStream::pair()?;
    /// # stream.set_nonblocking(true)?;
    /// # peer.write_all(b"tea")?;
    /// # let registration = Registration::new();
    /// # let fd = stream.as_fd();
    /// registration.register(fd)?;
    /// registration.deregister(fd); // the descriptor lives on, and may be registered elsewhere
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn deregister(self, fd: BorrowedFd<'_>) {
        let _is_open = fd;
    }

    /// Records `ready` as if the kernel had reported it, and wakes the tasks that it concerns. It is for events that
    /// the kernel does not report.
    #[doc(hidden)]
    pub fn report(&self, ready: Ready) {
        self.tie.key().report(Known::saying(ready));
    }

    /// Works like [`poll_io`](Registration::poll_io), for a future that waits by `waiter`.
    #[doc(hidden)]
    #[inline]
    pub fn poll_with<R>(
        &self,
        fd: RawFd,
        interest: Interest,
        waiter: Option<&mut Waiter>,
        cx: &mut Context<'_>,
        op: impl FnMut() -> io::Result<R>,
        is_short: impl Fn(&R) -> bool,
    ) -> Poll<io::Result<R>> {
        self.poll_either::<false, R>(move || fd, interest, waiter, cx, op, is_short)
    }

    /// Works like [`poll_with`](Registration::poll_with), for an `op` that makes system calls and runs no foreign code. `fd`
    /// is asked only if an attempt has failed.
    #[doc(hidden)]
    #[inline(always)]
    pub fn poll_call<R>(
        &self,
        fd: impl Fn() -> RawFd,
        interest: Interest,
        waiter: Option<&mut Waiter>,
        cx: &mut Context<'_>,
        op: impl FnMut() -> io::Result<R>,
        is_short: impl Fn(&R) -> bool,
    ) -> Poll<io::Result<R>> {
        self.poll_either::<true, R>(fd, interest, waiter, cx, op, is_short)
    }

    #[inline(always)]
    fn poll_either<const IS_CALL: bool, R>(
        &self,
        fd: impl Fn() -> RawFd,
        interest: Interest,
        waiter: Option<&mut Waiter>,
        cx: &mut Context<'_>,
        #[cfg_attr(not(faults), allow(unused_mut))] mut op: impl FnMut() -> io::Result<R>,
        is_short: impl Fn(&R) -> bool,
    ) -> Poll<io::Result<R>> {
        #[cfg(faults)]
        let operation = faults::Operation::On(fd());
        #[cfg(faults)]
        let op = || faults::within(operation, &mut op);
        Io::<_, _, _, IS_CALL> { registration: self, fd, interest, op, is_short }.poll(waiter, cx)
    }

    /// Works like [`poll_call`](Registration::poll_call), for a caller who is known by its waker only.
    #[doc(hidden)]
    #[inline(always)]
    pub fn poll_call_shared<R>(
        &self,
        fd: impl Fn() -> RawFd,
        interest: Interest,
        cx: &mut Context<'_>,
        op: impl FnMut() -> io::Result<R>,
        is_short: impl Fn(&R) -> bool,
    ) -> Poll<io::Result<R>> {
        self.trace.poll_shared(interest, || self.poll_call(fd, interest, None, cx, op, is_short))
    }
}

/// The same for `AsyncFd`, whose owner tells a number and does not lend the descriptor. A number that is no open
/// descriptor gives an error of the kernel, so nothing here is unsafe.
impl Registration {
    #[doc(hidden)]
    pub fn register_raw(&self, fd: RawFd) -> io::Result<()> {
        self.tie(fd)
    }

    #[doc(hidden)]
    pub fn async_io_raw<R>(
        &self,
        fd: RawFd,
        interest: Interest,
        op: impl FnMut() -> io::Result<R>,
        is_short: impl Fn(&R) -> bool,
    ) -> impl Future<Output = io::Result<R>> {
        Waiting::new(Io::<_, _, _, false> { registration: self, fd: move || fd, interest, op, is_short })
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").field("registered", &!self.tie.key().is_untied()).finish()
    }
}

impl<'a, R, Fd, Op, IsShort> Wait<'a> for Io<'a, Fd, Op, IsShort, false>
where
    Fd: Fn() -> RawFd,
    Op: FnMut() -> io::Result<R>,
    IsShort: Fn(&R) -> bool,
{
    type Output = io::Result<R>;

    fn registration(&self) -> &'a Registration {
        self.registration
    }

    fn interest(&self) -> Interest {
        self.interest
    }

    #[inline]
    fn poll(&mut self, waiter: &mut Waiter, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        self.registration.poll_with(
            (self.fd)(),
            self.interest,
            Some(waiter),
            cx,
            &mut self.op,
            &self.is_short,
        )
    }
}
