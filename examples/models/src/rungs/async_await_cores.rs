//! Rung 16: `async` and `await` on every core.
//!
//! ```text
//!   core 1   its own reactor, tasks and timers, its own listener:   poll 1 poll 3 epoll_wait···
//!   core 2   its own reactor, tasks and timers, its own listener:   poll 2 epoll_wait···
//!   kernel   SO_REUSEPORT: each new connection goes to one of the listeners
//!
//!   phase 1, until there is data    each core's reactor, for the clients of its core
//!   phase 2, the copy               each core's tasks
//! ```
//!
//! This is rung 12 with the tasks of rung 15. A task never leaves its core, so it needs no lock, and may hold an `Rc`.
//! In a program of your own this is `#[ayi::main(cores = "all")]`.
//!
//! In tokio: the runtime of many threads, which shares its tasks among them instead.

use super::async_await::serve_here;
use super::{Family, Rung, USUAL};
use crate::listener::Listener;
use crate::stop::Stop;
use ayi::runtime::Builder;
use std::io;
use std::num::NonZero;
use std::sync::{Mutex, PoisonError};
use std::thread;

pub const RUNG: Rung = Rung {
    number: "16",
    name: "async_await_cores",
    family: Family::Await,
    summary: "a runtime per core, each with a listener of its own; tasks never leave their core",
    shared_port: true,
    // Like in rung 15, for each core.
    kept: cores,
    serve,
    ..USUAL
};

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

fn serve(listener: &Listener, stop: &Stop) -> io::Result<()> {
    let address = listener.address()?;
    // All are made before the first client comes, who could take the last descriptor.
    let others = (1..cores()).map(|_| Listener::bind(address, true)?.to_std());
    let listeners: Vec<_> = [listener.to_std()].into_iter().chain(others).collect::<io::Result<_>>()?;
    let cores = Builder::new_current_thread().cores(listeners.len());
    let listeners = Mutex::new(listeners);
    let main = async |_| {
        let listener = listeners.lock().unwrap_or_else(PoisonError::into_inner).pop();
        serve_here(listener.expect("there are as many as cores"), stop).await
    };
    cores.try_run(main).map(drop)
}
