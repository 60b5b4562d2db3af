//! A stream with limits for how long its peer may take.
//!
//! ```text
//!   poll_read, poll_write ──▶ the stream: ready? ──▶ given to the caller; what was waited for begins anew
//!                                        pending? ─▶ since when? how long may it? ──▶ a timer, or the error
//! ```
//!
//! Invariants:
//! 1. An operation that does not have to wait costs no timer, only a look at the clock after every `LOOK` operations,
//!    in case the peer is never slow. A limit runs from the first poll that has to wait, or that looks.
//! 2. A timer is moved only when it would fire too late. One that fires too early, because bytes have moved meanwhile,
//!    is then set to the right time: once per limit, and not once per read.
//! 3. Reading and writing have a timer each, because two tasks may wait for them. Both are told of a limit that is
//!    over, each once. The limit then begins anew for that direction with its next wait. Only the lifetime stays over.
//! 4. Telling an error again is charged to the budget, so a loop that continues after each error gives way.
//!
//! In tokio: the crate `tokio-io-timeout`, which moves a timer for each read that waits.

mod limits;

pub use limits::TimeLimit;

use crate::{AsyncRead, AsyncWrite, ReadBuf};
use ayi_runtime::time::{Duration, Instant, Sleep, sleep_until};
use limits::{Direction, Limits};
use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A stream of any kind, with limits for how long its peer may take. Without limits it behaves like the stream itself.
///
/// | limit | for | ends |
/// |---|---|---|
/// | [`set_idle_timeout`](TimeoutStream::set_idle_timeout) | nothing moves, in either direction | clients that are gone, or have forgotten us |
/// | [`set_write_timeout`](TimeoutStream::set_write_timeout) | the peer takes nothing of what is written to it | clients that do not read |
/// | [`set_time_limit`](TimeoutStream::set_time_limit) | what is done now, as a whole: the head of a request, its body, a response | clients that send or take a byte now and then |
/// | [`set_lifetime`](TimeoutStream::set_lifetime) | the connection | clients that never leave |
///
/// A limit is checked when a read or a write has to wait. What can be had at once is returned, however late it is; if
/// no operation ever has to wait, the limits are checked now and then. When a limit is over, the operation returns
/// `TimedOut`. Its text says which limit it was, and [`TimeLimit::of`] says so to code.
/// The error does not close the stream: whether and what to say to the peer is up to you. If you continue, the limit
/// begins anew with the next read or write that has to wait, as `SO_RCVTIMEO` does. Only the lifetime stays over.
///
/// It reads and writes if the stream does. A read or a write that waits must be awaited in a runtime.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// use ayi::io::{AsyncReadExt, AsyncWriteExt, TimeLimit, TimeoutStream, duplex};
/// use ayi::time::Duration;
///
/// let (mut client, server) = duplex(64);
/// let mut server = TimeoutStream::new(server);
/// server.set_write_timeout(Duration::from_secs(30));
///
/// server.set_time_limit(Duration::from_millis(10)); // for the whole request, however many reads it takes
/// client.write_all(b"GET / HT").await?;
/// let mut request = Vec::new();
/// let error = server.read_to_end(&mut request).await.unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
/// assert_eq!(TimeLimit::of(&error), Some(TimeLimit::Step));
///
/// server.set_time_limit(None);
/// server.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").await?;
/// # Ok(())
/// # }
/// ```
pub struct TimeoutStream<S> {
    stream: S,
    limits: Limits,
    /// Whether the last read had to wait: its task may be waiting still.
    is_read_waiting: bool,
    /// Whether the last write, flush or shutdown had to wait.
    is_write_waiting: bool,
    /// How many operations have not had to wait since the limits were last checked.
    unseen: u8,
    read_timer: Option<Sleep>,
    /// Boxed, because few writes ever wait.
    write_timer: Option<Box<Sleep>>,
}

/// After this many operations that did not have to wait, the limits are checked. It is half of a budget, so that a look
/// at the clock, some 20 ns, is small against 64 system calls.
const LOOK: u8 = 64;

impl<S> TimeoutStream<S> {
    /// Wraps `stream`, without any limit yet.
    ///
    /// # Examples
    ///
    /// See [`TimeoutStream`].
    pub fn new(stream: S) -> TimeoutStream<S> {
        TimeoutStream {
            stream,
            limits: Limits::default(),
            is_read_waiting: false,
            is_write_waiting: false,
            unseen: 0,
            read_timer: None,
            write_timer: None,
        }
    }

    /// Limits how long nothing may move, in either direction, while a read or a write waits.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ayi::{io::TimeoutStream, net::TcpStream, time::Duration};
    /// # fn settings(stream: TcpStream) {
    /// let mut stream = TimeoutStream::new(stream);
    /// stream.set_idle_timeout(Duration::from_secs(60));
    /// stream.set_idle_timeout(None);
    /// # }
    /// ```
    pub fn set_idle_timeout(&mut self, limit: impl Into<Option<Duration>>) {
        self.limits.set(TimeLimit::Idle, limit.into(), None);
    }

    /// Limits how long a write may wait until the peer takes something. A write waits only when the kernel's buffers
    /// are full, which hold some hundred KiB.
    ///
    /// A peer that takes a byte now and then stays within this limit, as it must for a download that lasts an hour. If
    /// the whole can be expected within a certain time, use [`set_time_limit`](Self::set_time_limit).
    ///
    /// # Examples
    ///
    /// ```
    /// # use ayi::{io::TimeoutStream, net::TcpStream, time::Duration};
    /// # fn settings(stream: TcpStream) {
    /// let mut stream = TimeoutStream::new(stream);
    /// stream.set_write_timeout(Duration::from_secs(30));
    /// # }
    /// ```
    pub fn set_write_timeout(&mut self, limit: impl Into<Option<Duration>>) {
        self.limits.set(TimeLimit::Write, limit.into(), None);
    }

    /// Limits how long everything may take together that is done from now on, until the next call of this function.
    /// Time runs from the first operation that has to wait. After the error, the limit begins anew.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ayi::{io::{AsyncReadExt, AsyncWriteExt, TimeoutStream}, net::TcpStream, time::Duration};
    /// # async fn steps(mut stream: TimeoutStream<TcpStream>) -> std::io::Result<()> {
    /// stream.set_time_limit(Duration::from_secs(10));
    /// let mut request = [0; 1024];
    /// stream.read_exact(&mut request).await?;
    ///
    /// stream.set_time_limit(Duration::from_secs(30));
    /// stream.write_all(&request).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_time_limit(&mut self, limit: impl Into<Option<Duration>>) {
        self.limits.set(TimeLimit::Step, limit.into(), None);
    }

    /// Limits how long the connection may last from now on. It ends at a read or write that has to wait, so it may end
    /// in the middle of a request: choose far more than a peer can reasonably need. After that, each read and write
    /// that would have to wait fails at once.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ayi::{io::TimeoutStream, net::TcpStream, time::Duration};
    /// # fn settings(stream: TcpStream) {
    /// let mut stream = TimeoutStream::new(stream);
    /// stream.set_lifetime(Duration::from_secs(24 * 60 * 60));
    /// # }
    /// ```
    pub fn set_lifetime(&mut self, limit: impl Into<Option<Duration>>) {
        self.limits.set(TimeLimit::Lifetime, limit.into(), Some(Instant::now()));
    }

    /// Returns the stream.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ayi::{io::TimeoutStream, net::TcpStream};
    /// # fn peer(stream: TimeoutStream<TcpStream>) -> std::io::Result<()> {
    /// println!("{}", stream.get_ref().peer_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Returns the stream, mutably. The limits do not see what is done with it.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Returns the stream, without limits.
    pub fn into_inner(self) -> S {
        self.stream
    }

    fn poll_read_with<T>(
        &mut self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>>
    where
        S: Unpin,
    {
        self.look(Direction::Read)?;
        let result = poll(Pin::new(&mut self.stream), cx);
        self.is_read_waiting = result.is_pending();
        if result.is_ready() {
            self.limits.begin_anew(TimeLimit::Idle, None);
            return result;
        }
        self.unseen = 0;
        let Some(end) = self.limits.first_end(Direction::Read) else { return Poll::Pending };
        let timer = self.read_timer.get_or_insert_with(|| sleep_until(end.at));
        ready!(end.poll(timer, cx));
        self.is_read_waiting = false;
        Poll::Ready(Err(self.limits.over(&end, self.is_write_waiting)))
    }

    fn poll_write_with<T>(
        &mut self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>>
    where
        S: Unpin,
    {
        self.look(Direction::Write)?;
        let result = poll(Pin::new(&mut self.stream), cx);
        self.after_write(cx, result)
    }

    /// Polls a flush or a shutdown. If there is nothing to write, it is ready at once, and has moved nothing.
    fn poll_flush_with(
        &mut self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>>
    where
        S: Unpin,
    {
        match poll(Pin::new(&mut self.stream), cx) {
            Poll::Ready(result) if !self.is_write_waiting => Poll::Ready(result),
            result => self.after_write(cx, result),
        }
    }

    fn after_write<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.is_write_waiting = result.is_pending();
        if result.is_ready() {
            // This write does not poll a read that waits in another task, so the read's time has to begin here.
            let is_counted = self.is_read_waiting && self.limits.after(TimeLimit::Idle).is_some();
            self.limits.begin_anew(TimeLimit::Idle, is_counted.then(Instant::now));
            self.limits.begin_anew(TimeLimit::Write, None);
            return result;
        }
        self.unseen = 0;
        let Some(end) = self.limits.first_end(Direction::Write) else { return Poll::Pending };
        let timer = self.write_timer.get_or_insert_with(|| Box::new(sleep_until(end.at)));
        ready!(end.poll(timer, cx));
        self.is_write_waiting = false;
        Poll::Ready(Err(self.limits.over(&end, self.is_read_waiting)))
    }

    /// Returns the error of a limit that is over although no operation ever has to wait.
    fn look(&mut self, direction: Direction) -> io::Result<()> {
        self.unseen += 1;
        if self.unseen < LOOK {
            return Ok(());
        }
        self.unseen = 0;
        let is_other_waiting = match direction {
            Direction::Read => self.is_write_waiting,
            Direction::Write => self.is_read_waiting,
        };
        match self.limits.overdue(direction) {
            Some(end) => Err(self.limits.over(&end, is_other_waiting)),
            None => Ok(()),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimeoutStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_read_with(cx, |stream, cx| stream.poll_read(cx, buf))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimeoutStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |stream, cx| stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |stream, cx| stream.poll_write_vectored(cx, bufs))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush_with(cx, |stream, cx| stream.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush_with(cx, |stream, cx| stream.poll_shutdown(cx))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl<S: fmt::Debug> fmt::Debug for TimeoutStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = |which| self.limits.after(which);
        f.debug_struct("TimeoutStream")
            .field("stream", &self.stream)
            .field("idle", &limit(TimeLimit::Idle))
            .field("write", &limit(TimeLimit::Write))
            .field("time_limit", &limit(TimeLimit::Step))
            .field("lifetime", &limit(TimeLimit::Lifetime))
            .finish()
    }
}
