//! Datagrams between Unix sockets.
//!
//! A datagram may be empty, and a short one says nothing of what comes next: so nothing here is short-cut as for streams.
//! In tokio: `net/unix/datagram/socket.rs`.

use std::fmt;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::task::{Context, Poll};

use ayi_runtime::io::{Interest, Ready};

use crate::socket::Socket;
use crate::unix::{UnixSocket, addr};

/// A Unix socket that sends and receives datagrams.
///
/// Within one machine none is lost or overtaken: who sends waits while the receiver's queue is full. All methods take
/// `&self`, so that one socket can send and receive at once.
///
/// # Examples
///
/// ```
/// use ayi_net::UnixDatagram;
/// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (ours, theirs) = UnixDatagram::pair()?;
/// ours.send(b"tea").await?;
/// let mut buf = [0; 8];
/// assert_eq!(theirs.recv(&mut buf).await?, 3);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct UnixDatagram {
    socket: Socket<std::os::unix::net::UnixDatagram>,
}

impl UnixDatagram {
    /// Makes a socket at `path`, or at the abstract name that follows a null byte.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if there is a file of that name, also one that a socket has left behind; `InvalidInput` if the path
    /// has more than 107 bytes; and what bind(2) reports.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi_net::UnixDatagram;
    /// let socket = UnixDatagram::bind("/run/tea.sock")?;
    /// let socket = UnixDatagram::bind("\0tea")?; // an abstract name
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn bind(path: impl AsRef<Path>) -> io::Result<UnixDatagram> {
        let socket = UnixSocket::new_datagram()?;
        socket.bind(path)?;
        socket.datagram()
    }

    /// Two sockets that are connected to each other.
    ///
    /// # Errors
    ///
    /// What socketpair(2) reports: mostly that there are no file descriptors left.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi_net::UnixDatagram;
    /// let (one, other) = UnixDatagram::pair()?;
    /// one.send(b"tea").await?;
    /// assert_eq!(other.recv(&mut [0; 8]).await?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (a, b) = std::os::unix::net::UnixDatagram::pair()?;
        a.set_nonblocking(true)?;
        b.set_nonblocking(true)?;
        Ok((UnixDatagram::new(a), UnixDatagram::new(b)))
    }

    /// Makes a socket without an address: it can send, and receive once it is connected.
    ///
    /// # Errors
    ///
    /// What socket(2) reports: mostly that there are no file descriptors left.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi_net::UnixDatagram;
    /// let socket = UnixDatagram::unbound()?; // can send, but nobody can answer
    /// assert!(socket.local_addr()?.is_unnamed());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn unbound() -> io::Result<UnixDatagram> {
        UnixSocket::new_datagram()?.datagram()
    }

    /// Takes a socket that is known to be non-blocking.
    pub(super) fn new(socket: std::os::unix::net::UnixDatagram) -> UnixDatagram {
        UnixDatagram { socket: Socket::new(socket) }
    }

    /// Connects to the socket at `path`: [`send`](UnixDatagram::send) goes there, and only what comes from there is
    /// received.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is nothing at `path`; `ConnectionRefused` if no socket is bound there any more.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi_net::UnixDatagram;
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// # let (a, b) = (UnixDatagram::unbound()?, UnixDatagram::bind(&name)?);
    /// a.connect(&name)?;
    /// a.send(b"tea").await?;
    /// assert_eq!(b.recv(&mut [0; 8]).await?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.connect_addr(&addr::from_path(path.as_ref())?)
    }

    /// Connects to an address of std's.
    ///
    /// # Errors
    ///
    /// As [`connect`](UnixDatagram::connect).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi_net::UnixDatagram;
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// # let (a, b) = (UnixDatagram::unbound()?, UnixDatagram::bind(&name)?);
    /// a.connect_addr(&b.local_addr()?)?;
    /// a.send(b"tea").await?;
    /// assert_eq!(b.recv(&mut [0; 8]).await?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn connect_addr(&self, addr: &SocketAddr) -> io::Result<()> {
        self.socket.std().connect_addr(addr)
    }

    /// Sends a datagram to the connected peer, and waits while its queue is full. Returns the number of bytes.
    ///
    /// # Errors
    ///
    /// `NotConnected` if it is not connected, and what send(2) reports; that there is no ayi runtime on this thread, if it has to wait.
    ///
    /// # Cancel safety
    ///
    /// Nothing was sent if this future is dropped: it returns as soon as it has sent.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi_net::UnixDatagram;
    /// # let (a, b) = UnixDatagram::pair()?;
    /// a.send(b"tea").await?;
    /// assert_eq!(b.recv(&mut [0; 8]).await?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.socket.async_io(Interest::WRITABLE, |socket| socket.send(buf)).await
    }

    /// As [`send`](UnixDatagram::send), to be called from a `poll` function.
    ///
    /// # Errors
    ///
    /// As [`send`](UnixDatagram::send).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::future::poll_fn;
    /// # use ayi_net::UnixDatagram;
    /// # let (a, b) = UnixDatagram::pair()?;
    /// assert_eq!(poll_fn(|cx| a.poll_send(cx, b"tea")).await?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn poll_send(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.socket.poll_io(Interest::WRITABLE, cx, |socket| socket.send(buf))
    }

    /// As [`send`](UnixDatagram::send), without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if it would have to wait; else as [`send`](UnixDatagram::send).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi_net::UnixDatagram;
    /// # let (a, b) = UnixDatagram::pair()?;
    /// assert_eq!(a.try_send(b"tea")?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
        self.socket.try_io(Interest::WRITABLE, |socket| socket.send(buf))
    }

    /// Sends a datagram to the socket at `path`, and waits while its queue is full.
    ///
    /// # Errors
    ///
    /// `NotFound` or `ConnectionRefused` if no socket is there, and what send(2) reports; that there is no ayi runtime
    /// on this thread, if it has to wait.
    ///
    /// # Cancel safety
    ///
    /// Nothing was sent if this future is dropped: it returns as soon as it has sent.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi_net::UnixDatagram;
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// # let (a, b) = (UnixDatagram::unbound()?, UnixDatagram::bind(&name)?);
    /// a.send_to(b"tea", &name).await?;
    /// assert_eq!(b.recv(&mut [0; 8]).await?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn send_to(&self, buf: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        let to = addr::from_path(path.as_ref())?;
        self.socket.async_io(Interest::WRITABLE, |socket| socket.send_to_addr(buf, &to)).await
    }

    /// As [`send_to`](UnixDatagram::send_to), to be called from a `poll` function.
    ///
    /// # Errors
    ///
    /// As [`send_to`](UnixDatagram::send_to).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::future::poll_fn;
    /// # use ayi_net::UnixDatagram;
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// # let (a, b) = (UnixDatagram::unbound()?, UnixDatagram::bind(&name)?);
    /// assert_eq!(poll_fn(|cx| a.poll_send_to(cx, b"tea", &name)).await?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
        path: impl AsRef<Path>,
    ) -> Poll<io::Result<usize>> {
        let to = addr::from_path(path.as_ref())?;
        self.socket.poll_io(Interest::WRITABLE, cx, |socket| socket.send_to_addr(buf, &to))
    }

    /// As [`send_to`](UnixDatagram::send_to), without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if it would have to wait; else as [`send_to`](UnixDatagram::send_to).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi_net::UnixDatagram;
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// # let (a, b) = (UnixDatagram::unbound()?, UnixDatagram::bind(&name)?);
    /// assert_eq!(a.try_send_to(b"tea", &name)?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn try_send_to(&self, buf: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        let to = addr::from_path(path.as_ref())?;
        self.socket.try_io(Interest::WRITABLE, |socket| socket.send_to_addr(buf, &to))
    }

    /// Waits for a datagram, and returns the number of its bytes. What does not fit into `buf` is lost.
    ///
    /// # Errors
    ///
    /// What recv(2) reports; that there is no ayi runtime on this thread, if it has to wait.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if this future is dropped: it returns as soon as it has a datagram.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi_net::UnixDatagram;
    /// # let (a, b) = UnixDatagram::pair()?;
    /// # b.send(b"tea").await?;
    /// let mut buf = [0; 1500]; // what is longer than the buffer is cut off
    /// let n = a.recv(&mut buf).await?;
    /// assert_eq!(&buf[..n], b"tea");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.async_io(Interest::READABLE, |socket| socket.recv(buf)).await
    }

    /// As [`recv`](UnixDatagram::recv), to be called from a `poll` function.
    ///
    /// # Errors
    ///
    /// As [`recv`](UnixDatagram::recv).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::future::poll_fn;
    /// # use ayi_net::UnixDatagram;
    /// # let (a, b) = UnixDatagram::pair()?;
    /// # b.send(b"tea").await?;
    /// let mut buf = [0; 1500];
    /// assert_eq!(poll_fn(|cx| a.poll_recv(cx, &mut buf)).await?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.socket.poll_io(Interest::READABLE, cx, |socket| socket.recv(buf))
    }

    /// As [`recv`](UnixDatagram::recv), without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if it would have to wait; else as [`recv`](UnixDatagram::recv).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::io::ErrorKind;
    /// # use ayi_net::UnixDatagram;
    /// # let (a, b) = UnixDatagram::pair()?;
    /// assert_eq!(a.try_recv(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.try_io(Interest::READABLE, |socket| socket.recv(buf))
    }

    /// As [`recv`](UnixDatagram::recv), with the address of the sender, who may have none.
    ///
    /// # Errors
    ///
    /// What recv(2) reports; that there is no ayi runtime on this thread, if it has to wait.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if this future is dropped: it returns as soon as it has a datagram.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi_net::UnixDatagram;
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// # let (a, b) = (UnixDatagram::unbound()?, UnixDatagram::bind(&name)?);
    /// # a.send_to(b"tea", &name).await?;
    /// let mut buf = [0; 1500];
    /// let (n, sender) = b.recv_from(&mut buf).await?;
    /// assert!(n == 3 && sender.is_unnamed()); // it was not bound
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.async_io(Interest::READABLE, |socket| socket.recv_from(buf)).await
    }

    /// As [`recv_from`](UnixDatagram::recv_from), to be called from a `poll` function.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](UnixDatagram::recv_from).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::future::poll_fn;
    /// # use ayi_net::UnixDatagram;
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// # let (a, b) = (UnixDatagram::unbound()?, UnixDatagram::bind(&name)?);
    /// # a.send_to(b"tea", &name).await?;
    /// let mut buf = [0; 1500];
    /// let (n, sender) = poll_fn(|cx| b.poll_recv_from(cx, &mut buf)).await?;
    /// # assert!(n == 3 && sender.is_unnamed());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        self.socket.poll_io(Interest::READABLE, cx, |socket| socket.recv_from(buf))
    }

    /// As [`recv_from`](UnixDatagram::recv_from), without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if it would have to wait; else as [`recv_from`](UnixDatagram::recv_from).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi_net::UnixDatagram;
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// # let (a, b) = (UnixDatagram::unbound()?, UnixDatagram::bind(&name)?);
    /// # a.send_to(b"tea", &name).await?;
    /// b.readable().await?;
    /// let (n, sender) = b.try_recv_from(&mut [0; 1500])?;
    /// # assert!(n == 3 && sender.is_unnamed());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.try_io(Interest::READABLE, |socket| socket.recv_from(buf))
    }

    /// Ends one direction of the socket, or both.
    ///
    /// # Errors
    ///
    /// What shutdown(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::net::Shutdown;
    /// # use ayi_net::UnixDatagram;
    /// # let (a, b) = UnixDatagram::pair()?;
    /// a.shutdown(Shutdown::Write)?;
    /// assert!(a.send(b"tea").await.is_err());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.std().shutdown(how)
    }

    /// The address of this socket.
    ///
    /// # Errors
    ///
    /// What getsockname(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi_net::UnixDatagram;
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// # let (a, b) = (UnixDatagram::unbound()?, UnixDatagram::bind(&name)?);
    /// assert_eq!(b.local_addr()?.is_unnamed(), false);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.std().local_addr()
    }

    /// The address of the connected peer.
    ///
    /// # Errors
    ///
    /// What getpeername(2) reports: `NotConnected`.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi_net::UnixDatagram;
    /// # let (a, b) = UnixDatagram::pair()?;
    /// assert!(a.peer_addr()?.is_unnamed()); // it is one of a pair
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.std().peer_addr()
    }

    /// Takes the error that the system holds for this socket, if any.
    ///
    /// # Errors
    ///
    /// What getsockopt(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi_net::UnixDatagram;
    /// # let (a, b) = UnixDatagram::pair()?;
    /// assert!(a.take_error()?.is_none());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.std().take_error()
    }

    /// Makes a socket of one that std made or another process handed over.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the socket is in blocking mode: call `set_nonblocking(true)` on it first.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi_net::UnixDatagram;
    /// let of_std = std::os::unix::net::UnixDatagram::unbound()?;
    /// of_std.set_nonblocking(true)?;
    /// let socket = UnixDatagram::from_std(of_std)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn from_std(socket: std::os::unix::net::UnixDatagram) -> io::Result<UnixDatagram> {
        Ok(UnixDatagram { socket: Socket::from_std(socket)? })
    }

    /// Takes the socket out of the runtime. It stays in non-blocking mode.
    ///
    /// # Errors
    ///
    /// None today; tokio's signature.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi_net::UnixDatagram;
    /// # let (a, b) = UnixDatagram::pair()?;
    /// let of_std = a.into_std()?;
    /// of_std.set_nonblocking(false)?; // as std's are by default
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn into_std(self) -> io::Result<std::os::unix::net::UnixDatagram> {
        self.socket.into_std()
    }
}

/// Waiting until it is ready, and then trying.
impl UnixDatagram {
    /// Waits until the socket is ready for one of `interest`, and tells in what way.
    ///
    /// # Errors
    ///
    /// That there is no ayi runtime on this thread, or that the socket belongs to another.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if this future is dropped: readiness stays.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi_runtime::io::Interest;
    /// # use ayi_net::UnixDatagram;
    /// # let (a, b) = UnixDatagram::pair()?;
    /// let ready = a.ready(Interest::READABLE | Interest::WRITABLE).await?;
    /// assert!(ready.is_writable() && !ready.is_readable());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.socket.ready(interest).await
    }

    /// Waits until there may be a datagram to receive.
    ///
    /// # Errors
    ///
    /// As [`ready`](UnixDatagram::ready).
    ///
    /// # Cancel safety
    ///
    /// As [`ready`](UnixDatagram::ready).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::io::ErrorKind;
    /// # use ayi_net::UnixDatagram;
    /// # let (a, b) = UnixDatagram::pair()?;
    /// # b.send(b"tea").await?;
    /// let mut buf = [0; 1500];
    /// let n = loop {
    ///     a.readable().await?;
    ///     match a.try_recv(&mut buf) {
    ///         Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
    ///         result => break result?,
    ///     }
    /// };
    /// # assert_eq!(n, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await.map(drop)
    }

    /// Waits until there may be room for a datagram to send.
    ///
    /// # Errors
    ///
    /// As [`ready`](UnixDatagram::ready).
    ///
    /// # Cancel safety
    ///
    /// As [`ready`](UnixDatagram::ready).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi_net::UnixDatagram;
    /// # let (a, b) = UnixDatagram::pair()?;
    /// a.writable().await?;
    /// a.try_send(b"tea")?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::WRITABLE).await.map(drop)
    }

    /// As [`readable`](UnixDatagram::readable), to be called from a `poll` function.
    ///
    /// # Errors
    ///
    /// As [`ready`](UnixDatagram::ready).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::future::poll_fn;
    /// # use ayi_net::UnixDatagram;
    /// # let (a, b) = UnixDatagram::pair()?;
    /// # b.send(b"tea").await?;
    /// poll_fn(|cx| a.poll_recv_ready(cx)).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn poll_recv_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_ready(Interest::READABLE, cx).map_ok(drop)
    }

    /// As [`writable`](UnixDatagram::writable), to be called from a `poll` function.
    ///
    /// # Errors
    ///
    /// As [`ready`](UnixDatagram::ready).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::future::poll_fn;
    /// # use ayi_net::UnixDatagram;
    /// # let (a, b) = UnixDatagram::pair()?;
    /// poll_fn(|cx| a.poll_send_ready(cx)).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn poll_send_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_ready(Interest::WRITABLE, cx).map_ok(drop)
    }

    /// Calls `op` once, which is to do its own I/O on this socket and to return `WouldBlock` only if the socket did.
    ///
    /// # Errors
    ///
    /// What `op` returns.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi_runtime::io::Interest;
    /// use std::os::fd::AsFd;
    /// # use ayi_net::UnixDatagram;
    /// # let (a, b) = UnixDatagram::pair()?;
    /// # fn another_way_to_send(_: impl AsFd) -> std::io::Result<usize> { Ok(3) }
    /// a.writable().await?;
    /// let n = a.try_io(Interest::WRITABLE, || another_way_to_send(&a))?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn try_io<R>(&self, interest: Interest, op: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        self.socket.try_io(interest, |_| op())
    }

    /// Calls `op`, which is to do its own I/O on this socket, until it returns something other than `WouldBlock`, and
    /// waits for `interest` in between.
    ///
    /// # Errors
    ///
    /// What `op` returns; as [`ready`](UnixDatagram::ready).
    ///
    /// # Cancel safety
    ///
    /// It returns as soon as `op` has done something, so nothing is lost if this future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi_runtime::io::Interest;
    /// use std::os::fd::AsFd;
    /// # use ayi_net::UnixDatagram;
    /// # let (a, b) = UnixDatagram::pair()?;
    /// # fn another_way_to_send(_: impl AsFd) -> std::io::Result<usize> { Ok(3) }
    /// let n = a.async_io(Interest::WRITABLE, || another_way_to_send(&a)).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        mut op: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        self.socket.async_io(interest, |_| op()).await
    }
}

/// As [`UnixDatagram::from_std`].
impl TryFrom<std::os::unix::net::UnixDatagram> for UnixDatagram {
    type Error = io::Error;

    fn try_from(socket: std::os::unix::net::UnixDatagram) -> io::Result<UnixDatagram> {
        UnixDatagram::from_std(socket)
    }
}

impl AsFd for UnixDatagram {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for UnixDatagram {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl fmt::Debug for UnixDatagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.socket.fmt(f)
    }
}
