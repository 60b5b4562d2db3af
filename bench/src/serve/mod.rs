//! The servers: each in a process of its own, on the first core, while the client has the last one.

mod child;
mod echo;
mod http;
mod raw;
mod web;

pub use child::{Child, memory_of};

use crate::groups::{AYI, TOKIO};
use std::io;
use std::net::{SocketAddr, TcpListener};

type Serve = fn(TcpListener, usize) -> io::Result<()>;

/// A server that gives back what it reads, by way of a buffer per connection.
pub const ECHO: &str = "echo";
/// A server that answers every request with `hello`, on hyper.
pub const HYPER: &str = "hyper";
/// The same over HTTP/2 alone.
pub const HYPER_HTTP2: &str = "hyper http2";
/// `hello` and a little JSON, by axum.
pub const AXUM: &str = "axum";

/// What can be served on what.
const SERVERS: [(&str, &str, Serve); 15] = [
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
    (HYPER_HTTP2, AYI, web::http2_on_ayi),
    (HYPER_HTTP2, TOKIO, web::http2_on_tokio),
    (AXUM, AYI, web::axum_on_ayi),
    (AXUM, TOKIO, web::axum_on_tokio),
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
