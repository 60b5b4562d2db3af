//! Unix sockets and pipes: within one machine.
//!
//! An address is a path or an abstract name. A path is a place in the file system, where the socket stands until it is
//! removed. An abstract name is a "path" that begins with a null byte; it is in no file system, and disappears with the
//! socket. Sockets made by `pair` have no address. See unix(7).

mod addr;
mod datagram;
mod listener;
mod passing;
pub mod pipe;
mod socket;
mod stream;
mod ucred;
mod unreported;

pub use addr::SocketAddr;
pub use datagram::UnixDatagram;
pub use listener::UnixListener;
pub use socket::UnixSocket;
pub use stream::UnixStream;
pub use ucred::UCred;

use crate::halves;

/// The type of a user's number.
#[allow(non_camel_case_types)]
pub type uid_t = u32;
/// The type of a group's number.
#[allow(non_camel_case_types)]
pub type gid_t = u32;
/// The type of a process's number, or of a process group's.
#[allow(non_camel_case_types)]
pub type pid_t = i32;

/// The half of a [`UnixStream`] that reads, made by [`UnixStream::split`].
pub type ReadHalf<'a> = halves::ReadHalf<'a, UnixStream>;
/// The half of a [`UnixStream`] that writes, made by [`UnixStream::split`].
pub type WriteHalf<'a> = halves::WriteHalf<'a, UnixStream>;
/// The half of a [`UnixStream`] that reads, made by [`UnixStream::into_split`].
pub type OwnedReadHalf = halves::OwnedReadHalf<UnixStream>;
/// The half of a [`UnixStream`] that writes, made by [`UnixStream::into_split`].
pub type OwnedWriteHalf = halves::OwnedWriteHalf<UnixStream>;
/// The error of two halves that come from different streams, see
/// [`OwnedReadHalf::reunite`](halves::OwnedReadHalf::reunite).
pub type ReuniteError = halves::ReuniteError<UnixStream>;
