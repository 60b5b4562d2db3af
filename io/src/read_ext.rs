//! What can be done with any reader.
//!
//! In tokio: `io/util/async_read_ext.rs`.

mod numbers;
mod read;
mod read_exact;
mod read_to_end;

use crate::{AsyncRead, Chain, Take};
use numbers::{ReadNumber, read_numbers};
use read::Read;
use read_exact::ReadExact;
use read_to_end::{ReadToEnd, ReadToString};

/// The methods that every [`AsyncRead`] has.
///
/// Those that std's `Read` has as well have the name and the meaning that they have there.
///
/// Each read is charged to the [cooperative budget](ayi_runtime::task::coop), also if the reader is of another crate.
/// So a loop over a reader that never has to wait gives way to other tasks.
///
/// # Panics
///
/// The methods panic if the reader breaks its contract, and exchanges the buffer that it was given for another one.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// use ayi::io::AsyncReadExt;
/// let mut reader = &b"\x01\x00teapot"[..];
/// assert_eq!(reader.read_u16_le().await?, 1);
/// let mut text = String::new();
/// reader.take(3).read_to_string(&mut text).await?;
/// assert_eq!(text, "tea");
/// # Ok(())
/// # }
/// ```
pub trait AsyncReadExt: AsyncRead {
    /// Reads some bytes into `buf`, and returns their number. 0 means the end, unless `buf` is empty.
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
    /// use ayi::io::AsyncReadExt;
    /// let mut reader = &b"tea"[..];
    /// let mut buf = [0; 2];
    /// assert_eq!((reader.read(&mut buf).await?, &buf), (2, b"te"));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    fn read<'a>(&'a mut self, buf: &'a mut [u8]) -> Read<'a, Self>
    where
        Self: Unpin,
    {
        Read::new(self, buf)
    }

    /// Reads some bytes, and appends them to `buf`. Returns their number: 0 means the end, unless `buf` has no room
    /// left.
    ///
    /// A vector and a `BytesMut` always have room: they grow. A slice has as much as it is long.
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
    /// use ayi::io::AsyncReadExt;
    /// let mut buf = b"green ".to_vec();
    /// assert_eq!((&b"tea"[..]).read_buf(&mut buf).await?, 3);
    /// assert_eq!(buf, b"green tea");
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "bytes")]
    #[inline]
    fn read_buf<'a, B>(&'a mut self, buf: &'a mut B) -> read::ReadBuf<'a, Self, B>
    where
        Self: Unpin,
        B: bytes::BufMut + ?Sized,
    {
        read::ReadBuf::new(self, buf)
    }

    /// Reads until `buf` is full, and returns its length.
    ///
    /// A read that a signal has interrupted is repeated.
    ///
    /// # Errors
    ///
    /// Returns `UnexpectedEof` if the reader ends before that, and the errors of the reader. `buf` holds what was read
    /// until then.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: if the future is dropped, some bytes may have been read into `buf`, and their number is
    /// unknown.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::AsyncReadExt;
    /// let mut buf = [0; 3];
    /// (&b"teapot"[..]).read_exact(&mut buf).await?;
    /// assert_eq!(&buf, b"tea");
    /// assert!((&b"t"[..]).read_exact(&mut buf).await.is_err());
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    fn read_exact<'a>(&'a mut self, buf: &'a mut [u8]) -> ReadExact<'a, Self>
    where
        Self: Unpin,
    {
        ReadExact::new(self, buf)
    }

    read_numbers! {
        read_u8 u8 from_be_bytes 1;
        read_i8 i8 from_be_bytes 1;
        read_u16 u16 from_be_bytes 2;
        read_i16 i16 from_be_bytes 2;
        read_u32 u32 from_be_bytes 4;
        read_i32 i32 from_be_bytes 4;
        read_u64 u64 from_be_bytes 8;
        read_i64 i64 from_be_bytes 8;
        read_u128 u128 from_be_bytes 16;
        read_i128 i128 from_be_bytes 16;
        read_f32 f32 from_be_bytes 4;
        read_f64 f64 from_be_bytes 8;
        read_u16_le u16 from_le_bytes 2;
        read_i16_le i16 from_le_bytes 2;
        read_u32_le u32 from_le_bytes 4;
        read_i32_le i32 from_le_bytes 4;
        read_u64_le u64 from_le_bytes 8;
        read_i64_le i64 from_le_bytes 8;
        read_u128_le u128 from_le_bytes 16;
        read_i128_le i128 from_le_bytes 16;
        read_f32_le f32 from_le_bytes 4;
        read_f64_le f64 from_le_bytes 8;
    }

    /// Reads up to the end, and appends all of it to `buf`. Returns the number of bytes.
    ///
    /// A vector into which everything fits is not made larger. A read that a signal has interrupted is repeated.
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
    /// use ayi::io::AsyncReadExt;
    /// let mut all = b"green ".to_vec();
    /// assert_eq!((&b"tea"[..]).read_to_end(&mut all).await?, 3);
    /// assert_eq!(all, b"green tea");
    /// # Ok(())
    /// # }
    /// ```
    fn read_to_end<'a>(&'a mut self, buf: &'a mut Vec<u8>) -> ReadToEnd<'a, Self>
    where
        Self: Unpin,
    {
        ReadToEnd::new(self, buf)
    }

    /// Reads up to the end, and appends all of it to `buf`. Returns the number of bytes.
    ///
    /// # Errors
    ///
    /// Returns `InvalidData`, with an [`Utf8Error`](std::str::Utf8Error) that counts from the start of `buf`, if the
    /// bytes are not UTF-8, and the errors of the reader. `buf` is unchanged then, and what was read is lost.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, `buf` holds what was read until then, except for an incomplete character.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::AsyncReadExt;
    /// let mut text = String::from("green ");
    /// assert_eq!((&b"tea"[..]).read_to_string(&mut text).await?, 3);
    /// assert_eq!(text, "green tea");
    /// # Ok(())
    /// # }
    /// ```
    fn read_to_string<'a>(&'a mut self, buf: &'a mut String) -> ReadToString<'a, Self>
    where
        Self: Unpin,
    {
        ReadToString::new(self, buf)
    }

    /// Makes a reader that ends after `limit` bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::AsyncReadExt;
    /// let mut text = String::new();
    /// (&b"teapot"[..]).take(3).read_to_string(&mut text).await?;
    /// assert_eq!(text, "tea");
    /// # Ok(())
    /// # }
    /// ```
    fn take(self, limit: u64) -> Take<Self>
    where
        Self: Sized,
    {
        Take::new(self, limit)
    }

    /// Makes a reader that continues with `next` when this one has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::AsyncReadExt;
    /// let mut text = String::new();
    /// (&b"tea"[..]).chain(&b"pot"[..]).read_to_string(&mut text).await?;
    /// assert_eq!(text, "teapot");
    /// # Ok(())
    /// # }
    /// ```
    fn chain<R>(self, next: R) -> Chain<Self, R>
    where
        Self: Sized,
        R: AsyncRead,
    {
        Chain::new(self, next)
    }
}

impl<R: AsyncRead + ?Sized> AsyncReadExt for R {}
