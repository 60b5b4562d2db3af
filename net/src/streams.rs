//! The traits of reading and writing, for all streams of this crate: a table, at the end of this file.
//!
//! A new stream is one line of the table. Each method is one call of the stream's socket. The traits of other families
//! come from the table of `ayi-io`, with the row that each line gives it.
//!
//! In tokio: the impls at the end of `net/tcp/stream.rs` and its like.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use ayi_io::{AsyncRead, AsyncWrite, ReadBuf};

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

macro_rules! reads {
    ([$($generics:tt)*] $type:ty: (|$it:pat_param| $socket:expr) ()) => {
        impl<$($generics)*> AsyncRead for $type {
            #[inline(always)]
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                let $it = &*self;
                crate::read::read($socket, cx, buf)
            }
        }

        ayi_io::other_families! { [$($generics)*] $type: read; }
    };
}

/// Writing. It takes how the stream is shut down.
macro_rules! writes {
    (
        [$($generics:tt)*] $type:ty: (|$it:pat_param| $socket:expr) (|$ended:pat_param| $ending:expr)
    ) => {
        impl<$($generics)*> AsyncWrite for $type {
            #[inline(always)]
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                let $it = &*self;
                $socket.poll_write(cx, buf)
            }

            #[inline(always)]
            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                let $it = &*self;
                $socket.poll_write_vectored(cx, bufs)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            /// Ready at once: the system has every byte that was written.
            fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            /// Shuts down the direction of writing. Nothing is left for the drop of an owned half then. A pipe has
            /// nothing to shut down: it is closed by dropping its sender.
            fn poll_shutdown(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                let $ended = &mut *self;
                Poll::Ready($ending)
            }
        }

        ayi_io::other_families! { [$($generics)*] $type: write; }
    };
}

streams! {
    [] TcpStream: (|it| &it.socket) reads() writes(|it| it.close());
    [] &TcpStream: (|it| &it.socket) reads() writes(|it| it.close());
    [] UnixStream: (|it| &it.socket) reads() writes(|it| it.close());
    [] &UnixStream: (|it| &it.socket) reads() writes(|it| it.close());
    [S: Stream] ReadHalf<'_, S>: (|it| it.as_ref().socket()) reads();
    [S: Stream] WriteHalf<'_, S>: (|it| it.as_ref().socket()) writes(|it| it.as_ref().close());
    [S: Stream] OwnedReadHalf<S>: (|it| it.as_ref().socket()) reads();
    [S: Stream] OwnedWriteHalf<S>: (|it| it.as_ref().socket()) writes(|it| it.shut_down());
    [] Receiver: (|it| &it.socket) reads();
    [] &Receiver: (|it| &it.socket) reads();
    [] Sender: (|it| &it.socket) writes(|_| Ok(()));
    [] &Sender: (|it| &it.socket) writes(|_| Ok(()));
}
