//! Accepting connections, for listeners of all kinds.
//!
//! ```text
//!               ┌──────────────── one connection failed ◄──┐
//!               ▼                                          │
//! accept ──► accept4 ──► WouldBlock: wait until readable   │
//!               ▲  └───► error ────────────────────────────┤
//!               │                                          ▼
//!               └── ACCEPT_PAUSE ◄── no room for another socket; any other: to the caller
//! ```
//!
//! Invariants:
//! 1. What befalls one connection does not stop the server.
//! 2. Every `accept4` goes through the registration, which charges the task's budget for it: a
//!    flood of failing connections cannot hold up the other tasks.
//!
//! In tokio: `net/tcp/listener.rs` and `net/unix/listener.rs`. There, all errors reach the caller.

use std::io;
use std::os::fd::AsFd;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ayi_runtime::io::Interest;
use ayi_runtime::time;

use crate::socket::Socket;
use crate::sys;

/// How long `accept` waits for descriptors to come free. The reactor cannot tell when that
/// happens, so it has to look again: 20 times a second costs nothing that can be measured, and
/// adds little to what a client waits who comes to a server that is full.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

pub(crate) async fn accept<S: AsFd, T>(
    socket: &Socket<S>,
    mut op: impl FnMut(&S) -> io::Result<T>,
) -> io::Result<T> {
    loop {
        match socket.async_io(Interest::READABLE, &mut op).await {
            Err(error) if sys::is_connection_error(&error) => {}
            Err(error) if sys::is_out_of_room(&error) => time::sleep(ACCEPT_PAUSE).await,
            result => return result,
        }
    }
}

/// As `accept`, but that it cannot pause: "no room" goes to the caller.
pub(crate) fn poll_accept<S: AsFd, T>(
    socket: &Socket<S>,
    cx: &mut Context<'_>,
    mut op: impl FnMut(&S) -> io::Result<T>,
) -> Poll<io::Result<T>> {
    loop {
        match ready!(socket.poll_io(Interest::READABLE, cx, &mut op)) {
            Err(error) if sys::is_connection_error(&error) => {}
            result => return Poll::Ready(result),
        }
    }
}

/// Refuses what does not listen: on such a socket `accept` fails with one of the errors that are retried.
pub(crate) fn check_listening(socket: &impl AsFd) -> io::Result<()> {
    if sys::is_listening(socket.as_fd())? {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "this socket does not listen for connections: call listen(2) on it first, and see that it is a stream \
         socket",
    ))
}
