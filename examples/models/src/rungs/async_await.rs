//! Rung 15: `async` and `await`, on ayi.
//!
//! ```text
//!   task 1    recv.await – – – – – – recv▓ send recv.await – – –      – – : not running: a struct on the heap,
//!   task 2         recv.await – – – – – – –  recv▓ send recv.await           with a waker stored for its socket
//!   thread    poll 1 poll 2 epoll_wait·· wake 1, poll 1, poll 2 epoll_wait···
//!
//!   phase 1, until there is data    the reactor, in epoll_wait (·), for all of them together
//!   phase 2, the copy               the task, in recv (▓)
//! ```
//!
//! The code is that of rung 1, the system calls are those of rung 8. This is what has become of the pieces:
//!
//! | rung 11 | here |
//! |---|---|
//! | a handler, registered for an event | a waker, stored for a socket; all it does is to queue its task |
//! | the state that a handler keeps between events | the local variables of the `async fn` |
//! | `Conversation::step`, which says `WouldBlock` | `poll`, which says `Pending` |
//! | the loop that dispatches | the loop that polls tasks |
//!
//! In tokio: the same, with `#[tokio::main(flavor = "current_thread")]`.

use super::{Family, Rung, USUAL};
use crate::listener::Listener;
use crate::protocol::{MESSAGE, answer};
use crate::stop::Stop;
use ayi::io::{AsyncReadExt, AsyncWriteExt, unix::AsyncFd};
use ayi::net::{TcpListener, TcpStream};
use ayi::runtime::Runtime;
use std::io;

pub const RUNG: Rung = Rung {
    number: "15",
    name: "async_await",
    family: Family::Await,
    summary: "the code of rung 1 with the system calls of rung 8: wakers for callbacks, tasks for threads",
    // A runtime's eventfd is never closed, because another thread's waker may ring it late: the next runtime takes it.
    kept: || 1,
    serve,
    ..USUAL
};

async fn accept(listener: TcpListener) -> io::Result<()> {
    loop {
        let (connection, _) = listener.accept().await?;
        ayi::spawn(converse(connection));
    }
}

async fn converse(mut connection: TcpStream) -> io::Result<()> {
    let mut message = [0; MESSAGE];
    loop {
        connection.read_exact(&mut message).await?;
        answer(&mut message);
        connection.write_all(&message).await?;
    }
}

fn serve(listener: &Listener, stop: &Stop) -> io::Result<()> {
    let listener = listener.to_std()?;
    Runtime::new()?.block_on(serve_here(listener, stop))
}

/// Serves until the server is to stop; then all tasks end with the runtime.
pub async fn serve_here(listener: std::net::TcpListener, stop: &Stop) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    ayi::spawn(accept(TcpListener::from_std(listener)?));
    AsyncFd::new(stop.as_fd())?.readable().await.map(drop)
}
