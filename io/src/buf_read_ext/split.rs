//! The pieces of a reader between bytes of one kind.
//!
//! Invariant: what has been read of a piece is kept here until the piece is whole or the stream ends, like in `lines`.
//!
//! In tokio: `io/util/split.rs`.

use super::read_until::poll_until;
use crate::AsyncBufRead;
use pin_project_lite::pin_project;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The pieces of a reader between bytes of one kind. [`split`](crate::AsyncBufReadExt::split) makes one.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::{AsyncBufReadExt, BufReader};
    /// let mut pieces = BufReader::new(&b"green,black"[..]).split(b',');
    /// assert_eq!(pieces.next_segment().await?, Some(b"green".to_vec()));
    /// assert_eq!(pieces.next_segment().await?, Some(b"black".to_vec()));
    /// assert_eq!(pieces.next_segment().await?, None);
    /// # Ok(())
    /// # }
    /// ```
    #[derive(Debug)]
    #[must_use = "streams do nothing unless they are polled"]
    pub struct Split<R> {
        #[pin]
        reader: R,
        byte: u8,
        bytes: Vec<u8>,
        was_put_off: bool,
    }
}

impl<R> Split<R> {
    pub(super) fn new(reader: R, byte: u8) -> Split<R> {
        Split { reader, byte, bytes: Vec::new(), was_put_off: false }
    }

    /// Returns the reader.
    pub fn get_ref(&self) -> &R {
        &self.reader
    }

    /// Returns the reader, mutably. What is read from it is missing in the pieces.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// Returns the reader. What was read of an incomplete piece is lost.
    pub fn into_inner(self) -> R {
        self.reader
    }
}

impl<R: AsyncBufRead> Split<R> {
    /// Returns the next piece, or `None` at the end.
    ///
    /// # Errors
    ///
    /// Returns the errors of the reader. The next call continues within the piece; if the reader ended with its error,
    /// that call returns the part of the piece that was read.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped.
    ///
    /// # Examples
    ///
    /// See [`Split`].
    pub async fn next_segment(&mut self) -> io::Result<Option<Vec<u8>>>
    where
        R: Unpin,
    {
        poll_fn(|cx| Pin::new(&mut *self).poll_next_segment(cx)).await
    }

    /// Polls for the next piece, like [`next_segment`](Split::next_segment).
    ///
    /// # Errors
    ///
    /// Fails like [`next_segment`](Split::next_segment).
    pub fn poll_next_segment(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<Vec<u8>>>> {
        let this = self.project();
        ready!(poll_until(this.reader, cx, *this.byte, this.bytes, this.was_put_off))?;
        let mut bytes = mem::take(this.bytes);
        if bytes.is_empty() {
            return Poll::Ready(Ok(None));
        }
        if bytes.ends_with(&[*this.byte]) {
            bytes.pop();
        }
        Poll::Ready(Ok(Some(bytes)))
    }
}
