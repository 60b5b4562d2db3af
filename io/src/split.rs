//! The two directions of any stream that reads and writes.
//!
//! Sockets have halves of their own, which cost less.
//!
//! The halves share the stream behind a mutex, which is held while one of them polls the stream. A stream whose poll
//! polls the other half would therefore wait for itself. The mutex is never held for longer than a poll: halves in two
//! tasks of one thread never wait for it, and halves on two threads only for the length of a poll.
//!
//! The stream is in a box, which is pinned: so a stream that must not move needs no unsafe code here.
//!
//! In tokio: `io/split.rs`.

use crate::{AsyncRead, AsyncWrite, ReadBuf};
use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

/// Splits a stream into a half that reads and a half that writes, for two tasks.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// use ayi::io::{AsyncReadExt, AsyncWriteExt, duplex, split};
///
/// let (ours, mut theirs) = duplex(64);
/// let (mut read, mut write) = split(ours);
/// let writer = ayi::spawn(async move { write.write_all(b"tea").await });
/// let mut buf = [0; 3];
/// theirs.read_exact(&mut buf).await?;
/// theirs.write_all(&buf).await?;
/// read.read_exact(&mut buf).await?;
/// # writer.await?
/// # }
/// ```
pub fn split<S: AsyncRead + AsyncWrite>(stream: S) -> (ReadHalf<S>, WriteHalf<S>) {
    let is_write_vectored = stream.is_write_vectored();
    let stream = Arc::new(Mutex::new(Box::pin(stream)));
    (ReadHalf { stream: stream.clone() }, WriteHalf { stream, is_write_vectored })
}

/// A stream that its halves share.
type Shared<S> = Arc<Mutex<Pin<Box<S>>>>;

/// The half of a stream that reads. [`split`] makes one.
pub struct ReadHalf<S> {
    stream: Shared<S>,
}

/// The half of a stream that writes. [`split`] makes one. Dropping it does not close that direction.
pub struct WriteHalf<S> {
    stream: Shared<S>,
    is_write_vectored: bool,
}

impl<S> ReadHalf<S> {
    /// Returns whether these are the two halves of one stream.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::{duplex, split};
    /// let ((reader, writer), (_, another)) = (split(duplex(8).0), split(duplex(8).0));
    /// assert!(reader.is_pair_of(&writer) && writer.is_pair_of(&reader));
    /// assert!(!reader.is_pair_of(&another));
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_pair_of(&self, other: &WriteHalf<S>) -> bool {
        Arc::ptr_eq(&self.stream, &other.stream)
    }

    /// Joins the two halves to the stream again.
    ///
    /// # Panics
    ///
    /// Panics if they are halves of different streams. [`is_pair_of`](ReadHalf::is_pair_of) tells.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::{DuplexStream, duplex, split};
    /// let (reader, writer) = split(duplex(8).0);
    /// let whole: DuplexStream = reader.unsplit(writer);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn unsplit(self, write: WriteHalf<S>) -> S
    where
        S: Unpin,
    {
        assert!(self.is_pair_of(&write), "unsplit: these halves are of different streams");
        drop(write);
        let stream = Arc::into_inner(self.stream).expect("a stream has two halves, and both are here");
        *Pin::into_inner(stream.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S> WriteHalf<S> {
    /// Returns whether these are the two halves of one stream.
    pub fn is_pair_of(&self, other: &ReadHalf<S>) -> bool {
        other.is_pair_of(self)
    }
}

fn with<S, R>(stream: &Shared<S>, f: impl FnOnce(Pin<&mut S>) -> R) -> R {
    // A poll that panicked has left the stream in some state. What that state is worth is the stream's own affair.
    f(stream.lock().unwrap_or_else(PoisonError::into_inner).as_mut())
}

impl<S: AsyncRead> AsyncRead for ReadHalf<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        with(&self.stream, |stream| stream.poll_read(cx, buf))
    }
}

impl<S: AsyncWrite> AsyncWrite for WriteHalf<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        with(&self.stream, |stream| stream.poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with(&self.stream, |stream| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with(&self.stream, |stream| stream.poll_shutdown(cx))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        with(&self.stream, |stream| stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.is_write_vectored
    }
}

impl<S> fmt::Debug for ReadHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadHalf")
    }
}

impl<S> fmt::Debug for WriteHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WriteHalf")
    }
}
