//! One read, into a slice or into a buffer of the crate `bytes`.
//!
//! In tokio: `io/util/{read,read_buf}.rs`.

use crate::AsyncRead;
use crate::charged::{poll_read_slice, poll_step};
use pin_project_lite::pin_project;
use std::io;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// The future of [`AsyncReadExt::read`](crate::AsyncReadExt::read).
    #[derive(Debug)]
    #[must_use = "it does nothing unless it is awaited"]
    pub struct Read<'a, R: ?Sized> {
        reader: &'a mut R,
        buf: &'a mut [u8],
        was_put_off: bool,
        #[pin]
        _pinned: PhantomPinned,
    }
}

impl<'a, R: ?Sized> Read<'a, R> {
    #[inline]
    pub(super) fn new(reader: &'a mut R, buf: &'a mut [u8]) -> Read<'a, R> {
        Read { reader, buf, was_put_off: false, _pinned: PhantomPinned }
    }
}

impl<R: AsyncRead + Unpin + ?Sized> Future for Read<'_, R> {
    type Output = io::Result<usize>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.project();
        let (reader, buf) = (Pin::new(&mut **this.reader), &mut **this.buf);
        poll_step(
            cx,
            this.was_put_off,
            #[inline(always)]
            |cx| poll_read_slice(reader, cx, buf),
        )
    }
}

#[cfg(feature = "bytes")]
pin_project! {
    /// The future of [`AsyncReadExt::read_buf`](crate::AsyncReadExt::read_buf).
    #[derive(Debug)]
    #[must_use = "it does nothing unless it is awaited"]
    pub struct ReadBuf<'a, R: ?Sized, B: ?Sized> {
        reader: &'a mut R,
        buf: &'a mut B,
        was_put_off: bool,
        #[pin]
        _pinned: PhantomPinned,
    }
}

#[cfg(feature = "bytes")]
impl<'a, R: ?Sized, B: ?Sized> ReadBuf<'a, R, B> {
    #[inline]
    pub(super) fn new(reader: &'a mut R, buf: &'a mut B) -> ReadBuf<'a, R, B> {
        ReadBuf { reader, buf, was_put_off: false, _pinned: PhantomPinned }
    }
}

#[cfg(feature = "bytes")]
impl<R, B> Future for ReadBuf<'_, R, B>
where
    R: AsyncRead + Unpin + ?Sized,
    B: bytes::BufMut + ?Sized,
{
    type Output = io::Result<usize>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.project();
        poll_step(cx, this.was_put_off, |cx| {
            if !this.buf.has_remaining_mut() {
                return Poll::Ready(Ok(0));
            }
            let reader = Pin::new(&mut **this.reader);
            crate::append::lend_chunk(&mut **this.buf, |buf| reader.poll_read(cx, buf))
        })
    }
}
