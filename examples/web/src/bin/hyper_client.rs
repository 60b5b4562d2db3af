//! Fetches a URL, by HTTP/1 or HTTP/2: the body to standard output, the rest to standard error.
//!
//! ```sh
//! cargo run --release -p web --bin hyper_client -- http://127.0.0.1:3000/
//! cargo run --release -p web --bin hyper_client -- --http2 http://127.0.0.1:3000/
//! ```
//!
//! HTTP/2 is used at once, without asking the server whether it can ("prior knowledge").

use ayi::hyper::{Executor, Timer};
use ayi::net::TcpStream;
use ayi::time::{Duration, timeout};
use cli::{Context, Failure, Long, Value, ValueExt};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response, Uri, header};
use std::error::Error;
use std::io::{self, Write};

const USAGE: &str = "usage: hyper_client [--http2] URL";

/// The time for the answer to begin.
const LIMIT: Duration = Duration::from_secs(30);

#[ayi::main]
async fn main() -> Result<(), Failure> {
    let (url, is_http2) = cli::read(USAGE, |args| {
        let (mut url, mut is_http2) = (None, false);
        while let Some(arg) = args.next()? {
            match arg {
                Long("http2") => is_http2 = true,
                Value(text) if url.is_none() => url = Some(text.parse::<Uri>()?),
                _ => return Err(arg.unexpected()),
            }
        }
        Ok((url, is_http2))
    });
    let url = cli::needed(USAGE, url, "URL");
    let cannot = format!("cannot fetch {url}");
    let fetched = timeout(LIMIT, fetch(url, is_http2)).await.unwrap_or_else(|late| Err(late.into()));
    let mut response = fetched.context(cannot)?;
    eprintln!("{:?} {}", response.version(), response.status());
    for (name, value) in response.headers() {
        eprintln!("{name}: {}", String::from_utf8_lossy(value.as_bytes()));
    }
    while let Some(frame) = response.frame().await {
        // Trailers are left out.
        if let Some(data) = frame?.data_ref() {
            io::stdout().write_all(data)?;
        }
    }
    Ok(())
}

async fn fetch(url: Uri, is_http2: bool) -> Result<Response<Incoming>, Box<dyn Error>> {
    if url.scheme_str() != Some("http") {
        return Err("only http:// URLs are known".into());
    }
    let authority = url.authority().ok_or("the URL names no host")?;
    let stream = TcpStream::connect((authority.host(), authority.port_u16().unwrap_or(80))).await?;
    stream.set_nodelay(true)?;

    let request = Request::get(url.clone());
    // The sender has to live until the body has been read. The connection's task may end before that, because it has
    // then done what it can.
    if is_http2 {
        let request = request.body(Empty::<Bytes>::new())?;
        let (mut sender, connection) = http2::Builder::new(Executor).timer(Timer).handshake(stream).await?;
        ayi::spawn(connection);
        return Ok(sender.send_request(request).await?);
    }
    // To a server, and not a proxy, HTTP/1 sends only the path, and the host in a header.
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let request = request.uri(path).header(header::HOST, authority.as_str()).body(Empty::<Bytes>::new())?;
    let (mut sender, connection) = http1::handshake(stream).await?;
    ayi::spawn(connection);
    Ok(sender.send_request(request).await?)
}
