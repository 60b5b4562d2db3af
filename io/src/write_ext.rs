//! What can be done with any writer.
//!
//! In tokio: `io/util/async_write_ext.rs`.

#[cfg(feature = "bytes")]
mod chunks;
mod flush;
mod numbers;
mod write;
mod write_all;

use crate::AsyncWrite;
use flush::{Flush, Shutdown};
use numbers::{WriteNumber, write_numbers};
use std::io::IoSlice;
use write::{Write, WriteVectored};
use write_all::WriteAll;

/// The methods that every [`AsyncWrite`] has.
///
/// Those that std's `Write` has as well have the name and the meaning that they have there.
///
/// Each write is charged to the [cooperative budget](ayi_runtime::task::coop), also if the writer is of another crate.
/// So a loop over a writer that never has to wait gives way to other tasks.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// use ayi::io::AsyncWriteExt;
/// let mut cup = Vec::new();
/// cup.write_u16_le(1).await?;
/// cup.write_all(b"tea").await?;
/// assert_eq!(cup, b"\x01\x00tea");
/// # Ok(())
/// # }
/// ```
pub trait AsyncWriteExt: AsyncWrite {
    /// Writes some of the bytes, and returns their number. 0 means that the writer takes no more, unless `buf` is
    /// empty.
    ///
    /// # Errors
    ///
    /// Returns the errors of the writer. Nothing was written then.
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
    #[inline]
    fn write<'a>(&'a mut self, buf: &'a [u8]) -> Write<'a, Self>
    where
        Self: Unpin,
    {
        Write::new(self, buf)
    }

    /// Writes like [`write`](AsyncWriteExt::write), from several buffers. Each is written before the next.
    ///
    /// A writer may take a part of the first one only, see [`is_write_vectored`](AsyncWrite::is_write_vectored).
    ///
    /// # Errors
    ///
    /// Returns the errors of the writer. Nothing was written then.
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
    /// use std::io::IoSlice;
    /// let mut cup = Vec::new();
    /// assert_eq!(cup.write_vectored(&[IoSlice::new(b"green "), IoSlice::new(b"tea")]).await?, 9);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    fn write_vectored<'a, 'b>(&'a mut self, bufs: &'a [IoSlice<'b>]) -> WriteVectored<'a, 'b, Self>
    where
        Self: Unpin,
    {
        WriteVectored::new(self, bufs)
    }

    /// Writes some of the bytes of `buf`, and advances it by their number, which is returned.
    ///
    /// A writer that [takes several buffers](AsyncWrite::is_write_vectored) gets up to 64 pieces at once.
    ///
    /// # Errors
    ///
    /// Returns the errors of the writer. Nothing was written then.
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
    /// let (mut cup, mut buf) = (Vec::new(), &b"tea"[..]);
    /// assert_eq!(cup.write_buf(&mut buf).await?, 3);
    /// assert!(buf.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "bytes")]
    #[inline]
    fn write_buf<'a, B>(&'a mut self, buf: &'a mut B) -> chunks::WriteBuf<'a, Self, B>
    where
        Self: Sized + Unpin,
        B: bytes::Buf,
    {
        chunks::WriteBuf::new(self, buf)
    }

    /// Writes all bytes of `buf`, and advances it to its end.
    ///
    /// A write that a signal has interrupted is repeated.
    ///
    /// # Errors
    ///
    /// Returns `WriteZero` if the writer takes no more, and the errors of the writer. `buf` has advanced by what was
    /// written until then.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, `buf` has advanced by what was written until then. Another call continues with the
    /// rest.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::AsyncWriteExt;
    /// let mut cup = Vec::new();
    /// let mut buf = bytes::Buf::chain(&b"green "[..], &b"tea"[..]);
    /// cup.write_all_buf(&mut buf).await?;
    /// assert_eq!(cup, b"green tea");
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "bytes")]
    #[inline]
    fn write_all_buf<'a, B>(&'a mut self, buf: &'a mut B) -> chunks::WriteAllBuf<'a, Self, B>
    where
        Self: Sized + Unpin,
        B: bytes::Buf,
    {
        chunks::WriteAllBuf::new(self, buf)
    }

    /// Writes all of the bytes.
    ///
    /// A write that a signal has interrupted is repeated.
    ///
    /// # Errors
    ///
    /// Returns `WriteZero` if the writer takes no more, and the errors of the writer. A part may have been written.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: if the future is dropped, a part may have been written, and how much is unknown.
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
    #[inline]
    fn write_all<'a>(&'a mut self, buf: &'a [u8]) -> WriteAll<'a, Self>
    where
        Self: Unpin,
    {
        WriteAll::new(self, buf)
    }

    write_numbers! {
        write_u8 u8 to_be_bytes 1;
        write_i8 i8 to_be_bytes 1;
        write_u16 u16 to_be_bytes 2;
        write_i16 i16 to_be_bytes 2;
        write_u32 u32 to_be_bytes 4;
        write_i32 i32 to_be_bytes 4;
        write_u64 u64 to_be_bytes 8;
        write_i64 i64 to_be_bytes 8;
        write_u128 u128 to_be_bytes 16;
        write_i128 i128 to_be_bytes 16;
        write_f32 f32 to_be_bytes 4;
        write_f64 f64 to_be_bytes 8;
        write_u16_le u16 to_le_bytes 2;
        write_i16_le i16 to_le_bytes 2;
        write_u32_le u32 to_le_bytes 4;
        write_i32_le i32 to_le_bytes 4;
        write_u64_le u64 to_le_bytes 8;
        write_i64_le i64 to_le_bytes 8;
        write_u128_le u128 to_le_bytes 16;
        write_i128_le i128 to_le_bytes 16;
        write_f32_le f32 to_le_bytes 4;
        write_f64_le f64 to_le_bytes 8;
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
    #[inline]
    fn flush(&mut self) -> Flush<'_, Self>
    where
        Self: Unpin,
    {
        Flush::new(self)
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
    /// use ayi::io::{AsyncWriteExt, BufWriter};
    /// let mut writer = BufWriter::new(Vec::new());
    /// writer.write_all(b"tea").await?;
    /// writer.shutdown().await?;
    /// assert_eq!(writer.into_inner(), b"tea");
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    fn shutdown(&mut self) -> Shutdown<'_, Self>
    where
        Self: Unpin,
    {
        Shutdown::new(self)
    }
}

impl<W: AsyncWrite + ?Sized> AsyncWriteExt for W {}
