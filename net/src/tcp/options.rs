//! Properties of a stream: its addresses, its pending error, its options.
//!
//! `socket2::SockRef::from(&stream)` sets all other options.
//!
//! In tokio: `net/tcp/stream.rs`.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::SockRef;

use crate::tcp::TcpStream;

impl TcpStream {
    /// Returns the address of this end of the connection.
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
    /// # use ayi::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// assert_eq!(stream.local_addr()?, peer.peer_addr()?);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.std().local_addr()
    }

    /// Returns the address of the other end of the connection.
    ///
    /// # Errors
    ///
    /// Returns what getpeername(2) reports: `NotConnected` if the connection has broken.
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
    /// assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.std().peer_addr()
    }

    /// Takes the error that the system holds for this socket (socket(7), `SO_ERROR`), if any.
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
    /// # use ayi::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// assert!(stream.take_error()?.is_none());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.std().take_error()
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
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// # use ayi::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// stream.set_nodelay(true)?; // answers of a few bytes go out at once
    /// assert!(stream.nodelay()?);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn nodelay(&self) -> io::Result<bool> {
        self.socket.std().nodelay()
    }

    /// Sets whether small writes are sent at once. This is off in a new stream: the system may hold back a small write
    /// until the peer has confirmed the one before it (Nagle's algorithm, RFC 896).
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket.std().set_nodelay(nodelay)
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
    /// # use ayi::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// stream.set_ttl(16)?;
    /// assert_eq!(stream.ttl()?, 16);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket.std().ttl()
    }

    /// Sets the `IP_TTL` of this socket.
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket.std().set_ttl(ttl)
    }

    /// Returns how long closing the stream waits until what was written is sent (socket(7), `SO_LINGER`).
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
    /// use std::time::Duration;
    /// # use ayi::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// assert_eq!(stream.linger()?, None);
    /// stream.set_zero_linger()?;
    /// assert_eq!(stream.linger()?, Some(Duration::ZERO));
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        SockRef::from(self.socket.std()).linger()
    }

    /// Sets how long closing the stream waits until what was written is sent, in whole seconds. With zero, closing
    /// resets the connection.
    ///
    /// Anything longer blocks the thread, and with it the whole runtime, when the stream is dropped. Only zero and
    /// `None` are useful here.
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    #[deprecated = "more than zero blocks the thread when the socket is dropped: use `set_zero_linger`"]
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        SockRef::from(self.socket.std()).set_linger(linger)
    }

    /// Makes closing the stream reset the connection: `SO_LINGER` with zero. What was written and not sent is lost.
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    pub fn set_zero_linger(&self) -> io::Result<()> {
        SockRef::from(self.socket.std()).set_linger(Some(Duration::ZERO))
    }

    /// Returns whether what arrives is confirmed at once (tcp(7), `TCP_QUICKACK`).
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
    /// # use ayi::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (peer, _) = listener.accept().await?;
    /// stream.set_quickack(true)?;
    /// println!("{}", stream.quickack()?); // the kernel may have changed its mind
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn quickack(&self) -> io::Result<bool> {
        SockRef::from(self.socket.std()).tcp_quickack()
    }

    /// Sets whether what arrives is confirmed at once. The system returns to its own judgement later, so set it again
    /// after reading.
    ///
    /// # Errors
    ///
    /// Returns what setsockopt(2) reports.
    pub fn set_quickack(&self, quickack: bool) -> io::Result<()> {
        SockRef::from(self.socket.std()).set_tcp_quickack(quickack)
    }
}
