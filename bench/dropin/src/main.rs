//! Clients and servers of crates that were written for tokio, in one runtime: `dropin WORK AT_ONCE REQUESTS`. Prints the
//! CPU time of a request in nanoseconds.

use axum::Router;
use axum::routing::get;
use futures_util::{StreamExt, stream};
use nix::time::ClockId;
use std::convert::Infallible;
use std::env;
use std::error::Error;
use std::future::{Ready, ready};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::codegen::{Body, BoxFuture, Service, StdError, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [work, at_once, requests] = &arguments[..] else { return Err("WORK AT_ONCE REQUESTS".into()) };
    let (at_once, requests) = (at_once.parse()?, requests.parse()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let nanos = runtime.block_on(async {
        match &work[..] {
            "axum" => axum(at_once, requests).await,
            "tonic" => tonic(at_once, requests).await,
            _ => Err("the works are axum and tonic".into()),
        }
    })?;
    println!("{nanos}");
    Ok(())
}

/// Asks so many times, after a warm-up, and returns the CPU time of a request.
async fn measure(at_once: usize, requests: u32, ask: impl AsyncFn() -> Outcome<()>) -> Outcome<f64> {
    let ask_all = async |requests| {
        let mut answers = stream::iter(0..requests).map(|_| ask()).buffer_unordered(at_once);
        while let Some(answer) = answers.next().await {
            answer?;
        }
        Outcome::Ok(())
    };
    ask_all(200).await?;
    let start = cpu()?;
    ask_all(requests).await?;
    Ok((cpu()? - start).as_nanos() as f64 / f64::from(requests))
}

fn cpu() -> Outcome<Duration> {
    Ok(ClockId::CLOCK_PROCESS_CPUTIME_ID.now()?.into())
}

/// reqwest asks a server of axum's.
async fn axum(at_once: usize, requests: u32) -> Outcome<f64> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let app = Router::new().route("/", get(|| async { "hello\n" }));
    tokio::spawn(async { axum::serve(listener, app).await });
    let client = reqwest::Client::new();
    measure(at_once, requests, async || {
        let answer = client.get(&url).send().await?.error_for_status()?.bytes().await?;
        if answer == "hello\n" { Ok(()) } else { Err("another answer".into()) }
    })
    .await
}

/// tonic's client makes unary calls to tonic's server.
async fn tonic(at_once: usize, requests: u32) -> Outcome<f64> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let server = Server::builder().add_service(Doubling);
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let channel = Endpoint::from_shared(url)?.connect().await?;
    measure(at_once, requests, async || {
        let mut client = tonic::client::Grpc::new(channel.clone());
        client.ready().await?;
        let path = http::uri::PathAndQuery::from_static("/dropin.Doubling/Double");
        let call = client.unary(Request::new(Number { value: 21 }), path, ProstCodec::default());
        let answer: Number = call.await?.into_inner();
        if answer.value == 42 { Ok(()) } else { Err("another answer".into()) }
    })
    .await
}

#[derive(Clone, PartialEq, prost::Message)]
struct Number {
    #[prost(uint64, tag = "1")]
    value: u64,
}

/// A service with one call, as tonic's generator would write it.
#[derive(Clone)]
struct Doubling;

impl NamedService for Doubling {
    const NAME: &'static str = "dropin.Doubling";
}

impl UnaryService<Number> for Doubling {
    type Response = Number;
    type Future = Ready<Result<Response<Number>, Status>>;

    fn call(&mut self, request: Request<Number>) -> Self::Future {
        ready(Ok(Response::new(Number { value: 2 * request.into_inner().value })))
    }
}

impl<B> Service<http::Request<B>> for Doubling
where
    B: Body + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
{
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        Box::pin(async {
            let mut grpc = Grpc::new(ProstCodec::<Number, Number>::default());
            Ok(grpc.unary(Doubling, request).await)
        })
    }
}
