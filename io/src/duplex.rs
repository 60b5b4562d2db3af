//! Streams in memory: what works on a socket can be tested without one.
//!
//! Invariants of each direction:
//! 1. It never holds more than its size: a writer waits until there is room.
//! 2. A task that waits is woken by the next change: a read makes room for a writer, a write gives a reader bytes, and
//!    a side that is dropped wakes the other for good.
//! 3. Its lock is held only for copying: no waker is cloned, woken or dropped under it.
//!
//! In tokio: `io/util/mem.rs`.

use crate::split::{ReadHalf, WriteHalf, split};
use crate::{AsyncRead, AsyncWrite, ReadBuf};
use ayi_runtime::task::{WaitNote, What, coop};
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

/// Makes two streams in memory that are connected to each other: what is written to one is read from the other. Each
/// direction holds up to `max_buf_size` bytes.
///
/// They work in tasks, threads and executors of any kind. When one is dropped, the other reads what is left and then
/// the end of the stream, and writing to it fails with `BrokenPipe`.
///
/// # Panics
///
/// Panics if `max_buf_size` is 0.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// use ayi::io::{AsyncReadExt, AsyncWriteExt, duplex};
///
/// let (mut client, mut server) = duplex(64);
/// client.write_all(b"ping").await?;
/// let mut buf = [0; 4];
/// server.read_exact(&mut buf).await?;
/// assert_eq!(&buf, b"ping");
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn duplex(max_buf_size: usize) -> (DuplexStream, DuplexStream) {
    let (there, back) = (Arc::new(Pipe::new(max_buf_size)), Arc::new(Pipe::new(max_buf_size)));
    let a = DuplexStream { reads: back.clone(), writes: there.clone() };
    let b = DuplexStream { reads: there, writes: back };
    (a, b)
}

/// Makes the two ends of a stream in memory: what is written to the second is read from the first. It holds up to
/// `max_buf_size` bytes.
///
/// Dropping the end that writes does not end the stream: shut it down before.
///
/// # Panics
///
/// Panics if `max_buf_size` is 0.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// use ayi::io::{AsyncReadExt, AsyncWriteExt, simplex};
/// let (mut reader, mut writer) = simplex(64);
/// writer.write_all(b"tea").await?;
/// writer.shutdown().await?;
/// let mut text = String::new();
/// reader.read_to_string(&mut text).await?;
/// assert_eq!(text, "tea");
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn simplex(max_buf_size: usize) -> (ReadHalf<SimplexStream>, WriteHalf<SimplexStream>) {
    split(SimplexStream::new_unsplit(max_buf_size))
}

/// One of two connected streams in memory, made by [`duplex`].
pub struct DuplexStream {
    reads: Arc<Pipe>,
    writes: Arc<Pipe>,
}

/// A stream in memory that returns to its reader what was written to it. [`simplex`] makes the two ends of one.
pub struct SimplexStream {
    pipe: Pipe,
}

impl SimplexStream {
    /// Makes a stream like [`simplex`], whose ends are one value.
    ///
    /// # Panics
    ///
    /// Panics if `max_buf_size` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() -> std::io::Result<()> {
    /// use ayi::io::{AsyncReadExt, AsyncWriteExt, SimplexStream};
    /// let mut stream = SimplexStream::new_unsplit(64);
    /// stream.write_all(b"tea").await?;
    /// let mut buf = [0; 3];
    /// stream.read_exact(&mut buf).await?;
    /// assert_eq!(&buf, b"tea");
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn new_unsplit(max_buf_size: usize) -> SimplexStream {
        SimplexStream { pipe: Pipe::new(max_buf_size) }
    }
}

/// One direction.
struct Pipe {
    size: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bytes: VecDeque<u8>,
    /// Nothing more will be written: the reader sees the end of the stream after what is left.
    is_closed: bool,
    /// Nothing more will be read.
    is_broken: bool,
    reader: Option<Waiting>,
    writer: Option<Waiting>,
}

struct Waiting {
    waker: Waker,
    note: WaitNote,
}

impl Waiting {
    fn wake(self) {
        self.waker.wake();
    }
}

impl Pipe {
    #[track_caller]
    fn new(size: usize) -> Pipe {
        assert!(
            size > 0,
            "`max_buf_size` must be greater than 0: a stream of 0 bytes could never be written to"
        );
        Pipe { size, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tries `op`, which returns a result and whom to wake for it. If it returns none, leaves the waker of `cx` in
    /// `waits`, to wait for `what`.
    fn poll<R>(
        &self,
        cx: &mut Context<'_>,
        what: What,
        waits: fn(&mut State) -> &mut Option<Waiting>,
        mut op: impl FnMut(&mut State) -> Option<(R, Option<Waiting>)>,
    ) -> Poll<R> {
        // The budget is asked first, so that an operation that is charged for does happen.
        ready!(coop::poll_budget(cx));
        let mut waiting = Waiting { waker: cx.waker().clone(), note: WaitNote::new() };
        let mut state = self.lock();
        let result = op(&mut state);
        let unused = if result.is_none() {
            waiting.note.begin(what, ptr::from_ref(self).addr());
            waits(&mut state).replace(waiting)
        } else {
            Some(waiting)
        };
        drop(state);
        drop(unused);
        let Some((result, wakes)) = result else { return Poll::Pending };
        wakes.into_iter().for_each(Waiting::wake);
        // The budget has something left: it was asked above.
        let _ = pin!(coop::consume_budget()).poll(cx);
        Poll::Ready(result)
    }

    /// Moves bytes to `buf`, in one or two pieces.
    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.poll(
            cx,
            What::new("bytes of a stream in memory"),
            |state| &mut state.reader,
            |state| {
                if buf.remaining() == 0 {
                    return Some((Ok(()), None));
                }
                let n = buf.remaining().min(state.bytes.len());
                let (first, second) = state.bytes.as_slices();
                let split = n.min(first.len());
                buf.put_slice(&first[..split]);
                buf.put_slice(&second[..n - split]);
                state.bytes.drain(..n);
                (n > 0 || state.is_closed).then(|| (Ok(()), state.writer.take()))
            },
        )
    }

    /// Takes bytes of `bufs`, one after the other.
    fn poll_write(&self, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.poll(
            cx,
            What::new("room in a stream in memory"),
            |state| &mut state.writer,
            |state| {
                if state.is_broken || state.is_closed {
                    return Some((Err(io::ErrorKind::BrokenPipe.into()), None));
                }
                if bufs.iter().all(|buf| buf.is_empty()) {
                    return Some((Ok(0), None));
                }
                let before = state.bytes.len();
                for buf in bufs {
                    let room = self.size - state.bytes.len();
                    state.bytes.extend(&buf[..room.min(buf.len())]);
                }
                let written = state.bytes.len() - before;
                (written > 0).then(|| (Ok(written), state.reader.take()))
            },
        )
    }

    fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        let reader = state.reader.take();
        drop(state);
        reader.into_iter().for_each(Waiting::wake);
    }

    /// Ends reading: nobody will read this direction any longer.
    fn give_up(&self) {
        let mut state = self.lock();
        state.is_broken = true;
        state.bytes = VecDeque::new();
        let writer = state.writer.take();
        drop(state);
        writer.into_iter().for_each(Waiting::wake);
    }
}

impl AsyncRead for DuplexStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.reads.poll_read(cx, buf)
    }
}

impl AsyncWrite for DuplexStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.writes.poll_write(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.writes.poll_write(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Ready at once: a byte that is written can be read.
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ends writing: the other end reads what was written, and then the end of the stream.
    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writes.close();
        Poll::Ready(Ok(()))
    }
}

impl Drop for DuplexStream {
    fn drop(&mut self) {
        self.writes.close();
        self.reads.give_up();
    }
}

impl AsyncRead for SimplexStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.pipe.poll_read(cx, buf)
    }
}

impl AsyncWrite for SimplexStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.pipe.poll_write(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.pipe.poll_write(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Ready at once: a byte that is written can be read.
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ends writing: the end of the stream comes after what was written.
    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pipe.close();
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for DuplexStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DuplexStream").field("max_buf_size", &self.reads.size).finish_non_exhaustive()
    }
}

impl fmt::Debug for SimplexStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimplexStream").field("max_buf_size", &self.pipe.size).finish_non_exhaustive()
    }
}
