//! Readers and writers that are always ready: no bytes, one byte again and again, and a place for bytes that nobody
//! wants.
//!
//! Each poll is charged to the [cooperative budget](ayi_runtime::task::coop), so that a loop around one gives way.
//!
//! In tokio: `io/util/{empty,repeat,sink}.rs`.

use crate::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};
use ayi_runtime::task::coop;
use std::fmt;
use std::io::{self, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Charges one operation, and returns what comes of it.
#[inline]
fn poll_done<T>(cx: &mut Context<'_>, done: impl FnOnce() -> T) -> Poll<io::Result<T>> {
    coop::poll_charged(cx, |_| Poll::Ready(Ok(done())))
}

fn total(bufs: &[IoSlice<'_>]) -> usize {
    bufs.iter().map(|buf| buf.len()).sum()
}

/// Makes a reader that is at its end, and a writer that takes everything.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// use ayi::io::{AsyncReadExt, AsyncWriteExt, empty};
/// let mut text = String::new();
/// assert_eq!(empty().read_to_string(&mut text).await?, 0);
/// empty().write_all(b"tea").await?;
/// # Ok(())
/// # }
/// ```
pub const fn empty() -> Empty {
    Empty(())
}

/// A reader that is at its end, and a writer that takes everything, made by [`empty`].
///
/// Its position is always 0.
pub struct Empty(());

impl AsyncRead for Empty {
    #[inline]
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        poll_done(cx, || ())
    }
}

impl AsyncBufRead for Empty {
    #[inline]
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        poll_done(cx, || &[][..])
    }

    #[inline]
    fn consume(self: Pin<&mut Self>, _: usize) {}
}

impl AsyncSeek for Empty {
    #[inline]
    fn start_seek(self: Pin<&mut Self>, _: SeekFrom) -> io::Result<()> {
        Ok(())
    }

    #[inline]
    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        poll_done(cx, || 0)
    }
}

/// Makes a reader that gives one byte without end.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// use ayi::io::{AsyncReadExt, repeat};
/// let mut buf = [0; 3];
/// repeat(b'z').read_exact(&mut buf).await?;
/// assert_eq!(&buf, b"zzz");
/// # Ok(())
/// # }
/// ```
pub const fn repeat(byte: u8) -> Repeat {
    Repeat { byte }
}

/// A reader that gives one byte without end, made by [`repeat`].
#[derive(Debug)]
pub struct Repeat {
    byte: u8,
}

impl AsyncRead for Repeat {
    #[inline]
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        poll_done(cx, || buf.fill_up(self.byte))
    }
}

/// Makes a writer that takes everything, and keeps nothing.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// use ayi::io::{AsyncWriteExt, sink};
/// assert_eq!(sink().write(b"tea").await?, 3);
/// # Ok(())
/// # }
/// ```
pub const fn sink() -> Sink {
    Sink(())
}

/// A writer that takes everything, and keeps nothing, made by [`sink`].
pub struct Sink(());

/// Writers that take everything.
macro_rules! takes_everything {
    ($($writer:ident)*) => { $(
        impl AsyncWrite for $writer {
            #[inline]
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                poll_done(cx, || buf.len())
            }

            #[inline]
            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                poll_done(cx, || ())
            }

            #[inline]
            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                poll_done(cx, || ())
            }

            #[inline]
            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                poll_done(cx, || total(bufs))
            }

            #[inline]
            fn is_write_vectored(&self) -> bool {
                true
            }
        }

        impl fmt::Debug for $writer {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($writer)).finish_non_exhaustive()
            }
        }
    )* };
}

takes_everything! { Empty Sink }
