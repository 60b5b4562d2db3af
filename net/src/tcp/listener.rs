//! A socket that accepts connections.
//!
//! `accept` says what happens to errors. In tokio: `net/tcp/listener.rs`.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::task::{Context, Poll};

use ayi_runtime::runtime::check_open;
use ayi_runtime::task::coop;

use crate::accept;
use crate::addr::{self, ToSocketAddrs};
use crate::socket::Socket;
use crate::sys;
use crate::tcp::TcpStream;

/// A TCP socket that listens for connections.
///
/// ```no_run
/// use ayi::net::TcpListener;
/// # async fn run() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:7000").await?;
/// loop {
///     let (stream, peer) = listener.accept().await?;
///     println!("{peer} is here");
///     stream.write(b"hello\n").await?;
/// }
/// # }
/// ```
pub struct TcpListener {
    pub(crate) socket: Socket<std::net::TcpListener>,
}

impl TcpListener {
    /// Makes a listener that is bound to `addr`.
    ///
    /// Of several addresses, the first that can be bound is taken. Port 0 lets the system choose a free one, which
    /// [`local_addr`](TcpListener::local_addr) returns. `SO_REUSEADDR` is set. Up to 1024 connections wait to be
    /// accepted, or fewer if `net.core.somaxconn` is lower.
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
    /// use ayi::net::TcpListener;
    /// let listener = TcpListener::bind("localhost:0").await?; // port 0: a free one
    /// println!("listening on {}", listener.local_addr()?);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<TcpListener> {
        coop::consume_budget().await;
        check_open()?;
        let mut last_error = None;
        for addr in addr::resolve(addr).await? {
            match sys::listen(addr) {
                Ok(listener) => return Ok(TcpListener::new(listener)),
                Err(error) => last_error = Some(error),
            }
        }
        Err(last_error.unwrap_or_else(|| addr::no_address("to bind to")))
    }

    /// Wraps a socket that is known to be non-blocking.
    pub(super) fn new(listener: std::net::TcpListener) -> TcpListener {
        TcpListener { socket: Socket::new(listener) }
    }

    /// Waits for the next connection, and returns it with the address of its peer.
    ///
    /// Any number of tasks may wait here at once.
    ///
    /// # Errors
    ///
    /// Returns what accept(2) reports of the listener itself. It also fails if it has to wait and there is no ayi
    /// runtime on this thread. Two groups of errors are handled internally:
    ///
    /// - Errors of one connection that failed before it was accepted: `ECONNABORTED`, `EPROTO`, `EPERM`, and the
    ///   network errors that accept(2) lists. The next connection is accepted instead. If 200 fail in a row, with a
    ///   pause of 50 ms among them, the error is no longer one connection's, and is returned.
    /// - `EMFILE`, `ENFILE`, `ENOBUFS` and `ENOMEM`, when there is no room for another socket. `accept` tries again
    ///   every 50 ms. No connection is lost: they wait in the backlog. If a server stops accepting under load, check
    ///   whether it runs into its limit (`ulimit -n`).
    ///
    /// # Panics
    ///
    /// Panics if there is no room for another socket, or connections fail in a row, and no ayi runtime is on this
    /// thread.
    ///
    /// # Cancel safety
    ///
    /// No connection is lost if the future is dropped: it returns as soon as it has one.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::{TcpListener, TcpStream};
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let client = TcpStream::connect(listener.local_addr()?).await?;
    /// let (stream, peer) = listener.accept().await?;
    /// assert_eq!(peer, client.local_addr()?);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = accept::accept(&self.socket, |listener| sys::accept(listener.as_fd())).await?;
        Ok((TcpStream::accepted(stream), peer))
    }

    /// Polls for a connection, like [`accept`](TcpListener::accept).
    ///
    /// If there is no connection, the task of `cx` is woken when there is one.
    ///
    /// # Errors
    ///
    /// Fails like [`accept`](TcpListener::accept), and also returns the error if there is no room for another socket,
    /// or if 100 connections have failed in a row, since a poll cannot sleep. Wait a little before the next call: it
    /// would probably fail as well.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::future::poll_fn;
    /// # use ayi::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let client = TcpStream::connect(listener.local_addr()?).await?;
    /// let (stream, _peer) = poll_fn(|cx| listener.poll_accept(cx)).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let accepted = accept::poll_accept(&self.socket, cx, |listener| sys::accept(listener.as_fd()));
        accepted.map_ok(|(stream, peer)| (TcpStream::accepted(stream), peer))
    }

    /// Returns the address to which this listener is bound.
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
    /// # use ayi::net::TcpListener;
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// assert_ne!(listener.local_addr()?.port(), 0);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.std().local_addr()
    }

    /// Takes a listener that std made or another process handed over.
    ///
    /// ```no_run
    /// # fn run() -> std::io::Result<()> {
    /// let listener = std::net::TcpListener::bind("127.0.0.1:7000")?;
    /// listener.set_nonblocking(true)?;
    /// let listener = ayi::net::TcpListener::from_std(listener)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns `InvalidInput` if the socket does not listen, or is in blocking mode, which would stop the runtime's
    /// thread: call `set_nonblocking(true)` on it first.
    ///
    /// It must stay non-blocking: the mode belongs to the socket, and so to all processes that share it. systemd makes
    /// the socket blocking whenever it starts a server with it, unless the unit says `NonBlocking=true`.
    #[inline]
    #[track_caller]
    pub fn from_std(listener: std::net::TcpListener) -> io::Result<TcpListener> {
        accept::check_listening(&listener)?;
        let socket = Socket::from_std(listener)?;
        Ok(TcpListener { socket })
    }

    /// Takes the listener out of the runtime. It stays in non-blocking mode.
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
    /// # use ayi::net::TcpListener;
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let of_std: std::net::TcpListener = listener.into_std()?;
    /// of_std.set_nonblocking(false)?; // as std's are by default
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn into_std(self) -> io::Result<std::net::TcpListener> {
        self.socket.into_std()
    }

    /// Returns the `IP_TTL` of this socket: how many hops its packets may take.
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
    /// # use ayi::net::TcpListener;
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// listener.set_ttl(16)?;
    /// assert_eq!(listener.ttl()?, 16);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket.std().ttl()
    }

    /// Sets the `IP_TTL` of this socket; the streams that it accepts inherit it.
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket.std().set_ttl(ttl)
    }
}
