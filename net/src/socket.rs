//! A non-blocking socket and its place in the reactor.
//!
//! Each socket type of this crate is one of these around a std socket: it leaves the waiting to [`Registration`], and
//! the system calls to `sys`.
//!
//! Invariants:
//! 1. No call blocks. The descriptor is non-blocking to begin with: the code that makes a `Socket` ensures that, and
//!    [`Socket::from_std`] checks it. Each call also asks not to block, because another owner of the description may
//!    change its mode.
//! 2. The registration is declared, and so dropped, before the descriptor: the reactor must have forgotten a number
//!    before the kernel can give it to another file.
//! 3. A transfer of a stream is told the number of bytes that one call *can* move, not the number that was asked for.
//!    The registration takes a call that moves less to have emptied (or filled) the kernel's buffer. So a transfer that
//!    the kernel's own limits cut short must not look like that.
//! 4. A transfer of zero bytes is done at once. It must not wait, nor be taken for the end of the stream.
//!
//! In tokio: `io/poll_evented.rs`.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::task::{Context, Poll};

use ayi_runtime::io::{Interest, Ready, Registration, Wait, Waiter, Waiting};
use ayi_runtime::runtime::{check_io, has_io};
use ayi_runtime::task::coop;

use crate::sys::{self, Room};

// In this order: a program looks at the registration more often than at the descriptor.
#[repr(C)]
pub struct Socket<S> {
    registration: Registration,
    std: S,
}

/// A type that moves a stream of bytes, and never waits. The definitions here are for sockets.
pub trait ByteStream: AsFd {
    /// Whether a read that fills less than the buffer has taken everything there was.
    const SHORT_READ_IS_ALL: bool;
    /// Whether a write that takes less than the buffer has left no room.
    const SHORT_WRITE_FILLS: bool;

    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        sys::recv(self.as_fd(), sys::room(buf), 0)
    }

    fn read_uninit(&self, buf: &mut Room) -> io::Result<usize> {
        sys::recv(self.as_fd(), buf, 0)
    }

    fn read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        sys::recv_vectored(self.as_fd(), bufs)
    }

    fn write(&self, buf: &[u8]) -> io::Result<usize> {
        sys::send(self.as_fd(), buf)
    }

    fn write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        sys::send_vectored(self.as_fd(), bufs)
    }
}

impl ByteStream for std::net::TcpStream {
    const SHORT_READ_IS_ALL: bool = true;
    const SHORT_WRITE_FILLS: bool = true;
}

impl ByteStream for std::os::unix::net::UnixStream {
    /// A read also stops after a message that came with descriptors, or with other credentials than the one before it
    /// (unix(7), "Ancillary messages"). The peer decides on those.
    const SHORT_READ_IS_ALL: bool = false;
    const SHORT_WRITE_FILLS: bool = true;
}

impl ByteStream for sys::Pipe {
    /// In packet mode (pipe(2), `O_DIRECT`) a read takes one packet.
    const SHORT_READ_IS_ALL: bool = false;
    const SHORT_WRITE_FILLS: bool = false;

    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.read(buf)
    }

    fn read_uninit(&self, buf: &mut Room) -> io::Result<usize> {
        self.read_uninit(buf)
    }

    fn read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.read_vectored(bufs)
    }

    fn write(&self, buf: &[u8]) -> io::Result<usize> {
        self.write(buf)
    }

    fn write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write_vectored(bufs)
    }
}

impl<S: AsFd> Socket<S> {
    /// Wraps a socket that is known to be non-blocking.
    pub(crate) fn new(std: S) -> Socket<S> {
        Socket { registration: Registration::traced(names::<S>, std.as_fd()), std }
    }

    /// Wraps a socket that was accepted, which is non-blocking.
    pub(crate) fn accepted(std: S) -> Socket<S> {
        Socket { registration: Registration::fresh(names::<S>, std.as_fd()), std }
    }

    /// Wraps a socket from elsewhere, unless it would block the thread.
    #[track_caller]
    pub(crate) fn from_std(std: S) -> io::Result<Socket<S>> {
        check_io();
        check_nonblocking(std.as_fd())?;
        Ok(Socket::new(std))
    }

    pub(crate) fn into_std(self) -> io::Result<S> {
        let Socket { registration, std } = self;
        registration.deregister(std.as_fd());
        Ok(std)
    }

    /// Records `ready` as if the kernel had reported it.
    pub(crate) fn report(&self, ready: Ready) {
        self.registration.report(ready);
    }

    pub(crate) fn std(&self) -> &S {
        &self.std
    }

    pub(crate) fn poll_io<R>(
        &self,
        interest: Interest,
        cx: &mut Context<'_>,
        mut op: impl FnMut(&S) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.registration.poll_io(self.std.as_fd(), interest, cx, || op(&self.std), |_| false)
    }

    pub(crate) fn async_io<R>(
        &self,
        interest: Interest,
        mut op: impl FnMut(&S) -> io::Result<R>,
    ) -> impl Future<Output = io::Result<R>> {
        self.registration.async_io(self.std.as_fd(), interest, move || op(&self.std), |_| false)
    }

    pub(crate) fn try_io<R>(
        &self,
        interest: Interest,
        op: impl FnOnce(&S) -> io::Result<R>,
    ) -> io::Result<R> {
        self.registration.try_io(interest, || op(&self.std))
    }

    /// Calls the user's `op`, unless the socket is known not to be ready. If it has not met the runtime, the kernel is
    /// asked.
    pub(crate) fn try_if_ready<R>(
        &self,
        interest: Interest,
        op: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        let fd = self.std.as_fd();
        match self.registration.knows_ready(interest) {
            Some(true) => return self.registration.try_io(interest, op),
            None if sys::is_ready(fd, interest)? => {}
            Some(false) | None => return Err(io::ErrorKind::WouldBlock.into()),
        }
        let result = op();
        if matches!(&result, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
            // The reactor tells when the socket is ready again. Without a runtime nobody does, and the kernel is asked.
            if has_io().is_some() {
                let _ = self.registration.register(fd);
            }
        }
        result
    }

    pub(crate) fn ready(&self, interest: Interest) -> impl Future<Output = io::Result<Ready>> {
        self.registration.ready(self.std.as_fd(), interest)
    }

    pub(crate) fn poll_ready(&self, interest: Interest, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        self.registration.poll_ready(self.std.as_fd(), interest, cx)
    }
}

/// Refuses a socket that would block the thread.
fn check_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    if sys::is_nonblocking(fd)? {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "this socket is in blocking mode, so it would stop the runtime's thread and all \
         its tasks: call set_nonblocking(true) on it first",
    ))
}

/// Methods for streams of bytes.
impl<S: ByteStream> Socket<S> {
    // They are not `async fn`s: a future inside a future stores its arguments twice, and a connection's task holds all
    // of that.
    pub(crate) fn read(&self, buf: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        self.transfer::<READ>(buf.len(), move |stream| stream.read(buf))
    }

    pub(crate) fn read_vectored(
        &self,
        bufs: &mut [IoSliceMut<'_>],
    ) -> impl Future<Output = io::Result<usize>> {
        self.transfer::<READ>(vectored_len(bufs), move |stream| stream.read_vectored(bufs))
    }

    pub(crate) fn write(&self, buf: &[u8]) -> impl Future<Output = io::Result<usize>> {
        self.transfer::<WRITE>(buf.len(), move |stream| stream.write(buf))
    }

    pub(crate) fn write_vectored(&self, bufs: &[IoSlice<'_>]) -> impl Future<Output = io::Result<usize>> {
        self.transfer::<WRITE>(vectored_len(bufs), move |stream| stream.write_vectored(bufs))
    }

    /// Reads into memory that may be uninitialised. The bytes that were read are initialised afterwards.
    #[inline(always)]
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, buf: &mut Room) -> Poll<io::Result<usize>> {
        let len = buf.len();
        self.poll_transfer::<READ>(len, cx, |stream| stream.read_uninit(buf))
    }

    #[inline(always)]
    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_transfer::<WRITE>(buf.len(), cx, |stream| stream.write(buf))
    }

    pub(crate) fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let len = vectored_len(bufs);
        self.poll_transfer::<WRITE>(len, cx, |stream| stream.write_vectored(bufs))
    }

    #[cfg(feature = "bytes")]
    pub(crate) fn try_read_uninit(&self, buf: &mut Room) -> io::Result<usize> {
        self.try_io(Interest::READABLE, |stream| stream.read_uninit(buf))
    }

    pub(crate) fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.try_io(Interest::READABLE, |stream| stream.read(buf))
    }

    pub(crate) fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.try_io(Interest::READABLE, |stream| stream.read_vectored(bufs))
    }

    pub(crate) fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.try_io(Interest::WRITABLE, |stream| stream.write(buf))
    }

    pub(crate) fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.try_io(Interest::WRITABLE, |stream| stream.write_vectored(bufs))
    }

    /// Like [`Socket::poll_io`] for `op`s that move up to `len` bytes.
    #[inline(always)]
    fn poll_transfer<const DIRECTION: bool>(
        &self,
        len: usize,
        cx: &mut Context<'_>,
        mut op: impl FnMut(&S) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        if len == 0 {
            return poll_nothing(cx);
        }
        let op = move || op(&self.std);
        let is_short = move |&moved: &usize| is_short::<S, DIRECTION>(moved, len);
        let fd = || self.std.as_fd().as_raw_fd();
        self.registration.poll_call_shared(fd, interest(DIRECTION), cx, op, is_short)
    }

    /// Like [`Socket::async_io`] for `op`s that move up to `len` bytes.
    #[inline]
    fn transfer<const DIRECTION: bool>(
        &self,
        len: usize,
        op: impl FnMut(&S) -> io::Result<usize>,
    ) -> impl Future<Output = io::Result<usize>> {
        Waiting::new(Transfer::<S, _, DIRECTION> { socket: self, len, op })
    }
}

/// Moves up to `len` bytes.
struct Transfer<'a, S, Op, const DIRECTION: bool> {
    socket: &'a Socket<S>,
    len: usize,
    op: Op,
}

impl<'a, S, Op, const DIRECTION: bool> Wait<'a> for Transfer<'a, S, Op, DIRECTION>
where
    S: ByteStream,
    Op: FnMut(&S) -> io::Result<usize>,
{
    type Output = io::Result<usize>;

    #[inline]
    fn registration(&self) -> &'a Registration {
        &self.socket.registration
    }

    #[inline]
    fn interest(&self) -> Interest {
        interest(DIRECTION)
    }

    #[inline(always)]
    fn poll(&mut self, waiter: &mut Waiter, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.len == 0 {
            return poll_nothing(cx);
        }
        let Socket { registration, std } = self.socket;
        let (len, op) = (self.len, &mut self.op);
        registration.poll_call(
            || std.as_fd().as_raw_fd(),
            interest(DIRECTION),
            Some(waiter),
            cx,
            move || op(std),
            move |&moved| is_short::<S, DIRECTION>(moved, len),
        )
    }
}

#[inline]
fn interest(direction: bool) -> Interest {
    if direction == READ { Interest::READABLE } else { Interest::WRITABLE }
}

/// Invariant 3.
#[inline]
fn is_short<S: ByteStream, const DIRECTION: bool>(moved: usize, len: usize) -> bool {
    let says_it_all = if DIRECTION == READ { S::SHORT_READ_IS_ALL } else { S::SHORT_WRITE_FILLS };
    says_it_all && 0 < moved && moved < len && moved < sys::MAX_BYTES
}

/// Invariant 4.
#[cold]
#[inline(never)]
fn poll_nothing(cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    coop::poll_composed(cx, &mut false, |_| Poll::Ready(Ok(0)))
}

/// The number of bytes that one vectored call on `buffers` can move, apart from the limit of all calls (invariant 3).
fn vectored_len(buffers: &[impl Deref<Target = [u8]>]) -> usize {
    buffers.iter().take(sys::MAX_BUFFERS).fold(0, |sum, buffer| sum.saturating_add(buffer.len()))
}

impl<S: AsFd> AsFd for Socket<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.std.as_fd()
    }
}

/// It shows what std shows of a socket: its addresses and its descriptor.
impl<S: fmt::Debug> fmt::Debug for Socket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.std.fmt(f)
    }
}

/// The names by which subscribers of `tracing` know the socket: that of the type in it, and the kind of thing it is.
fn names<S>() -> (&'static str, &'static str) {
    let path = std::any::type_name::<S>();
    match path.rsplit("::").next() {
        Some("Pipe") => ("Pipe", "Pipe"),
        name => (name.unwrap_or(path), "Socket"),
    }
}

/// The directions of a transfer. They are constants, so that no future stores them.
const READ: bool = true;
const WRITE: bool = false;
