//! The server: accepts, gives each connection a task, and ends when all of them have.

use crate::BoxError;
use crate::connect_info::{ConnectInfo, WithInfo};
use crate::error::{Hook, ServeError, Stage, Tell};
use crate::http::Http;
use crate::listener::{Listener, Stream};
use crate::open::{Guard, Open};
use ayi_runtime::runtime::{CancellationToken, shutdown_token};
use ayi_runtime::spawn;
use ayi_runtime::task::yield_now;
use ayi_runtime::time::sleep;
use hyper::body::{Body, Incoming};
use hyper::{Request, Response};
use std::error::Error;
use std::future::{pending, poll_fn, ready};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;
use tower_service::Service;

/// Serves the connections that come from `listener`, each in a task of its own, with `service`, for example an axum
/// `Router`. `service` is cloned for each request.
///
/// Await the returned value. It accepts until the runtime's [`shutdown_token`] is cancelled, or the future of
/// [`with_graceful_shutdown`](Serve::with_graceful_shutdown) is ready. Then it closes the listener, ends connections
/// that wait for a request, and lets the others finish the requests they have. It returns when the last connection is
/// closed, or when the [limit](Serve::shutdown_timeout) is over.
///
/// # Errors
///
/// Awaiting it returns the errors of [`Listener::accept`], unless they concern one client, and `TimedOut` if
/// connections had to be cut at the end.
///
/// # Panics
///
/// Panics when it is polled outside a runtime.
///
/// # Cancel safety
///
/// If the future is dropped, nothing more is accepted. Open connections go on, and end when [`shutdown_token`] is
/// cancelled.
///
/// # Examples
///
/// ```
/// use ayi::net::TcpListener;
/// use hyper::{Request, Response, body::Incoming};
/// use std::{cell::Cell, convert::Infallible, rc::Rc};
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let visits = Rc::new(Cell::new(0));
/// let app = tower::service_fn(move |_: Request<Incoming>| {
///     visits.set(visits.get() + 1);
///     let text = format!("you are visitor {}\n", visits.get());
///     async { Ok::<_, Infallible>(Response::new(text)) }
/// });
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// # ayi::runtime::shutdown_token().cancel();
/// ayi::serve::serve(listener, app).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub fn serve<L: Listener, S>(listener: L, service: S) -> Serve<L, S> {
    Serve {
        listener,
        service,
        http: Http::new(),
        connect_info: None,
        on_error: None,
        handshake: |io| ready(Ok(io)),
        handshake_timeout: Duration::from_secs(10),
        signal: None,
        shutdown_timeout: None,
        max_connections: usize::MAX,
    }
}

/// A server, made by [`serve`]. It has the settings, and runs when it is awaited.
#[must_use = "it serves nothing unless it is awaited"]
pub struct Serve<L: Listener, S, H = NoHandshake<<L as Listener>::Io>> {
    listener: L,
    service: S,
    http: Http,
    connect_info: Option<Rc<ConnectInfo<L::Addr>>>,
    on_error: Option<Rc<Hook<L::Addr>>>,
    handshake: H,
    handshake_timeout: Duration,
    signal: Option<Pin<Box<dyn Future<Output = ()>>>>,
    shutdown_timeout: Option<Duration>,
    max_connections: usize,
}

/// Without a handshake, streams are served as they are accepted.
type NoHandshake<I> = fn(I) -> std::future::Ready<io::Result<I>>;

impl<L: Listener, S, H> Serve<L, S, H> {
    /// Sets how HTTP is spoken, with its time limits.
    ///
    /// # Examples
    ///
    /// ```
    /// # use {ayi::net::TcpListener, std::time::Duration};
    /// use ayi::serve::{Http, serve};
    /// # fn settings<S>(listener: TcpListener, app: S) {
    /// let server = serve(listener, app).with_http(Http::new().idle_timeout(Duration::from_secs(5)));
    /// # }
    /// ```
    pub fn with_http(mut self, http: Http) -> Self {
        self.http = http;
        self
    }

    /// Gives each request an extension that `info` makes of the client's address.
    ///
    /// # Examples
    ///
    /// An axum handler takes it as `Extension<SocketAddr>`. For axum's own extractor, which its feature `tokio` has,
    /// write `with_connect_info(|peer| axum::extract::ConnectInfo(*peer))`. Any other service:
    ///
    /// ```
    /// # use {ayi::net::TcpListener, hyper::{Request, Response, body::Incoming}};
    /// # use std::{convert::Infallible, net::SocketAddr};
    /// # fn settings(listener: TcpListener) {
    /// let app = tower::service_fn(async |request: Request<Incoming>| {
    ///     let peer: &SocketAddr = request.extensions().get().expect("the server enters it");
    ///     Ok::<_, Infallible>(Response::new(format!("you are {peer}\n")))
    /// });
    /// let server = ayi::serve::serve(listener, app).with_connect_info(|peer| *peer);
    /// # }
    /// ```
    pub fn with_connect_info<C>(mut self, info: impl Fn(&L::Addr) -> C + 'static) -> Self
    where
        C: Clone + Send + Sync + 'static,
    {
        self.connect_info = Some(Rc::new(move |peer, extensions| {
            extensions.insert(info(peer));
        }));
        self
    }

    /// Calls `hook` for each error that concerns a single client and would be lost otherwise: in the handshake, on the
    /// connection, or in one request of HTTP/2. An error that ends the server is returned to the caller instead.
    ///
    /// Most of them are clients that vanish, so a hook that logs should limit itself, and one that counts should count
    /// by [`Stage`]. It is called in the connection's task, on the server's thread: a slow hook keeps all others
    /// waiting.
    ///
    /// # Panics
    ///
    /// A panic of `hook` ends the task that has called it: that of the connection or of the request.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{cell::Cell, rc::Rc};
    /// # fn settings<S>(listener: ayi::net::TcpListener, app: S) {
    /// let errors = Rc::new(Cell::new(0));
    /// let server = ayi::serve::serve(listener, app).on_error(move |error| {
    ///     errors.set(errors.get() + 1);
    ///     eprintln!("{error}"); // "handshake with 192.0.2.7:40112: …"
    /// });
    /// # }
    /// ```
    pub fn on_error(mut self, hook: impl Fn(&ServeError<'_, L::Addr>) + 'static) -> Self {
        self.on_error = Some(Rc::new(hook));
        self
    }

    /// Makes another stream of each that is accepted, for example TLS. This happens in the connection's task, so that a
    /// slow client holds up nobody, and may take [ten seconds](Serve::handshake_timeout). If it fails, the connection
    /// is closed, and [`on_error`](Serve::on_error) is told.
    ///
    /// # Examples
    ///
    /// For TLS, see `tls` of `examples/web`: its handshake is `async { tls.accept(stream).await.map(FuturesIo) }`, by
    /// `futures-rustls`. In this example, only root is let in:
    ///
    /// ```
    /// # use {ayi::net::{UnixListener, UnixStream}, std::io};
    /// # fn settings<S>(listener: UnixListener, app: S) {
    /// let server = ayi::serve::serve(listener, app).with_handshake(async |stream: UnixStream| {
    ///     match stream.peer_cred()?.uid() {
    ///         0 => Ok(stream),
    ///         _ => Err(io::Error::from(io::ErrorKind::PermissionDenied)),
    ///     }
    /// });
    /// # }
    /// ```
    pub fn with_handshake<G, F>(self, handshake: G) -> Serve<L, S, G>
    where
        G: Fn(L::Io) -> F,
    {
        Serve {
            listener: self.listener,
            service: self.service,
            http: self.http,
            connect_info: self.connect_info,
            on_error: self.on_error,
            handshake,
            handshake_timeout: self.handshake_timeout,
            signal: self.signal,
            shutdown_timeout: self.shutdown_timeout,
            max_connections: self.max_connections,
        }
    }

    /// Limits how long the [handshake](Serve::with_handshake) may take. The default is ten seconds.
    ///
    /// # Examples
    ///
    /// ```
    /// # use {ayi::net::TcpListener, std::time::Duration};
    /// # fn settings<S>(listener: TcpListener, app: S) {
    /// let server = ayi::serve::serve(listener, app).handshake_timeout(Duration::from_secs(3));
    /// # }
    /// ```
    pub fn handshake_timeout(mut self, limit: Duration) -> Self {
        self.handshake_timeout = limit;
        self
    }

    /// Stops the server gracefully when `signal` is ready. Without this it stops only when [`shutdown_token`] is
    /// cancelled, which stops it in any case.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ayi::net::TcpListener;
    /// use ayi::runtime::CancellationToken;
    /// # fn settings<S>(listener: TcpListener, app: S) {
    /// let stop = CancellationToken::new();
    /// let server = ayi::serve::serve(listener, app).with_graceful_shutdown(stop.clone().cancelled_owned());
    /// # }
    /// ```
    pub fn with_graceful_shutdown(mut self, signal: impl Future + 'static) -> Self {
        self.signal = Some(Box::pin(async { drop(signal.await) }));
        self
    }

    /// Limits how long connections have to finish their requests, once the server is to stop. Those that have not
    /// finished are closed then. By default there is no limit.
    ///
    /// # Examples
    ///
    /// ```
    /// # use {ayi::net::TcpListener, std::time::Duration};
    /// # fn settings<S>(listener: TcpListener, app: S) {
    /// let server = ayi::serve::serve(listener, app).shutdown_timeout(Duration::from_secs(15));
    /// # }
    /// ```
    pub fn shutdown_timeout(mut self, limit: Duration) -> Self {
        self.shutdown_timeout = Some(limit);
        self
    }

    /// Limits how many connections may be open at once. Further clients wait in the listener's queue until one is
    /// closed. By default there is no limit.
    ///
    /// A connection that was upgraded, for example to a WebSocket, no longer belongs to this server, and does not
    /// count. If there is a server on each of several cores, each counts its own connections.
    ///
    /// # Panics
    ///
    /// Panics if `limit` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ayi::net::TcpListener;
    /// # fn settings<S>(listener: TcpListener, app: S) {
    /// let server = ayi::serve::serve(listener, app).max_connections(10_000);
    /// # }
    /// ```
    ///
    /// A limit for requests, on all cores together, is a semaphore in the service:
    ///
    /// ```
    /// use ayi::sync::Semaphore;
    /// # use {hyper::{Request, Response, body::Incoming}, std::convert::Infallible};
    /// static QUERIES: Semaphore = Semaphore::new(20);
    ///
    /// let app = tower::service_fn(async |_: Request<Incoming>| {
    ///     let _permit = QUERIES.acquire().await.expect("nobody closes it");
    ///     Ok::<_, Infallible>(Response::new(String::from("twenty of these at a time")))
    /// });
    /// # fn settings<S>(_: S) {}
    /// # settings(app);
    /// ```
    pub fn max_connections(mut self, limit: usize) -> Self {
        assert!(
            limit > 0,
            "with at most 0 connections a server serves nobody: give `max_connections` at least 1"
        );
        self.max_connections = limit;
        self
    }
}

impl<L, S, H, F, I, B> IntoFuture for Serve<L, S, H>
where
    L: Listener,
    H: Fn(L::Io) -> F + 'static,
    F: Future<Output = io::Result<I>> + 'static,
    I: Stream,
    S: Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>, Future: 'static>,
    S: Clone + 'static,
    B: Body<Error: Into<BoxError>> + 'static,
{
    type Output = io::Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<()>>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<L, S, H, F, I, B> Serve<L, S, H>
where
    L: Listener,
    H: Fn(L::Io) -> F + 'static,
    F: Future<Output = io::Result<I>> + 'static,
    I: Stream,
    S: Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>, Future: 'static>,
    S: Clone + 'static,
    B: Body<Error: Into<BoxError>> + 'static,
{
    async fn run(mut self) -> io::Result<()> {
        let signal = self.signal.take().unwrap_or_else(|| Box::pin(pending()));
        let connections = Rc::new(Connections {
            http: self.http,
            on_error: self.on_error,
            handshake: self.handshake,
            handshake_timeout: self.handshake_timeout,
            stop: shutdown_token().child_token(),
            cut: CancellationToken::new(),
        });
        let open = Rc::new(Open::default());
        let mut signal = pin!(either(signal, shutdown_token().cancelled_owned()));
        loop {
            let accept = async {
                open.at_most(self.max_connections - 1).await;
                self.listener.accept().await
            };
            let accepted = unless(signal.as_mut(), pin!(accept)).await;
            let Some(accepted) = accepted else { break };
            let (io, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) if concerns_one_client(&error) => {
                    connections.tell(None, Stage::Accept, &error);
                    // A listener that returns one such error after the other must not keep the connections waiting.
                    yield_now().await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let peer = Rc::new(peer);
            let service = WithInfo::new(self.service.clone(), peer.clone(), self.connect_info.clone());
            spawn(connections.clone().serve(open.enter(), io, peer, service));
        }
        // New clients should go elsewhere from now on.
        drop(self.listener);
        connections.stop.cancel();
        let limit = async {
            match self.shutdown_timeout {
                Some(limit) => sleep(limit).await,
                None => pending().await,
            }
        };
        if unless(pin!(limit), pin!(open.at_most(0))).await.is_some() {
            return Ok(());
        }
        let left = open.count();
        connections.cut.cancel();
        open.at_most(0).await;
        Err(cut_off(left))
    }
}

fn cut_off(connections: usize) -> io::Error {
    let text = format!(
        "connections that had not ended when the server's time was up, and were closed: {connections}; \
         `Serve::shutdown_timeout` sets how long they have"
    );
    io::Error::new(io::ErrorKind::TimedOut, text)
}

/// Returns whether a client has gone before it was accepted (accept(2)), so that the next one may be accepted.
fn concerns_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// What the tasks of connections share.
struct Connections<H, A> {
    http: Http,
    on_error: Option<Rc<Hook<A>>>,
    handshake: H,
    handshake_timeout: Duration,
    /// Cancelled when they have to end gracefully.
    stop: CancellationToken,
    /// Cancelled later, when those that remain have to end in any case.
    cut: CancellationToken,
}

impl<H, A: 'static> Connections<H, A> {
    /// Its errors concern this client alone. The connection counts as open until all its other parts are dropped.
    async fn serve<T, S, F, I, B>(self: Rc<Self>, _counted: Guard, io: T, peer: Rc<A>, service: S)
    where
        H: Fn(T) -> F,
        F: Future<Output = io::Result<I>>,
        I: Stream,
        S: Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>, Future: 'static>,
        S: Clone + 'static,
        B: Body<Error: Into<BoxError>> + 'static,
    {
        let handshake =
            async { unless(pin!(sleep(self.handshake_timeout)), pin!((self.handshake)(io))).await };
        // No request has been made before the handshake is done, so there is nothing to wait for.
        let Some(shaken) = self.stop.run_until_cancelled(handshake).await else { return };
        let io = match shaken.unwrap_or_else(|| Err(too_slow_a_handshake(self.handshake_timeout))) {
            Ok(io) => io,
            Err(error) => return self.tell(Some(&peer), Stage::Handshake, &error),
        };
        let tell = self.tell_of_requests(&peer);
        let served = self.http.serve(io, service, &self.stop, Some(&self.cut), tell).await;
        if let Err(error) = served {
            self.tell(Some(&peer), Stage::Connection, &*error);
        }
    }

    fn tell(&self, peer: Option<&A>, stage: Stage, error: &(dyn Error + Send + Sync + 'static)) {
        if let Some(hook) = &self.on_error {
            hook(&ServeError { peer, stage, error });
        }
    }

    fn tell_of_requests(&self, peer: &Rc<A>) -> Tell {
        let (hook, peer) = (self.on_error.clone()?, peer.clone());
        Some(Rc::new(move |error| hook(&ServeError { peer: Some(&peer), stage: Stage::Request, error })))
    }
}

fn too_slow_a_handshake(limit: Duration) -> io::Error {
    let text = format!(
        "the handshake was not done within {limit:?}, so that the connection was closed; `Serve::handshake_timeout` \
         sets how long it may take"
    );
    io::Error::new(io::ErrorKind::TimedOut, text)
}

/// Returns the output of `future`, unless `end` is ready before.
async fn unless<F: Future>(mut end: Pin<&mut impl Future>, mut future: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => end.as_mut().poll(cx).map(|_| None),
    })
    .await
}

/// Waits for whichever is ready first.
async fn either(one: impl Future, other: impl Future) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|cx| match one.as_mut().poll(cx) {
        Poll::Ready(_) => Poll::Ready(()),
        Poll::Pending => other.as_mut().poll(cx).map(|_| ()),
    })
    .await;
}
