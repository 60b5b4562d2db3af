//! A writer with a buffer.
//!
//! Invariants:
//! 1. `buf` never grows beyond its capacity. Its first `written` bytes are with the inner stream already.
//! 2. What does not fit waits until the whole buffer is written, so the order of the bytes is kept.
//!
//! In tokio: `io/util/buf_writer.rs`.

use crate::buf_reader::DEFAULT_CAPACITY;
use crate::charged::wrote_nothing;
use crate::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};
use pin_project_lite::pin_project;
use std::fmt;
use std::io::{self, ErrorKind, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// A writer with a buffer, so that small writes do not ask the system each time.
    ///
    /// It collects what is written until the buffer is full. A write that is as large as the buffer goes past it. What
    /// is in memory already needs no buffer.
    ///
    /// If the inner stream is a reader as well, so is this one.
    ///
    /// What is buffered is lost when this is dropped or unwrapped. So
    /// [`flush`](crate::AsyncWriteExt::flush) or [`shutdown`](crate::AsyncWriteExt::shutdown) first.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::{AsyncWriteExt, BufWriter};
    /// let mut writer = BufWriter::new(Vec::new());
    /// writer.write_all(b"tea").await?;
    /// assert_eq!((writer.buffer(), writer.get_ref().len()), (&b"tea"[..], 0));
    /// writer.flush().await?;
    /// assert_eq!(writer.into_inner(), b"tea");
    /// # Ok(())
    /// # }
    /// ```
    pub struct BufWriter<W> {
        #[pin]
        pub(crate) writer: W,
        pub(crate) buf: Vec<u8>,
        pub(crate) written: usize,
        pub(crate) seek: Seek,
    }
}

/// How far a seek has come.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seek {
    Idle,
    /// What is buffered has to be written before it.
    Asked(SeekFrom),
    /// The inner stream is on its way.
    Going,
}

impl<W: AsyncWrite> BufWriter<W> {
    /// Makes a writer with a buffer of 8 KiB.
    ///
    /// # Examples
    ///
    /// See [`BufWriter`].
    pub fn new(writer: W) -> BufWriter<W> {
        BufWriter::with_capacity(DEFAULT_CAPACITY, writer)
    }

    /// Makes a writer with a buffer of `capacity` bytes. With 0, nothing is buffered.
    pub fn with_capacity(capacity: usize, writer: W) -> BufWriter<W> {
        BufWriter { writer, buf: Vec::with_capacity(capacity), written: 0, seek: Seek::Idle }
    }
}

impl<W> BufWriter<W> {
    /// Returns the inner stream.
    pub fn get_ref(&self) -> &W {
        &self.writer
    }

    /// Returns the inner stream, mutably. What is written to it comes before what is buffered.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.writer
    }

    /// Returns the inner stream, pinned. What is written to it comes before what is buffered.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut W> {
        self.project().writer
    }

    /// Returns the inner stream. What is [buffered](BufWriter::buffer) is lost.
    pub fn into_inner(self) -> W {
        self.writer
    }

    /// Returns what is buffered.
    pub fn buffer(&self) -> &[u8] {
        &self.buf[self.written..]
    }

    /// Returns how many bytes fit into the buffer.
    fn free(&self) -> usize {
        self.buf.capacity() - self.buf.len()
    }
}

impl<W: AsyncWrite> BufWriter<W> {
    /// Writes the whole buffer.
    fn poll_empty(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut this = self.project();
        let result = loop {
            let rest = &this.buf[*this.written..];
            if rest.is_empty() {
                break Ok(());
            }
            match ready!(this.writer.as_mut().poll_write(cx, rest)) {
                Ok(0) => break Err(wrote_nothing()),
                Ok(written) => {
                    assert!(written <= rest.len(), "a writer has written more than there was");
                    *this.written += written;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Err(error) => break Err(error),
            }
        };
        this.buf.drain(..std::mem::take(this.written));
        Poll::Ready(result)
    }

    /// Writes what does not fit into the buffer as it is now.
    fn poll_write_large(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.as_mut().poll_room(cx, buf.len()))?;
        let this = self.project();
        if buf.len() >= this.buf.capacity() {
            return this.writer.poll_write(cx, buf);
        }
        this.buf.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    /// Makes room for so many bytes, which need not fit at all.
    #[inline]
    fn poll_room(self: Pin<&mut Self>, cx: &mut Context<'_>, len: usize) -> Poll<io::Result<()>> {
        if len > self.free() { self.poll_empty(cx) } else { Poll::Ready(Ok(())) }
    }
}

impl<W: AsyncWrite> AsyncWrite for BufWriter<W> {
    #[inline]
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        // Most writes fit, and are smaller than the buffer.
        if buf.len() > self.free() || buf.len() >= self.buf.capacity() {
            return self.poll_write_large(cx, buf);
        }
        self.project().buf.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_empty(cx))?;
        self.project().writer.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_empty(cx))?;
        self.project().writer.poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.writer.is_write_vectored() {
            let total = bufs.iter().fold(0, |total: usize, buf| total.saturating_add(buf.len()));
            ready!(self.as_mut().poll_room(cx, total))?;
            let this = self.project();
            if total >= this.buf.capacity() {
                return this.writer.poll_write_vectored(cx, bufs);
            }
            bufs.iter().for_each(|buf| this.buf.extend_from_slice(buf));
            return Poll::Ready(Ok(total));
        }
        // The inner stream takes single buffers. So the first decides whether it goes past the buffer.
        let mut bufs = bufs.iter().skip_while(|buf| buf.is_empty());
        let Some(first) = bufs.next() else { return Poll::Ready(Ok(0)) };
        ready!(self.as_mut().poll_room(cx, first.len()))?;
        if first.len() >= self.buf.capacity() {
            return self.project().writer.poll_write(cx, first);
        }
        let before = self.buf.len();
        self.as_mut().project().buf.extend_from_slice(first);
        for buf in bufs {
            if buf.len() > self.free() {
                break;
            }
            self.as_mut().project().buf.extend_from_slice(buf);
        }
        Poll::Ready(Ok(self.buf.len() - before))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

/// What is buffered is written before the position changes.
impl<W: AsyncWrite + AsyncSeek> AsyncSeek for BufWriter<W> {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        *self.project().seek = Seek::Asked(position);
        Ok(())
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        if matches!(self.seek, Seek::Idle) {
            return self.project().writer.poll_complete(cx);
        }
        let result = ready!(self.as_mut().poll_seek(cx));
        // If anything has failed, no seek is left behind.
        *self.project().seek = Seek::Idle;
        Poll::Ready(result)
    }
}

impl<W: AsyncWrite + AsyncSeek> BufWriter<W> {
    fn poll_seek(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        ready!(self.as_mut().poll_empty(cx))?;
        let mut this = self.project();
        if let Seek::Asked(position) = *this.seek {
            // The writes may not be done yet.
            ready!(this.writer.as_mut().poll_complete(cx))?;
            this.writer.as_mut().start_seek(position)?;
            *this.seek = Seek::Going;
        }
        this.writer.poll_complete(cx)
    }
}

/// Reads go past the buffer.
impl<W: AsyncWrite + AsyncRead> AsyncRead for BufWriter<W> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.project().writer.poll_read(cx, buf)
    }
}

impl<W: AsyncWrite + AsyncBufRead> AsyncBufRead for BufWriter<W> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.project().writer.poll_fill_buf(cx)
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        self.project().writer.consume(amount);
    }
}

impl<W: fmt::Debug> fmt::Debug for BufWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufWriter")
            .field("writer", &self.writer)
            .field("buffer", &format_args!("{}/{}", self.buf.len() - self.written, self.buf.capacity()))
            .finish()
    }
}
