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
//! A socket enters epoll the first time it has to wait, and from then on belongs to the runtime of that thread. Before
//! that it belongs to no runtime: it can be made anywhere and moved to any thread. An operation that has to wait
//! returns an error if no runtime is running on its thread, or if the socket belongs to another runtime.
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
