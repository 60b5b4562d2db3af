//! Where connections come from.

use ayi_net::{TcpListener, TcpStream, UnixListener, UnixStream};
use hyper::rt::{Read, Write};
use std::io;

/// A source of connections.
///
/// Implement it for a listener that sets options of its sockets, that accepts from two sockets at once, or that refuses
/// some clients. [`max_connections`](crate::Serve::max_connections) limits the number of connections. Work that takes
/// time for each connection, such as TLS, belongs into [`with_handshake`](crate::Serve::with_handshake): while `accept`
/// waits for one client, it accepts no other.
///
/// # Examples
///
/// A listener with another type of address, which [`with_connect_info`](crate::Serve::with_connect_info) gets:
///
/// ```
/// use ayi::net::{UnixListener, UnixStream};
/// use ayi::serve::Listener;
/// use std::io;
///
/// /// Knows which user a client is.
/// struct ByUser(UnixListener);
///
/// impl Listener for ByUser {
///     type Io = UnixStream;
///     type Addr = u32;
///
///     async fn accept(&mut self) -> io::Result<(UnixStream, u32)> {
///         let (stream, _) = self.0.accept().await?;
///         let user = stream.peer_cred()?.uid();
///         Ok((stream, user))
///     }
/// }
/// ```
pub trait Listener: 'static {
    /// A connection.
    type Io: 'static;
    /// The address that it comes from.
    type Addr: 'static;

    /// Waits for the next connection.
    ///
    /// # Errors
    ///
    /// Returns only errors that waiting would not cure: they end the server. `ConnectionAborted`, `ConnectionRefused`
    /// and `ConnectionReset` mean that one client has gone: the server continues, and
    /// [`on_error`](crate::Serve::on_error) is told.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped when the server is told to stop, and `accept` is not called again.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Io, Self::Addr)>>;
}

/// It sets `TCP_NODELAY`: hyper collects what it writes, so each write should leave at once.
impl Listener for TcpListener {
    type Io = TcpStream;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> io::Result<(Self::Io, Self::Addr)> {
        let (stream, peer) = TcpListener::accept(self).await?;
        // This fails if the client has gone meanwhile, which the first read will report.
        let _ = stream.set_nodelay(true);
        Ok((stream, peer))
    }
}

impl Listener for UnixListener {
    type Io = UnixStream;
    type Addr = ayi_net::unix::SocketAddr;

    async fn accept(&mut self) -> io::Result<(Self::Io, Self::Addr)> {
        UnixListener::accept(self).await
    }
}

/// A stream for HTTP: any stream that hyper can read and write. It has to be `Send`, because hyper hands a connection
/// that is upgraded, for example to a WebSocket, to the code that asks for it, and does not know on which thread that
/// is.
pub trait Stream: Read + Write + Unpin + Send + 'static {}

impl<T: Read + Write + Unpin + Send + 'static> Stream for T {}
