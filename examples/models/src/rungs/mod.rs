//! The rungs, from the lowest to the highest. Each is one file, to be read in this order.

mod aio;
mod aio_native;
mod aio_posix;
mod aio_uring;
mod async_await;
mod async_await_cores;
mod async_fn;
mod blocking;
mod connection_pool;
mod epoll_edge;
mod epoll_level;
mod hand_written_future;
mod multi_reactor;
mod nonblocking;
mod poll;
mod proactor;
mod process_per_connection;
mod reactor;
mod run_queue;
mod select;
mod signal_driven;
mod simulated_proactor;
mod smallest_runtime;
mod thread_per_connection;
mod thread_pool;
mod timers_and_threads;

pub use aio::{BLOCK, block_content};
pub use connection_pool::with_and_without_reuse;

use crate::listener::Listener;
use crate::protocol::MESSAGE;
use crate::stop::Stop;
use std::io;

/// One system of the ladder: a server, and its description.
pub struct Rung {
    /// Its place on the ladder, for example `3b`.
    pub number: &'static str,
    pub name: &'static str,
    pub family: Family,
    /// Who waits where, in a line.
    pub summary: &'static str,
    pub limit: Option<Limit>,
    /// The bytes of an answer.
    pub answer: usize,
    /// Whether several listeners share the port.
    pub shared_port: bool,
    /// Whether there is a process for each client, beside the one that accepts.
    pub has_processes: bool,
    /// Whether a slow answer to one client keeps others waiting, at least those of its core.
    pub is_one_thread: bool,
    /// How many descriptors it keeps for a next time.
    pub kept: fn() -> usize,
    /// Serves until it is asked to stop, and then gives every descriptor and every thread back.
    pub serve: fn(&Listener, &Stop) -> io::Result<()>,
}

/// How many clients a rung serves at a time, and what the others see.
pub struct Limit {
    pub clients: usize,
    pub beyond: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    Threads,
    Readiness,
    Kernel,
    Patterns,
    Futures,
    Await,
}

impl Family {
    pub const ALL: [Family; 6] = [
        Family::Threads,
        Family::Readiness,
        Family::Kernel,
        Family::Patterns,
        Family::Futures,
        Family::Await,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Family::Threads => "Threads that block",
            Family::Readiness => "One thread that asks who is ready",
            Family::Kernel => "The kernel calls back",
            Family::Patterns => "The patterns",
            Family::Futures => "Futures, by hand",
            Family::Await => "async and await",
        }
    }
}

/// The properties of most rungs; each says where it differs.
const USUAL: Rung = Rung {
    number: "",
    name: "",
    family: Family::Readiness,
    summary: "",
    limit: None,
    answer: MESSAGE,
    shared_port: false,
    has_processes: false,
    is_one_thread: true,
    kept: || 0,
    serve: |_, _| Ok(()),
};

pub const LADDER: [&Rung; 25] = [
    &blocking::RUNG,
    &thread_per_connection::RUNG,
    &process_per_connection::RUNG,
    &thread_pool::RUNG,
    &connection_pool::RUNG,
    &nonblocking::RUNG,
    &select::RUNG,
    &poll::RUNG,
    &epoll_level::RUNG,
    &epoll_edge::RUNG,
    &signal_driven::RUNG,
    &aio_posix::RUNG,
    &aio_native::RUNG,
    &aio_uring::RUNG,
    &reactor::RUNG,
    &multi_reactor::RUNG,
    &proactor::RUNG,
    &simulated_proactor::RUNG,
    &hand_written_future::RUNG,
    &async_fn::RUNG,
    &run_queue::RUNG,
    &smallest_runtime::RUNG,
    &timers_and_threads::RUNG,
    &async_await::RUNG,
    &async_await_cores::RUNG,
];

pub fn find(name: &str) -> Option<&'static Rung> {
    LADDER.into_iter().find(|rung| rung.name == name)
}
