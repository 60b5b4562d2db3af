//! Names, asked of a server in this process.

use hickory_resolver::Resolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::name_server::TokioConnectionProvider;
use hickory_resolver::proto::xfer::Protocol;
use std::net::Ipv4Addr;
use support::{NONE, alone, threads};
use tokio::net::UdpSocket;

/// Says of each name that it is 10.1.2.3.
async fn serve(socket: UdpSocket) {
    let mut question = [0; 512];
    loop {
        let (length, peer) = socket.recv_from(&mut question).await.unwrap();
        // The name, its end, type and class.
        let end = question[12..length].iter().position(|byte| *byte == 0).unwrap() + 12 + 5;
        let mut answer = question[..end].to_vec();
        // A response without error, with one answer and nothing besides.
        answer[2..4].copy_from_slice(&[0x81, 0x80]);
        answer[6..12].copy_from_slice(&[0, 1, 0, 0, 0, 0]);
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 1, 2, 3]);
        socket.send_to(&answer, peer).await.unwrap();
    }
}

#[test]
fn names_are_looked_up_without_a_thread() {
    alone(async || {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let server = NameServerConfig::new(socket.local_addr().unwrap(), Protocol::Udp);
        tokio::spawn(serve(socket));
        let mut config = ResolverConfig::new();
        config.add_name_server(server);
        let mut options = ResolverOpts::default();
        options.ip_strategy = hickory_resolver::config::LookupIpStrategy::Ipv4Only;
        let resolver = Resolver::builder_with_config(config, TokioConnectionProvider::default());
        let resolver = resolver.with_options(options).build();
        for n in 0..50 {
            let found = resolver.lookup_ip(format!("pot{n}.example.")).await.unwrap();
            assert_eq!(found.iter().collect::<Vec<_>>(), [Ipv4Addr::new(10, 1, 2, 3)]);
        }
        assert_eq!(threads(), NONE);
    });
}
