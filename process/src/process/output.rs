//! Everything that a child writes, kept.
//!
//! In tokio: `process/mod.rs`, `wait_with_output`.

use ayi_io::{AsyncRead, ReadBuf};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The size of the first buffer in bytes. It doubles as needed. Most children write little.
const FIRST_LEN: usize = 1024;

/// What was read from a stream so far.
pub(super) struct Collected<R> {
    /// `None` at its end.
    stream: Option<R>,
    /// It has room for more after `len`.
    buf: Vec<u8>,
    len: usize,
}

impl<R: AsyncRead + Unpin> Collected<R> {
    pub(super) fn new(stream: Option<R>) -> Collected<R> {
        Collected { stream, buf: Vec::new(), len: 0 }
    }

    /// Reads until the stream ends.
    pub(super) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(stream) = &mut self.stream {
            if self.len == self.buf.len() {
                self.buf.resize((2 * self.len).max(FIRST_LEN), 0);
            }
            let mut room = ReadBuf::new(&mut self.buf[self.len..]);
            ready!(Pin::new(stream).poll_read(cx, &mut room))?;
            match room.filled().len() {
                0 => self.stream = None,
                n => self.len += n,
            }
        }
        Poll::Ready(Ok(()))
    }

    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        self.buf.truncate(self.len);
        self.buf
    }
}
