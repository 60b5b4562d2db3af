//! Reading into buffers that may be uninitialised: the kernel writes into them as they are.
//!
//! Invariant: what an operation says it has received, the kernel has written, from the start of the room that the
//! operation was lent. The operations are the calls of `sys`, by way of a socket.

use std::io;
use std::task::{Context, Poll, ready};

use ayi_io::ReadBuf;

use crate::socket::{ByteStream, Socket};
use crate::sys::Room;

/// Reads bytes of a stream.
#[inline(always)]
pub(crate) fn read(
    socket: &Socket<impl ByteStream>,
    cx: &mut Context<'_>,
    buf: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    poll_fill(
        buf,
        #[inline(always)]
        |room| socket.poll_read(cx, room).map_ok(|read| (read, ())),
    )
}

/// Lends the free part of `buf` to `poll`, which returns how many bytes it has received, and something else.
#[inline(always)]
pub(crate) fn poll_fill<R>(
    buf: &mut ReadBuf<'_>,
    poll: impl FnOnce(&mut Room) -> Poll<io::Result<(usize, R)>>,
) -> Poll<io::Result<R>> {
    // SAFETY: nothing uninitialised is written there: the kernel alone writes.
    let room = unsafe { buf.unfilled_mut() };
    let (received, result) = ready!(poll(room))?;
    // SAFETY: the kernel has written that many bytes, into this very buffer: it is lent, so no waker that was cloned and
    // no subscriber that was told meanwhile could exchange it.
    unsafe { buf.assume_init(received) };
    buf.advance(received);
    Poll::Ready(Ok(result))
}

/// Lends the next free part of `buf` to `receive`, which returns how many bytes it has received, and something else.
#[cfg(feature = "bytes")]
pub(crate) fn fill<B: bytes::BufMut, R>(
    buf: &mut B,
    receive: impl FnOnce(&mut Room) -> io::Result<(usize, R)>,
) -> io::Result<(usize, R)> {
    // SAFETY: nothing uninitialised is written there: the kernel alone writes.
    let room = unsafe { buf.chunk_mut().as_uninit_slice_mut() };
    let (received, result) = receive(room)?;
    // SAFETY: the kernel has written that many bytes into what the buffer will return next.
    unsafe { buf.advance_mut(received) };
    Ok((received, result))
}
