//! Rung 2: a thread for each connection.
//!
//! ```text
//!   main        accept··✓ accept········✓ accept···
//!   thread 1              recv·····▓ send recv·········▓ send recv···
//!   thread 2                              recv···▓ send recv·······
//!
//!   phase 1, until there is data    each thread for its own client, in recv (·)
//!   phase 2, the copy               each thread for its own client, in recv (▓)
//! ```
//!
//! Fixes: nobody waits for another client; what is slow for one is slow only for that one. The code is that of rung 1.
//! Costs: a thread per client, whether it says anything or not. That is a stack, a place in the scheduler's queues, and
//! a switch of threads for each question.
//!
//! In tokio: it was made to replace this. A task is what remains of such a thread: its local variables.

use super::blocking::{converse, next_client};
use super::{Family, Rung, USUAL};
use crate::listener::Listener;
use crate::stop::Stop;
use std::io;
use std::thread;

pub const RUNG: Rung = Rung {
    number: "2",
    name: "thread_per_connection",
    family: Family::Threads,
    summary: "a thread for each connection: as simple, and a stack and two context switches each",
    is_one_thread: false,
    serve,
    ..USUAL
};

/// In bytes. It is enough for a conversation; the usual two megabytes would be reserved, though not used.
pub const STACK: usize = 64 * 1024;

fn serve(listener: &Listener, stop: &Stop) -> io::Result<()> {
    // The scope ends when all its threads have ended: the stop interrupts each.
    thread::scope(|scope| {
        while let Some(connection) = next_client(listener, stop)? {
            let conversation = move || converse(connection, stop);
            // If the system gives no more threads, the closure is dropped, and the connection with it: the client is
            // refused.
            let _ = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, conversation);
        }
        Ok(())
    })
}
