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
//! Rung 12 with the tasks of rung 15. A task never leaves its core, so it needs no lock, and may hold an `Rc`. (ayi
//! has no word of its own for this yet. So it is done by hand: a thread for each core, and a runtime in each.)
//!
//! In tokio: the runtime of many threads, which shares its tasks among them instead.

use super::async_await;
use super::multi_reactor;
use super::{Family, Rung, USUAL};
use crate::listener::Listener;
use crate::stop::Stop;
use std::io;
use std::num::NonZero;
use std::thread;

pub const RUNG: Rung = Rung {
    number: "16",
    name: "async_await_cores",
    family: Family::Await,
    summary: "a runtime per core, each with a listener of its own; tasks never leave their core",
    shared_port: true,
    // As in rung 15, for each core.
    kept: || thread::available_parallelism().map_or(1, NonZero::get),
    serve,
    ..USUAL
};

fn serve(listener: &Listener, stop: &Stop) -> io::Result<()> {
    multi_reactor::on_every_core(listener, stop, async_await::prepare, async_await::run)
}
