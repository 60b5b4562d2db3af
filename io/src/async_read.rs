//! What bytes can be read from.
//!
//! In tokio: `io/async_read.rs`.

use crate::ReadBuf;
use std::io::{self, Cursor};
use std::ops::DerefMut;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A stream of bytes that can be read.
///
/// This is [`std::io::Read`] without blocking: where a blocking reader waits, `poll_read` returns `Pending`, and the
/// task is woken when there is something to read. Users call the methods of [`AsyncReadExt`](crate::AsyncReadExt),
/// which every reader has.
///
/// # Examples
///
/// A reader of one's own:
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// use ayi::io::{AsyncRead, ReadBuf};
/// use std::pin::Pin;
/// use std::task::{Context, Poll};
///
/// /// Counts down to 0, a byte at a time.
/// struct Countdown(u8);
///
/// impl AsyncRead for Countdown {
///     fn poll_read(
///         mut self: Pin<&mut Self>,
///         _: &mut Context<'_>,
///         buf: &mut ReadBuf<'_>,
///     ) -> Poll<std::io::Result<()>> {
///         if self.0 > 0 && buf.remaining() > 0 {
///             self.0 -= 1;
///             buf.put_slice(&[self.0]);
///         }
///         Poll::Ready(Ok(()))
///     }
/// }
///
/// let mut memory = [0; 8];
/// let mut buf = ReadBuf::new(&mut memory);
/// let mut reader = Countdown(2);
/// for _ in 0..3 {
///     std::future::poll_fn(|cx| Pin::new(&mut reader).poll_read(cx, &mut buf)).await?;
/// }
/// assert_eq!(buf.filled(), [1, 0]);
/// # Ok(())
/// # }
/// ```
pub trait AsyncRead {
    /// Appends some bytes to the filled part of `buf`, at most as many as are free.
    ///
    /// If nothing was appended, then this is the end of the stream, or `buf` had nothing free. A reader that waits
    /// returns `Pending`, keeps the waker of `cx`, and has appended nothing. Only the latest waker is woken.
    ///
    /// Must not put another buffer in the place of `buf`. The methods of this crate panic if that happens.
    ///
    /// # Errors
    ///
    /// Returns what has gone wrong. Nothing was appended then.
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>>;
}

impl<T: AsyncRead + Unpin + ?Sized> AsyncRead for &mut T {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut **self).poll_read(cx, buf)
    }
}

impl<T: AsyncRead + Unpin + ?Sized> AsyncRead for Box<T> {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut **self).poll_read(cx, buf)
    }
}

impl<P> AsyncRead for Pin<P>
where
    P: DerefMut,
    P::Target: AsyncRead,
{
    #[inline]
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.as_deref_mut().poll_read(cx, buf)
    }
}

/// What was read is cut off from the start of the slice.
impl AsyncRead for &[u8] {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (now, later) = self.split_at(self.len().min(buf.remaining()));
        buf.put_slice(now);
        *self = later;
        Poll::Ready(Ok(()))
    }
}

/// A position behind the last byte is the end.
impl<T: AsRef<[u8]> + Unpin> AsyncRead for Cursor<T> {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let position = self.position();
        let all = self.get_ref().as_ref();
        let rest = usize::try_from(position).ok().and_then(|start| all.get(start..)).unwrap_or_default();
        let read = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..read]);
        self.set_position(position + read as u64);
        Poll::Ready(Ok(()))
    }
}
