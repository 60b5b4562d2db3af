//! An HTTP/1.1 server: keep-alive, pipelining, time limits, a limit of clients, one core or all, and a stop that lets
//! requests finish.
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
//! Only the first three know sockets or the runtime. The page `ayi::scaling_out` explains how such servers are
//! restarted and multiplied.

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
use ayi::runtime::{self, Builder, Handle};
use ayi::signal::{self, Termination};
use ayi::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use ayi::task;
use ayi::time::timeout;
use cli::Failure;
use std::future::ready;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// What the connections share that a core has accepted. They are mobile: while their core is busy, they may go to another
/// one.
struct Server {
    limits: Limits,
    /// A permit for each connection. All cores share them.
    places: Arc<Semaphore>,
    /// Set from the signal on: /health says so, and every response is the last of its connection.
    is_stopping: AtomicBool,
}

fn main() -> Result<(), Failure> {
    let Options { address, cores, max_connections, limits } = args::read();
    let listeners = listen::listeners(&address, cores)?;
    let address = listeners[0].local_addr()?;
    // Each core listens to the signals before anybody is told that we are here, so none is missed.
    let parts = listeners.into_iter().map(|listener| Ok((listener, signal::termination()?)));
    let places = Arc::new(Semaphore::new(max_connections));
    let parts = Mutex::new(parts.collect::<io::Result<Vec<_>>>()?);
    Builder::new_current_thread().cores(cores).try_run(async |core| {
        // All cores have their runtimes now.
        if core.index() == 0 {
            println!("listening on {address}");
        }
        let part = parts.lock().unwrap().pop();
        let (listener, termination) = part.expect("there is one for each core");
        let is_stopping = AtomicBool::new(false);
        let server = Arc::new(Server { limits, places: places.clone(), is_stopping });
        serve(&server, listener, termination).await
    })?;
    Ok(())
}

async fn serve(server: &Arc<Server>, listener: TcpListener, mut termination: Termination) -> io::Result<()> {
    let stopping = runtime::shutdown_token();
    ayi::select! {
        failed = accept(server, &listener) => return failed,
        _ = termination.recv() => {}
        // Another core has failed.
        () = stopping.cancelled() => {}
    }
    ayi::select! {
        stopped = stop(server, listener) => stopped,
        // A second signal means that the user does not want to wait. The exit code is the one that a shell gives to a
        // process that a signal has ended.
        signal = termination.recv() => std::process::exit(128 + signal.as_raw_value()),
    }
}

/// Accepts clients. It returns if the listener fails.
async fn accept(server: &Arc<Server>, listener: &TcpListener) -> io::Result<()> {
    loop {
        // When all places are taken, or the process is out of file descriptors, this waits until a connection is
        // closed. Clients wait with it, in the listener's queue.
        let accepted = server.places.clone().acquire_owned_with(listener.accept()).await;
        let (permit, accepted) = accepted.expect("nobody closes it");
        let (stream, peer) = accepted?;
        converse(server, stream, peer, ready(Ok(permit)));
    }
}

fn converse(
    server: &Arc<Server>,
    stream: TcpStream,
    peer: SocketAddr,
    permit: impl Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send + 'static,
) {
    let server = server.clone();
    let name = format!("connection from {peer}");
    let conversation = async move {
        let _permit = permit.await;
        connection::serve(&server, stream).await;
    };
    let spawned = task::Builder::new().name(&name).spawn_on(conversation, &Handle::current());
    drop(spawned.expect("the runtime runs"));
}

async fn stop(server: &Arc<Server>, listener: TcpListener) -> io::Result<()> {
    // Relaxed, here and where it is read: it orders nothing else.
    server.is_stopping.store(true, Ordering::Relaxed);
    // Load balancers ask /health from time to time. Until they have asked, they go on sending clients here.
    if let Ok(failed) = timeout(server.limits.drain, accept(server, &listener)).await {
        return failed;
    }
    // The clients wait here for a place.
    let places = || server.places.clone().acquire_owned();
    listen::close(listener, |stream, peer| converse(server, stream, peer, places()))?;
    let report = runtime::shutdown(server.limits.stop).await;
    if !report.is_clean() {
        eprintln!("{report}");
    }
    Ok(())
}
