//! Open file descriptions that other processes have as well, and make blocking: no operation stops the thread.
//!
//! An operation that blocks never returns, and then the watchdog ends the process.

use crate::support::{poll_once, run, std_pair, turn};
use ayi::io::{AsyncRead, AsyncWrite, ReadBuf};
use ayi::net::unix::{UnixDatagram, UnixListener, UnixStream, pipe};
use ayi::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::pin::{Pin, pin};
use std::task::Poll;

/// Returns another descriptor of the same description, which makes the description blocking.
fn make_blocking(fd: &impl AsFd) -> OwnedFd {
    let duplicate = fd.as_fd().try_clone_to_owned().unwrap();
    // SAFETY: takes no pointers.
    unsafe {
        let flags = libc::fcntl(duplicate.as_raw_fd(), libc::F_GETFL);
        assert_eq!(libc::fcntl(duplicate.as_raw_fd(), libc::F_SETFL, flags & !libc::O_NONBLOCK), 0);
    }
    duplicate
}

fn blocks(fd: &impl AsFd) -> bool {
    // SAFETY: takes no pointers.
    unsafe { libc::fcntl(fd.as_fd().as_raw_fd(), libc::F_GETFL) & libc::O_NONBLOCK == 0 }
}

/// Polls twice, with reports in between, and checks that both polls are pending.
async fn assert_waits<T: std::fmt::Debug>(what: &str, future: impl Future<Output = T>) {
    let mut future = pin!(future);
    for _ in 0..2 {
        let polled = poll_once(future.as_mut());
        assert!(polled.is_pending(), "{what}: {polled:?}");
        turn().await;
    }
}

#[track_caller]
fn assert_would_block<T: std::fmt::Debug>(what: &str, result: io::Result<T>) {
    assert_eq!(result.unwrap_err().kind(), ErrorKind::WouldBlock, "{what}");
}

/// Reads and writes that would block, in every way.
async fn assert_stream_waits<S>(stream: &mut S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut buf = [0; 8];
    let mut buf = ReadBuf::new(&mut buf);
    assert_waits("poll_read", poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, &mut buf))).await;
    let much = vec![0; 1 << 20];
    fill(|| poll_once(pin!(poll_fn(|cx| Pin::new(&mut *stream).poll_write(cx, &much)))));
    let write = poll_fn(|cx| Pin::new(&mut *stream).poll_write_vectored(cx, &[IoSlice::new(&much)]));
    assert_waits("poll_write_vectored", write).await;
}

/// Writes until it waits.
fn fill(mut write: impl FnMut() -> Poll<io::Result<usize>>) {
    while let Poll::Ready(written) = write() {
        written.unwrap();
    }
}

#[test]
fn tcp_streams() {
    run(async || {
        let (stream, _peer) = std_pair();
        let mut stream = TcpStream::from_std(stream).unwrap();
        let shared = make_blocking(&stream);
        let mut buf = [0; 8];
        assert_waits("read", stream.read(&mut buf)).await;
        assert_waits("read_vectored", stream.read_vectored(&mut [IoSliceMut::new(&mut buf)])).await;
        assert_waits("peek", stream.peek(&mut buf)).await;
        assert_waits("poll_peek", poll_fn(|cx| stream.poll_peek(cx, &mut ReadBuf::new(&mut [0])))).await;
        assert_would_block("try_read", stream.try_read(&mut buf));
        assert_would_block("try_read_vectored", stream.try_read_vectored(&mut [IoSliceMut::new(&mut buf)]));
        assert_stream_waits(&mut stream).await;
        let much = vec![0; 1 << 20];
        assert_waits("write", stream.write(&much)).await;
        assert_waits("write_vectored", stream.write_vectored(&[IoSlice::new(&much)])).await;
        assert_would_block("try_write", stream.try_write(&much));
        assert_would_block("try_write_vectored", stream.try_write_vectored(&[IoSlice::new(&much)]));
        assert!(blocks(&shared), "it is not ours alone");
    });
}

#[test]
fn unix_streams_and_halves() {
    run(async || {
        let (stream, peer) = UnixStream::pair().unwrap();
        let shared = make_blocking(&stream);
        let mut buf = [0; 8];
        let mut stream = stream;
        assert_waits("read", stream.read(&mut buf)).await;
        assert_waits("read_vectored", stream.read_vectored(&mut [IoSliceMut::new(&mut buf)])).await;
        assert_would_block("try_read", stream.try_read(&mut buf));
        assert_stream_waits(&mut stream).await;
        assert_would_block("try_write", stream.try_write(&[0; 1 << 16]));
        let (mut read, mut write) = stream.into_split();
        assert_waits("half", poll_fn(|cx| Pin::new(&mut read).poll_read(cx, &mut ReadBuf::new(&mut [0]))))
            .await;
        assert_waits("half", poll_fn(|cx| Pin::new(&mut write).poll_write(cx, &[0; 1 << 16]))).await;
        // The socket continues to work, too.
        let task =
            ayi::spawn(async move { ayi::io::AsyncWriteExt::write_all(&mut write, &[1; 1 << 20]).await });
        let mut got = vec![];
        let mut peer = peer;
        drop(read);
        while !task.is_finished() {
            let mut buf = vec![0; 1 << 16];
            let n = peer.read(&mut buf).await.unwrap();
            got.extend_from_slice(&buf[..n]);
        }
        drop(shared);
        task.await.unwrap().unwrap();
        ayi::io::AsyncReadExt::read_to_end(&mut peer, &mut got).await.unwrap();
        assert!(got.ends_with(&[1; 1 << 20]));
    });
}

#[test]
fn udp_sockets() {
    run(async || {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let _shared = make_blocking(&socket);
        let mut buf = [0; 8];
        assert_waits("recv", socket.recv(&mut buf)).await;
        assert_waits("recv_from", socket.recv_from(&mut buf)).await;
        assert_waits("peek", socket.peek(&mut buf)).await;
        assert_waits("peek_from", socket.peek_from(&mut buf)).await;
        assert_waits("peek_sender", socket.peek_sender()).await;
        assert_waits("poll_recv", poll_fn(|cx| socket.poll_recv(cx, &mut ReadBuf::new(&mut [0])))).await;
        assert_waits("poll_recv_from", poll_fn(|cx| socket.poll_recv_from(cx, &mut ReadBuf::new(&mut [0]))))
            .await;
        assert_would_block("try_recv", socket.try_recv(&mut buf));
        assert_would_block("try_recv_from", socket.try_recv_from(&mut buf));
        assert_would_block("try_peek", socket.try_peek(&mut buf));
        assert_would_block("try_peek_sender", socket.try_peek_sender());
        let addr = socket.local_addr().unwrap();
        assert_eq!(socket.send_to(b"tea", addr).await.unwrap(), 3);
        assert_eq!(socket.peek_from(&mut buf).await.unwrap(), (3, addr));
        assert_eq!(socket.recv_from(&mut buf).await.unwrap(), (3, addr));
        socket.connect(addr).await.unwrap();
        assert_eq!(socket.send(b"water").await.unwrap(), 5);
        assert_eq!(socket.recv(&mut buf).await.unwrap(), 5);
        assert_eq!(&buf[..5], b"water");
    });
}

#[test]
fn datagrams_between_unix_sockets() {
    run(async || {
        let (socket, peer) = UnixDatagram::pair().unwrap();
        let _shared = make_blocking(&socket);
        let mut buf = [0; 8];
        assert_waits("recv", socket.recv(&mut buf)).await;
        assert_waits("recv_from", socket.recv_from(&mut buf)).await;
        assert_would_block("try_recv", socket.try_recv(&mut buf));
        assert_would_block("try_recv_from", socket.try_recv_from(&mut buf));
        while socket.try_send(b"x").is_ok() {}
        assert_waits("send", socket.send(b"x")).await;
        assert_waits("poll_send", poll_fn(|cx| socket.poll_send(cx, b"x"))).await;
        assert_would_block("try_send", socket.try_send(b"x"));
        assert_eq!(peer.recv(&mut buf).await.unwrap(), 1);
        let name = format!("\0ayi-shared-{}", std::process::id());
        let bound = UnixDatagram::bind(&name).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        let _shared = make_blocking(&sender);
        while sender.try_send_to(b"x", &name).is_ok() {}
        assert_waits("send_to", sender.send_to(b"x", &name)).await;
        assert_waits("poll_send_to", poll_fn(|cx| sender.poll_send_to(cx, b"x", &name))).await;
        let (n, from) = bound.recv_from(&mut buf).await.unwrap();
        assert!(n == 1 && from.is_unnamed());
        let named = UnixDatagram::bind(format!("{name}-2")).unwrap();
        assert_eq!(named.send_to(b"xy", &name).await.unwrap(), 2);
        while bound.recv(&mut buf).await.unwrap() != 2 {}
        assert_eq!(named.send_to(b"xyz", &name).await.unwrap(), 3);
        let (n, from) = bound.recv_from(&mut buf).await.unwrap();
        assert_eq!((n, from.as_pathname()), (3, None));
        assert!(!from.is_unnamed());
    });
}

#[test]
fn listeners() {
    run(async || {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let name = format!("\0ayi-shared-listener-{}", std::process::id());
        let unix = UnixListener::bind(&name).unwrap();
        let _shared = [make_blocking(&tcp), make_blocking(&unix)];
        assert_waits("accept", tcp.accept()).await;
        assert_waits("poll_accept", poll_fn(|cx| tcp.poll_accept(cx))).await;
        assert_waits("accept", unix.accept()).await;
        let client = TcpStream::connect(tcp.local_addr().unwrap()).await.unwrap();
        assert_eq!(tcp.accept().await.unwrap().1, client.local_addr().unwrap());
        assert_waits("accept", tcp.accept()).await;
        let _client = UnixStream::connect(&name).await.unwrap();
        unix.accept().await.unwrap();
        assert_waits("accept", unix.accept()).await;
    });
}

#[test]
fn a_socket_that_connects() {
    run(async || {
        // A listener whose backlog is full answers nobody.
        let full = TcpSocket::new_v4().unwrap();
        full.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let full = full.listen(0).unwrap();
        let addr = full.local_addr().unwrap();
        let _first = TcpStream::connect(addr).await.unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        let shared = make_blocking(&socket);
        assert_waits("connect", socket.connect(addr)).await;
        assert!(blocks(&shared));
    });
}

#[test]
fn pipes() {
    run(async || {
        let (mut sender, mut receiver) = pipe::pipe().unwrap();
        let shared = [make_blocking(&sender), make_blocking(&receiver)];
        let mut buf = [0; 8];
        assert_waits("read", receiver.read(&mut buf)).await;
        let mut room = ReadBuf::new(&mut buf);
        assert_waits("poll_read", poll_fn(|cx| Pin::new(&mut receiver).poll_read(cx, &mut room))).await;
        assert_would_block("try_read", receiver.try_read(&mut buf));
        assert_would_block("try_read_vectored", receiver.try_read_vectored(&mut [IoSliceMut::new(&mut buf)]));
        fill(|| poll_once(pin!(sender.write(&[0; 100_000]))));
        assert_waits("write", sender.write(b"x")).await;
        let write = poll_fn(|cx| Pin::new(&mut sender).poll_write_vectored(cx, &[IoSlice::new(b"x")]));
        assert_waits("poll_write_vectored", write).await;
        assert_would_block("try_write", sender.try_write(b"x"));
        assert_would_block("try_write_vectored", sender.try_write_vectored(&[IoSlice::new(b"x")]));
        assert!(shared.iter().all(blocks));
    });
}

/// FIFOs, for which the kernel has other means.
#[test]
fn fifos() {
    let path = std::env::temp_dir().join(format!("ayi-shared-fifo-{}", std::process::id()));
    let raw = std::ffi::CString::new(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str())).unwrap();
    // SAFETY: a string that ends with a null byte.
    assert_eq!(unsafe { libc::mkfifo(raw.as_ptr(), 0o600) }, 0);
    run(async || {
        let receiver = pipe::OpenOptions::new().open_receiver(&path).unwrap();
        let sender = pipe::OpenOptions::new().open_sender(&path).unwrap();
        let mut buf = [0; 8];
        for is_shared in [false, true] {
            let _shared = is_shared.then(|| [make_blocking(&sender), make_blocking(&receiver)]);
            assert_waits("read", receiver.read(&mut buf)).await;
            assert_would_block("try_read", receiver.try_read(&mut buf));
            assert_eq!(sender.write(b"tea").await.unwrap(), 3);
            assert_eq!(receiver.read(&mut buf).await.unwrap(), 3);
            fill(|| poll_once(pin!(sender.write(&[0; 100_000]))));
            assert_waits("write", sender.write(b"x")).await;
            assert_would_block("try_write_vectored", sender.try_write_vectored(&[IoSlice::new(b"x")]));
            while receiver.try_read(&mut [0; 65536]).is_ok() {}
        }
    });
    std::fs::remove_file(path).unwrap();
}
