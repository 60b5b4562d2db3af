//! `hello` on hyper, on the runtimes that support it: ayi needs no adapter.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use smol_hyper::rt::FuturesIo;
use std::convert::Infallible;
use std::io;
use std::net::TcpListener;

/// The answer of examples/http to `GET /`.
pub async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"hello\n")));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    Ok(response)
}

/// There is no time limit for the headers, because that needs a timer, for which only some have an adapter.
macro_rules! serve {
    ($listener:ident, $io:expr, $spawn:expr) => {
        loop {
            let (stream, _) = $listener.accept().await?;
            stream.set_nodelay(true)?;
            let io = $io(stream);
            $spawn(async move {
                let mut server = http1::Builder::new();
                let _ = server.pipeline_flush(true).serve_connection(io, service_fn(hello)).await;
            });
        }
    };
}

pub fn ayi(listener: TcpListener, _: usize) -> io::Result<()> {
    ayi::runtime::Runtime::new()?.block_on(async {
        let listener = ayi::net::TcpListener::from_std(listener)?;
        serve!(listener, |stream| stream, ayi::spawn)
    })
}

pub fn tokio(listener: TcpListener, _: usize) -> io::Result<()> {
    on_tokio(&mut tokio::runtime::Builder::new_current_thread(), listener)
}

pub fn tokio_multi_thread(listener: TcpListener, _: usize) -> io::Result<()> {
    on_tokio(&mut tokio::runtime::Builder::new_multi_thread(), listener)
}

fn on_tokio(runtime: &mut tokio::runtime::Builder, listener: TcpListener) -> io::Result<()> {
    runtime.enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        serve!(listener, hyper_util::rt::TokioIo::new, tokio::spawn)
    })
}

pub fn smol(listener: TcpListener, _: usize) -> io::Result<()> {
    let executor = smol::LocalExecutor::new();
    smol::block_on(executor.run(async {
        let listener = smol::net::TcpListener::try_from(listener)?;
        serve!(listener, FuturesIo::new, |future| executor.spawn(future).detach())
    }))
}
