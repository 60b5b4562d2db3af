//! Streams that implement the traits of `futures-io`, as streams of ayi.
//!
//! In tokio: `tokio_util::compat`.

use crate::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// At most this much is read at once into memory that was never written, because zeros are written there first.
const READ: usize = 8 * 1024;

/// An adapter for a stream of [`futures_io::AsyncRead`] and [`futures_io::AsyncWrite`], for example a TLS stream of
/// `futures-rustls`: it reads and writes as a stream of ayi.
///
/// So it also has the traits of hyper and tokio, with the features of these names. ayi's own streams need no adapter in
/// either direction.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// use ayi::io::{AsyncReadExt, FuturesIo};
/// let of_another_crate = futures::io::Cursor::new(b"tea");
/// let mut text = String::new();
/// FuturesIo(of_another_crate).read_to_string(&mut text).await?;
/// assert_eq!(text, "tea");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FuturesIo<T>(
    /// The stream.
    pub T,
);

impl<T: futures_io::AsyncRead + Unpin> AsyncRead for FuturesIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let known = buf.initialized().len() - buf.filled().len();
        let room = buf.initialize_unfilled_to(buf.remaining().min(known.max(READ)));
        let read = ready!(Pin::new(&mut self.0).poll_read(cx, room))?;
        buf.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl<T: futures_io::AsyncBufRead + Unpin> AsyncBufRead for FuturesIo<T> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        Pin::new(&mut self.get_mut().0).poll_fill_buf(cx)
    }

    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        Pin::new(&mut self.0).consume(amount);
    }
}

/// `is_write_vectored` is `false`: the traits of `futures-io` cannot tell whether more than the first buffer would be
/// taken. It is better to copy the buffers into one than to write them one at a time.
impl<T: futures_io::AsyncWrite + Unpin> AsyncWrite for FuturesIo<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }
}
