//! Writes what is in a buffer of the crate `bytes`, which may consist of several pieces.
//!
//! In tokio: `io/util/{write_buf,write_all_buf}.rs`.

use crate::AsyncWrite;
use crate::charged::{poll_again, poll_step, wrote_nothing};
use bytes::Buf;
use pin_project_lite::pin_project;
use std::io::{self, IoSlice};
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// How many pieces are written at once. It is a kilobyte of the stack; more gains nothing.
const PIECES: usize = 64;

pin_project! {
    /// The future of [`AsyncWriteExt::write_buf`](crate::AsyncWriteExt::write_buf).
    #[derive(Debug)]
    #[must_use = "it does nothing unless it is awaited"]
    pub struct WriteBuf<'a, W, B> {
        writer: &'a mut W,
        buf: &'a mut B,
        was_put_off: bool,
        #[pin]
        _pinned: PhantomPinned,
    }
}

impl<'a, W, B> WriteBuf<'a, W, B> {
    #[inline]
    pub(super) fn new(writer: &'a mut W, buf: &'a mut B) -> WriteBuf<'a, W, B> {
        WriteBuf { writer, buf, was_put_off: false, _pinned: PhantomPinned }
    }
}

impl<W: AsyncWrite + Unpin, B: Buf> Future for WriteBuf<'_, W, B> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.project();
        poll_step(cx, this.was_put_off, |cx| {
            if !this.buf.has_remaining() {
                return Poll::Ready(Ok(0));
            }
            poll_write(Pin::new(&mut **this.writer), cx, *this.buf)
        })
    }
}

pin_project! {
    /// The future of [`AsyncWriteExt::write_all_buf`](crate::AsyncWriteExt::write_all_buf).
    #[derive(Debug)]
    #[must_use = "it does nothing unless it is awaited"]
    pub struct WriteAllBuf<'a, W, B> {
        writer: &'a mut W,
        buf: &'a mut B,
        was_put_off: bool,
        #[pin]
        _pinned: PhantomPinned,
    }
}

impl<'a, W, B> WriteAllBuf<'a, W, B> {
    #[inline]
    pub(super) fn new(writer: &'a mut W, buf: &'a mut B) -> WriteAllBuf<'a, W, B> {
        WriteAllBuf { writer, buf, was_put_off: false, _pinned: PhantomPinned }
    }
}

impl<W: AsyncWrite + Unpin, B: Buf> Future for WriteAllBuf<'_, W, B> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        while this.buf.has_remaining() {
            let (writer, buf) = (&mut **this.writer, &mut **this.buf);
            let written =
                ready!(poll_again(cx, this.was_put_off, |cx| poll_write(Pin::new(&mut *writer), cx, buf)))?;
            if written == 0 {
                return Poll::Ready(Err(wrote_nothing()));
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Writes once, and advances `buf` by what was written.
fn poll_write(
    writer: Pin<&mut impl AsyncWrite>,
    cx: &mut Context<'_>,
    buf: &mut impl Buf,
) -> Poll<io::Result<usize>> {
    let written = if writer.is_write_vectored() {
        let mut pieces = [IoSlice::new(&[]); PIECES];
        let len = buf.chunks_vectored(&mut pieces);
        ready!(writer.poll_write_vectored(cx, &pieces[..len]))?
    } else {
        ready!(writer.poll_write(cx, buf.chunk()))?
    };
    buf.advance(written);
    Poll::Ready(Ok(written))
}
