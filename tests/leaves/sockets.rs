//! Sockets and pipes. The peer of a stream is gone: each read returns the end, each write an error, at once.

use crate::{Leaves, support};
use ayi::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Registration, unix::AsyncFd};
use ayi::net::{
    TcpListener, TcpSocket, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixSocket, UnixStream,
    lookup_host, unix::pipe,
};
use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::pin::Pin;

const ANY: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

pub async fn all(leaves: &mut Leaves) {
    tcp(leaves).await;
    unix(leaves).await;
    halves(leaves).await;
    connecting(leaves).await;
    udp(leaves).await;
    datagrams(leaves).await;
    pipes(leaves).await;
    descriptors(leaves).await;
}

/// It takes `ready!(stream)`, and a list of names and of what to do.
macro_rules! each {
    ($leaves:ident, $new:expr; $($($name:literal),+ => |$stream:ident| $op:expr;)*) => {
        $({
            #[allow(unused_mut)]
            let mut $stream = $new;
            $leaves.gives_way(&[$($name),+], async move || { let _ = $op; }).await;
        })*
    };
}

fn gone_tcp() -> TcpStream {
    let (stream, peer) = support::connected();
    socket2::SockRef::from(&peer).set_linger(None).unwrap();
    drop(peer);
    support::block_until(&stream, libc::POLLIN);
    stream
}

fn gone_unix() -> UnixStream {
    UnixStream::pair().unwrap().0
}

async fn tcp(leaves: &mut Leaves) {
    each! { leaves, gone_tcp();
        "ayi_net::TcpStream::read" => |s| s.read(&mut [0]).await.unwrap();
        "ayi_net::TcpStream::read" => |s| s.read(&mut []).await.unwrap();
        "ayi_net::TcpStream::read_vectored" => |s| s.read_vectored(&mut [IoSliceMut::new(&mut [0])]).await;
        "ayi_net::TcpStream::write" => |s| s.write(b"x").await;
        "ayi_net::TcpStream::write" => |s| s.write(b"").await;
        "ayi_net::TcpStream::write_vectored" => |s| s.write_vectored(&[IoSlice::new(b"x")]).await;
        "ayi_net::TcpStream::hung_up" => |s| s.hung_up().await.unwrap();
        "ayi_net::TcpStream::peek" => |s| s.peek(&mut [0]).await;
        "ayi_net::TcpStream::peek" => |s| s.peek(&mut []).await;
        "ayi_net::TcpStream::poll_peek" => |s| poll_fn(|cx| s.poll_peek(cx, &mut ReadBuf::new(&mut [0]))).await;
        "ayi_net::TcpStream::poll_peek" => |s| poll_fn(|cx| s.poll_peek(cx, &mut ReadBuf::new(&mut []))).await;
        "ayi_net::TcpStream::readable" => |s| s.readable().await;
        "ayi_net::TcpStream::writable" => |s| s.writable().await;
        "ayi_net::TcpStream::ready" => |s| s.ready(Interest::READABLE).await;
        "ayi_net::TcpStream::async_io" => |s| s.async_io(Interest::READABLE, || io::Result::Ok(())).await;
        "ayi_net::TcpStream::poll_read_ready" => |s| poll_fn(|cx| s.poll_read_ready(cx)).await;
        "ayi_net::TcpStream::poll_write_ready" => |s| poll_fn(|cx| s.poll_write_ready(cx)).await;
        "ayi_net::TcpStream::poll_read" => |s| poll_fn(|cx| Pin::new(&mut s).poll_read(cx, &mut ReadBuf::new(&mut [0]))).await;
        "&ayi_net::TcpStream::poll_read" => |s| poll_fn(|cx| Pin::new(&mut &s).poll_read(cx, &mut ReadBuf::new(&mut [0]))).await;
        "ayi_net::TcpStream::poll_write" => |s| poll_fn(|cx| Pin::new(&mut s).poll_write(cx, b"x")).await;
        "&ayi_net::TcpStream::poll_write" => |s| poll_fn(|cx| Pin::new(&mut &s).poll_write(cx, b"x")).await;
        "ayi_net::TcpStream::poll_write_vectored", "&ayi_net::TcpStream::poll_write_vectored" =>
            |s| poll_fn(|cx| Pin::new(&mut &s).poll_write_vectored(cx, &[IoSlice::new(b"x")])).await;
    }
}

async fn unix(leaves: &mut Leaves) {
    each! { leaves, gone_unix();
        "ayi_net::UnixStream::hung_up" => |s| s.hung_up().await.unwrap();
        "ayi_net::UnixStream::recv_with_fds" => |s| s.recv_with_fds(&mut [0], &mut vec![]).await.unwrap();
        "ayi_net::UnixStream::recv_with_fds" => |s| s.recv_with_fds(&mut [], &mut vec![]).await.unwrap();
        "ayi_net::UnixStream::send_with_fds" => |s| s.send_with_fds(b"x", &[s.as_fd()]).await.unwrap_err();
        "ayi_net::UnixStream::send_with_fds" => |s| s.send_with_fds(b"", &[s.as_fd()]).await.unwrap_err();
        "ayi_net::UnixStream::read" => |s| s.read(&mut [0]).await.unwrap();
        "ayi_net::UnixStream::read_vectored" => |s| s.read_vectored(&mut [IoSliceMut::new(&mut [0])]).await;
        "ayi_net::UnixStream::write" => |s| s.write(b"x").await;
        "ayi_net::UnixStream::write_vectored" => |s| s.write_vectored(&[IoSlice::new(b"x")]).await;
        "ayi_net::UnixStream::readable" => |s| s.readable().await;
        "ayi_net::UnixStream::writable" => |s| s.writable().await;
        "ayi_net::UnixStream::ready" => |s| s.ready(Interest::READABLE).await;
        "ayi_net::UnixStream::async_io" => |s| s.async_io(Interest::READABLE, || io::Result::Ok(())).await;
        "ayi_net::UnixStream::poll_read_ready" => |s| poll_fn(|cx| s.poll_read_ready(cx)).await;
        "ayi_net::UnixStream::poll_write_ready" => |s| poll_fn(|cx| s.poll_write_ready(cx)).await;
        "ayi_net::UnixStream::poll_read" => |s| poll_fn(|cx| Pin::new(&mut s).poll_read(cx, &mut ReadBuf::new(&mut [0]))).await;
        "&ayi_net::UnixStream::poll_read" => |s| poll_fn(|cx| Pin::new(&mut &s).poll_read(cx, &mut ReadBuf::new(&mut [0]))).await;
        "ayi_net::UnixStream::poll_write" => |s| poll_fn(|cx| Pin::new(&mut s).poll_write(cx, b"x")).await;
        "&ayi_net::UnixStream::poll_write" => |s| poll_fn(|cx| Pin::new(&mut &s).poll_write(cx, b"x")).await;
        "ayi_net::UnixStream::poll_write_vectored", "&ayi_net::UnixStream::poll_write_vectored" =>
            |s| poll_fn(|cx| Pin::new(&mut &s).poll_write_vectored(cx, &[IoSlice::new(b"x")])).await;
    }
}

async fn halves(leaves: &mut Leaves) {
    each! { leaves, gone_tcp().into_split();
        "ayi_net::halves::OwnedReadHalf::peek" => |s| s.0.peek(&mut [0]).await;
        "ayi_net::halves::OwnedReadHalf::poll_peek" => |s| poll_fn(|cx| s.0.poll_peek(cx, &mut ReadBuf::new(&mut [0]))).await;
        "ayi_net::halves::OwnedReadHalf::poll_read" =>
            |s| poll_fn(|cx| Pin::new(&mut s.0).poll_read(cx, &mut ReadBuf::new(&mut [0]))).await;
        "ayi_net::halves::OwnedReadHalf::readable" => |s| s.0.readable().await;
        "ayi_net::halves::OwnedReadHalf::ready" => |s| s.0.ready(Interest::READABLE).await;
        "ayi_net::halves::OwnedWriteHalf::poll_write" =>
            |s| poll_fn(|cx| Pin::new(&mut s.1).poll_write(cx, b"x")).await;
        "ayi_net::halves::OwnedWriteHalf::poll_write_vectored" =>
            |s| poll_fn(|cx| Pin::new(&mut s.1).poll_write_vectored(cx, &[IoSlice::new(b"x")])).await;
        "ayi_net::halves::OwnedWriteHalf::ready" => |s| s.1.ready(Interest::WRITABLE).await;
        "ayi_net::halves::OwnedWriteHalf::writable" => |s| s.1.writable().await;
    }
    each! { leaves, gone_tcp();
        "ayi_net::halves::ReadHalf::peek" => |s| s.split().0.peek(&mut [0]).await;
        "ayi_net::halves::ReadHalf::poll_peek" => |s| poll_fn(|cx| s.split().0.poll_peek(cx, &mut ReadBuf::new(&mut [0]))).await;
        "ayi_net::halves::ReadHalf::poll_read" =>
            |s| poll_fn(|cx| Pin::new(&mut s.split().0).poll_read(cx, &mut ReadBuf::new(&mut [0]))).await;
        "ayi_net::halves::ReadHalf::readable" => |s| s.split().0.readable().await;
        "ayi_net::halves::ReadHalf::ready" => |s| s.split().0.ready(Interest::READABLE).await;
        "ayi_net::halves::WriteHalf::poll_write" =>
            |s| poll_fn(|cx| Pin::new(&mut s.split().1).poll_write(cx, b"x")).await;
        "ayi_net::halves::WriteHalf::poll_write_vectored" =>
            |s| poll_fn(|cx| Pin::new(&mut s.split().1).poll_write_vectored(cx, &[IoSlice::new(b"x")])).await;
        "ayi_net::halves::WriteHalf::ready" => |s| s.split().1.ready(Interest::WRITABLE).await;
        "ayi_net::halves::WriteHalf::writable" => |s| s.split().1.writable().await;
    }
}

async fn connecting(leaves: &mut Leaves) {
    let dir = std::env::temp_dir().join(format!("ayi-leaves-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("socket");
    let listener = std::net::TcpListener::bind(ANY).unwrap();
    let addr = listener.local_addr().unwrap();
    let nowhere = dir.join("nobody");
    let unnamed = std::os::unix::net::SocketAddr::from_pathname(&nowhere).unwrap();
    let unnamed = ayi::net::unix::SocketAddr::from(unnamed);
    each! { leaves, ();
        "ayi_net::TcpListener::bind" => |_s| TcpListener::bind(ANY).await.unwrap();
        "ayi_net::TcpListener::bind" => |_s| TcpListener::bind("no address").await.unwrap_err();
        "ayi_net::UdpSocket::bind" => |_s| UdpSocket::bind(ANY).await.unwrap();
        "ayi_net::lookup_host" => |_s| lookup_host(ANY).await.unwrap().count();
        "ayi_net::lookup_host" => |_s| lookup_host("no address").await.is_err();
        "ayi_net::TcpStream::connect" => |_s| TcpStream::connect(addr).await;
        "ayi_net::TcpStream::connect" => |_s| TcpStream::connect("no address").await.unwrap_err();
        "ayi_net::TcpSocket::connect" => |_s| TcpSocket::new_v4().unwrap().connect(addr).await;
        "ayi_net::TcpSocket::connect" => |_s| TcpSocket::new_v6().unwrap().connect(addr).await.unwrap_err();
    }
    let (from, to) = (nowhere.clone(), unnamed.clone());
    let names = &["ayi_net::UnixStream::connect"];
    leaves.gives_way(names, async move || _ = UnixStream::connect(&from).await.unwrap_err()).await;
    let names = &["ayi_net::UnixStream::connect_addr"];
    leaves.gives_way(names, async move || _ = UnixStream::connect_addr(&to).await.unwrap_err()).await;
    let (from, to) = (nowhere.clone(), unnamed.clone());
    let socket = || UnixSocket::new_stream().unwrap();
    let names = &["ayi_net::UnixSocket::connect"];
    leaves.gives_way(names, async move || _ = socket().connect(&from).await.unwrap_err()).await;
    let names = &["ayi_net::UnixSocket::connect_addr"];
    leaves.gives_way(names, async move || _ = socket().connect_addr(&to).await.unwrap_err()).await;

    let listener = TcpListener::bind(ANY).await.unwrap();
    leaves
        .gives_way(&["ayi_net::TcpListener::accept", "ayi_net::TcpListener::poll_accept"], async move || {
            let _peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            listener.accept().await.unwrap();
        })
        .await;
    let listener = UnixListener::bind(&path).unwrap();
    let to = path.clone();
    leaves
        .gives_way(
            &["ayi_net::UnixListener::accept", "ayi_net::UnixListener::poll_accept"],
            async move || {
                let _peer = std::os::unix::net::UnixStream::connect(&to).unwrap();
                listener.accept().await.unwrap();
            },
        )
        .await;
    std::fs::remove_dir_all(&dir).unwrap();
}

async fn udp(leaves: &mut Leaves) {
    let peer = std::net::UdpSocket::bind(ANY).unwrap();
    let to = peer.local_addr().unwrap();
    /// Makes a socket that is connected to the peer, which has sent something.
    async fn sent(peer: &std::net::UdpSocket) -> UdpSocket {
        let socket = UdpSocket::bind(ANY).await.unwrap();
        socket.connect(peer.local_addr().unwrap()).await.unwrap();
        peer.send_to(b"tea", socket.local_addr().unwrap()).unwrap();
        support::block_until(&socket, libc::POLLIN);
        socket
    }
    each! { leaves, sent(&peer).await;
        "ayi_net::UdpSocket::async_io" => |s| s.async_io(Interest::READABLE, || io::Result::Ok(())).await;
        "ayi_net::UdpSocket::connect" => |s| s.connect(to).await.unwrap();
        "ayi_net::UdpSocket::connect" => |s| s.connect("no address").await.unwrap_err();
        "ayi_net::UdpSocket::peek" => |s| s.peek(&mut [0]).await.unwrap();
        "ayi_net::UdpSocket::peek_from" => |s| s.peek_from(&mut [0]).await.unwrap();
        "ayi_net::UdpSocket::peek_sender" => |s| s.peek_sender().await.unwrap();
        "ayi_net::UdpSocket::poll_peek" => |s| poll_fn(|cx| s.poll_peek(cx, &mut ReadBuf::new(&mut [0]))).await.unwrap();
        "ayi_net::UdpSocket::poll_peek_from" => |s| poll_fn(|cx| s.poll_peek_from(cx, &mut ReadBuf::new(&mut [0]))).await.unwrap();
        "ayi_net::UdpSocket::poll_peek_sender" => |s| poll_fn(|cx| s.poll_peek_sender(cx)).await.unwrap();
        "ayi_net::UdpSocket::poll_recv_ready" => |s| poll_fn(|cx| s.poll_recv_ready(cx)).await.unwrap();
        "ayi_net::UdpSocket::poll_send" => |s| poll_fn(|cx| s.poll_send(cx, b"x")).await.unwrap();
        "ayi_net::UdpSocket::poll_send_ready" => |s| poll_fn(|cx| s.poll_send_ready(cx)).await.unwrap();
        "ayi_net::UdpSocket::poll_send_to" => |s| poll_fn(|cx| s.poll_send_to(cx, b"x", to)).await.unwrap();
        "ayi_net::UdpSocket::readable" => |s| s.readable().await.unwrap();
        "ayi_net::UdpSocket::ready" => |s| s.ready(Interest::READABLE).await.unwrap();
        "ayi_net::UdpSocket::send" => |s| s.send(b"x").await.unwrap();
        "ayi_net::UdpSocket::send_to" => |s| s.send_to(b"x", to).await.unwrap();
        "ayi_net::UdpSocket::send_to" => |s| s.send_to(b"x", "no address").await.unwrap_err();
        "ayi_net::UdpSocket::send_to" => |s| s.send_to(b"x", &[][..]).await.unwrap_err();
        "ayi_net::UdpSocket::writable" => |s| s.writable().await.unwrap();
    }
    // Each takes what has been sent before it.
    let from = || {
        let peer = peer.try_clone().unwrap();
        async move || (sent(&peer).await, peer)
    };
    let send = |socket: &UdpSocket, peer: &std::net::UdpSocket| {
        peer.send_to(b"tea", socket.local_addr().unwrap()).unwrap();
    };
    each! { leaves, from()().await;
        "ayi_net::UdpSocket::recv" => |s| { send(&s.0, &s.1); s.0.recv(&mut [0]).await.unwrap() };
        "ayi_net::UdpSocket::recv_from" => |s| { send(&s.0, &s.1); s.0.recv_from(&mut [0]).await.unwrap() };
        "ayi_net::UdpSocket::poll_recv" =>
            |s| { send(&s.0, &s.1); poll_fn(|cx| s.0.poll_recv(cx, &mut ReadBuf::new(&mut [0]))).await.unwrap() };
        "ayi_net::UdpSocket::recv_buf" =>
            |s| { send(&s.0, &s.1); s.0.recv_buf(&mut Vec::new()).await.unwrap() };
        "ayi_net::UdpSocket::recv_buf_from" =>
            |s| { send(&s.0, &s.1); s.0.recv_buf_from(&mut Vec::new()).await.unwrap() };
        "ayi_net::UdpSocket::poll_recv_from" =>
            |s| { send(&s.0, &s.1); poll_fn(|cx| s.0.poll_recv_from(cx, &mut ReadBuf::new(&mut [0]))).await.unwrap() };
    }
}

async fn datagrams(leaves: &mut Leaves) {
    /// Makes one of ours, and a peer that does not wait.
    fn pair() -> (UnixDatagram, std::os::unix::net::UnixDatagram) {
        let (ours, peer) = std::os::unix::net::UnixDatagram::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        peer.send(b"tea").unwrap();
        (UnixDatagram::from_std(ours).unwrap(), peer)
    }
    each! { leaves, pair();
        "ayi_net::UnixDatagram::async_io" => |s| s.0.async_io(Interest::READABLE, || io::Result::Ok(())).await;
        "ayi_net::UnixDatagram::readable" => |s| s.0.readable().await.unwrap();
        "ayi_net::UnixDatagram::writable" => |s| s.0.writable().await.unwrap();
        "ayi_net::UnixDatagram::ready" => |s| s.0.ready(Interest::READABLE).await.unwrap();
        "ayi_net::UnixDatagram::poll_recv_ready" => |s| poll_fn(|cx| s.0.poll_recv_ready(cx)).await.unwrap();
        "ayi_net::UnixDatagram::poll_send_ready" => |s| poll_fn(|cx| s.0.poll_send_ready(cx)).await.unwrap();
        "ayi_net::UnixDatagram::recv" =>
            |s| { s.1.send(b"tea").unwrap(); s.0.recv(&mut [0]).await.unwrap() };
        "ayi_net::UnixDatagram::recv_from" =>
            |s| { s.1.send(b"tea").unwrap(); s.0.recv_from(&mut [0]).await.unwrap() };
        "ayi_net::UnixDatagram::recv_with_fds" =>
            |s| { s.1.send(b"tea").unwrap(); s.0.recv_with_fds(&mut [0], &mut vec![]).await.unwrap() };
        "ayi_net::UnixDatagram::send_with_fds" =>
            |s| { s.0.send_with_fds(b"x", &[s.0.as_fd()]).await.unwrap(); s.1.recv(&mut [0]).unwrap() };
        "ayi_net::UnixDatagram::poll_recv" =>
            |s| { s.1.send(b"tea").unwrap(); poll_fn(|cx| s.0.poll_recv(cx, &mut ReadBuf::new(&mut [0]))).await.unwrap() };
        "ayi_net::UnixDatagram::recv_buf" =>
            |s| { s.1.send(b"tea").unwrap(); s.0.recv_buf(&mut Vec::new()).await.unwrap() };
        "ayi_net::UnixDatagram::recv_buf_from" =>
            |s| { s.1.send(b"tea").unwrap(); s.0.recv_buf_from(&mut Vec::new()).await.unwrap() };
        "ayi_net::UnixDatagram::poll_recv_from" =>
            |s| { s.1.send(b"tea").unwrap(); poll_fn(|cx| s.0.poll_recv_from(cx, &mut ReadBuf::new(&mut [0]))).await.unwrap() };
        "ayi_net::UnixDatagram::send" => |s| { s.0.send(b"x").await.unwrap(); s.1.recv(&mut [0]).unwrap() };
        "ayi_net::UnixDatagram::poll_send" =>
            |s| { poll_fn(|cx| s.0.poll_send(cx, b"x")).await.unwrap(); s.1.recv(&mut [0]).unwrap() };
        "ayi_net::UnixDatagram::send_to" => |s| s.0.send_to(b"x", "/no/such/socket").await.unwrap_err();
        "ayi_net::UnixDatagram::send_to" => |s| s.0.send_to(b"x", "\0no\0path").await.unwrap_err();
        "ayi_net::UnixDatagram::poll_send_to" =>
            |s| poll_fn(|cx| s.0.poll_send_to(cx, b"x", "/no/such/socket")).await.unwrap_err();
    }
}

async fn pipes(leaves: &mut Leaves) {
    each! { leaves, pipe::pipe().unwrap().1;
        "ayi_net::unix::pipe::Receiver::read" => |s| s.read(&mut [0]).await.unwrap();
        "ayi_net::unix::pipe::Receiver::readable" => |s| s.readable().await.unwrap();
        "ayi_net::unix::pipe::Receiver::ready" => |s| s.ready(Interest::READABLE).await.unwrap();
        "ayi_net::unix::pipe::Receiver::poll_read_ready" => |s| poll_fn(|cx| s.poll_read_ready(cx)).await.unwrap();
        "ayi_net::unix::pipe::Receiver::poll_read", "&ayi_net::unix::pipe::Receiver::poll_read" =>
            |s| poll_fn(|cx| Pin::new(&mut &s).poll_read(cx, &mut ReadBuf::new(&mut [0]))).await.unwrap();
    }
    each! { leaves, pipe::pipe().unwrap().0;
        "ayi_net::unix::pipe::Sender::write" => |s| s.write(b"x").await.unwrap_err();
        "ayi_net::unix::pipe::Sender::writable" => |s| s.writable().await.unwrap();
        "ayi_net::unix::pipe::Sender::ready" => |s| s.ready(Interest::WRITABLE).await.unwrap();
        "ayi_net::unix::pipe::Sender::poll_write_ready" => |s| poll_fn(|cx| s.poll_write_ready(cx)).await.unwrap();
        "ayi_net::unix::pipe::Sender::poll_write", "&ayi_net::unix::pipe::Sender::poll_write" =>
            |s| poll_fn(|cx| Pin::new(&mut &s).poll_write(cx, b"x")).await.unwrap_err();
        "ayi_net::unix::pipe::Sender::poll_write_vectored", "&ayi_net::unix::pipe::Sender::poll_write_vectored" =>
            |s| poll_fn(|cx| Pin::new(&mut &s).poll_write_vectored(cx, &[IoSlice::new(b"x")])).await.unwrap_err();
    }
}

async fn descriptors(leaves: &mut Leaves) {
    let gone = || {
        let socket = std::os::unix::net::UnixStream::pair().unwrap().0;
        socket.set_nonblocking(true).unwrap();
        socket
    };
    let ok = || io::Result::Ok(());
    each! { leaves, AsyncFd::new(gone()).unwrap();
        "ayi_io::unix::AsyncFd::async_io" => |s| s.async_io(Interest::READABLE, |_| ok()).await.unwrap();
        "ayi_io::unix::AsyncFd::async_io_mut" => |s| s.async_io_mut(Interest::READABLE, |_| ok()).await.unwrap();
        "ayi_io::unix::AsyncFd::readable" => |s| s.readable().await.map(drop);
        "ayi_io::unix::AsyncFd::readable_mut" => |s| s.readable_mut().await.map(drop);
        "ayi_io::unix::AsyncFd::writable" => |s| s.writable().await.map(drop);
        "ayi_io::unix::AsyncFd::writable_mut" => |s| s.writable_mut().await.map(drop);
        "ayi_io::unix::AsyncFd::ready" => |s| s.ready(Interest::READABLE).await.map(drop);
        "ayi_io::unix::AsyncFd::ready_mut" => |s| s.ready_mut(Interest::READABLE).await.map(drop);
        "ayi_io::unix::AsyncFd::poll_read_ready" => |s| poll_fn(|cx| s.poll_read_ready(cx).map_ok(drop)).await;
        "ayi_io::unix::AsyncFd::poll_read_ready_mut" => |s| poll_fn(|cx| s.poll_read_ready_mut(cx).map_ok(drop)).await;
        "ayi_io::unix::AsyncFd::poll_write_ready" => |s| poll_fn(|cx| s.poll_write_ready(cx).map_ok(drop)).await;
        "ayi_io::unix::AsyncFd::poll_write_ready_mut" => |s| poll_fn(|cx| s.poll_write_ready_mut(cx).map_ok(drop)).await;
    }
    each! { leaves, (Registration::new(), gone());
        "ayi_runtime::io::Registration::async_io" =>
            |s| s.0.async_io(s.1.as_fd(), Interest::READABLE, ok, |_| false).await.unwrap();
        "ayi_runtime::io::Registration::poll_io" =>
            |s| poll_fn(|cx| s.0.poll_io(s.1.as_fd(), Interest::READABLE, cx, ok, |_| false)).await.unwrap();
        "ayi_runtime::io::Registration::poll_ready" =>
            |s| poll_fn(|cx| s.0.poll_ready(s.1.as_fd(), Interest::READABLE, cx)).await.unwrap();
        "ayi_runtime::io::Registration::ready" =>
            |s| s.0.ready(s.1.as_fd(), Interest::READABLE).await.unwrap();
        "ayi_runtime::io::Registration::poll_ready_event" =>
            |s| poll_fn(|cx| s.0.poll_ready_event(s.1.as_fd(), Interest::READABLE, cx)).await.unwrap();
        "ayi_runtime::io::Registration::ready_event" =>
            |s| s.0.ready_event(s.1.as_fd(), Interest::READABLE).await.unwrap();
    }
}
