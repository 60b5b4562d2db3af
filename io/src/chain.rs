//! Two readers, one after the other.
//!
//! In tokio: `io/util/chain.rs`.

use crate::{AsyncBufRead, AsyncRead, ReadBuf};
use pin_project_lite::pin_project;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// A reader that continues with another one when the first has ended. [`chain`](crate::AsyncReadExt::chain) makes
    /// one.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::AsyncReadExt;
    /// let mut reader = (&b"tea"[..]).chain(&b"pot"[..]);
    /// let mut text = String::new();
    /// reader.read_to_string(&mut text).await?;
    /// assert_eq!(text, "teapot");
    /// # Ok(())
    /// # }
    /// ```
    #[derive(Debug)]
    #[must_use = "readers do nothing unless they are read"]
    pub struct Chain<T, U> {
        #[pin]
        first: T,
        #[pin]
        second: U,
        first_has_ended: bool,
    }
}

impl<T, U> Chain<T, U> {
    pub(crate) fn new(first: T, second: U) -> Chain<T, U> {
        Chain { first, second, first_has_ended: false }
    }

    /// Returns both readers.
    pub fn get_ref(&self) -> (&T, &U) {
        (&self.first, &self.second)
    }

    /// Returns both readers, mutably. What is read from them is missing here.
    pub fn get_mut(&mut self) -> (&mut T, &mut U) {
        (&mut self.first, &mut self.second)
    }

    /// Returns both readers, pinned. What is read from them is missing here.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> (Pin<&mut T>, Pin<&mut U>) {
        let this = self.project();
        (this.first, this.second)
    }

    /// Returns both readers.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::AsyncReadExt;
    /// let mut reader = (&b"tea"[..]).chain(&b"pot"[..]);
    /// reader.read_exact(&mut [0; 4]).await?;
    /// assert_eq!(reader.into_inner(), (&b""[..], &b"ot"[..]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_inner(self) -> (T, U) {
        (self.first, self.second)
    }
}

impl<T: AsyncRead, U: AsyncRead> AsyncRead for Chain<T, U> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        if !*this.first_has_ended {
            let free = buf.remaining();
            ready!(this.first.poll_read(cx, buf))?;
            // Where nothing is free, nothing comes, and that does not mean the end.
            if buf.remaining() != free || free == 0 {
                return Poll::Ready(Ok(()));
            }
            *this.first_has_ended = true;
        }
        this.second.poll_read(cx, buf)
    }
}

impl<T: AsyncBufRead, U: AsyncBufRead> AsyncBufRead for Chain<T, U> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.project();
        if !*this.first_has_ended {
            let available = ready!(this.first.poll_fill_buf(cx))?;
            if !available.is_empty() {
                return Poll::Ready(Ok(available));
            }
            *this.first_has_ended = true;
        }
        this.second.poll_fill_buf(cx)
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        let this = self.project();
        if *this.first_has_ended { this.second.consume(amount) } else { this.first.consume(amount) }
    }
}
