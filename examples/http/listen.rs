//! The sockets that clients connect to: how they are made, and how they are closed without losing any client.

use ayi::net::{TcpListener, TcpSocket, TcpStream};
use cli::{Context, Failure};
use listenfd::ListenFd;
use std::io;
use std::net::SocketAddr;

/// How many clients may wait to be accepted, on each core.
const BACKLOG: u32 = 1024;

/// Returns a listener for each core.
pub fn listeners(address: &str, cores: usize) -> Result<Vec<TcpListener>, Failure> {
    if let Some(passed) = ListenFd::from_env().take_tcp_listener(0)? {
        // They share one queue. It belongs to the socket, which other processes hold too, so no client in it is lost by
        // our end. They share this flag too. systemd clears it for the next process, unless its unit has
        // NonBlocking=true.
        passed.set_nonblocking(true)?;
        let listeners = (0..cores).map(|_| TcpListener::from_std(passed.try_clone()?));
        return Ok(listeners.collect::<io::Result<_>>()?);
    }
    let cannot = || format!("cannot listen on {address}");
    let first = listener(cli::resolve(address)?, cores > 1).context(cannot())?;
    // If any port would do, this returns which one it is.
    let bound = first.local_addr()?;
    let others = (1..cores).map(|_| listener(bound, true));
    std::iter::once(Ok(first)).chain(others).collect::<io::Result<_>>().context(cannot())
}

/// Makes a listener. With `is_one_of_many` several sockets have the address, each with a queue of its own, and the
/// kernel distributes clients among them (`SO_REUSEPORT`). Otherwise it refuses that: a second server at the same
/// address would be a mistake.
fn listener(address: SocketAddr, is_one_of_many: bool) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(is_one_of_many)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Closes a listener. The kernel resets the clients in the queue of a socket that is closed, so they are accepted
/// before.
///
/// A client that comes between the last accept and the close is still reset, and so is one that has not finished the
/// handshake then. No server can prevent that alone. There is no such gap if no more clients come, because of
/// `--drain-delay` with a load balancer in front, or if the socket outlives the process (`LISTEN_FDS`). While other
/// sockets have the same address, `sysctl net.ipv4.tcp_migrate_req=1` lets the kernel move both kinds to them.
pub fn close(listener: TcpListener, mut accepted: impl FnMut(TcpStream, SocketAddr)) -> io::Result<()> {
    // The runtime knows what was there at its last look. This asks the kernel.
    let listener = listener.into_std()?;
    while let Ok((stream, peer)) = listener.accept() {
        stream.set_nonblocking(true)?;
        accepted(TcpStream::from_std(stream)?, peer);
    }
    Ok(())
}
