//! A stream that records whether anything moves on a connection.

use hyper::rt::{Read, ReadBufCursor, Write};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

/// What has happened on a stream. It is atomic only because the stream has to be `Send`. It orders nothing, so
/// everything is Relaxed, and only the task of the connection writes.
#[derive(Default)]
pub(crate) struct Activity {
    /// Grows with every read and write that moved bytes. A clock would cost more than this is worth.
    steps: AtomicUsize,
    /// How many of these were reads.
    reads: AtomicUsize,
    is_write_waiting: AtomicBool,
}

impl Activity {
    pub(crate) fn steps(&self) -> usize {
        self.steps.load(Relaxed)
    }

    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Relaxed)
    }

    /// Returns whether the last write, flush or shutdown has to wait until the client has read something. A stream with
    /// a buffer of its own, such as TLS, takes writes for a while that it cannot flush.
    pub(crate) fn is_write_waiting(&self) -> bool {
        self.is_write_waiting.load(Relaxed)
    }

    fn step(&self) {
        self.steps.store(self.steps().wrapping_add(1), Relaxed);
    }

    fn count_read(&self) {
        self.reads.store(self.reads().wrapping_add(1), Relaxed);
    }

    fn wrote(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let written = ready!(self.waited(result))?;
        self.step();
        Poll::Ready(Ok(written))
    }

    fn waited<T>(&self, result: Poll<T>) -> Poll<T> {
        self.is_write_waiting.store(result.is_pending(), Relaxed);
        result
    }
}

pub(crate) struct Watched<T> {
    io: T,
    activity: Arc<Activity>,
}

impl<T> Watched<T> {
    pub(crate) fn new(io: T) -> (Watched<T>, Arc<Activity>) {
        let activity = Arc::new(Activity::default());
        (Watched { io, activity: activity.clone() }, activity)
    }
}

impl<T: Read + Unpin> Read for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        self.activity.step();
        self.activity.count_read();
        Poll::Ready(Ok(()))
    }
}

impl<T: Write + Unpin> Write for Watched<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write(cx, buf);
        self.activity.wrote(result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.io).poll_flush(cx);
        self.activity.waited(result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.io).poll_shutdown(cx);
        self.activity.waited(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.activity.wrote(result)
    }
}
