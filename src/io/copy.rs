//! Moving bytes from a reader to a writer, and both ways between two streams.
//!
//! futures-lite has a `copy`, which takes its ends by value and never gives way while both are ready. This one takes them
//! by reference, like tokio's.
//!
//! Invariants, of each function:
//! 1. When the reader has nothing, what was written before is flushed.
//! 2. When the reader ends or fails, what it gave before is written and flushed first.
//! 3. Each read and each write costs one operation of the budget, over streams of any crate.
//!
//! In tokio: `io/util/{copy,copy_buf,copy_bidirectional}.rs`.

use super::charged::{poll_step, wrote_nothing};
use super::{AsyncBufRead, AsyncRead, AsyncWrite};
use ayi_runtime::task::coop;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// As much as tokio takes at a time.
const BUFFER: usize = 8 * 1024;

/// What a copy has in hand besides bytes.
#[derive(Default)]
struct Progress {
    copied: u64,
    /// Something has been written since the last flush.
    needs_flush: bool,
    /// The reader has failed. That is told when what came before is flushed.
    error: Option<io::Error>,
}

impl Progress {
    /// Writes some of `bytes`, and returns how many.
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        writer: Pin<&mut (impl AsyncWrite + ?Sized)>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(poll_step(cx, |cx| writer.poll_write(cx, bytes)))?;
        if written == 0 {
            return Poll::Ready(Err(wrote_nothing()));
        }
        self.copied += written as u64;
        self.needs_flush = true;
        Poll::Ready(Ok(written))
    }

    /// The reader has nothing now: whoever reads at the other end should not wait for what is here already.
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

    /// The reader is at its end, or has failed.
    fn poll_end(
        &mut self,
        cx: &mut Context<'_>,
        writer: Pin<&mut (impl AsyncWrite + ?Sized)>,
    ) -> Poll<io::Result<u64>> {
        let flushed = ready!(writer.poll_flush(cx));
        // The first error is the one to tell of.
        let result = self.error.take().map_or(flushed, Err);
        Poll::Ready(result.map(|()| self.copied))
    }
}

/// One direction: what has been read and not yet written.
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

    /// Ready when the reader is at its end, and all of it is written and flushed.
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
            // If the budget is used up, that says nothing of the reader.
            ready!(coop::poll_budget(cx));
            match poll_step(cx, |cx| reader.as_mut().poll_read(cx, &mut self.buffer)) {
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
/// While the reader has nothing, what is written already is flushed, so a writer with a buffer may stand behind it.
///
/// # Errors
///
/// What reading or writing gives; `WriteZero` if the writer takes no more. What came before an error of the reader is
/// written and flushed.
///
/// # Cancel safety
///
/// None: if it is dropped, bytes may have been read that are not written.
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

/// Like [`copy`], from a reader that has a buffer of its own.
///
/// # Errors
///
/// Like [`copy`].
///
/// # Cancel safety
///
/// If it is dropped, what the reader still has is not lost; how much has been copied is not known.
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
            // If the budget is used up, that says nothing of the reader.
            ready!(coop::poll_budget(cx));
            match filling.poll_fill_buf(cx) {
                Poll::Ready(Ok([])) => is_at_end = true,
                Poll::Ready(Ok(bytes)) => {
                    let written = ready!(progress.poll_write(cx, writer.as_mut(), bytes))?;
                    Pin::new(&mut *reader).consume(written);
                }
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
/// When one direction ends, its writer is closed, so that the other side hears of the end; the other direction goes on.
/// While a side has nothing to say, what it has said before is flushed.
///
/// # Errors
///
/// What reading or writing of either side gives. What came before an error of a reader is written and flushed. The other
/// direction ends with it.
///
/// # Cancel safety
///
/// None: if it is dropped, bytes may have been read that are not written.
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
/// client.close().await?;
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

/// Like [`copy_bidirectional`], with buffers of these sizes, in bytes.
///
/// # Panics
///
/// If a size is 0.
///
/// # Errors
///
/// Like [`copy_bidirectional`].
///
/// # Cancel safety
///
/// Like [`copy_bidirectional`].
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// use ayi::io::{AsyncWriteExt, copy_bidirectional_with_sizes, duplex};
/// let ((mut client, mut a), (mut b, mut server)) = (duplex(64), duplex(64));
/// client.write_all(b"water").await?;
/// client.close().await?;
/// server.close().await?;
/// let (to_server, to_client) = copy_bidirectional_with_sizes(&mut a, &mut b, 16 * 1024, 1024).await?;
/// # assert_eq!((to_server, to_client), (5, 0));
/// # Ok(())
/// # }
/// ```
pub async fn copy_bidirectional_with_sizes<A, B>(
    a: &mut A,
    b: &mut B,
    a_to_b: usize,
    b_to_a: usize,
) -> io::Result<(u64, u64)>
where
    A: AsyncRead + AsyncWrite + Unpin + ?Sized,
    B: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    assert!(
        a_to_b > 0 && b_to_a > 0,
        "copy_bidirectional: through a buffer of 0 bytes nothing can be copied"
    );
    let (mut there, mut back) = (OneWay::Copying(Pump::new(a_to_b)), OneWay::Copying(Pump::new(b_to_a)));
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
                    ready!(writer.as_mut().poll_close(cx))?;
                    OneWay::Done(*copied)
                }
                OneWay::Done(copied) => return Poll::Ready(Ok(*copied)),
            };
        }
    }
}
