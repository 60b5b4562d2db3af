//! Where connections come from.

use ayi_net::{TcpListener, TcpStream, UnixListener, UnixStream};
use hyper::rt::{Read, Write};
use std::io;

/// Something that connections come from.
///
/// Others than these: a listener that sets options of its sockets, that accepts from two sockets at once, or that refuses
/// some clients. (How many there are is limited by [`max_connections`](crate::Serve::max_connections).) What takes time
/// for each connection, as TLS does, belongs into [`with_handshake`](crate::Serve::with_handshake): while `accept` waits
/// for one client, it accepts no other.
///
/// # Examples
///
/// Another address, which is what [`with_connect_info`](crate::Serve::with_connect_info) gets:
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
    /// Where it comes from.
    type Addr: 'static;

    /// Waits for the next connection.
    ///
    /// # Errors
    ///
    /// Those that no wait would mend: they end the server. `ConnectionAborted`, `ConnectionRefused` and `ConnectionReset`
    /// mean that one client has gone: the server goes on, and [`on_error`](crate::Serve::on_error) is told.
    ///
    /// # Cancel safety
    ///
    /// It is dropped when the server is told to stop, and never called again.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Io, Self::Addr)>>;
}

/// With `TCP_NODELAY`: hyper collects what it writes, and what it has then should go.
impl Listener for TcpListener {
    type Io = TcpStream;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> io::Result<(Self::Io, Self::Addr)> {
        let (stream, peer) = TcpListener::accept(self).await?;
        // Fails if the client has gone meanwhile, which the first read will tell.
        let _ = stream.set_nodelay(true);
        Ok((stream, peer))
    }
}

impl Listener for UnixListener {
    type Io = UnixStream;
    type Addr = std::os::unix::net::SocketAddr;

    async fn accept(&mut self) -> io::Result<(Self::Io, Self::Addr)> {
        UnixListener::accept(self).await
    }
}

/// What HTTP is spoken on: any stream that hyper can read and write. (`Send`, since hyper hands connections that are
/// upgraded, to a WebSocket say, to whoever asks, and does not know on which thread that is.)
pub trait Stream: Read + Write + Unpin + Send + 'static {}

impl<T: Read + Write + Unpin + Send + 'static> Stream for T {}
