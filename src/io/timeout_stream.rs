//! A stream whose peer has only so much time.
//!
//! ```text
//!   poll_read, poll_write ──▶ the stream: ready? ──▶ given to the caller; what was waited for begins anew
//!                                        pending? ─▶ since when? how long may it? ──▶ a timer, or the error
//! ```
//!
//! Invariants:
//! 1. Who does not have to wait pays nothing: no clock, no timer. A limit runs from the first poll that has to wait.
//! 2. A timer is only moved when it would fire too late. One that fires too early, because something has moved
//!    meanwhile, is set to where it belongs then: once per limit, and not with each read.
//! 3. Reading and writing have a timer each, since two tasks may wait for them.
//!
//! In tokio: the crate `tokio-io-timeout`, which moves a timer for each read that waits.

#[cfg(feature = "hyper")]
mod hyper;
#[cfg(feature = "tokio")]
mod tokio;

use super::{AsyncRead, AsyncWrite};
use ayi_runtime::task::coop;
use ayi_runtime::time::{Duration, Instant, Sleep, sleep_until};
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A stream of any kind, with limits for how long its peer may take. Without any, it is the stream itself.
///
/// | limit | for | ends |
/// |---|---|---|
/// | [`set_idle_timeout`](TimeoutStream::set_idle_timeout) | nothing moves, in either direction | clients that are gone, or have forgotten us |
/// | [`set_write_timeout`](TimeoutStream::set_write_timeout) | the peer takes nothing of what is written to it | clients that do not read |
/// | [`set_time_limit`](TimeoutStream::set_time_limit) | what is done now, as a whole: the head of a request, its body, a response | clients that send or take a byte now and then |
/// | [`set_lifetime`](TimeoutStream::set_lifetime) | the connection | clients that never leave |
///
/// A limit is looked at when a read or a write has to wait: what can be had at once is had, be it too late. When it is
/// over, the operation gives `TimedOut`, with a text that says which limit it was; [`TimeLimit::of`] says it to code.
/// The stream is not closed by that: what to say to the peer, and whether, is up to you.
///
/// It has those traits for reading and writing that the stream has: of `futures-io`, and of tokio and hyper with the
/// features of these names. A read or a write that waits has to be awaited in a runtime.
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
    /// By `TimeLimit`.
    limits: [Option<Limit>; 4],
    /// A read was the last to wait: somebody may still.
    is_read_waiting: bool,
    read_timer: Option<Sleep>,
    /// (Not many writes ever wait.)
    write_timer: Option<Box<Sleep>>,
}

#[derive(Clone, Copy)]
struct Limit {
    after: Duration,
    /// Of the first wait that counts.
    since: Option<Instant>,
}

/// Which limit of a [`TimeoutStream`] is over.
///
/// # Examples
///
/// ```
/// use ayi::io::TimeLimit;
/// let other = std::io::Error::from(std::io::ErrorKind::TimedOut);
/// assert_eq!(TimeLimit::of(&other), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeLimit {
    /// [`TimeoutStream::set_idle_timeout`]
    Idle,
    /// [`TimeoutStream::set_write_timeout`]
    Write,
    /// [`TimeoutStream::set_time_limit`]
    Step,
    /// [`TimeoutStream::set_lifetime`]
    Lifetime,
}

const FOR_READS: &[TimeLimit] = &[TimeLimit::Idle, TimeLimit::Step, TimeLimit::Lifetime];
const FOR_WRITES: &[TimeLimit] = &[TimeLimit::Idle, TimeLimit::Write, TimeLimit::Step, TimeLimit::Lifetime];

impl TimeLimit {
    /// The limit that an error of a [`TimeoutStream`] is about. `None` for all other errors.
    ///
    /// # Examples
    ///
    /// See [`TimeoutStream`].
    pub fn of(error: &io::Error) -> Option<TimeLimit> {
        error.get_ref()?.downcast_ref::<Exceeded>().map(|exceeded| exceeded.limit)
    }
}

impl<S> TimeoutStream<S> {
    /// Without limits, so far.
    ///
    /// # Examples
    ///
    /// See [`TimeoutStream`].
    pub fn new(stream: S) -> TimeoutStream<S> {
        let limits = [None; 4];
        TimeoutStream { stream, limits, is_read_waiting: false, read_timer: None, write_timer: None }
    }

    /// How long nothing may move, in either direction, while a read or a write waits.
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
        self.set(TimeLimit::Idle, limit.into(), None);
    }

    /// How long a write may wait until the peer takes something. (The kernel takes what fits into its buffers, some
    /// hundred KiB: a write waits when those are full.)
    ///
    /// A peer that takes a byte now and then is within this limit, as it must be for a download that lasts an hour.
    /// Where there is a whole that can be expected in a certain time, use [`set_time_limit`](Self::set_time_limit).
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
        self.set(TimeLimit::Write, limit.into(), None);
    }

    /// How long all that is done from now on may take, until this is called again. Time runs from the first operation
    /// that has to wait.
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
        self.set(TimeLimit::Step, limit.into(), None);
    }

    /// How long the connection may last, from now on. It ends at a read or write that has to wait, so in the middle of
    /// whatever is going on then: set it far beyond what a peer has reason to need.
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
        self.set(TimeLimit::Lifetime, limit.into(), Some(Instant::now()));
    }

    fn set(&mut self, which: TimeLimit, after: Option<Duration>, since: Option<Instant>) {
        self.limits[which as usize] = after.map(|after| Limit { after, since });
    }

    /// The stream.
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

    /// The stream, mutably. What is done with it is not seen by the limits.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The stream, without limits.
    pub fn into_inner(self) -> S {
        self.stream
    }

    fn after_read<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.is_read_waiting = result.is_pending();
        if result.is_pending() {
            let Some((end, exceeded)) = first_end(&mut self.limits, FOR_READS) else { return Poll::Pending };
            let timer = self.read_timer.get_or_insert_with(|| sleep_until(end));
            return poll_timer(timer, end, cx).map(|()| Err(exceeded.into()));
        }
        self.begin_anew(TimeLimit::Idle, None);
        result
    }

    fn after_write<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_pending() {
            let Some((end, exceeded)) = first_end(&mut self.limits, FOR_WRITES) else { return Poll::Pending };
            let timer = self.write_timer.get_or_insert_with(|| Box::new(sleep_until(end)));
            return poll_timer(timer, end, cx).map(|()| Err(exceeded.into()));
        }
        // A read that waits in another task is not polled for this, so its time has to begin here.
        let is_counted = self.is_read_waiting && self.limits[TimeLimit::Idle as usize].is_some();
        self.begin_anew(TimeLimit::Idle, is_counted.then(Instant::now));
        self.begin_anew(TimeLimit::Write, None);
        result
    }

    fn begin_anew(&mut self, which: TimeLimit, at: Option<Instant>) {
        if let Some(limit) = &mut self.limits[which as usize] {
            limit.since = at;
        }
    }
}

/// Which limit of an operation that waits is over first, and when.
fn first_end(limits: &mut [Option<Limit>; 4], which: &[TimeLimit]) -> Option<(Instant, Exceeded)> {
    let mut first: Option<(Instant, Exceeded)> = None;
    let mut now = None;
    for &which in which {
        let Some(limit) = &mut limits[which as usize] else { continue };
        let since = *limit.since.get_or_insert_with(|| *now.get_or_insert_with(Instant::now));
        // (Beyond what a clock can tell there is no limit.)
        let Some(end) = since.checked_add(limit.after) else { continue };
        if first.as_ref().is_none_or(|(first, _)| end < *first) {
            first = Some((end, Exceeded { limit: which, after: limit.after }));
        }
    }
    first
}

/// Ready at `end`. The timer may be set to any time.
fn poll_timer(timer: &mut Sleep, end: Instant, cx: &mut Context<'_>) -> Poll<()> {
    if timer.deadline() > end {
        Pin::new(&mut *timer).reset(end);
    }
    loop {
        // A stream that always uses up the budget must not starve the limits.
        ready!(match coop::has_budget_remaining() {
            true => Pin::new(&mut *timer).poll(cx),
            false => Pin::new(&mut coop::unconstrained(&mut *timer)).poll(cx),
        });
        if timer.deadline() == end {
            return Poll::Ready(());
        }
        Pin::new(&mut *timer).reset(end);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimeoutStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.after_read(cx, result)
    }

    fn poll_read_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_read_vectored(cx, bufs);
        self.after_read(cx, result)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimeoutStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.after_write(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.after_write(cx, result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        self.after_write(cx, result)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_close(cx);
        self.after_write(cx, result)
    }
}

impl<S: fmt::Debug> fmt::Debug for TimeoutStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = |which: TimeLimit| self.limits[which as usize].map(|limit| limit.after);
        f.debug_struct("TimeoutStream")
            .field("stream", &self.stream)
            .field("idle", &limit(TimeLimit::Idle))
            .field("write", &limit(TimeLimit::Write))
            .field("time_limit", &limit(TimeLimit::Step))
            .field("lifetime", &limit(TimeLimit::Lifetime))
            .finish()
    }
}

#[derive(Debug)]
struct Exceeded {
    limit: TimeLimit,
    after: Duration,
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let after = self.after;
        let (what, setter) = match self.limit {
            TimeLimit::Idle => ("nothing has been read or written for", "set_idle_timeout"),
            TimeLimit::Write => {
                ("the peer has taken nothing of what is written to it for", "set_write_timeout")
            }
            TimeLimit::Step => ("the peer has not let this be finished within", "set_time_limit"),
            TimeLimit::Lifetime => ("the connection has lasted for", "set_lifetime"),
        };
        write!(
            f,
            "{what} {after:?}, which is its limit: close the connection, or allow more with `TimeoutStream::{setter}`"
        )
    }
}

impl std::error::Error for Exceeded {}

impl From<Exceeded> for io::Error {
    fn from(exceeded: Exceeded) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, exceeded)
    }
}
