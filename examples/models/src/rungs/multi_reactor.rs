//! Rung 12: a reactor per core, as in nginx.
//!
//! ```text
//!   core 1   reactor 1:  wait ··· dispatch ▓ wait ··· dispatch ▓      its own listener, its own clients
//!   core 2   reactor 2:  wait ······· dispatch ▓ wait ·· dispatch ▓   its own listener, its own clients
//!   kernel   SO_REUSEPORT: each new connection goes to one of the listeners
//!
//!   phase 1, until there is data    each demultiplexer, for the clients of its core
//!   phase 2, the copy               each core's handlers
//! ```
//!
//! One loop fills one core. To use more, there is one loop for each, on a thread of its own, and they share nothing: no
//! lock, no queue, no cache line. The listeners have the same address, and the kernel distributes the connections among
//! them, by a hash of the addresses.
//!
//! Fixes: one core's worth of work as the limit.
//! Costs: the distribution is blind. A core with the busy clients cannot give any away, and clients are spread evenly
//! only by chance, if they are many.
//!
//! In tokio: several runtimes of one thread each, as actix-web has it. Its runtime of many threads lets idle ones steal
//! tasks instead. For that, tasks must be `Send`, and every wake is an atomic operation.

use super::reactor::{Reactor, serve_clients};
use super::{Family, Rung, USUAL};
use crate::epoll::Epoll;
use crate::listener::Listener;
use crate::stop::Stop;
use std::io;
use std::thread;

pub const RUNG: Rung = Rung {
    number: "12",
    name: "multi_reactor",
    family: Family::Patterns,
    summary: "a reactor per core, each with a listener of its own on the same port; nothing is shared",
    shared_port: true,
    serve,
    ..USUAL
};

fn serve(listener: &Listener, stop: &Stop) -> io::Result<()> {
    let address = listener.address()?;
    let others = (1..thread::available_parallelism()?.get()).map(|_| Listener::bind(address, true));
    let others: Vec<Listener> = others.collect::<io::Result<_>>()?;
    // All are made before the first client comes, who could take the last descriptor.
    let epolls: Vec<Epoll> = others.iter().map(|_| Epoll::new()).collect::<io::Result<_>>()?;
    let run = |epoll, listener| {
        let reactor = Reactor::new(epoll);
        let result = serve_clients(&reactor, listener).and_then(|()| reactor.run(stop));
        if result.is_err() {
            // If one core cannot work, the others do not continue alone.
            stop.request();
        }
        result
    };
    let epoll = Epoll::new()?;
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for (epoll, listener) in epolls.into_iter().zip(&others) {
            match thread::Builder::new().spawn_scoped(scope, move || run(epoll, listener)) {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    stop.request();
                    return Err(error);
                }
            }
        }
        let result = run(epoll, listener);
        threads
            .into_iter()
            .fold(result, |result, thread| result.and(thread.join().expect("no handler panics")))
    })
}
