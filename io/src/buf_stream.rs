//! A stream with a buffer for each direction.
//!
//! In tokio: `io/util/buf_stream.rs`.

use crate::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, BufReader, BufWriter, ReadBuf};
use pin_project_lite::pin_project;
use std::io::{self, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// A stream that is a [`BufReader`] and a [`BufWriter`].
    ///
    /// What is buffered is lost when this is dropped or unwrapped, like with those. So
    /// [`flush`](crate::AsyncWriteExt::flush) or [`shutdown`](crate::AsyncWriteExt::shutdown) first.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::{AsyncBufReadExt, AsyncWriteExt, BufStream};
    /// use std::io::Cursor;
    /// let mut stream = BufStream::new(Cursor::new(b"green\n".to_vec()));
    /// let mut line = String::new();
    /// stream.read_line(&mut line).await?;
    /// stream.write_all(line.as_bytes()).await?;
    /// stream.flush().await?;
    /// assert_eq!(stream.into_inner().into_inner(), b"green\ngreen\n");
    /// # Ok(())
    /// # }
    /// ```
    #[derive(Debug)]
    pub struct BufStream<S> {
        #[pin]
        inner: BufReader<BufWriter<S>>,
    }
}

impl<S: AsyncRead + AsyncWrite> BufStream<S> {
    /// Makes a stream with two buffers of 8 KiB.
    ///
    /// # Examples
    ///
    /// See [`BufStream`].
    pub fn new(stream: S) -> BufStream<S> {
        BufStream { inner: BufReader::new(BufWriter::new(stream)) }
    }

    /// Makes a stream with two buffers of so many bytes.
    ///
    /// # Panics
    ///
    /// Panics if `reader_capacity` is 0.
    #[track_caller]
    pub fn with_capacity(reader_capacity: usize, writer_capacity: usize, stream: S) -> BufStream<S> {
        let writer = BufWriter::with_capacity(writer_capacity, stream);
        BufStream { inner: BufReader::with_capacity(reader_capacity, writer) }
    }
}

impl<S> BufStream<S> {
    /// Returns the inner stream.
    pub fn get_ref(&self) -> &S {
        self.inner.get_ref().get_ref()
    }

    /// Returns the inner stream, mutably. What is read from it is missing here, and what is written to it comes before
    /// what is buffered.
    pub fn get_mut(&mut self) -> &mut S {
        self.inner.get_mut().get_mut()
    }

    /// Returns the inner stream, pinned, like [`get_mut`](BufStream::get_mut).
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut S> {
        self.project().inner.get_pin_mut().get_pin_mut()
    }

    /// Returns the inner stream. What is buffered is lost.
    pub fn into_inner(self) -> S {
        self.inner.into_inner().into_inner()
    }
}

/// Both buffers keep what they hold.
impl<S> From<BufReader<BufWriter<S>>> for BufStream<S> {
    fn from(inner: BufReader<BufWriter<S>>) -> BufStream<S> {
        BufStream { inner }
    }
}

/// Both buffers keep what they hold.
impl<S> From<BufWriter<BufReader<S>>> for BufStream<S> {
    fn from(outer: BufWriter<BufReader<S>>) -> BufStream<S> {
        let BufWriter { writer: inner, buf, written, seek } = outer;
        let BufReader { reader, buf: read, start, end, seek: read_seek } = inner;
        let writer = BufWriter { writer: reader, buf, written, seek };
        BufStream { inner: BufReader { reader: writer, buf: read, start, end, seek: read_seek } }
    }
}

impl<S: AsyncRead + AsyncWrite> AsyncRead for BufStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite> AsyncBufRead for BufStream<S> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.project().inner.poll_fill_buf(cx)
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        self.project().inner.consume(amount);
    }
}

impl<S: AsyncRead + AsyncWrite> AsyncWrite for BufStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

/// What is buffered for writing is written before the position changes. What was read is discarded after it.
impl<S: AsyncRead + AsyncWrite + AsyncSeek> AsyncSeek for BufStream<S> {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        self.project().inner.start_seek(position)
    }

    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        self.project().inner.poll_complete(cx)
    }
}
