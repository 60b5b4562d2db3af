//! The server of `examples/mini_redis` without its `main`: its modules are the example's files, which expect to find
//! each other at the root of a crate.

#[path = "../../../examples/mini_redis/src/args.rs"]
#[allow(dead_code, reason = "there is no command line here")]
mod args;
#[path = "../../../examples/mini_redis/src/bell.rs"]
mod bell;
#[path = "../../../examples/mini_redis/src/commands/mod.rs"]
mod commands;
#[path = "../../../examples/mini_redis/src/connection.rs"]
mod connection;
#[path = "../../../examples/mini_redis/src/glob.rs"]
mod glob;
#[path = "../../../examples/mini_redis/src/input.rs"]
mod input;
#[path = "../../../examples/mini_redis/src/pubsub.rs"]
mod pubsub;
#[path = "../../../examples/mini_redis/src/resp/mod.rs"]
mod resp;
#[path = "../../../examples/mini_redis/src/server.rs"]
#[allow(dead_code, reason = "there is no listener here")]
mod server;
#[path = "../../../examples/mini_redis/src/store.rs"]
mod store;
#[path = "../../../examples/mini_redis/src/turn.rs"]
mod turn;

use args::Args;
use ayi::net::TcpStream;
use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

/// Keys, values and subscribers, and what serves them.
#[derive(Clone)]
pub struct Redis {
    server: Rc<server::Server>,
    clients: Rc<Cell<u64>>,
}

impl Redis {
    /// It refuses what grows once it keeps `max_memory` bytes.
    pub fn new(max_memory: usize) -> Redis {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let args = Args { address, max_memory, max_clients: 1, timeout: None };
        Redis { server: Rc::new(server::Server::new(&args)), clients: Rc::default() }
    }

    /// A conversation with one client.
    pub async fn serve(self, stream: TcpStream) {
        self.clients.set(self.clients.get() + 1);
        connection::serve(&self.server, self.clients.get(), Rc::new(stream)).await;
    }

    /// Removes what is due, for ever.
    pub async fn expire(self) {
        match store::expire(&self.server.store).await {}
    }

    /// Bytes that it says it keeps, and bytes of the keys and values that can be seen.
    pub fn memory(&self) -> (usize, usize) {
        let store = self.server.store.borrow();
        let keys = (0..store::SHARDS).flat_map(|shard| store.keys(shard));
        let seen = keys.map(|key| key.len() + store.get(key).map_or(0, <[u8]>::len)).sum();
        (store.memory(), seen)
    }

    /// Channels and patterns that somebody listens to.
    pub fn subscriptions(&self) -> usize {
        let pubsub = self.server.pubsub.borrow();
        pubsub.channels() + pubsub.patterns()
    }
}
