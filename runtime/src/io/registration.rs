//! The seam between socket types and the reactor.
//!
//! In tokio: `runtime/io/registration.rs` and `io/poll_evented.rs`.

#[cfg(feature = "tracing")]
use super::traced::Trace;
use super::{Interest, Ready};
use crate::coop;
use crate::counters::Count;
use crate::executor::{Local, RuntimeRef};
#[cfg(faults)]
use crate::faults;
use crate::reactor::{SourceKey, Waiter};
#[cfg(feature = "tracing")]
use crate::trace::Op;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
#[cfg(any(feature = "tracing", faults))]
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

/// The tie between one file descriptor and the reactor of one runtime.
///
/// A new registration is tied to nothing. The first operation that would block ties it to the runtime of the
/// current thread; from then on it can wait there only, and gives an error elsewhere. The descriptor must be
/// non-blocking, be the same in every call, and stay open for as long as the registration exists: put the
/// registration *before* the descriptor in a struct, so that it is dropped first.
///
/// The `async` functions may be waiting in any number of tasks at once. The `poll_…` functions keep the wakers of
/// the latest 64 different tasks a direction; one that is pushed out is woken and can poll again.
///
/// # Examples
///
/// A pipe end that can be awaited:
///
/// ```
/// use ayi_runtime::io::{Interest, Registration};
/// use std::{io::Read, os::fd::AsFd};
///
/// struct Receiver {
///     registration: Registration, // before the descriptor
///     pipe: std::os::unix::net::UnixStream,
/// }
///
/// impl Receiver {
///     async fn read(&self, buf: &mut [u8]) -> std::io::Result<usize> {
///         let (fd, len) = (self.pipe.as_fd(), buf.len());
///         let is_short = |n: &usize| 0 < *n && *n < len;
///         self.registration.async_io(fd, Interest::READABLE, || (&self.pipe).read(buf), is_short).await
///     }
/// }
/// ```
#[derive(Default)]
pub struct Registration {
    source: OnceLock<Source>,
    #[cfg(feature = "tracing")]
    trace: Option<Box<Trace>>,
}

struct Source {
    runtime: RuntimeRef,
    key: SourceKey,
}

impl Registration {
    /// Tied to no runtime yet.
    pub const fn new() -> Registration {
        Registration {
            source: OnceLock::new(),
            #[cfg(feature = "tracing")]
            trace: None,
        }
    }

    /// As `new`, for a socket of which subscribers of `tracing` are told.
    #[cfg(feature = "tracing")]
    #[doc(hidden)]
    pub fn traced(concrete_type: &'static str, kind: &'static str, fd: BorrowedFd<'_>) -> Registration {
        let trace = Trace::new(concrete_type, kind, fd.as_raw_fd());
        Registration { source: OnceLock::new(), trace }
    }

    /// Ties it to the current thread's runtime now. Otherwise that happens when an operation first has to wait.
    ///
    /// # Errors
    ///
    /// If there is no runtime on this thread, if the registration is tied to another, or as epoll_ctl(2) says:
    /// `PermissionDenied` for a descriptor that cannot be waited for, such as a regular file.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi_runtime::io::{Interest, Registration};
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
        self.tied(fd).map(drop)
    }

    /// Runs `op` as soon as it need not wait.
    ///
    /// `op` is one non-blocking attempt; it is called again when it gives `Interrupted`, and after the
    /// descriptor has become ready when it gives `WouldBlock`.
    ///
    /// `is_short` says of a result that it was a short transfer on a byte stream (a socket or a pipe). Then the
    /// kernel has nothing left, see epoll(7), and the next operation waits for a report instead of asking. Where
    /// short does not mean empty, it is `|_| false`.
    ///
    /// # Errors
    ///
    /// What `op` gives, and what [`register`](Registration::register) gives.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::future::poll_fn;
    /// # use ayi_runtime::io::{Interest, Registration};
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
    pub fn poll_io<R>(
        &self,
        fd: BorrowedFd<'_>,
        interest: Interest,
        cx: &mut Context<'_>,
        op: impl FnMut() -> io::Result<R>,
        is_short: impl Fn(&R) -> bool,
    ) -> Poll<io::Result<R>> {
        let mut waiter = Waiter::POLL_STYLE;
        #[cfg(feature = "tracing")]
        if let Some(trace) = &self.trace {
            let poll = || self.poll_with(fd, interest, &mut waiter, cx, op, is_short);
            return trace.poll_shared(interest, poll);
        }
        self.poll_with(fd, interest, &mut waiter, cx, op, is_short)
    }

    /// Waits until the descriptor is ready, and says for what.
    ///
    /// # Errors
    ///
    /// As [`register`](Registration::register).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::future::poll_fn;
    /// # use ayi_runtime::io::{Interest, Registration};
    /// # use std::{io::{Read, Write}, os::fd::AsFd, os::unix::net::UnixStream};
    /// # let (stream, mut peer) = UnixStream::pair()?;
    /// # stream.set_nonblocking(true)?;
    /// # peer.write_all(b"tea")?;
    /// # let registration = Registration::new();
    /// # let fd = stream.as_fd();
    /// let ready = poll_fn(|cx| registration.poll_ready(fd, Interest::READABLE, cx)).await?;
    /// assert!(ready.is_readable());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn poll_ready(
        &self,
        fd: BorrowedFd<'_>,
        interest: Interest,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Ready>> {
        self.poll_io(fd, interest, cx, || self.known_ready(interest), |_| false)
    }

    /// [`poll_io`](Registration::poll_io), awaited; any number of tasks may do so.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped before it is finished, `op` has done nothing: its last call gave `WouldBlock`.
    ///
    /// # Errors
    ///
    /// As `poll_io`.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi_runtime::io::{Interest, Registration};
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
        mut op: impl FnMut() -> io::Result<R>,
        is_short: impl Fn(&R) -> bool,
    ) -> impl Future<Output = io::Result<R>> {
        let mut waiting = Waiting {
            registration: self,
            interest,
            waiter: Waiter::NEW,
            #[cfg(feature = "tracing")]
            op: None,
        };
        poll_fn(move |cx| {
            // (So that the closure takes all of it with it, not a copy of the number.)
            let waiting = &mut waiting;
            #[cfg(feature = "tracing")]
            if let Some(trace) = &self.trace {
                let poll = || self.poll_with(fd, interest, &mut waiting.waiter, cx, &mut op, &is_short);
                return trace.poll(interest, &mut waiting.op, poll);
            }
            self.poll_with(fd, interest, &mut waiting.waiter, cx, &mut op, &is_short)
        })
    }

    /// [`poll_ready`](Registration::poll_ready), awaited; any number of tasks may do so.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if it is dropped.
    ///
    /// # Errors
    ///
    /// As `poll_ready`.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi_runtime::io::{Interest, Registration};
    /// # use std::{io::{Read, Write}, os::fd::AsFd, os::unix::net::UnixStream};
    /// # let (stream, mut peer) = UnixStream::pair()?;
    /// # stream.set_nonblocking(true)?;
    /// # peer.write_all(b"tea")?;
    /// # let registration = Registration::new();
    /// # let fd = stream.as_fd();
    /// let ready = registration.ready(fd, Interest::READABLE | Interest::WRITABLE).await?;
    /// assert!(ready.is_writable());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn ready(&self, fd: BorrowedFd<'_>, interest: Interest) -> impl Future<Output = io::Result<Ready>> {
        self.async_io(fd, interest, move || self.known_ready(interest), |_| false)
    }

    /// Tries `op` once. If it gives `WouldBlock`, the descriptor counts as not ready until the next report.
    ///
    /// # Errors
    ///
    /// What `op` gives, `WouldBlock` among them.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi_runtime::io::{Interest, Registration};
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
        let result = op();
        if matches!(&result, Err(error) if error.kind() == ErrorKind::WouldBlock) {
            self.clear_ready(interest);
        }
        result
    }

    /// Takes the descriptor out of epoll, for when it lives on without the registration (`into_std`).
    ///
    /// If it is tied to the runtime of another thread, it stays in that one's epoll until it is closed, which
    /// costs that runtime a needless wake-up now and then, no more.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi_runtime::io::{Interest, Registration};
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
        self.source.get().inspect(|source| source.forget(fd));
    }

    /// Takes the descriptor for not ready until the next report. Only right after `WouldBlock`: since reports are
    /// edge-triggered, whoever clears without having drained waits for ever.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi_runtime::io::{Interest, Registration};
    /// # use std::{io::{Read, Write}, os::fd::AsFd, os::unix::net::UnixStream};
    /// # let (stream, mut peer) = UnixStream::pair()?;
    /// # stream.set_nonblocking(true)?;
    /// # peer.write_all(b"tea")?;
    /// # let registration = Registration::new();
    /// # let fd = stream.as_fd();
    /// registration.ready(fd, Interest::READABLE).await?;
    /// while (&stream).read(&mut [0; 8]).is_ok() {}
    /// registration.clear_ready(Interest::READABLE); // the last read gave WouldBlock
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn clear_ready(&self, interest: Interest) {
        if let Some(source) = self.source.get() {
            source.runtime.with_local(|local| local.reactor().clear(source.key, interest));
        }
    }

    /// As [`clear_ready`](Registration::clear_ready), of what is in `ready` only.
    pub fn clear_ready_matching(&self, ready: Ready) {
        if let Some(source) = self.source.get() {
            source.runtime.with_local(|local| local.reactor().clear_matching(source.key, ready));
        }
    }

    /// As an operation: gives `WouldBlock` if nothing is known to be ready.
    fn known_ready(&self, interest: Interest) -> io::Result<Ready> {
        let known =
            |source: &Source| source.runtime.with_local(|local| local.reactor().ready(source.key, interest));
        let ready = self.source.get().and_then(known).filter(|ready| !ready.is_empty());
        ready.ok_or(ErrorKind::WouldBlock.into())
    }

    fn poll_with<R>(
        &self,
        fd: BorrowedFd<'_>,
        interest: Interest,
        waiter: &mut Waiter,
        cx: &mut Context<'_>,
        mut op: impl FnMut() -> io::Result<R>,
        is_short: impl Fn(&R) -> bool,
    ) -> Poll<io::Result<R>> {
        #[cfg(faults)]
        let mut op = || faults::within(faults::Operation::On(fd.as_raw_fd()), &mut op);
        coop::poll_charged(cx, |cx| {
            // Tied already: to a runtime on this thread, or this is an error.
            if let Some(source) = self.source.get() {
                if !source.is_ready(interest)? {
                    source.wait_for(interest, waiter, cx.waker().clone());
                    return Poll::Pending;
                }
                // It has not waited since the report that made it ready, for that has taken its waker.
                if *waiter != Waiter::POLL_STYLE {
                    *waiter = Waiter::NEW;
                }
            }
            let result = loop {
                match op() {
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    result => break result,
                }
            };
            match &result {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let (local, key) = self.tied(fd)?;
                    local.reactor().clear(key, interest);
                    local.wait_for(key, interest, waiter, cx.waker().clone());
                    return Poll::Pending;
                }
                Ok(moved) if is_short(moved) => {
                    let clear = |source: &Source| {
                        let clear = |local: &Local| local.reactor().clear_after_short(source.key, interest);
                        source.runtime.with_local(clear)
                    };
                    self.source.get().map(clear);
                }
                _ => {}
            }
            Poll::Ready(result)
        })
    }

    /// The runtime of this thread and the source there; makes the tie if there is none.
    fn tied(&self, fd: BorrowedFd<'_>) -> io::Result<(Rc<Local>, SourceKey)> {
        if let Some(source) = self.source.get() {
            return source.here();
        }
        let local = Local::current_for_io(None)?;
        let mut registered = local.reactor().register(fd);
        if matches!(&registered, Err(error) if error.kind() == ErrorKind::AlreadyExists) {
            // Perhaps another thread has given it up, and its message is still unread.
            local.tasks().drain_inbox();
            // (That may have run foreign code, and so have ended the runtime.)
            Local::current_for_io(Some(local.reference()))?;
            registered = local.reactor().register(fd);
        }
        let key = registered?;
        local.counters().add(Count::Registered, 1);
        let source = Source { runtime: local.reference(), key };
        if let Err(source) = self.source.set(source) {
            // Another thread was faster: the tie is to its runtime.
            source.forget(fd);
            return self.tied(fd);
        }
        Ok((local, key))
    }
}

impl Source {
    fn here(&self) -> io::Result<(Rc<Local>, SourceKey)> {
        Ok((Local::current_for_io(Some(self.runtime))?, self.key))
    }

    /// Whether anything is known to be ready.
    #[inline]
    fn is_ready(&self, interest: Interest) -> io::Result<bool> {
        let ask = |local: &Local| {
            (!local.is_shut_down()).then(|| !local.reactor().ready(self.key, interest).is_empty())
        };
        match self.runtime.with_local(ask).flatten() {
            Some(is_ready) => Ok(is_ready),
            None => Err(self.why_not_here()),
        }
    }

    #[cold]
    fn why_not_here(&self) -> io::Error {
        self.here().map(drop).expect_err("it is not here")
    }

    /// For one that is here.
    fn wait_for(&self, interest: Interest, waiter: &mut Waiter, waker: Waker) {
        let wait = |local: &Local| local.reactor().wait(self.key, interest, waiter, waker);
        // Foreign code, when nothing is borrowed any more.
        if let Some((waker, settle)) = self.runtime.with_local(wait).flatten() {
            settle(waker);
        }
    }

    /// Takes the descriptor, which lives on, out of the epoll of a runtime that lives on this thread.
    fn forget(&self, fd: BorrowedFd<'_>) {
        if let Some(local) = Local::find(self.runtime) {
            local.reactor().forget(self.key, fd);
        }
    }
}

impl Drop for Source {
    /// On another thread the owner is asked to do it; if its runtime is gone, so is the source.
    fn drop(&mut self) {
        let key = self.key;
        self.runtime.send(move |local| {
            let wakers = local.reactor().deregister(key);
            local.counters().add(Count::Deregistered, 1);
            // Foreign code, so after the borrow.
            drop(wakers);
        });
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").field("registered", &self.source.get().is_some()).finish()
    }
}

/// A future's place among the waiters of one direction; given up when the future is dropped.
struct Waiting<'a> {
    registration: &'a Registration,
    interest: Interest,
    waiter: Waiter,
    #[cfg(feature = "tracing")]
    op: Option<Op>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.waiter == Waiter::NEW {
            return;
        }
        // On another thread the waker stays, until the next report wakes it for nothing.
        let Some(source) = self.registration.source.get() else { return };
        if let Some(local) = Local::find(source.runtime) {
            let waker = local.reactor().withdraw(source.key, self.interest, self.waiter);
            drop(waker);
        }
    }
}
