//! Streams that implement the traits of `futures-io`, for hyper.
//!
//! In tokio: `hyper_util::rt::TokioIo`, for streams that implement tokio's.

use futures_io::{AsyncRead, AsyncWrite};
use hyper::rt::{Read, ReadBufCursor, Write};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// At most this much is read at once, because it has to be initialised each time. hyper begins with as much.
const READ: usize = 8 * 1024;

/// An adapter that lets hyper read and write a stream of [`futures_io::AsyncRead`] and [`futures_io::AsyncWrite`], for
/// example a TLS stream of `futures-rustls`.
///
/// ayi's own streams need no adapter, and are faster without one.
///
/// # Examples
///
/// ```
/// use hyper::rt::{Read, Write};
/// fn for_hyper(_: impl Read + Write + Unpin) {}
/// for_hyper(ayi::hyper::FuturesIo(ayi::io::Cursor::new(vec![0; 16])));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FuturesIo<T>(
    /// The stream.
    pub T,
);

impl<T: AsyncRead + Unpin> Read for FuturesIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut room = [0; READ];
        let len = buf.remaining().min(READ);
        let read = ready!(Pin::new(&mut self.0).poll_read(cx, &mut room[..len]))?;
        buf.put_slice(&room[..read]);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> Write for FuturesIo<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }

    /// Vectored writes are off: the traits of `futures-io` cannot tell whether more than the first piece would be
    /// taken, and hyper had better join the pieces itself than write one at a time.
    fn is_write_vectored(&self) -> bool {
        false
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }
}
