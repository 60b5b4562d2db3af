//! A socket for each core: its own at the same address, or the one that systemd has passed, which all share.

use crate::config::Settings;
use ayi::net::{TcpListener, TcpSocket};
use cli::{Context, Failure};
use listenfd::ListenFd;
use std::io;
use std::net::SocketAddr;

/// How many clients may wait to be accepted, on each core.
const BACKLOG: u32 = 1024;

pub fn listeners(settings: &Settings) -> Result<Vec<TcpListener>, Failure> {
    let cores = settings.cores();
    if let Some(passed) = ListenFd::from_env().take_tcp_listener(0)? {
        passed.set_nonblocking(true)?;
        let shared = (0..cores).map(|_| TcpListener::from_std(passed.try_clone()?));
        return shared.collect::<io::Result<_>>().context("cannot share the socket that was passed");
    }
    let cannot = || format!("cannot listen on {}", settings.listen);
    // Nobody else may have the address: with one core, the kernel says so.
    let first = listener(cli::resolve(&settings.listen)?, cores > 1).context(cannot())?;
    // If any port would do, this is the one.
    let address = first.local_addr()?;
    let others = (1..cores).map(|_| listener(address, true));
    std::iter::once(Ok(first)).chain(others).collect::<io::Result<_>>().context(cannot())
}

fn listener(address: SocketAddr, is_one_of_many: bool) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(is_one_of_many)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
