//! A connection: connecting, reading and writing, splitting.
//!
//! ```text
//! connect ──► EINPROGRESS ──► look: SO_ERROR? peer? ──► error │ connected
//!                                    ▲        └── neither: wait until writable
//!                                    └──────────────────────────────┘
//! ```
//!
//! Invariant: a call that looks at bytes without taking them (`peek`) is no transfer. It says nothing about what is
//! left in the kernel's buffer, so it must not clear readiness.
//!
//! In tokio: `net/tcp/stream.rs`.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsFd;
use std::task::{Context, Poll};

use ayi_io::ReadBuf;
use ayi_runtime::io::{Interest, Ready};
use ayi_runtime::task::coop;

use crate::addr::{self, ToSocketAddrs};
use crate::halves;
use crate::read::poll_fill;
use crate::socket::Socket;
use crate::stream::Stream;
use crate::sys;
use crate::tcp::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};

/// A TCP connection.
///
/// It reads and writes through a shared reference, so one task can read while another writes. The methods for whole
/// messages, `write_all`, `read_exact` and `read_to_end`, come from the extension traits of
/// [`AsyncRead`](ayi_io::AsyncRead) and [`AsyncWrite`](ayi_io::AsyncWrite), which the stream and references to it
/// implement. Dropping the stream closes the connection.
///
/// ```no_run
/// use ayi::net::TcpStream;
/// # async fn run() -> std::io::Result<()> {
/// let stream = TcpStream::connect("localhost:7000").await?;
/// stream.write(b"ping").await?;
/// let mut buffer = [0; 1024];
/// let n = stream.read(&mut buffer).await?;
/// println!("{:?}", &buffer[..n]);
/// # Ok(())
/// # }
/// ```
pub struct TcpStream {
    pub(crate) socket: Socket<std::net::TcpStream>,
}

impl TcpStream {
    /// Connects to `addr`.
    ///
    /// Several addresses are tried in turn, until one answers. The system gives up on an address that does not answer
    /// after about two minutes (tcp(7), `tcp_syn_retries`). A timeout around this future can do so earlier.
    ///
    /// # Errors
    ///
    /// Returns the error of the last address that was tried, often `ConnectionRefused`; those of
    /// [`lookup_host`](crate::lookup_host); `InvalidInput` if `addr` is an empty list. It also fails if it has to wait
    /// and there is no ayi runtime on this thread.
    ///
    /// # Panics
    ///
    /// Panics if `addr` is a name and there is no ayi runtime on this thread.
    ///
    /// # Cancel safety
    ///
    /// The attempt is given up if the future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let port = listener.local_addr()?.port();
    /// let stream = TcpStream::connect(("127.0.0.1", port)).await?; // or "name:80", or a SocketAddr, or several
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn connect<A: ToSocketAddrs>(addr: A) -> io::Result<TcpStream> {
        coop::consume_budget().await;
        let mut last_error = None;
        for addr in addr::resolve(addr).await? {
            match TcpStream::connect_to(addr).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last_error = Some(error),
            }
        }
        Err(last_error.unwrap_or_else(|| addr::no_address("to connect to")))
    }

    async fn connect_to(addr: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::new(sys::connect(addr)?);
        stream.socket.async_io(Interest::WRITABLE, has_connected).await?;
        Ok(stream)
    }

    /// Wraps a socket that was accepted.
    pub(super) fn accepted(stream: std::net::TcpStream) -> TcpStream {
        TcpStream { socket: Socket::accepted(stream) }
    }

    /// Wraps a socket that is known to be non-blocking.
    pub(super) fn new(stream: std::net::TcpStream) -> TcpStream {
        let socket = Socket::new(stream);
        TcpStream { socket }
    }

    /// Reads what has arrived into `buf`, and waits while nothing has. Returns the number of bytes, 0 at the end of the
    /// stream.
    ///
    /// An empty `buf` is filled at once: that 0 does not mean the end. A `buf` that is longer than what arrives at a time
    /// spares a system call: one that was filled is followed by a recv(2) that finds nothing.
    ///
    /// # Errors
    ///
    /// Returns what recv(2) reports, often `ConnectionReset`. It also fails if it has to wait and there is no ayi
    /// runtime on this thread.
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
    /// # use ayi::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
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

    /// Reads like [`read`](TcpStream::read) into several buffers, one after the other. The system fills at most 1024.
    ///
    /// # Errors
    ///
    /// Fails like [`read`](TcpStream::read).
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as [`read`](TcpStream::read).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::io::IoSliceMut;
    /// # use ayi::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
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

    /// Writes as much of `buf` as the system has room for, and waits while it has none. Returns the
    /// number of bytes.
    ///
    /// # Errors
    ///
    /// Returns what send(2) reports, often `BrokenPipe` or `ConnectionReset`. It also fails if it has to wait and there
    /// is no ayi runtime on this thread.
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
    /// # use ayi::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// let n = stream.write(b"tea").await?; // all of it, or what there was room for
    /// # assert_eq!(n, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn write(&self, buf: &[u8]) -> impl Future<Output = io::Result<usize>> {
        self.socket.write(buf)
    }

    /// Writes like [`write`](TcpStream::write) from several buffers, one after the other. The system takes at most
    /// 1024.
    ///
    /// # Errors
    ///
    /// Fails like [`write`](TcpStream::write).
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as [`write`](TcpStream::write).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::io::IoSlice;
    /// # use ayi::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// let n = stream.write_vectored(&[IoSlice::new(b"tea"), IoSlice::new(b"pot")]).await?;
    /// # assert_eq!(n, 6);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn write_vectored(&self, bufs: &[IoSlice<'_>]) -> impl Future<Output = io::Result<usize>> {
        self.socket.write_vectored(bufs)
    }

    /// Reads like [`read`](TcpStream::read), but leaves the bytes to be read again.
    ///
    /// # Errors
    ///
    /// Fails like [`read`](TcpStream::read).
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped: it takes nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// # peer.write(b"tea").await?;
    /// let (mut first, mut buf) = ([0; 1], [0; 8]);
    /// stream.peek(&mut first).await?;
    /// assert_eq!(first, *b"t");
    /// assert_eq!(stream.read(&mut buf).await?, 3); // it is still there
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            coop::consume_budget().await;
            return Ok(0);
        }
        self.socket
            .async_io(Interest::READABLE, |stream| sys::recv(stream.as_fd(), sys::room(buf), sys::PEEK))
            .await
    }

    /// Polls to peek, like [`peek`](TcpStream::peek).
    ///
    /// # Errors
    ///
    /// Fails like [`read`](TcpStream::read).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::future::poll_fn;
    /// # use ayi::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// # peer.write(b"tea").await?;
    /// let mut memory = [0; 1];
    /// let mut first = ayi::io::ReadBuf::new(&mut memory);
    /// poll_fn(|cx| stream.poll_peek(cx, &mut first)).await?;
    /// assert_eq!(first.filled(), b"t");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        if buf.remaining() == 0 {
            return coop::poll_composed(cx, &mut false, |_| Poll::Ready(Ok(0)));
        }
        poll_fill(buf, |room| {
            let peek = |stream: &std::net::TcpStream| sys::recv(stream.as_fd(), room, sys::PEEK);
            self.socket.poll_io(Interest::READABLE, cx, peek).map_ok(|peeked| (peeked, peeked))
        })
    }

    /// Ends one direction of the connection, or both. After `Shutdown::Write` the peer reads the
    /// end of the stream once it has read what was written.
    ///
    /// This is shutdown(2), for either direction. [`AsyncWriteExt::shutdown`](ayi_io::AsyncWriteExt::shutdown) ends the
    /// direction of writing for any stream.
    ///
    /// # Errors
    ///
    /// Returns what shutdown(2) reports: `NotConnected` if the connection has broken.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::net::Shutdown;
    /// # use ayi::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// stream.shutdown_now(Shutdown::Write)?; // "that was all"; the answer can still be read
    /// assert_eq!(peer.read(&mut [0; 8]).await?, 0);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn shutdown_now(&self, how: Shutdown) -> io::Result<()> {
        self.socket.std().shutdown(how)
    }

    /// Splits the stream into a half that reads and a half that writes, for one task: they borrow from the stream.
    /// [`into_split`](TcpStream::into_split) makes halves for two tasks.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
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

    /// Splits the stream into a half that reads and a half that writes, which can go to different
    /// tasks and be [reunited](OwnedReadHalf::reunite).
    ///
    /// The half that writes shuts down that direction when it is dropped. It costs an `Arc`. Tasks that can share a
    /// reference, or an `Rc`, to the stream need no halves.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
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
}

/// Conversions from std's stream and back.
impl TcpStream {
    /// Takes a stream that std made or another process handed over.
    ///
    /// # Errors
    ///
    /// Returns `InvalidInput` if the socket is in blocking mode: call `set_nonblocking(true)` on it first. It would
    /// stop the runtime's thread.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::TcpStream;
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let of_std = std::net::TcpStream::connect(listener.local_addr()?)?;
    /// of_std.set_nonblocking(true)?;
    /// let stream = TcpStream::from_std(of_std)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[inline]
    #[track_caller]
    pub fn from_std(stream: std::net::TcpStream) -> io::Result<TcpStream> {
        let socket = Socket::from_std(stream)?;
        Ok(TcpStream { socket })
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
    /// # use ayi::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// let of_std = stream.into_std()?;
    /// of_std.set_nonblocking(false)?; // as std's are by default
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn into_std(self) -> io::Result<std::net::TcpStream> {
        self.socket.into_std()
    }
}

/// Waiting until the stream is ready, and then trying.
impl TcpStream {
    methods! {
        "stream",
        "# use ayi::net::{TcpListener, TcpStream};\n\
         # let listener = TcpListener::bind(\"127.0.0.1:0\").await?;\n\
         # let stream = TcpStream::connect(listener.local_addr()?).await?;\n\
         # let (peer, _) = listener.accept().await?;";
        ready, reads, writes, own_io
    }
}

impl Stream for TcpStream {
    type Std = std::net::TcpStream;
    type Addr = SocketAddr;

    fn socket(&self) -> &Socket<std::net::TcpStream> {
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

/// Returns how an attempt to connect stands: `WouldBlock` while it is under way.
///
/// connect(2) says to wait until the socket is writable, then to read `SO_ERROR`. The peer's address is asked for too:
/// it distinguishes "connected" from "no error so far", so that this can also be called before anybody waited.
/// Connections within one machine are done by then, and never enter epoll.
pub(super) fn has_connected(stream: &std::net::TcpStream) -> io::Result<()> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Err(io::ErrorKind::WouldBlock.into()),
        Err(error) => Err(error),
    }
}

impl AsRef<TcpStream> for TcpStream {
    fn as_ref(&self) -> &TcpStream {
        self
    }
}
