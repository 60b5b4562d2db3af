//! How Unix sockets are bound and connected.

use crate::raw::{
    accept, bind, checked, connect, errno, listen, mask, option, pair, receive, send, set_option, socket,
};
use crate::{everywhere, is_pending, name, path, simulated, turn};
use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::net::{UnixDatagram, UnixListener, UnixSocket, UnixStream};
use ayi::sim::Sim;
use ayi::time::{Duration, sleep};
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, OwnedFd};
use std::pin::pin;

#[test]
fn a_client_finds_the_listener_by_its_path() {
    everywhere(|| async {
        let path = path("path");
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(&*path));
        let mut client = UnixStream::connect(&path).await.unwrap();
        let (mut server, peer) = listener.accept().await.unwrap();
        assert!(peer.is_unnamed() && client.local_addr().unwrap().is_unnamed());
        assert_eq!(client.peer_addr().unwrap().as_pathname(), Some(&*path));
        assert_eq!(server.local_addr().unwrap().as_pathname(), Some(&*path));
        for text in ["tea", "with milk", ""] {
            client.write_all(text.as_bytes()).await.unwrap();
            let mut buf = vec![0; text.len()];
            server.read_exact(&mut buf).await.unwrap();
            server.write_all(&buf).await.unwrap();
            client.read_exact(&mut buf).await.unwrap();
            assert_eq!(buf, text.as_bytes());
        }
        assert!(listener.take_error().unwrap().is_none() && client.take_error().unwrap().is_none());
        drop(server);
        assert_eq!(client.peer_addr().unwrap().as_pathname(), Some(&*path), "it is remembered");
    });
}

#[test]
fn a_client_finds_the_listener_by_an_abstract_name() {
    everywhere(|| async {
        let name = name("abstract");
        let listener = UnixListener::bind(&name).unwrap();
        assert_eq!(listener.local_addr().unwrap().as_abstract_name(), Some(&name.as_bytes()[1..]));
        let socket = UnixSocket::new_stream().unwrap();
        socket.bind(format!("{name}-client")).unwrap();
        let _client = socket.connect(&name).await.unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer.as_abstract_name(), Some(&format!("{name}-client").as_bytes()[1..]));
        // A socket of another kind may have the same name, and one that is gone leaves it.
        let datagrams = UnixDatagram::bind(&name).unwrap();
        drop((listener, datagrams));
        UnixListener::bind(&name).unwrap();
    });
}

#[test]
fn accept_waits_and_wakes() {
    everywhere(|| async {
        let path = path("accept");
        let listener = UnixListener::bind(&path).unwrap();
        let task = ayi::spawn(async move { listener.accept().await.map(drop) });
        turn().await;
        assert!(!task.is_finished());
        let _client = UnixStream::connect(&path).await.unwrap();
        task.await.unwrap().unwrap();
    });
}

#[test]
fn bad_addresses_are_refused() {
    everywhere(|| async {
        let kind = |result: io::Result<UnixListener>| result.unwrap_err().kind();
        let path = path("bad");
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(kind(UnixListener::bind(&path)), ErrorKind::AddrInUse);
        drop(listener);
        assert_eq!(kind(UnixListener::bind(&path)), ErrorKind::AddrInUse, "the file is still there");
        let refused = UnixStream::connect(&path).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let nothing = UnixStream::connect(path.with_extension("nothing")).await.unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::NotFound);
        let nothing = UnixStream::connect(name("nothing")).await.unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::ConnectionRefused);
        let (unnamed, _) = UnixStream::pair().unwrap();
        let unnamed = unnamed.local_addr().unwrap();
        assert_eq!(kind(UnixListener::bind_addr(&unnamed)), ErrorKind::InvalidInput);
    });
}

#[test]
fn who_is_bound_but_does_not_listen_refuses() {
    everywhere(|| async {
        let (path, name) = (path("bound"), name("bound"));
        let text = path.to_str().unwrap();
        let (server, client) = (socket(libc::SOCK_STREAM), socket(libc::SOCK_STREAM));
        bind(&server, text).unwrap();
        assert_eq!(errno(connect(&client, text)), libc::ECONNREFUSED);
        assert_eq!(errno(connect(&socket(libc::SOCK_DGRAM), text)), libc::EPROTOTYPE);
        assert_eq!(errno(bind(&server, &name)), libc::EINVAL, "it has a name");
        assert_eq!(bind(&server, "").unwrap(), 0, "it needs none");
        assert_eq!(errno(listen(&client, 1)), libc::EINVAL, "it has no name");
        assert_eq!(errno(accept(&server)), libc::EINVAL);
        listen(&server, 1).unwrap();
        assert_eq!(option(&server, libc::SO_ACCEPTCONN).unwrap(), 1);
        assert_eq!(errno(accept(&server)), libc::EAGAIN);
        connect(&client, text).unwrap();
        assert_eq!(errno(connect(&client, text)), libc::EISCONN);
        assert_eq!(errno(listen(&client, 1)), libc::EINVAL);
        let accepted = accept(&server).unwrap();
        assert_eq!(option(&accepted, libc::SO_ACCEPTCONN).unwrap(), 0);
        let datagrams = socket(libc::SOCK_DGRAM);
        bind(&datagrams, &name).unwrap();
        assert_eq!(errno(listen(&datagrams, 1)), libc::EOPNOTSUPP);
        assert_eq!(errno(accept(&datagrams)), libc::EOPNOTSUPP);
        assert_eq!(errno(connect(&socket(libc::SOCK_STREAM), &name)), libc::ECONNREFUSED);
    });
}

#[test]
fn sockets_without_a_connection_say_so() {
    everywhere(|| async {
        let stream = socket(libc::SOCK_STREAM);
        assert_eq!(errno(send(&stream, b"x")), libc::ENOTCONN);
        assert_eq!(errno(receive(&stream, 8, 0)), libc::EINVAL);
        assert_eq!(mask(&stream), libc::POLLOUT | libc::POLLHUP);
        let packets = socket(libc::SOCK_SEQPACKET);
        assert_eq!(errno(send(&packets, b"x")), libc::ENOTCONN);
        assert_eq!(errno(receive(&packets, 8, 0)), libc::ENOTCONN);
        let datagrams = socket(libc::SOCK_DGRAM);
        assert_eq!(errno(send(&datagrams, b"x")), libc::ENOTCONN);
        assert_eq!(errno(receive(&datagrams, 8, 0)), libc::EAGAIN);
        assert_eq!(mask(&datagrams), libc::POLLOUT);
        // A shutdown needs none.
        // SAFETY: it takes no pointers.
        checked(unsafe { libc::shutdown(stream.as_raw_fd(), libc::SHUT_RDWR) }).unwrap();
    });
}

/// Makes a listener whose backlog is full, and the clients that fill it.
fn with_full_backlog(name: &str) -> (UnixListener, Vec<OwnedFd>) {
    let server = UnixSocket::new_stream().unwrap();
    server.bind(name).unwrap();
    let listener = server.listen(1).unwrap();
    let clients: Vec<OwnedFd> = (0..2).map(|_| socket(libc::SOCK_STREAM)).collect();
    clients.iter().for_each(|client| assert_eq!(connect(client, name).unwrap(), 0));
    assert_eq!(errno(connect(&socket(libc::SOCK_STREAM), name)), libc::EAGAIN);
    (listener, clients)
}

#[test]
fn who_connects_to_a_full_backlog_waits_for_room() {
    everywhere(|| async {
        let name = name("backlog");
        let (listener, clients) = with_full_backlog(&name);
        let there = name.clone();
        let task = ayi::spawn(async move { UnixStream::connect(there).await.map(drop) });
        turn().await;
        assert!(!task.is_finished());
        for _ in 0..clients.len() + 1 {
            listener.accept().await.unwrap();
        }
        task.await.unwrap().unwrap();
        assert!(is_pending(pin!(listener.accept())).await);
    });
}

#[test]
fn who_waits_in_a_backlog_hears_that_the_listener_is_gone() {
    everywhere(|| async {
        let name = name("backlog-gone");
        let (listener, clients) = with_full_backlog(&name);
        let mut connecting = Box::pin(UnixStream::connect(&name));
        assert!(is_pending(connecting.as_mut()).await);
        assert_eq!(send(&clients[0], b"early").unwrap(), 5, "it is connected already");
        drop(listener);
        assert_eq!(connecting.await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        for client in clients {
            assert_eq!(mask(&client) & (libc::POLLERR | libc::POLLHUP), libc::POLLERR | libc::POLLHUP);
            assert_eq!(errno(receive(&client, 8, 0)), libc::ECONNRESET);
            assert_eq!(receive(&client, 8, 0).unwrap().0, 0);
        }
    });
}

#[test]
fn a_name_that_the_kernel_chooses() {
    everywhere(|| async {
        let (one, other) = (UnixDatagram::autobind().unwrap(), UnixDatagram::autobind().unwrap());
        let addr = one.local_addr().unwrap();
        let chosen = addr.as_abstract_name().unwrap().to_vec();
        assert!(chosen.len() == 5 && chosen.iter().all(u8::is_ascii_hexdigit), "{chosen:?}");
        assert_ne!(Some(&chosen[..]), other.local_addr().unwrap().as_abstract_name());
        other.connect_addr(&addr).unwrap();
        other.send(b"tea").await.unwrap();
        let (n, sender) = one.recv_from(&mut [0; 8]).await.unwrap();
        assert_eq!((n, sender.as_abstract_name()), (3, other.local_addr().unwrap().as_abstract_name()));
        one.connect_addr(&sender).unwrap();
        one.send(b"cup").await.unwrap();
        assert_eq!(other.recv(&mut [0; 8]).await.unwrap(), 3);
    });
}

#[test]
fn sockets_tell_what_they_are() {
    everywhere(|| async {
        for kind in [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_SEQPACKET] {
            let (socket, _peer) = pair(kind);
            assert_eq!(option(&socket, libc::SO_TYPE).unwrap(), kind);
            assert_eq!(option(&socket, libc::SO_DOMAIN).unwrap(), libc::AF_UNIX);
            assert_eq!(option(&socket, libc::SO_ERROR).unwrap(), 0);
            assert_eq!(errno(option(&socket, 4_711)), libc::ENOPROTOOPT);
            set_option(&socket, libc::SO_PASSCRED, 1);
            assert_eq!(option(&socket, libc::SO_PASSCRED).unwrap(), 1);
        }
    });
    simulated(1, || async {
        let (a, _b) = UnixStream::pair().unwrap();
        let peer = a.peer_cred().unwrap();
        assert_eq!((peer.uid(), peer.gid(), peer.pid()), (0, 0, Some(1)));
    });
}

/// Two hosts have the same names for different things.
#[test]
fn names_are_those_of_a_host() {
    let sim = Sim::new(1);
    for host in ["one", "other"] {
        sim.client(host, move || async move {
            let (path, name) = (path("hosts"), name("hosts"));
            let listeners = [UnixListener::bind(&path).unwrap(), UnixListener::bind(&name).unwrap()];
            sleep(Duration::from_millis(1)).await;
            let clients = [UnixStream::connect(&path).await, UnixStream::connect(&name).await];
            for (listener, client) in listeners.iter().zip(clients) {
                let (server, _) = listener.accept().await.unwrap();
                server.write(host.as_bytes()).await.unwrap();
                let mut buf = [0; 8];
                let count = client.unwrap().read(&mut buf).await.unwrap();
                assert_eq!(&buf[..count], host.as_bytes());
            }
        });
    }
    sim.run().unwrap();
}
