//! Reads into the buffers of other families: a [`ReadBuf`] lends their free memory to the reader.
//!
//! Invariants:
//! 1. The memory that is lent may be uninitialised, and nothing makes it so again: a `ReadBuf` only ever writes bytes.
//! 2. What the `ReadBuf` says is believed only if its memory is the lent one: a reader may have put another in its
//!    place. Whoever has this very memory as a `ReadBuf` has it from the one that was lent, and what it says is true.
//!
//! In tokio: –.

use crate::{AsyncRead, ReadBuf};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// How many bytes of the lent memory are filled, and how many are initialised.
struct Lent {
    filled: usize,
    #[cfg_attr(not(feature = "tokio"), allow(dead_code))]
    initialized: usize,
}

/// Reads into `room`, of which the first bytes may be known to be initialised: `buf` has been told.
///
/// # Panics
///
/// Panics if the reader has put another buffer in the place of `buf`.
#[inline]
fn poll_lent<R: AsyncRead + ?Sized>(
    reader: Pin<&mut R>,
    cx: &mut Context<'_>,
    mut buf: ReadBuf<'_>,
) -> Poll<io::Result<Lent>> {
    let place = buf.place();
    ready!(reader.poll_read(cx, &mut buf))?;
    buf.check(place);
    Poll::Ready(Ok(Lent { filled: buf.filled().len(), initialized: buf.initialized().len() }))
}

#[cfg(feature = "futures-io")]
#[inline]
pub fn futures_read<R: AsyncRead + ?Sized>(
    reader: Pin<&mut R>,
    cx: &mut Context<'_>,
    buf: &mut [u8],
) -> Poll<io::Result<usize>> {
    poll_lent(reader, cx, ReadBuf::new(buf)).map_ok(|lent| lent.filled)
}

#[cfg(feature = "hyper")]
#[inline]
pub fn hyper_read<R: AsyncRead + ?Sized>(
    reader: Pin<&mut R>,
    cx: &mut Context<'_>,
    mut cursor: hyper::rt::ReadBufCursor<'_>,
) -> Poll<io::Result<()>> {
    // SAFETY: nothing in there becomes uninitialised: invariant 1.
    let room = unsafe { cursor.as_mut() };
    let lent = ready!(poll_lent(reader, cx, ReadBuf::uninit(room)))?;
    // SAFETY: that many bytes of this very memory are initialised: invariant 2.
    unsafe { cursor.advance(lent.filled) };
    Poll::Ready(Ok(()))
}

/// What tokio's buffer knows to be initialised is told to ours, and back: a reader that needs initialised memory writes
/// zeros only once.
#[cfg(feature = "tokio")]
#[inline]
pub fn tokio_read<R: AsyncRead + ?Sized>(
    reader: Pin<&mut R>,
    cx: &mut Context<'_>,
    theirs: &mut tokio::io::ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    let known = theirs.initialized().len() - theirs.filled().len();
    // SAFETY: nothing in there becomes uninitialised: invariant 1.
    let room = unsafe { theirs.unfilled_mut() };
    let mut ours = ReadBuf::uninit(room);
    // SAFETY: these are the bytes behind the filled ones that tokio's buffer says are initialised.
    unsafe { ours.assume_init(known) };
    let lent = ready!(poll_lent(reader, cx, ours))?;
    // SAFETY: that many bytes of this very memory are initialised: invariant 2.
    unsafe { theirs.assume_init(lent.initialized) };
    theirs.advance(lent.filled);
    Poll::Ready(Ok(()))
}
