//! The halves of a stream that own it together, for two tasks.
//!
//! ```text
//! into_split ──► OwnedReadHalf ──► dropped: nothing          ─┐  the last closes
//!           └──► OwnedWriteHalf ─► dropped: shuts down writing ┴► the connection
//!                     │  forget: nothing
//!   both: reunite ────┴─► TcpStream
//! ```
//!
//! Invariant: a stream has one half of each kind, and only they own it. So when a half is the last
//! owner, the other is gone.
//!
//! In tokio: `net/tcp/split_owned.rs`.

use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};

use ayi_runtime::io::{Interest, Ready};

use crate::tcp::TcpStream;

/// The half of a [`TcpStream`] that reads, made by [`TcpStream::into_split`].
///
/// It implements [`futures_io::AsyncRead`]; its methods are those of the stream.
#[derive(Debug)]
pub struct OwnedReadHalf {
    stream: Arc<TcpStream>,
}

/// The half of a [`TcpStream`] that writes, made by [`TcpStream::into_split`].
///
/// It implements [`futures_io::AsyncWrite`]; its methods are those of the stream. Dropping it shuts
/// down the direction of writing, so that the peer reads the end of the stream, unless it is told
/// to [`forget`](OwnedWriteHalf::forget) that.
#[derive(Debug)]
pub struct OwnedWriteHalf {
    stream: Arc<TcpStream>,
    shut_down_on_drop: bool,
}

pub(super) fn split(stream: TcpStream) -> (OwnedReadHalf, OwnedWriteHalf) {
    let stream = Arc::new(stream);
    let read = OwnedReadHalf { stream: Arc::clone(&stream) };
    let write = OwnedWriteHalf { stream, shut_down_on_drop: true };
    (read, write)
}

fn reunite(read: OwnedReadHalf, write: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
    if !Arc::ptr_eq(&read.stream, &write.stream) {
        return Err(ReuniteError(read, write));
    }
    write.forget();
    let stream = Arc::into_inner(read.stream);
    Ok(stream.expect("a stream has one half of each kind, and both have come together here"))
}

/// The error of halves that come from different streams. It gives them back.
#[derive(Debug)]
pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "these halves come from different streams, so they do not make one: reunite the two \
             that one call of into_split returned",
        )
    }
}

impl Error for ReuniteError {}

impl OwnedReadHalf {
    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Makes a stream again of its two halves.
    ///
    /// # Errors
    ///
    /// [`ReuniteError`], with both halves, if they come from different streams.
    pub fn reunite(self, write: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
        reunite(self, write)
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

impl OwnedWriteHalf {
    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Makes a stream again of its two halves.
    ///
    /// # Errors
    ///
    /// [`ReuniteError`], with both halves, if they come from different streams.
    pub fn reunite(self, read: OwnedReadHalf) -> Result<TcpStream, ReuniteError> {
        reunite(read, self)
    }

    /// Drops this half without shutting down the direction of writing.
    pub fn forget(mut self) {
        self.shut_down_on_drop = false;
    }

    /// Notes that the direction of writing has been shut down.
    pub(super) fn is_shut_down(&mut self) {
        self.shut_down_on_drop = false;
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

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        if self.shut_down_on_drop {
            // It fails if the connection has broken: then the peer needs no word from us.
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }
}

impl AsRef<TcpStream> for OwnedReadHalf {
    fn as_ref(&self) -> &TcpStream {
        &self.stream
    }
}

impl AsRef<TcpStream> for OwnedWriteHalf {
    fn as_ref(&self) -> &TcpStream {
        &self.stream
    }
}
