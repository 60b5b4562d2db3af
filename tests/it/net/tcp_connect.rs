//! Connecting, and the properties of a stream.

use crate::support::{Watchdog, has_ipv6, poll_once, run, std_pair, turn};
use ayi::net::{TcpListener, TcpStream};
use ayi::time::{Duration, timeout};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::task::Poll;

/// Returns an address at which nobody listens: it belongs to a socket that does not.
fn refusing() -> (ayi::net::TcpStream, SocketAddr) {
    let (stream, _) = std_pair();
    let addr = stream.local_addr().unwrap();
    let peer = stream.peer_addr().unwrap();
    assert_ne!(addr, peer);
    (TcpStream::from_std(stream).unwrap(), addr)
}

async fn listening() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

#[test]
fn refused() {
    run(async || {
        let (_held, addr) = refusing();
        for _ in 0..20 {
            let error = TcpStream::connect(addr).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        }
    });
}

#[test]
fn several_addresses_in_turn() {
    run(async || {
        let (_held, refusing) = refusing();
        let (listener, addr) = listening().await;
        let (_second, other) = listening().await;
        for addrs in
            [vec![addr], vec![refusing, addr], vec![refusing, refusing, addr, other], vec![addr, other]]
        {
            let stream = TcpStream::connect(&addrs[..]).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), addr);
            assert_eq!(listener.accept().await.unwrap().1, stream.local_addr().unwrap());
        }
        let error = TcpStream::connect(&[refusing, refusing][..]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let error = TcpStream::connect(&[][..]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("give at least one"), "{error}");
        let error = TcpListener::bind(&[][..]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        // Of several addresses to bind to, the first that is free is taken.
        let third = TcpListener::bind(&[addr, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))][..]).await.unwrap();
        assert_ne!(third.local_addr().unwrap(), addr);
        let error = TcpListener::bind(addr).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    });
}

/// The queue of a listener has no room left: the kernel answers no further attempt.
#[test]
fn a_time_limit_on_a_connect_that_nobody_answers() {
    run(async || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        // SAFETY: takes no pointers.
        let result = unsafe { libc::listen(std::os::fd::AsRawFd::as_raw_fd(&listener), 0) };
        assert_eq!(result, 0);
        let addr = listener.local_addr().unwrap();
        let mut connected = vec![];
        loop {
            match timeout(Duration::from_millis(20), TcpStream::connect(addr)).await {
                Ok(stream) => connected.push(stream.unwrap()),
                Err(_elapsed) => break,
            }
            assert!(connected.len() < 16, "the queue is never full");
        }
        assert!(!connected.is_empty());
        // An attempt that was given up does no harm, and one that waits is answered when there is room.
        let task = ayi::spawn(async move { TcpStream::connect(addr).await });
        turn().await;
        assert!(!task.is_finished());
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let mut accepted = vec![];
        while !task.is_finished() {
            if let Ok(result) = timeout(Duration::from_millis(1), listener.accept()).await {
                accepted.push(result.unwrap());
            }
        }
        assert_eq!(task.await.unwrap().unwrap().peer_addr().unwrap(), addr);
    });
}

/// Loopback answers at once, so no runtime is needed. If one is needed, the error says so.
#[test]
fn outside_of_a_runtime() {
    let _watchdog = Watchdog::new();
    let (_held, refusing) = refusing();
    let Poll::Ready(Err(error)) = poll_once(pin!(TcpStream::connect(refusing))) else { panic!() };
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    let Poll::Ready(Ok(listener)) = poll_once(pin!(TcpListener::bind("127.0.0.1:0"))) else { panic!() };
    let Poll::Ready(Err(error)) = poll_once(pin!(listener.accept())) else { panic!() };
    assert!(error.to_string().contains("no ayi runtime on this thread"), "{error}");
    let addr = listener.local_addr().unwrap();
    let Poll::Ready(Ok(stream)) = poll_once(pin!(TcpStream::connect(addr))) else { panic!() };
    // The same listener, in a runtime.
    run(async || {
        let (accepted, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, stream.local_addr().unwrap());
        assert_eq!(accepted.write(b"water").await.unwrap(), 5);
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 5);
    });
}

#[test]
fn ipv6() {
    if !has_ipv6() {
        return;
    }
    run(async || {
        let listener = TcpListener::bind("[::1]:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        assert!(addr.is_ipv6() && addr.port() != 0);
        let stream = TcpStream::connect(("::1", addr.port())).await.unwrap();
        let (accepted, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, stream.local_addr().unwrap());
        assert_eq!((accepted.local_addr().unwrap(), accepted.peer_addr().unwrap()), (addr, peer));
        assert_eq!(accepted.write(b"water").await.unwrap(), 5);
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 5);
    });
}

#[test]
fn options_and_addresses() {
    run(async || {
        let (listener, addr) = listening().await;
        listener.set_ttl(61).unwrap();
        assert_eq!(listener.ttl().unwrap(), 61);
        let stream = TcpStream::connect(addr).await.unwrap();
        let (accepted, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, stream.local_addr().unwrap());
        assert_eq!((accepted.peer_addr().unwrap(), accepted.local_addr().unwrap()), (peer, addr));
        assert_eq!(stream.peer_addr().unwrap(), addr);
        assert_eq!(accepted.ttl().unwrap(), 61);
        stream.set_ttl(62).unwrap();
        assert_eq!(stream.ttl().unwrap(), 62);
        assert!(!stream.nodelay().unwrap());
        for on in [true, false] {
            stream.set_nodelay(on).unwrap();
            assert_eq!(stream.nodelay().unwrap(), on);
        }
        assert!(stream.take_error().unwrap().is_none());
        let text = format!("{stream:?} {listener:?}");
        assert!(text.contains(&peer.to_string()) && text.contains(&addr.to_string()), "{text}");
    });
}

#[test]
fn sockets_of_std_in_blocking_mode_are_refused_with_the_remedy() {
    let (stream, peer) = std_pair();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = [
        TcpStream::from_std(peer).map(drop),
        TcpStream::try_from(stream.try_clone().unwrap()).and_then(|ours| {
            let std = ours.into_std()?;
            std.set_nonblocking(false)?;
            TcpStream::try_from(std).map(drop)
        }),
        TcpListener::from_std(listener.try_clone().unwrap()).map(drop),
    ];
    for result in refused {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("set_nonblocking(true)"), "{error}");
    }
    // A socket that does not listen is no listener.
    stream.set_nonblocking(true).unwrap();
    let error = TcpListener::from_std(std::os::fd::OwnedFd::from(stream).into()).unwrap_err();
    assert!(error.to_string().contains("does not listen"), "{error}");
    listener.set_nonblocking(true).unwrap();
    assert!(TcpListener::try_from(listener).is_ok());
}
