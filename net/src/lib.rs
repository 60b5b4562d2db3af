//! Sockets for the [`ayi`](https://docs.rs/ayi) runtime: TCP, UDP, Unix sockets and pipes, and name lookup. Users take
//! the façade crate `ayi`, which has all of this as `ayi::net`.
//!
//! A socket here is std's, made non-blocking and tied to the runtime's reactor by one seam,
//! [`Registration`](ayi_runtime::io::Registration).
//!
//! # Reading order
//!
//! `sys` (system calls) → `socket` (a descriptor and its registration) → `addr` (what an address may be) → `accept` →
//! `tcp/listener` → `tcp/stream` → `stream` and `halves` (two tasks on one connection) → `udp`, `unix`. What is alike
//! in several types is written once: methods in `methods`, the traits of reading and writing in `streams`, those of a
//! descriptor in `descriptors`. `read` reads into buffers that may be uninitialised.

#![cfg(target_os = "linux")]
#![deny(unsafe_op_in_unsafe_fn)]
// Allowed in `sys`, which alone calls the kernel without std, in `read`, whose buffers may be uninitialised, and in
// `raw`, for the numbers of descriptors.
#![deny(unsafe_code)]

// It stands first, because only the modules after it see its macro.
#[macro_use]
mod methods;

mod accept;
mod addr;
mod descriptors;
pub mod halves;
mod peer;
#[allow(unsafe_code)]
mod raw;
#[allow(unsafe_code)]
mod read;
mod socket;
mod stream;
mod streams;
#[allow(unsafe_code)]
mod sys;
pub mod tcp;
mod udp;
pub mod unix;

pub use addr::{ToSocketAddrs, lookup_host};
pub use tcp::{TcpListener, TcpSocket, TcpStream};
pub use udp::UdpSocket;
pub use unix::{UnixDatagram, UnixListener, UnixSocket, UnixStream};
