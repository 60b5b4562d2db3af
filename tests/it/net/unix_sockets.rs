//! Unix sockets: listeners, streams, datagrams, and what they are made of. One situation a test.

use crate::support::{Wakes, in_a_child, poll_once, run, turn};
use ayi::io::{AsyncReadExt, AsyncWriteExt, Interest, ReadBuf};
use ayi::net::unix;
use ayi::net::{UnixDatagram, UnixListener, UnixSocket, UnixStream};
use std::io::{ErrorKind, IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::SocketAddr as StdAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// A directory that is removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Directory {
        let path = std::env::temp_dir().join(format!("ayi-{}-{name}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Directory(path)
    }

    fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_client_finds_the_listener_by_its_path() {
    let directory = Directory::new("path");
    run(async || {
        let path = directory.join("tea.sock");
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(path.as_path()));
        let client = UnixStream::connect(&path).await.unwrap();
        let (server, peer) = listener.accept().await.unwrap();
        assert!(peer.is_unnamed() && client.local_addr().unwrap().is_unnamed());
        assert_eq!(client.peer_addr().unwrap().as_pathname(), Some(path.as_path()));
        assert_eq!(client.write(b"tea").await.unwrap(), 3);
        let mut buf = [0; 8];
        assert_eq!(server.read(&mut buf).await.unwrap(), 3);
        assert!(listener.take_error().unwrap().is_none() && client.take_error().unwrap().is_none());
    });
}

#[test]
fn a_client_finds_the_listener_by_an_abstract_name() {
    run(async || {
        let name = format!("\0ayi-test-{}", std::process::id());
        let listener = UnixListener::bind(&name).unwrap();
        assert_eq!(listener.local_addr().unwrap().as_abstract_name(), Some(&name.as_bytes()[1..]));
        // A client with a name of its own.
        let socket = UnixSocket::new_stream().unwrap();
        socket.bind(format!("{name}-client")).unwrap();
        let _client = socket.connect(&name).await.unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer.as_abstract_name(), Some(&format!("{name}-client").as_bytes()[1..]));

        let addr =
            StdAddr::from_abstract_name(format!("ayi-test-addr-{}", std::process::id())).unwrap().into();
        let listener = UnixListener::bind_addr(&addr).unwrap();
        UnixStream::connect_addr(&addr).await.unwrap();
        listener.accept().await.unwrap();
    });
}

#[test]
fn a_client_with_a_path_is_seen_with_it() {
    let directory = Directory::new("client");
    run(async || {
        let listener = UnixListener::bind(directory.join("server")).unwrap();
        let socket = UnixSocket::new_stream().unwrap();
        socket.bind(directory.join("client")).unwrap();
        let _client = socket.connect(directory.join("server")).await.unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer.as_pathname(), Some(directory.join("client").as_path()));
    });
}

#[test]
#[cfg_attr(faults, ignore = "what is ready is not had at once")]
fn accept_waits_and_wakes() {
    let directory = Directory::new("accept");
    run(async || {
        let path = directory.join("tea.sock");
        let listener = Rc::new(UnixListener::bind(&path).unwrap());
        let there = listener.clone();
        let task = ayi::spawn(async move { there.accept().await.map(drop) });
        turn().await;
        assert!(!task.is_finished());
        let _client = UnixStream::connect(&path).await.unwrap();
        task.await.unwrap().unwrap();

        let (wakes, waker) = Wakes::new();
        let mut cx = Context::from_waker(&waker);
        assert!(listener.poll_accept(&mut cx).is_pending());
        let _client = UnixStream::connect(&path).await.unwrap();
        turn().await;
        assert_eq!(wakes.count(), 1);
        assert!(listener.poll_accept(&mut cx).is_ready());
    });
}

#[test]
fn bad_addresses_are_refused() {
    let directory = Directory::new("bad");
    run(async || {
        let kind = |result: std::io::Result<UnixListener>| result.unwrap_err().kind();
        let path = directory.join("tea.sock");
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(kind(UnixListener::bind(&path)), ErrorKind::AddrInUse);
        drop(listener);
        assert_eq!(kind(UnixListener::bind(&path)), ErrorKind::AddrInUse, "the file is still there");
        let refused = UnixStream::connect(&path).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let nothing = UnixStream::connect(directory.join("nothing")).await.unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::NotFound);
        assert_eq!(kind(UnixListener::bind(directory.join(&"x".repeat(120)))), ErrorKind::InvalidInput);
        assert_eq!(kind(UnixListener::bind("")), ErrorKind::InvalidInput);
        assert_eq!(kind(UnixListener::bind(Path::new("a\0b"))), ErrorKind::InvalidInput);
        assert_eq!(kind(UnixListener::bind(directory.join("no/such"))), ErrorKind::NotFound);
        let (unnamed, _) = UnixStream::pair().unwrap();
        let unnamed = unnamed.local_addr().unwrap();
        assert_eq!(kind(UnixListener::bind_addr(&unnamed)), ErrorKind::InvalidInput);
        // Root may do what others may not.
        let closed = directory.join("closed");
        std::fs::create_dir(&closed).unwrap();
        std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o0)).unwrap();
        if let Err(error) = UnixListener::bind(closed.join("tea.sock")) {
            assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        }
    });
}

#[test]
fn the_wrong_kind_of_socket_says_so() {
    let directory = Directory::new("kind");
    run(async || {
        let error = UnixSocket::new_datagram().unwrap().listen(1).unwrap_err();
        assert_eq!(error.to_string(), "listen cannot be called on a datagram socket"); // tokio's text
        let error = UnixSocket::new_datagram().unwrap().connect(directory.join("x")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let error = UnixSocket::new_stream().unwrap().datagram().unwrap_err();
        assert_eq!(error.to_string(), "datagram cannot be called on a stream socket");
        assert!(UnixSocket::new_stream().unwrap().listen(1).is_err(), "it has no address");
    });
}

/// Makes a listener at `path` whose backlog is full, and the clients that fill it.
async fn with_full_backlog(path: &Path) -> (UnixListener, Vec<std::os::unix::net::UnixStream>) {
    let socket = UnixSocket::new_stream().unwrap();
    socket.bind(path).unwrap();
    let listener = socket.listen(1).unwrap();
    let (mut clients, addr) = (vec![], socket2::SockAddr::unix(path).unwrap());
    loop {
        let kind = socket2::Type::STREAM.nonblocking();
        let client = socket2::Socket::new(socket2::Domain::UNIX, kind, None).unwrap();
        match client.connect(&addr) {
            Ok(()) => clients.push(std::os::unix::net::UnixStream::from(std::os::fd::OwnedFd::from(client))),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                return (listener, clients);
            }
        }
    }
}

/// The task waits like a thread, which the kernel would make wait.
#[test]
fn who_connects_to_a_full_backlog_waits_for_room() {
    let directory = Directory::new("backlog");
    run(async || {
        let path = directory.join("tea.sock");
        let (listener, clients) = with_full_backlog(&path).await;
        let mut tasks = vec![];
        for by_socket in [false, true] {
            let path = path.clone();
            tasks.push(ayi::spawn(async move {
                match by_socket {
                    false => UnixStream::connect(path).await,
                    true => UnixSocket::new_stream().unwrap().connect(path).await,
                }
            }));
        }
        // The attempt is given up, and takes no place in the backlog.
        assert!(poll_once(pin!(UnixStream::connect(&path))).is_pending());
        for _ in 0..5 {
            turn().await;
        }
        assert!(tasks.iter().all(|task| !task.is_finished()));
        for _ in 0..clients.len() + 2 {
            listener.accept().await.unwrap();
        }
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert!(cfg!(faults) || poll_once(pin!(listener.accept())).is_pending());
    });
}

#[test]
fn who_waits_for_room_in_a_backlog_hears_that_the_listener_is_gone() {
    let directory = Directory::new("backlog-gone");
    run(async || {
        let path = directory.join("tea.sock");
        let (listener, clients) = with_full_backlog(&path).await;
        let mut connecting = Box::pin(UnixStream::connect(&path));
        assert!(poll_once(connecting.as_mut()).is_pending());
        drop((listener, clients));
        assert_eq!(connecting.await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    });
}

/// Other senders may have filled it: the kernel tells a sender of room only if one of its own datagrams made it.
#[test]
fn a_datagram_to_a_full_receiver_is_sent_when_there_is_room() {
    let directory = Directory::new("full-receiver");
    for (own, polled) in [(false, false), (false, true), (true, false), (true, true)] {
        run(async || {
            let path = directory.join(&format!("{own}-{polled}.sock"));
            let receiver = UnixDatagram::bind(&path).unwrap();
            let sender = UnixDatagram::unbound().unwrap();
            let other = UnixDatagram::unbound().unwrap();
            let filler = if own { &sender } else { &other };
            let mut filled = 0;
            while filler.try_send_to(b"x", &path).is_ok() {
                filled += 1;
            }
            let task = ayi::spawn({
                let path = path.clone();
                async move {
                    match polled {
                        false => sender.send_to(b"tea", path).await,
                        true => std::future::poll_fn(|cx| sender.poll_send_to(cx, b"tea", &path)).await,
                    }
                }
            });
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

/// What waits in one task when another one shuts the direction down: a writer gets an error, a reader the end.
#[test]
fn a_shutdown_ends_what_waits_in_other_tasks() {
    for how in [Shutdown::Write, Shutdown::Read, Shutdown::Both] {
        for polled in [false, true] {
            run(async || {
                let (stream, _peer) = UnixStream::pair().unwrap();
                let stream = Rc::new(stream);
                while stream.try_write(&[0; 65536]).is_ok() {}
                let task = |is_read: bool| {
                    let stream = stream.clone();
                    ayi::spawn(async move {
                        let (mut buf, much) = ([0; 8], [0; 65536]);
                        match (is_read, polled) {
                            (true, false) => stream.read(&mut buf).await,
                            (false, false) => stream.write(&much).await,
                            (true, true) => AsyncReadExt::read(&mut &*stream, &mut buf).await,
                            (false, true) => AsyncWriteExt::write(&mut &*stream, &much).await,
                        }
                    })
                };
                let (reader, writer) = (task(true), task(false));
                let ready = ayi::spawn({
                    let stream = stream.clone();
                    async move { stream.writable().await }
                });
                turn().await;
                assert!(!reader.is_finished() && !writer.is_finished() && !ready.is_finished());
                stream.shutdown_now(how).unwrap();
                if how != Shutdown::Read {
                    assert_eq!(writer.await.unwrap().unwrap_err().kind(), ErrorKind::BrokenPipe);
                    ready.await.unwrap().unwrap();
                }
                if how != Shutdown::Write {
                    assert_eq!(reader.await.unwrap().unwrap(), 0);
                }
            });
        }
    }
}

#[test]
fn shutting_down_or_dropping_a_half_ends_what_waits_in_other_tasks() {
    run(async || {
        let (stream, _peer) = UnixStream::pair().unwrap();
        while stream.try_write(&[0; 65536]).is_ok() {}
        let stream = Rc::new(stream);
        let writer = ayi::spawn({
            let stream = stream.clone();
            async move { stream.write(&[0; 65536]).await }
        });
        turn().await;
        AsyncWriteExt::shutdown(&mut &*stream).await.unwrap();
        assert_eq!(writer.await.unwrap().unwrap_err().kind(), ErrorKind::BrokenPipe);

        let (stream, _peer) = UnixStream::pair().unwrap();
        while stream.try_write(&[0; 65536]).is_ok() {}
        let (read, write) = stream.into_split();
        // The owner of one half can wait for the other direction as well.
        let waiting =
            ayi::spawn(
                async move { read.ready(Interest::WRITABLE).await.map(|ready| ready.is_write_closed()) },
            );
        turn().await;
        assert!(!waiting.is_finished());
        drop(write);
        assert!(waiting.await.unwrap().unwrap());
    });
}

#[test]
fn a_shutdown_ends_what_waits_on_a_datagram_socket() {
    run(async || {
        for how in [Shutdown::Write, Shutdown::Read, Shutdown::Both] {
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
        }
    });
}

/// A shutdown on another thread reaches the task on its own.
#[test]
fn a_shutdown_from_another_thread_ends_a_write() {
    run(async || {
        let (stream, _peer) = UnixStream::pair().unwrap();
        while stream.try_write(&[0; 65536]).is_ok() {}
        let stream = std::sync::Arc::new(stream);
        let writing = stream.clone();
        let writer = ayi::spawn(async move { writing.write(&[0; 65536]).await });
        turn().await;
        std::thread::spawn(move || stream.shutdown_now(Shutdown::Write).unwrap()).join().unwrap();
        assert_eq!(writer.await.unwrap().unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_pair_talks_both_ways() {
    run(async || {
        let (a, b) = UnixStream::pair().unwrap();
        let mut buf = [0; 8];
        a.write(b"tea").await.unwrap();
        assert_eq!(b.read(&mut buf).await.unwrap(), 3);
        assert_eq!(b.write_vectored(&[IoSlice::new(b"th"), IoSlice::new(b"anks")]).await.unwrap(), 6);
        let (mut x, mut y) = ([0; 2], [0; 8]);
        let n = a.read_vectored(&mut [IoSliceMut::new(&mut x), IoSliceMut::new(&mut y)]).await.unwrap();
        assert_eq!((n, &x, &y[..4]), (6, b"th", &b"anks"[..]));
        assert_eq!(a.read(&mut []).await.unwrap(), 0);
        assert_eq!(a.write(b"").await.unwrap(), 0);
        drop(b);
        assert_eq!(a.read(&mut buf).await.unwrap(), 0);
        assert_eq!(a.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn many_bytes_arrive_in_order() {
    run(async || {
        let (mut a, mut b) = UnixStream::pair().unwrap();
        let data: Vec<u8> = (0..1_000_000_u32).map(|n| (n * 7 % 251) as u8).collect();
        let expected = data.clone();
        let writer = ayi::spawn(async move { a.write_all(&data).await });
        let mut got = Vec::new();
        b.read_to_end(&mut got).await.unwrap();
        writer.await.unwrap().unwrap();
        assert!(got == expected);
    });
}

#[test]
fn a_short_read_does_not_hide_what_comes_next() {
    // A read stops where a message came with a descriptor. What comes after it is there all the same.
    run(async || {
        let (a, b) = UnixStream::pair().unwrap();
        let mut buf = [0; 100];
        assert!(poll_once(pin!(b.read(&mut buf))).is_pending());
        turn().await;
        send_with_descriptor(&a, b"one");
        send_with_descriptor(&a, b"two");
        a.write(b"three").await.unwrap();
        let mut got = Vec::new();
        while got.len() < 11 {
            let n = b.read(&mut buf).await.unwrap();
            got.extend_from_slice(&buf[..n]);
        }
        assert_eq!(got, b"onetwothree");
    });
}

/// Calls sendmsg(2) with `SCM_RIGHTS`.
fn send_with_descriptor(socket: &UnixStream, data: &[u8]) {
    use std::os::fd::AsRawFd;
    let mut control = [0u64; 4];
    let mut part = libc::iovec { iov_base: data.as_ptr().cast_mut().cast(), iov_len: data.len() };
    // SAFETY: all zeros is a valid msghdr, `control` has room for one descriptor, and everything outlives the call.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        (message.msg_iov, message.msg_iovlen) = (&mut part, 1);
        (message.msg_control, message.msg_controllen) =
            (control.as_mut_ptr().cast(), libc::CMSG_SPACE(4) as _);
        let header = libc::CMSG_FIRSTHDR(&message);
        ((*header).cmsg_level, (*header).cmsg_type) = (libc::SOL_SOCKET, libc::SCM_RIGHTS);
        (*header).cmsg_len = libc::CMSG_LEN(4) as _;
        libc::CMSG_DATA(header).cast::<i32>().write_unaligned(socket.as_raw_fd());
        assert_eq!(libc::sendmsg(socket.as_raw_fd(), &message, 0), data.len() as isize);
    }
}

/// If user and group had the same number, one could be taken for the other.
#[test]
fn the_user_of_the_peer_is_not_taken_for_its_group() {
    if !in_a_child(module_path!(), "the_user_of_the_peer_is_not_taken_for_its_group") {
        return;
    }
    // SAFETY: takes no pointers.
    if unsafe { libc::setegid(libc::getegid() + 4711) } != 0 {
        return crate::support::skipped("only root may change its group");
    }
    run(async || {
        let (a, _b) = UnixStream::pair().unwrap();
        let peer = a.peer_cred().unwrap();
        // SAFETY: these calls have no arguments and cannot fail.
        let (uid, gid) = unsafe { (libc::geteuid(), libc::getegid()) };
        assert_ne!(uid, gid);
        assert_eq!((peer.uid(), peer.gid()), (uid, gid));
    });
}

#[test]
fn the_peer_is_known_by_its_credentials() {
    run(async || {
        let (a, _b) = UnixStream::pair().unwrap();
        let peer = a.peer_cred().unwrap();
        // SAFETY: these calls have no arguments and cannot fail.
        let (uid, gid) = unsafe { (libc::getuid(), libc::getgid()) };
        assert_eq!((peer.uid(), peer.gid(), peer.pid()), (uid, gid, Some(std::process::id() as i32)));
    });
}

#[test]
fn halves_are_those_of_tcp() {
    run(async || {
        let (mut a, b) = UnixStream::pair().unwrap();
        {
            let (mut read, mut write) = a.split();
            write.write_all(b"tea").await.unwrap();
            let (mut b_read, mut b_write) = b.into_split();
            let mut buf = [0; 3];
            b_read.read_exact(&mut buf).await.unwrap();
            b_write.write_all(&buf).await.unwrap();
            read.read_exact(&mut buf).await.unwrap();
            assert_eq!(&buf, b"tea");
            assert!(read.local_addr().unwrap().is_unnamed() && b_write.peer_addr().unwrap().is_unnamed());
            // The half that writes ends its direction when it is dropped.
            drop(b_write);
            assert_eq!(read.read(&mut buf).await.unwrap(), 0);
            write.shutdown().await.unwrap();
            assert_eq!(b_read.read(&mut buf).await.unwrap(), 0);
        }
        let (c, d) = UnixStream::pair().unwrap();
        let ((c_read, c_write), (d_read, d_write)) = (c.into_split(), d.into_split());
        let strangers: unix::ReuniteError = c_read.reunite(d_write).unwrap_err();
        let (c_read, d_write) = (strangers.0, strangers.1);
        let c = c_read.reunite(c_write).unwrap();
        let d = d_write.reunite(d_read).unwrap();
        c.write(b"x").await.unwrap();
        assert_eq!(d.read(&mut [0; 2]).await.unwrap(), 1);
    });
}

#[test]
fn readiness_then_trying() {
    run(async || {
        let (a, b) = UnixStream::pair().unwrap();
        let mut buf = [0; 8];
        assert_eq!(a.try_read(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
        a.writable().await.unwrap();
        assert_eq!(a.try_write(b"tea").unwrap(), 3);
        assert_eq!(a.try_write_vectored(&[IoSlice::new(b"!")]).unwrap(), 1);
        b.readable().await.unwrap();
        assert_eq!(b.try_read_vectored(&mut [IoSliceMut::new(&mut buf)]).unwrap(), 4);
        let ready = b.ready(Interest::READABLE | Interest::WRITABLE).await.unwrap();
        assert!(ready.is_writable());
        let (wakes, waker) = Wakes::new();
        let mut cx = Context::from_waker(&waker);
        assert_eq!(b.try_read(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(b.poll_read_ready(&mut cx).is_pending());
        assert!(b.poll_write_ready(&mut cx).is_ready());
        a.shutdown_now(Shutdown::Write).unwrap();
        turn().await;
        assert_eq!(wakes.count(), 1);
        assert!(b.ready(Interest::READABLE).await.unwrap().is_read_closed());
        assert_eq!(b.try_io(Interest::READABLE, || Ok(7)).unwrap(), 7);
        assert_eq!(b.async_io(Interest::READABLE, || Ok(8)).await.unwrap(), 8);
    });
}

#[test]
fn from_std_and_back() {
    let directory = Directory::new("std");
    run(async || {
        let (a, b) = std::os::unix::net::UnixStream::pair().unwrap();
        assert_eq!(UnixStream::from_std(a.try_clone().unwrap()).unwrap_err().kind(), ErrorKind::InvalidInput);
        a.set_nonblocking(true).unwrap();
        let a = UnixStream::try_from(a).unwrap();
        assert!(poll_once(pin!(a.read(&mut [0]))).is_pending());
        let a = UnixStream::from_std(a.into_std().unwrap()).unwrap();
        std::io::Write::write_all(&mut &b, b"x").unwrap();
        assert_eq!(a.read(&mut [0]).await.unwrap(), 1);

        let std = std::os::unix::net::UnixListener::bind(directory.join("tea.sock")).unwrap();
        assert_eq!(
            UnixListener::from_std(std.try_clone().unwrap()).unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
        std.set_nonblocking(true).unwrap();
        let listener = UnixListener::try_from(std).unwrap();
        let _client = UnixStream::connect(directory.join("tea.sock")).await.unwrap();
        listener.accept().await.unwrap();
        listener.into_std().unwrap();
    });
}

#[test]
fn datagrams_go_to_whom_they_are_sent() {
    let directory = Directory::new("datagram");
    run(async || {
        let path = directory.join("tea.sock");
        let server = UnixDatagram::bind(&path).unwrap();
        let client = UnixDatagram::bind(directory.join("client")).unwrap();
        assert_eq!(client.send_to(b"tea", &path).await.unwrap(), 3);
        let mut buf = [0; 8];
        let (n, from) = server.recv_from(&mut buf).await.unwrap();
        assert_eq!((n, from.as_pathname()), (3, Some(directory.join("client").as_path())));
        client.connect(&path).unwrap();
        assert_eq!(client.peer_addr().unwrap().as_pathname(), Some(path.as_path()));
        client.send(b"more").await.unwrap();
        assert_eq!(server.recv(&mut buf).await.unwrap(), 4);

        let nameless = UnixDatagram::unbound().unwrap();
        nameless.send_to(b"psst", &path).await.unwrap();
        assert!(server.recv_from(&mut buf).await.unwrap().1.is_unnamed());
        assert!(nameless.local_addr().unwrap().is_unnamed());
        assert!(nameless.send(b"x").await.is_err(), "it is not connected");
        let nobody = nameless.send_to(b"x", directory.join("nobody")).await.unwrap_err();
        assert_eq!(nobody.kind(), ErrorKind::NotFound);
        let socket = UnixSocket::new_datagram().unwrap();
        let name =
            StdAddr::from_abstract_name(format!("ayi-datagram-{}", std::process::id())).unwrap().into();
        socket.bind_addr(&name).unwrap();
        let named = socket.datagram().unwrap();
        nameless.connect_addr(&name).unwrap();
        nameless.send(b"x").await.unwrap();
        assert_eq!(named.recv(&mut buf).await.unwrap(), 1);
    });
}

#[test]
fn datagrams_keep_their_bounds_and_wait_for_room() {
    run(async || {
        let (a, b) = UnixDatagram::pair().unwrap();
        let sender = ayi::spawn(async move {
            for n in 0..1000_usize {
                a.send(&vec![1; n % 10]).await.unwrap();
            }
            a
        });
        turn().await;
        assert!(!sender.is_finished(), "its peer's queue is full");
        for n in 0..1000 {
            assert_eq!(b.recv(&mut [0; 100]).await.unwrap(), n % 10);
        }
        let a = sender.await.unwrap();
        a.shutdown(Shutdown::Write).unwrap();
        assert!(a.send(b"x").await.is_err());
        assert!(a.take_error().unwrap().is_none());
    });
}

/// The kernel chooses an abstract name, so others can answer.
#[test]
#[cfg_attr(faults, ignore = "what is ready is not had at once")]
fn a_name_that_the_kernel_chooses() {
    run(async || {
        let (one, other) = (UnixDatagram::autobind().unwrap(), UnixDatagram::autobind().unwrap());
        let addr = one.local_addr().unwrap();
        assert!(!addr.is_unnamed() && addr.as_pathname().is_none());
        assert_ne!(addr.as_abstract_name(), other.local_addr().unwrap().as_abstract_name());
        other.connect_addr(&addr).unwrap();
        other.send(b"tea").await.unwrap();
        let (n, sender) = one.recv_from(&mut [0; 8]).await.unwrap();
        assert_eq!((n, sender.as_abstract_name()), (3, other.local_addr().unwrap().as_abstract_name()));
        one.connect_addr(&sender).unwrap();
        one.send(b"cup").await.unwrap();
        assert_eq!(other.recv(&mut [0; 8]).await.unwrap(), 3);
    });
}

/// Sockets of std's, and numbers of descriptors.
#[test]
fn addresses_and_sockets_from_std_and_back() {
    use std::os::fd::{FromRawFd, IntoRawFd};
    run(async || {
        let listener = UnixListener::bind(format!("\0ayi-std-addr-{}", std::process::id())).unwrap();
        let addr = listener.local_addr().unwrap();
        let of_std = StdAddr::from(addr.clone());
        assert_eq!(format!("{addr:?}"), format!("{of_std:?}"));
        let addr = unix::SocketAddr::from(of_std);
        // SAFETY: it is open, and was given away just now.
        let socket = unsafe { UnixSocket::from_raw_fd(UnixSocket::new_stream().unwrap().into_raw_fd()) };
        let stream = socket.connect_addr(&addr).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap().as_abstract_name(), addr.as_abstract_name());
        let socket = UnixSocket::from(std::os::fd::OwnedFd::from(UnixSocket::new_datagram().unwrap()));
        assert_eq!(socket.listen(1).unwrap_err().kind(), ErrorKind::InvalidInput); // it is a datagram socket
    });
}

#[test]
#[cfg_attr(faults, ignore = "what is ready is not had at once")]
fn datagrams_by_poll_and_try() {
    let directory = Directory::new("poll");
    run(async || {
        let path = directory.join("tea.sock");
        let (server, client) = (UnixDatagram::bind(&path).unwrap(), UnixDatagram::unbound().unwrap());
        let (wakes, waker) = Wakes::new();
        let mut cx = Context::from_waker(&waker);
        let mut buf = [0; 8];
        assert!(server.poll_recv(&mut cx, &mut ReadBuf::new(&mut buf)).is_pending());
        assert!(server.poll_recv_ready(&mut cx).is_pending());
        assert_eq!(server.try_recv(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(client.try_send_to(b"tea", &path).unwrap(), 3);
        turn().await;
        assert!(wakes.count() > 0);
        let mut room = ReadBuf::new(&mut buf);
        assert!(matches!(server.poll_recv_from(&mut cx, &mut room), Poll::Ready(Ok(_))));
        assert_eq!(room.filled(), b"tea");
        assert!(matches!(client.poll_send_to(&mut cx, b"x", &path), Poll::Ready(Ok(1))));
        client.connect(&path).unwrap();
        assert!(matches!(client.poll_send(&mut cx, b"xy"), Poll::Ready(Ok(2))));
        assert_eq!(client.try_send(b"xyz").unwrap(), 3);
        client.writable().await.unwrap();
        assert!(client.poll_send_ready(&mut cx).is_ready());
        server.readable().await.unwrap();
        assert_eq!(server.try_recv(&mut buf).unwrap(), 1);
        assert_eq!(server.try_recv_from(&mut buf).unwrap().0, 2);
        assert!(server.ready(Interest::READABLE).await.unwrap().is_readable());
        assert_eq!(server.async_io(Interest::READABLE, || Ok(7)).await.unwrap(), 7);
        assert_eq!(server.try_io(Interest::READABLE, || Ok(8)).unwrap(), 8);
        let std = server.into_std().unwrap();
        std.set_nonblocking(false).unwrap();
        assert!(UnixDatagram::from_std(std).is_err());
    });
}

#[test]
#[cfg_attr(faults, ignore = "what is ready is not had at once")]
fn outside_of_a_runtime_only_waiting_fails() {
    let (a, b) = UnixStream::pair().unwrap();
    assert!(matches!(poll_once(pin!(a.write(b"x"))), Poll::Ready(Ok(1))));
    assert!(matches!(poll_once(pin!(b.read(&mut [0; 8]))), Poll::Ready(Ok(1))));
    match poll_once(pin!(b.read(&mut [0; 8]))) {
        Poll::Ready(Err(error)) => assert!(error.to_string().contains("no ayi runtime"), "{error}"),
        other => panic!("{other:?}"),
    }
}
