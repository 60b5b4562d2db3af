//! A connection between two Unix sockets. In tokio: `net/unix/stream.rs`.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::task::{Context, Poll};

use ayi_runtime::io::{Interest, Ready};

use crate::halves;
use crate::socket::Socket;
use crate::stream::Stream;
use crate::sys;
use crate::unix::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, UCred, UnixSocket, WriteHalf};

/// A connection between two Unix sockets.
///
/// It is used as a [`TcpStream`](crate::TcpStream) is: through a shared reference, and through the extension traits of
/// `futures-io`, which it and references to it implement.
///
/// # Examples
///
/// ```
/// use ayi_net::UnixStream;
/// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (ours, theirs) = UnixStream::pair()?;
/// ours.write(b"tea").await?;
/// let mut buf = [0; 8];
/// assert_eq!(theirs.read(&mut buf).await?, 3);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct UnixStream {
    pub(super) socket: Socket<std::os::unix::net::UnixStream>,
}

impl UnixStream {
    /// Connects to the socket at `path`, or at the abstract name that follows a null byte.
    ///
    /// It never waits: a Unix socket is there, or it is not.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is nothing at `path`; `ConnectionRefused` if nobody listens there; `WouldBlock` if the
    /// listener's backlog is full (connect(2): `EAGAIN`), upon which one may try again later; `InvalidInput` if the
    /// path has more than 107 bytes.
    ///
    /// # Cancel safety
    ///
    /// Nothing is connected if it is dropped before it is polled.
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<UnixStream> {
        UnixSocket::new_stream()?.connect(path).await
    }

    /// Connects to an address of std's.
    ///
    /// # Errors
    ///
    /// As [`connect`](UnixStream::connect).
    ///
    /// # Cancel safety
    ///
    /// As [`connect`](UnixStream::connect).
    pub async fn connect_addr(addr: &SocketAddr) -> io::Result<UnixStream> {
        UnixSocket::new_stream()?.connect_addr(addr).await
    }

    /// Two sockets that are connected to each other.
    ///
    /// # Errors
    ///
    /// What socketpair(2) reports: mostly that there are no file descriptors left.
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (a, b) = std::os::unix::net::UnixStream::pair()?;
        a.set_nonblocking(true)?;
        b.set_nonblocking(true)?;
        Ok((UnixStream::new(a), UnixStream::new(b)))
    }

    /// Takes a socket that is known to be non-blocking.
    pub(super) fn new(stream: std::os::unix::net::UnixStream) -> UnixStream {
        UnixStream { socket: Socket::new(stream) }
    }

    /// Reads what has arrived into `buf`, and waits while nothing has. Returns the number of bytes, 0 at the end of the
    /// stream. An empty `buf` is filled at once.
    ///
    /// # Errors
    ///
    /// What recv(2) reports; that there is no ayi runtime on this thread, if it has to wait.
    ///
    /// # Cancel safety
    ///
    /// No byte is lost if this future is dropped: it returns as soon as it has read any.
    pub async fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.read(buf).await
    }

    /// As [`read`](UnixStream::read) into several buffers, one after the other.
    ///
    /// # Errors
    ///
    /// As [`read`](UnixStream::read).
    ///
    /// # Cancel safety
    ///
    /// As [`read`](UnixStream::read).
    pub async fn read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.socket.read_vectored(bufs).await
    }

    /// Writes as much of `buf` as there is room for, and waits while there is none. Returns the number of bytes.
    ///
    /// # Errors
    ///
    /// What send(2) reports, often `BrokenPipe`; that there is no ayi runtime on this thread, if it has to wait.
    ///
    /// # Cancel safety
    ///
    /// Nothing was written if this future is dropped: it returns as soon as it has written any.
    pub async fn write(&self, buf: &[u8]) -> io::Result<usize> {
        self.socket.write(buf).await
    }

    /// As [`write`](UnixStream::write) from several buffers, one after the other.
    ///
    /// # Errors
    ///
    /// As [`write`](UnixStream::write).
    ///
    /// # Cancel safety
    ///
    /// As [`write`](UnixStream::write).
    pub async fn write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket.write_vectored(bufs).await
    }

    /// Ends one direction of the connection, or both. After `Shutdown::Write` the peer reads the end of the stream
    /// once it has read what was written.
    ///
    /// # Errors
    ///
    /// What shutdown(2) reports.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.std().shutdown(how)
    }

    /// Splits the stream into a half that reads and a half that writes, for one task: they borrow from it.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        halves::split(self)
    }

    /// Splits the stream into a half that reads and a half that writes, for two tasks. The half that writes shuts down
    /// that direction when it is dropped.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        halves::into_split(self)
    }

    /// The address of this end, which mostly has none.
    ///
    /// # Errors
    ///
    /// What getsockname(2) reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.std().local_addr()
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// What getpeername(2) reports.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.std().peer_addr()
    }

    /// User, group and process at the other end, as of when it connected or made the pair (unix(7), `SO_PEERCRED`).
    ///
    /// # Errors
    ///
    /// What getsockopt(2) reports.
    pub fn peer_cred(&self) -> io::Result<UCred> {
        let (uid, gid, pid) = sys::peer_credentials(self.as_fd())?;
        Ok(UCred { uid, gid, pid: Some(pid).filter(|pid| *pid != 0) })
    }

    /// Takes the error that the system holds for this socket, if any.
    ///
    /// # Errors
    ///
    /// What getsockopt(2) reports.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.std().take_error()
    }

    /// Makes a stream of one that std made or another process handed over.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the socket is in blocking mode: call `set_nonblocking(true)` on it first.
    pub fn from_std(stream: std::os::unix::net::UnixStream) -> io::Result<UnixStream> {
        Ok(UnixStream { socket: Socket::from_std(stream)? })
    }

    /// Takes the stream out of the runtime. It stays in non-blocking mode.
    ///
    /// # Errors
    ///
    /// None today; tokio's signature.
    pub fn into_std(self) -> io::Result<std::os::unix::net::UnixStream> {
        self.socket.into_std()
    }
}

/// Waiting until it is ready, and then trying. See [`TcpStream`](crate::TcpStream) for examples.
impl UnixStream {
    /// Waits until the stream is ready for one of `interest`, and tells in what way.
    ///
    /// # Errors
    ///
    /// That there is no ayi runtime on this thread, or that the stream belongs to another.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if this future is dropped: readiness stays.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.socket.ready(interest).await
    }

    /// Waits until there may be something to read, or the end of the stream.
    ///
    /// # Errors
    ///
    /// As [`ready`](UnixStream::ready).
    ///
    /// # Cancel safety
    ///
    /// As [`ready`](UnixStream::ready).
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await.map(drop)
    }

    /// Waits until there may be room to write.
    ///
    /// # Errors
    ///
    /// As [`ready`](UnixStream::ready).
    ///
    /// # Cancel safety
    ///
    /// As [`ready`](UnixStream::ready).
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::WRITABLE).await.map(drop)
    }

    /// As [`readable`](UnixStream::readable), to be called from a `poll` function.
    ///
    /// # Errors
    ///
    /// As [`ready`](UnixStream::ready).
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_ready(Interest::READABLE, cx).map_ok(drop)
    }

    /// As [`writable`](UnixStream::writable), to be called from a `poll` function.
    ///
    /// # Errors
    ///
    /// As [`ready`](UnixStream::ready).
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_ready(Interest::WRITABLE, cx).map_ok(drop)
    }

    /// Reads what has arrived, without waiting. 0 at the end of the stream.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing has arrived, and what recv(2) reports.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.try_read(buf)
    }

    /// As [`try_read`](UnixStream::try_read) into several buffers.
    ///
    /// # Errors
    ///
    /// As [`try_read`](UnixStream::try_read).
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.socket.try_read_vectored(bufs)
    }

    /// Writes as much of `buf` as there is room for, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room, and what send(2) reports.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.socket.try_write(buf)
    }

    /// As [`try_write`](UnixStream::try_write) from several buffers.
    ///
    /// # Errors
    ///
    /// As [`try_write`](UnixStream::try_write).
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket.try_write_vectored(bufs)
    }

    /// Calls `op` once, which is to do its own I/O on this socket (send a descriptor, say) and to return `WouldBlock`
    /// only if the socket did.
    ///
    /// # Errors
    ///
    /// What `op` returns.
    pub fn try_io<R>(&self, interest: Interest, op: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        self.socket.try_io(interest, |_| op())
    }

    /// Calls `op`, which is to do its own I/O on this socket, until it returns something other than `WouldBlock`, and
    /// waits for `interest` in between.
    ///
    /// # Errors
    ///
    /// What `op` returns; as [`ready`](UnixStream::ready).
    ///
    /// # Cancel safety
    ///
    /// It returns as soon as `op` has done something, so nothing is lost if this future is dropped.
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        mut op: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        self.socket.async_io(interest, |_| op()).await
    }
}

impl Stream for UnixStream {
    type Std = std::os::unix::net::UnixStream;
    type Addr = SocketAddr;

    fn socket(&self) -> &Socket<std::os::unix::net::UnixStream> {
        &self.socket
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.shutdown(how)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.peer_addr()
    }
}

/// As [`UnixStream::from_std`].
impl TryFrom<std::os::unix::net::UnixStream> for UnixStream {
    type Error = io::Error;

    fn try_from(stream: std::os::unix::net::UnixStream) -> io::Result<UnixStream> {
        UnixStream::from_std(stream)
    }
}

impl AsRef<UnixStream> for UnixStream {
    fn as_ref(&self) -> &UnixStream {
        self
    }
}

impl AsFd for UnixStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for UnixStream {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl fmt::Debug for UnixStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.socket.fmt(f)
    }
}
