//! Streams that implement ayi's traits alone, for hyper.
//!
//! In tokio: `hyper_util::rt::TokioIo`.

use ayi_io::{AsyncRead, AsyncWrite, families};
use hyper::rt::{Read, ReadBufCursor, Write};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

/// An adapter that lets hyper read and write any stream of [`ayi::io::AsyncRead`](AsyncRead) and
/// [`AsyncWrite`]: one of your own, or a TLS stream that is generic over these traits.
///
/// ayi's own streams need no adapter.
///
/// # Examples
///
/// ```
/// use hyper::rt::{Read, Write};
/// fn for_hyper(_: impl Read + Write + Unpin) {}
/// for_hyper(ayi::hyper::Io(std::io::Cursor::new(vec![0; 16])));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Io<T>(
    /// The stream.
    pub T,
);

impl<T: AsyncRead + Unpin> Read for Io<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        families::hyper_read(Pin::new(&mut self.0), cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> Write for Io<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }
}
