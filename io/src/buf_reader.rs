//! A reader with a buffer.
//!
//! ```text
//! ├── was returned ──┼── buffered ──┼── free ──┤
//! 0                 start          end        capacity
//! ```
//!
//! Invariants:
//! 1. `start <= end <= buf.len()`.
//! 2. The position that the user sees is that of the inner stream, less what is buffered. Nothing buffered is
//!    discarded before the inner stream is known to be elsewhere: a seek that fails changes nothing that can be seen.
//!
//! In tokio: `io/util/buf_reader.rs`.

use crate::charged::poll_read_slice;
use crate::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};
use pin_project_lite::pin_project;
use std::fmt;
use std::io::{self, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The size of buffers, in bytes, where the user says nothing. std and tokio have the same.
pub(crate) const DEFAULT_CAPACITY: usize = 8 * 1024;

pin_project! {
    /// A reader with a buffer, so that small reads do not ask the system each time.
    ///
    /// It reads as much as fits, and returns it in pieces. A read that is as large as the buffer goes past it. Whoever
    /// reads all at once needs no buffer, and neither does what is in memory already.
    ///
    /// If the inner stream is a writer as well, so is this one: writes go past the buffer.
    ///
    /// What is buffered is lost when this is dropped or unwrapped. So use one for the whole life of a stream.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::{AsyncBufReadExt, BufReader};
    /// let mut lines = BufReader::new(&b"green\nblack"[..]).lines();
    /// assert_eq!(lines.next_line().await?.as_deref(), Some("green"));
    /// # Ok(())
    /// # }
    /// ```
    pub struct BufReader<R> {
        #[pin]
        pub(crate) reader: R,
        pub(crate) buf: Box<[u8]>,
        pub(crate) start: usize,
        pub(crate) end: usize,
        pub(crate) seek: Seek,
    }
}

/// How far a seek has come.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seek {
    Idle,
    /// The inner stream knows nothing of it yet.
    Asked(SeekFrom),
    /// The inner stream goes back over what is buffered. From there it will go on by so many bytes: both at once are
    /// less than `i64::MIN`.
    Back(i64),
    /// The inner stream is on its way.
    Going,
}

impl<R: AsyncRead> BufReader<R> {
    /// Makes a reader with a buffer of 8 KiB.
    ///
    /// # Examples
    ///
    /// See [`BufReader`].
    pub fn new(reader: R) -> BufReader<R> {
        BufReader::with_capacity(DEFAULT_CAPACITY, reader)
    }

    /// Makes a reader with a buffer of `capacity` bytes.
    ///
    /// # Panics
    ///
    /// Panics if `capacity` is 0.
    #[track_caller]
    pub fn with_capacity(capacity: usize, reader: R) -> BufReader<R> {
        assert!(capacity > 0, "the capacity must be greater than zero: nothing could be read");
        // Zeros, since there are readers that rely on it. The allocator mostly has memory that is zero.
        let buf = vec![0; capacity].into_boxed_slice();
        BufReader { reader, buf, start: 0, end: 0, seek: Seek::Idle }
    }
}

impl<R> BufReader<R> {
    /// Returns the inner stream.
    pub fn get_ref(&self) -> &R {
        &self.reader
    }

    /// Returns the inner stream, mutably. What is read from it is missing here.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// Returns the inner stream, pinned. What is read from it is missing here.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut R> {
        self.project().reader
    }

    /// Returns the inner stream. What is [buffered](BufReader::buffer) is lost.
    pub fn into_inner(self) -> R {
        self.reader
    }

    /// Returns what is buffered. It reads nothing: see [`fill_buf`](crate::AsyncBufReadExt::fill_buf).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::{AsyncReadExt, BufReader};
    /// let mut reader = BufReader::new(&b"teapot"[..]);
    /// reader.read_exact(&mut [0; 3]).await?;
    /// assert_eq!(reader.buffer(), b"pot");
    /// # Ok(())
    /// # }
    /// ```
    pub fn buffer(&self) -> &[u8] {
        &self.buf[self.start..self.end]
    }
}

impl<R: AsyncRead> AsyncRead for BufReader<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.start == self.end && buf.remaining() >= self.buf.len() {
            return self.project().reader.poll_read(cx, buf);
        }
        let available = ready!(self.as_mut().poll_fill_buf(cx))?;
        let read = available.len().min(buf.remaining());
        buf.put_slice(&available[..read]);
        self.consume(read);
        Poll::Ready(Ok(()))
    }
}

impl<R: AsyncRead> AsyncBufRead for BufReader<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.project();
        if *this.start == *this.end {
            let read = ready!(poll_read_slice(this.reader, cx, this.buf))?;
            (*this.start, *this.end) = (0, read);
        }
        Poll::Ready(Ok(&this.buf[*this.start..*this.end]))
    }

    #[inline]
    fn consume(self: Pin<&mut Self>, amount: usize) {
        let this = self.project();
        *this.start = this.start.saturating_add(amount).min(*this.end);
    }
}

/// What is buffered is discarded when another position is reached.
///
/// Before `poll_complete` has returned it, nothing should be read.
impl<R: AsyncRead + AsyncSeek> AsyncSeek for BufReader<R> {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        *self.project().seek = Seek::Asked(position);
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let mut this = self.project();
        loop {
            // If anything fails, no seek is left behind.
            let (step, next) = match std::mem::replace(this.seek, Seek::Idle) {
                Seek::Idle => return this.reader.poll_complete(cx),
                Seek::Asked(SeekFrom::Current(n)) => {
                    let buffered = (*this.end - *this.start) as i64;
                    match n.checked_sub(buffered) {
                        Some(offset) => (SeekFrom::Current(offset), Seek::Going),
                        None => (SeekFrom::Current(-buffered), Seek::Back(n)),
                    }
                }
                Seek::Asked(position) => (position, Seek::Going),
                under_way => {
                    let Poll::Ready(result) = this.reader.as_mut().poll_complete(cx) else {
                        *this.seek = under_way;
                        return Poll::Pending;
                    };
                    let position = result?;
                    // Invariant 2.
                    (*this.start, *this.end) = (0, 0);
                    match under_way {
                        Seek::Back(n) => (SeekFrom::Current(n), Seek::Going),
                        _ => return Poll::Ready(Ok(position)),
                    }
                }
            };
            this.reader.as_mut().start_seek(step)?;
            *this.seek = next;
        }
    }
}

/// Writes go past the buffer.
impl<R: AsyncRead + AsyncWrite> AsyncWrite for BufReader<R> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.project().reader.poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().reader.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().reader.poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().reader.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.reader.is_write_vectored()
    }
}

impl<R: fmt::Debug> fmt::Debug for BufReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufReader")
            .field("reader", &self.reader)
            .field("buffer", &format_args!("{}/{}", self.end - self.start, self.buf.len()))
            .finish()
    }
}
