//! Descriptors that go over Unix sockets.

use crate::raw::{checked, control, errno, is_open, pair};
use crate::{everywhere, is_pending};
use ayi::net::unix::pipe::{Sender, pipe};
use ayi::net::{TcpListener, TcpStream, UnixDatagram, UnixStream};
use ayi::sim::Sim;
use ayi::time::{Duration, sleep};
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::pin::pin;

#[test]
fn descriptors_are_passed() {
    everywhere(|| async {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let (sender, receiver) = pipe().unwrap();
        let sender = sender.into_nonblocking_fd().unwrap();
        let client = OwnedFd::from(client.into_std().unwrap());
        assert_eq!(ours.send_with_fds(b"both", &[client.as_fd(), sender.as_fd()]).await.unwrap(), 4);
        drop((client, sender));
        // They are open while they are under way.
        assert!(is_pending(pin!(server.read(&mut [0; 8]))).await);
        assert!(is_pending(pin!(receiver.read(&mut [0; 8]))).await);
        let (mut buf, mut fds) = ([0; 8], vec![]);
        assert_eq!(theirs.recv_with_fds(&mut buf, &mut fds).await.unwrap(), 4);
        assert_eq!((&buf[..4], fds.len()), (&b"both"[..], 2));
        assert!(fds.iter().all(|fd| control(fd, libc::F_GETFD, 0).unwrap() == libc::FD_CLOEXEC as usize));
        let sender = Sender::from_owned_fd_unchecked(fds.pop().unwrap()).unwrap();
        let client = TcpStream::from_std(fds.pop().unwrap().into()).unwrap();
        client.write(b"tea").await.unwrap();
        assert_eq!(server.read(&mut buf).await.unwrap(), 3);
        sender.write(b"milk").await.unwrap();
        assert_eq!(receiver.read(&mut buf).await.unwrap(), 4);
        drop((client, sender));
        assert_eq!(server.read(&mut buf).await.unwrap(), 0);
        assert_eq!(receiver.read(&mut buf).await.unwrap(), 0);
    });
}

#[test]
fn descriptors_that_nobody_takes_are_closed() {
    everywhere(|| async {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut buf = [0; 8];
        // A read that knows nothing of descriptors.
        let (sender, receiver) = pipe().unwrap();
        let sender = sender.into_nonblocking_fd().unwrap();
        ours.send_with_fds(b"tea", &[sender.as_fd()]).await.unwrap();
        drop(sender);
        assert_eq!(theirs.read(&mut buf).await.unwrap(), 3);
        assert_eq!(receiver.read(&mut buf).await.unwrap(), 0);
        // What is under way when the sockets go.
        let (sender, receiver) = pipe().unwrap();
        let sender = sender.into_nonblocking_fd().unwrap();
        ours.send_with_fds(b"tea", &[sender.as_fd()]).await.unwrap();
        drop(sender);
        assert!(is_pending(pin!(receiver.read(&mut buf))).await);
        drop((ours, theirs));
        assert_eq!(receiver.read(&mut buf).await.unwrap(), 0);
    });
}

#[test]
fn datagrams_carry_descriptors_even_if_they_are_empty() {
    everywhere(|| async {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        let (sender, _receiver) = pipe().unwrap();
        let sender = sender.into_nonblocking_fd().unwrap();
        assert_eq!(ours.send_with_fds(b"", &[sender.as_fd()]).await.unwrap(), 0);
        assert_eq!(ours.try_send_with_fds(b"text", &[sender.as_fd()]).unwrap(), 4);
        ours.send(b"plain").await.unwrap();
        let (mut buf, mut fds) = ([0; 8], vec![]);
        assert_eq!(theirs.recv_with_fds(&mut buf, &mut fds).await.unwrap(), 0);
        assert_eq!(theirs.try_recv_with_fds(&mut buf, &mut fds).unwrap(), 4);
        assert_eq!(theirs.recv_with_fds(&mut buf, &mut fds).await.unwrap(), 5);
        assert_eq!(fds.len(), 2);
    });
}

#[test]
fn a_read_stops_after_a_message_with_descriptors() {
    everywhere(|| async {
        let (a, b) = UnixStream::pair().unwrap();
        let (sender, _receiver) = pipe().unwrap();
        let sender = sender.into_nonblocking_fd().unwrap();
        a.write(b"zero").await.unwrap();
        a.send_with_fds(b"one", &[sender.as_fd()]).await.unwrap();
        a.send_with_fds(b"two", &[sender.as_fd()]).await.unwrap();
        a.write(b"three").await.unwrap();
        let mut lengths = vec![];
        while lengths.iter().sum::<usize>() < 15 {
            lengths.push(b.read(&mut [0; 100]).await.unwrap());
        }
        assert_eq!(lengths, [7, 3, 5]);
    });
}

#[repr(C, align(8))]
struct Room([u8; 2_048]);

/// Receives with room for so many bytes of control data. Returns the flags, how much of the room was used, and the first
/// descriptors.
fn receive_with_room(socket: &impl AsRawFd, room: usize, flags: i32) -> (i32, usize, Vec<OwnedFd>) {
    let (mut control, mut byte) = (Room([0; 2_048]), 0u8);
    let mut part = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    // SAFETY: all zeros is a valid message.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    (message.msg_iov, message.msg_iovlen) = (&mut part, 1);
    (message.msg_control, message.msg_controllen) = ((&raw mut control.0).cast(), room as _);
    // SAFETY: the message is valid, and what it points to.
    checked(unsafe { libc::recvmsg(socket.as_raw_fd(), &mut message, flags) as i64 }).unwrap();
    let used = message.msg_controllen as usize;
    let end = usize::from_ne_bytes(*control.0.first_chunk().unwrap());
    let fds = if used > 16 { control.0[16..end].chunks_exact(4) } else { [].chunks_exact(4) };
    let fds = fds.map(|fd| i32::from_ne_bytes(*fd.first_chunk().unwrap()));
    // SAFETY: they were just received.
    (message.msg_flags, used, fds.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }).collect())
}

/// Sends one byte with descriptors.
fn send_with(socket: &impl AsRawFd, fds: &[RawFd]) -> io::Result<usize> {
    let (mut control, byte) = (Room([0; 2_048]), b'x');
    let mut part = libc::iovec { iov_base: (&raw const byte).cast_mut().cast(), iov_len: 1 };
    let size = size_of_val(fds) as u32;
    // SAFETY: all zeros is a valid message, and what it points to is valid until the call has returned.
    let sent = unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        (message.msg_iov, message.msg_iovlen) = (&mut part, 1);
        message.msg_control = (&raw mut control.0).cast();
        message.msg_controllen = libc::CMSG_SPACE(size) as _;
        let header = libc::CMSG_FIRSTHDR(&message);
        ((*header).cmsg_level, (*header).cmsg_type) = (libc::SOL_SOCKET, libc::SCM_RIGHTS);
        (*header).cmsg_len = libc::CMSG_LEN(size) as _;
        std::ptr::copy_nonoverlapping(fds.as_ptr(), libc::CMSG_DATA(header).cast(), fds.len());
        libc::sendmsg(socket.as_raw_fd(), &message, libc::MSG_NOSIGNAL)
    };
    checked(sent as i64)
}

#[test]
fn descriptors_that_have_no_room_are_closed_and_told_of() {
    everywhere(|| async {
        for kind in [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_SEQPACKET] {
            let (a, b) = pair(kind);
            let fd = a.as_raw_fd();
            send_with(&a, &[fd; 3]).unwrap();
            let (flags, used, fds) = receive_with_room(&b, 16 + 8, 0);
            assert_eq!((flags, used, fds.len()), (libc::MSG_CTRUNC, 24, 2));
            assert!(fds.iter().all(|fd| control(fd, libc::F_GETFD, 0).unwrap() == 0));
            send_with(&a, &[fd]).unwrap();
            let (flags, used, fds) = receive_with_room(&b, 16, 0);
            assert_eq!((flags, used, fds.len()), (libc::MSG_CTRUNC, 0, 0));
            send_with(&a, &[fd]).unwrap();
            let (flags, used, fds) = receive_with_room(&b, 2_048, libc::MSG_CMSG_CLOEXEC);
            assert_eq!((flags & !libc::MSG_CMSG_CLOEXEC, used, fds.len()), (0, 24, 1));
            // A look ahead gives descriptors, too.
            send_with(&a, &[fd]).unwrap();
            assert_eq!(receive_with_room(&b, 2_048, libc::MSG_PEEK).2.len(), 1);
            assert_eq!(receive_with_room(&b, 2_048, 0).2.len(), 1);
            send_with(&a, &[fd; 253]).unwrap();
            assert_eq!(receive_with_room(&b, 2_048, 0).2.len(), 253);
            assert_eq!(errno(send_with(&a, &[fd; 254])), libc::EINVAL);
            assert_eq!(errno(send_with(&a, &[-1])), libc::EBADF);
            assert!(is_open(fd));
        }
    });
}

/// Sockets that are only under way to each other go with the program that made them.
#[test]
fn what_is_under_way_in_a_circle_goes_with_its_program() {
    let sim = Sim::new(1);
    sim.client("server", || async {
        let listener = TcpListener::bind("0.0.0.0:7").await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
    });
    sim.client("client", || async {
        sleep(Duration::from_millis(1)).await;
        let stream = TcpStream::connect("server:7").await.unwrap();
        let (a, b) = pair(libc::SOCK_STREAM);
        let fds = [a.as_raw_fd(), b.as_raw_fd(), stream.as_raw_fd()];
        send_with(&a, &fds).unwrap();
        send_with(&b, &fds).unwrap();
    });
    sim.run().unwrap();
}
