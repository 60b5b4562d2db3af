//! The servers: each in a process of its own, on the first core, while the client has the last one.

mod child;
mod echo;
mod http;
mod raw;

pub use child::{Child, memory_of};

use crate::groups::{AYI, TOKIO};
use std::io;
use std::net::{SocketAddr, TcpListener};

type Serve = fn(TcpListener, usize) -> io::Result<()>;

/// A server that gives back what it reads, by way of a buffer per connection.
pub const ECHO: &str = "echo";
/// A server that answers every request with `hello`, on hyper.
pub const HYPER: &str = "hyper";

/// What can be served on what.
const SERVERS: [(&str, &str, Serve); 11] = [
    (ECHO, AYI, echo::ayi),
    (ECHO, TOKIO, echo::tokio),
    (ECHO, "smol", echo::smol),
    (ECHO, "monoio epoll", echo::monoio_epoll),
    (ECHO, "monoio io_uring", echo::monoio_uring),
    (ECHO, "glommio", echo::glommio),
    (ECHO, "compio", echo::compio),
    (ECHO, "raw epoll", raw::echo),
    (HYPER, AYI, http::ayi),
    (HYPER, TOKIO, http::tokio),
    (HYPER, "smol", http::smol),
];

/// Serves for ever; the address is printed. `buffer` is the size of a connection's buffer in bytes, where it has one.
pub fn serve(what: &str, runtime: &str, buffer: usize) -> io::Result<()> {
    let found = SERVERS.iter().find(|server| (server.0, server.1) == (what, runtime));
    let (.., serve) = found.ok_or_else(|| io::Error::other(format!("there is no {what} on {runtime}")))?;
    let listener = std::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    // The same queue for all, as long as the kernel permits.
    rustix::net::listen(&listener, 65_535)?;
    listener.set_nonblocking(true)?;
    println!("listening on {}", listener.local_addr()?);
    serve(listener, buffer)
}
