//! The lines of a reader.
//!
//! Invariant: what has been read of a line is kept here until the line is whole or the stream ends. So neither a
//! dropped future nor an error in the middle of a line loses it, and nothing is returned that was not sent.
//!
//! In tokio: `io/util/lines.rs`.

use super::read_until::poll_until;
use crate::AsyncBufRead;
use pin_project_lite::pin_project;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The lines of a reader, without their ends. [`lines`](crate::AsyncBufReadExt::lines) makes one.
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
    #[derive(Debug)]
    #[must_use = "streams do nothing unless they are polled"]
    pub struct Lines<R> {
        #[pin]
        reader: R,
        bytes: Vec<u8>,
        was_put_off: bool,
    }
}

impl<R> Lines<R> {
    pub(super) fn new(reader: R) -> Lines<R> {
        Lines { reader, bytes: Vec::new(), was_put_off: false }
    }

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

impl<R: AsyncBufRead> Lines<R> {
    /// Returns the next line, or `None` at the end.
    ///
    /// # Errors
    ///
    /// Returns the errors of the reader: the next call continues within the line. Returns `InvalidData`, with a
    /// [`FromUtf8Error`](std::string::FromUtf8Error) that holds the line, if the line is not UTF-8: the next call
    /// returns the line after it.
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
        ready!(poll_until(this.reader, cx, b'\n', this.bytes, this.was_put_off))?;
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
        let line = String::from_utf8(bytes).map_err(|error| io::Error::new(ErrorKind::InvalidData, error));
        Poll::Ready(line.map(Some))
    }
}
