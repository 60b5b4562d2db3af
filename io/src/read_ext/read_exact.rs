//! As many bytes as fit into a slice.
//!
//! In tokio: `io/util/read_exact.rs`.

use crate::AsyncRead;
use crate::charged::{early_end, poll_again, poll_read_slice};
use pin_project_lite::pin_project;
use std::io;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The future of [`AsyncReadExt::read_exact`](crate::AsyncReadExt::read_exact).
    #[derive(Debug)]
    #[must_use = "it does nothing unless it is awaited"]
    pub struct ReadExact<'a, R: ?Sized> {
        reader: &'a mut R,
        buf: &'a mut [u8],
        filled: usize,
        was_put_off: bool,
        #[pin]
        _pinned: PhantomPinned,
    }
}

impl<'a, R: ?Sized> ReadExact<'a, R> {
    #[inline]
    pub(super) fn new(reader: &'a mut R, buf: &'a mut [u8]) -> ReadExact<'a, R> {
        ReadExact { reader, buf, filled: 0, was_put_off: false, _pinned: PhantomPinned }
    }
}

impl<R: AsyncRead + Unpin + ?Sized> Future for ReadExact<'_, R> {
    type Output = io::Result<usize>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.project();
        let reader = Pin::new(&mut **this.reader);
        poll_fill(reader, cx, this.buf, this.filled, this.was_put_off)
    }
}

/// Reads until `buf` is full. `filled` is how much of it is.
#[inline]
pub(super) fn poll_fill(
    mut reader: Pin<&mut (impl AsyncRead + ?Sized)>,
    cx: &mut Context<'_>,
    buf: &mut [u8],
    filled: &mut usize,
    was_put_off: &mut bool,
) -> Poll<io::Result<usize>> {
    while *filled < buf.len() {
        let free = &mut buf[*filled..];
        let read = ready!(poll_again(cx, was_put_off, |cx| poll_read_slice(reader.as_mut(), cx, free)))?;
        if read == 0 {
            return Poll::Ready(Err(early_end()));
        }
        *filled += read;
    }
    Poll::Ready(Ok(buf.len()))
}
