//! Sockets for the ayi runtime: TCP, UDP, Unix sockets and pipes, and name lookup.
//!
//! The types here are std's sockets, made non-blocking and tied to the reactor of the runtime by
//! one seam, [`ayi_runtime::io::Registration`]. Names and semantics are those of `tokio::net`.
//! Programs reach this crate as `ayi::net`.
//!
//! ```no_run
//! use ayi_net::TcpListener;
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
//! A socket enters epoll the first time it has to wait, and from then on belongs to the runtime of
//! that thread. One that has not waited yet belongs to no runtime: it can be made anywhere and
//! moved to any thread. So only what waits needs a runtime, and gives an error where there is none,
//! or where the socket already belongs to another.
//!
//! # Several tasks on one socket
//!
//! All methods take `&self`, and any number of tasks may wait in them at once: each is woken. How
//! the `poll_*` methods (and so the [`futures_io`] traits) remember them is told at
//! [`Registration`](ayi_runtime::io::Registration).
//!
//! # Reading order
//!
//! `sys` (system calls) → `socket` (a descriptor and its registration) → `addr` (what an address
//! may be) → `accept` → `tcp/listener` → `tcp/stream` → `stream` and `halves` (two tasks on one connection) → `udp`,
//! `unix`. What is alike in several types is written once: methods in `methods`, the traits of reading and writing in
//! `streams`, those of a descriptor in `descriptors`. `tokio` and `hyper` read into the buffers of these crates, with the
//! features of these names.

#![cfg(target_os = "linux")]
#![deny(unsafe_op_in_unsafe_fn)]
// Lifted by `sys`, which alone calls the kernel without std, and by those whose traits have uninitialised buffers.
#![deny(unsafe_code)]

// It stands first, because its macro is seen only by what follows.
#[macro_use]
mod methods;

mod accept;
mod addr;
mod descriptors;
pub mod halves;
#[cfg(feature = "hyper")]
#[allow(unsafe_code)]
mod hyper;
mod socket;
mod stream;
mod streams;
#[allow(unsafe_code)]
mod sys;
pub mod tcp;
#[cfg(feature = "tokio")]
#[allow(unsafe_code)]
mod tokio;
mod udp;
pub mod unix;

pub use addr::{ToSocketAddrs, lookup_host};
pub use tcp::{TcpListener, TcpSocket, TcpStream};
pub use udp::UdpSocket;
pub use unix::{UnixDatagram, UnixListener, UnixSocket, UnixStream};
