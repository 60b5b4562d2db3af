//! What can be done with any reader.
//!
//! Each method has the name, the arguments and the result of std's `Read`. In tokio: `io/util/async_read_ext.rs`.

use super::charged::{Charged, poll_step};
use super::{AsyncRead, Chain, Take};
use futures_lite::AsyncReadExt as Lite;
use futures_lite::io::{ReadFuture, ReadVectoredFuture};
use futures_lite::stream::Stream;
use pin_project_lite::pin_project;
use std::io::{self, ErrorKind, IoSliceMut};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The extension methods of [`AsyncRead`].
///
/// Each read is charged to the [cooperative budget](crate::task::coop), even if the reader is of another crate. So a
/// loop over a reader that never has to wait gives way to other tasks.
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
    fn read<'a>(&'a mut self, buf: &'a mut [u8]) -> Charged<ReadFuture<'a, Self>>
    where
        Self: Unpin,
    {
        Charged::new(Lite::read(self, buf))
    }

    /// Reads like [`read`](AsyncReadExt::read), into several buffers. Each is filled before the next.
    ///
    /// # Errors
    ///
    /// Returns the errors of the reader.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped.
    fn read_vectored<'a>(
        &'a mut self,
        bufs: &'a mut [IoSliceMut<'a>],
    ) -> Charged<ReadVectoredFuture<'a, Self>>
    where
        Self: Unpin,
    {
        Charged::new(Lite::read_vectored(self, bufs))
    }

    /// Reads until `buf` is full.
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
    fn read_exact<'a>(&'a mut self, buf: &'a mut [u8]) -> ReadExact<'a, Self>
    where
        Self: Unpin,
    {
        ReadExact { reader: self, buf }
    }

    /// Reads up to the end, and appends all of it to `buf`. Returns the number of bytes.
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
        ReadToEnd { reader: self, start: buf.len(), buf, step: FIRST_STEP }
    }

    /// Reads up to the end, and appends all of it to `buf`. Returns the number of bytes.
    ///
    /// # Errors
    ///
    /// Returns `InvalidData` if the bytes are not UTF-8: `buf` is unchanged then. After an error of the reader, `buf`
    /// holds what was read until then, except for an incomplete character.
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
        ReadToString { reader: self, text: Text::new(buf), step: FIRST_STEP }
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
        Lite::take(self, limit)
    }

    /// Makes a stream of the bytes. The reader should be buffered.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::{AsyncReadExt, StreamExt};
    /// let mut bytes = (&b"tea"[..]).bytes();
    /// assert_eq!(bytes.next().await.transpose()?, Some(b't'));
    /// # Ok(())
    /// # }
    /// ```
    fn bytes(self) -> Bytes<Self>
    where
        Self: Sized,
    {
        Bytes { reader: self }
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
    fn chain<R: AsyncRead>(self, next: R) -> Chain<Self, R>
    where
        Self: Sized,
    {
        Lite::chain(self, next)
    }

    /// Puts the reader in a box, and erases its type.
    fn boxed_reader<'a>(self) -> Pin<Box<dyn AsyncRead + Send + 'a>>
    where
        Self: Sized + Send + 'a,
    {
        Box::pin(self)
    }
}

impl<R: AsyncRead + ?Sized> AsyncReadExt for R {}

/// The future of [`AsyncReadExt::read_exact`].
#[derive(Debug)]
#[must_use = "it does nothing unless it is awaited"]
pub struct ReadExact<'a, R: ?Sized> {
    reader: &'a mut R,
    buf: &'a mut [u8],
}

impl<R: AsyncRead + Unpin + ?Sized> Future for ReadExact<'_, R> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ReadExact { reader, buf } = &mut *self;
        while !buf.is_empty() {
            let read = ready!(poll_step(cx, |cx| Pin::new(&mut **reader).poll_read(cx, buf)))?;
            if read == 0 {
                return Poll::Ready(Err(ErrorKind::UnexpectedEof.into()));
            }
            *buf = &mut mem::take(buf)[read..];
        }
        Poll::Ready(Ok(()))
    }
}

/// As many bytes are asked for at first, and more as long as the reader fills all of them.
const FIRST_STEP: usize = 8 * 1024;
const LARGEST_STEP: usize = 256 * 1024;

/// The future of [`AsyncReadExt::read_to_end`].
#[derive(Debug)]
#[must_use = "it does nothing unless it is awaited"]
pub struct ReadToEnd<'a, R: ?Sized> {
    reader: &'a mut R,
    buf: &'a mut Vec<u8>,
    /// The length of `buf` at the start.
    start: usize,
    step: usize,
}

impl<R: AsyncRead + Unpin + ?Sized> Future for ReadToEnd<'_, R> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let ReadToEnd { reader, buf, start, step } = &mut *self;
        ready!(poll_to_end(Pin::new(&mut **reader), cx, buf, step))?;
        Poll::Ready(Ok(buf.len() - *start))
    }
}

fn poll_to_end(
    mut reader: Pin<&mut (impl AsyncRead + ?Sized)>,
    cx: &mut Context<'_>,
    buf: &mut Vec<u8>,
    step: &mut usize,
) -> Poll<io::Result<()>> {
    loop {
        let room = Room::new(buf, *step);
        let len = room.buf.len() - room.filled;
        let read = ready!(poll_step(cx, |cx| reader.as_mut().poll_read(cx, &mut room.buf[room.filled..])))?;
        if read == 0 {
            return Poll::Ready(Ok(()));
        }
        room.keep(read);
        if read == len {
            *step = (*step * 2).min(LARGEST_STEP);
        }
    }
}

/// Room at the end of a vector. It is cut off again, even if a read panics.
struct Room<'a> {
    buf: &'a mut Vec<u8>,
    filled: usize,
}

impl Room<'_> {
    fn new(buf: &mut Vec<u8>, step: usize) -> Room<'_> {
        let filled = buf.len();
        // Content that fits exactly should not double the vector just to find the end.
        buf.reserve(32);
        let room = (buf.capacity() - filled).min(step);
        buf.resize(filled + room, 0);
        Room { buf, filled }
    }

    fn keep(mut self, read: usize) {
        self.filled += read;
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.buf.truncate(self.filled);
    }
}

/// Bytes that are appended to a string. Complete characters are appended even if the future is dropped.
#[derive(Debug)]
pub(super) struct Text<'a> {
    pub(super) bytes: Vec<u8>,
    buf: &'a mut String,
}

impl<'a> Text<'a> {
    pub(super) fn new(buf: &'a mut String) -> Text<'a> {
        Text { bytes: Vec::new(), buf }
    }

    /// Ends it: all bytes have come.
    pub(super) fn finish(&mut self) -> io::Result<usize> {
        let bytes = mem::take(&mut self.bytes);
        let text = std::str::from_utf8(&bytes).map_err(|_| not_utf8())?;
        self.buf.push_str(text);
        Ok(bytes.len())
    }
}

impl Drop for Text<'_> {
    fn drop(&mut self) {
        if let Some(chunk) = self.bytes.utf8_chunks().next() {
            self.buf.push_str(chunk.valid());
        }
    }
}

pub(super) fn not_utf8() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "what was read is not valid UTF-8: read it as bytes")
}

/// The future of [`AsyncReadExt::read_to_string`].
#[derive(Debug)]
#[must_use = "it does nothing unless it is awaited"]
pub struct ReadToString<'a, R: ?Sized> {
    reader: &'a mut R,
    text: Text<'a>,
    step: usize,
}

impl<R: AsyncRead + Unpin + ?Sized> Future for ReadToString<'_, R> {
    type Output = io::Result<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let ReadToString { reader, text, step } = &mut *self;
        ready!(poll_to_end(Pin::new(&mut **reader), cx, &mut text.bytes, step))?;
        Poll::Ready(text.finish())
    }
}

pin_project! {
    /// The stream of [`AsyncReadExt::bytes`].
    #[derive(Debug)]
    #[must_use = "streams do nothing unless they are polled"]
    pub struct Bytes<R> {
        #[pin]
        reader: R,
    }
}

impl<R: AsyncRead> Stream for Bytes<R> {
    type Item = io::Result<u8>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<u8>>> {
        let (mut byte, reader) = ([0], self.project().reader);
        let read = ready!(poll_step(cx, |cx| reader.poll_read(cx, &mut byte)));
        Poll::Ready(read.map(|read| (read > 0).then_some(byte[0])).transpose())
    }
}
