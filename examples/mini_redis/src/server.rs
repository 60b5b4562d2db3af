//! What all connections share, and how they are accepted.

use crate::args::Args;
use crate::connection;
use crate::pubsub::PubSub;
use crate::store::{self, Store};
use ayi::net::{TcpListener, TcpStream};
use ayi::sync::Semaphore;
use ayi::time::{Duration, Instant};
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

pub struct Server {
    pub store: RefCell<Store>,
    pub pubsub: Rc<RefCell<PubSub>>,
    /// It has one permit: messages reach all subscribers in the same order, even if delivering one takes several turns.
    pub publishing: Semaphore,
    /// In bytes.
    pub max_memory: usize,
    /// A client that sends nothing for this long is disconnected.
    pub timeout: Option<Duration>,
    /// A permit for each connection.
    places: Arc<Semaphore>,
    pub counts: Counts,
    pub started: Instant,
}

/// The counts for INFO.
#[derive(Default)]
pub struct Counts {
    /// How many connections are open.
    pub open: Cell<u64>,
    /// How many connections there were so far; this is also the number of the latest.
    pub accepted: Cell<u64>,
    pub commands: Cell<u64>,
}

impl Server {
    pub fn new(Args { max_memory, max_clients, timeout, .. }: &Args) -> Server {
        let (store, pubsub, counts) = Default::default();
        let (places, publishing) = (Arc::new(Semaphore::new(*max_clients)), Semaphore::new(1));
        let (max_memory, timeout) = (*max_memory, *timeout);
        Server { store, pubsub, publishing, max_memory, timeout, places, counts, started: Instant::now() }
    }
}

/// Serves until the listener fails.
pub async fn run(server: &Rc<Server>, listener: TcpListener) -> io::Result<Infallible> {
    ayi::select! {
        result = accept(server, listener) => result,
        never = store::expire(&server.store) => match never {},
    }
}

async fn accept(server: &Rc<Server>, listener: TcpListener) -> io::Result<Infallible> {
    loop {
        // When the process is out of file descriptors, this waits until one is closed. Clients wait with it.
        let (stream, _) = listener.accept().await?;
        let Ok(permit) = server.places.clone().try_acquire_owned() else {
            refuse(&stream);
            continue;
        };
        let id = server.counts.accepted.get() + 1;
        server.counts.accepted.set(id);
        let open = Open::new(server.clone());
        ayi::spawn(async move {
            connection::serve(&open.server, id, Rc::new(stream)).await;
            drop(permit);
        });
    }
}

/// Refuses a client, as Redis does. A server that would rather let them wait accepts by `acquire_owned_with`. A new
/// socket has room for a line. Nothing is waited for: otherwise there could be too many refused clients here.
fn refuse(stream: &TcpStream) {
    let _ = stream.try_write(b"-ERR max number of clients reached\r\n");
}

/// Counts a connection for as long as its task lives, even if a panic ends the task.
struct Open {
    server: Rc<Server>,
}

impl Open {
    fn new(server: Rc<Server>) -> Open {
        server.counts.open.set(server.counts.open.get() + 1);
        Open { server }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.server.counts.open.set(self.server.counts.open.get() - 1);
    }
}
