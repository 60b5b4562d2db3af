//! An HTTP/1.1 server: keep-alive, pipelining, time limits, and a stop that lets requests finish.
//!
//! ```sh
//! cargo run --release --example http
//! curl 127.0.0.1:8080/time
//! ```
//!
//! | file | what it does |
//! |---|---|
//! | `main` | accepts connections, and stops on Ctrl-C |
//! | `connection` | talks with one client: reads requests, waits, sends responses |
//! | `routes` | which response belongs to which request |
//! | `request` | the head of a request, read strictly |
//! | `body` | the body that follows |
//! | `response` | responses as bytes |
//! | `input` | a buffer |
//! | `args` | the command line |
//!
//! All but the first two know neither sockets nor the runtime.

mod args;
mod body;
mod connection;
mod input;
mod request;
mod response;
mod routes;

use args::Limits;
use ayi::io::{AsyncFd, Interest};
use ayi::net::{TcpListener, TcpStream};
use ayi::task::JoinHandle;
use ayi::time::{Instant, timeout_at};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::{self, Read};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::rc::Rc;

/// What all connections share. There is one thread, so cells will do.
struct Server {
    limits: Limits,
    is_stopping: Cell<bool>,
    connections: RefCell<Connections>,
    clock: RefCell<response::Clock>,
}

type Connections = HashMap<u64, (Rc<Peer>, JoinHandle<()>)>;

/// What the server knows of a connection; the rest is its task's.
struct Peer {
    stream: TcpStream,
    /// Nothing has arrived of a request that is not answered.
    is_idle: Cell<bool>,
}

#[ayi::main]
async fn main() -> io::Result<()> {
    let (address, limits) = args::read();
    let signals = signals()?;
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    let server = Rc::new(Server {
        limits,
        is_stopping: Cell::new(false),
        connections: RefCell::default(),
        clock: RefCell::default(),
    });
    let accepting = ayi::spawn(accept(server.clone(), listener));
    let end_of_accepting = accepting.abort_handle();
    ayi::spawn(async move {
        let _ = signals.async_io(Interest::READABLE, |mut pipe| pipe.read(&mut [0])).await;
        end_of_accepting.abort();
    });
    // It ends by being aborted, which closes the listener, or because the listener has failed.
    if let Ok(Err(error)) = accepting.await {
        return Err(error);
    }
    stop(&server).await;
    Ok(())
}

/// Gets a byte when Ctrl-C is pressed, or the process asked to end.
fn signals() -> io::Result<AsyncFd<UnixStream>> {
    let (reader, writer) = UnixStream::pair()?;
    reader.set_nonblocking(true)?;
    pipe::register(SIGINT, writer.try_clone()?)?;
    pipe::register(SIGTERM, writer)?;
    AsyncFd::new(reader)
}

async fn accept(server: Rc<Server>, listener: TcpListener) -> io::Result<()> {
    for id in 0.. {
        // When the process is out of file descriptors, this waits until one is closed. Clients wait with it.
        let (stream, _) = listener.accept().await?;
        let peer = Rc::new(Peer { stream, is_idle: Cell::new(true) });
        let entry = Entry { server: server.clone(), id };
        let its_peer = peer.clone();
        let task = ayi::spawn(async move { connection::serve(&entry.server, &its_peer).await });
        server.connections.borrow_mut().insert(id, (peer, task));
    }
    Ok(())
}

/// A connection's place in the server's table, given up when its task ends, be it by a panic.
struct Entry {
    server: Rc<Server>,
    id: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let entry = self.server.connections.borrow_mut().remove(&self.id);
        // Only now, with nothing borrowed: the handle of this very task is in it.
        drop(entry);
    }
}

/// Ends idle connections, and waits for the others; they see `is_stopping` after their next response.
async fn stop(server: &Server) {
    server.is_stopping.set(true);
    let deadline = Instant::now() + server.limits.stop;
    let connections = server.connections.take();
    // Only their tasks are kept here, since a stream that somebody still held would not be closed.
    let tasks: Vec<_> = connections
        .into_values()
        .map(|(peer, task)| {
            if peer.is_idle.get() {
                // Unlike closing it, this lets the task read (and so answer) a request that has just arrived.
                // Then, or at once, it reads the end of the stream, as if the client had closed.
                let _ = peer.stream.shutdown(Shutdown::Read);
            }
            task
        })
        .collect();
    for task in tasks {
        // When time is up, this goes through the rest without waiting; those tasks end with the runtime.
        let _ = timeout_at(deadline, task).await;
    }
}
