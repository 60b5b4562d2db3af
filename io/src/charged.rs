//! What the extension methods of readers and writers have in common: each step costs one operation of the budget, and
//! a call that was interrupted by a signal is made again.
//!
//! A stream may be of any crate. If it has charged by itself, as ayi's sockets do, its step is not charged again.
//!
//! The step of a read and the first step of `write_all` are inlined by force, and so is the poll of a socket within them:
//! calls would cost an echo of 64 bytes more than a hundred instructions.

use crate::{AsyncRead, ReadBuf};
use ayi_runtime::task::coop;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Polls one step of an operation, and charges for it. The operation keeps `was_put_off` from one poll to the next, so
/// that a step is put off only once.
#[inline(always)]
pub(crate) fn poll_step<R>(
    cx: &mut Context<'_>,
    was_put_off: &mut bool,
    poll: impl FnOnce(&mut Context<'_>) -> Poll<R>,
) -> Poll<R> {
    let result = ready!(coop::poll_composed(cx, was_put_off, poll));
    *was_put_off = false;
    Poll::Ready(result)
}

/// Polls like [`poll_step`], and polls again after an [`Interrupted`](ErrorKind::Interrupted).
#[inline]
pub(crate) fn poll_again<R>(
    cx: &mut Context<'_>,
    was_put_off: &mut bool,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<io::Result<R>>,
) -> Poll<io::Result<R>> {
    loop {
        match ready!(poll_step(cx, was_put_off, |cx| poll(cx))) {
            Err(error) if error.kind() == ErrorKind::Interrupted => (),
            result => return Poll::Ready(result),
        }
    }
}

/// Reads into `buf`, and returns how many bytes have come.
///
/// # Panics
///
/// Panics if the reader exchanges the buffer for another.
#[inline(always)]
pub(crate) fn poll_read_slice(
    reader: Pin<&mut (impl AsyncRead + ?Sized)>,
    cx: &mut Context<'_>,
    buf: &mut [u8],
) -> Poll<io::Result<usize>> {
    let mut buf = ReadBuf::new(buf);
    let place = buf.place();
    ready!(reader.poll_read(cx, &mut buf))?;
    buf.check(place);
    Poll::Ready(Ok(buf.filled().len()))
}

/// The error of a reader that has ended too early.
#[cold]
pub(crate) fn early_end() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "early eof")
}

/// The error of a writer that has taken none of some bytes.
#[cold]
pub(crate) fn wrote_nothing() -> io::Error {
    io::Error::new(ErrorKind::WriteZero, "the writer took none of the bytes: it can take no more")
}
