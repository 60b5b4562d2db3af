//! HTTPS, by rustls: HTTP/2 or HTTP/1.1, as the client wishes (ALPN). The certificate is made at the start.
//!
//! ```sh
//! cargo run --release -p web --bin tls -- 127.0.0.1:3443 /tmp/certificate.pem
//! curl -i --cacert /tmp/certificate.pem https://localhost:3443/
//! curl -i --insecure --http1.1 https://127.0.0.1:3443/
//! ```
//!
//! On Ctrl-C or `SIGTERM` it accepts no more, answers the requests it has, and ends. A third argument is how long a
//! client may take for the handshake, in milliseconds.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::routing::{get, post};
use ayi::io::FuturesIo;
use ayi::net::{TcpListener, TcpStream};
use ayi::serve::{Stage, TimeoutBody};
use ayi::signal::termination;
use ayi::time::{Duration, sleep};
use cli::{Context, Failure, Value, ValueExt};
use futures_rustls::TlsAcceptor;
use futures_rustls::rustls::{self, ServerConfig};
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

const USAGE: &str = "\
usage: tls [HOST:PORT] [FILE] [MILLISECONDS]    (without: 127.0.0.1:3443, no file, 10000)
  FILE            where to write the certificate
  MILLISECONDS    how long a client may take for the handshake";

#[ayi::main]
async fn main() -> Result<(), Failure> {
    let (address, certificate_file, limit) = cli::read(USAGE, |args| {
        let (mut address, mut file, mut limit) = (None, None, None);
        while let Some(arg) = args.next()? {
            match arg {
                Value(text) if address.is_none() => address = Some(cli::host_port(&text)?),
                Value(name) if file.is_none() => file = Some(PathBuf::from(name)),
                Value(text) if limit.is_none() => limit = Some(text.parse().map(Duration::from_millis)?),
                _ => return Err(arg.unexpected()),
            }
        }
        Ok((
            address.unwrap_or_else(|| "127.0.0.1:3443".into()),
            file,
            limit.unwrap_or(Duration::from_secs(10)),
        ))
    });

    let (config, certificate) = self_signed().context("cannot make a certificate")?;
    if let Some(file) = certificate_file {
        fs::write(&file, certificate).context(format!("cannot write {}", file.display()))?;
    }
    let tls = TlsAcceptor::from(Arc::new(config));
    let mut termination = termination()?;
    let listener = TcpListener::bind(&*address).await.context(format!("cannot listen on {address}"))?;
    println!("listening on {}", listener.local_addr()?);
    ayi::serve(listener, app())
        .with_handshake(move |stream: TcpStream| {
            let accepted = tls.accept(stream);
            async { accepted.await.map(FuturesIo) }
        })
        .handshake_timeout(limit)
        .on_error(|error| {
            // Clients that vanish are normal. A handshake that fails may be of interest, for example if the client
            // knows no common cipher.
            if error.stage == Stage::Handshake {
                eprintln!("{error}");
            }
        })
        .with_graceful_shutdown(async move { termination.recv().await })
        .shutdown_timeout(Duration::from_secs(15))
        .await?;
    Ok(())
}

fn app() -> Router {
    Router::new()
        .route("/", get(async |request: Request| format!("hello over {:?}\n", request.version())))
        .route("/echo", post(echo))
        .route("/slow/{milliseconds}", get(slow))
}

/// Sends the body back as it arrives. A client that sends half of it is not waited for.
async fn echo(request: Request) -> Body {
    Body::new(TimeoutBody::new(request.into_body(), Duration::from_secs(30)))
}

async fn slow(Path(milliseconds): Path<u64>) -> &'static str {
    sleep(Duration::from_millis(milliseconds)).await;
    "at last\n"
}

/// Makes a configuration with the certificate in PEM. A real server reads both from files, by
/// `rustls::pki_types::pem::PemObject`.
fn self_signed() -> Result<(ServerConfig, String), Box<dyn Error>> {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names)?;
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
    let mut config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key)?;
    // They are in the order of preference. The server itself sees by the first bytes which it is.
    config.alpn_protocols = vec![b"h2".into(), b"http/1.1".into()];
    Ok((config, made.cert.pem()))
}
