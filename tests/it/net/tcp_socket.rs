//! `TcpSocket`, and the options of streams: one situation a test.

use crate::support::{self, has_ipv6, poll_once, run};
use ayi::net::{TcpListener, TcpSocket, TcpStream};
use ayi::time::Duration;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;

fn any() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

#[test]
fn it_listens() {
    run(async || {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(any()).unwrap();
        let addr = socket.local_addr().unwrap();
        let listener = socket.listen(16).unwrap();
        assert_eq!(listener.local_addr().unwrap(), addr);
        let client = TcpStream::connect(addr).await.unwrap();
        let (server, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        server.write(b"tea").await.unwrap();
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 3);
    });
}

#[test]
fn a_blocking_descriptor_becomes_a_socket_that_listens_without_blocking() {
    run(async || {
        let made_elsewhere =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        assert!(!made_elsewhere.nonblocking().unwrap());
        let socket = TcpSocket::from(std::os::fd::OwnedFd::from(made_elsewhere));
        socket.bind(any()).unwrap();
        let listener = socket.listen(16).unwrap();
        let addr = listener.local_addr().unwrap();
        assert!(
            poll_once(pin!(listener.accept())).is_pending(),
            "it waits in the reactor, not in the kernel"
        );
        let client = std::os::fd::OwnedFd::from(TcpSocket::new_v4().unwrap());
        let client = TcpSocket::from(client).connect(addr).await.unwrap();
        assert_eq!(listener.accept().await.unwrap().1, client.local_addr().unwrap());
    });
}

#[test]
fn it_connects_from_the_address_it_is_bound_to() {
    run(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        let client = socket.connect(listener.local_addr().unwrap()).await.unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        assert_eq!(peer.ip().to_string(), "127.0.0.2");
    });
}

#[test]
fn it_connects_without_an_address() {
    run(async || {
        let (addr, make): (_, fn() -> _) = match has_ipv6() {
            true => ("[::1]:0", TcpSocket::new_v6),
            false => ("127.0.0.1:0", TcpSocket::new_v4),
        };
        let listener = TcpListener::bind(addr).await.unwrap();
        let client = make().unwrap().connect(listener.local_addr().unwrap()).await.unwrap();
        assert_eq!(listener.accept().await.unwrap().1, client.local_addr().unwrap());
    });
}

#[test]
fn what_cannot_be_is_an_error() {
    run(async || {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let refused = TcpSocket::new_v4().unwrap().connect(taken).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        let addr = listener.local_addr().unwrap();
        assert_eq!(socket.bind(addr).unwrap_err().kind(), ErrorKind::AddrInUse);
        let elsewhere = socket.bind("192.0.2.1:0".parse().unwrap()).unwrap_err();
        assert_eq!(elsewhere.kind(), ErrorKind::AddrNotAvailable);
        assert!(socket.bind("[::1]:0".parse().unwrap()).is_err(), "the other family");
        assert!(socket.take_error().unwrap().is_none());
        socket.bind(any()).unwrap();
        assert!(socket.bind(any()).is_err(), "twice");
    });
}

#[test]
fn a_port_can_be_shared() {
    run(async || {
        let listen = |addr| {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_reuseport(true).unwrap();
            socket.bind(addr).unwrap();
            socket.listen(64).unwrap()
        };
        let first = listen(any());
        let addr = first.local_addr().unwrap();
        let second = listen(addr);
        let clients: Vec<_> = (0..32).map(|_| std::net::TcpStream::connect(addr).unwrap()).collect();
        let mut accepted = 0;
        while accepted < clients.len() {
            ayi::select! {
                stream = first.accept() => drop(stream.unwrap()),
                stream = second.accept() => drop(stream.unwrap()),
            }
            accepted += 1;
        }
    });
}

#[test]
fn options_are_what_was_set() {
    let socket = TcpSocket::new_v4().unwrap();
    for on in [true, false] {
        socket.set_reuseaddr(on).unwrap();
        socket.set_reuseport(on).unwrap();
        socket.set_keepalive(on).unwrap();
        socket.set_nodelay(on).unwrap();
        let is = (socket.reuseaddr(), socket.reuseport(), socket.keepalive(), socket.nodelay());
        assert_eq!((is.0.unwrap(), is.1.unwrap(), is.2.unwrap(), is.3.unwrap()), (on, on, on, on));
    }
    socket.set_send_buffer_size(20_000).unwrap();
    socket.set_recv_buffer_size(30_000).unwrap();
    assert_eq!(socket.send_buffer_size().unwrap(), 40_000, "the kernel doubles it");
    assert_eq!(socket.recv_buffer_size().unwrap(), 60_000);
    assert_eq!(socket.linger().unwrap(), None);
    #[allow(deprecated)]
    socket.set_linger(Some(Duration::from_secs(2))).unwrap();
    assert_eq!(socket.linger().unwrap(), Some(Duration::from_secs(2)));
    socket.set_zero_linger().unwrap();
    assert_eq!(socket.linger().unwrap(), Some(Duration::ZERO));
    socket.set_tos_v4(16).unwrap();
    assert_eq!(socket.tos_v4().unwrap(), 16);
    if has_ipv6() {
        let v6 = TcpSocket::new_v6().unwrap();
        v6.set_tclass_v6(32).unwrap();
        assert_eq!(v6.tclass_v6().unwrap(), 32);
    }
    assert_eq!(socket.device().unwrap(), None);
    assert!(socket.bind_device(Some(b"no-such-device")).is_err());
}

#[test]
fn options_of_a_stream() {
    run(async || {
        let (stream, _peer) = support::connected();
        #[allow(deprecated)]
        stream.set_linger(Some(Duration::from_secs(1))).unwrap();
        assert_eq!(stream.linger().unwrap(), Some(Duration::from_secs(1)));
        stream.set_quickack(false).unwrap();
        assert!(!stream.quickack().unwrap());
        stream.set_quickack(true).unwrap();
        assert!(stream.quickack().unwrap());
    });
}

#[test]
fn zero_linger_resets_the_connection() {
    run(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        server.set_zero_linger().unwrap();
        drop(server);
        assert_eq!(client.read(&mut [0]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_socket_of_others_can_be_taken() {
    run(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let theirs = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        let socket = TcpSocket::from_std_stream(theirs.into());
        let client = socket.connect(listener.local_addr().unwrap()).await.unwrap();
        let _server = listener.accept().await.unwrap();
        assert!(poll_once(pin!(client.read(&mut [0]))).is_pending());
    });
}

#[test]
fn outside_of_a_runtime_only_waiting_fails() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    let connected = poll_once(pin!(socket.connect(listener.local_addr().unwrap())));
    assert!(matches!(connected, Poll::Ready(Ok(_))), "within one machine there is nothing to wait for");
}
