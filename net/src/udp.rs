//! UDP.
//!
//! A datagram may be empty, and a short one says nothing about what comes next, so the short-transfer optimisation of
//! streams does not apply.
//!
//! In tokio: `net/udp.rs`.

mod options;

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::task::{Context, Poll};

use ayi_io::ReadBuf;
use ayi_runtime::io::{Interest, Ready};
use ayi_runtime::runtime::check_open;
use ayi_runtime::task::coop;

use crate::addr::{self, ToSocketAddrs};
#[cfg(feature = "bytes")]
use crate::read::fill;
use crate::read::poll_fill;
use crate::socket::Socket;
use crate::sys::{self, Room};

type Std = std::net::UdpSocket;

/// A UDP socket.
///
/// An unconnected socket sends to any address and receives from any, by [`send_to`](UdpSocket::send_to) and
/// [`recv_from`](UdpSocket::recv_from). A [connected](UdpSocket::connect) one sends only to its peer and receives only
/// from it. All methods take `&self`: any number of tasks can send and receive at once, through a reference, an `Rc` or
/// an `Arc`.
///
/// # Examples
///
/// An echo server:
///
/// ```no_run
/// use ayi::net::UdpSocket;
/// # async fn run() -> std::io::Result<()> {
/// let socket = UdpSocket::bind("127.0.0.1:7000").await?;
/// let mut buf = [0; 1500];
/// loop {
///     let (len, peer) = socket.recv_from(&mut buf).await?;
///     socket.send_to(&buf[..len], peer).await?;
/// }
/// # }
/// ```
pub struct UdpSocket {
    pub(crate) socket: Socket<std::net::UdpSocket>,
}

/// The lines of an example that make a socket and its peer.
macro_rules! connected {
    () => {
        "# use ayi::net::UdpSocket;\n\
         # let (socket, peer) = (UdpSocket::bind(\"127.0.0.1:0\").await?, UdpSocket::bind(\"127.0.0.1:0\").await?);\n\
         # socket.connect(peer.local_addr()?).await?;\n\
         # peer.connect(socket.local_addr()?).await?;"
    };
}

impl UdpSocket {
    /// Makes a socket that is bound to `addr`. Of several addresses, the first that can be bound is taken. Port 0 lets
    /// the system choose a free one.
    ///
    /// # Errors
    ///
    /// Returns the error of the last address that was tried, often `AddrInUse`; those of
    /// [`lookup_host`](crate::lookup_host); `InvalidInput` if `addr` is an empty list.
    ///
    /// # Panics
    ///
    /// Panics if `addr` is a name and there is no ayi runtime on this thread.
    ///
    /// # Cancel safety
    ///
    /// Nothing is bound if the future is dropped before it is done.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::UdpSocket;
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?; // port 0: a free one
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<UdpSocket> {
        coop::consume_budget().await;
        check_open()?;
        let mut last_error = None;
        for addr in addr::resolve(addr).await? {
            match std::net::UdpSocket::bind(addr) {
                Ok(socket) => {
                    socket.set_nonblocking(true)?;
                    return Ok(UdpSocket { socket: Socket::new(socket) });
                }
                Err(error) => last_error = Some(error),
            }
        }
        Err(last_error.unwrap_or_else(|| addr::no_address("to bind to")))
    }

    /// Connects to `addr`: [`send`](UdpSocket::send) goes there, and only datagrams from there are received. Connecting
    /// sends nothing. Of several addresses, the first that works is taken.
    ///
    /// # Errors
    ///
    /// Returns what connect(2) reports of the last address that was tried; those of
    /// [`lookup_host`](crate::lookup_host).
    ///
    /// # Panics
    ///
    /// Panics if `addr` is a name and there is no ayi runtime on this thread.
    ///
    /// # Cancel safety
    ///
    /// The socket is not connected if the future is dropped before it is done.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::UdpSocket;
    /// # let (socket, server) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
    /// # let addr = server.local_addr()?;
    /// socket.connect(addr).await?;
    /// socket.send(b"tea").await?; // to that address, and it receives from no other
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<()> {
        coop::consume_budget().await;
        let mut last_error = None;
        for addr in addr::resolve(addr).await? {
            match self.socket.std().connect(addr) {
                Ok(()) => return Ok(()),
                Err(error) => last_error = Some(error),
            }
        }
        Err(last_error.unwrap_or_else(|| addr::no_address("to connect to")))
    }

    methods! { "socket", connected!(); datagrams, take_error }

    /// Sends a datagram to `addr`; of several addresses, to the first.
    ///
    /// # Errors
    ///
    /// Returns what send(2) reports; the errors of [`lookup_host`](crate::lookup_host); `InvalidInput` if `addr` is an
    /// empty list. It also fails if it has to wait and there is no ayi runtime on this thread.
    ///
    /// # Panics
    ///
    /// Panics if `addr` is a name and there is no ayi runtime on this thread.
    ///
    /// # Cancel safety
    ///
    /// Nothing was sent if the future is dropped: it returns as soon as it has sent.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::UdpSocket;
    /// # let (a, b) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
    /// a.send_to(b"tea", b.local_addr()?).await?;
    /// assert_eq!(b.recv(&mut [0; 8]).await?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn send_to<A: ToSocketAddrs>(&self, buf: &[u8], addr: A) -> io::Result<usize> {
        let Some(to) = addr::resolve(addr).await?.next() else {
            coop::consume_budget().await;
            return Err(addr::no_address("to send to"));
        };
        self.socket.async_io(Interest::WRITABLE, |socket| sys::send_to(socket.as_fd(), buf, to)).await
    }

    /// Polls to send, like [`send_to`](UdpSocket::send_to).
    ///
    /// # Errors
    ///
    /// Fails like [`send_to`](UdpSocket::send_to).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::future::poll_fn;
    /// # use ayi::net::UdpSocket;
    /// # let (a, b) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
    /// let to = b.local_addr()?;
    /// assert_eq!(poll_fn(|cx| a.poll_send_to(cx, b"tea", to)).await?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn poll_send_to(&self, cx: &mut Context<'_>, buf: &[u8], to: SocketAddr) -> Poll<io::Result<usize>> {
        self.socket.poll_io(Interest::WRITABLE, cx, |socket| sys::send_to(socket.as_fd(), buf, to))
    }

    /// Sends like [`send_to`](UdpSocket::send_to), without waiting.
    ///
    /// # Errors
    ///
    /// Returns `WouldBlock` if it would have to wait; otherwise it fails like [`send_to`](UdpSocket::send_to).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::UdpSocket;
    /// # let (a, b) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
    /// assert_eq!(a.try_send_to(b"tea", b.local_addr()?)?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn try_send_to(&self, buf: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.socket.try_io(Interest::WRITABLE, |socket| sys::send_to(socket.as_fd(), buf, to))
    }

    /// Receives like [`recv`](UdpSocket::recv), but leaves the datagram to be received again.
    ///
    /// # Errors
    ///
    /// Returns what recv(2) reports: `ConnectionRefused` if the connected peer refused an earlier datagram. It also
    /// fails if it has to wait and there is no ayi runtime on this thread.
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
    /// # use ayi::net::UdpSocket;
    /// # let (a, b) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
    /// # a.connect(b.local_addr()?).await?;
    /// # b.connect(a.local_addr()?).await?;
    /// # b.send(b"tea").await?;
    /// assert_eq!(a.peek(&mut [0; 8]).await?, 3);
    /// assert_eq!(a.recv(&mut [0; 8]).await?, 3); // it is still there
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket
            .async_io(Interest::READABLE, |socket| sys::recv(socket.as_fd(), sys::room(buf), sys::PEEK))
            .await
    }

    /// Polls to peek, like [`peek`](UdpSocket::peek).
    ///
    /// # Errors
    ///
    /// Fails like [`peek`](UdpSocket::peek).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::future::poll_fn;
    /// # use ayi::net::UdpSocket;
    /// # let (a, b) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
    /// # a.connect(b.local_addr()?).await?;
    /// # b.connect(a.local_addr()?).await?;
    /// # b.send(b"tea").await?;
    /// let mut memory = [0; 8];
    /// let mut buf = ayi::io::ReadBuf::new(&mut memory);
    /// poll_fn(|cx| a.poll_peek(cx, &mut buf)).await?;
    /// assert_eq!(buf.filled(), b"tea");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        poll_fill(buf, |room| {
            let peek = |socket: &Std| Ok((sys::recv(socket.as_fd(), room, sys::PEEK)?, ()));
            self.socket.poll_io(Interest::READABLE, cx, peek)
        })
    }

    /// Peeks like [`peek`](UdpSocket::peek), without waiting.
    ///
    /// # Errors
    ///
    /// Returns `WouldBlock` if it would have to wait; otherwise it fails like [`peek`](UdpSocket::peek).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::UdpSocket;
    /// # let (a, b) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
    /// # a.connect(b.local_addr()?).await?;
    /// # b.connect(a.local_addr()?).await?;
    /// # b.send(b"tea").await?;
    /// a.readable().await?;
    /// assert_eq!(a.try_peek(&mut [0; 8])?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn try_peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.try_io(Interest::READABLE, |socket| sys::recv(socket.as_fd(), sys::room(buf), sys::PEEK))
    }

    /// Receives like [`recv_from`](UdpSocket::recv_from), but leaves the datagram to be received again.
    ///
    /// # Errors
    ///
    /// Returns what recv(2) reports: `ConnectionRefused` if the connected peer refused an earlier datagram. It also
    /// fails if it has to wait and there is no ayi runtime on this thread.
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
    /// # use ayi::net::UdpSocket;
    /// # let (a, b) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
    /// # b.send_to(b"tea", a.local_addr()?).await?;
    /// let (n, peer) = a.peek_from(&mut [0; 8]).await?;
    /// assert_eq!(a.recv_from(&mut [0; 8]).await?, (n, peer)); // it is still there
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket
            .async_io(Interest::READABLE, |socket| sys::recv_from(socket.as_fd(), sys::room(buf), sys::PEEK))
            .await
    }

    /// Polls to peek, like [`peek_from`](UdpSocket::peek_from).
    ///
    /// # Errors
    ///
    /// Fails like [`peek_from`](UdpSocket::peek_from).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::future::poll_fn;
    /// # use ayi::net::UdpSocket;
    /// # let (a, b) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
    /// # b.send_to(b"tea", a.local_addr()?).await?;
    /// let mut memory = [0; 8];
    /// let mut buf = ayi::io::ReadBuf::new(&mut memory);
    /// let peer = poll_fn(|cx| a.poll_peek_from(cx, &mut buf)).await?;
    /// # assert_eq!((buf.filled(), peer), (&b"tea"[..], b.local_addr()?));
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn poll_peek_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<SocketAddr>> {
        poll_fill(buf, |room| {
            let peek = |socket: &Std| sys::recv_from(socket.as_fd(), room, sys::PEEK);
            self.socket.poll_io(Interest::READABLE, cx, peek)
        })
    }

    /// Peeks like [`peek_from`](UdpSocket::peek_from), without waiting.
    ///
    /// # Errors
    ///
    /// Returns `WouldBlock` if it would have to wait; otherwise it fails like [`peek_from`](UdpSocket::peek_from).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::UdpSocket;
    /// # let (a, b) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
    /// # b.send_to(b"tea", a.local_addr()?).await?;
    /// a.readable().await?;
    /// let (n, peer) = a.try_peek_from(&mut [0; 8])?;
    /// # assert_eq!((n, peer), (3, b.local_addr()?));
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn try_peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket
            .try_io(Interest::READABLE, |socket| sys::recv_from(socket.as_fd(), sys::room(buf), sys::PEEK))
    }

    /// Waits for a datagram, and returns its sender. The datagram is left to be received.
    ///
    /// # Errors
    ///
    /// Fails like [`recv`](UdpSocket::recv).
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
    /// # use ayi::net::UdpSocket;
    /// # let (a, b) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
    /// # b.send_to(b"tea", a.local_addr()?).await?;
    /// assert_eq!(a.peek_sender().await?, b.local_addr()?);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn peek_sender(&self) -> io::Result<SocketAddr> {
        let (_, sender) = self.peek_from(&mut []).await?;
        Ok(sender)
    }

    /// Polls for a datagram, like [`peek_sender`](UdpSocket::peek_sender).
    ///
    /// # Errors
    ///
    /// Fails like [`recv`](UdpSocket::recv).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::future::poll_fn;
    /// # use ayi::net::UdpSocket;
    /// # let (a, b) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
    /// # b.send_to(b"tea", a.local_addr()?).await?;
    /// assert_eq!(poll_fn(|cx| a.poll_peek_sender(cx)).await?, b.local_addr()?);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn poll_peek_sender(&self, cx: &mut Context<'_>) -> Poll<io::Result<SocketAddr>> {
        self.poll_peek_from(cx, &mut ReadBuf::new(&mut []))
    }

    /// Returns the sender like [`peek_sender`](UdpSocket::peek_sender), without waiting.
    ///
    /// # Errors
    ///
    /// Returns `WouldBlock` if there is no datagram; otherwise it fails like [`recv`](UdpSocket::recv).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::UdpSocket;
    /// # let (a, b) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
    /// # b.send_to(b"tea", a.local_addr()?).await?;
    /// a.readable().await?;
    /// assert_eq!(a.try_peek_sender()?, b.local_addr()?);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn try_peek_sender(&self) -> io::Result<SocketAddr> {
        self.try_peek_from(&mut []).map(|(_, sender)| sender)
    }

    /// Returns the address of this socket.
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
    /// # use ayi::net::UdpSocket;
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// assert_ne!(socket.local_addr()?.port(), 0);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.std().local_addr()
    }

    /// Returns the address of the connected peer.
    ///
    /// # Errors
    ///
    /// Returns what getpeername(2) reports: `NotConnected`.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::UdpSocket;
    /// # let (a, b) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
    /// # a.connect(b.local_addr()?).await?;
    /// # b.connect(a.local_addr()?).await?;
    /// assert_eq!(a.peer_addr()?, b.local_addr()?);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.std().peer_addr()
    }

    /// Takes a socket that std made or another process handed over.
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
    /// # use ayi::net::UdpSocket;
    /// let of_std = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// of_std.set_nonblocking(true)?;
    /// let socket = UdpSocket::from_std(of_std)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[inline]
    #[track_caller]
    pub fn from_std(socket: std::net::UdpSocket) -> io::Result<UdpSocket> {
        Ok(UdpSocket { socket: Socket::from_std(socket)? })
    }

    /// Takes the socket out of the runtime. It stays in non-blocking mode.
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
    /// # use ayi::net::UdpSocket;
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// let of_std = socket.into_std()?;
    /// of_std.set_nonblocking(false)?; // as std's are by default
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn into_std(self) -> io::Result<std::net::UdpSocket> {
        self.socket.into_std()
    }
}

/// Receiving into the buffers of the crate `bytes`.
#[cfg(feature = "bytes")]
impl UdpSocket {
    methods! { "socket", connected!(); datagrams_into_buffers }
}

/// The system calls of `recv` and `recv_from`.
impl UdpSocket {
    fn receiving(&self) -> impl Fn(&Std, &mut Room) -> io::Result<usize> {
        |socket, buf| sys::recv(socket.as_fd(), buf, 0)
    }

    fn receiving_from(&self) -> impl Fn(&Std, &mut Room) -> io::Result<(usize, SocketAddr)> {
        |socket, buf| sys::recv_from(socket.as_fd(), buf, 0)
    }
}

/// Waiting until the socket is ready, and then trying.
impl UdpSocket {
    methods! { "socket", connected!(); ready, datagrams_ready, own_io }
}
