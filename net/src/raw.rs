//! Sockets from the numbers of descriptors, and back.
//!
//! Invariant: the caller of `from_raw_fd` hands over a descriptor that is open and owned by nobody else, as the trait
//! demands.
//!
//! In tokio: the impls at the end of `net/tcp/socket.rs` and `net/unix/socket.rs`.

use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd, RawFd};

use crate::tcp::TcpSocket;
use crate::unix::UnixSocket;

macro_rules! are_numbers {
    ($($type:ident)+) => {$(
        /// Converts like `From<OwnedFd>`: the socket becomes non-blocking.
        impl FromRawFd for $type {
            unsafe fn from_raw_fd(fd: RawFd) -> $type {
                // SAFETY: the caller's promise.
                $type::from(unsafe { OwnedFd::from_raw_fd(fd) })
            }
        }

        /// The descriptor stays non-blocking.
        impl IntoRawFd for $type {
            fn into_raw_fd(self) -> RawFd {
                OwnedFd::from(self).into_raw_fd()
            }
        }
    )+};
}

are_numbers! { TcpSocket UnixSocket }
