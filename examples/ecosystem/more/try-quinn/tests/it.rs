//! QUIC over UDP sockets.

use quinn::{ClientConfig, Endpoint, ServerConfig};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::RootCertStore;
use rustls::pki_types::PrivatePkcs8KeyDer;
use std::net::SocketAddr;
use std::sync::Arc;
use support::{NONE, alone, threads};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[test]
fn twenty_streams_of_a_mebibyte_come_back_over_one_connection() {
    alone(async || {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".into()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        let server = ServerConfig::with_single_cert(vec![cert.into()], key.into()).unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Endpoint::server(server, any).unwrap();
        let mut client = Endpoint::client(any).unwrap();
        client.set_default_client_config(ClientConfig::with_root_certificates(Arc::new(roots)).unwrap());

        let address = server.local_addr().unwrap();
        let serve = tokio::spawn(async move {
            let connection = server.accept().await.unwrap().await.unwrap();
            while let Ok((mut send, mut receive)) = connection.accept_bi().await {
                tokio::spawn(async move {
                    tokio::io::copy(&mut receive, &mut send).await.unwrap();
                    send.shutdown().await.unwrap();
                });
            }
            server.wait_idle().await;
        });
        let connection = client.connect(address, "localhost").unwrap().await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..20_u8 {
            let connection = connection.clone();
            tasks.spawn(async move {
                let (mut send, mut receive) = connection.open_bi().await.unwrap();
                let question = vec![n; 1 << 20];
                let ask = async {
                    send.write_all(&question).await.unwrap();
                    send.shutdown().await.unwrap();
                };
                let mut answer = Vec::new();
                let (_, read) = tokio::join!(ask, AsyncReadExt::read_to_end(&mut receive, &mut answer));
                read.unwrap();
                assert!(answer == question);
            });
        }
        tasks.join_all().await;
        connection.close(0_u32.into(), b"done");
        client.wait_idle().await;
        serve.await.unwrap();
        assert_eq!(threads(), NONE);
    });
}
