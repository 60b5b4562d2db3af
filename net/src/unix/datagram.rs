//! Datagrams between Unix sockets.
//!
//! A datagram may be empty, and a short one says nothing about what comes next, so the short-transfer optimisation of
//! streams does not apply. In tokio: `net/unix/datagram/socket.rs`.

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use ayi_io::ReadBuf;
use ayi_runtime::io::{Interest, Ready};
use ayi_runtime::runtime::Handle;
use ayi_runtime::task::coop;
use ayi_runtime::time::{self, Sleep};

#[cfg(feature = "bytes")]
use crate::read::fill;
use crate::read::poll_fill;
use crate::socket::Socket;
use crate::sys::{self, Room};
use crate::unix::{SocketAddr, UnixSocket, addr, unreported};

/// A Unix socket that sends and receives datagrams.
///
/// Within one machine no datagram is lost or overtaken: the sender waits while the receiver's queue is full. All
/// methods take `&self`, so that one socket can send and receive at once.
///
/// # Examples
///
/// ```
/// use ayi::net::UnixDatagram;
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let (ours, theirs) = UnixDatagram::pair()?;
/// ours.send(b"tea").await?;
/// let mut buf = [0; 8];
/// assert_eq!(theirs.recv(&mut buf).await?, 3);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct UnixDatagram {
    pub(crate) socket: Socket<Std>,
    /// The last pause of `poll_send_to`.
    pausing: Mutex<Option<Pin<Box<Sleep>>>>,
    /// Whether receiving was shut down by `shutdown`.
    is_read_shut: AtomicBool,
}

type Std = std::os::unix::net::UnixDatagram;

fn is_for_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl UnixDatagram {
    /// Makes a socket at `path`, or at the abstract name that follows a null byte.
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
    /// use ayi::net::UnixDatagram;
    /// let socket = UnixDatagram::bind("/run/tea.sock")?;
    /// let socket = UnixDatagram::bind("\0tea")?; // an abstract name
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixDatagram> {
        let socket = UnixSocket::new_datagram()?;
        socket.bind(path)?;
        socket.datagram()
    }

    /// Makes a socket at an abstract name that the kernel chooses (unix(7), "Autobind feature"): others can answer it,
    /// and no file has to be removed. [`local_addr`](UnixDatagram::local_addr) tells the name.
    ///
    /// # Errors
    ///
    /// Returns what socket(2) and bind(2) report: mostly that there are no file descriptors left.
    ///
    /// # Examples
    ///
    /// A client that gets an answer:
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::UnixDatagram;
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// let server = UnixDatagram::bind(&name)?;
    /// let client = UnixDatagram::autobind()?;
    /// client.send_to(b"tea?", &name).await?;
    ///
    /// let mut buf = [0; 64];
    /// let (_, sender) = server.recv_from(&mut buf).await?;
    /// let reply = UnixDatagram::unbound()?;
    /// reply.connect_addr(&sender)?;
    /// reply.send(b"tea!").await?;
    /// assert_eq!(client.recv(&mut buf).await?, 4);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn autobind() -> io::Result<UnixDatagram> {
        let socket = UnixSocket::new_datagram()?;
        sys::autobind(socket.as_fd())?;
        socket.datagram()
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
    /// use ayi::net::UnixDatagram;
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

    /// Makes a socket without an address: it can send, and it can receive once it is connected.
    ///
    /// # Errors
    ///
    /// Returns what socket(2) reports: mostly that there are no file descriptors left.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::net::UnixDatagram;
    /// let socket = UnixDatagram::unbound()?; // can send, but nobody can answer
    /// assert!(socket.local_addr()?.is_unnamed());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn unbound() -> io::Result<UnixDatagram> {
        UnixSocket::new_datagram()?.datagram()
    }

    /// Wraps a socket that is known to be non-blocking.
    pub(super) fn new(socket: std::os::unix::net::UnixDatagram) -> UnixDatagram {
        UnixDatagram {
            socket: Socket::new(socket),
            pausing: Mutex::default(),
            is_read_shut: AtomicBool::new(false),
        }
    }

    /// Connects to the socket at `path`: [`send`](UnixDatagram::send) goes there, and only datagrams from there are
    /// received.
    ///
    /// # Errors
    ///
    /// Returns `NotFound` if there is nothing at `path`; `ConnectionRefused` if no socket is bound there any longer.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::UnixDatagram;
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// # let (a, b) = (UnixDatagram::unbound()?, UnixDatagram::bind(&name)?);
    /// a.connect(&name)?;
    /// a.send(b"tea").await?;
    /// assert_eq!(b.recv(&mut [0; 8]).await?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        self.connect_addr(&addr::from_path(path.as_ref())?)
    }

    /// Connects to an address, for example one that a socket has told.
    ///
    /// # Errors
    ///
    /// Fails like [`connect`](UnixDatagram::connect).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::UnixDatagram;
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// # let (a, b) = (UnixDatagram::unbound()?, UnixDatagram::bind(&name)?);
    /// a.connect_addr(&b.local_addr()?)?;
    /// a.send(b"tea").await?;
    /// assert_eq!(b.recv(&mut [0; 8]).await?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn connect_addr(&self, addr: &SocketAddr) -> io::Result<()> {
        self.socket.std().connect_addr(&addr.0)
    }

    methods! {
        "socket", "# let (socket, peer) = ayi::net::UnixDatagram::pair()?;"; datagrams, take_error
    }

    /// Sends a datagram to the socket at `path`, and waits while its queue is full.
    ///
    /// The kernel tells a socket that is not connected nothing of the receiver's queue. What it reports is that there was
    /// an attempt which has failed, and whoever tried again at once would never stop. So this tries again after 1 ms, and
    /// then after pauses that grow to 50 ms. A connected socket's [`send`](UnixDatagram::send) hears of room at once.
    ///
    /// # Errors
    ///
    /// Returns `NotFound` or `ConnectionRefused` if no socket is there, and what send(2) reports. It also fails if it
    /// has to wait and there is no ayi runtime on this thread.
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
    /// # use ayi::net::UnixDatagram;
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// # let (a, b) = (UnixDatagram::unbound()?, UnixDatagram::bind(&name)?);
    /// a.send_to(b"tea", &name).await?;
    /// assert_eq!(b.recv(&mut [0; 8]).await?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn send_to<P: AsRef<Path>>(&self, buf: &[u8], path: P) -> io::Result<usize> {
        let to = addr::to_raw(&addr::from_path(path.as_ref())?)?;
        coop::consume_budget().await;
        unreported::try_again(|| sys::send_to_unix(self.socket.std().as_fd(), buf, &to)).await
    }

    /// Polls to send, like [`send_to`](UnixDatagram::send_to). While the queue is full, the last caller is woken every
    /// 10 ms to try again.
    ///
    /// # Errors
    ///
    /// Fails like [`send_to`](UnixDatagram::send_to).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use std::future::poll_fn;
    /// # use ayi::net::UnixDatagram;
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// # let (a, b) = (UnixDatagram::unbound()?, UnixDatagram::bind(&name)?);
    /// assert_eq!(poll_fn(|cx| a.poll_send_to(cx, b"tea", &name)).await?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn poll_send_to<P: AsRef<Path>>(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
        path: P,
    ) -> Poll<io::Result<usize>> {
        let to = addr::to_raw(&addr::from_path(path.as_ref())?)?;
        coop::poll_charged(cx, |cx| match sys::send_to_unix(self.socket.std().as_fd(), buf, &to) {
            Err(error) if is_for_later(&error) => self.poll_pause(cx),
            result => Poll::Ready(result),
        })
    }

    /// Has the caller woken after a pause, instead of the one who was to be woken before.
    fn poll_pause<T>(&self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        // Without a runtime there is no timer, and a sleep would panic.
        Handle::try_current().map_err(io::Error::other)?;
        let mut pausing = Box::pin(time::sleep(unreported::POLLED_PAUSE));
        if pausing.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        // The older pause is dropped while nothing is locked.
        let _older = lock(&self.pausing).replace(pausing);
        Poll::Pending
    }

    /// Sends like [`send_to`](UnixDatagram::send_to), without waiting.
    ///
    /// # Errors
    ///
    /// Returns `WouldBlock` if it would have to wait; otherwise it fails like [`send_to`](UnixDatagram::send_to).
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::UnixDatagram;
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// # let (a, b) = (UnixDatagram::unbound()?, UnixDatagram::bind(&name)?);
    /// assert_eq!(a.try_send_to(b"tea", &name)?, 3);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn try_send_to<P: AsRef<Path>>(&self, buf: &[u8], path: P) -> io::Result<usize> {
        let to = addr::to_raw(&addr::from_path(path.as_ref())?)?;
        self.socket.try_io(Interest::WRITABLE, |socket| sys::send_to_unix(socket.as_fd(), buf, &to))
    }

    /// Shuts down one direction of the socket, or both. Waiting tasks are told: a send returns `BrokenPipe`, a receive
    /// returns an empty datagram.
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
    /// # use ayi::net::UnixDatagram;
    /// # let (a, b) = UnixDatagram::pair()?;
    /// a.shutdown(Shutdown::Write)?;
    /// assert!(a.send(b"tea").await.is_err());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.std().shutdown(how)?;
        // The kernel does not report that to this end. A task that waits for room gets an error now, and one that waits
        // to receive gets nothing.
        if how != Shutdown::Read {
            self.socket.report(Ready::WRITABLE | Ready::WRITE_CLOSED);
        }
        if how != Shutdown::Write {
            // Relaxed: the report comes after it, and another thread's task is sent the report as a message.
            self.is_read_shut.store(true, Ordering::Relaxed);
            self.socket.report(Ready::READABLE | Ready::READ_CLOSED);
        }
        Ok(())
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
    /// # use ayi::net::UnixDatagram;
    /// # let name = format!("\0ayi example {} {}", std::process::id(), line!());
    /// # let (a, b) = (UnixDatagram::unbound()?, UnixDatagram::bind(&name)?);
    /// assert_eq!(b.local_addr()?.is_unnamed(), false);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.std().local_addr().map(SocketAddr)
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
    /// # use ayi::net::UnixDatagram;
    /// # let (a, b) = UnixDatagram::pair()?;
    /// assert!(a.peer_addr()?.is_unnamed()); // it is one of a pair
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.std().peer_addr().map(SocketAddr)
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
    /// # use ayi::net::UnixDatagram;
    /// let of_std = std::os::unix::net::UnixDatagram::unbound()?;
    /// of_std.set_nonblocking(true)?;
    /// let socket = UnixDatagram::from_std(of_std)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[inline]
    #[track_caller]
    pub fn from_std(socket: std::os::unix::net::UnixDatagram) -> io::Result<UnixDatagram> {
        let socket = Socket::from_std(socket)?;
        Ok(UnixDatagram { socket, pausing: Mutex::default(), is_read_shut: AtomicBool::new(false) })
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
    /// # use ayi::net::UnixDatagram;
    /// # let (a, b) = UnixDatagram::pair()?;
    /// let of_std = a.into_std()?;
    /// of_std.set_nonblocking(false)?; // as std's are by default
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn into_std(self) -> io::Result<std::os::unix::net::UnixDatagram> {
        self.socket.into_std()
    }
}

/// Receiving into the buffers of the crate `bytes`.
#[cfg(feature = "bytes")]
impl UnixDatagram {
    methods! {
        "socket", "# let (socket, peer) = ayi::net::UnixDatagram::pair()?;"; datagrams_into_buffers
    }
}

/// Waiting until the socket is ready, and then trying.
impl UnixDatagram {
    methods! {
        "socket", "# let (socket, peer) = ayi::net::UnixDatagram::pair()?;"; ready, datagrams_ready, own_io
    }
}

/// After receiving was shut down, the kernel lets a blocking call receive nothing, and a non-blocking one return
/// `WouldBlock` for ever. Here both receive nothing.
impl UnixDatagram {
    fn receiving(&self) -> impl Fn(&Std, &mut Room) -> io::Result<usize> {
        |socket, buf| self.unless_shut(sys::recv(socket.as_fd(), buf, 0), || Ok(0))
    }

    fn receiving_from(&self) -> impl Fn(&Std, &mut Room) -> io::Result<(usize, SocketAddr)> {
        let nobody = || Ok((0, std::os::unix::net::SocketAddr::from_pathname("")?));
        move |socket, buf| {
            let received = self.unless_shut(sys::recv_from_unix(socket.as_fd(), buf), nobody);
            received.map(|(len, sender)| (len, SocketAddr::from(sender)))
        }
    }

    pub(super) fn receive_fds(&self, buf: &mut [u8], fds: &mut Vec<OwnedFd>) -> io::Result<usize> {
        self.unless_shut(sys::recv_with_fds(self.socket.as_fd(), buf, fds), || Ok(0))
    }

    fn unless_shut<T>(&self, received: io::Result<T>, end: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match received {
            // Relaxed: see `shutdown`.
            Err(error) if is_for_later(&error) && self.is_read_shut.load(Ordering::Relaxed) => end(),
            received => received,
        }
    }
}
