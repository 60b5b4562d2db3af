//! Reads into hyper's buffers, which may be uninitialised. An adapter to another trait would initialise them again for
//! each read.

use std::io;
use std::task::{Context, Poll, ready};

use hyper::rt::ReadBufCursor;

use crate::socket::{ByteStream, Socket};

pub(crate) fn read(
    socket: &Socket<impl ByteStream>,
    cx: &mut Context<'_>,
    mut buf: ReadBufCursor<'_>,
) -> Poll<io::Result<()>> {
    // SAFETY: nothing uninitialised is written there: only the kernel writes.
    let room = unsafe { buf.as_mut() };
    let read = ready!(socket.poll_read_uninit(cx, room))?;
    // SAFETY: the kernel has written that many bytes, and no foreign code that ran meanwhile could reach the cursor, which
    // is ours.
    unsafe { buf.advance(read) };
    Poll::Ready(Ok(()))
}
