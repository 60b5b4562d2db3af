//! A Unix socket that accepts connections.
//!
//! `accept` says what happens to errors. In tokio: `net/unix/listener.rs`.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::task::{Context, Poll};

use ayi_runtime::runtime::check_io;

use crate::accept;
use crate::socket::Socket;
use crate::sys;
use crate::unix::{SocketAddr, UnixSocket, UnixStream};

/// The same number as [`TcpListener::bind`](crate::TcpListener::bind) has.
const BACKLOG: u32 = 1024;

/// A Unix socket that listens for connections.
///
/// The file at its path stays when it is dropped: the next one to bind there has to remove it first.
///
/// # Examples
///
/// ```no_run
/// use ayi::net::UnixListener;
/// # async fn run() -> std::io::Result<()> {
/// let listener = UnixListener::bind("/run/tea.sock")?;
/// loop {
///     let (stream, _) = listener.accept().await?;
///     println!("{:?} is here", stream.peer_cred()?);
/// }
/// # }
/// ```
pub struct UnixListener {
    pub(crate) socket: Socket<std::os::unix::net::UnixListener>,
}

impl UnixListener {
    /// Makes a listener at `path`, or at the abstract name that follows a null byte. Up to 1024 connections wait to
    /// be accepted.
    ///
    /// # Errors
    ///
    /// Returns `AddrInUse` if there is a file of that name, also one that a socket has left behind; `InvalidInput` if
    /// the path has more than 107 bytes; and what bind(2) reports.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::UnixListener;
    /// let _ = std::fs::remove_file("/run/tea.sock"); // of an earlier run
    /// let listener = UnixListener::bind("/run/tea.sock")?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixListener> {
        check_io();
        let socket = UnixSocket::new_stream()?;
        socket.bind(path)?;
        socket.listen(BACKLOG)
    }

    /// Makes a listener at an address.
    ///
    /// # Errors
    ///
    /// Fails like [`bind`](UnixListener::bind).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::UnixListener;
    /// use std::os::linux::net::SocketAddrExt;
    /// use std::os::unix::net::SocketAddr;
    /// # let name = format!("ayi bind_addr {}", std::process::id());
    /// let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(name)?.into())?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn bind_addr(addr: &SocketAddr) -> io::Result<UnixListener> {
        let socket = UnixSocket::new_stream()?;
        socket.bind_addr(addr)?;
        socket.listen(BACKLOG)
    }

    /// Wraps a socket that is known to be non-blocking.
    pub(super) fn new(listener: std::os::unix::net::UnixListener) -> UnixListener {
        UnixListener { socket: Socket::new(listener) }
    }

    /// Waits for the next connection, and returns it with the address of its peer, which mostly has none. Any number of
    /// tasks may wait here at once.
    ///
    /// # Errors
    ///
    /// Fails like [`TcpListener::accept`](crate::TcpListener::accept), which also lists the errors that are handled
    /// internally.
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
    /// # use ayi::net::{UnixListener, UnixStream};
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// let listener = UnixListener::bind(&name)?;
    /// let client = UnixStream::connect(&name).await?;
    /// let (stream, peer) = listener.accept().await?;
    /// assert!(peer.is_unnamed()); // as clients mostly are
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let (stream, peer) =
            accept::accept(&self.socket, |listener| sys::accept_unix(listener.as_fd())).await?;
        Ok((UnixStream::accepted(stream), SocketAddr(peer)))
    }

    /// Polls for a connection, like [`accept`](UnixListener::accept).
    ///
    /// # Errors
    ///
    /// Fails like [`accept`](UnixListener::accept), and also if there is no room for another socket.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::future::poll_fn;
    /// # use ayi::net::{UnixListener, UnixStream};
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// # let listener = UnixListener::bind(&name)?;
    /// # let client = UnixStream::connect(&name).await?;
    /// let (stream, _peer) = poll_fn(|cx| listener.poll_accept(cx)).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        let accepted = accept::poll_accept(&self.socket, cx, |listener| sys::accept_unix(listener.as_fd()));
        accepted.map_ok(|(stream, peer)| (UnixStream::accepted(stream), SocketAddr(peer)))
    }

    /// Returns the address at which it listens.
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
    /// # use ayi::net::{UnixListener, UnixStream};
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// let listener = UnixListener::bind(&name)?;
    /// assert!(!listener.local_addr()?.is_unnamed());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.std().local_addr().map(SocketAddr)
    }

    /// Takes the error that the system holds for this socket, if any.
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
    /// # use ayi::net::{UnixListener, UnixStream};
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// # let listener = UnixListener::bind(&name)?;
    /// assert!(listener.take_error()?.is_none());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.std().take_error()
    }

    /// Takes a listener that std made or another process handed over.
    ///
    /// # Errors
    ///
    /// Returns `InvalidInput` if the socket is in blocking mode (call `set_nonblocking(true)` on it first), or if it
    /// does not listen.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::{UnixListener, UnixStream};
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// let of_std = UnixListener::bind(&name)?.into_std()?;
    /// let listener = UnixListener::from_std(of_std)?; // non-blocking, as it has to be
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[inline]
    #[track_caller]
    pub fn from_std(listener: std::os::unix::net::UnixListener) -> io::Result<UnixListener> {
        accept::check_listening(&listener)?;
        Ok(UnixListener { socket: Socket::from_std(listener)? })
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
    /// # use ayi::net::{UnixListener, UnixStream};
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// let of_std = UnixListener::bind(&name)?.into_std()?;
    /// of_std.set_nonblocking(false)?; // as std's are by default
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn into_std(self) -> io::Result<std::os::unix::net::UnixListener> {
        self.socket.into_std()
    }
}
