//! Reads into tokio's buffers, which may be uninitialised: the kernel writes into them as they are.

use std::io;
use std::task::{Context, Poll, ready};

use tokio::io::ReadBuf;

use crate::socket::{ByteStream, Socket};

pub(crate) fn read(
    socket: &Socket<impl ByteStream>,
    cx: &mut Context<'_>,
    buf: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    // SAFETY: nothing uninitialised is written there: the kernel alone writes.
    let room = unsafe { buf.unfilled_mut() };
    let read = ready!(socket.poll_read_uninit(cx, room))?;
    // SAFETY: the kernel has written that many bytes, into this very buffer: it is lent, so no waker that was cloned and
    // no subscriber that was told meanwhile could exchange it.
    unsafe { buf.assume_init(read) };
    buf.advance(read);
    Poll::Ready(Ok(()))
}
