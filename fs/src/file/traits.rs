//! The traits of streams, which go through the file sequentially.

use super::File;
use ayi_io::{AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};
use ayi_runtime::task::coop;
use std::io::{self, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Makes the seek that was asked for, which comes before anything else. Returns the new position, or 0 if no seek was
/// asked for.
fn poll_sought(file: &mut File, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
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
        ready!(poll_sought(&mut self, cx))?;
        let (open, sequential) = self.in_order();
        sequential.poll_read(open, cx, buf.remaining(), |bytes| buf.put_slice(bytes)).map_ok(drop)
    }
}

impl AsyncWrite for File {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(poll_sought(&mut self, cx))?;
        let (open, sequential) = self.in_order();
        sequential.poll_write(open, cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(poll_sought(&mut self, cx))?;
        let (open, sequential) = self.in_order();
        sequential.poll_write(open, cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.in_order().1.poll_flush(cx)
    }

    /// Polls like `poll_flush`: the file is closed when it is dropped.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

/// The first step stores the position. Whatever comes next through these traits begins with the second step, which can
/// wait.
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
        coop::poll_composed(cx, &mut false, |cx| poll_sought(&mut self, cx))
    }
}

ayi_io::other_families! {
    [] File: read write seek;
}

ayi_io::futures_seek! {
    File: |file, cx, to| {
        ready!(poll_sought(file, cx))?;
        let (open, sequential) = file.in_order();
        sequential.poll_seek(open, cx, to)
    }
}
