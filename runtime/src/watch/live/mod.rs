//! The live view: with `AYI_LIVE=ADDRESS` in the environment a program serves a page that follows its own run.
//!
//! ```text
//!   first Recording::begin ── server::start ──▶ thread ayi-live: accept ──▶ at most 8 threads, each with one client
//!                                                                               │
//!   Recording::end ── watchers::tell_end ──▶ what each client has not seen ──▶ Watcher ◀── rings in use, by sections
//! ```
//!
//! `/dump` asks the runtimes themselves: see `top/dumps`, which is plugged in.
//!
//! Invariants:
//! 1. No runtime waits for a client, but for 100 ms when it ends, and only for clients that have kept up so far.
//! 2. Every client gets each event once, unless the ring has overwritten it before the client had room.
//! 3. All threads are detached and plain, so they keep no process alive. A forked child has none of them, and starts none.
//!
//! It is one thread for each client, since std has no way to wait for several sockets. A loop of ayi's own would be in the
//! recording that it shows.
//!
//! In tokio: nothing; `console-subscriber` serves gRPC, from a runtime of its own.

mod address;
mod head;
mod reply;
mod server;
mod watchers;

pub(crate) use address::is_wanted;
pub(crate) use server::start;
pub(crate) use watchers::tell_end;
