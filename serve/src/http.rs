//! One connection: which protocol it speaks, how long it may idle, and how it ends.
//!
//! ```text
//!   reads, writes ──▶ Activity ◀── Idle: nothing for a whole limit?
//!                                   ├─ the client does not read what waits for it: an error
//!                                   └─ otherwise: a graceful end, as when `stop` is cancelled
//! ```

use crate::BoxError;
use crate::listener::Stream;
use crate::watched::{Activity, Watched};
use ayi_hyper::{Executor, Timer};
use ayi_runtime::runtime::CancellationToken;
use ayi_runtime::time::{Sleep, sleep};
use hyper::body::{Body, Incoming};
use hyper::{Request, Response};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tower_service::Service;

/// How HTTP is spoken on a connection: HTTP/1 or HTTP/2, as the client begins, with limits of time.
///
/// [`serve`](crate::serve) has one for all connections. Use it by itself where you accept connections in another way.
///
/// # Examples
///
/// ```no_run
/// use ayi_net::TcpListener;
/// use ayi_runtime::{runtime::shutdown_token, spawn};
/// use ayi_serve::Http;
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
    /// 30 seconds for the head of an HTTP/1 request, 60 for a connection on which nothing moves.
    pub fn new() -> Http {
        let mut builder = auto::Builder::new(Executor);
        builder.http1().timer(Timer).header_read_timeout(Duration::from_secs(30));
        builder.http2().timer(Timer);
        Http { builder, idle_timeout: Some(Duration::from_secs(60)) }
    }

    /// How long an HTTP/1 client may take for the head of a request, from when the server is ready for it: so an idle
    /// connection ends after this as well. `None`: as long as it likes.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// let http = ayi_serve::Http::new().header_read_timeout(Duration::from_secs(5));
    /// ```
    pub fn header_read_timeout(mut self, limit: impl Into<Option<Duration>>) -> Http {
        self.builder.http1().header_read_timeout(limit);
        self
    }

    /// How long nothing need move on a connection, in either direction and with either protocol, before it is ended in
    /// a graceful way: requests that are being answered still get their answers. Where the client does not take what is
    /// sent to it, the connection is cut. `None`: as long as it likes.
    ///
    /// It is not measured exactly, since that would cost every request a look at the clock: a connection ends after
    /// once to twice this time.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// let http = ayi_serve::Http::new().idle_timeout(Duration::from_secs(600));
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
    /// let http = ayi_serve::Http::new().configure(|hyper| {
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
    /// What hyper says about the connection: the client has vanished, does not speak HTTP, or has used up its time.
    /// Nobody else is concerned.
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
        let (io, activity) = Watched::new(io);
        let service = TowerToHyperService::new(service);
        let mut connection = pin!(self.builder.serve_connection_with_upgrades(io, service));
        let mut stopped = pin!(stop.cancelled());
        let mut idle = self.idle_timeout.map(|limit| Idle::new(limit, &activity));
        let mut is_ending = false;
        poll_fn(|cx| {
            loop {
                if let Poll::Ready(result) = connection.as_mut().poll(cx) {
                    let is_cancelled = is_ending && result.as_ref().is_err_and(has_said_nothing);
                    return Poll::Ready(if is_cancelled { Ok(()) } else { result });
                }
                let is_idle = idle.as_mut().is_some_and(|idle| idle.poll(cx).is_ready());
                if is_idle && activity.is_write_waiting() {
                    return Poll::Ready(Err(too_slow().into()));
                }
                if is_ending || !is_idle && stopped.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                is_ending = true;
                connection.as_mut().graceful_shutdown();
            }
        })
        .await
    }
}

/// Whether this is hyper-util's word for a connection that was ended before it was known what it speaks.
fn has_said_nothing(error: &BoxError) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::Interrupted)
}

fn too_slow() -> io::Error {
    io::Error::new(
        io::ErrorKind::TimedOut,
        "the client has not read what was sent to it within the idle timeout; `Http::idle_timeout` sets how long it \
         may take",
    )
}

/// Is ready whenever nothing has moved for a whole `limit`.
struct Idle<'a> {
    limit: Duration,
    timer: Sleep,
    activity: &'a Activity,
    steps_before: usize,
}

impl Idle<'_> {
    fn new(limit: Duration, activity: &Activity) -> Idle<'_> {
        Idle { limit, timer: sleep(limit), activity, steps_before: activity.steps() }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(Pin::new(&mut self.timer).poll(cx));
            self.timer = sleep(self.limit);
            let steps = self.activity.steps();
            if std::mem::replace(&mut self.steps_before, steps) == steps {
                // The new timer has to be polled before it can wake anybody.
                cx.waker().wake_by_ref();
                return Poll::Ready(());
            }
        }
    }
}
