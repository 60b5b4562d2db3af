//! A look at what is buffered, which borrows the reader.
//!
//! The borrow checker does not see that a `Pending` borrows nothing: the type of the result may borrow. So this file
//! is unsafe.
//!
//! Invariant: while the bytes that the future has returned are borrowed, the future does not reach the reader.
//!
//! In tokio: `io/util/fill_buf.rs`.

use crate::AsyncBufRead;
use crate::charged::poll_step;
use pin_project_lite::pin_project;
use std::io;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// The future of [`AsyncBufReadExt::fill_buf`](crate::AsyncBufReadExt::fill_buf).
    #[derive(Debug)]
    #[must_use = "it does nothing unless it is awaited"]
    pub struct FillBuf<'a, R: ?Sized> {
        // `None` once it is done.
        reader: Option<&'a mut R>,
        was_put_off: bool,
        #[pin]
        _pinned: PhantomPinned,
    }
}

impl<'a, R: ?Sized> FillBuf<'a, R> {
    #[inline]
    pub(super) fn new(reader: &'a mut R) -> FillBuf<'a, R> {
        FillBuf { reader: Some(reader), was_put_off: false, _pinned: PhantomPinned }
    }
}

impl<'a, R: AsyncBufRead + Unpin + ?Sized> Future for FillBuf<'a, R> {
    type Output = io::Result<&'a [u8]>;

    /// # Panics
    ///
    /// Panics if it is polled after it is done.
    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&'a [u8]>> {
        let this = self.project();
        let reader: *mut R = this.reader.take().expect("a FillBuf is not polled again after it is done");
        // SAFETY: the reader is borrowed for `'a`, and was taken out of the future just now.
        let borrowed: &'a mut R = unsafe { &mut *reader };
        let result = poll_step(cx, this.was_put_off, |cx| Pin::new(borrowed).poll_fill_buf(cx));
        if result.is_pending() {
            // SAFETY: as above. A `Pending` borrows nothing, so this is the only borrow again.
            *this.reader = Some(unsafe { &mut *reader });
        }
        result
    }
}
