//! TCP streams and listeners.

use crate::support::{block_until, connected, in_a_child, poll_once, run, turn};
use ayi::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, Interest, ReadBuf};
use ayi::net::TcpStream;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Waker};
use std::thread;

/// Closes with a reset of the connection: socket(7), `SO_LINGER`.
fn reset(stream: std::net::TcpStream) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let len = size_of::<libc::linger>() as libc::socklen_t;
    let fd = stream.as_raw_fd();
    // SAFETY: `len` readable bytes.
    let result =
        unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_LINGER, (&raw const linger).cast(), len) };
    assert_eq!(result, 0);
}

/// Fills the buffers of both systems. Returns the number of bytes.
fn fill(stream: &TcpStream) -> usize {
    let mut sum = 0;
    loop {
        match stream.try_write(&[7; 65536]) {
            Ok(n) => sum += n,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                return sum;
            }
        }
    }
}

/// The number of ways to read, which must not differ in what they find.
const WAYS: usize = 5;

async fn read(way: usize, stream: &TcpStream, buf: &mut [u8]) -> io::Result<usize> {
    match way {
        0 => stream.read(buf).await,
        1 => AsyncReadExt::read(&mut &*stream, buf).await,
        2 => {
            let (first, second) = buf.split_at_mut(1);
            stream.read_vectored(&mut [IoSliceMut::new(first), IoSliceMut::new(second)]).await
        }
        3 => loop {
            stream.readable().await?;
            match stream.try_read(buf) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                result => break result,
            }
        },
        _ => stream.async_io(Interest::READABLE, || stream.try_read(buf)).await,
    }
}

/// A peer that writes and ends at once, however the reader learns of it.
#[test]
fn a_short_read_and_then_the_end() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Arrives {
        BeforeAnyRead,
        BeforeTheSecondRead,
        AllWhileItWaits,
        TheEndAfterTheReport,
        TheEndAfterTheRead,
        TheEndWhileItWaitsAgain,
    }
    use Arrives::*;
    type End = fn(std::net::TcpStream) -> Option<std::net::TcpStream>;
    let ends: [(&str, End); 3] = [
        ("half-closes", |peer| peer.shutdown(Shutdown::Write).map(|()| Some(peer)).unwrap()),
        ("closes", |_peer| None),
        ("closes both directions", |peer| peer.shutdown(Shutdown::Both).map(|()| Some(peer)).unwrap()),
    ];
    let orders = [
        BeforeAnyRead,
        BeforeTheSecondRead,
        AllWhileItWaits,
        TheEndAfterTheReport,
        TheEndAfterTheRead,
        TheEndWhileItWaitsAgain,
    ];
    run(async || {
        for (name, end) in ends {
            for arrives in orders {
                for way in 0..WAYS {
                    let what = format!("{name}, {arrives:?}, way {way}");
                    let (stream, mut peer) = connected();
                    let mut buf = [0; 64];
                    if arrives == BeforeTheSecondRead {
                        peer.write_all(b"first").unwrap();
                        assert_eq!(read(way, &stream, &mut buf).await.unwrap(), 5, "{what}");
                        assert!(poll_once(pin!(read(way, &stream, &mut buf))).is_pending(), "{what}");
                    }
                    let waits = !matches!(arrives, BeforeAnyRead | BeforeTheSecondRead);
                    let mut first = pin!(read(way, &stream, &mut buf));
                    if waits {
                        assert!(poll_once(first.as_mut()).is_pending(), "{what}");
                    }
                    peer.write_all(b"water").unwrap();
                    block_until(&stream, libc::POLLIN);
                    if arrives == TheEndAfterTheReport {
                        turn().await;
                    }
                    let mut peer = Some(peer);
                    let mut ends = |now| {
                        if now {
                            peer = end(peer.take().unwrap());
                            block_until(&stream, libc::POLLRDHUP);
                        }
                    };
                    let is_late = matches!(arrives, TheEndAfterTheRead | TheEndWhileItWaitsAgain);
                    ends(!is_late);
                    assert_eq!(first.await.unwrap(), 5, "{what}");
                    ends(arrives == TheEndAfterTheRead);
                    let mut second = [0; 64];
                    let mut last = pin!(read(way, &stream, &mut second));
                    if arrives == TheEndWhileItWaitsAgain {
                        assert!(poll_once(last.as_mut()).is_pending(), "{what}");
                        ends(true);
                    }
                    assert_eq!(last.await.unwrap(), 0, "{what}");
                    assert_eq!(read(way, &stream, &mut [0; 8]).await.unwrap(), 0, "{what}: and again");
                }
            }
        }
    });
}

/// What was sent before may be lost, but a task that reads or writes must learn of it.
#[test]
#[cfg_attr(faults, ignore = "who is told of the reset depends on who comes first")]
fn a_reset_after_data_ends_every_wait() {
    run(async || {
        for waits in [false, true] {
            for way in 0..WAYS {
                let (stream, mut peer) = connected();
                let stream = Rc::new(stream);
                fill(&stream);
                let reader = ayi::spawn({
                    let stream = stream.clone();
                    async move {
                        loop {
                            match read(way, &stream, &mut [0; 64]).await {
                                Ok(0) => panic!("a reset is no end"),
                                Ok(_) => {}
                                Err(error) => break error.kind(),
                            }
                        }
                    }
                });
                let writer = ayi::spawn({
                    let stream = stream.clone();
                    async move { (&*stream).write_all(&vec![7; 8 << 20]).await.unwrap_err().kind() }
                });
                if waits {
                    turn().await;
                }
                peer.write_all(b"water").unwrap();
                reset(peer);
                let kinds = [reader.await.unwrap(), writer.await.unwrap()];
                // One of them is told of the reset; then the connection is as good as closed.
                assert!(
                    kinds
                        .iter()
                        .all(|kind| matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)),
                    "{kinds:?}"
                );
            }
        }
    });
}

/// Nothing is left to be sent to the peer, so nothing could fail.
#[test]
fn a_connection_that_was_reset_counts_as_closed() {
    run(async || {
        let (mut stream, peer) = connected();
        reset(peer);
        block_until(&stream, libc::POLLHUP);
        assert_eq!(stream.shutdown_now(Shutdown::Write).unwrap_err().kind(), ErrorKind::NotConnected);
        stream.shutdown().await.unwrap();
        let (_read, mut write) = stream.into_split();
        write.shutdown().await.unwrap();
    });
}

/// `recv` stops at the urgent mark, so what it returns is short although more has arrived (tcp(7), `MSG_OOB`).
#[test]
fn a_read_that_ends_at_urgent_data_does_not_hide_what_follows() {
    run(async || {
        let (stream, mut peer) = connected();
        let mut buf = [0; 64];
        assert!(poll_once(pin!(stream.read(&mut buf))).is_pending());
        peer.write_all(b"abc").unwrap();
        // SAFETY: one readable byte.
        let sent = unsafe { libc::send(peer.as_raw_fd(), b"!".as_ptr().cast(), 1, libc::MSG_OOB) };
        assert_eq!(sent, 1);
        peer.write_all(b"defg").unwrap();
        block_until(&stream, libc::POLLPRI);
        let mut all = Vec::new();
        while all.len() < 7 {
            let n = stream.read(&mut buf).await.unwrap();
            all.extend_from_slice(&buf[..n]);
        }
        assert_eq!(all, b"abcdefg");
    });
}

#[test]
fn writing_to_a_closed_peer_raises_no_signal() {
    if !in_a_child(module_path!(), "writing_to_a_closed_peer_raises_no_signal") {
        return;
    }
    // SAFETY: the default action. Rust's runtime ignores the signal; a program that is not Rust's may not.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    run(async || {
        let (stream, peer) = connected();
        drop(peer);
        let error = loop {
            if let Err(error) = stream.write(b"x").await {
                break error;
            }
        };
        assert!(matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{error}");
        assert_eq!(stream.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        let bufs = [IoSlice::new(b"x")];
        let vectored = [
            AsyncWriteExt::write_vectored(&mut &stream, &bufs).await,
            stream.write_vectored(&bufs).await,
            stream.try_write_vectored(&bufs),
        ];
        for result in vectored {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::BrokenPipe);
        }
    });
}

#[test]
fn a_writer_goes_on_when_its_peer_reads() {
    run(async || {
        let (stream, mut peer) = connected();
        for round in 0..3 {
            let filled = fill(&stream);
            let data = vec![round; 100_000];
            let mut writer = &stream;
            let mut write = pin!(writer.write_all(&data));
            assert!(poll_once(write.as_mut()).is_pending());
            let reader = thread::spawn(move || {
                let mut all = vec![0; filled + 100_000];
                peer.read_exact(&mut all).unwrap();
                assert!(all.ends_with(&[round; 100_000]));
                peer
            });
            write.await.unwrap();
            peer = reader.join().unwrap();
        }
    });
}

#[test]
fn nothing_to_transfer_is_done_at_once() {
    run(async || {
        let (stream, mut peer) = connected();
        fill(&stream);
        // It is ready neither to read nor to write, and still the wait is over before it begins.
        for _ in 0..2 {
            assert_eq!(stream.read(&mut []).await.unwrap(), 0);
            assert_eq!(stream.peek(&mut []).await.unwrap(), 0);
            assert_eq!(stream.write(&[]).await.unwrap(), 0);
            assert_eq!(stream.read_vectored(&mut []).await.unwrap(), 0);
            assert_eq!(stream.write_vectored(&[IoSlice::new(&[])]).await.unwrap(), 0);
            let (mut io, cx) = (&stream, &mut Context::from_waker(Waker::noop()));
            assert!(Pin::new(&mut io).poll_read(cx, &mut ReadBuf::new(&mut [])).is_ready());
            assert!(Pin::new(&mut io).poll_write(cx, &[]).is_ready());
            assert!(Pin::new(&mut io).poll_write_vectored(cx, &[]).is_ready());
            assert!(stream.poll_peek(cx, &mut ReadBuf::new(&mut [])).is_ready());
            assert!(poll_once(pin!(stream.read(&mut [0]))).is_pending());
            assert!(poll_once(pin!(stream.write(&[0]))).is_pending());
        }
        // Nothing was forgotten of what was ready.
        peer.write_all(b"x").unwrap();
        block_until(&stream, libc::POLLIN);
        turn().await;
        assert_eq!(stream.read(&mut []).await.unwrap(), 0);
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 1);
    });
}

#[test]
fn several_buffers_and_more_than_the_system_looks_at() {
    run(async || {
        let (stream, mut peer) = connected();
        for count in [1, 3, 1024, 1500] {
            let text: Vec<u8> = (0..count * 2).map(|at| at as u8).collect();
            let bufs: Vec<_> = text.chunks(2).map(IoSlice::new).collect();
            let sent = stream.write_vectored(&bufs).await.unwrap();
            assert_eq!(sent, count.min(1024) * 2);
            let mut received = vec![0; sent];
            peer.read_exact(&mut received).unwrap();
            assert!(received == text[..sent]);

            assert!(poll_once(pin!(stream.readable())).is_pending());
            peer.write_all(&text).unwrap();
            let mut all = vec![];
            // What one call leaves over is found by the next, without a further report.
            while all.len() < text.len() {
                let mut received = vec![0; count * 2];
                let mut bufs: Vec<_> = received.chunks_mut(2).map(IoSliceMut::new).collect();
                let n = stream.read_vectored(&mut bufs).await.unwrap();
                all.extend_from_slice(&received[..n]);
            }
            assert!(all == text);
            assert!(poll_once(pin!(stream.read(&mut [0]))).is_pending());
        }
    });
}

#[test]
fn peeking_takes_nothing_and_hides_nothing() {
    run(async || {
        let (stream, mut peer) = connected();
        let mut buf = [0; 64];
        assert!(poll_once(pin!(stream.peek(&mut buf))).is_pending());
        peer.write_all(b"water").unwrap();
        // It is shorter than the buffer, and yet no short read.
        assert_eq!(stream.peek(&mut buf).await.unwrap(), 5);
        for len in [2, 5, 64] {
            assert_eq!(stream.peek(&mut vec![0; len]).await.unwrap(), len.min(5));
        }
        assert_eq!(stream.read(&mut buf[..2]).await.unwrap(), 2);
        assert_eq!(stream.peek(&mut buf).await.unwrap(), 3);
        assert_eq!(&buf[..3], b"ter");
        assert_eq!(stream.read(&mut buf).await.unwrap(), 3);
        drop(peer);
        assert_eq!(stream.peek(&mut buf).await.unwrap(), 0);
        assert_eq!(stream.read(&mut buf).await.unwrap(), 0);
    });
}

#[test]
fn trying_before_and_after_waiting() {
    run(async || {
        let (stream, mut peer) = connected();
        let mut buf = [0; 64];
        for _ in 0..3 {
            let error = stream.try_read(&mut buf).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            let mut readable = pin!(stream.readable());
            assert!(poll_once(readable.as_mut()).is_pending());
            peer.write_all(b"water").unwrap();
            readable.await.unwrap();
            // This stays so until the bytes are read.
            stream.readable().await.unwrap();
            assert_eq!(stream.try_read(&mut buf[..2]).unwrap(), 2);
            stream.readable().await.unwrap();
            assert_eq!(stream.try_read(&mut buf).unwrap(), 3);

            stream.writable().await.unwrap();
            let mut filled = vec![0; fill(&stream)];
            let mut writable = pin!(stream.writable());
            assert!(poll_once(writable.as_mut()).is_pending());
            peer.read_exact(&mut filled).unwrap();
            writable.await.unwrap();
            assert_eq!(stream.try_write(b"abc").unwrap(), 3);
            peer.read_exact(&mut [0; 3]).unwrap();
        }
    });
}

/// What waits in one task when another one shuts the direction down: a writer gets an error, a reader the end.
#[test]
fn a_shutdown_ends_what_waits_in_other_tasks() {
    for how in [Shutdown::Write, Shutdown::Read, Shutdown::Both] {
        run(async || {
            let (stream, _peer) = connected();
            while stream.try_write(&[0; 65536]).is_ok() {}
            let stream = Rc::new(stream);
            let (writing, reading) = (stream.clone(), stream.clone());
            let writer = ayi::spawn(async move {
                // The kernel may find a little room once more.
                loop {
                    if let Err(error) = writing.write(&[0; 65536]).await {
                        break error;
                    }
                }
            });
            let reader = ayi::spawn(async move { reading.read(&mut [0; 8]).await });
            turn().await;
            stream.shutdown_now(how).unwrap();
            if how != Shutdown::Read {
                assert_eq!(writer.await.unwrap().kind(), ErrorKind::BrokenPipe);
            }
            if how != Shutdown::Write {
                assert_eq!(reader.await.unwrap().unwrap(), 0);
            }
        });
    }
}
