//! The traits of tokio and hyper, for the streams of this crate: tables, at the end of this file. The traits of
//! `futures-io` stand with each type.
//!
//! The pipes of a child are pipes of `ayi-net`, which read into tokio's and hyper's buffers as they are. A standard
//! stream reads into initialised memory.
//!
//! In tokio: `process/mod.rs`, `io/stdin.rs`, `io/stdout.rs`, `io/stderr.rs`.

// How much of it is used depends on the features.
#![allow(unused_imports, unused_macros)]

#[cfg(feature = "process")]
use crate::process::{ChildStderr, ChildStdin, ChildStdout};
#[cfg(feature = "stdio")]
use crate::stdio::{Stderr, Stdin, Stdout};
use futures_io::{AsyncRead, AsyncWrite};
#[cfg(feature = "hyper")]
use hyper::rt::{Read as HyperRead, ReadBufCursor, Write as HyperWrite};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
#[cfg(feature = "tokio")]
use tokio::io::{AsyncRead as TokioRead, AsyncWrite as TokioWrite, ReadBuf};

/// Reading, by a field that implements the trait of the family.
macro_rules! reading {
    ($family:ident, $buf:ty: $($type:ident by $field:ident),+) => {$(
        impl $family for $type {
            fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: $buf) -> Poll<io::Result<()>> {
                $family::poll_read(Pin::new(&mut self.$field), cx, buf)
            }
        }
    )+};
}

/// Writing, by the type's implementation for `futures-io`. It says whether several buffers leave in one write.
macro_rules! writing {
    ($family:ident: $($type:ident $is_vectored:literal),+) => {$(
        impl $family for $type {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                AsyncWrite::poll_write(self, cx, buf)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                AsyncWrite::poll_write_vectored(self, cx, bufs)
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                AsyncWrite::poll_flush(self, cx)
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                AsyncWrite::poll_close(self, cx)
            }

            fn is_write_vectored(&self) -> bool {
                $is_vectored
            }
        }
    )+};
}

/// At most this much is read at once from a standard stream into a buffer of hyper's, because it has to be initialised
/// each time.
#[cfg(all(feature = "hyper", feature = "stdio"))]
const READ: usize = 8 * 1024;

#[cfg(all(feature = "tokio", feature = "stdio"))]
impl TokioRead for Stdin {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = ready!(AsyncRead::poll_read(self, cx, buf.initialize_unfilled()))?;
        buf.advance(read);
        Poll::Ready(Ok(()))
    }
}

#[cfg(all(feature = "hyper", feature = "stdio"))]
impl HyperRead for Stdin {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut room = [0; READ];
        let len = buf.remaining().min(READ);
        let read = ready!(AsyncRead::poll_read(self, cx, &mut room[..len]))?;
        buf.put_slice(&room[..read]);
        Poll::Ready(Ok(()))
    }
}

#[cfg(all(feature = "tokio", feature = "process"))]
reading! { TokioRead, &mut ReadBuf<'_>: ChildStdout by receiver, ChildStderr by receiver }
#[cfg(all(feature = "hyper", feature = "process"))]
reading! { HyperRead, ReadBufCursor<'_>: ChildStdout by receiver, ChildStderr by receiver }

#[cfg(all(feature = "tokio", feature = "process"))]
writing! { TokioWrite: ChildStdin true }
#[cfg(all(feature = "hyper", feature = "process"))]
writing! { HyperWrite: ChildStdin true }

#[cfg(all(feature = "tokio", feature = "stdio"))]
writing! { TokioWrite: Stdout false, Stderr false }
#[cfg(all(feature = "hyper", feature = "stdio"))]
writing! { HyperWrite: Stdout false, Stderr false }
