//! axum, without tokio: routes, JSON, shared state, the client's address, and layers of tower, one with ayi's timer.
//!
//! ```sh
//! cargo run --release -p web --bin axum
//! curl -i http://127.0.0.1:3000/hello/world
//! curl http://127.0.0.1:3000/peer
//! curl 'http://127.0.0.1:3000/notes?limit=2'
//! curl -H 'content-type: application/json' -d '{"text": "buy tea"}' http://127.0.0.1:3000/notes
//! curl --http2-prior-knowledge -i http://127.0.0.1:3000/slow/20000    # is given up after 10 seconds
//! ```
//!
//! On Ctrl-C or `SIGTERM` it accepts no more, answers the requests it has, and ends. A second argument is the time
//! limit for a request, in milliseconds, and for its head.

mod timeout;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use ayi::net::TcpListener;
use ayi::serve::Http;
use ayi::signal::termination;
use ayi::time::{Duration, sleep};
use cli::{Context, Failure, Value, ValueExt};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use timeout::TimeoutLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::set_header::SetResponseHeaderLayer;

const USAGE: &str = "\
usage: axum [HOST:PORT] [MILLISECONDS]    (without: 127.0.0.1:3000, 10000; port 0: any that is free)
  MILLISECONDS    the time limit for a request, and for its head";

/// How long clients have to take their answers, when the server is to end.
const SHUTDOWN: Duration = Duration::from_secs(15);
const LARGEST_BODY: usize = 64 << 20;

#[derive(Clone, Deserialize, Serialize)]
struct Note {
    text: String,
}

/// ayi would take an `Rc<RefCell<…>>`, as in `hyper_server`, but axum requires what can be sent to other threads. A
/// lock without contention costs some 10 ns.
type Notes = Arc<Mutex<Vec<Note>>>;

#[ayi::main]
async fn main() -> Result<(), Failure> {
    let (address, limit) = cli::read(USAGE, |args| {
        let (mut address, mut limit) = (None, None);
        while let Some(arg) = args.next()? {
            match arg {
                Value(text) if address.is_none() => address = Some(cli::host_port(&text)?),
                Value(text) if limit.is_none() => limit = Some(text.parse().map(Duration::from_millis)?),
                _ => return Err(arg.unexpected()),
            }
        }
        Ok((address.unwrap_or_else(|| "127.0.0.1:3000".into()), limit.unwrap_or(Duration::from_secs(10))))
    });

    let mut termination = termination()?;
    let listener = TcpListener::bind(&*address).await.context(format!("cannot listen on {address}"))?;
    println!("listening on {}", listener.local_addr()?);
    ayi::serve(listener, app(limit))
        .with_http(Http::new().header_read_timeout(limit))
        .with_connect_info(|peer| *peer)
        .with_graceful_shutdown(async move { termination.recv().await })
        .shutdown_timeout(SHUTDOWN)
        .await?;
    Ok(())
}

fn app(limit: Duration) -> Router {
    let server = SetResponseHeaderLayer::overriding(header::SERVER, HeaderValue::from_static("ayi"));
    Router::new()
        .route("/", get(async || "hello\n"))
        .route("/hello/{name}", get(hello))
        .route("/peer", get(peer))
        .route("/notes", get(list).post(add))
        .route("/length", post(length))
        .route("/zeros/{count}", get(zeros))
        .route("/slow/{milliseconds}", get(slow))
        .route("/panic", get(oops))
        .with_state(Notes::default())
        // The last one is the outermost.
        .layer(RequestBodyLimitLayer::new(LARGEST_BODY))
        .layer(axum::extract::DefaultBodyLimit::disable())
        .layer(TimeoutLayer(limit))
        .layer(CatchPanicLayer::new())
        .layer(server)
}

async fn hello(Path(name): Path<String>) -> String {
    format!("hello, {name}\n")
}

/// axum's `ConnectInfo` is part of its feature `tokio`. With it, use `with_connect_info(|peer| ConnectInfo(*peer))`.
async fn peer(Extension(peer): Extension<SocketAddr>) -> String {
    format!("{peer}\n")
}

#[derive(Deserialize)]
struct Page {
    limit: Option<usize>,
}

async fn list(State(notes): State<Notes>, Query(page): Query<Page>) -> Json<Vec<Note>> {
    let notes = notes.lock().unwrap();
    Json(notes.iter().take(page.limit.unwrap_or(usize::MAX)).cloned().collect())
}

async fn add(State(notes): State<Notes>, Json(note): Json<Note>) -> StatusCode {
    notes.lock().unwrap().push(note);
    StatusCode::CREATED
}

async fn length(body: axum::body::Bytes) -> String {
    format!("{}\n", body.len())
}

async fn zeros(Path(count): Path<usize>) -> Result<Vec<u8>, StatusCode> {
    if count > LARGEST_BODY { Err(StatusCode::BAD_REQUEST) } else { Ok(vec![0; count]) }
}

async fn slow(Path(milliseconds): Path<u64>) -> &'static str {
    sleep(Duration::from_millis(milliseconds)).await;
    "at last\n"
}

async fn oops() -> &'static str {
    panic!("this request alone, of all that the server has, fails")
}
