//! Flushing, and ending a stream.
//!
//! In tokio: `io/util/{flush,shutdown}.rs`.

use crate::AsyncWrite;
use crate::charged::poll_step;
use pin_project_lite::pin_project;
use std::io;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// The future of [`AsyncWriteExt::flush`](crate::AsyncWriteExt::flush).
    #[derive(Debug)]
    #[must_use = "it does nothing unless it is awaited"]
    pub struct Flush<'a, W: ?Sized> {
        writer: &'a mut W,
        was_put_off: bool,
        #[pin]
        _pinned: PhantomPinned,
    }
}

impl<'a, W: ?Sized> Flush<'a, W> {
    #[inline]
    pub(super) fn new(writer: &'a mut W) -> Flush<'a, W> {
        Flush { writer, was_put_off: false, _pinned: PhantomPinned }
    }
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for Flush<'_, W> {
    type Output = io::Result<()>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        poll_step(cx, this.was_put_off, |cx| Pin::new(&mut **this.writer).poll_flush(cx))
    }
}

pin_project! {
    /// The future of [`AsyncWriteExt::shutdown`](crate::AsyncWriteExt::shutdown).
    #[derive(Debug)]
    #[must_use = "it does nothing unless it is awaited"]
    pub struct Shutdown<'a, W: ?Sized> {
        writer: &'a mut W,
        was_put_off: bool,
        #[pin]
        _pinned: PhantomPinned,
    }
}

impl<'a, W: ?Sized> Shutdown<'a, W> {
    #[inline]
    pub(super) fn new(writer: &'a mut W) -> Shutdown<'a, W> {
        Shutdown { writer, was_put_off: false, _pinned: PhantomPinned }
    }
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for Shutdown<'_, W> {
    type Output = io::Result<()>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        poll_step(cx, this.was_put_off, |cx| Pin::new(&mut **this.writer).poll_shutdown(cx))
    }
}
