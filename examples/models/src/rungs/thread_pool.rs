//! Rung 3: a fixed number of threads, which take connections from a queue.
//!
//! ```text
//!   main        accept✓ accept✓ accept✓ accept···                       queue: 1 2 3
//!   thread 1      (1) recv···▓ send recv·······▓ send recv– (3) recv··▓ send recv···
//!   thread 2              (2) recv·····▓ send recv·······
//!   client 3                      ✓ data                            ✓
//!                                 (in the queue until client 1 or 2 has left)
//!
//!   phase 1, until there is data    a thread of the pool, in recv (·)
//!   phase 2, the copy               the same thread, in recv (▓)
//! ```
//!
//! Fixes: threads are started once, and there are never more than so many, whatever the clients do.
//! Costs: beyond that number, clients wait until one leaves, even if all the others are silent. Not work is bounded,
//! but the number of conversations.
//!
//! In tokio: the pool behind `spawn_blocking`.

use super::blocking::{converse, next_client};
use super::thread_per_connection::STACK;
use super::{Family, Limit, Rung, USUAL};
use crate::listener::Listener;
use crate::stop::Stop;
use std::io;
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;
use std::thread;

pub const RUNG: Rung = Rung {
    number: "3",
    name: "thread_pool",
    family: Family::Threads,
    summary: "256 threads take connections from a queue: bounded, and whoever comes later waits",
    limit: Some(Limit {
        clients: THREADS,
        beyond: "256 at a time: the others wait until one of them leaves",
    }),
    is_one_thread: false,
    serve,
    ..USUAL
};

const THREADS: usize = 256;

/// How many connections wait for a thread. When the queue is full, the next ones wait in the kernel's.
const QUEUE: usize = 1024;

pub fn serve(listener: &Listener, stop: &Stop) -> io::Result<()> {
    let (queue, connections) = sync_channel(QUEUE);
    let connections = Mutex::new(connections);
    thread::scope(|scope| {
        // It is dropped at the end of this closure, however that ends: the threads then find the queue closed.
        let queue = queue;
        let work = || {
            // One thread at a time waits at the queue, the others for the lock.
            let next = || connections.lock().expect("nobody panics with it").recv();
            while let Ok(connection) = next() {
                converse(connection, stop);
            }
        };
        for _ in 0..THREADS {
            thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work)?;
        }
        while let Some(connection) = next_client(listener, stop)? {
            // Blocks while the queue is full.
            if queue.send(connection).is_err() {
                break;
            }
        }
        Ok(())
    })
}
