//! The seam between socket types and the reactor.
//!
//! In tokio: `runtime/io/registration.rs` and `io/poll_evented.rs`.

use super::waiting::{Wait, Waiting, poll_once};
use super::{Interest, Ready};
use crate::coop;
use crate::counters::Count;
use crate::executor::{Local, RuntimeRef};
#[cfg(faults)]
use crate::faults;
use crate::reactor::{Look, Reactor, Seen, Settle, SourceKey, Waiter, delete_elsewhere};
use crate::trace::SocketTrace;
use std::fmt;
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::rc::Rc;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker, ready};

/// The tie between one file descriptor and the reactor of one runtime.
///
/// A new registration is tied to nothing. The first operation that would block ties it to the runtime of the
/// current thread; from then on it can wait there only, and gives an error elsewhere. The descriptor must be
/// non-blocking, be the same in every call, and stay open for as long as the registration exists: put the
/// registration *before* the descriptor in a struct, so that it is dropped first.
///
/// Any number of tasks may wait at once, in the `async` functions and in the `poll_…` functions, and a report wakes all of
/// those whom it concerns. The `poll_…` functions cannot tell a task with a new waker from a new task. So when 64 wakers
/// have come without a report, those that have not come before are woken once for nothing: a task that still waits polls
/// again, and what is left is forgotten.
///
/// A task that was woken by a report makes its attempt, also if another one has found nothing in the meantime. And what
/// one interest finds not to be ready stays ready for the others.
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
    pub(super) tie: OnceLock<Tie>,
    pub(super) trace: SocketTrace,
}

// Packed, or it would have four bytes more, in every socket.
#[repr(Rust, packed(4))]
pub(super) struct Tie {
    pub(super) runtime: RuntimeRef,
    pub(super) key: SourceKey,
    fd: RawFd,
}

impl Registration {
    /// Tied to no runtime yet.
    pub const fn new() -> Registration {
        Registration { tie: OnceLock::new(), trace: SocketTrace::NOTHING }
    }

    /// Like `new`, for a socket of which subscribers of `tracing` are told. `names`: its type, and what kind of resource it
    /// is.
    #[doc(hidden)]
    #[inline]
    pub fn traced(names: impl FnOnce() -> (&'static str, &'static str), fd: BorrowedFd<'_>) -> Registration {
        Registration { tie: OnceLock::new(), trace: SocketTrace::new(names, fd.as_raw_fd()) }
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
        poll_once(Io { registration: self, fd, interest, op, is_short }, cx)
    }

    /// [`poll_io`](Registration::poll_io), awaited; any number of tasks may do so.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped before it is finished, `op` has done nothing: its last call gave `WouldBlock`.
    ///
    /// # Errors
    ///
    /// Like `poll_io`.
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
        op: impl FnMut() -> io::Result<R>,
        is_short: impl Fn(&R) -> bool,
    ) -> impl Future<Output = io::Result<R>> {
        Waiting::new(Io { registration: self, fd, interest, op, is_short })
    }

    /// Tries `op` once. If it gives `WouldBlock`, the descriptor counts as not ready for `interest` until the next report.
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
        // Before the attempt, in which the reactor may turn.
        let seen = self.tie.get().and_then(Tie::seen);
        let result = op();
        let would_block = matches!(&result, Err(error) if error.kind() == ErrorKind::WouldBlock);
        if let (true, Some(seen), Some(tie)) = (would_block, seen, self.tie.get()) {
            tie.with(|reactor, key| reactor.clear(key, interest, Some(seen)));
        }
        result
    }

    /// Takes the descriptor out of epoll, for when it lives on without the registration (`into_std`). Dropping the
    /// registration, from whatever thread, does the same.
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
        let _is_open = fd;
    }

    /// Records `ready` as if the kernel had reported it, and wakes those whom it concerns: for what the kernel does not
    /// report.
    #[doc(hidden)]
    pub fn report(&self, ready: Ready) {
        if let Some(tie) = self.tie.get() {
            let key = tie.key;
            { tie.runtime }.send(move |local| local.report(key, ready));
        }
    }

    /// [`poll_io`](Registration::poll_io), for one who waits by `waiter`.
    #[doc(hidden)]
    #[inline]
    pub fn poll_with<R, Op: FnMut() -> io::Result<R>>(
        &self,
        fd: BorrowedFd<'_>,
        interest: Interest,
        waiter: &mut Waiter,
        cx: &mut Context<'_>,
        mut op: Op,
        is_short: impl Fn(&R) -> bool,
    ) -> Poll<io::Result<R>> {
        #[cfg(faults)]
        let mut op = || faults::within(faults::Operation::On(fd.as_raw_fd()), &mut op);
        ready!(coop::poll_budget(cx));
        match self.attempt(fd, interest, waiter, cx.waker(), &mut op, &is_short) {
            Some(polled) => polled,
            None => self.attempt_again(fd, interest, waiter, cx.waker(), op, is_short),
        }
    }

    /// Tries `op` unless it has to wait. `None` if it is to be tried again.
    #[inline(always)]
    fn attempt<R, Op: FnMut() -> io::Result<R>>(
        &self,
        fd: BorrowedFd<'_>,
        interest: Interest,
        waiter: &mut Waiter,
        waker: &Waker,
        op: &mut Op,
        is_short: &impl Fn(&R) -> bool,
    ) -> Option<Poll<io::Result<R>>> {
        let mut seen = None;
        // Tied already: to a runtime on this thread, or this is an error.
        if let Some(tie) = self.tie.get() {
            match tie.try_or_wait::<Op>(interest, waiter, waker) {
                Ok(Some(since)) => seen = Some(since),
                Ok(None) => return Some(Poll::Pending),
                Err(error) => return Some(coop::charged(Err(error))),
            }
        }
        match op() {
            Ok(moved) => {
                if is_short(&moved) {
                    let clear = |tie: &Tie| tie.with(|reactor, key| reactor.clear_after_short(key, interest));
                    self.tie.get().map(clear);
                }
                Some(coop::charged(Ok(moved)))
            }
            Err(error) => Some(self.failed(error, fd, interest, waiter, waker, seen)?.map(Err)),
        }
    }

    /// An attempt was interrupted, or it could not wait and something has been reported since. This is rare. A loop around
    /// the first attempt would cost each operation what only a second one needs.
    #[cold]
    #[inline(never)]
    fn attempt_again<R>(
        &self,
        fd: BorrowedFd<'_>,
        interest: Interest,
        waiter: &mut Waiter,
        waker: &Waker,
        mut op: impl FnMut() -> io::Result<R>,
        is_short: impl Fn(&R) -> bool,
    ) -> Poll<io::Result<R>> {
        let op: &mut dyn FnMut() -> io::Result<R> = &mut op;
        loop {
            if let Some(polled) = self.attempt(fd, interest, waiter, waker, &mut &mut *op, &is_short) {
                return polled;
            }
        }
    }

    /// An attempt has given an error. If that is `WouldBlock`, waits. `None` if it is to be tried again, because it was
    /// interrupted, or because the attempt has let the reactor turn.
    #[inline(never)]
    fn failed(
        &self,
        error: io::Error,
        fd: BorrowedFd<'_>,
        interest: Interest,
        waiter: &mut Waiter,
        waker: &Waker,
        seen: Option<Seen>,
    ) -> Option<Poll<io::Error>> {
        match error.kind() {
            ErrorKind::Interrupted => return None,
            ErrorKind::WouldBlock => {}
            _ => return Some(coop::charged(error)),
        }
        let (local, key) = match self.tied(fd) {
            Ok(tied) => tied,
            Err(error) => return Some(coop::charged(error)),
        };
        if !local.reactor().clear(key, interest, seen) {
            return None;
        }
        local.wait_for(key, interest, waiter, waker.clone());
        Some(Poll::Pending)
    }

    /// The runtime of this thread and the source there; makes the tie if there is none.
    pub(super) fn tied(&self, fd: BorrowedFd<'_>) -> io::Result<(Rc<Local>, SourceKey)> {
        if let Some(tie) = self.tie.get() {
            return tie.here();
        }
        let local = Local::current_for_io(None)?;
        let mut registered = local.reactor().register(fd);
        if matches!(&registered, Err(error) if error.kind() == ErrorKind::AlreadyExists) {
            // Perhaps another thread has given it up, and its message is still unread.
            local.tasks().drain_inbox();
            // That may have run foreign code, and so have ended the runtime.
            Local::current_for_io(Some(local.reference()))?;
            registered = local.reactor().register(fd);
        }
        let key = registered?;
        local.counters().add(Count::Registered, 1);
        let tie = Tie { runtime: local.reference(), key, fd: fd.as_raw_fd() };
        if let Err(tie) = self.tie.set(tie) {
            // Another thread was faster: the tie is to its runtime.
            drop(tie);
            return self.tied(fd);
        }
        Ok((local, key))
    }
}

impl Tie {
    fn here(&self) -> io::Result<(Rc<Local>, SourceKey)> {
        Ok((Local::current_for_io(Some(self.runtime))?, self.key))
    }

    /// Asks the reactor, if the runtime is the current one of this thread. `f` must not run foreign code.
    #[inline]
    pub(super) fn with<R>(&self, f: impl FnOnce(&mut Reactor, SourceKey) -> R) -> Option<R> {
        let (runtime, key) = (self.runtime, self.key);
        runtime.with_local(|local| f(&mut local.reactor(), key))
    }

    /// Whether `waiter` has to try before it waits, and since when that is known. If not, it waits when this returns.
    // `Caller` makes the closure, and so the access to the thread-local, another one for each kind of operation: what has
    // a single caller is compiled into it.
    #[allow(clippy::extra_unused_type_parameters)]
    #[inline(always)]
    pub(super) fn try_or_wait<Caller>(
        &self,
        interest: Interest,
        waiter: &mut Waiter,
        waker: &Waker,
    ) -> io::Result<Option<Seen>> {
        let (runtime, key) = (self.runtime, self.key);
        let look = |local: &Local| {
            (!local.is_shut_down()).then(|| local.reactor().look_or_wait(key, interest, waiter, waker))
        };
        match runtime.with_local(look).flatten() {
            Some(Look::Try(seen)) => Ok(Some(seen)),
            Some(Look::Waits) => Ok(None),
            Some(Look::Unusual) => Ok(self.try_or_wait_unusually(interest, waiter, waker)),
            None => Err(self.why_not_here()),
        }
    }

    #[inline(never)]
    fn try_or_wait_unusually(&self, interest: Interest, waiter: &mut Waiter, waker: &Waker) -> Option<Seen> {
        let must_try = |reactor: &mut Reactor, key| reactor.must_try(key, interest, *waiter, waker);
        let seen = self.with(must_try).flatten();
        if seen.is_none() {
            self.wait_for(interest, waiter, waker.clone());
        }
        seen
    }

    fn seen(&self) -> Option<Seen> {
        self.with(|reactor, _| reactor.seen())
    }

    #[cold]
    fn why_not_here(&self) -> io::Error {
        self.here().map(drop).expect_err("it is not here")
    }

    /// For one that is here.
    pub(super) fn wait_for(&self, interest: Interest, waiter: &mut Waiter, waker: Waker) {
        match self.with(|reactor, key| reactor.wait(key, interest, waiter, waker)) {
            None | Some(Settle::Nothing) => {}
            Some(settle) => self.settle(settle),
        }
    }

    /// Foreign code, when nothing is borrowed any more.
    #[cold]
    fn settle(&self, settle: Settle) {
        let (runtime, key) = (self.runtime, self.key);
        if let Some(local) = runtime.local() {
            local.settle(key, settle);
        }
    }
}

impl Drop for Tie {
    /// On another thread, the owner is asked to give the source up. The descriptor leaves epoll here, while it is open.
    fn drop(&mut self) {
        let (runtime, key) = (self.runtime, self.key);
        let give_up = move |local: &Local, is_open| {
            let wakers = local.reactor().deregister(key, is_open);
            local.counters().add(Count::Deregistered, 1);
            // Foreign code, so after the borrow.
            drop(wakers);
        };
        if let Some(local) = Local::find(runtime) {
            return give_up(&local, true);
        }
        delete_elsewhere(runtime.id, self.fd);
        runtime.send(move |local| give_up(local, false));
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").field("registered", &self.tie.get().is_some()).finish()
    }
}

/// An operation that is made of closures.
struct Io<'a, 'fd, Op, IsShort> {
    registration: &'a Registration,
    fd: BorrowedFd<'fd>,
    interest: Interest,
    op: Op,
    is_short: IsShort,
}

impl<'a, R, Op, IsShort> Wait<'a> for Io<'a, '_, Op, IsShort>
where
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
        self.registration.poll_with(self.fd, self.interest, waiter, cx, &mut self.op, &self.is_short)
    }
}
