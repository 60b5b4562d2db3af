//! One connection: which protocol it speaks, which limits it has, and how it ends.
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

/// Requests of an HTTP/2 connection at a time: the number that RFC 9113, 6.5.2, names as the least.
const MAX_STREAMS: u32 = 100;
/// Bytes of a response that wait for an HTTP/2 client, in pieces: four frames of the usual size. hyper's own default is
/// 400 KiB.
const MAX_SEND_BUFFER: usize = 64 * 1024;
/// Bytes of the head of an HTTP/2 request.
const MAX_HEAD: u32 = 16 * 1024;

/// How HTTP is spoken on a connection: HTTP/1 or HTTP/2, as the client begins, with limits of time.
///
/// [`serve`](crate::serve) has one for all connections. Use it by itself where you accept connections in another way.
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
    /// 30 seconds for the head of an HTTP/1 request, 60 for a connection on which nothing is done.
    ///
    /// What an HTTP/2 connection may keep in memory is the product of two limits: 100 requests at a time, and 64 KiB of
    /// each response, plus the piece that a body gives last. So a body that comes in small pieces is bounded at 6.4 MB for
    /// a connection, and one that is a single `String` is held as a whole until the client has taken it. What comes in and
    /// is not read by the service yet is 1 MiB at most for all requests together, and a head has 16 KiB. HTTP/1 answers one
    /// request after the other, and keeps some 400 KB at most in either direction. [`configure`](Http::configure) sets
    /// other limits.
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

    /// How long an HTTP/1 client may take for the head of a request, from when the server is ready for it: so an idle
    /// connection ends after this as well. `None`: as long as it likes.
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

    /// How long nothing need be done on a connection, with either protocol, before it is ended in a graceful way: requests
    /// that are being answered still get their answers. `None`: as long as it likes.
    ///
    /// Something is done when a request comes, and when a part of its body arrives or of its response leaves. The pings of
    /// HTTP/2 are nothing, and half of a head is no request.
    ///
    /// A connection is cut, without a graceful end:
    ///
    /// - when the client takes nothing of a response for this time, be it that it does not read, or that its window of
    ///   HTTP/2 is closed;
    /// - when the client has been told to go, has no request under way, and stays for another period, or for ten seconds
    ///   if that is less. So a client of HTTP/2 that does not answer is cut, and so is one that has sent half of a head.
    ///
    /// The second rule holds after `stop` as well, even with `None` here. A service that takes long for an answer is never
    /// hurried, also if what it waits for is the body of the request: [`TimeoutBody`](crate::TimeoutBody) limits that.
    ///
    /// It is not measured exactly, since that would cost every request a look at the clock: a connection ends after
    /// once to twice this time.
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

    /// All that hyper can be told: sizes, windows, numbers of streams.
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

    /// Serves a connection until the client has closed it, or, once `stop` is cancelled, until the requests that it has
    /// made are answered.
    ///
    /// A connection that is upgraded, to a WebSocket say, belongs to whoever asked for it: this ends then.
    ///
    /// # Errors
    ///
    /// What hyper says about the connection: the client has vanished, or does not speak HTTP. `TimedOut`, as a
    /// [`std::io::Error`], if the client was cut off: see [`idle_timeout`](Http::idle_timeout). Nobody else is concerned.
    ///
    /// # Panics
    ///
    /// Outside a runtime. What `service` panics with goes on to the caller, but for HTTP/2, where each request is a
    /// task.
    ///
    /// # Cancel safety
    ///
    /// The connection is closed if it is dropped.
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

    /// After `stop`, `cut` ends it in any way. `tell` hears of requests that have failed alone.
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

/// Whether this is hyper-util's word for a connection that was ended before it was known what it speaks.
fn has_said_nothing(error: &BoxError) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::Interrupted)
}
