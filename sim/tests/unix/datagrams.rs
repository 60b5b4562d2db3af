//! Datagrams and packets between Unix sockets.

use crate::raw::{accept, bind, checked, connect, errno, listen, mask, pair, receive, send, socket, unread};
use crate::{everywhere, name, path, turn};
use ayi::net::{UnixDatagram, UnixSocket};
use std::io::ErrorKind;
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr as StdAddr;
use std::rc::Rc;

#[test]
fn datagrams_go_to_whom_they_are_sent() {
    everywhere(|| async {
        let (path, other) = (path("datagram"), path("datagram-client"));
        let server = UnixDatagram::bind(&path).unwrap();
        let client = UnixDatagram::bind(&other).unwrap();
        assert_eq!(client.send_to(b"tea", &path).await.unwrap(), 3);
        let mut buf = [0; 8];
        let (n, from) = server.recv_from(&mut buf).await.unwrap();
        assert_eq!((n, from.as_pathname()), (3, Some(&*other)));
        client.connect(&path).unwrap();
        assert_eq!(client.peer_addr().unwrap().as_pathname(), Some(&*path));
        client.send(b"more").await.unwrap();
        assert_eq!(server.recv(&mut buf).await.unwrap(), 4);

        let nameless = UnixDatagram::unbound().unwrap();
        nameless.send_to(b"psst", &path).await.unwrap();
        assert!(server.recv_from(&mut buf).await.unwrap().1.is_unnamed());
        assert!(nameless.local_addr().unwrap().is_unnamed());
        assert_eq!(errno(nameless.send(b"x").await), libc::ENOTCONN);
        let nobody = nameless.send_to(b"x", path.with_extension("nobody")).await.unwrap_err();
        assert_eq!(nobody.kind(), ErrorKind::NotFound);
        let addr = StdAddr::from_abstract_name(&name("datagram")[1..]).unwrap().into();
        let socket = UnixSocket::new_datagram().unwrap();
        socket.bind_addr(&addr).unwrap();
        let named = socket.datagram().unwrap();
        nameless.connect_addr(&addr).unwrap();
        nameless.send(b"x").await.unwrap();
        assert_eq!(named.recv(&mut buf).await.unwrap(), 1);
    });
}

#[test]
fn datagrams_keep_their_bounds_and_wait_for_room() {
    everywhere(|| async {
        let (a, b) = UnixDatagram::pair().unwrap();
        let sender = ayi::spawn(async move {
            for n in 0..1_000_usize {
                a.send(&vec![1; n % 10]).await.unwrap();
            }
            a
        });
        turn().await;
        assert!(!sender.is_finished(), "its peer's queue is full");
        for n in 0..1_000 {
            assert_eq!(b.recv(&mut [0; 100]).await.unwrap(), n % 10);
        }
        let a = sender.await.unwrap();
        a.shutdown(Shutdown::Write).unwrap();
        assert!(a.send(b"x").await.is_err());
        assert!(a.take_error().unwrap().is_none());
    });
}

#[test]
fn a_shutdown_ends_what_waits_on_a_datagram_socket() {
    for how in [Shutdown::Write, Shutdown::Read, Shutdown::Both] {
        everywhere(move || async move {
            let (socket, _peer) = UnixDatagram::pair().unwrap();
            let socket = Rc::new(socket);
            while socket.try_send(b"x").is_ok() {}
            let (sender, receiver) = (socket.clone(), socket.clone());
            let sender = ayi::spawn(async move { sender.send(b"x").await });
            let receiver = ayi::spawn(async move { receiver.recv(&mut [0; 8]).await });
            turn().await;
            assert!(!sender.is_finished() && !receiver.is_finished());
            socket.shutdown(how).unwrap();
            if how != Shutdown::Read {
                assert_eq!(sender.await.unwrap().unwrap_err().kind(), ErrorKind::BrokenPipe);
            }
            if how != Shutdown::Write {
                assert_eq!(receiver.await.unwrap().unwrap(), 0);
            }
        });
    }
}

#[test]
fn a_datagram_to_a_full_receiver_is_sent_when_there_is_room() {
    for own in [false, true] {
        everywhere(move || async move {
            let path = path(&format!("full-{own}"));
            let receiver = UnixDatagram::bind(&path).unwrap();
            let (sender, other) = (UnixDatagram::unbound().unwrap(), UnixDatagram::unbound().unwrap());
            let filler = if own { &sender } else { &other };
            let mut filled = 0;
            while filler.try_send_to(b"x", &path).is_ok() {
                filled += 1;
            }
            assert_eq!(filled, 11, "max_dgram_qlen is 10");
            let task = ayi::spawn(async move { sender.send_to(b"tea", path).await });
            turn().await;
            assert!(!task.is_finished());
            let mut buf = [0; 8];
            for _ in 0..filled {
                assert_eq!(receiver.recv(&mut buf).await.unwrap(), 1);
            }
            assert_eq!(receiver.recv(&mut buf).await.unwrap(), 3);
            assert_eq!(task.await.unwrap().unwrap(), 3);
        });
    }
}

#[test]
fn one_who_is_connected_to_a_full_receiver_hears_of_room() {
    everywhere(|| async {
        let name = name("full-connected");
        let receiver = UnixDatagram::bind(&name).unwrap();
        let (sender, filler) = (UnixDatagram::unbound().unwrap(), UnixDatagram::unbound().unwrap());
        sender.connect(&name).unwrap();
        while filler.try_send_to(b"x", &name).is_ok() {}
        assert_eq!(mask(&sender), 0);
        let task = ayi::spawn(async move { sender.send(b"tea").await });
        turn().await;
        assert!(!task.is_finished());
        receiver.recv(&mut [0; 8]).await.unwrap();
        assert_eq!(task.await.unwrap().unwrap(), 3);
        // The same if the receiver goes.
        let sender = UnixDatagram::unbound().unwrap();
        sender.connect(&name).unwrap();
        let task = ayi::spawn(async move { sender.send(b"tea").await });
        turn().await;
        assert!(!task.is_finished());
        drop(receiver);
        assert_eq!(task.await.unwrap().unwrap_err().kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn datagrams_to_one_who_is_gone_or_talks_to_another() {
    everywhere(|| async {
        let (a, b) = pair(libc::SOCK_DGRAM);
        send(&a, b"lost").unwrap();
        drop(b);
        assert_eq!(errno(send(&a, b"x")), libc::ECONNREFUSED);
        assert_eq!(errno(send(&a, b"x")), libc::ENOTCONN);
        let (first, second) = (name("talks-first"), name("talks-second"));
        let (x, y) = (socket(libc::SOCK_DGRAM), socket(libc::SOCK_DGRAM));
        bind(&x, &first).unwrap();
        bind(&y, &second).unwrap();
        connect(&x, &second).unwrap();
        let stranger = socket(libc::SOCK_DGRAM);
        assert_eq!(errno(connect(&stranger, &first)), libc::EPERM);
        connect(&y, &first).unwrap();
        send(&y, b"tea").unwrap();
        assert_eq!(errno(connect(&x, &first)), libc::EPERM, "it takes datagrams from its peer only");
        // What has arrived is lost if the peer changes, and the peer hears of it.
        let nobody = libc::AF_UNSPEC as libc::sa_family_t;
        // SAFETY: there are two bytes.
        checked(unsafe { libc::connect(x.as_raw_fd(), (&raw const nobody).cast(), 2) }).unwrap();
        assert_eq!(errno(receive(&x, 8, 0)), libc::EAGAIN);
        assert_eq!(errno(receive(&y, 8, 0)), libc::ECONNRESET);
    });
}

#[test]
fn a_look_ahead_and_what_is_cut_off() {
    everywhere(|| async {
        for kind in [libc::SOCK_DGRAM, libc::SOCK_SEQPACKET] {
            let (a, b) = pair(kind);
            send(&a, b"tea for two").unwrap();
            send(&a, b"").unwrap();
            send(&a, b"end").unwrap();
            let first = if kind == libc::SOCK_DGRAM { 11 } else { 14 };
            assert_eq!(unread(&b), first);
            assert_eq!(receive(&b, 3, libc::MSG_PEEK).unwrap(), (3, b"tea".to_vec()));
            assert_eq!(receive(&b, 3, libc::MSG_PEEK | libc::MSG_TRUNC).unwrap().0, 11);
            assert_eq!(receive(&b, 3, 0).unwrap(), (3, b"tea".to_vec()));
            assert_eq!(receive(&b, 3, 0).unwrap().0, 0);
            assert_eq!(receive(&b, 30, 0).unwrap(), (3, b"end".to_vec()));
            assert_eq!(errno(receive(&b, 30, 0)), libc::EAGAIN);
        }
        let (a, b) = pair(libc::SOCK_STREAM);
        send(&a, b"tea").unwrap();
        send(&a, b" for two").unwrap();
        assert_eq!(receive(&b, 30, libc::MSG_PEEK).unwrap().1, b"tea for two");
        assert_eq!(receive(&b, 5, 0).unwrap().1, b"tea f");
        assert_eq!(receive(&b, 5, libc::MSG_PEEK).unwrap().1, b"or tw");
        assert_eq!(receive(&b, 30, 0).unwrap().1, b"or two");
    });
}

#[test]
fn packets_have_connections_and_bounds() {
    everywhere(|| async {
        let name = name("packets");
        let (server, client) = (socket(libc::SOCK_SEQPACKET), socket(libc::SOCK_SEQPACKET));
        bind(&server, &name).unwrap();
        listen(&server, 5).unwrap();
        connect(&client, &name).unwrap();
        let accepted = accept(&server).unwrap();
        send(&client, b"one").unwrap();
        send(&client, b"two").unwrap();
        assert_eq!(receive(&accepted, 100, 0).unwrap().1, b"one");
        assert_eq!(mask(&accepted), libc::POLLIN | libc::POLLOUT);
        drop(client);
        assert_eq!(receive(&accepted, 100, 0).unwrap().1, b"two");
        assert_eq!(receive(&accepted, 100, 0).unwrap().0, 0);
        assert_eq!(errno(send(&accepted, b"x")), libc::EPIPE);
        let (a, b) = pair(libc::SOCK_SEQPACKET);
        send(&a, b"unread").unwrap();
        drop(b);
        assert_eq!(errno(receive(&a, 8, 0)), libc::ECONNRESET);
        assert_eq!(receive(&a, 8, 0).unwrap().0, 0);
    });
}

/// The kernel reports to a sender that is not connected its own failed attempts. Who tried again at each report would
/// never sleep.
#[test]
fn a_sender_to_a_full_receiver_sleeps_between_its_attempts() {
    use ayi::time::{Duration, timeout};
    use std::future::poll_fn;
    for polled in [false, true] {
        let sim = ayi::sim::Sim::new(1);
        sim.client("alone", move || async move {
            let _receiver = UnixDatagram::bind("/tmp/full").unwrap();
            let sender = UnixDatagram::unbound().unwrap();
            while sender.try_send_to(b"x", "/tmp/full").is_ok() {}
            let sent = async {
                match polled {
                    false => sender.send_to(b"tea", "/tmp/full").await,
                    true => poll_fn(|cx| sender.poll_send_to(cx, b"tea", "/tmp/full")).await,
                }
            };
            assert!(timeout(Duration::from_secs(1), sent).await.is_err());
        });
        sim.run().unwrap();
        assert!(sim.events() < 1_000, "{} calls in a second", sim.events());
    }
}
