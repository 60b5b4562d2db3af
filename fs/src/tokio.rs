//! tokio's traits, for files: code that is written against them works here without an adapter.
//!
//! A seek has two steps there, and only the second can wait. So the first one stores the target, and whatever comes
//! next through these traits begins with the second.
//! In tokio: the impls in `fs/file.rs`.

use crate::File;
use ayi_runtime::task::coop;
use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

/// Makes the seek that was asked for. Returns the new position, or 0 if no seek was asked for.
fn poll_seek(file: &mut File, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
    let (open, sequential) = file.in_order();
    let Some(to) = sequential.seek_to else { return Poll::Ready(Ok(0)) };
    let sought = ready!(sequential.poll_seek(open, cx, to));
    sequential.seek_to = None;
    Poll::Ready(sought)
}

impl AsyncRead for File {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(poll_seek(&mut self, cx))?;
        let (open, sequential) = self.in_order();
        sequential.poll_read(open, cx, buf.remaining(), |bytes| buf.put_slice(bytes)).map_ok(drop)
    }
}

impl AsyncWrite for File {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(poll_seek(&mut self, cx))?;
        futures_io::AsyncWrite::poll_write(self, cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        futures_io::AsyncWrite::poll_flush(self, cx)
    }

    /// Polls like `poll_flush`: the file is closed when it is dropped.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        futures_io::AsyncWrite::poll_close(self, cx)
    }
}

impl AsyncSeek for File {
    /// # Errors
    ///
    /// Fails if the previous seek has not been awaited to its end.
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        let (_, sequential) = self.in_order();
        if sequential.seek_to.is_some() {
            return Err(io::Error::other(
                "another seek of this file has not ended: await it, by poll_complete, before start_seek",
            ));
        }
        sequential.seek_to = Some(position);
        Ok(())
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        coop::poll_composed(cx, &mut false, |cx| poll_seek(&mut self, cx))
    }
}
