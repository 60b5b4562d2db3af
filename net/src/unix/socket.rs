//! A Unix socket before it is a listener, a stream or a datagram socket. In tokio: `net/unix/socket.rs`.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net as std_unix;
use std::path::Path;

use ayi_runtime::runtime::check_open;
use ayi_runtime::task::coop;
use socket2::{Domain, Socket, Type};

use crate::sys;
use crate::unix::{SocketAddr, UnixDatagram, UnixListener, UnixStream, addr, unreported};

/// A Unix socket that is not yet bound, listening or connected.
///
/// It offers what [`UnixListener::bind`] and [`UnixStream::connect`] do not: a backlog, or an address for a stream that
/// connects.
///
/// # Examples
///
/// ```no_run
/// use ayi::net::UnixSocket;
/// # async fn run() -> std::io::Result<()> {
/// let socket = UnixSocket::new_stream()?;
/// socket.bind("/run/tea.sock")?;
/// let listener = socket.listen(16)?;
/// let (stream, _) = listener.accept().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct UnixSocket {
    pub(crate) socket: Socket,
    is_datagram: bool,
}

impl UnixSocket {
    /// Makes a socket for streams.
    ///
    /// # Errors
    ///
    /// Returns what socket(2) reports: mostly that there are no file descriptors left.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::net::unix::UnixSocket;
    /// let socket = UnixSocket::new_stream()?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn new_stream() -> io::Result<UnixSocket> {
        UnixSocket::new(Type::STREAM)
    }

    /// Makes a socket for datagrams.
    ///
    /// # Errors
    ///
    /// Fails like [`new_stream`](UnixSocket::new_stream).
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::net::unix::UnixSocket;
    /// let socket = UnixSocket::new_datagram()?.datagram()?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn new_datagram() -> io::Result<UnixSocket> {
        UnixSocket::new(Type::DGRAM)
    }

    fn new(kind: Type) -> io::Result<UnixSocket> {
        check_open()?;
        let socket = Socket::new(Domain::UNIX, kind.nonblocking().cloexec(), None)?;
        Ok(UnixSocket { socket, is_datagram: kind == Type::DGRAM })
    }

    /// Binds it to an address: a path, or a null byte and an abstract name.
    ///
    /// # Errors
    ///
    /// Returns `AddrInUse` if there is a file of that name, also one that a socket has left behind; `InvalidInput` if
    /// the path has more than 107 bytes; and what bind(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::net::unix::UnixSocket;
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// let socket = UnixSocket::new_stream()?;
    /// socket.bind(name)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn bind(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.bind_addr(&addr::from_path(path.as_ref())?)
    }

    /// Binds it to an address.
    ///
    /// # Errors
    ///
    /// Fails like [`bind`](UnixSocket::bind).
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::net::unix::UnixSocket;
    /// use std::os::linux::net::SocketAddrExt;
    /// use std::os::unix::net::SocketAddr;
    /// # let name = format!("ayi example {} {}", std::process::id(), line!());
    /// let socket = UnixSocket::new_stream()?;
    /// socket.bind_addr(&SocketAddr::from_abstract_name(name)?.into())?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn bind_addr(&self, addr: &SocketAddr) -> io::Result<()> {
        self.socket.bind(&addr::to_raw(addr)?)
    }

    /// Listens for connections. Up to `backlog` of them wait to be accepted.
    ///
    /// # Errors
    ///
    /// Returns `InvalidInput` if it is a datagram socket or has no address.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::net::unix::UnixSocket;
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// let socket = UnixSocket::new_stream()?;
    /// socket.bind(name)?;
    /// let listener = socket.listen(1024)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn listen(self, backlog: u32) -> io::Result<UnixListener> {
        self.must_be_stream("listen")?;
        self.socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        Ok(UnixListener::new(OwnedFd::from(self.socket).into()))
    }

    /// Connects to the socket at `path`.
    ///
    /// # Errors
    ///
    /// Returns `InvalidInput` if it is a datagram socket, and otherwise fails like [`UnixStream::connect`].
    ///
    /// # Cancel safety
    ///
    /// Nothing is connected if the future is dropped before it is finished.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::unix::UnixSocket;
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// # let listener = ayi::net::UnixListener::bind(&name)?;
    /// let stream = UnixSocket::new_stream()?.connect(&name).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn connect(self, path: impl AsRef<Path>) -> io::Result<UnixStream> {
        coop::consume_budget().await;
        self.connect_addr(&addr::from_path(path.as_ref())?).await
    }

    /// Connects to an address, for example one that a socket has told.
    ///
    /// # Errors
    ///
    /// Fails like [`connect`](UnixSocket::connect).
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as [`connect`](UnixSocket::connect).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::unix::UnixSocket;
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// # let listener = ayi::net::UnixListener::bind(&name)?;
    /// let stream = UnixSocket::new_stream()?.connect_addr(&listener.local_addr()?).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn connect_addr(self, addr: &SocketAddr) -> io::Result<UnixStream> {
        coop::consume_budget().await;
        self.must_be_stream("connect")?;
        let to = addr::to_raw(addr)?;
        let connect = || sys::without_blocking(self.socket.as_fd(), || self.socket.connect(&to));
        unreported::try_again(connect).await?;
        Ok(UnixStream::new(OwnedFd::from(self.socket).into()))
    }

    /// Makes a datagram socket of it.
    ///
    /// # Errors
    ///
    /// Returns `InvalidInput` if it is a stream socket.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::net::unix::UnixSocket;
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// let socket = UnixSocket::new_datagram()?;
    /// socket.bind(name)?;
    /// let socket = socket.datagram()?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn datagram(self) -> io::Result<UnixDatagram> {
        if !self.is_datagram {
            return Err(wrong_kind("datagram", "stream"));
        }
        Ok(UnixDatagram::new(std_unix::UnixDatagram::from(OwnedFd::from(self.socket))))
    }

    fn must_be_stream(&self, what: &str) -> io::Result<()> {
        if self.is_datagram { Err(wrong_kind(what, "datagram")) } else { Ok(()) }
    }
}

/// Takes a Unix socket that another library has made, or another process has passed on, and that is neither connected nor
/// listens. It becomes non-blocking.
///
/// # Panics
///
/// Panics if the descriptor is not open.
///
/// # Examples
///
/// ```
/// use ayi::net::unix::UnixSocket;
/// use std::os::fd::OwnedFd;
/// let socket = UnixSocket::from(OwnedFd::from(UnixSocket::new_datagram()?));
/// let datagrams = socket.datagram()?; // it is still that kind of socket
/// # std::io::Result::Ok(())
/// ```
impl From<OwnedFd> for UnixSocket {
    #[track_caller]
    fn from(fd: OwnedFd) -> UnixSocket {
        let socket = Socket::from(fd);
        socket.set_nonblocking(true).expect("fcntl(2) makes any open descriptor non-blocking");
        let is_datagram = socket.r#type().is_ok_and(|kind| kind == Type::DGRAM);
        UnixSocket { socket, is_datagram }
    }
}

/// Returns the descriptor, which stays non-blocking.
impl From<UnixSocket> for OwnedFd {
    fn from(socket: UnixSocket) -> OwnedFd {
        socket.socket.into()
    }
}

fn wrong_kind(what: &str, kind: &str) -> io::Error {
    let text = format!("{what} cannot be called on a {kind} socket");
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
