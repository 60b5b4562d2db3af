//! What bytes can be read from, and looked at before that.
//!
//! In tokio: `io/async_buf_read.rs`.

use crate::AsyncRead;
use std::io::{self, BufRead, Cursor};
use std::ops::DerefMut;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A reader with a buffer of its own, whose content can be seen.
///
/// This is [`std::io::BufRead`] without blocking. Users call the methods of
/// [`AsyncBufReadExt`](crate::AsyncBufReadExt), such as `lines`. A [`BufReader`](crate::BufReader) makes one of any
/// reader.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// use ayi::io::AsyncBufRead;
/// use std::pin::Pin;
/// let mut reader = &b"teapot"[..];
/// std::future::poll_fn(|cx| Pin::new(&mut reader).poll_fill_buf(cx).map_ok(drop)).await?;
/// Pin::new(&mut reader).consume(3);
/// assert_eq!(reader, b"pot");
/// # Ok(())
/// # }
/// ```
pub trait AsyncBufRead: AsyncRead {
    /// Returns what is in the buffer, and reads first if the buffer is empty. An empty result is the end of the
    /// stream.
    ///
    /// The same bytes are returned again until they are [consumed](AsyncBufRead::consume). A reader that waits returns
    /// `Pending`, and keeps the waker of `cx`.
    ///
    /// # Errors
    ///
    /// Returns what has gone wrong while reading.
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>>;

    /// Marks the first `amount` bytes of the buffer as used, so that they are not returned again.
    ///
    /// They must be among those that [`poll_fill_buf`](AsyncBufRead::poll_fill_buf) has returned. For others, a reader
    /// may panic.
    fn consume(self: Pin<&mut Self>, amount: usize);
}

impl<T: AsyncBufRead + Unpin + ?Sized> AsyncBufRead for &mut T {
    #[inline]
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        Pin::new(&mut **self.get_mut()).poll_fill_buf(cx)
    }

    #[inline]
    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        Pin::new(&mut **self).consume(amount);
    }
}

impl<T: AsyncBufRead + Unpin + ?Sized> AsyncBufRead for Box<T> {
    #[inline]
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        Pin::new(&mut **self.get_mut()).poll_fill_buf(cx)
    }

    #[inline]
    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        Pin::new(&mut **self).consume(amount);
    }
}

impl<P> AsyncBufRead for Pin<P>
where
    P: DerefMut,
    P::Target: AsyncBufRead,
{
    #[inline]
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.as_deref_mut().poll_fill_buf(cx)
    }

    #[inline]
    fn consume(self: Pin<&mut Self>, amount: usize) {
        self.as_deref_mut().consume(amount);
    }
}

impl AsyncBufRead for &[u8] {
    #[inline]
    fn poll_fill_buf(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        Poll::Ready(Ok(*self))
    }

    #[inline]
    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        *self = &self[amount..];
    }
}

impl<T: AsRef<[u8]> + Unpin> AsyncBufRead for Cursor<T> {
    #[inline]
    fn poll_fill_buf(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        Poll::Ready(self.get_mut().fill_buf())
    }

    #[inline]
    fn consume(self: Pin<&mut Self>, amount: usize) {
        BufRead::consume(self.get_mut(), amount);
    }
}
