//! Writes until all is written.
//!
//! In tokio: `io/util/write_all.rs`.

use crate::AsyncWrite;
use crate::charged::{poll_again, wrote_nothing};
use pin_project_lite::pin_project;
use std::io;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The future of [`AsyncWriteExt::write_all`](crate::AsyncWriteExt::write_all).
    #[derive(Debug)]
    #[must_use = "it does nothing unless it is awaited"]
    pub struct WriteAll<'a, W: ?Sized> {
        writer: &'a mut W,
        buf: &'a [u8],
        was_put_off: bool,
        #[pin]
        _pinned: PhantomPinned,
    }
}

impl<'a, W: ?Sized> WriteAll<'a, W> {
    #[inline]
    pub(super) fn new(writer: &'a mut W, buf: &'a [u8]) -> WriteAll<'a, W> {
        WriteAll { writer, buf, was_put_off: false, _pinned: PhantomPinned }
    }
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for WriteAll<'_, W> {
    type Output = io::Result<()>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        poll_rest(Pin::new(&mut **this.writer), cx, this.buf, this.was_put_off)
    }
}

/// Writes until `rest` is empty. It holds what has not been written yet.
#[inline]
pub(super) fn poll_rest(
    mut writer: Pin<&mut (impl AsyncWrite + ?Sized)>,
    cx: &mut Context<'_>,
    rest: &mut &[u8],
    was_put_off: &mut bool,
) -> Poll<io::Result<()>> {
    while !rest.is_empty() {
        let written = ready!(poll_again(cx, was_put_off, |cx| writer.as_mut().poll_write(cx, rest)))?;
        if written == 0 {
            return Poll::Ready(Err(wrote_nothing()));
        }
        *rest = &rest[written..];
    }
    Poll::Ready(Ok(()))
}
