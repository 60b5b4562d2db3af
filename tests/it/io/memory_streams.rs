//! Streams in memory, halves of any stream, and copying: one situation a test.

use crate::support::{Wakes, poll_once, poll_with, run, turn, watched};
use ayi::io::{
    AsyncBufRead, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, DuplexStream, ReadBuf, copy,
    copy_bidirectional, copy_bidirectional_with_sizes, copy_buf, duplex, simplex, split,
};
use ayi::net::UnixStream;
use ayi::task::{coop, yield_now};
use futures_lite::future::block_on as foreign_block_on;
use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::panic::catch_unwind;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|n| (n * 7 % 251) as u8).collect()
}

#[test]
fn what_is_written_to_one_end_is_read_from_the_other() {
    run(async || {
        let (mut a, mut b) = duplex(16);
        a.write_all(b"tea?").await.unwrap();
        b.write_all(b"here").await.unwrap();
        let mut buf = [0; 4];
        b.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"tea?");
        a.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"here");
        assert_eq!(format!("{a:?}"), "DuplexStream { max_buf_size: 16, .. }");
    });
}

#[test]
fn a_full_stream_makes_the_writer_wait() {
    let (mut a, mut b) = duplex(4);
    let (wakes, waker) = Wakes::new();
    assert!(matches!(poll_once(pin!(a.write(b"12345678"))), Poll::Ready(Ok(4))));
    assert!(poll_with(pin!(a.write(b"5678")), &waker).is_pending());
    assert!(matches!(poll_once(pin!(b.read(&mut [0; 3]))), Poll::Ready(Ok(3))));
    assert_eq!(wakes.count(), 1);
    assert!(matches!(poll_once(pin!(a.write(b"5678"))), Poll::Ready(Ok(3))));
    assert!(matches!(poll_once(pin!(a.write(b""))), Poll::Ready(Ok(0))));
}

#[test]
fn an_empty_one_makes_the_reader_wait() {
    let (mut a, mut b) = duplex(4);
    let (wakes, waker) = Wakes::new();
    assert!(poll_with(pin!(b.read(&mut [0; 3])), &waker).is_pending());
    assert!(matches!(poll_once(pin!(b.read(&mut []))), Poll::Ready(Ok(0))));
    assert!(matches!(poll_once(pin!(a.write(b"x"))), Poll::Ready(Ok(1))));
    assert_eq!(wakes.count(), 1);
    assert!(matches!(poll_once(pin!(b.read(&mut [0; 3]))), Poll::Ready(Ok(1))));
}

#[test]
fn the_end_comes_after_what_was_written() {
    run(async || {
        let (mut a, mut b) = duplex(16);
        a.write_all(b"last").await.unwrap();
        a.shutdown().await.unwrap();
        assert_eq!(a.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        let mut got = Vec::new();
        b.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"last");
        // The other direction is still open.
        b.write_all(b"thanks").await.unwrap();
        drop(b);
        let mut got = Vec::new();
        a.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"thanks");
    });
}

#[test]
fn a_dropped_end_wakes_who_waits() {
    let (mut a, b) = duplex(4);
    let ((reads, reader), (writes, writer)) = (Wakes::new(), Wakes::new());
    assert!(poll_with(pin!(a.read(&mut [0])), &reader).is_pending());
    assert!(poll_once(pin!(a.write(b"1234"))).is_ready());
    assert!(poll_with(pin!(a.write(b"5")), &writer).is_pending());
    drop(b);
    assert_eq!((reads.count(), writes.count()), (1, 1));
    assert!(matches!(poll_once(pin!(a.read(&mut [0]))), Poll::Ready(Ok(0))));
    match poll_once(pin!(a.write(b"5"))) {
        Poll::Ready(Err(error)) => assert_eq!(error.kind(), ErrorKind::BrokenPipe),
        other => panic!("{other:?}"),
    }
}

#[test]
fn threads_may_be_at_the_two_ends() {
    watched(|| {
        let (mut a, mut b) = duplex(100);
        let writer =
            std::thread::spawn(move || foreign_block_on(async move { a.write_all(&bytes(100_000)).await }));
        let mut got = Vec::new();
        foreign_block_on(b.read_to_end(&mut got)).unwrap();
        assert!(got == bytes(100_000));
        writer.join().unwrap().unwrap();
    });
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<DuplexStream>();
    is_send_and_sync::<ayi::io::ReadHalf<DuplexStream>>();
    is_send_and_sync::<ayi::io::WriteHalf<DuplexStream>>();
}

#[test]
fn one_of_nothing_is_refused() {
    assert!(catch_unwind(|| duplex(0)).is_err());
    assert!(catch_unwind(|| simplex(0)).is_err());
}

#[test]
fn a_simplex_gives_back_what_it_got() {
    run(async || {
        let (mut read, mut write) = simplex(8);
        let writer = ayi::spawn(async move {
            write.write_all(&bytes(1000)).await.unwrap();
            write.shutdown().await.unwrap();
        });
        let mut got = Vec::new();
        read.read_to_end(&mut got).await.unwrap();
        assert!(got == bytes(1000));
        writer.await.unwrap();
    });
}

#[test]
fn they_charge_the_budget() {
    run(async || {
        let (wakes, waker) = Wakes::new();
        let task = ayi::spawn(std::future::poll_fn(move |_| {
            let (mut a, _b) = duplex(1000);
            let mut writes = 0;
            while coop::has_budget_remaining() {
                assert!(poll_once(pin!(a.write(b"x"))).is_ready());
                writes += 1;
            }
            assert!(poll_with(pin!(a.write(b"x")), &waker).is_pending());
            assert_eq!(writes, 128);
            Poll::Ready(())
        }));
        task.await.unwrap();
        turn().await;
        assert_eq!(wakes.count(), 1);
    });
}

#[test]
fn halves_can_be_put_together_again() {
    run(async || {
        let ((a, mut b), (c, _d)) = (duplex(16), duplex(16));
        let ((a_read, mut a_write), (c_read, c_write)) = (split(a), split(c));
        assert!(a_read.is_pair_of(&a_write) && a_write.is_pair_of(&a_read));
        assert!(!a_read.is_pair_of(&c_write) && !c_write.is_pair_of(&a_read));
        a_write.write_all(b"tea").await.unwrap();
        let mut a = a_read.unsplit(a_write);
        a.write_all(b"!").await.unwrap();
        let mut buf = [0; 4];
        b.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"tea!");
        let wrong = std::panic::AssertUnwindSafe(|| c_read.unsplit(split(a).1));
        assert!(catch_unwind(wrong).is_err());
    });
}

#[test]
fn halves_work_in_two_tasks() {
    run(async || {
        let (a, b) = UnixStream::pair().unwrap();
        let (mut read, mut write) = split(a);
        let echo = ayi::spawn(async move { copy(&mut &b, &mut &b).await });
        let writer = ayi::spawn(async move {
            write.write_all(&bytes(300_000)).await.unwrap();
            write.flush().await.unwrap();
            write.shutdown().await.unwrap();
        });
        let mut got = vec![0; 300_000];
        read.read_exact(&mut got).await.unwrap();
        assert!(got == bytes(300_000));
        writer.await.unwrap();
        assert_eq!(echo.await.unwrap().unwrap(), 300_000);
    });
}

#[test]
fn copy_moves_everything_and_flushes() {
    /// Records what is done to it, and takes at most three bytes at a time.
    #[derive(Clone, Default)]
    struct Log(Rc<RefCell<(Vec<u8>, u32)>>);
    impl AsyncWrite for Log {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            let part = &buf[..buf.len().min(3)];
            self.0.borrow_mut().0.extend_from_slice(part);
            Poll::Ready(Ok(part.len()))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.0.borrow_mut().1 += 1;
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            panic!("copy closes nothing")
        }
    }
    run(async || {
        let (mut log, data) = (Log::default(), bytes(20_000));
        assert_eq!(copy(&mut &data[..], &mut log).await.unwrap(), 20_000);
        assert!(log.0.borrow().0 == data && log.0.borrow().1 == 1);
        let mut log = Log::default();
        assert_eq!(copy_buf(&mut BufReader::with_capacity(7, &data[..]), &mut log).await.unwrap(), 20_000);
        assert!(log.0.borrow().0 == data && log.0.borrow().1 == 1);
        assert_eq!(copy(&mut &b""[..], &mut Log::default()).await.unwrap(), 0);
    });
}

#[test]
fn copy_flushes_while_it_waits_for_more() {
    run(async || {
        let ((mut source, mut from), (to, mut sink)) = (duplex(64), duplex(64));
        let copying = ayi::spawn(async move {
            let mut to = ayi::io::BufWriter::new(to);
            copy(&mut from, &mut to).await
        });
        source.write_all(b"tea").await.unwrap();
        // Otherwise it would wait in the writer's buffer for ever.
        let mut buf = [0; 3];
        sink.read_exact(&mut buf).await.unwrap();
        drop(source);
        assert_eq!(copying.await.unwrap().unwrap(), 3);
    });
}

#[test]
fn copy_passes_errors_on() {
    struct Full;
    impl AsyncWrite for Full {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(0))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
    struct Broken;
    impl AsyncRead for Broken {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Err(ErrorKind::ConnectionReset.into()))
        }
    }
    impl AsyncBufRead for Broken {
        fn poll_fill_buf(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
            Poll::Ready(Err(ErrorKind::ConnectionReset.into()))
        }
        fn consume(self: Pin<&mut Self>, _: usize) {}
    }
    run(async || {
        assert_eq!(copy(&mut &b"x"[..], &mut Full).await.unwrap_err().kind(), ErrorKind::WriteZero);
        assert_eq!(copy_buf(&mut &b"x"[..], &mut Full).await.unwrap_err().kind(), ErrorKind::WriteZero);
        assert_eq!(copy(&mut Broken, &mut Vec::new()).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(
            copy_buf(&mut Broken, &mut Vec::new()).await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
    });
}

#[test]
fn a_copy_that_never_waits_lets_others_run() {
    run(async || {
        let copying = ayi::spawn(async {
            let mut endless = ayi::io::repeat(1);
            copy(&mut endless, &mut ayi::io::sink()).await
        });
        for _ in 0..10 {
            yield_now().await;
        }
        copying.abort();
        assert!(copying.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn both_directions_are_copied_until_both_end() {
    run(async || {
        let ((mut client, mut a), (mut b, mut server)) = (duplex(10), duplex(10));
        let proxy = ayi::spawn(async move { copy_bidirectional_with_sizes(&mut a, &mut b, 7, 3).await });
        let upload = async {
            client.write_all(&bytes(10_000)).await.unwrap();
            client.shutdown().await.unwrap();
            let mut got = Vec::new();
            client.read_to_end(&mut got).await.unwrap();
            got
        };
        let download = async {
            let mut got = Vec::new();
            server.read_to_end(&mut got).await.unwrap();
            // It has seen the end, and answers all the same.
            server.write_all(&bytes(5_000)).await.unwrap();
            server.shutdown().await.unwrap();
            got
        };
        let (down, up) = ayi::join!(upload, download);
        assert!(up == bytes(10_000) && down == bytes(5_000));
        assert_eq!(proxy.await.unwrap().unwrap(), (10_000, 5_000));
    });
}

#[test]
fn neither_direction_waits_for_the_other() {
    run(async || {
        let ((mut client, mut a), (mut b, mut server)) = (duplex(4), duplex(4));
        let proxy = ayi::spawn(async move { copy_bidirectional(&mut a, &mut b).await });
        // One direction is stuck: nobody reads at the server.
        let stuck = async {
            client.write_all(&bytes(100_000)).await.unwrap();
        };
        let mut stuck = pin!(stuck);
        for _ in 0..100 {
            assert!(poll_once(stuck.as_mut()).is_pending());
            turn().await;
        }
        server.write_all(b"news").await.unwrap();
        turn().await;
        assert!(!proxy.is_finished());
        drop(server);
        assert_eq!(proxy.await.unwrap().unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_buffer_of_nothing_is_refused() {
    let (mut a, mut b) = duplex(4);
    let mut copying = pin!(copy_bidirectional_with_sizes(&mut a, &mut b, 0, 1));
    assert!(catch_unwind(std::panic::AssertUnwindSafe(|| poll_once(copying.as_mut()))).is_err());
}
