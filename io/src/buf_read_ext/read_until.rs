//! What comes up to a byte, and lines.
//!
//! In tokio: `io/util/{read_until,read_line}.rs`.

use crate::AsyncBufRead;
use crate::charged::poll_step;
use crate::text::Text;
use pin_project_lite::pin_project;
use std::io::{self, ErrorKind};
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The future of [`AsyncBufReadExt::read_until`](crate::AsyncBufReadExt::read_until).
    #[derive(Debug)]
    #[must_use = "it does nothing unless it is awaited"]
    pub struct ReadUntil<'a, R: ?Sized> {
        reader: &'a mut R,
        byte: u8,
        buf: &'a mut Vec<u8>,
        // The length of `buf` at the start.
        start: usize,
        was_put_off: bool,
        #[pin]
        _pinned: PhantomPinned,
    }
}

impl<'a, R: ?Sized> ReadUntil<'a, R> {
    pub(super) fn new(reader: &'a mut R, byte: u8, buf: &'a mut Vec<u8>) -> ReadUntil<'a, R> {
        ReadUntil { reader, byte, start: buf.len(), buf, was_put_off: false, _pinned: PhantomPinned }
    }
}

impl<R: AsyncBufRead + Unpin + ?Sized> Future for ReadUntil<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.project();
        let reader = Pin::new(&mut **this.reader);
        ready!(poll_until(reader, cx, *this.byte, this.buf, this.was_put_off))?;
        Poll::Ready(Ok(this.buf.len() - *this.start))
    }
}

pin_project! {
    /// The future of [`AsyncBufReadExt::read_line`](crate::AsyncBufReadExt::read_line).
    #[derive(Debug)]
    #[must_use = "it does nothing unless it is awaited"]
    pub struct ReadLine<'a, R: ?Sized> {
        reader: &'a mut R,
        text: Text<'a>,
        was_put_off: bool,
        #[pin]
        _pinned: PhantomPinned,
    }
}

impl<'a, R: ?Sized> ReadLine<'a, R> {
    pub(super) fn new(reader: &'a mut R, buf: &'a mut String) -> ReadLine<'a, R> {
        ReadLine { reader, text: Text::new(buf), was_put_off: false, _pinned: PhantomPinned }
    }
}

impl<R: AsyncBufRead + Unpin + ?Sized> Future for ReadLine<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.project();
        let (reader, bytes) = (Pin::new(&mut **this.reader), this.text.bytes.vec_mut());
        if let Err(error) = ready!(poll_until(reader, cx, b'\n', bytes, this.was_put_off)) {
            this.text.keep();
            return Poll::Ready(Err(error));
        }
        Poll::Ready(this.text.finish())
    }
}

/// Appends what comes up to `byte`, or up to the end. After an error or a wait it continues where it was.
pub(super) fn poll_until(
    mut reader: Pin<&mut (impl AsyncBufRead + ?Sized)>,
    cx: &mut Context<'_>,
    byte: u8,
    buf: &mut Vec<u8>,
    was_put_off: &mut bool,
) -> Poll<io::Result<()>> {
    loop {
        let filling = reader.as_mut();
        let available = match ready!(poll_step(cx, was_put_off, |cx| filling.poll_fill_buf(cx))) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            result => result?,
        };
        let end = find(byte, available);
        let used = end.map_or(available.len(), |end| end + 1);
        buf.extend_from_slice(&available[..used]);
        reader.as_mut().consume(used);
        if end.is_some() || used == 0 {
            return Poll::Ready(Ok(()));
        }
    }
}

/// Returns where `byte` is first.
fn find(byte: u8, bytes: &[u8]) -> Option<usize> {
    // `contains` looks at many bytes at once, `position` at one after the other.
    const PIECE: usize = 64;
    let piece = bytes.chunks(PIECE).position(|piece| piece.contains(&byte))? * PIECE;
    Some(piece + bytes[piece..].iter().position(|&here| here == byte)?)
}
