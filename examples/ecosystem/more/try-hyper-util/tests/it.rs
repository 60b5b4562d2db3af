//! Its client with a pool, its server for both versions of HTTP, and its orderly end.

use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use support::{NONE, alone, threads};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

#[test]
fn both_versions_are_served_and_ended_in_order() {
    alone(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, mut told) = oneshot::channel::<()>();
        let server = tokio::spawn(async move {
            let graceful = GracefulShutdown::new();
            let mut builder = auto::Builder::new(TokioExecutor::new());
            builder.http1().timer(TokioTimer::new());
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted.unwrap().0,
                    _ = &mut told => break,
                };
                let hello = service_fn(async |request: Request<_>| {
                    let version = format!("{:?}", request.version());
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(version))))
                });
                let connection = builder.serve_connection(TokioIo::new(accepted), hello).into_owned();
                let connection = graceful.watch(connection);
                tokio::spawn(async { connection.await.unwrap() });
            }
            graceful.shutdown().await;
        });
        for is_http2 in [false, true] {
            let client: Client<_, Empty<Bytes>> =
                Client::builder(TokioExecutor::new()).http2_only(is_http2).build_http();
            for _ in 0..100 {
                let answer = client.get(format!("http://{address}/").parse().unwrap()).await.unwrap();
                let text = answer.into_body().collect().await.unwrap().to_bytes();
                assert_eq!(text, if is_http2 { "HTTP/2.0" } else { "HTTP/1.1" });
            }
        }
        end.send(()).unwrap();
        server.await.unwrap();
        assert_eq!(threads(), NONE);
    });
}
