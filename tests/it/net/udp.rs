//! `UdpSocket`: one situation a test.

use crate::support::{Wakes, has_ipv6, poll_once, run, turn};
use ayi::io::{Interest, ReadBuf};
use ayi::net::UdpSocket;
use ayi::time::{Duration, timeout};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};

async fn socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap();
    (socket, addr)
}

/// Makes two sockets that are connected to each other.
async fn pair() -> (UdpSocket, UdpSocket) {
    let ((a, a_addr), (b, b_addr)) = (socket().await, socket().await);
    a.connect(b_addr).await.unwrap();
    b.connect(a_addr).await.unwrap();
    (a, b)
}

#[test]
fn datagrams_go_to_whom_they_are_sent() {
    run(async || {
        let ((a, a_addr), (b, b_addr)) = (socket().await, socket().await);
        assert_eq!(a.send_to(b"tea", b_addr).await.unwrap(), 3);
        let mut buf = [0; 16];
        assert_eq!(b.recv_from(&mut buf).await.unwrap(), (3, a_addr));
        assert_eq!(&buf[..3], b"tea");
        assert_eq!(b.send_to(b"thanks", a_addr.to_string()).await.unwrap(), 6);
        assert_eq!(a.recv(&mut buf).await.unwrap(), 6);
    });
}

#[test]
fn a_connected_socket_hears_only_its_peer() {
    run(async || {
        let (a, b) = pair().await;
        let (stranger, _) = socket().await;
        stranger.send_to(b"psst", a.local_addr().unwrap()).await.unwrap();
        b.send(b"tea").await.unwrap();
        let mut buf = [0; 16];
        assert_eq!(a.recv(&mut buf).await.unwrap(), 3);
        assert_eq!(a.peer_addr().unwrap(), b.local_addr().unwrap());
        assert_eq!(stranger.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
    });
}

#[test]
fn ipv6_works_too() {
    if !has_ipv6() {
        return;
    }
    run(async || {
        let a = UdpSocket::bind("[::1]:0").await.unwrap();
        let b = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).await.unwrap();
        a.send_to(b"tea", b.local_addr().unwrap()).await.unwrap();
        let (len, from) = b.recv_from(&mut [0; 8]).await.unwrap();
        assert_eq!((len, from), (3, a.local_addr().unwrap()));
        a.set_tclass_v6(16).unwrap();
        assert_eq!(a.tclass_v6().unwrap(), 16);
    });
}

#[test]
fn an_empty_datagram_is_a_datagram() {
    run(async || {
        let (a, b) = pair().await;
        for _ in 0..2 {
            assert_eq!(a.send(b"").await.unwrap(), 0);
        }
        a.send(b"x").await.unwrap();
        let mut buf = [0; 4];
        for expected in [0, 0, 1] {
            assert_eq!(b.recv(&mut buf).await.unwrap(), expected);
        }
        assert!(poll_once(pin!(b.recv(&mut buf))).is_pending());
        // An empty buffer takes one as well.
        a.send(b"lost").await.unwrap();
        a.send(b"next").await.unwrap();
        assert_eq!(b.recv(&mut []).await.unwrap(), 0);
        assert_eq!(b.recv(&mut buf).await.unwrap(), 4);
    });
}

#[test]
fn a_short_one_says_nothing_of_the_next() {
    run(async || {
        let (a, b) = pair().await;
        let mut buf = [0; 1000];
        assert!(poll_once(pin!(b.recv(&mut buf))).is_pending());
        for n in 1..=100 {
            a.send(&vec![0; n]).await.unwrap();
        }
        for n in 1..=100 {
            assert_eq!(b.recv(&mut buf).await.unwrap(), n);
        }
    });
}

#[test]
fn what_does_not_fit_is_lost() {
    run(async || {
        let (a, b) = pair().await;
        a.send(b"a long one").await.unwrap();
        a.send(b"next").await.unwrap();
        let mut buf = [0; 4];
        assert_eq!(b.recv(&mut buf).await.unwrap(), 4);
        assert_eq!(&buf, b"a lo");
        assert_eq!(b.recv(&mut buf).await.unwrap(), 4);
        assert_eq!(&buf, b"next");
    });
}

#[test]
fn peeking_takes_nothing() {
    run(async || {
        let (a, b) = pair().await;
        a.send(b"tea").await.unwrap();
        let (mut buf, from) = ([0; 8], a.local_addr().unwrap());
        assert_eq!(b.peek_sender().await.unwrap(), from);
        assert_eq!(b.try_peek_sender().unwrap(), from);
        for _ in 0..2 {
            assert_eq!(b.peek(&mut buf).await.unwrap(), 3);
            assert_eq!(b.peek_from(&mut buf).await.unwrap(), (3, from));
            assert_eq!(b.try_peek(&mut buf).unwrap(), 3);
            assert_eq!(b.try_peek_from(&mut buf).unwrap(), (3, from));
        }
        assert_eq!(b.recv(&mut buf).await.unwrap(), 3);
        assert_eq!(b.try_peek(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
#[cfg_attr(faults, ignore = "what is ready is not had at once")]
fn the_poll_forms_wait_and_wake() {
    run(async || {
        let (a, b) = pair().await;
        let (wakes, waker) = Wakes::new();
        let mut cx = Context::from_waker(&waker);
        let (mut memory, from) = ([0; 16], a.local_addr().unwrap());
        let mut buf = ReadBuf::new(&mut memory);
        buf.put_slice(b"> ");
        assert!(b.poll_recv(&mut cx, &mut buf).is_pending() && buf.filled() == b"> ");
        assert!(b.poll_recv_ready(&mut cx).is_pending());
        a.send(b"tea").await.unwrap();
        turn().await;
        assert!(wakes.count() > 0);
        assert!(matches!(b.poll_recv_ready(&mut cx), Poll::Ready(Ok(()))));
        assert!(matches!(b.poll_peek(&mut cx, &mut buf), Poll::Ready(Ok(()))));
        assert_eq!(buf.filled(), b"> tea");
        assert!(matches!(b.poll_peek_from(&mut cx, &mut buf), Poll::Ready(Ok(addr)) if addr == from));
        assert!(matches!(b.poll_peek_sender(&mut cx), Poll::Ready(Ok(addr)) if addr == from));
        assert!(matches!(b.poll_recv_from(&mut cx, &mut buf), Poll::Ready(Ok(addr)) if addr == from));
        assert_eq!(buf.filled(), b"> teateatea");
        assert!(b.poll_recv_from(&mut cx, &mut buf).is_pending());
        while a.poll_send_ready(&mut cx).is_pending() {
            turn().await;
        }
        assert!(matches!(a.poll_send(&mut cx, b"x"), Poll::Ready(Ok(1))));
        let (c, _) = socket().await;
        let to = b.local_addr().unwrap();
        assert!(matches!(c.poll_send_to(&mut cx, b"x", to), Poll::Ready(Ok(1))));
    });
}

#[test]
#[cfg_attr(faults, ignore = "there are false reports")]
fn the_try_forms_do_not_wait() {
    run(async || {
        let (a, b) = pair().await;
        let mut buf = [0; 8];
        assert_eq!(b.try_recv(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(b.try_recv_from(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(a.try_send(b"tea").unwrap(), 3);
        b.readable().await.unwrap();
        assert_eq!(b.try_recv(&mut buf).unwrap(), 3);
        let ((c, _), to) = (socket().await, b.local_addr().unwrap());
        c.writable().await.unwrap();
        assert_eq!(c.try_send_to(b"psst", to).unwrap(), 4);
        let ready = c.ready(Interest::READABLE | Interest::WRITABLE).await.unwrap();
        assert!(ready.is_writable() && !ready.is_readable());
    });
}

#[test]
fn io_of_ones_own() {
    use std::os::fd::AsFd;
    run(async || {
        let (a, b) = pair().await;
        let mut buf = [std::mem::MaybeUninit::uninit(); 8];
        let mut receive =
            pin!(b.async_io(Interest::READABLE, || socket2::SockRef::from(&b.as_fd()).recv(&mut buf)));
        assert!(poll_once(receive.as_mut()).is_pending());
        let sent = a.try_io(Interest::WRITABLE, || socket2::SockRef::from(&a.as_fd()).send(b"tea"));
        assert_eq!(sent.unwrap(), 3);
        assert_eq!(receive.await.unwrap(), 3);
    });
}

#[test]
fn tasks_share_a_socket() {
    run(async || {
        let (a, b) = pair().await;
        let b = Rc::new(b);
        let readers: Vec<_> = (0..10)
            .map(|_| {
                let b = b.clone();
                ayi::spawn(async move { b.recv(&mut [0; 8]).await.unwrap() })
            })
            .collect();
        turn().await;
        for _ in 0..10 {
            a.send(b"tea").await.unwrap();
        }
        for reader in readers {
            assert_eq!(reader.await.unwrap(), 3);
        }
    });
}

#[test]
fn a_dropped_receive_loses_nothing() {
    run(async || {
        let (a, b) = pair().await;
        let mut buf = [0; 8];
        for _ in 0..10 {
            assert!(poll_once(pin!(b.recv(&mut buf))).is_pending());
        }
        a.send(b"tea").await.unwrap();
        assert!(timeout(Duration::from_secs(30), b.recv(&mut buf)).await.is_ok());
    });
}

#[test]
fn a_refusal_is_reported_once_to_a_connected_socket() {
    run(async || {
        let ((a, _), (gone, addr)) = (socket().await, socket().await);
        drop(gone);
        a.connect(addr).await.unwrap();
        a.send(b"anybody?").await.unwrap();
        assert_eq!(a.recv(&mut [0; 8]).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert!(a.take_error().unwrap().is_none());
        assert!(poll_once(pin!(a.recv(&mut [0; 8]))).is_pending());
    });
}

#[test]
fn options_are_what_was_set() {
    run(async || {
        let (socket, _) = socket().await;
        socket.set_broadcast(true).unwrap();
        socket.set_ttl(7).unwrap();
        socket.set_tos_v4(16).unwrap();
        socket.set_multicast_loop_v4(false).unwrap();
        socket.set_multicast_ttl_v4(3).unwrap();
        assert!(socket.broadcast().unwrap() && !socket.multicast_loop_v4().unwrap());
        assert_eq!(
            (socket.ttl().unwrap(), socket.tos_v4().unwrap(), socket.multicast_ttl_v4().unwrap()),
            (7, 16, 3)
        );
        if has_ipv6() {
            let v6 = UdpSocket::bind("[::1]:0").await.unwrap();
            v6.set_multicast_loop_v6(false).unwrap();
            assert!(!v6.multicast_loop_v6().unwrap());
        }
        assert_eq!(socket.device().unwrap(), None);
        assert!(socket.bind_device(Some(b"no-such-device")).is_err());
    });
}

#[test]
fn multicasts_reach_who_has_joined() {
    run(async || {
        let group = Ipv4Addr::new(239, 255, 77, 1);
        let receiver = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        let to = (group, receiver.local_addr().unwrap().port());
        receiver.join_multicast_v4(group, Ipv4Addr::LOCALHOST).unwrap();
        let (sender, _) = socket().await;
        socket2::SockRef::from(&sender).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
        sender.send_to(b"tea", to).await.unwrap();
        assert_eq!(receiver.recv(&mut [0; 8]).await.unwrap(), 3);
        receiver.leave_multicast_v4(group, Ipv4Addr::LOCALHOST).unwrap();
        assert!(receiver.leave_multicast_v4(group, Ipv4Addr::LOCALHOST).is_err(), "it has left");
        assert!(receiver.join_multicast_v4(Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST).is_err(), "no group");
    });
}

#[test]
fn multicasts_of_ipv6_reach_who_has_joined() {
    if !has_ipv6() {
        return;
    }
    run(async || {
        // Interface-local: it never leaves this machine. Interface 1 is the loopback.
        let group: Ipv6Addr = "ff01::a71".parse().unwrap();
        let receiver = UdpSocket::bind("[::]:0").await.unwrap();
        receiver.join_multicast_v6(&group, 1).unwrap();
        let sender = UdpSocket::bind("[::]:0").await.unwrap();
        socket2::SockRef::from(&sender).set_multicast_if_v6(1).unwrap();
        let to = SocketAddrV6::new(group, receiver.local_addr().unwrap().port(), 0, 1);
        match sender.send_to(b"tea", SocketAddr::from(to)).await {
            Err(error) if error.kind() == ErrorKind::NetworkUnreachable => {
                eprintln!(
                    "this machine has no route for IPv6 multicasts on its loopback: only joining is tested"
                );
            }
            sent => {
                assert_eq!(sent.unwrap(), 3);
                assert_eq!(receiver.recv(&mut [0; 8]).await.unwrap(), 3);
            }
        }
        receiver.leave_multicast_v6(&group, 1).unwrap();
        assert!(receiver.leave_multicast_v6(&group, 1).is_err(), "it has left");
    });
}

#[test]
fn from_std_and_back() {
    run(async || {
        let std = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let blocking = UdpSocket::from_std(std.try_clone().unwrap()).unwrap_err();
        assert!(blocking.to_string().contains("set_nonblocking(true)"));
        std.set_nonblocking(true).unwrap();
        let socket = UdpSocket::try_from(std).unwrap();
        assert!(poll_once(pin!(socket.recv(&mut [0; 8]))).is_pending());
        let addr = socket.local_addr().unwrap();
        assert!(format!("{socket:?}").contains(&addr.port().to_string()));
        let std = socket.into_std().unwrap();
        let socket = UdpSocket::from_std(std).unwrap();
        let (other, _) = self::socket().await;
        other.send_to(b"tea", addr).await.unwrap();
        assert_eq!(socket.recv(&mut [0; 8]).await.unwrap(), 3);
    });
}

#[test]
fn bad_addresses_are_refused() {
    run(async || {
        let (socket, addr) = socket().await;
        assert_eq!(UdpSocket::bind(addr).await.unwrap_err().kind(), ErrorKind::AddrInUse);
        assert_eq!(UdpSocket::bind("192.0.2.1:0").await.unwrap_err().kind(), ErrorKind::AddrNotAvailable);
        assert_eq!(UdpSocket::bind(&[][..]).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(UdpSocket::bind("localhost").await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(socket.send_to(b"x", &[][..]).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(socket.connect(&[][..]).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert!(socket.send(b"x").await.is_err(), "it is not connected");
        let too_long = socket.send_to(&[0; 70_000], addr).await.unwrap_err();
        assert!(too_long.raw_os_error().is_some());
    });
}

#[test]
#[cfg_attr(faults, ignore = "what is ready is not had at once")]
fn outside_of_a_runtime_only_waiting_fails() {
    let bound = poll_once(pin!(UdpSocket::bind("127.0.0.1:0")));
    let Poll::Ready(Ok(socket)) = bound else { panic!("{bound:?}") };
    let addr = socket.local_addr().unwrap();
    assert!(matches!(poll_once(pin!(socket.send_to(b"tea", addr))), Poll::Ready(Ok(3))));
    assert!(matches!(poll_once(pin!(socket.recv(&mut [0; 8]))), Poll::Ready(Ok(3))));
    match poll_once(pin!(socket.recv(&mut [0; 8]))) {
        Poll::Ready(Err(error)) => assert!(error.to_string().contains("no ayi runtime"), "{error}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn several_addresses_are_tried_in_turn() {
    run(async || {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let taken = UdpSocket::bind(any).await.unwrap();
        let used = taken.local_addr().unwrap();
        // Of several addresses to bind to, the first that is free is taken.
        let socket = UdpSocket::bind(&[used, used, any][..]).await.unwrap();
        assert_ne!(socket.local_addr().unwrap(), used);
        assert_eq!(UdpSocket::bind(&[used, used][..]).await.unwrap_err().kind(), ErrorKind::AddrInUse);
        // A socket of IPv4 cannot be connected to an address of IPv6.
        let foreign = SocketAddr::from((Ipv6Addr::LOCALHOST, 9));
        socket.connect(&[foreign, used][..]).await.unwrap();
        assert_eq!(socket.peer_addr().unwrap(), used);
        assert!(socket.connect(&[foreign, foreign][..]).await.is_err());
        assert_eq!(socket.connect(&[][..]).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}
