//! Accepting connections, for listeners of all kinds.
//!
//! ```text
//!               ┌──────────────── one connection failed ◄──┐
//!               ▼                                          │
//! accept ──► accept4 ──► WouldBlock: wait until readable   │
//!               ▲  └───► error ────────────────────────────┤
//!               │                                          ▼
//!               └── ACCEPT_PAUSE ◄── no room for another socket, or 100 failures in a row
//!                                    any other, or 200 failures in a row: to the caller
//! ```
//!
//! Invariants:
//! 1. An error of one connection does not stop the server, and an error of all connections does not go unreported.
//! 2. Every `accept4` goes through the registration, which charges the task's budget for it, so a flood of failing
//!    connections cannot hold up the other tasks.
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

/// How long `accept` waits for descriptors to come free. The reactor cannot tell when that happens, so `accept` has to
/// try again. 20 attempts a second cost nothing that can be measured, and the pause adds little to a client's wait when
/// the server is full.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// This many connections in a row may fail before `accept` pauses, and as many again before it returns the error to the
/// caller. An error of one connection goes with that connection. An error that comes so often belongs to the listener,
/// for example a filter that forbids accept(2).
const FAILURES_IN_A_ROW: u32 = 100;

pub(crate) async fn accept<S: AsFd, T>(
    socket: &Socket<S>,
    mut op: impl FnMut(&S) -> io::Result<T>,
) -> io::Result<T> {
    let mut failures = 0;
    loop {
        match socket.async_io(Interest::READABLE, &mut op).await {
            Err(error) if sys::is_connection_error(&error) => {
                failures += 1;
                if failures == FAILURES_IN_A_ROW {
                    time::sleep(ACCEPT_PAUSE).await;
                } else if failures == 2 * FAILURES_IN_A_ROW {
                    return Err(error);
                }
            }
            Err(error) if sys::is_out_of_room(&error) => time::sleep(ACCEPT_PAUSE).await,
            result => return result,
        }
    }
}

/// Polls like `accept`, but cannot pause: "no room", and an error that lasts, go to the caller at once.
pub(crate) fn poll_accept<S: AsFd, T>(
    socket: &Socket<S>,
    cx: &mut Context<'_>,
    mut op: impl FnMut(&S) -> io::Result<T>,
) -> Poll<io::Result<T>> {
    let mut failures = 0;
    loop {
        match ready!(socket.poll_io(Interest::READABLE, cx, &mut op)) {
            Err(error) if sys::is_connection_error(&error) && failures < FAILURES_IN_A_ROW => failures += 1,
            result => return Poll::Ready(result),
        }
    }
}

/// Refuses a socket that does not listen: on such a socket `accept` fails with one of the errors that are retried.
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
