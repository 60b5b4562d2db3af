//! What goes through connections between Unix sockets, and how they end.

use crate::raw::{errno, mask, option, pair, raw_pipe, send, set_option, unread};
use crate::{everywhere, path, simulated, turn};
use ayi::io::{AsyncReadExt, AsyncWriteExt, Interest};
use ayi::net::UnixStream;
use ayi::sim::Sim;
use std::io::{ErrorKind, IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::rc::Rc;

#[test]
fn a_pair_talks_both_ways() {
    everywhere(|| async {
        let (a, b) = UnixStream::pair().unwrap();
        let mut buf = [0; 8];
        a.write(b"tea").await.unwrap();
        assert_eq!(b.read(&mut buf).await.unwrap(), 3);
        assert_eq!(b.write_vectored(&[IoSlice::new(b"th"), IoSlice::new(b"anks")]).await.unwrap(), 6);
        let (mut x, mut y) = ([0; 2], [0; 8]);
        let n = a.read_vectored(&mut [IoSliceMut::new(&mut x), IoSliceMut::new(&mut y)]).await.unwrap();
        assert_eq!((n, &x, &y[..4]), (6, b"th", &b"anks"[..]));
        drop(b);
        assert_eq!(a.read(&mut buf).await.unwrap(), 0);
        assert_eq!(a.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn many_bytes_arrive_in_order() {
    everywhere(|| async {
        let (mut a, mut b) = UnixStream::pair().unwrap();
        let data: Vec<u8> = (0..1_000_000_u32).map(|n| (n * 7 % 251) as u8).collect();
        let expected = data.clone();
        let writer = ayi::spawn(async move { a.write_all(&data).await });
        turn().await;
        assert!(!writer.is_finished(), "the buffer is full");
        let mut got = Vec::new();
        b.read_to_end(&mut got).await.unwrap();
        writer.await.unwrap().unwrap();
        assert!(got == expected);
    });
}

#[test]
fn a_half_that_is_closed_is_the_end_for_the_other_side() {
    everywhere(|| async {
        let (mut a, b) = UnixStream::pair().unwrap();
        a.write_all(b"last").await.unwrap();
        assert_eq!(mask(&b), libc::POLLIN | libc::POLLOUT);
        a.shutdown_now(Shutdown::Write).unwrap();
        assert_eq!(mask(&b), libc::POLLIN | libc::POLLOUT | libc::POLLRDHUP);
        assert_eq!(a.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        let mut buf = [0; 8];
        assert_eq!(b.read(&mut buf).await.unwrap(), 4);
        assert_eq!(b.read(&mut buf).await.unwrap(), 0);
        // The other direction is open.
        b.write(b"answer").await.unwrap();
        assert_eq!(a.read(&mut buf).await.unwrap(), 6);
        b.shutdown_now(Shutdown::Write).unwrap();
        assert_eq!(a.read(&mut buf).await.unwrap(), 0);
        let all = libc::POLLIN | libc::POLLOUT | libc::POLLRDHUP | libc::POLLHUP;
        assert_eq!((mask(&a), mask(&b)), (all, all));
    });
}

#[test]
fn one_who_closes_with_unread_data_resets_the_connection() {
    everywhere(|| async {
        let (a, b) = UnixStream::pair().unwrap();
        a.write(b"unread").await.unwrap();
        b.write(b"read").await.unwrap();
        drop(b);
        assert_ne!(mask(&a) & libc::POLLERR, 0);
        let mut buf = [0; 8];
        assert_eq!(a.read(&mut buf).await.unwrap(), 4, "what has arrived comes first");
        assert_eq!(a.read(&mut buf).await.unwrap_err().raw_os_error(), Some(libc::ECONNRESET));
        assert_eq!(a.read(&mut buf).await.unwrap(), 0, "the error is told once");
        assert_eq!(a.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        let (a, b) = UnixStream::pair().unwrap();
        a.write(b"unread").await.unwrap();
        drop(b);
        let error = a.take_error().unwrap().unwrap();
        assert_eq!(error.raw_os_error(), Some(libc::ECONNRESET));
        assert_eq!(a.read(&mut buf).await.unwrap(), 0);
    });
}

#[test]
fn a_shutdown_ends_what_waits_in_other_tasks() {
    for how in [Shutdown::Write, Shutdown::Read, Shutdown::Both] {
        everywhere(move || async move {
            let (stream, _peer) = UnixStream::pair().unwrap();
            let stream = Rc::new(stream);
            while stream.try_write(&[0; 65_536]).is_ok() {}
            let (there, also) = (stream.clone(), stream.clone());
            let reader = ayi::spawn(async move { there.read(&mut [0; 8]).await });
            let writer = ayi::spawn(async move { also.write(&[0; 65_536]).await });
            turn().await;
            assert!(!reader.is_finished() && !writer.is_finished());
            stream.shutdown_now(how).unwrap();
            if how != Shutdown::Read {
                assert_eq!(writer.await.unwrap().unwrap_err().kind(), ErrorKind::BrokenPipe);
            }
            if how != Shutdown::Write {
                assert_eq!(reader.await.unwrap().unwrap(), 0);
            }
        });
    }
}

#[test]
fn readiness_then_trying() {
    everywhere(|| async {
        let (a, b) = UnixStream::pair().unwrap();
        let mut buf = [0; 8];
        assert_eq!(a.try_read(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
        a.writable().await.unwrap();
        assert_eq!(a.try_write(b"tea").unwrap(), 3);
        b.readable().await.unwrap();
        assert_eq!(unread(&b), 3);
        assert_eq!(b.try_read(&mut buf).unwrap(), 3);
        assert_eq!(b.try_read(&mut buf).unwrap_err().kind(), ErrorKind::WouldBlock);
        a.shutdown_now(Shutdown::Write).unwrap();
        assert!(b.ready(Interest::READABLE).await.unwrap().is_readable());
        turn().await;
        assert!(b.ready(Interest::READABLE).await.unwrap().is_read_closed());
    });
}

#[test]
fn a_writer_waits_until_three_quarters_are_free() {
    everywhere(|| async {
        let (a, b) = UnixStream::pair().unwrap();
        while a.try_write(&[0; 4_096]).is_ok() {}
        assert_eq!(mask(&a), 0);
        let mut read = 0;
        while mask(&a) == 0 {
            read += b.try_read(&mut [0; 4_096]).unwrap();
        }
        assert_eq!(mask(&a), libc::POLLOUT);
        let left = unread(&b) as usize;
        assert!(read > 2 * left && read < 5 * left, "{read} were read, {left} are left");
        a.writable().await.unwrap();
    });
}

/// These numbers are those of Linux 6.18. Other versions count differently.
#[test]
fn a_buffer_holds_as_much_as_that_of_linux() {
    simulated(1, || async {
        let (stream, _peer) = pair(libc::SOCK_STREAM);
        assert_eq!((0..).take_while(|_| send(&stream, b"x").is_ok()).count(), 278);
        let (stream, peer) = pair(libc::SOCK_STREAM);
        while send(&stream, &[0; 65_536]).is_ok() {}
        assert_eq!(unread(&peer), 233_152);
        for kind in [libc::SOCK_DGRAM, libc::SOCK_SEQPACKET] {
            let (socket, _peer) = pair(kind);
            assert_eq!((0..).take_while(|_| send(&socket, b"x").is_ok()).count(), 278);
        }
        let (socket, _peer) = pair(libc::SOCK_DGRAM);
        assert_eq!(errno(send(&socket, &vec![0; 212_961])), libc::EMSGSIZE);
        assert_eq!(send(&socket, &vec![0; 212_960]).unwrap(), 212_960);
        assert_eq!(option(&socket, libc::SO_SNDBUF).unwrap(), 212_992);
    });
}

#[test]
fn the_size_of_a_buffer_can_be_set() {
    everywhere(|| async {
        let (socket, _peer) = pair(libc::SOCK_DGRAM);
        set_option(&socket, libc::SO_SNDBUF, 1);
        assert_eq!(option(&socket, libc::SO_SNDBUF).unwrap(), 4_608);
        assert_eq!(errno(send(&socket, &[0; 4_577])), libc::EMSGSIZE);
        assert_eq!(send(&socket, &[0; 4_576]).unwrap(), 4_576);
        assert_eq!(errno(send(&socket, b"x")), libc::EAGAIN);
        set_option(&socket, libc::SO_SNDBUF, 10_000);
        assert_eq!(option(&socket, libc::SO_SNDBUF).unwrap(), 20_000);
        assert_eq!(send(&socket, b"x").unwrap(), 1);
    });
}

#[test]
fn a_call_that_would_wait_fails_the_run() {
    let calls: [fn(); 4] = [
        || {
            let (read, _write) = raw_pipe(0);
            let _ = std::io::Read::read(&mut std::fs::File::from(read), &mut [0]);
        },
        || {
            let (stream, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
            let _ = std::io::Read::read(&mut &stream, &mut [0]);
        },
        || {
            let (stream, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
            while std::io::Write::write(&mut &stream, &[0; 65_536]).is_ok() {}
        },
        || {
            let _ = std::os::unix::net::UnixListener::bind(path("waits")).unwrap().accept();
        },
    ];
    for call in calls {
        let sim = Sim::new(1);
        sim.client("waits", move || async move { call() });
        let failure = sim.run().unwrap_err();
        assert!(failure.why().contains("not non-blocking"), "{failure}");
    }
}
