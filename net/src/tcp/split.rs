//! The halves of a stream that borrow from it, for one task that reads and writes at once.
//!
//! They cost nothing: each is a reference. That there is one of each kind is what they are for, so
//! that what takes a reader cannot write.
//!
//! In tokio: `net/tcp/split.rs`.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::task::{Context, Poll};

use ayi_runtime::io::{Interest, Ready};

use crate::tcp::TcpStream;

/// The half of a [`TcpStream`] that reads, made by [`TcpStream::split`].
///
/// It implements [`futures_io::AsyncRead`]; its methods are those of the stream.
#[derive(Debug)]
pub struct ReadHalf<'a>(&'a TcpStream);

/// The half of a [`TcpStream`] that writes, made by [`TcpStream::split`].
///
/// It implements [`futures_io::AsyncWrite`], where closing shuts down the direction of writing;
/// dropping it does not. Its methods are those of the stream.
#[derive(Debug)]
pub struct WriteHalf<'a>(&'a TcpStream);

pub(super) fn split(stream: &mut TcpStream) -> (ReadHalf<'_>, WriteHalf<'_>) {
    (ReadHalf(stream), WriteHalf(stream))
}

impl ReadHalf<'_> {
    pub(super) fn stream(&self) -> &TcpStream {
        self.0
    }

    /// See [`TcpStream::peek`], also for errors.
    ///
    /// # Cancel safety
    ///
    /// As [`TcpStream::peek`].
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.stream().peek(buf).await
    }

    /// See [`TcpStream::poll_peek`], also for errors.
    pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_peek(cx, buf)
    }

    /// See [`TcpStream::ready`], also for errors.
    ///
    /// # Cancel safety
    ///
    /// As [`TcpStream::ready`].
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.stream().ready(interest).await
    }

    /// See [`TcpStream::readable`], also for errors.
    ///
    /// # Cancel safety
    ///
    /// As [`TcpStream::readable`].
    pub async fn readable(&self) -> io::Result<()> {
        self.stream().readable().await
    }

    /// See [`TcpStream::try_read`], also for errors.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.stream().try_read(buf)
    }

    /// See [`TcpStream::try_read_vectored`], also for errors.
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.stream().try_read_vectored(bufs)
    }

    /// See [`TcpStream::local_addr`], also for errors.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.stream().local_addr()
    }

    /// See [`TcpStream::peer_addr`], also for errors.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream().peer_addr()
    }
}

impl WriteHalf<'_> {
    pub(super) fn stream(&self) -> &TcpStream {
        self.0
    }

    /// See [`TcpStream::ready`], also for errors.
    ///
    /// # Cancel safety
    ///
    /// As [`TcpStream::ready`].
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.stream().ready(interest).await
    }

    /// See [`TcpStream::writable`], also for errors.
    ///
    /// # Cancel safety
    ///
    /// As [`TcpStream::writable`].
    pub async fn writable(&self) -> io::Result<()> {
        self.stream().writable().await
    }

    /// See [`TcpStream::try_write`], also for errors.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.stream().try_write(buf)
    }

    /// See [`TcpStream::try_write_vectored`], also for errors.
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream().try_write_vectored(bufs)
    }

    /// See [`TcpStream::local_addr`], also for errors.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.stream().local_addr()
    }

    /// See [`TcpStream::peer_addr`], also for errors.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream().peer_addr()
    }
}

impl AsRef<TcpStream> for ReadHalf<'_> {
    fn as_ref(&self) -> &TcpStream {
        self.0
    }
}

impl AsRef<TcpStream> for WriteHalf<'_> {
    fn as_ref(&self) -> &TcpStream {
        self.0
    }
}
