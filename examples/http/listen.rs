//! The sockets that clients come to: how they are made, and how they are closed without losing anybody.

use ayi::net::{TcpListener, TcpSocket, TcpStream};
use listenfd::ListenFd;
use std::io;
use std::net::SocketAddr;

/// So many clients may wait to be accepted, on each core.
const BACKLOG: u32 = 1024;

/// One for each core.
pub fn listeners(address: SocketAddr, cores: usize) -> io::Result<Vec<TcpListener>> {
    if let Some(passed) = ListenFd::from_env().take_tcp_listener(0)? {
        // They share one queue. It is that of the socket, which others hold too: nobody in it is lost by our end.
        // They share this flag too. systemd clears it for the next process, unless its unit has NonBlocking=true.
        passed.set_nonblocking(true)?;
        return (0..cores).map(|_| TcpListener::from_std(passed.try_clone()?)).collect();
    }
    let first = listener(address, cores > 1)?;
    // Which port it is, if any would do.
    let address = first.local_addr()?;
    let others = (1..cores).map(|_| listener(address, true));
    std::iter::once(Ok(first)).chain(others).collect()
}

/// With `is_one_of_many` several sockets have the address, each with a queue of its own, and the kernel deals clients
/// out among them (`SO_REUSEPORT`). Alone it refuses to: a second server at the same address would be a mistake.
fn listener(address: SocketAddr, is_one_of_many: bool) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(is_one_of_many)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The kernel resets who is in the queue of a socket that is closed, so they are let in before.
///
/// Who comes between the last accept and the close is still reset, as is who has not finished the handshake then. No
/// server can prevent that alone. There is no such gap if nobody comes any more (`--drain-delay`, with a load balancer
/// in front), or if the socket outlives the process (`LISTEN_FDS`). While other sockets have the same address,
/// `sysctl net.ipv4.tcp_migrate_req=1` lets the kernel move both kinds to them.
pub fn close(listener: TcpListener, mut accepted: impl FnMut(TcpStream, SocketAddr)) -> io::Result<()> {
    // The runtime knows what was there at its last look. This asks the kernel.
    let listener = listener.into_std()?;
    while let Ok((stream, peer)) = listener.accept() {
        stream.set_nonblocking(true)?;
        accepted(TcpStream::from_std(stream)?, peer);
    }
    Ok(())
}
