//! A connection between two Unix sockets. In tokio: `net/unix/stream.rs`.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::path::Path;
use std::task::{Context, Poll};

use ayi_runtime::io::{Interest, Ready};
use ayi_runtime::task::coop;

use crate::halves;
use crate::socket::Socket;
use crate::stream::Stream;
use crate::sys;
use crate::unix::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, SocketAddr, UCred, UnixSocket, WriteHalf};

/// A connection between two Unix sockets.
///
/// It is used like a [`TcpStream`](crate::TcpStream): through a shared reference, and through the extension traits of
/// [`AsyncRead`](ayi_io::AsyncRead) and [`AsyncWrite`](ayi_io::AsyncWrite), which it and references to it implement.
///
/// # Examples
///
/// ```
/// use ayi::net::UnixStream;
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (ours, theirs) = UnixStream::pair()?;
/// ours.write(b"tea").await?;
/// let mut buf = [0; 8];
/// assert_eq!(theirs.read(&mut buf).await?, 3);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct UnixStream {
    pub(crate) socket: Socket<std::os::unix::net::UnixStream>,
}

impl UnixStream {
    /// Connects to the socket at `path`, or at the abstract name that follows a null byte.
    ///
    /// A Unix socket answers at once or not at all, so this waits only while the listener's backlog is full. The kernel
    /// does not report room in the backlog, so this tries again after 1 ms, and then after pauses that grow to 50 ms.
    ///
    /// # Errors
    ///
    /// Returns `NotFound` if there is nothing at `path`; `ConnectionRefused` if nobody listens there; `InvalidInput` if
    /// the path has more than 107 bytes. It also fails if it has to wait and there is no ayi runtime on this thread.
    ///
    /// # Cancel safety
    ///
    /// Nothing is connected if the future is dropped before it is finished.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::UnixStream;
    /// let stream = UnixStream::connect("/run/tea.sock").await?;
    /// let stream = UnixStream::connect("\0tea").await?; // an abstract name
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn connect<P: AsRef<Path>>(path: P) -> io::Result<UnixStream> {
        coop::consume_budget().await;
        UnixSocket::new_stream()?.connect(path).await
    }

    /// Connects to an address, for example one that a socket has told.
    ///
    /// # Errors
    ///
    /// Fails like [`connect`](UnixStream::connect).
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as [`connect`](UnixStream::connect).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::{UnixListener, UnixStream};
    /// use std::os::linux::net::SocketAddrExt;
    /// use std::os::unix::net::SocketAddr;
    /// # let name = format!("ayi example {}", std::process::id());
    /// let addr = SocketAddr::from_abstract_name(name)?.into();
    /// let listener = UnixListener::bind_addr(&addr)?;
    /// let stream = UnixStream::connect_addr(&addr).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn connect_addr(addr: &SocketAddr) -> io::Result<UnixStream> {
        coop::consume_budget().await;
        UnixSocket::new_stream()?.connect_addr(addr).await
    }

    /// Makes two sockets that are connected to each other.
    ///
    /// # Errors
    ///
    /// Returns what socketpair(2) reports: mostly that there are no file descriptors left.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::UnixStream;
    /// let (one, other) = UnixStream::pair()?;
    /// one.write(b"tea").await?;
    /// assert_eq!(other.read(&mut [0; 8]).await?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (a, b) = std::os::unix::net::UnixStream::pair()?;
        a.set_nonblocking(true)?;
        b.set_nonblocking(true)?;
        Ok((UnixStream::new(a), UnixStream::new(b)))
    }

    /// Wraps a socket that was accepted.
    pub(super) fn accepted(stream: std::os::unix::net::UnixStream) -> UnixStream {
        UnixStream { socket: Socket::accepted(stream) }
    }

    /// Wraps a socket that is known to be non-blocking.
    pub(super) fn new(stream: std::os::unix::net::UnixStream) -> UnixStream {
        UnixStream { socket: Socket::new(stream) }
    }

    /// Reads what has arrived into `buf`, and waits while nothing has. Returns the number of bytes, 0 at the end of the
    /// stream. An empty `buf` is filled at once.
    ///
    /// # Errors
    ///
    /// Returns what recv(2) reports. It also fails if it has to wait and there is no ayi runtime on this thread.
    ///
    /// # Cancel safety
    ///
    /// No byte is lost if the future is dropped: it returns as soon as it has read any.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::UnixStream;
    /// # let (stream, peer) = UnixStream::pair()?;
    /// # peer.write(b"tea").await?;
    /// let mut buf = [0; 1024];
    /// match stream.read(&mut buf).await? {
    ///     0 => println!("the peer will send no more"),
    ///     n => assert_eq!(&buf[..n], b"tea"),
    /// }
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn read(&self, buf: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        self.socket.read(buf)
    }

    /// Reads like [`read`](UnixStream::read) into several buffers, one after the other.
    ///
    /// # Errors
    ///
    /// Fails like [`read`](UnixStream::read).
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as [`read`](UnixStream::read).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::io::IoSliceMut;
    /// # use ayi::net::UnixStream;
    /// # let (stream, peer) = UnixStream::pair()?;
    /// # peer.write(b"teapot").await?;
    /// let (mut head, mut body) = ([0; 3], [0; 1024]);
    /// let n = stream.read_vectored(&mut [IoSliceMut::new(&mut head), IoSliceMut::new(&mut body)]).await?;
    /// assert_eq!((n, &head, &body[..3]), (6, b"tea", &b"pot"[..]));
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> impl Future<Output = io::Result<usize>> {
        self.socket.read_vectored(bufs)
    }

    /// Writes as much of `buf` as there is room for, and waits while there is none. Returns the number of bytes.
    ///
    /// # Errors
    ///
    /// Returns what send(2) reports, often `BrokenPipe`. It also fails if it has to wait and there is no ayi runtime on
    /// this thread.
    ///
    /// # Cancel safety
    ///
    /// Nothing was written if the future is dropped: it returns as soon as it has written any.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::UnixStream;
    /// # let (stream, peer) = UnixStream::pair()?;
    /// let n = stream.write(b"tea").await?; // all of it, or what there was room for
    /// # assert_eq!(n, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn write(&self, buf: &[u8]) -> impl Future<Output = io::Result<usize>> {
        self.socket.write(buf)
    }

    /// Writes like [`write`](UnixStream::write) from several buffers, one after the other.
    ///
    /// # Errors
    ///
    /// Fails like [`write`](UnixStream::write).
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as [`write`](UnixStream::write).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::io::IoSlice;
    /// # use ayi::net::UnixStream;
    /// # let (stream, peer) = UnixStream::pair()?;
    /// let n = stream.write_vectored(&[IoSlice::new(b"tea"), IoSlice::new(b"pot")]).await?;
    /// # assert_eq!(n, 6);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn write_vectored(&self, bufs: &[IoSlice<'_>]) -> impl Future<Output = io::Result<usize>> {
        self.socket.write_vectored(bufs)
    }

    /// Shuts down one direction of the connection, or both. After `Shutdown::Write` the peer reads the end of the
    /// stream once it has read what was written, and a write that waits in another task returns `BrokenPipe`. After
    /// `Shutdown::Read` a read that waits returns the end of the stream.
    ///
    /// This is shutdown(2), for either direction. [`AsyncWriteExt::shutdown`](ayi_io::AsyncWriteExt::shutdown) ends the
    /// direction of writing for any stream.
    ///
    /// # Errors
    ///
    /// Returns what shutdown(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::net::Shutdown;
    /// # use ayi::net::UnixStream;
    /// # let (stream, peer) = UnixStream::pair()?;
    /// stream.shutdown_now(Shutdown::Write)?; // "that was all"; the answer can still be read
    /// assert_eq!(peer.read(&mut [0; 8]).await?, 0);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn shutdown_now(&self, how: Shutdown) -> io::Result<()> {
        self.socket.std().shutdown(how)?;
        if how != Shutdown::Read {
            // A task that waits for room gets an error now. The kernel reports that to the peer only.
            self.socket.report(Ready::WRITABLE | Ready::WRITE_CLOSED);
        }
        Ok(())
    }

    /// Splits the stream into a half that reads and a half that writes, for one task: they borrow from it.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::UnixStream;
    /// # let (stream, peer) = UnixStream::pair()?;
    /// # let mut stream = stream;
    /// use ayi::io::AsyncRead;
    /// fn is_reader(_: impl AsyncRead) {}
    /// let (reading, writing) = stream.split();
    /// is_reader(reading); // and cannot write
    /// # drop(writing);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        halves::split(self)
    }

    /// Splits the stream into a half that reads and a half that writes, for two tasks. The half that writes shuts down
    /// that direction when it is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::UnixStream;
    /// # let (stream, peer) = UnixStream::pair()?;
    /// let (reading, writing) = stream.into_split();
    /// let reader = ayi::spawn(async move { reading.readable().await });
    /// drop(writing); // tells the peer that nothing more will come
    /// # drop(peer);
    /// # reader.await.unwrap()?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        halves::into_split(self)
    }

    /// Returns the address of this end, which mostly has none.
    ///
    /// # Errors
    ///
    /// Returns what getsockname(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::UnixStream;
    /// # let (stream, peer) = UnixStream::pair()?;
    /// assert!(stream.local_addr()?.is_unnamed()); // it is one of a pair
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.std().local_addr().map(SocketAddr)
    }

    /// Returns the address of the other end.
    ///
    /// # Errors
    ///
    /// Returns what getpeername(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::UnixStream;
    /// # let (stream, peer) = UnixStream::pair()?;
    /// assert!(stream.peer_addr()?.is_unnamed()); // it is one of a pair
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.std().peer_addr().map(SocketAddr)
    }

    /// Returns the user, group and process at the other end when it connected or made the pair (unix(7),
    /// `SO_PEERCRED`).
    ///
    /// # Errors
    ///
    /// Returns what getsockopt(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::UnixStream;
    /// # let (stream, peer) = UnixStream::pair()?;
    /// let who = stream.peer_cred()?;
    /// assert_eq!(who.pid(), Some(std::process::id() as i32)); // it was us who made the pair
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn peer_cred(&self) -> io::Result<UCred> {
        let (uid, gid, pid) = sys::peer_credentials(self.as_fd())?;
        Ok(UCred { uid, gid, pid: Some(pid).filter(|pid| *pid != 0) })
    }

    methods! { "stream", "# let (stream, peer) = ayi::net::UnixStream::pair()?;"; take_error }

    /// Takes a stream that std made or another process handed over.
    ///
    /// # Errors
    ///
    /// Returns `InvalidInput` if the socket is in blocking mode: call `set_nonblocking(true)` on it first.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::UnixStream;
    /// let (of_std, _peer) = std::os::unix::net::UnixStream::pair()?;
    /// of_std.set_nonblocking(true)?;
    /// let stream = UnixStream::from_std(of_std)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[inline]
    #[track_caller]
    pub fn from_std(stream: std::os::unix::net::UnixStream) -> io::Result<UnixStream> {
        Ok(UnixStream { socket: Socket::from_std(stream)? })
    }

    /// Takes the stream out of the runtime. It stays in non-blocking mode.
    ///
    /// # Errors
    ///
    /// Never fails today: the signature is tokio's.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::UnixStream;
    /// # let (stream, peer) = UnixStream::pair()?;
    /// let of_std = stream.into_std()?;
    /// of_std.set_nonblocking(false)?; // as std's are by default
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn into_std(self) -> io::Result<std::os::unix::net::UnixStream> {
        self.socket.into_std()
    }
}

/// Waiting until the stream is ready, and then trying.
impl UnixStream {
    methods! {
        "stream", "# let (stream, peer) = ayi::net::UnixStream::pair()?;"; ready, reads, writes, own_io
    }
}

impl Stream for UnixStream {
    type Std = std::os::unix::net::UnixStream;
    type Addr = SocketAddr;

    fn socket(&self) -> &Socket<std::os::unix::net::UnixStream> {
        &self.socket
    }

    fn shutdown_now(&self, how: Shutdown) -> io::Result<()> {
        self.shutdown_now(how)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.peer_addr()
    }
}

impl AsRef<UnixStream> for UnixStream {
    fn as_ref(&self) -> &UnixStream {
        self
    }
}
