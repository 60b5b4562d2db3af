//! An HTTP/1.1 server: keep-alive, pipelining, time limits, one core or all, and a stop that lets requests finish.
//!
//! ```sh
//! cargo run --release --features signal --example http
//! curl 127.0.0.1:8080/time
//! ```
//!
//! | file | what it does |
//! |---|---|
//! | `main` | starts a server on each core, and stops it on SIGTERM or Ctrl-C |
//! | `listen` | the sockets: a new one for each core, or the one that systemd has passed |
//! | `connection` | talks with one client: reads requests, waits, sends responses |
//! | `routes` | which response belongs to which request |
//! | `request` | the head of a request, read strictly |
//! | `body` | the body that follows |
//! | `response` | responses as bytes |
//! | `input` | a buffer |
//! | `args` | the command line |
//!
//! All but the first three know neither sockets nor the runtime. The page `ayi::scaling_out` tells how such servers
//! are restarted and multiplied.

mod args;
mod body;
mod connection;
mod input;
mod listen;
mod request;
mod response;
mod routes;

use args::{Limits, Options};
use ayi::net::{TcpListener, TcpStream};
use ayi::runtime::{self, Builder};
use ayi::signal::{self, Termination};
use ayi::task;
use ayi::time::timeout;
use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Mutex;

/// What the connections of a core share. They are on one thread, so cells will do.
struct Server {
    limits: Limits,
    /// From the signal on: /health says so, and every response is the last of its connection.
    is_stopping: Cell<bool>,
    clock: RefCell<response::Clock>,
}

fn main() -> io::Result<()> {
    let Options { address, cores, limits } = args::read();
    let listeners = listen::listeners(address, cores)?;
    let address = listeners[0].local_addr()?;
    // Each core listens to the signals before anybody is told that we are here: none is missed.
    let parts = listeners.into_iter().map(|listener| Ok((listener, signal::termination()?)));
    let parts = Mutex::new(parts.collect::<io::Result<Vec<_>>>()?);
    Builder::new_current_thread().cores(cores).try_run(async |core| {
        // All cores have their runtimes now.
        if core.index() == 0 {
            println!("listening on {address}");
        }
        let part = parts.lock().unwrap().pop();
        let (listener, termination) = part.expect("there is one for each core");
        serve(listener, termination, limits).await
    })?;
    Ok(())
}

async fn serve(listener: TcpListener, mut termination: Termination, limits: Limits) -> io::Result<()> {
    let server = Rc::new(Server { limits, is_stopping: Cell::new(false), clock: RefCell::default() });
    let stopping = runtime::shutdown_token();
    ayi::select! {
        failed = accept(&server, &listener) => return failed,
        _ = termination.recv() => {}
        // Another core has failed.
        () = stopping.cancelled() => {}
    }
    ayi::select! {
        stopped = stop(&server, listener) => stopped,
        // Who asks twice does not want to wait. The exit code is the one that a shell gives to what a signal has ended.
        signal = termination.recv() => std::process::exit(128 + signal.as_raw_value()),
    }
}

/// Returns if the listener fails.
async fn accept(server: &Rc<Server>, listener: &TcpListener) -> io::Result<()> {
    loop {
        // When the process is out of file descriptors, this waits until one is closed. Clients wait with it.
        let (stream, peer) = listener.accept().await?;
        converse(server, stream, peer);
    }
}

fn converse(server: &Rc<Server>, stream: TcpStream, peer: SocketAddr) {
    let server = server.clone();
    let name = format!("connection from {peer}");
    let conversation = async move { connection::serve(&server, stream).await };
    let spawned = task::Builder::new().name(&name).spawn(conversation);
    drop(spawned.expect("the runtime runs"));
}

async fn stop(server: &Rc<Server>, listener: TcpListener) -> io::Result<()> {
    server.is_stopping.set(true);
    // Load balancers ask /health from time to time. Until they have, they go on sending clients here.
    if let Ok(failed) = timeout(server.limits.drain, accept(server, &listener)).await {
        return failed;
    }
    listen::close(listener, |stream, peer| converse(server, stream, peer))?;
    let report = runtime::shutdown(server.limits.stop).await;
    if !report.is_clean() {
        eprintln!("{report}");
    }
    Ok(())
}
