//! All that a reader has.
//!
//! How much is asked for at a time:
//! 1. All free memory of the vector, but not more than a step, which begins at 8 KiB and doubles up to 256 KiB as long
//!    as the reader fills it. A reader that must see memory as bytes sets so much of it to zero.
//! 2. If fewer than 32 bytes are free, the vector grows, at least to the double.
//! 3. But the memory that the caller has reserved may just be enough. So before the first growth, 32 bytes on the
//!    stack are tried. What comes is copied into the vector, and if nothing comes, the vector has not grown for
//!    nothing.
//!
//! In tokio: `io/util/{read_to_end,read_to_string}.rs`.

use crate::append::{Growing, Owner};
use crate::charged::poll_again;
use crate::text::Text;
use crate::{AsyncRead, ReadBuf};
use pin_project_lite::pin_project;
use std::io;
use std::marker::PhantomPinned;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

const FIRST_STEP: usize = 8 * 1024;
const LARGEST_STEP: usize = 256 * 1024;
/// It is not worth a call to ask for less.
const LEAST: usize = 32;

pin_project! {
    /// The future of [`AsyncReadExt::read_to_end`](crate::AsyncReadExt::read_to_end).
    #[derive(Debug)]
    #[must_use = "it does nothing unless it is awaited"]
    pub struct ReadToEnd<'a, R: ?Sized> {
        reader: &'a mut R,
        buf: Growing<&'a mut Vec<u8>>,
        progress: Progress,
        #[pin]
        _pinned: PhantomPinned,
    }
}

impl<'a, R: ?Sized> ReadToEnd<'a, R> {
    pub(super) fn new(reader: &'a mut R, buf: &'a mut Vec<u8>) -> ReadToEnd<'a, R> {
        let buf = Growing::new(buf);
        ReadToEnd { reader, progress: Progress::new(&buf), buf, _pinned: PhantomPinned }
    }
}

impl<R: AsyncRead + Unpin + ?Sized> Future for ReadToEnd<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.project();
        ready!(this.progress.poll(Pin::new(&mut **this.reader), cx, this.buf))?;
        Poll::Ready(Ok(this.buf.len() - this.progress.first_len))
    }
}

pin_project! {
    /// The future of [`AsyncReadExt::read_to_string`](crate::AsyncReadExt::read_to_string).
    #[derive(Debug)]
    #[must_use = "it does nothing unless it is awaited"]
    pub struct ReadToString<'a, R: ?Sized> {
        reader: &'a mut R,
        text: Text<'a>,
        progress: Progress,
        #[pin]
        _pinned: PhantomPinned,
    }
}

impl<'a, R: ?Sized> ReadToString<'a, R> {
    pub(super) fn new(reader: &'a mut R, buf: &'a mut String) -> ReadToString<'a, R> {
        let text = Text::new(buf);
        ReadToString { reader, progress: Progress::new(&text.bytes), text, _pinned: PhantomPinned }
    }
}

impl<R: AsyncRead + Unpin + ?Sized> Future for ReadToString<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.project();
        let result = ready!(this.progress.poll(Pin::new(&mut **this.reader), cx, &mut this.text.bytes));
        if let Err(error) = result {
            this.text.discard();
            return Poll::Ready(Err(error));
        }
        Poll::Ready(this.text.finish())
    }
}

#[derive(Debug)]
struct Progress {
    /// The length and the capacity of the vector at the start.
    first_len: usize,
    first_capacity: usize,
    step: usize,
    was_put_off: bool,
}

impl Progress {
    fn new(buf: &Growing<impl Owner>) -> Progress {
        let (first_len, first_capacity) = (buf.len(), buf.capacity());
        Progress { first_len, first_capacity, step: FIRST_STEP, was_put_off: false }
    }

    fn poll(
        &mut self,
        mut reader: Pin<&mut (impl AsyncRead + ?Sized)>,
        cx: &mut Context<'_>,
        buf: &mut Growing<impl Owner>,
    ) -> Poll<io::Result<()>> {
        loop {
            let before = buf.len();
            let free = buf.capacity() - before;
            if free >= LEAST {
                ready!(self.poll_once(reader.as_mut(), cx, buf))?;
            } else if self.first_capacity >= LEAST && self.first_capacity == buf.capacity() {
                ready!(self.poll_probe(reader.as_mut(), cx, buf))?;
            } else {
                buf.vec_mut().reserve(LEAST);
                continue;
            }
            let read = buf.len() - before;
            if read == 0 {
                return Poll::Ready(Ok(()));
            }
            if read == self.step {
                self.step = (self.step * 2).min(LARGEST_STEP);
            }
        }
    }

    /// Reads into the free memory of the vector.
    fn poll_once(
        &mut self,
        mut reader: Pin<&mut (impl AsyncRead + ?Sized)>,
        cx: &mut Context<'_>,
        buf: &mut Growing<impl Owner>,
    ) -> Poll<io::Result<()>> {
        let step = self.step;
        poll_again(cx, &mut self.was_put_off, |cx| buf.lend(step, |free| reader.as_mut().poll_read(cx, free)))
    }

    /// Reads into memory on the stack, and copies that.
    fn poll_probe(
        &mut self,
        mut reader: Pin<&mut (impl AsyncRead + ?Sized)>,
        cx: &mut Context<'_>,
        buf: &mut Growing<impl Owner>,
    ) -> Poll<io::Result<()>> {
        let mut memory = [MaybeUninit::uninit(); LEAST];
        let mut probe = ReadBuf::uninit(&mut memory);
        let place = probe.place();
        ready!(poll_again(cx, &mut self.was_put_off, |cx| reader.as_mut().poll_read(cx, &mut probe)))?;
        probe.check(place);
        buf.vec_mut().extend_from_slice(probe.filled());
        Poll::Ready(Ok(()))
    }
}
