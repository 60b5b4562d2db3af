//! A reader that ends early.
//!
//! In tokio: `io/util/take.rs`.

use crate::{AsyncBufRead, AsyncRead, ReadBuf};
use pin_project_lite::pin_project;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// A reader that ends after so many bytes. [`take`](crate::AsyncReadExt::take) makes one.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::AsyncReadExt;
    /// let mut reader = (&b"teapot"[..]).take(3);
    /// let mut text = String::new();
    /// reader.read_to_string(&mut text).await?;
    /// assert_eq!((reader.limit(), reader.into_inner()), (0, &b"pot"[..]));
    /// # Ok(())
    /// # }
    /// ```
    #[derive(Debug)]
    #[must_use = "readers do nothing unless they are read"]
    pub struct Take<R> {
        #[pin]
        reader: R,
        limit: u64,
    }
}

impl<R> Take<R> {
    pub(crate) fn new(reader: R, limit: u64) -> Take<R> {
        Take { reader, limit }
    }

    /// Returns how many bytes are left until the limit. The reader may end before.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Sets how many bytes are left. What was read before does not count.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::AsyncReadExt;
    /// let mut reader = (&b"teapot"[..]).take(3);
    /// reader.read_to_end(&mut Vec::new()).await?;
    /// reader.set_limit(2);
    /// let mut text = String::new();
    /// reader.read_to_string(&mut text).await?;
    /// assert_eq!(text, "po");
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// Returns the reader.
    pub fn get_ref(&self) -> &R {
        &self.reader
    }

    /// Returns the reader, mutably. What is read from it does not count.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// Returns the reader, pinned. What is read from it does not count.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut R> {
        self.project().reader
    }

    /// Returns the reader.
    pub fn into_inner(self) -> R {
        self.reader
    }
}

/// Returns `limit` as a length in memory.
#[inline]
fn in_memory(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

impl<R: AsyncRead> AsyncRead for Take<R> {
    #[inline]
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // The reader is not asked: it might wait for what is not wanted.
        if self.limit == 0 {
            return Poll::Ready(Ok(()));
        }
        let this = self.project();
        let before = buf.filled().len();
        let result = buf.lend(in_memory(*this.limit), |part| this.reader.poll_read(cx, part));
        *this.limit -= (buf.filled().len() - before) as u64;
        result
    }
}

impl<R: AsyncBufRead> AsyncBufRead for Take<R> {
    #[inline]
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        if self.limit == 0 {
            return Poll::Ready(Ok(&[]));
        }
        let this = self.project();
        let available = ready!(this.reader.poll_fill_buf(cx))?;
        Poll::Ready(Ok(&available[..available.len().min(in_memory(*this.limit))]))
    }

    #[inline]
    fn consume(self: Pin<&mut Self>, amount: usize) {
        let this = self.project();
        // More was not shown.
        let amount = amount.min(in_memory(*this.limit));
        *this.limit -= amount as u64;
        this.reader.consume(amount);
    }
}
