//! One write, of one buffer or of several.
//!
//! In tokio: `io/util/{write,write_vectored}.rs`.

use crate::AsyncWrite;
use crate::charged::poll_step;
use pin_project_lite::pin_project;
use std::io::{self, IoSlice};
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// The future of [`AsyncWriteExt::write`](crate::AsyncWriteExt::write).
    #[derive(Debug)]
    #[must_use = "it does nothing unless it is awaited"]
    pub struct Write<'a, W: ?Sized> {
        writer: &'a mut W,
        buf: &'a [u8],
        was_put_off: bool,
        #[pin]
        _pinned: PhantomPinned,
    }
}

impl<'a, W: ?Sized> Write<'a, W> {
    #[inline]
    pub(super) fn new(writer: &'a mut W, buf: &'a [u8]) -> Write<'a, W> {
        Write { writer, buf, was_put_off: false, _pinned: PhantomPinned }
    }
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for Write<'_, W> {
    type Output = io::Result<usize>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.project();
        poll_step(cx, this.was_put_off, |cx| Pin::new(&mut **this.writer).poll_write(cx, this.buf))
    }
}

pin_project! {
    /// The future of [`AsyncWriteExt::write_vectored`](crate::AsyncWriteExt::write_vectored).
    #[derive(Debug)]
    #[must_use = "it does nothing unless it is awaited"]
    pub struct WriteVectored<'a, 'b, W: ?Sized> {
        writer: &'a mut W,
        bufs: &'a [IoSlice<'b>],
        was_put_off: bool,
        #[pin]
        _pinned: PhantomPinned,
    }
}

impl<'a, 'b, W: ?Sized> WriteVectored<'a, 'b, W> {
    #[inline]
    pub(super) fn new(writer: &'a mut W, bufs: &'a [IoSlice<'b>]) -> WriteVectored<'a, 'b, W> {
        WriteVectored { writer, bufs, was_put_off: false, _pinned: PhantomPinned }
    }
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for WriteVectored<'_, '_, W> {
    type Output = io::Result<usize>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.project();
        let writer = Pin::new(&mut **this.writer);
        poll_step(cx, this.was_put_off, |cx| writer.poll_write_vectored(cx, this.bufs))
    }
}
