//! A web application, as one writes it for tokio: it does not know of ayi.

use axum::Router;
use axum::body::Body;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::{any, get, post};
use futures_util::{Stream, StreamExt};
use std::convert::Infallible;
use std::future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, broadcast};
use tokio_stream::wrappers::BroadcastStream;
use tower_http::timeout::TimeoutLayer;

/// What the handlers share.
#[derive(Clone)]
pub struct App {
    /// What is sent here goes to each listener of `/events`.
    pub events: broadcast::Sender<String>,
    /// Gets a permit for each handler of `/never` that is dropped.
    pub dropped: Arc<Semaphore>,
    /// What a handler of `/gate` waits for.
    pub gate: Arc<Semaphore>,
}

impl App {
    pub fn new() -> App {
        App {
            events: broadcast::Sender::new(16),
            dropped: Arc::new(Semaphore::new(0)),
            gate: Arc::new(Semaphore::new(0)),
        }
    }

    /// Returns the routes. A handler that takes longer than `limit` is dropped, and its client gets a 408.
    pub fn router(self, limit: Duration) -> Router {
        Router::new()
            .route("/hello/{name}", get(hello))
            .route("/thread", get(thread))
            .route("/count", post(count))
            .route("/never", get(never))
            .route("/events", get(events))
            .route("/echo", any(echo))
            .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, limit))
            // Added later, so it has no limit.
            .route("/gate", get(gate))
            .with_state(self)
    }
}

impl Default for App {
    fn default() -> App {
        App::new()
    }
}

async fn hello(Path(name): Path<String>) -> String {
    format!("hello, {name}")
}

/// Says which thread it runs on.
async fn thread() -> String {
    tokio::task::yield_now().await;
    format!("{:?}", std::thread::current().id())
}

/// Counts the bytes of the body as they come.
async fn count(body: Body) -> Result<String, StatusCode> {
    let mut pieces = body.into_data_stream();
    let mut bytes = 0;
    while let Some(piece) = pieces.next().await {
        bytes += piece.map_err(|_| StatusCode::BAD_REQUEST)?.len();
    }
    Ok(bytes.to_string())
}

async fn never(State(app): State<App>) {
    struct Counted(Arc<Semaphore>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.add_permits(1);
        }
    }
    let _counted = Counted(app.dropped);
    future::pending().await
}

async fn gate(State(app): State<App>) -> &'static str {
    match app.gate.acquire().await {
        Ok(_) => "open",
        Err(_) => "closed",
    }
}

/// Server-sent events. While there are none, a comment a moment keeps the connection alive.
async fn events(State(app): State<App>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = BroadcastStream::new(app.events.subscribe()).filter_map(async |event| event.ok());
    let events = events.map(|text| Ok(Event::default().event("news").data(text)));
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_millis(50)).text("still here"))
}

async fn echo(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |mut socket: WebSocket| {
        while let Some(Ok(message)) = socket.recv().await {
            let is_answered = match message {
                Message::Text(_) | Message::Binary(_) => socket.send(message).await.is_ok(),
                // Pings are answered by axum, and so is the end.
                _ => true,
            };
            if !is_answered {
                break;
            }
        }
    })
}
