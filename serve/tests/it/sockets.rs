//! The listeners of ayi.

use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use ayi::runtime::Runtime;
use ayi::serve::{BoxError, serve};
use ayi::time::{Duration, timeout};
use hyper::body::Incoming;
use hyper::{Request, Response};
use tower::service_fn;

async fn hello(_: Request<Incoming>) -> Result<Response<String>, BoxError> {
    Ok(Response::new("hello".to_owned()))
}

async fn ask(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin) {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    timeout(Duration::from_secs(30), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nhello"), "{answer}");
}

#[test]
fn tcp() {
    Runtime::new().unwrap().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        ayi::spawn(serve(listener, service_fn(hello)).into_future());
        ask(TcpStream::connect(address).await.unwrap()).await;
    });
}

#[test]
fn unix() {
    let path = std::env::temp_dir().join(format!("ayi-serve-{}", std::process::id()));
    Runtime::new().unwrap().block_on(async {
        let listener = UnixListener::bind(&path).unwrap();
        ayi::spawn(serve(listener, service_fn(hello)).into_future());
        ask(UnixStream::connect(&path).await.unwrap()).await;
    });
    std::fs::remove_file(path).unwrap();
}
