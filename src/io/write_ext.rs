//! What can be done with any writer, and with any stream that has a position.
//!
//! Each method has the name, the arguments and the result of std's `Write` or `Seek`. In tokio:
//! `io/util/async_{write,seek}_ext.rs`.

use super::charged::{Charged, poll_step, wrote_nothing};
use super::{AsyncSeek, AsyncWrite};
use futures_lite::io::{CloseFuture, FlushFuture, SeekFuture, WriteFuture, WriteVectoredFuture};
use futures_lite::{AsyncSeekExt as LiteSeek, AsyncWriteExt as Lite};
use std::io::{self, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The extension methods of [`AsyncWrite`].
///
/// Each write is charged to the [cooperative budget](crate::task::coop), even if the writer is of another crate. So a
/// loop over a writer that never has to wait gives way to other tasks.
pub trait AsyncWriteExt: AsyncWrite {
    /// Writes some of the bytes, and returns their number.
    ///
    /// # Errors
    ///
    /// Returns the errors of the writer.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing has been written.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::AsyncWriteExt;
    /// let mut cup = Vec::new();
    /// assert_eq!(cup.write(b"tea").await?, 3);
    /// # Ok(())
    /// # }
    /// ```
    fn write<'a>(&'a mut self, buf: &'a [u8]) -> Charged<WriteFuture<'a, Self>>
    where
        Self: Unpin,
    {
        Charged::new(Lite::write(self, buf))
    }

    /// Writes like [`write`](AsyncWriteExt::write), from several buffers. Each is written before the next.
    ///
    /// # Errors
    ///
    /// Returns the errors of the writer.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing has been written.
    fn write_vectored<'a>(&'a mut self, bufs: &'a [IoSlice<'a>]) -> Charged<WriteVectoredFuture<'a, Self>>
    where
        Self: Unpin,
    {
        Charged::new(Lite::write_vectored(self, bufs))
    }

    /// Writes all of the bytes.
    ///
    /// # Errors
    ///
    /// Returns `WriteZero` if the writer takes no more, and the errors of the writer. A part may have been written.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: if the future is dropped, a part may have been written, and how much is unknown.
    /// [`WriteBuffer`](super::WriteBuffer) knows.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::AsyncWriteExt;
    /// let mut cup = Vec::new();
    /// cup.write_all(b"tea").await?;
    /// assert_eq!(cup, b"tea");
    /// # Ok(())
    /// # }
    /// ```
    fn write_all<'a>(&'a mut self, buf: &'a [u8]) -> WriteAll<'a, Self>
    where
        Self: Unpin,
    {
        WriteAll { writer: self, buf }
    }

    /// Writes what the writer has in buffers.
    ///
    /// # Errors
    ///
    /// Returns the errors of the writer.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the writer still has what it has not written.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::{AsyncWriteExt, BufWriter};
    /// let mut writer = BufWriter::new(Vec::new());
    /// writer.write_all(b"tea").await?;
    /// assert!(writer.get_ref().is_empty());
    /// writer.flush().await?;
    /// assert_eq!(writer.get_ref(), b"tea");
    /// # Ok(())
    /// # }
    /// ```
    fn flush(&mut self) -> Charged<FlushFuture<'_, Self>>
    where
        Self: Unpin,
    {
        Charged::new(Lite::flush(self))
    }

    /// Writes what the writer has in buffers, and ends the stream: the peer reads its end.
    ///
    /// # Errors
    ///
    /// Returns the errors of the writer.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the writer still has what it has not written. Another call continues with it.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::{AsyncReadExt, AsyncWriteExt, duplex};
    /// let (mut client, mut server) = duplex(64);
    /// client.close().await?;
    /// assert_eq!(server.read(&mut [0; 8]).await?, 0);
    /// # Ok(())
    /// # }
    /// ```
    fn close(&mut self) -> Charged<CloseFuture<'_, Self>>
    where
        Self: Unpin,
    {
        Charged::new(Lite::close(self))
    }

    /// Puts the writer in a box, and erases its type.
    fn boxed_writer<'a>(self) -> Pin<Box<dyn AsyncWrite + Send + 'a>>
    where
        Self: Sized + Send + 'a,
    {
        Box::pin(self)
    }
}

impl<W: AsyncWrite + ?Sized> AsyncWriteExt for W {}

/// The future of [`AsyncWriteExt::write_all`].
#[derive(Debug)]
#[must_use = "it does nothing unless it is awaited"]
pub struct WriteAll<'a, W: ?Sized> {
    writer: &'a mut W,
    buf: &'a [u8],
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for WriteAll<'_, W> {
    type Output = io::Result<()>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let WriteAll { writer, buf } = &mut *self;
        while !buf.is_empty() {
            let written = ready!(poll_step(cx, |cx| Pin::new(&mut **writer).poll_write(cx, buf)))?;
            if written == 0 {
                return Poll::Ready(Err(wrote_nothing()));
            }
            *buf = &buf[written..];
        }
        Poll::Ready(Ok(()))
    }
}

/// The extension methods of [`AsyncSeek`].
pub trait AsyncSeekExt: AsyncSeek {
    /// Goes to a position, in bytes, and returns how far it is from the start.
    ///
    /// # Errors
    ///
    /// Returns the errors of the stream, and `InvalidInput` for a position before the start.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the position is the old one or the new one.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::{AsyncReadExt, AsyncSeekExt, Cursor};
    /// let mut reader = Cursor::new(b"teapot");
    /// assert_eq!(reader.seek(std::io::SeekFrom::End(-3)).await?, 3);
    /// let mut text = String::new();
    /// reader.read_to_string(&mut text).await?;
    /// assert_eq!(text, "pot");
    /// # Ok(())
    /// # }
    /// ```
    fn seek(&mut self, to: SeekFrom) -> Charged<SeekFuture<'_, Self>>
    where
        Self: Unpin,
    {
        Charged::new(LiteSeek::seek(self, to))
    }
}

impl<S: AsyncSeek + ?Sized> AsyncSeekExt for S {}
