//! tokio-rustls, with a certificate that is made here, and frames of tokio-util's within.

use futures_util::future;
use rustls::pki_types::ServerName;
use std::io;
use support::{NONE, alone, threads};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use util::{ask, echo, tls};

/// Makes a connection, accepted on one side, and greeted on both.
async fn pair(
    (acceptor, connector): &(TlsAcceptor, TlsConnector),
    name: &'static str,
) -> (
    io::Result<tokio_rustls::server::TlsStream<TcpStream>>,
    io::Result<tokio_rustls::client::TlsStream<TcpStream>>,
) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (accepted, _) = listener.accept().await.unwrap();
    let name = ServerName::try_from(name).unwrap();
    future::join(acceptor.accept(accepted), connector.connect(name, stream)).await
}

#[test]
fn frames_of_a_mebibyte_go_through_thirty_connections() {
    alone(async || {
        let tls = tls();
        let talk = async |_| {
            let (server, client) = pair(&tls, "localhost").await;
            let echo = tokio::spawn(echo(server.unwrap()));
            ask(client.unwrap(), &[1, 0, 1 << 20, 1 << 16, 17]).await.unwrap();
            echo.await.unwrap().unwrap();
        };
        future::join_all((0..30).map(talk)).await;
        assert_eq!(threads(), NONE);
    });
}

#[test]
fn a_client_that_asks_for_another_name_ends_the_greeting() {
    alone(async || {
        let tls = tls();
        let (server, client) = pair(&tls, "elsewhere").await;
        assert!(client.unwrap_err().to_string().contains("not valid for name"));
        assert!(server.unwrap_err().to_string().contains("alert"));
        let another = util::tls();
        let (_, client) = pair(&(another.0, tls.1), "localhost").await;
        assert!(client.unwrap_err().to_string().contains("invalid peer certificate"));
        assert_eq!(threads(), NONE);
    });
}

#[test]
fn an_end_without_a_farewell_is_an_error() {
    alone(async || {
        let tls = tls();
        let (server, client) = pair(&tls, "localhost").await;
        let (mut server, mut client) = (server.unwrap(), client.unwrap());
        client.write_all(b"tea").await.unwrap();
        client.shutdown().await.unwrap();
        let mut text = String::new();
        server.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "tea");

        let (server, client) = pair(&tls, "localhost").await;
        let (mut server, mut client) = (server.unwrap(), client.unwrap());
        client.write_all(b"tea").await.unwrap();
        client.flush().await.unwrap();
        client.get_mut().0.shutdown().await.unwrap();
        let error = server.read_to_string(&mut text).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(threads(), NONE);
    });
}
