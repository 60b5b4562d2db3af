//! The traits of reading and writing, for all streams of this crate: a table, at the end of this file.
//!
//! A new stream is one line of the table. A new family of traits is one line of `reads` and one of `writes`. Each
//! method is one call of the stream's socket.
//!
//! tokio's and hyper's buffers may be uninitialised, and the kernel writes into them as they are. That is unsafe code,
//! so it stands in `tokio` and `hyper`.
//!
//! In tokio: the impls at the end of `net/tcp/stream.rs` and its like; for hyper, `hyper_util::rt::TokioIo`, a wrapper.

use std::io::{self, IoSlice, IoSliceMut};
use std::pin::Pin;
use std::task::{Context, Poll};

#[cfg(feature = "hyper")]
use ::hyper::rt::{Read as HyperRead, ReadBufCursor, Write as HyperWrite};
#[cfg(feature = "tokio")]
use ::tokio::io::{AsyncRead as TokioRead, AsyncWrite as TokioWrite, ReadBuf};
use futures_io::{AsyncRead, AsyncWrite};

use crate::halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use crate::stream::Stream;
use crate::tcp::TcpStream;
use crate::unix::UnixStream;
use crate::unix::pipe::{Receiver, Sender};

/// Each line has the generics of the impls, the type, and the place of its socket. Then it lists what the type does:
/// each is a macro below, with that macro's arguments.
macro_rules! streams {
    ($($generics:tt $type:ty: $socket:tt $($does:ident $how:tt)+;)*) => {
        $($($does! { $generics $type: $socket $how })+)*
    };
}

/// Reading, in all families.
macro_rules! reads {
    ($($stream:tt)*) => {
        futures_reads! { $($stream)* }
        #[cfg(feature = "tokio")]
        reads_into! { TokioRead, &mut ReadBuf<'_>, crate::tokio::read, $($stream)* }
        #[cfg(feature = "hyper")]
        reads_into! { HyperRead, ReadBufCursor<'_>, crate::hyper::read, $($stream)* }
    };
}

/// Writing, in all families. It takes how the stream is closed.
macro_rules! writes {
    ($($stream:tt)*) => {
        futures_writes! { $($stream)* }
        #[cfg(feature = "tokio")]
        writes_as! { TokioWrite, poll_shutdown, is_write_vectored, $($stream)* }
        #[cfg(feature = "hyper")]
        writes_as! { HyperWrite, poll_shutdown, is_write_vectored, $($stream)* }
    };
}

/// Reading with only the traits of `futures-io`, which references implement as well.
macro_rules! futures_reads {
    ([$($generics:tt)*] $type:ty: (|$it:pat_param| $socket:expr) ()) => {
        impl<$($generics)*> AsyncRead for $type {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
                let $it = &*self;
                $socket.poll_read(cx, buf)
            }

            fn poll_read_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                let $it = &*self;
                $socket.poll_read_vectored(cx, bufs)
            }
        }
    };
}

/// Writing with only the traits of `futures-io`.
macro_rules! futures_writes {
    ($($stream:tt)*) => { writes_as! { AsyncWrite, poll_close, , $($stream)* } };
}

/// Reading into a buffer of the family, which `$read` knows how to fill.
#[cfg(any(feature = "hyper", feature = "tokio"))]
macro_rules! reads_into {
    (
        $family:ident, $buf:ty, $read:path,
        [$($generics:tt)*] $type:ty: (|$it:pat_param| $socket:expr) ()
    ) => {
        impl<$($generics)*> $family for $type {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: $buf) -> Poll<io::Result<()>> {
                let $it = &*self;
                $read($socket, cx, buf)
            }
        }
    };
}

/// Writing. `$close` is what the family calls closing. Some families ask whether several buffers leave in one write.
macro_rules! writes_as {
    (
        $family:ident, $close:ident, $($is_write_vectored:ident)?,
        [$($generics:tt)*] $type:ty: (|$it:pat_param| $socket:expr) (|$closed:pat_param| $closing:expr)
    ) => {
        impl<$($generics)*> $family for $type {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                let $it = &*self;
                $socket.poll_write(cx, buf)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                let $it = &*self;
                $socket.poll_write_vectored(cx, bufs)
            }

            /// Ready at once: the system has every byte that was written.
            fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            /// Shuts down the direction of writing. Nothing is left for the drop of an owned half then. A pipe has
            /// nothing to shut down: it is closed by dropping its sender.
            fn $close(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                let $closed = &mut *self;
                Poll::Ready($closing)
            }

            $(fn $is_write_vectored(&self) -> bool {
                true
            })?
        }
    };
}

streams! {
    [] TcpStream: (|it| &it.socket) reads() writes(|it| it.close());
    [] &TcpStream: (|it| &it.socket) futures_reads() futures_writes(|it| it.close());
    [] UnixStream: (|it| &it.socket) reads() writes(|it| it.close());
    [] &UnixStream: (|it| &it.socket) futures_reads() futures_writes(|it| it.close());
    [S: Stream] ReadHalf<'_, S>: (|it| it.as_ref().socket()) reads();
    [S: Stream] WriteHalf<'_, S>: (|it| it.as_ref().socket()) writes(|it| it.as_ref().close());
    [S: Stream] OwnedReadHalf<S>: (|it| it.as_ref().socket()) reads();
    [S: Stream] OwnedWriteHalf<S>: (|it| it.as_ref().socket()) writes(|it| it.shut_down());
    [] Receiver: (|it| &it.socket) reads();
    [] &Receiver: (|it| &it.socket) futures_reads();
    [] Sender: (|it| &it.socket) writes(|_| Ok(()));
    [] &Sender: (|it| &it.socket) futures_writes(|_| Ok(()));
}
