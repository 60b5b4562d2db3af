//! A TCP socket before it listens or connects. In tokio: `net/tcp/socket.rs`.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use ayi_runtime::io::Interest;
use ayi_runtime::runtime::check_open;
use ayi_runtime::task::coop;
use socket2::{Domain, Socket, Type};

use crate::sys;
use crate::tcp::stream::has_connected;
use crate::tcp::{TcpListener, TcpStream};

/// A TCP socket that does not listen yet and is not connected, for options that have to be set before that.
///
/// Unlike [`TcpListener::bind`], it sets no option by itself.
///
/// # Examples
///
/// A listener of its own on every core, between which the kernel distributes the connections:
///
/// ```
/// use ayi::net::tcp::TcpSocket;
/// let socket = TcpSocket::new_v4()?;
/// socket.set_reuseport(true)?;
/// socket.bind("127.0.0.1:0".parse().unwrap())?;
/// let listener = socket.listen(1024)?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct TcpSocket {
    pub(crate) socket: Socket,
}

impl TcpSocket {
    /// Makes a socket for IPv4.
    ///
    /// # Errors
    ///
    /// Returns what socket(2) reports: mostly that there are no file descriptors left.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::net::tcp::TcpSocket;
    /// let socket = TcpSocket::new_v4()?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn new_v4() -> io::Result<TcpSocket> {
        TcpSocket::new(Domain::IPV4)
    }

    /// Makes a socket for IPv6. It accepts IPv4 as well, unless `net.ipv6.bindv6only` is set.
    ///
    /// # Errors
    ///
    /// Fails like [`new_v4`](TcpSocket::new_v4), and with `EAFNOSUPPORT` on a machine without IPv6.
    pub fn new_v6() -> io::Result<TcpSocket> {
        TcpSocket::new(Domain::IPV6)
    }

    fn new(domain: Domain) -> io::Result<TcpSocket> {
        check_open()?;
        let socket = Socket::new(domain, Type::STREAM.nonblocking().cloexec(), None)?;
        Ok(TcpSocket { socket })
    }

    /// Takes a socket that std or another library has made and that is not connected. It becomes non-blocking.
    ///
    /// # Panics
    ///
    /// Panics if the system refuses to make the socket non-blocking, which it does not.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::net::tcp::TcpSocket;
    /// # fn made_elsewhere() -> std::io::Result<std::net::TcpStream> {
    /// #     Ok(std::os::fd::OwnedFd::from(TcpSocket::new_v4()?).into())
    /// # }
    /// let socket = TcpSocket::from_std_stream(made_elsewhere()?);
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn from_std_stream(stream: std::net::TcpStream) -> TcpSocket {
        TcpSocket::from(OwnedFd::from(stream))
    }

    /// Binds it to an address. Port 0 lets the system choose a free one.
    ///
    /// # Errors
    ///
    /// Returns what bind(2) reports: `AddrInUse`, `AddrNotAvailable`, `InvalidInput` if it has one already.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::net::tcp::TcpSocket;
    /// let socket = TcpSocket::new_v4()?;
    /// socket.bind("127.0.0.1:0".parse().unwrap())?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn bind(&self, addr: SocketAddr) -> io::Result<()> {
        self.socket.bind(&addr.into())
    }

    /// Listens for connections. Up to `backlog` of them wait to be accepted, or fewer if `net.core.somaxconn` is lower.
    /// Without an address, the system chooses a port on all interfaces.
    ///
    /// # Errors
    ///
    /// Returns what listen(2) reports: `AddrInUse` if another socket listens at the address.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::net::tcp::TcpSocket;
    /// let socket = TcpSocket::new_v4()?;
    /// socket.set_reuseaddr(true)?;
    /// socket.bind("127.0.0.1:0".parse().unwrap())?;
    /// let listener = socket.listen(4096)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        self.socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        Ok(TcpListener::new(OwnedFd::from(self.socket).into()))
    }

    /// Connects to `addr`.
    ///
    /// # Errors
    ///
    /// Fails like [`TcpStream::connect`] with this one address.
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
    /// use ayi::net::tcp::TcpSocket;
    /// # let listener = ayi::net::TcpListener::bind("127.0.0.1:0").await?;
    /// # let addr = listener.local_addr()?;
    /// let socket = TcpSocket::new_v4()?;
    /// socket.bind("127.0.0.2:0".parse().unwrap())?; // where it comes from
    /// let stream = socket.connect(addr).await?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn connect(self, addr: SocketAddr) -> io::Result<TcpStream> {
        coop::consume_budget().await;
        // The socket may have come from elsewhere, where another owner may still have it.
        match sys::without_blocking(self.socket.as_fd(), || self.socket.connect(&addr.into())) {
            // Interrupted means the same as in progress, connect(2).
            Err(error) if error.raw_os_error() == Some(sys::IN_PROGRESS) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => result?,
        }
        let stream = TcpStream::new(OwnedFd::from(self.socket).into());
        stream.socket.async_io(Interest::WRITABLE, has_connected).await?;
        Ok(stream)
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
    /// use ayi::net::tcp::TcpSocket;
    /// let socket = TcpSocket::new_v4()?;
    /// socket.bind("127.0.0.1:0".parse().unwrap())?;
    /// assert_ne!(socket.local_addr()?.port(), 0);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        let addr = self.socket.local_addr()?;
        addr.as_socket().ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "this is no TCP socket: its address is not of IP")
        })
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
    /// use ayi::net::tcp::TcpSocket;
    /// assert!(TcpSocket::new_v4()?.take_error()?.is_none());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }
}

/// The options.
impl TcpSocket {
    /// Returns whether its address can be bound although connections of an earlier owner still linger (`SO_REUSEADDR`).
    ///
    /// # Errors
    ///
    /// Returns what getsockopt(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let socket = ayi::net::tcp::TcpSocket::new_v4()?;
    /// socket.set_reuseaddr(true)?;
    /// assert!(socket.reuseaddr()?);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn reuseaddr(&self) -> io::Result<bool> {
        self.socket.reuse_address()
    }

    /// Sets [`reuseaddr`](TcpSocket::reuseaddr).
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    pub fn set_reuseaddr(&self, value: bool) -> io::Result<()> {
        self.socket.set_reuse_address(value)
    }

    /// Returns whether several sockets can be bound to its address, if all of them set this (`SO_REUSEPORT`).
    ///
    /// # Errors
    ///
    /// Returns what getsockopt(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let socket = ayi::net::tcp::TcpSocket::new_v4()?;
    /// socket.set_reuseport(true)?;
    /// assert!(socket.reuseport()?);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn reuseport(&self) -> io::Result<bool> {
        self.socket.reuse_port()
    }

    /// Sets [`reuseport`](TcpSocket::reuseport).
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    pub fn set_reuseport(&self, value: bool) -> io::Result<()> {
        self.socket.set_reuse_port(value)
    }

    /// Returns the size of its send buffer in bytes. The kernel counts twice what was set (socket(7), `SO_SNDBUF`).
    ///
    /// # Errors
    ///
    /// Returns what getsockopt(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let socket = ayi::net::tcp::TcpSocket::new_v4()?;
    /// socket.set_send_buffer_size(20_000)?;
    /// assert_eq!(socket.send_buffer_size()?, 40_000);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn send_buffer_size(&self) -> io::Result<u32> {
        self.socket.send_buffer_size().map(|size| u32::try_from(size).unwrap_or(u32::MAX))
    }

    /// Sets [`send_buffer_size`](TcpSocket::send_buffer_size).
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    pub fn set_send_buffer_size(&self, value: u32) -> io::Result<()> {
        self.socket.set_send_buffer_size(value as usize)
    }

    /// Returns the size of its receive buffer in bytes. The kernel counts twice what was set (socket(7), `SO_RCVBUF`).
    ///
    /// # Errors
    ///
    /// Returns what getsockopt(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let socket = ayi::net::tcp::TcpSocket::new_v4()?;
    /// socket.set_recv_buffer_size(30_000)?;
    /// assert_eq!(socket.recv_buffer_size()?, 60_000);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn recv_buffer_size(&self) -> io::Result<u32> {
        self.socket.recv_buffer_size().map(|size| u32::try_from(size).unwrap_or(u32::MAX))
    }

    /// Sets [`recv_buffer_size`](TcpSocket::recv_buffer_size).
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    pub fn set_recv_buffer_size(&self, value: u32) -> io::Result<()> {
        self.socket.set_recv_buffer_size(value as usize)
    }

    /// Returns whether an idle connection is probed (`SO_KEEPALIVE`).
    ///
    /// # Errors
    ///
    /// Returns what getsockopt(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let socket = ayi::net::tcp::TcpSocket::new_v4()?;
    /// socket.set_keepalive(true)?;
    /// assert!(socket.keepalive()?);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn keepalive(&self) -> io::Result<bool> {
        self.socket.keepalive()
    }

    /// Sets [`keepalive`](TcpSocket::keepalive).
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    pub fn set_keepalive(&self, value: bool) -> io::Result<()> {
        self.socket.set_keepalive(value)
    }

    /// Returns whether small writes are sent at once (tcp(7), `TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// Returns what getsockopt(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let socket = ayi::net::tcp::TcpSocket::new_v4()?;
    /// socket.set_nodelay(true)?;
    /// assert!(socket.nodelay()?);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn nodelay(&self) -> io::Result<bool> {
        self.socket.tcp_nodelay()
    }

    /// Sets [`nodelay`](TcpSocket::nodelay).
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    pub fn set_nodelay(&self, value: bool) -> io::Result<()> {
        self.socket.set_tcp_nodelay(value)
    }

    /// Returns how long closing it waits until what was written is sent (socket(7), `SO_LINGER`), in whole seconds.
    /// With zero, closing resets the connection. Waiting blocks the thread, so only zero and `None` are useful here.
    ///
    /// # Errors
    ///
    /// Returns what getsockopt(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// # let socket = ayi::net::tcp::TcpSocket::new_v4()?;
    /// socket.set_zero_linger()?;
    /// assert_eq!(socket.linger()?, Some(Duration::ZERO));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.socket.linger()
    }

    /// Sets [`linger`](TcpSocket::linger).
    ///
    /// More than zero blocks the thread, and with it the whole runtime, when the stream is dropped.
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    #[deprecated = "more than zero blocks the thread when the socket is dropped: use `set_zero_linger`"]
    pub fn set_linger(&self, value: Option<Duration>) -> io::Result<()> {
        self.socket.set_linger(value)
    }

    /// Returns the type of service of its IPv4 packets (ip(7), `IP_TOS`).
    ///
    /// # Errors
    ///
    /// Returns what getsockopt(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let socket = ayi::net::tcp::TcpSocket::new_v4()?;
    /// socket.set_tos_v4(0x10)?; // low delay
    /// assert_eq!(socket.tos_v4()?, 0x10);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn tos_v4(&self) -> io::Result<u32> {
        self.socket.tos_v4()
    }

    /// Sets [`tos_v4`](TcpSocket::tos_v4).
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    pub fn set_tos_v4(&self, value: u32) -> io::Result<()> {
        self.socket.set_tos_v4(value)
    }

    /// Returns [`tos_v4`](TcpSocket::tos_v4), and fails like it.
    #[deprecated(note = "`tos` is the older name of `tos_v4`")]
    #[doc(hidden)]
    pub fn tos(&self) -> io::Result<u32> {
        self.tos_v4()
    }

    /// Sets [`tos_v4`](TcpSocket::tos_v4), and fails like its setter.
    #[deprecated(note = "`set_tos` is the older name of `set_tos_v4`")]
    #[doc(hidden)]
    pub fn set_tos(&self, value: u32) -> io::Result<()> {
        self.set_tos_v4(value)
    }

    /// Returns the traffic class of its IPv6 packets (ipv6(7), `IPV6_TCLASS`).
    ///
    /// # Errors
    ///
    /// Returns what getsockopt(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::net::tcp::TcpSocket;
    /// if let Ok(socket) = TcpSocket::new_v6() {
    ///     socket.set_tclass_v6(0x20)?;
    ///     assert_eq!(socket.tclass_v6()?, 0x20);
    /// }
    /// # std::io::Result::Ok(())
    /// ```
    pub fn tclass_v6(&self) -> io::Result<u32> {
        self.socket.tclass_v6()
    }

    /// Sets [`tclass_v6`](TcpSocket::tclass_v6).
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    pub fn set_tclass_v6(&self, value: u32) -> io::Result<()> {
        self.socket.set_tclass_v6(value)
    }

    /// Makes closing it reset the connection: `SO_LINGER` with zero. What was written and not sent is lost.
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    pub fn set_zero_linger(&self) -> io::Result<()> {
        self.socket.set_linger(Some(Duration::ZERO))
    }

    /// Returns the network device that it is bound to, by name (socket(7), `SO_BINDTODEVICE`).
    ///
    /// # Errors
    ///
    /// Returns what getsockopt(2) reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # let socket = ayi::net::tcp::TcpSocket::new_v4()?;
    /// assert_eq!(socket.device()?, None); // any
    /// # std::io::Result::Ok(())
    /// ```
    pub fn device(&self) -> io::Result<Option<Vec<u8>>> {
        self.socket.device()
    }

    /// Binds it to a network device, such as `b"eth0"`, or with `None` to any. Some systems require the capability
    /// `CAP_NET_RAW`.
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let socket = ayi::net::tcp::TcpSocket::new_v4()?;
    /// socket.bind_device(Some(b"eth0"))?;
    /// assert_eq!(socket.device()?.as_deref(), Some(&b"eth0"[..]));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn bind_device(&self, device: Option<&[u8]>) -> io::Result<()> {
        self.socket.bind_device(device)
    }
}

/// Takes a TCP socket that another library has made, or another process has passed on. It becomes non-blocking. If it
/// is not a TCP socket, the kernel says so when it listens or connects.
///
/// # Panics
///
/// Panics if the descriptor is not open.
///
/// # Examples
///
/// ```
/// use ayi::net::tcp::TcpSocket;
/// use std::os::fd::OwnedFd;
/// let socket = TcpSocket::new_v4()?;
/// socket.bind("127.0.0.1:0".parse().unwrap())?;
/// let addr = socket.local_addr()?;
/// let socket = TcpSocket::from(OwnedFd::from(socket));
/// assert_eq!(socket.local_addr()?, addr);
/// # std::io::Result::Ok(())
/// ```
impl From<OwnedFd> for TcpSocket {
    #[track_caller]
    fn from(fd: OwnedFd) -> TcpSocket {
        let socket = Socket::from(fd);
        socket.set_nonblocking(true).expect("fcntl(2) makes any open descriptor non-blocking");
        TcpSocket { socket }
    }
}

/// Returns the descriptor, which stays non-blocking.
impl From<TcpSocket> for OwnedFd {
    fn from(socket: TcpSocket) -> OwnedFd {
        socket.socket.into()
    }
}
