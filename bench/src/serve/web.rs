//! HTTP/2 on hyper, and axum, on the runtimes that support all of both.

use super::http::hello;
use axum::routing::get;
use axum::serve::ListenerExt;
use axum::{Json, Router};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use serde::Serialize;
use std::io;
use std::net::TcpListener;

macro_rules! serve_http2 {
    ($listener:ident, $io:expr, $spawn:expr, $executor:expr) => {
        loop {
            let (stream, _) = $listener.accept().await?;
            stream.set_nodelay(true)?;
            let io = $io(stream);
            $spawn(async move {
                let _ = http2::Builder::new($executor).serve_connection(io, service_fn(hello)).await;
            });
        }
    };
}

pub fn http2_on_ayi(listener: TcpListener, _: usize) -> io::Result<()> {
    ayi::runtime::Runtime::new()?.block_on(async {
        let listener = ayi::net::TcpListener::from_std(listener)?;
        serve_http2!(listener, |stream| stream, ayi::spawn, ayi::hyper::Executor)
    })
}

pub fn http2_on_tokio(listener: TcpListener, _: usize) -> io::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        serve_http2!(
            listener,
            hyper_util::rt::TokioIo::new,
            tokio::spawn,
            hyper_util::rt::TokioExecutor::new()
        )
    })
}

#[derive(Serialize)]
struct Greeting {
    message: &'static str,
    numbers: [u32; 4],
}

fn app() -> Router {
    let greeting = || async { Json(Greeting { message: "hello", numbers: [1, 10, 100, 1_000] }) };
    Router::new().route("/", get(|| async { "hello\n" })).route("/json", get(greeting))
}

/// There is no time limit for heads, because `axum::serve` has none: hyper makes and drops a timer for each request.
pub fn axum_on_ayi(listener: TcpListener, _: usize) -> io::Result<()> {
    let http = ayi::serve::Http::new().header_read_timeout(None);
    ayi::runtime::Runtime::new()?.block_on(async {
        let listener = ayi::net::TcpListener::from_std(listener)?;
        ayi::serve(listener, app()).with_http(http).await
    })
}

pub fn axum_on_tokio(listener: TcpListener, _: usize) -> io::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        // `ayi::serve` does this by itself.
        let listener = tokio::net::TcpListener::from_std(listener)?.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, app()).await
    })
}
