//! Moving bytes from a reader to a writer, and in both directions between two streams.
//!
//! Invariants of each function:
//! 1. When the reader has nothing, what was written before is flushed.
//! 2. When the reader ends or fails, what it returned before is written and flushed first.
//! 3. Each read and each write costs one operation of the budget, over streams of any crate.
//! 4. What was interrupted by a signal is tried again.
//!
//! In tokio: `io/util/{copy,copy_buf,copy_bidirectional}.rs`.

use crate::charged::{poll_again, poll_read_slice, wrote_nothing};
use crate::{AsyncBufRead, AsyncRead, AsyncWrite};
use ayi_runtime::task::coop;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// As much as tokio moves at a time.
const BUFFER: usize = 8 * 1024;

/// The state of a copy besides its bytes.
#[derive(Default)]
struct Progress {
    copied: u64,
    /// Whether something has been written since the last flush.
    needs_flush: bool,
    /// The error of the reader. It is returned once what came before it is flushed.
    error: Option<io::Error>,
}

impl Progress {
    /// Writes some of `bytes`, and returns their number.
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        mut writer: Pin<&mut (impl AsyncWrite + ?Sized)>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let write = |cx: &mut Context<'_>| writer.as_mut().poll_write(cx, bytes);
        let written = ready!(poll_again(cx, &mut false, write))?;
        if written == 0 {
            return Poll::Ready(Err(wrote_nothing()));
        }
        self.copied += written as u64;
        self.needs_flush = true;
        Poll::Ready(Ok(written))
    }

    /// Flushes while the reader has nothing: the reader at the other end should not wait for bytes that are here
    /// already.
    fn poll_silent<T>(
        &mut self,
        cx: &mut Context<'_>,
        writer: Pin<&mut (impl AsyncWrite + ?Sized)>,
    ) -> Poll<io::Result<T>> {
        if self.needs_flush {
            ready!(writer.poll_flush(cx))?;
            self.needs_flush = false;
        }
        Poll::Pending
    }

    /// Flushes when the reader is at its end, or has failed.
    fn poll_end(
        &mut self,
        cx: &mut Context<'_>,
        writer: Pin<&mut (impl AsyncWrite + ?Sized)>,
    ) -> Poll<io::Result<u64>> {
        let flushed = ready!(writer.poll_flush(cx));
        // The first error is the one that is returned.
        let result = self.error.take().map_or(flushed, Err);
        Poll::Ready(result.map(|()| self.copied))
    }
}

/// One direction: the bytes that were read and are not yet written.
struct Pump {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    progress: Progress,
    is_at_end: bool,
}

impl Pump {
    fn new(size: usize) -> Pump {
        let buffer = vec![0; size].into();
        Pump { buffer, start: 0, end: 0, progress: Progress::default(), is_at_end: false }
    }

    /// Ready when the reader is at its end and everything is written and flushed.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut reader: Pin<&mut (impl AsyncRead + ?Sized)>,
        mut writer: Pin<&mut (impl AsyncWrite + ?Sized)>,
    ) -> Poll<io::Result<u64>> {
        loop {
            if self.start < self.end {
                let bytes = &self.buffer[self.start..self.end];
                self.start += ready!(self.progress.poll_write(cx, writer.as_mut(), bytes))?;
                continue;
            }
            if self.is_at_end {
                return self.progress.poll_end(cx, writer);
            }
            // An exhausted budget says nothing about the reader.
            ready!(coop::poll_budget(cx));
            let read = |cx: &mut Context<'_>| poll_read_slice(reader.as_mut(), cx, &mut self.buffer);
            match poll_again(cx, &mut false, read) {
                Poll::Ready(Ok(0)) => self.is_at_end = true,
                Poll::Ready(Ok(read)) => (self.start, self.end) = (0, read),
                Poll::Ready(Err(error)) => (self.is_at_end, self.progress.error) = (true, Some(error)),
                Poll::Pending => return self.progress.poll_silent(cx, writer),
            }
        }
    }
}

/// Copies everything from `reader` to `writer`, up to the end, and flushes it. Returns the number of bytes.
///
/// While the reader has nothing, what is already written is flushed, so the writer may be buffered.
///
/// # Errors
///
/// Returns the errors of the reader and the writer, and `WriteZero` if the writer takes no more. What came before an
/// error of the reader is written and flushed.
///
/// # Cancel safety
///
/// Not cancel safe: if the future is dropped, bytes may have been read that are not written.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// let mut cup = Vec::new();
/// assert_eq!(ayi::io::copy(&mut &b"tea"[..], &mut cup).await?, 3);
/// assert_eq!(cup, b"tea");
/// # Ok(())
/// # }
/// ```
pub async fn copy<R, W>(reader: &mut R, writer: &mut W) -> io::Result<u64>
where
    R: AsyncRead + Unpin + ?Sized,
    W: AsyncWrite + Unpin + ?Sized,
{
    let mut pump = Pump::new(BUFFER);
    poll_fn(|cx| pump.poll(cx, Pin::new(reader), Pin::new(writer))).await
}

/// Copies like [`copy`], from a reader that has a buffer of its own.
///
/// # Errors
///
/// Fails like [`copy`].
///
/// # Cancel safety
///
/// If the future is dropped, what the reader still has is not lost, but how much has been copied is unknown.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// use ayi::io::{BufReader, copy_buf};
/// let mut reader = BufReader::with_capacity(64 * 1024, &b"water"[..]);
/// let mut written = Vec::new();
/// assert_eq!(copy_buf(&mut reader, &mut written).await?, 5);
/// # Ok(())
/// # }
/// ```
pub async fn copy_buf<R, W>(reader: &mut R, writer: &mut W) -> io::Result<u64>
where
    R: AsyncBufRead + Unpin + ?Sized,
    W: AsyncWrite + Unpin + ?Sized,
{
    let (mut progress, mut is_at_end) = (Progress::default(), false);
    poll_fn(|cx| {
        loop {
            let (filling, mut writer) = (Pin::new(&mut *reader), Pin::new(&mut *writer));
            if is_at_end {
                return progress.poll_end(cx, writer);
            }
            // An exhausted budget says nothing about the reader.
            ready!(coop::poll_budget(cx));
            match filling.poll_fill_buf(cx) {
                Poll::Ready(Ok([])) => is_at_end = true,
                Poll::Ready(Ok(bytes)) => {
                    let written = ready!(progress.poll_write(cx, writer.as_mut(), bytes))?;
                    Pin::new(&mut *reader).consume(written);
                }
                Poll::Ready(Err(error)) if error.kind() == ErrorKind::Interrupted => {}
                Poll::Ready(Err(error)) => (is_at_end, progress.error) = (true, Some(error)),
                Poll::Pending => return progress.poll_silent(cx, writer),
            }
        }
    })
    .await
}

/// Copies in both directions between two streams, until both have ended. Returns the number of bytes from `a` to `b`,
/// and from `b` to `a`.
///
/// When one direction ends, its writer is shut down, so that the other side sees the end. The other direction continues.
/// While a side sends nothing, what it sent before is flushed.
///
/// # Errors
///
/// Returns the errors of reading and writing of either side. What came before an error of a reader is written and
/// flushed. The error ends the other direction too.
///
/// # Cancel safety
///
/// Not cancel safe: if the future is dropped, bytes may have been read that are not written.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// use ayi::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional, duplex};
///
/// let ((mut client, mut a), (mut b, mut server)) = (duplex(64), duplex(64));
/// let proxy = ayi::spawn(async move { copy_bidirectional(&mut a, &mut b).await });
/// client.write_all(b"tea?").await?;
/// client.shutdown().await?;
/// let mut order = String::new();
/// server.read_to_string(&mut order).await?;
/// server.write_all(b"here").await?;
/// drop(server);
/// assert_eq!((order.as_str(), proxy.await??), ("tea?", (4, 4)));
/// # Ok(())
/// # }
/// ```
pub async fn copy_bidirectional<A, B>(a: &mut A, b: &mut B) -> io::Result<(u64, u64)>
where
    A: AsyncRead + AsyncWrite + Unpin + ?Sized,
    B: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    copy_bidirectional_with_sizes(a, b, BUFFER, BUFFER).await
}

/// Copies like [`copy_bidirectional`], with buffers of these sizes, in bytes.
///
/// # Panics
///
/// Panics if a size is 0.
///
/// # Errors
///
/// Fails like [`copy_bidirectional`].
///
/// # Cancel safety
///
/// As cancel safe as [`copy_bidirectional`].
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// use ayi::io::{AsyncWriteExt, copy_bidirectional_with_sizes, duplex};
/// let ((mut client, mut a), (mut b, mut server)) = (duplex(64), duplex(64));
/// client.write_all(b"water").await?;
/// client.shutdown().await?;
/// server.shutdown().await?;
/// let (to_server, to_client) = copy_bidirectional_with_sizes(&mut a, &mut b, 16 * 1024, 1024).await?;
/// # assert_eq!((to_server, to_client), (5, 0));
/// # Ok(())
/// # }
/// ```
pub async fn copy_bidirectional_with_sizes<A, B>(
    a: &mut A,
    b: &mut B,
    a_to_b_buf_size: usize,
    b_to_a_buf_size: usize,
) -> io::Result<(u64, u64)>
where
    A: AsyncRead + AsyncWrite + Unpin + ?Sized,
    B: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    assert!(a_to_b_buf_size > 0, "`a_to_b_buf_size` must be greater than 0, or nothing can be copied");
    assert!(b_to_a_buf_size > 0, "`b_to_a_buf_size` must be greater than 0, or nothing can be copied");
    let mut there = OneWay::Copying(Pump::new(a_to_b_buf_size));
    let mut back = OneWay::Copying(Pump::new(b_to_a_buf_size));
    poll_fn(|cx| {
        let there = there.poll(cx, Pin::new(&mut *a), Pin::new(&mut *b))?;
        let back = back.poll(cx, Pin::new(&mut *b), Pin::new(&mut *a))?;
        match (there, back) {
            (Poll::Ready(there), Poll::Ready(back)) => Poll::Ready(Ok((there, back))),
            _ => Poll::Pending,
        }
    })
    .await
}

enum OneWay {
    Copying(Pump),
    Closing(u64),
    Done(u64),
}

impl OneWay {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut reader: Pin<&mut (impl AsyncRead + ?Sized)>,
        mut writer: Pin<&mut (impl AsyncWrite + ?Sized)>,
    ) -> Poll<io::Result<u64>> {
        loop {
            *self = match self {
                OneWay::Copying(pump) => {
                    OneWay::Closing(ready!(pump.poll(cx, reader.as_mut(), writer.as_mut()))?)
                }
                OneWay::Closing(copied) => {
                    ready!(writer.as_mut().poll_shutdown(cx))?;
                    OneWay::Done(*copied)
                }
                OneWay::Done(copied) => return Poll::Ready(Ok(*copied)),
            };
        }
    }
}
