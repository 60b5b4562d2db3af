//! A protocol of frames, with TLS or without.

use bytes::Bytes;
use futures_util::{SinkExt, TryStreamExt};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::codec::{Framed, LengthDelimitedCodec};

/// Gives each frame back, until the other side ends.
pub async fn echo(stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let mut frames = Framed::new(stream, LengthDelimitedCodec::new());
    while let Some(frame) = frames.try_next().await? {
        frames.send(frame.freeze()).await?;
    }
    frames.get_mut().shutdown().await
}

/// Sends frames, and checks that each of them comes back.
pub async fn ask(stream: impl AsyncRead + AsyncWrite + Unpin, sizes: &[usize]) -> io::Result<()> {
    let mut frames = Framed::new(stream, LengthDelimitedCodec::new());
    for (n, size) in sizes.iter().enumerate() {
        let frame = Bytes::from(vec![n as u8; *size]);
        frames.send(frame.clone()).await?;
        match frames.try_next().await? {
            Some(answer) if answer == frame => {}
            answer => {
                return Err(io::Error::other(format!("another answer: {:?}", answer.map(|it| it.len()))));
            }
        }
    }
    frames.get_mut().shutdown().await
}

/// Returns a server for the name `localhost`, and a client that trusts it.
pub fn tls() -> (TlsAcceptor, TlsConnector) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([String::from("localhost")]).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let server =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.into()], key.into());
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    (Arc::new(server.unwrap()).into(), Arc::new(client).into())
}
