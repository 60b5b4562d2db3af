//! Bytes that gather until they are written.
//!
//! ```text
//! │ written │ waiting ───── high water ── … ── limit
//!           │             └ write before you make more
//! ```
//!
//! A `BufWriter` writes whenever it is full, so each piece has to be awaited. Here code that does not wait puts the pieces in, and only the writing is
//! awaited.

#[cfg(test)]
mod tests;

use crate::AsyncWrite;
use crate::charged::wrote_nothing;
use ayi_runtime::task::coop;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, ErrorKind, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The output of a server, gathered until the peer takes it, with a bound.
///
/// Answers to requests that came together leave together, by one write. Above the [high-water
/// mark](WriteBuffer::is_high), the server writes them before it makes more, so a client that sends requests and reads
/// no answers waits, and does not fill the memory. If the producer cannot wait, for example with messages for
/// subscribers, there is a [limit](WriteBuffer::with_limit) instead: what does not fit is refused, and such a slow
/// client should be disconnected.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// use ayi::io::WriteBuffer;
/// use std::io::Write;
///
/// let mut client = Vec::new(); // or a TcpStream
/// let mut output = WriteBuffer::new(16 * 1024);
/// for request in 0..10_000 {
///     writeln!(output, "answer {request}")?;
///     if output.is_high() {
///         output.write_to(&mut client).await?;
///     }
/// }
/// output.write_to(&mut client).await?; // before you wait for more requests
/// assert!(client.ends_with(b"answer 9999\n"));
/// # Ok(())
/// # }
/// ```
pub struct WriteBuffer {
    bytes: Vec<u8>,
    /// How many of the bytes are written.
    written: usize,
    high_water: usize,
    limit: usize,
}

impl WriteBuffer {
    /// Makes an empty buffer that is high from `high_water` bytes on. It allocates nothing before it has to, and when
    /// it is empty again it keeps no more than that.
    ///
    /// # Examples
    ///
    /// See [`WriteBuffer`].
    pub const fn new(high_water: usize) -> WriteBuffer {
        WriteBuffer { bytes: Vec::new(), written: 0, high_water, limit: usize::MAX }
    }

    /// Sets a limit: the buffer never holds more bytes than that.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::io::WriteBuffer;
    /// use std::io::Write;
    /// let mut messages = WriteBuffer::new(16 * 1024).with_limit(1024 * 1024);
    /// messages.write_all(&[0; 1024 * 1024])?;
    /// assert!(messages.write_all(b"x").is_err()); // cut this subscriber off
    /// # std::io::Result::Ok(())
    /// ```
    pub const fn with_limit(mut self, limit: usize) -> WriteBuffer {
        self.limit = limit;
        self
    }

    /// Returns the number of bytes that wait to be written.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::io::WriteBuffer;
    /// use std::io::Write;
    /// let mut output = WriteBuffer::new(4);
    /// output.write_all(b"tea")?;
    /// assert!(output.len() == 3 && !output.is_empty() && !output.is_high());
    /// output.write_all(b"!")?;
    /// assert!(output.is_high());
    /// output.clear();
    /// assert!(output.is_empty());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn len(&self) -> usize {
        self.bytes.len() - self.written
    }

    /// Returns whether no bytes wait to be written.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Returns whether so many bytes wait that they should be written before there are more.
    pub fn is_high(&self) -> bool {
        self.len() >= self.high_water
    }

    /// Discards the bytes that wait.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(self.high_water);
        self.written = 0;
    }

    /// Writes all bytes that wait.
    ///
    /// # Errors
    ///
    /// Returns the errors of the writer, and `WriteZero` if it takes no more. What it took before that is gone from the
    /// buffer.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, what has not been written is still there. So it can stand in a `select!` with a read.
    ///
    /// # Examples
    ///
    /// See [`WriteBuffer`].
    pub async fn write_to<W: AsyncWrite + Unpin + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        poll_fn(|cx| self.poll_write_to(Pin::new(&mut *writer), cx)).await
    }

    /// Polls for the buffer to be written, like [`write_to`](WriteBuffer::write_to).
    ///
    /// # Errors
    ///
    /// Fails like [`write_to`](WriteBuffer::write_to).
    pub fn poll_write_to<W: AsyncWrite + ?Sized>(
        &mut self,
        mut writer: Pin<&mut W>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.written < self.bytes.len() {
            let waiting = &self.bytes[self.written..];
            match ready!(coop::poll_composed(cx, &mut false, |cx| writer.as_mut().poll_write(cx, waiting)))? {
                0 => return Poll::Ready(Err(wrote_nothing())),
                n => self.written += n,
            }
        }
        self.clear();
        coop::poll_composed(cx, &mut false, |cx| writer.poll_flush(cx))
    }
}

/// A write puts in all of its bytes, or none and fails. So the buffer never ends in the middle of a piece that was
/// refused.
///
/// `write!` and `writeln!` put in several pieces. Near a limit, put what belongs together into one.
impl Write for WriteBuffer {
    #[inline]
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.write_all(piece).map(|()| piece.len())
    }

    #[inline]
    fn write_all(&mut self, piece: &[u8]) -> io::Result<()> {
        if piece.len() > self.limit - self.len() {
            return Err(self.is_full(piece.len()));
        }
        if piece.len() > self.bytes.capacity() - self.bytes.len() {
            self.make_room();
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// Does nothing: see [`write_to`](WriteBuffer::write_to).
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl WriteBuffer {
    /// Moves the bytes to the front before the buffer grows. For a few bytes it does not: they would be moved again and
    /// again.
    #[cold]
    fn make_room(&mut self) {
        if self.written > self.bytes.len() / 2 {
            self.bytes.drain(..self.written);
            self.written = 0;
        }
    }

    #[cold]
    fn is_full(&self, more: usize) -> io::Error {
        let (len, limit) = (self.len(), self.limit);
        let text = format!(
            "{len} bytes wait until the peer takes them, and {more} more would be over the limit of {limit}: it reads \
             too slowly, close the connection"
        );
        io::Error::new(ErrorKind::StorageFull, text)
    }
}

impl fmt::Debug for WriteBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteBuffer")
            .field("len", &self.len())
            .field("high_water", &self.high_water)
            .field("limit", &self.limit)
            .finish()
    }
}
