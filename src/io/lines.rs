//! Streams of lines, and of pieces up to a byte.
//!
//! Invariant: what has been read of a piece is kept here until the piece is whole or the stream ends. So neither a
//! dropped future nor an error in the middle of a piece loses it, and nothing is returned that was not sent.
//!
//! In tokio: `io/util/{lines,split}.rs`.

use super::AsyncBufRead;
use super::buf_read_ext::poll_until;
use super::read_ext::not_utf8;
use futures_lite::stream::Stream;
use pin_project_lite::pin_project;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The lines of a reader, without their ends. [`lines`](super::AsyncBufReadExt::lines) makes one.
    ///
    /// A line ends with `\n` or `\r\n`; the last one may end with the stream. There is no limit to how long a line may
    /// be.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::AsyncBufReadExt;
    /// let mut lines = (&b"green\r\nblack"[..]).lines();
    /// while let Some(line) = lines.next_line().await? {
    ///     assert!(line == "green" || line == "black");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// It is a stream too:
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::{AsyncBufReadExt, StreamExt};
    /// let mut lines = (&b"green\nblack\n"[..]).lines();
    /// assert_eq!(lines.next().await.transpose()?.as_deref(), Some("green"));
    /// # Ok(())
    /// # }
    /// ```
    #[derive(Debug)]
    #[must_use = "streams do nothing unless they are polled"]
    pub struct Lines<R> {
        #[pin]
        reader: R,
        bytes: Vec<u8>,
    }
}

impl<R: AsyncBufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Lines<R> {
        Lines { reader, bytes: Vec::new() }
    }

    /// Returns the next line, or `None` at the end.
    ///
    /// # Errors
    ///
    /// Returns the errors of the reader. The next call continues within the line; if the reader ended with its error,
    /// that call returns the part of the line that was read. Returns `InvalidData` if a line is not UTF-8; the next
    /// call returns the line after it.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped.
    ///
    /// # Examples
    ///
    /// See [`Lines`].
    pub async fn next_line(&mut self) -> io::Result<Option<String>>
    where
        R: Unpin,
    {
        poll_fn(|cx| Pin::new(&mut *self).poll_next_line(cx)).await
    }

    /// Polls for the next line, like [`next_line`](Lines::next_line).
    ///
    /// # Errors
    ///
    /// Fails like [`next_line`](Lines::next_line).
    pub fn poll_next_line(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<Option<String>>> {
        let this = self.project();
        ready!(poll_until(this.reader, cx, b'\n', this.bytes))?;
        let mut bytes = mem::take(this.bytes);
        if bytes.is_empty() {
            return Poll::Ready(Ok(None));
        }
        if bytes.ends_with(b"\n") {
            bytes.pop();
            if bytes.ends_with(b"\r") {
                bytes.pop();
            }
        }
        Poll::Ready(String::from_utf8(bytes).map(Some).map_err(|_| not_utf8()))
    }
}

impl<R> Lines<R> {
    /// Returns the reader.
    pub fn get_ref(&self) -> &R {
        &self.reader
    }

    /// Returns the reader, mutably. What is read from it is missing in the lines.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// Returns the reader. What was read of an incomplete line is lost.
    pub fn into_inner(self) -> R {
        self.reader
    }
}

impl<R: AsyncBufRead> Stream for Lines<R> {
    type Item = io::Result<String>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<String>>> {
        self.poll_next_line(cx).map(Result::transpose)
    }
}

pin_project! {
    /// The pieces of a reader between bytes of one kind. [`split`](super::AsyncBufReadExt::split) makes one.
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
    }
}

impl<R: AsyncBufRead> Split<R> {
    pub(super) fn new(reader: R, byte: u8) -> Split<R> {
        Split { reader, byte, bytes: Vec::new() }
    }

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
        ready!(poll_until(this.reader, cx, *this.byte, this.bytes))?;
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

impl<R: AsyncBufRead> Stream for Split<R> {
    type Item = io::Result<Vec<u8>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Vec<u8>>>> {
        self.poll_next_segment(cx).map(Result::transpose)
    }
}
