//! Clients and servers of crates that were written for tokio, in one runtime: `dropin WORK AT_ONCE REQUESTS WORKERS`.
//! Without workers it is the one of one thread. Prints nanoseconds: the CPU time of a request, the time of the clock for a
//! request, and the longest that 99 of 100 took.

use axum::Router;
use axum::routing::get;
use futures_util::{StreamExt, stream};
use nix::time::ClockId;
use std::convert::Infallible;
use std::env;
use std::error::Error;
use std::future::{Ready, ready};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::codegen::{Body, BoxFuture, Service, StdError, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [work, at_once, requests, workers] = &arguments[..] else {
        return Err("WORK AT_ONCE REQUESTS WORKERS".into());
    };
    let how = How { at_once: at_once.parse()?, requests: requests.parse()?, workers: workers.parse()? };
    let mut builder = match how.workers {
        0 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    let runtime = builder.worker_threads(how.workers.max(1)).enable_all().build()?;
    let Measured { cpu, time, p99 } = runtime.block_on(async {
        match &work[..] {
            "axum" => axum(how).await,
            "tonic" => tonic(how).await,
            _ => Err("the works are axum and tonic".into()),
        }
    })?;
    println!("{cpu} {time} {p99}");
    Ok(())
}

#[derive(Clone, Copy)]
struct How {
    at_once: u32,
    requests: u32,
    workers: usize,
}

struct Measured {
    cpu: f64,
    time: f64,
    p99: u128,
}

/// Asks so many times, after a warm-up.
async fn measure<A>(how: How, ask: impl Fn() -> A + Clone + Send + 'static) -> Outcome<Measured>
where
    A: Future<Output = Outcome<()>> + Send + 'static,
{
    ask_all(How { requests: 200, ..how }, &ask).await?;
    let (start, cpu_before) = (Instant::now(), cpu()?);
    let mut latencies = ask_all(how, &ask).await?;
    let per_request = |time: Duration| time.as_nanos() as f64 / f64::from(how.requests);
    let (time, cpu) = (per_request(start.elapsed()), per_request(cpu()? - cpu_before));
    latencies.sort();
    Ok(Measured { cpu, time, p99: latencies[latencies.len() * 99 / 100].as_nanos() })
}

/// Returns how long each of the requests took.
async fn ask_all<A>(how: How, ask: &(impl Fn() -> A + Clone + Send + 'static)) -> Outcome<Vec<Duration>>
where
    A: Future<Output = Outcome<()>> + Send + 'static,
{
    let ask_once = |start: Instant, answer: A| async move { answer.await.map(|()| start.elapsed()) };
    let mut latencies = Vec::new();
    if how.workers == 0 {
        let answers = stream::iter(0..how.requests).map(|_| ask_once(Instant::now(), ask()));
        let mut answers = answers.buffer_unordered(how.at_once as usize);
        while let Some(answer) = answers.next().await {
            latencies.push(answer?);
        }
        return Ok(latencies);
    }
    // Each is a task, so that the workers have something to share.
    let asker = |_| {
        let ask = ask.clone();
        tokio::spawn(async move {
            let mut latencies = Vec::new();
            for _ in 0..how.requests / how.at_once {
                latencies.push(ask_once(Instant::now(), ask()).await?);
            }
            Outcome::Ok(latencies)
        })
    };
    let askers: Vec<_> = (0..how.at_once).map(asker).collect();
    for asker in askers {
        latencies.extend(asker.await??);
    }
    Ok(latencies)
}

fn cpu() -> Outcome<Duration> {
    Ok(ClockId::CLOCK_PROCESS_CPUTIME_ID.now()?.into())
}

/// reqwest asks a server of axum's.
async fn axum(how: How) -> Outcome<Measured> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let app = Router::new().route("/", get(|| async { "hello\n" }));
    tokio::spawn(async { axum::serve(listener, app).await });
    let client = reqwest::Client::new();
    measure(how, move || {
        let question = client.get(&url).send();
        async move {
            let answer = question.await?.error_for_status()?.bytes().await?;
            if answer == "hello\n" { Ok(()) } else { Err("another answer".into()) }
        }
    })
    .await
}

/// tonic's client makes unary calls to tonic's server.
async fn tonic(how: How) -> Outcome<Measured> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let server = Server::builder().add_service(Doubling);
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let channel = Endpoint::from_shared(url)?.connect().await?;
    measure(how, move || {
        let mut client = tonic::client::Grpc::new(channel.clone());
        async move {
            client.ready().await?;
            let path = http::uri::PathAndQuery::from_static("/dropin.Doubling/Double");
            let call = client.unary(Request::new(Number { value: 21 }), path, ProstCodec::default());
            let answer: Number = call.await?.into_inner();
            if answer.value == 42 { Ok(()) } else { Err("another answer".into()) }
        }
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
