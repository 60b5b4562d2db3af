//! What can be done with any buffered reader: lines, and pieces up to a byte.
//!
//! In tokio: `io/util/async_buf_read_ext.rs`.

mod fill_buf;
mod lines;
mod read_until;
mod split;

use crate::AsyncBufRead;
use fill_buf::FillBuf;
use read_until::{ReadLine, ReadUntil};
use std::pin::Pin;

pub use lines::Lines;
pub use split::Split;

/// The methods that every [`AsyncBufRead`] has.
///
/// Those that std's `BufRead` has as well have the name and the meaning that they have there.
///
/// Each is charged to the [cooperative budget](ayi_runtime::task::coop), even if its whole result is already buffered.
/// So a loop over a large buffer gives way to other tasks.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// use ayi::io::AsyncBufReadExt;
/// let mut lines = (&b"green\nblack\n"[..]).lines();
/// assert_eq!(lines.next_line().await?.as_deref(), Some("green"));
/// assert_eq!(lines.next_line().await?.as_deref(), Some("black"));
/// assert_eq!(lines.next_line().await?, None);
/// # Ok(())
/// # }
/// ```
pub trait AsyncBufReadExt: AsyncBufRead {
    /// Returns what is in the buffer. If the buffer is empty, some bytes are read first. An empty result means the
    /// end.
    ///
    /// What the caller has used must be [consumed](AsyncBufReadExt::consume).
    ///
    /// # Errors
    ///
    /// Returns the errors of the reader.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::AsyncBufReadExt;
    /// let mut reader = &b"tea"[..];
    /// assert_eq!(reader.fill_buf().await?, b"tea");
    /// AsyncBufReadExt::consume(&mut reader, 3);
    /// assert_eq!(reader.fill_buf().await?, b"");
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    fn fill_buf(&mut self) -> FillBuf<'_, Self>
    where
        Self: Unpin,
    {
        FillBuf::new(self)
    }

    /// Marks `amount` bytes of the buffer as used, so that they are not returned again.
    ///
    /// # Examples
    ///
    /// See [`fill_buf`](AsyncBufReadExt::fill_buf).
    #[inline]
    fn consume(&mut self, amount: usize)
    where
        Self: Unpin,
    {
        AsyncBufRead::consume(Pin::new(self), amount);
    }

    /// Reads up to and including `byte`, or up to the end, and appends that to `buf`. Returns the number of bytes.
    ///
    /// There is no limit to how much that may be: [`take`](crate::AsyncReadExt::take) sets one. A read that a signal
    /// has interrupted is repeated.
    ///
    /// # Errors
    ///
    /// Returns the errors of the reader. `buf` holds what was read until then.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, `buf` holds what was read until then. Another call continues after it.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::AsyncBufReadExt;
    /// let (mut reader, mut piece) = (&b"green,black"[..], Vec::new());
    /// assert_eq!(reader.read_until(b',', &mut piece).await?, 6);
    /// assert_eq!(piece, b"green,");
    /// # Ok(())
    /// # }
    /// ```
    fn read_until<'a>(&'a mut self, byte: u8, buf: &'a mut Vec<u8>) -> ReadUntil<'a, Self>
    where
        Self: Unpin,
    {
        ReadUntil::new(self, byte, buf)
    }

    /// Reads a line with its end, or up to the end of the stream, and appends it to `buf`. Returns the number of
    /// bytes: 0 is the end.
    ///
    /// There is no limit to how long a line may be: [`take`](crate::AsyncReadExt::take) sets one. A read that a signal
    /// has interrupted is repeated.
    ///
    /// # Errors
    ///
    /// Returns `InvalidData`, with an [`Utf8Error`](std::str::Utf8Error) that counts from the start of `buf`, if the
    /// line is not UTF-8: `buf` is unchanged then, and the line is lost. After an error of the reader, `buf` holds
    /// what was read until then, except for an incomplete character. If that is not UTF-8, `buf` is unchanged.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, `buf` holds what was read until then, except for an incomplete character.
    /// [`lines`](AsyncBufReadExt::lines) loses nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::AsyncBufReadExt;
    /// let (mut reader, mut line) = (&b"green\nblack\n"[..], String::new());
    /// assert_eq!(reader.read_line(&mut line).await?, 6);
    /// assert_eq!(line, "green\n");
    /// # Ok(())
    /// # }
    /// ```
    fn read_line<'a>(&'a mut self, buf: &'a mut String) -> ReadLine<'a, Self>
    where
        Self: Unpin,
    {
        ReadLine::new(self, buf)
    }

    /// Returns the lines of the reader, without their ends.
    ///
    /// # Examples
    ///
    /// See [`Lines`].
    fn lines(self) -> Lines<Self>
    where
        Self: Sized,
    {
        Lines::new(self)
    }

    /// Returns the pieces of the reader between bytes equal to `byte`, which are left out.
    ///
    /// # Examples
    ///
    /// See [`Split`].
    fn split(self, byte: u8) -> Split<Self>
    where
        Self: Sized,
    {
        Split::new(self, byte)
    }
}

impl<R: AsyncBufRead + ?Sized> AsyncBufReadExt for R {}
