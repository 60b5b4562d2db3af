//! What all sockets and pipes have, as tables: a descriptor, and for a socket of std the conversion from it.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net;

use crate::tcp::{TcpListener, TcpSocket, TcpStream};
use crate::udp::UdpSocket;
use crate::unix::pipe::{Receiver, Sender};
use crate::unix::{UnixDatagram, UnixListener, UnixSocket, UnixStream};

macro_rules! have_a_descriptor {
    ($($type:ident)+) => {$(
        impl AsFd for $type {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.socket.as_fd()
            }
        }

        impl AsRawFd for $type {
            fn as_raw_fd(&self) -> RawFd {
                self.as_fd().as_raw_fd()
            }
        }
    )+};
}

macro_rules! are_of_std {
    ($($type:ident: $std:ty;)+) => {$(
        /// Converts like [`from_std`](Self::from_std).
        impl TryFrom<$std> for $type {
            type Error = io::Error;

            #[inline]
            fn try_from(socket: $std) -> io::Result<$type> {
                $type::from_std(socket)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.socket.fmt(f)
            }
        }
    )+};
}

have_a_descriptor! {
    TcpListener TcpSocket TcpStream UdpSocket UnixDatagram UnixListener UnixSocket UnixStream Receiver Sender
}

are_of_std! {
    TcpListener: std::net::TcpListener;
    TcpStream: std::net::TcpStream;
    UdpSocket: std::net::UdpSocket;
    UnixDatagram: net::UnixDatagram;
    UnixListener: net::UnixListener;
    UnixStream: net::UnixStream;
}
