//! HTTP/1 with nothing but hyper: what `ayi::serve` does for you in the other servers.
//!
//! ```sh
//! cargo run --release -p web --bin hyper_server
//! curl -i http://127.0.0.1:3000/
//! curl --data-binary @Cargo.toml http://127.0.0.1:3000/echo
//! ```
//!
//! On Ctrl-C or `SIGTERM` it accepts no more, answers the requests it has, and ends.

use ayi::hyper::Timer;
use ayi::io::TimeoutStream;
use ayi::net::{TcpListener, TcpStream};
use ayi::runtime::{shutdown, shutdown_token};
use ayi::signal::termination;
use ayi::time::Duration;
use cli::{Context, Failure};
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::rc::Rc;

const USAGE: &str = "usage: hyper_server [HOST:PORT]    (without: 127.0.0.1:3000; port 0: any that is free)";

/// How long nothing may move on a connection. No answer takes long here; otherwise clients would be cut while they wait
/// for it.
const IDLE: Duration = Duration::from_secs(60);
/// How long clients have, when the server is to end, to take what was sent to them.
const LIMIT: Duration = Duration::from_secs(10);

#[ayi::main]
async fn main() -> Result<(), Failure> {
    let address = cli::address(USAGE, "127.0.0.1:3000");
    let listener = TcpListener::bind(&*address).await.context(format!("cannot listen on {address}"))?;
    println!("listening on {}", listener.local_addr()?);
    let mut termination = termination()?;
    ayi::select! {
        result = accept(&listener) => return Ok(result?),
        _ = termination.recv() => {}
    }
    drop(listener);
    let report = shutdown(LIMIT).await;
    if !report.is_clean() {
        eprintln!("{report}");
    }
    Ok(())
}

async fn accept(listener: &TcpListener) -> io::Result<()> {
    // Everything is on one thread, so this needs no `Arc` and no atomic.
    let visits = Rc::new(Cell::new(0));
    loop {
        let (stream, _) = listener.accept().await?;
        ayi::spawn(serve(stream, visits.clone()));
    }
}

async fn serve(stream: TcpStream, visits: Rc<Cell<u64>>) {
    let _ = stream.set_nodelay(true);
    // A client that takes nothing of its answer, or sends nothing of its request, is not waited for.
    let mut stream = TimeoutStream::new(stream);
    stream.set_idle_timeout(IDLE);
    let service = service_fn(|request| {
        visits.set(visits.get() + 1);
        let response = answer(request, visits.get());
        async { Ok::<_, Infallible>(response) }
    });
    // With a timer, a client has 30 seconds for the head of each request.
    let mut connection = pin!(http1::Builder::new().timer(Timer).serve_connection(stream, service));
    // An error, for example because the client has vanished, concerns no other connection.
    let _ = ayi::select! {
        result = connection.as_mut() => result,
        _ = shutdown_token().cancelled_owned() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
}

fn answer(request: Request<Incoming>, visits: u64) -> Response<Either<String, Incoming>> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => Response::new(Either::Left(format!("hello, visitor {visits}\n"))),
        // The answer is sent as the request arrives, not when all of it is there.
        (&Method::POST, "/echo") => Response::new(Either::Right(request.into_body())),
        _ => {
            let mut response = Response::new(Either::Left("there is / and /echo\n".to_owned()));
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    }
}
