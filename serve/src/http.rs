//! One connection: its protocol, its limits, and how it ends.
//!
//! ```text
//!   reads, writes ──▶ Activity ─┐
//!   requests ───────▶ Work ─────┴▶ Limits ──▶ a graceful end, as when `stop` is cancelled, or a cut
//! ```

use crate::BoxError;
use crate::error::Tell;
use crate::limits::{Limits, Verdict};
use crate::listener::Stream;
use crate::tracked::Tracked;
use crate::watched::Watched;
use crate::work::Work;
use ayi_hyper::{Executor, Timer};
use ayi_runtime::runtime::CancellationToken;
use hyper::body::{Body, Incoming};
use hyper::{Request, Response};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use tower_service::Service;

/// How many requests of an HTTP/2 connection are answered at a time. RFC 9113, 6.5.2, names this number as the least.
const MAX_STREAMS: u32 = 100;
/// How many bytes of a response wait for an HTTP/2 client, in pieces: four frames of the usual size. hyper's own
/// default is 400 KiB.
const MAX_SEND_BUFFER: usize = 64 * 1024;
/// The most bytes of the head of an HTTP/2 request.
const MAX_HEAD: u32 = 16 * 1024;

/// The settings for HTTP on a connection: HTTP/1 or HTTP/2, as the client begins, with time limits.
///
/// [`serve`](crate::serve) has one for all connections. Use it by itself if you accept connections in another way.
///
/// # Examples
///
/// ```no_run
/// use ayi::net::TcpListener;
/// use ayi::{runtime::shutdown_token, spawn};
/// use ayi::serve::Http;
/// # use {hyper::Response, std::convert::Infallible, std::io, std::rc::Rc};
/// # async fn run(listener: TcpListener) -> io::Result<()> {
/// let http = Rc::new(Http::new());
/// loop {
///     let (stream, _) = listener.accept().await?;
///     let http = http.clone();
///     spawn(async move {
///         let hello = tower::service_fn(async |_| Ok::<_, Infallible>(Response::new("hello".to_owned())));
///         http.serve_connection(stream, hello, &shutdown_token()).await
///     });
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Http {
    builder: auto::Builder<Executor>,
    idle_timeout: Option<Duration>,
}

impl Default for Http {
    fn default() -> Http {
        Http::new()
    }
}

impl Http {
    /// Makes the default settings: 30 seconds for the head of an HTTP/1 request, 60 for a connection on which nothing
    /// is done.
    ///
    /// The memory of an HTTP/2 connection is bounded by two limits: 100 requests at a time, and 64 KiB of each
    /// response, plus the last piece that a body returns. So a body that comes in small pieces is bounded at 6.4 MB for
    /// a connection, and one that is a single `String` is held as a whole until the client has taken it. Input that the
    /// service has not read yet is 1 MiB at most for all requests together, and a head has at most 16 KiB. HTTP/1
    /// answers one request after the other, and keeps at most some 400 KB in either direction.
    /// [`configure`](Http::configure) sets other limits.
    pub fn new() -> Http {
        let mut builder = auto::Builder::new(Executor);
        builder.http1().timer(Timer).header_read_timeout(Duration::from_secs(30));
        builder
            .http2()
            .timer(Timer)
            .max_concurrent_streams(MAX_STREAMS)
            .max_send_buf_size(MAX_SEND_BUFFER)
            .max_header_list_size(MAX_HEAD);
        Http { builder, idle_timeout: Some(Duration::from_secs(60)) }
    }

    /// Limits how long an HTTP/1 client may take for the head of a request, from when the server is ready for it. An
    /// idle connection therefore ends after this time as well. `None` means no limit.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// let http = ayi::serve::Http::new().header_read_timeout(Duration::from_secs(5));
    /// ```
    pub fn header_read_timeout(mut self, limit: impl Into<Option<Duration>>) -> Http {
        self.builder.http1().header_read_timeout(limit);
        self
    }

    /// Limits how long nothing may be done on a connection, with either protocol, before it is ended gracefully:
    /// requests that are being answered still get their answers. `None` means no limit.
    ///
    /// Something is done when a request comes, and when a part of its body arrives or of its response leaves. The pings
    /// of HTTP/2 do not count, and half of a head is no request.
    ///
    /// A connection is cut, without a graceful end:
    ///
    /// - when the client takes nothing of a response for this time, because it does not read, or because its window of
    ///   HTTP/2 is closed;
    /// - when the client has been told to go, has no request under way, and stays for another period, or for ten
    ///   seconds if that is less. So a client of HTTP/2 that does not answer is cut, and so is one that has sent half
    ///   of a head.
    ///
    /// The second rule holds after `stop` as well, even with `None` here. A service that takes long for an answer is
    /// never hurried, even if it waits for the body of the request: [`TimeoutBody`](crate::TimeoutBody) limits that.
    ///
    /// The time is not measured exactly, since that would cost every request a look at the clock: a connection ends
    /// after once to twice this time.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// let http = ayi::serve::Http::new().idle_timeout(Duration::from_secs(600));
    /// ```
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Http {
        self.idle_timeout = limit.into();
        self
    }

    /// Sets anything that hyper offers: sizes, windows, numbers of streams.
    ///
    /// # Examples
    ///
    /// ```
    /// let http = ayi::serve::Http::new().configure(|hyper| {
    ///     hyper.http1().max_buf_size(64 * 1024);
    ///     hyper.http2().max_concurrent_streams(50);
    /// });
    /// ```
    pub fn configure(mut self, configure: impl FnOnce(&mut auto::Builder<Executor>)) -> Http {
        configure(&mut self.builder);
        self
    }

    /// Serves a connection until the client has closed it. Once `stop` is cancelled, it ends as soon as the requests
    /// that the client has made are answered.
    ///
    /// If a connection is upgraded, for example to a WebSocket, it belongs to the code that asked for it, and this
    /// ends.
    ///
    /// # Errors
    ///
    /// Returns hyper's error about the connection: the client has vanished, or does not speak HTTP. Returns `TimedOut`,
    /// as a [`std::io::Error`], if the client was cut off: see [`idle_timeout`](Http::idle_timeout). Nobody else is
    /// concerned.
    ///
    /// # Panics
    ///
    /// Panics outside a runtime. A panic of `service` continues in the caller, except with HTTP/2, where each request
    /// is a task.
    ///
    /// # Cancel safety
    ///
    /// The connection is closed if the future is dropped.
    pub async fn serve_connection<I, S, B>(
        &self,
        io: I,
        service: S,
        stop: &CancellationToken,
    ) -> Result<(), BoxError>
    where
        I: Stream,
        S: Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>, Future: 'static>,
        S: Clone + 'static,
        B: Body<Error: Into<BoxError>> + 'static,
    {
        self.serve(io, service, stop, None, None).await
    }

    /// Serves like `serve_connection`. After `stop`, `cut` ends the connection in any case. `tell` hears of single
    /// requests that have failed.
    pub(crate) async fn serve<I, S, B>(
        &self,
        io: I,
        service: S,
        stop: &CancellationToken,
        cut: Option<&CancellationToken>,
        tell: Tell,
    ) -> Result<(), BoxError>
    where
        I: Stream,
        S: Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>, Future: 'static>,
        S: Clone + 'static,
        B: Body<Error: Into<BoxError>> + 'static,
    {
        let (io, activity) = Watched::new(io);
        let work = Work::new(tell);
        let service = Tracked::new(TowerToHyperService::new(service), work.clone());
        let mut connection = pin!(self.builder.serve_connection_with_upgrades(io, service));
        let mut stopped = pin!(stop.cancelled());
        let mut cut = pin!(cut.map(CancellationToken::cancelled));
        let mut limits = Limits::new(self.idle_timeout, work, &activity);
        poll_fn(|cx| {
            loop {
                if let Poll::Ready(result) = connection.as_mut().poll(cx) {
                    let is_cancelled = limits.is_ending() && result.as_ref().is_err_and(has_said_nothing);
                    return Poll::Ready(if is_cancelled { Ok(()) } else { result });
                }
                match limits.poll(cx) {
                    Poll::Ready(Verdict::Cut(error)) => return Poll::Ready(Err(error.into())),
                    Poll::Ready(Verdict::EndGracefully) => {}
                    Poll::Pending if limits.is_ending() => {
                        let Some(cut) = cut.as_mut().as_pin_mut() else { return Poll::Pending };
                        return cut.poll(cx).map(|()| Err(cut_at_the_end().into()));
                    }
                    Poll::Pending if stopped.as_mut().poll(cx).is_pending() => return Poll::Pending,
                    Poll::Pending => {}
                }
                limits.end();
                connection.as_mut().graceful_shutdown();
            }
        })
        .await
    }
}

fn cut_at_the_end() -> io::Error {
    let text = "the connection had not ended when the server's time was up, and was closed; \
                `Serve::shutdown_timeout` sets how long it has";
    io::Error::new(io::ErrorKind::TimedOut, text)
}

/// Returns whether this is hyper-util's error for a connection that ended before its protocol was known.
fn has_said_nothing(error: &BoxError) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::Interrupted)
}
