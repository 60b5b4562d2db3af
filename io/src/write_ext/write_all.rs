//! Writes until all is written.
//!
//! In tokio: `io/util/write_all.rs`.

use crate::AsyncWrite;
use crate::charged::{poll_step, wrote_nothing};
use pin_project_lite::pin_project;
use std::io::{self, ErrorKind};
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

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        poll_rest(Pin::new(&mut **this.writer), cx, this.buf, this.was_put_off)
    }
}

/// Writes until `rest` is empty. It holds what has not been written yet.
#[inline(always)]
pub(super) fn poll_rest(
    mut writer: Pin<&mut (impl AsyncWrite + ?Sized)>,
    cx: &mut Context<'_>,
    rest: &mut &[u8],
    was_put_off: &mut bool,
) -> Poll<io::Result<()>> {
    if rest.is_empty() {
        return Poll::Ready(Ok(()));
    }
    let written = ready!(poll_step(
        cx,
        was_put_off,
        #[inline(always)]
        |cx| writer.as_mut().poll_write(cx, rest)
    ));
    // Mostly the first step takes all. The others stand apart, so that it is inlined.
    if matches!(written, Ok(written) if written == rest.len()) {
        *rest = &rest[..0];
        return Poll::Ready(Ok(()));
    }
    go_on(writer, cx, rest, was_put_off, written)
}

/// Goes on after a step that has `written` a part or has failed.
#[cold]
#[inline(never)]
fn go_on(
    mut writer: Pin<&mut (impl AsyncWrite + ?Sized)>,
    cx: &mut Context<'_>,
    rest: &mut &[u8],
    was_put_off: &mut bool,
    mut written: io::Result<usize>,
) -> Poll<io::Result<()>> {
    loop {
        match written {
            Ok(0) => return Poll::Ready(Err(wrote_nothing())),
            Ok(written) => *rest = &rest[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => (),
            Err(error) => return Poll::Ready(Err(error)),
        }
        if rest.is_empty() {
            return Poll::Ready(Ok(()));
        }
        written = ready!(poll_step(cx, was_put_off, |cx| writer.as_mut().poll_write(cx, rest)));
    }
}
