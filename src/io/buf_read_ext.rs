//! What can be done with any buffered reader: lines, and pieces up to a byte.
//!
//! Each method has the name, the arguments and the result of std's `BufRead`. In tokio: `io/util/async_buf_read_ext.rs`.

use super::AsyncBufRead;
use super::charged::poll_step;
use super::lines::{Lines, Split};
use super::read_ext::Text;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The extension methods of [`AsyncBufRead`].
///
/// Each is charged to the [cooperative budget](crate::task::coop), even if its whole result is already buffered. So a
/// loop over a large buffer gives way to other tasks.
pub trait AsyncBufReadExt: AsyncBufRead {
    /// Returns what is in the buffer. If the buffer is empty, some bytes are read first. An empty result means the end.
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
    fn fill_buf(&mut self) -> FillBuf<'_, Self>
    where
        Self: Unpin,
    {
        FillBuf { reader: Some(self) }
    }

    /// Marks `amount` bytes of the buffer as used.
    fn consume(&mut self, amount: usize)
    where
        Self: Unpin,
    {
        AsyncBufRead::consume(Pin::new(self), amount);
    }

    /// Reads up to and including `byte`, or up to the end, and appends that to `buf`. Returns the number of bytes.
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
        ReadUntil { reader: self, byte, start: buf.len(), buf }
    }

    /// Reads a line with its end, or up to the end of the stream, and appends it to `buf`. Returns the number of bytes:
    /// 0 is the end.
    ///
    /// There is no limit to how long a line may be: [`take`](super::AsyncReadExt::take) sets one.
    ///
    /// # Errors
    ///
    /// Returns `InvalidData` if the line is not UTF-8: `buf` is unchanged then, and the line is lost. After an error of
    /// the reader, `buf` holds what was read until then, except for an incomplete character.
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
        ReadLine { reader: self, text: Text::new(buf) }
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

/// The future of [`AsyncBufReadExt::fill_buf`].
#[derive(Debug)]
#[must_use = "it does nothing unless it is awaited"]
pub struct FillBuf<'a, R: ?Sized> {
    /// `None` once it is done.
    reader: Option<&'a mut R>,
}

impl<'a, R: AsyncBufRead + Unpin + ?Sized> Future for FillBuf<'a, R> {
    type Output = io::Result<&'a [u8]>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&'a [u8]>> {
        let reader = self.reader.as_mut().expect("a FillBuf is not polled again after it is done");
        if ready!(poll_step(cx, |cx| Pin::new(&mut **reader).poll_fill_buf(cx)))?.is_empty() {
            return Poll::Ready(Ok(&[]));
        }
        let reader = self.reader.take().expect("it is there, see above");
        // The bytes are still in the buffer. This second call borrows them for as long as the reader is borrowed.
        match Pin::new(reader).poll_fill_buf(cx) {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => panic!("this reader had bytes in its buffer, and has lost them"),
        }
    }
}

/// The future of [`AsyncBufReadExt::read_until`].
#[derive(Debug)]
#[must_use = "it does nothing unless it is awaited"]
pub struct ReadUntil<'a, R: ?Sized> {
    reader: &'a mut R,
    byte: u8,
    buf: &'a mut Vec<u8>,
    /// The length of `buf` at the start.
    start: usize,
}

impl<R: AsyncBufRead + Unpin + ?Sized> Future for ReadUntil<'_, R> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let ReadUntil { reader, byte, buf, start } = &mut *self;
        ready!(poll_until(Pin::new(&mut **reader), cx, *byte, buf))?;
        Poll::Ready(Ok(buf.len() - *start))
    }
}

/// The future of [`AsyncBufReadExt::read_line`].
#[derive(Debug)]
#[must_use = "it does nothing unless it is awaited"]
pub struct ReadLine<'a, R: ?Sized> {
    reader: &'a mut R,
    text: Text<'a>,
}

impl<R: AsyncBufRead + Unpin + ?Sized> Future for ReadLine<'_, R> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let ReadLine { reader, text } = &mut *self;
        ready!(poll_until(Pin::new(&mut **reader), cx, b'\n', &mut text.bytes))?;
        Poll::Ready(text.finish())
    }
}

/// Appends what comes up to `byte`, or up to the end. After an error or a wait it continues where it was.
pub(super) fn poll_until(
    mut reader: Pin<&mut (impl AsyncBufRead + ?Sized)>,
    cx: &mut Context<'_>,
    byte: u8,
    buf: &mut Vec<u8>,
) -> Poll<io::Result<()>> {
    loop {
        let filling = reader.as_mut();
        let available = ready!(poll_step(cx, |cx| filling.poll_fill_buf(cx)))?;
        let end = available.iter().position(|&here| here == byte);
        let used = end.map_or(available.len(), |end| end + 1);
        buf.extend_from_slice(&available[..used]);
        reader.as_mut().consume(used);
        if end.is_some() || used == 0 {
            return Poll::Ready(Ok(()));
        }
    }
}
