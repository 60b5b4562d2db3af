//! Readers and writers that are always ready: no bytes, one byte again and again, and a place for bytes that nobody
//! wants.
//!
//! Each read and write is charged to the [cooperative budget](crate::task::coop), so that a loop around one gives way.
//! `poll_fill_buf` is not charged, because its callers rely on asking again for what is there. `fill_buf` is charged
//! instead.
//!
//! In tokio: `io/util/{empty,repeat,sink}.rs`.

use super::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite};
use ayi_runtime::task::coop;
use std::fmt;
use std::io::{self, SeekFrom};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

/// Charges one operation, and returns `value`.
fn poll_charged<T>(cx: &mut Context<'_>, value: impl FnOnce() -> T) -> Poll<io::Result<T>> {
    ready!(pin!(coop::consume_budget()).poll(cx));
    Poll::Ready(Ok(value()))
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
pub struct Empty(());

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
pub struct Repeat {
    byte: u8,
}

/// Makes a writer that takes everything, and keeps nothing.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// // How much is in it?
/// let mut answer = &b"as long as it likes"[..];
/// assert_eq!(ayi::io::copy(&mut answer, &mut ayi::io::sink()).await?, 19);
/// # Ok(())
/// # }
/// ```
pub const fn sink() -> Sink {
    Sink(())
}

/// A writer that takes everything, and keeps nothing, made by [`sink`].
pub struct Sink(());

impl AsyncRead for Empty {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
        poll_charged(cx, || 0)
    }
}

impl AsyncBufRead for Empty {
    fn poll_fill_buf(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        Poll::Ready(Ok(&[]))
    }

    fn consume(self: Pin<&mut Self>, _: usize) {}
}

impl AsyncSeek for Empty {
    fn poll_seek(self: Pin<&mut Self>, cx: &mut Context<'_>, _: SeekFrom) -> Poll<io::Result<u64>> {
        poll_charged(cx, || 0)
    }
}

impl AsyncRead for Repeat {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        poll_charged(cx, || {
            buf.fill(self.byte);
            buf.len()
        })
    }
}

impl AsyncWrite for Empty {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        poll_charged(cx, || buf.len())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        poll_charged(cx, || ())
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        poll_charged(cx, || ())
    }
}

impl AsyncWrite for Sink {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        poll_charged(cx, || buf.len())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        poll_charged(cx, || ())
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        poll_charged(cx, || ())
    }
}

impl fmt::Debug for Empty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Empty")
    }
}

impl fmt::Debug for Repeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repeat").field("byte", &self.byte).finish()
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sink")
    }
}
