//! Sockets: TCP, UDP, Unix sockets and pipes, and name lookup.
//!
//! Names and semantics are those of `tokio::net`. A socket is std's, made non-blocking, and tied to the runtime by a
//! [`Registration`](crate::io::Registration).
//!
//! ```no_run
//! use ayi::net::TcpListener;
//! # async fn run() -> std::io::Result<()> {
//! let listener = TcpListener::bind("127.0.0.1:7000").await?;
//! loop {
//!     let (stream, peer) = listener.accept().await?;
//!     println!("{peer} is here");
//!     stream.write(b"hello\n").await?;
//! }
//! # }
//! ```
//!
//! # When a socket meets the runtime
//!
//! A socket enters epoll the first time it has to wait. Before that it belongs to no runtime: it can be made anywhere and
//! moved to any thread.
//!
//! From then on it goes to the runtime whose task polls it. That costs two system calls and a message to the runtime that
//! it leaves. If a task waits for it there, it stays: two tasks of two runtimes, say a reader and a writer, may use one
//! socket, and each wait of the one that came second costs a message to the other thread and its answer. The
//! first one pays nothing. A socket whose runtime has ended goes on in the next one that polls it.
//!
//! An operation that has to wait returns an error if no runtime is there: none is running on its thread, none is entered,
//! and the one in which the socket was made or has waited has ended.
//!
//! # Several tasks on one socket
//!
//! All methods take `&self`, and any number of tasks may wait in them at once: each is woken. The same holds for the
//! `poll_…` methods and the traits of [`io`](crate::io); [`Registration`](crate::io::Registration) says how those
//! remember their tasks.
//!
//! # Whether the peer is still there
//!
//! `hung_up` of [`TcpStream`] and [`UnixStream`] waits until the peer has closed the connection, and reads nothing. It
//! stands beside the work for a client in a [`select!`](crate::select), so that an answer that nobody waits for is
//! given up.
//!
//! # Open files for another process
//!
//! Unix sockets carry descriptors: [`UnixStream::send_with_fds`] and `recv_with_fds`, and those of [`UnixDatagram`]. One
//! process can so accept connections, or open files, for others.

#[doc(inline)]
pub use ayi_net::*;
