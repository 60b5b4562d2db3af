//! Unix sockets and pipes: within one machine.
//!
//! An address is a path, under which the socket stands in the file system until somebody removes it, or an abstract
//! name, which is in no file system and disappears with the socket: a "path" that begins with a null byte. Sockets made
//! by `pair` have none. See unix(7).

mod addr;
mod datagram;
mod listener;
pub mod pipe;
mod socket;
mod stream;
mod ucred;
mod unreported;

pub use datagram::UnixDatagram;
pub use listener::UnixListener;
pub use socket::UnixSocket;
pub use std::os::unix::net::SocketAddr;
pub use stream::UnixStream;
pub use ucred::UCred;

use crate::halves;

/// The half of a [`UnixStream`] that reads, made by [`UnixStream::split`].
pub type ReadHalf<'a> = halves::ReadHalf<'a, UnixStream>;
/// The half of a [`UnixStream`] that writes, made by [`UnixStream::split`].
pub type WriteHalf<'a> = halves::WriteHalf<'a, UnixStream>;
/// The half of a [`UnixStream`] that reads, made by [`UnixStream::into_split`].
pub type OwnedReadHalf = halves::OwnedReadHalf<UnixStream>;
/// The half of a [`UnixStream`] that writes, made by [`UnixStream::into_split`].
pub type OwnedWriteHalf = halves::OwnedWriteHalf<UnixStream>;
/// Two halves that come from different streams: of [`OwnedReadHalf::reunite`](halves::OwnedReadHalf::reunite).
pub type ReuniteError = halves::ReuniteError<UnixStream>;
