//! Reads into a [`ReadBuf`], which may be uninitialised: the kernel writes into it as it is.

use std::io;
use std::task::{Context, Poll, ready};

use ayi_io::ReadBuf;

use crate::socket::{ByteStream, Socket};

#[inline]
pub(crate) fn read(
    socket: &Socket<impl ByteStream>,
    cx: &mut Context<'_>,
    buf: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    // SAFETY: nothing uninitialised is written there: the kernel alone writes.
    let room = unsafe { buf.unfilled_mut() };
    let read = ready!(socket.poll_read(cx, room))?;
    // SAFETY: the kernel has written that many bytes, into this very buffer: it is lent, so no waker that was cloned and
    // no subscriber that was told meanwhile could exchange it.
    unsafe { buf.assume_init(read) };
    buf.advance(read);
    Poll::Ready(Ok(()))
}
