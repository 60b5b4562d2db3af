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
use std::rc::Rc;

/// Keys, values and subscribers, and the functions that serve them.
#[derive(Clone)]
pub struct Redis {
    server: Rc<server::Server>,
    clients: Rc<Cell<u64>>,
}

impl Redis {
    /// Makes one that refuses to grow once it keeps `max_memory` bytes.
    pub fn new(max_memory: usize) -> Redis {
        let args = Args { address: "127.0.0.1:0".to_owned(), max_memory, max_clients: 1, timeout: None };
        Redis { server: Rc::new(server::Server::new(&args)), clients: Rc::default() }
    }

    /// Serves one client.
    pub async fn serve(self, stream: TcpStream) {
        self.clients.set(self.clients.get() + 1);
        connection::serve(&self.server, self.clients.get(), Rc::new(stream)).await;
    }

    /// Removes keys that have expired, for ever.
    pub async fn expire(self) {
        match store::expire(&self.server.store).await {}
    }

    /// Returns the bytes that it says it keeps, and the bytes of the keys and values that can be seen.
    pub fn memory(&self) -> (usize, usize) {
        let store = self.server.store.borrow();
        let keys = (0..store::SHARDS).flat_map(|shard| store.keys(shard));
        let seen = keys.map(|key| key.len() + store.get(key).map_or(0, <[u8]>::len)).sum();
        (store.memory(), seen)
    }

    /// Returns the number of channels and patterns that have a listener.
    pub fn subscriptions(&self) -> usize {
        let pubsub = self.server.pubsub.borrow();
        pubsub.channels() + pubsub.patterns()
    }
}
