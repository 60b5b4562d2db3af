//! The servers: each in a process of its own, on the first core, while the client has the last one. In the group
//! `cores`, client and server share all cores.

mod child;
mod cores;
mod echo;
mod http;
mod raw;
mod web;

pub use child::{Child, memory_of};
pub use cores::{MESSAGE, compute};

use crate::children::Order;
use crate::groups::{AYI, AYI_BALANCED, TOKIO, TOKIO_MULTI_THREAD};
use crate::loops;
use rustix::net::{AddressFamily, SocketType, sockopt};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::thread;

type Serve = fn(TcpListener, usize) -> io::Result<()>;

/// A server that sends back what it reads, through a buffer per connection.
pub const ECHO: &str = "echo";
/// A server that answers every request with `hello`, on hyper.
pub const HYPER: &str = "hyper";
/// The same with HTTP/2 alone.
pub const HYPER_HTTP2: &str = "hyper http2";
/// `hello` and a little JSON, by axum.
pub const AXUM: &str = "axum";
/// Echo on all cores, with a computation for each message.
pub const COMPUTE: &str = "compute";
/// `COMPUTE`, whose connections may go from core to core, where a runtime has that.
pub const SHARED: &str = "shared";
/// `HYPER` on all cores.
pub const HYPER_ON_CORES: &str = "hyper on cores";

/// Which servers exist on which runtimes.
const SERVERS: [(&str, &str, Serve); 20] = [
    (ECHO, AYI, |listener, buffer| echo::ayi(listener, buffer, as_it_is)),
    (ECHO, TOKIO, |listener, buffer| echo::tokio(listener, buffer, as_it_is)),
    (ECHO, "smol", |listener, buffer| echo::smol(listener, buffer, as_it_is)),
    (ECHO, "monoio epoll", |listener, buffer| echo::monoio_epoll(listener, buffer, as_it_is)),
    (ECHO, "monoio io_uring", |listener, buffer| echo::monoio_uring(listener, buffer, as_it_is)),
    (ECHO, "glommio", |listener, buffer| echo::glommio(listener, buffer, as_it_is)),
    (ECHO, "compio", |listener, buffer| echo::compio(listener, buffer, as_it_is)),
    (ECHO, "raw epoll", raw::echo),
    (HYPER, AYI, http::ayi),
    (HYPER, TOKIO, http::tokio),
    (HYPER, "smol", http::smol),
    (HYPER_HTTP2, AYI, web::http2_on_ayi),
    (HYPER_HTTP2, TOKIO, web::http2_on_tokio),
    (AXUM, AYI, web::axum_on_ayi),
    (AXUM, TOKIO, web::axum_on_tokio),
    (COMPUTE, AYI_BALANCED, cores::compute_on_ayi_balanced),
    (COMPUTE, TOKIO_MULTI_THREAD, cores::compute_on_tokio_multi_thread),
    (SHARED, AYI, cores::compute_on_ayi_workers),
    (SHARED, TOKIO_MULTI_THREAD, cores::compute_on_tokio_multi_thread),
    (HYPER_ON_CORES, TOKIO_MULTI_THREAD, http::tokio_multi_thread),
];

/// Serves for ever, and prints the address. `n` is the size of a connection's buffer in bytes, or how many rounds are
/// computed.
pub fn serve(what: &str, runtime: &str, n: usize) -> io::Result<()> {
    let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let address = listener.local_addr()?;
    if let Some((.., serve)) = SERVERS.iter().find(|server| (server.0, server.1) == (what, runtime)) {
        println!("listening on {address}");
        return serve(listener, n);
    }
    let found = cores::PER_CORE.iter().find(|server| (server.0, server.1) == (what, runtime));
    let (.., serve) = found.ok_or_else(|| io::Error::other(format!("there is no {what} on {runtime}")))?;
    // All of them are made before anybody can connect.
    let listeners = cores::listeners(listener, thread::available_parallelism()?.get())?;
    println!("listening on {address}");
    serve(listeners, n)
}

/// Returns the server of echo on a runtime, or a loop of another language, with buffers of so many bytes.
pub fn echo_on(runtime: &'static str, buffer: usize) -> io::Result<Command> {
    loops::echo(runtime, buffer).unwrap_or_else(|| Order(ECHO, runtime, buffer).command())
}

/// What is read is sent back, and nothing else is done.
fn as_it_is(_: &[u8]) {}

/// Makes a listener that shares its address with others of this process that are made in the same way.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    rustix::net::bind(&socket, &address)?;
    // All have the same queue, as long as the kernel permits.
    rustix::net::listen(&socket, 65_535)?;
    let listener = TcpListener::from(socket);
    listener.set_nonblocking(true)?;
    Ok(listener)
}
