//! Several tasks that wait for one descriptor: none is lost, and none keeps the others busy.

use crate::support::{Wakes, block_until, connected, poll_once, poll_with, run, turn, waker_fn};
use ayi::io::{AsyncReadExt, AsyncWriteExt, Interest, ReadBuf, unix::AsyncFd};
use ayi::net::{TcpListener, TcpStream};
use ayi::time::{Duration, timeout};
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

fn unix_pair() -> (AsyncFd<UnixStream>, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    (AsyncFd::new(ours).unwrap(), theirs)
}

async fn read_a_byte(fd: &AsyncFd<UnixStream>) -> Option<u8> {
    let mut buf = [0];
    let n = fd.async_io(Interest::READABLE, |mut stream| stream.read(&mut buf)).await.unwrap();
    (n > 0).then_some(buf[0])
}

/// Like with tokio's `AsyncFd`: a guard, an attempt, and again.
async fn read_a_byte_with_guards(fd: &AsyncFd<UnixStream>) -> Option<u8> {
    let mut buf = [0];
    loop {
        let mut guard = fd.readable().await.unwrap();
        if let Ok(result) = guard.try_io(|fd| fd.get_ref().read(&mut buf)) {
            return (result.unwrap() > 0).then_some(buf[0]);
        }
    }
}

#[test]
fn many_tasks_accept_on_one_listener() {
    for accepters in [2, 9, 30] {
        run(async || {
            const CLIENTS: usize = 60;
            let listener = Rc::new(TcpListener::bind("127.0.0.1:0").await.unwrap());
            let addr = listener.local_addr().unwrap();
            let accepted = Rc::new(Cell::new(0));
            let mut tasks: Vec<_> = (0..accepters)
                .map(|_| {
                    let (listener, accepted) = (listener.clone(), accepted.clone());
                    ayi::spawn(async move {
                        loop {
                            let (mut stream, _) = listener.accept().await.unwrap();
                            stream.write_all(b"hello").await.unwrap();
                            accepted.set(accepted.get() + 1);
                        }
                    })
                })
                .collect();
            turn().await;
            // One after the other, then all at once.
            for _ in 0..CLIENTS {
                TcpStream::connect(addr).await.unwrap().read_exact(&mut [0; 5]).await.unwrap();
            }
            let clients: Vec<_> = (0..CLIENTS).map(|_| std::net::TcpStream::connect(addr).unwrap()).collect();
            for client in clients {
                client.set_nonblocking(true).unwrap();
                let mut client = TcpStream::from_std(client).unwrap();
                client.read_exact(&mut [0; 5]).await.unwrap();
            }
            // The latest and the earliest give up.
            for task in [tasks.pop().unwrap(), tasks.remove(0)] {
                TcpStream::connect(addr).await.unwrap();
                task.abort();
            }
            if accepters == 2 {
                listener.accept().await.unwrap();
                return;
            }
            while accepted.get() < 2 * CLIENTS + 2 {
                turn().await;
            }
        });
    }
}

#[test]
fn many_tasks_read_one_byte_each() {
    for readers in [2usize, 8, 9, 40] {
        for guards in [false, true] {
            run(async || {
                let (fd, mut peer) = unix_pair();
                let (fd, read) = (Rc::new(fd), Rc::new(RefCell::new(vec![])));
                let tasks: Vec<_> = (0..readers)
                    .map(|_| {
                        let (fd, read) = (fd.clone(), read.clone());
                        ayi::spawn(async move {
                            let byte = if guards {
                                read_a_byte_with_guards(&fd).await
                            } else {
                                read_a_byte(&fd).await
                            };
                            read.borrow_mut().push(byte);
                        })
                    })
                    .collect();
                turn().await;
                // Half of them are woken one at a time, then the rest at once, except for one, which finds the end.
                for byte in 0..readers / 2 {
                    peer.write_all(&[byte as u8]).unwrap();
                    while read.borrow().len() == byte {
                        turn().await;
                    }
                }
                let rest: Vec<u8> = (readers / 2..readers - 1).map(|byte| byte as u8).collect();
                peer.write_all(&rest).unwrap();
                drop(peer);
                for task in tasks {
                    task.await.unwrap();
                }
                let mut read = read.take();
                read.sort();
                let all = (0..readers - 1).map(|byte| Some(byte as u8));
                assert!(read.into_iter().eq(std::iter::once(None).chain(all)), "{readers} readers");
            });
        }
    }
}

/// Each of these is dropped after the report has woken it and before it was polled.
#[test]
fn a_waiter_that_was_woken_and_is_dropped_keeps_the_report_from_nobody() {
    run(async || {
        let (fd, mut peer) = unix_pair();
        let [(first_wakes, first_waker), (wakes, waker)] = [Wakes::new(), Wakes::new()];
        let mut first = Box::pin(read_a_byte(&fd));
        let mut second = pin!(read_a_byte(&fd));
        assert!(poll_with(first.as_mut(), &first_waker).is_pending());
        assert!(poll_with(second.as_mut(), &waker).is_pending());
        peer.write_all(b"x").unwrap();
        turn().await;
        assert_eq!((first_wakes.count(), wakes.count()), (1, 1));
        drop(first);
        assert_eq!(second.await, Some(b'x'));
    });
}

#[test]
fn a_waiter_that_is_dropped_is_not_woken() {
    // Any of them may be dropped: the one that lies inline, or one of those that follow.
    for dropped in 0..5 {
        run(async || {
            let (fd, mut peer) = unix_pair();
            let mut waiting = vec![];
            for _ in 0..5 {
                let (wakes, waker) = Wakes::new();
                let mut readable = Box::pin(fd.readable());
                assert!(poll_with(readable.as_mut(), &waker).is_pending());
                waiting.push((wakes, readable));
            }
            let (wakes, readable) = waiting.remove(dropped);
            drop(readable);
            assert_eq!(Arc::strong_count(&wakes), 1, "its waker is kept");
            peer.write_all(b"x").unwrap();
            turn().await;
            assert_eq!(wakes.count(), 0);
            for (wakes, mut readable) in waiting {
                assert_eq!(wakes.count(), 1);
                assert!(poll_once(readable.as_mut()).is_ready());
            }
        });
    }
}

#[test]
fn a_time_limit_on_one_of_two_readers() {
    run(async || {
        let (fd, mut peer) = unix_pair();
        let fd = Rc::new(fd);
        let patient = ayi::spawn({
            let fd = fd.clone();
            async move { read_a_byte(&fd).await }
        });
        for _ in 0..5 {
            assert!(timeout(Duration::from_millis(1), read_a_byte(&fd)).await.is_err());
        }
        peer.write_all(b"x").unwrap();
        assert_eq!(patient.await.unwrap(), Some(b'x'));
    });
}

/// A task that is polled again with another waker: only the latest is woken.
#[test]
fn a_waiter_that_moves_to_another_task_is_woken_there() {
    run(async || {
        let (stream, mut peer) = connected();
        let [(old_wakes, old_waker), (wakes, waker)] = [Wakes::new(), Wakes::new()];
        let mut buf = [0];
        let mut read = Box::pin(stream.read(&mut buf));
        assert!(poll_with(read.as_mut(), &old_waker).is_pending());
        assert!(poll_with(read.as_mut(), &waker).is_pending());
        peer.write_all(b"x").unwrap();
        block_until(&stream, libc::POLLIN);
        turn().await;
        assert_eq!((old_wakes.count(), wakes.count()), (0, 1));
    });
}

/// The callers of `poll_…` functions cannot withdraw. None is lost, and none spins.
#[test]
#[cfg_attr(faults, ignore = "faults change what is counted")]
fn many_tasks_poll_one_stream() {
    for count in [1, 8, 9, 30, 64, 65, 66, 100, 1000] {
        run(async || {
            let (stream, mut peer) = connected();
            let (stream, polls) = (Rc::new(stream), Rc::new(Cell::new(0)));
            let mut tasks = vec![];
            for _ in 0..count {
                let (stream, polls) = (stream.clone(), polls.clone());
                tasks.push(ayi::spawn(poll_fn(move |cx| {
                    polls.set(polls.get() + 1);
                    stream.poll_peek(cx, &mut ReadBuf::new(&mut [0]))
                })));
            }
            for _ in 0..10 + count / 10 {
                turn().await;
            }
            // Those beyond 64 may be woken once, to find out which are still there.
            let most = if count <= 64 { count } else { 2 * count };
            assert!(polls.get() <= most, "{} polls of {count} tasks while nothing happens", polls.get());
            let rest = polls.get();
            for _ in 0..20 {
                turn().await;
            }
            assert_eq!(polls.get(), rest, "{count} tasks do not come to rest");
            peer.write_all(b"x").unwrap();
            for task in tasks {
                assert_eq!(task.await.unwrap().unwrap(), 1);
            }
            assert!(polls.get() <= 4 * count, "{} polls of {count} tasks", polls.get());
        });
    }
}

/// A combinator that polls with a new waker each time looks like many tasks. The wakers it has left are forgotten in
/// time. It is woken now and then for nothing, but not as often as it polls.
#[test]
#[cfg_attr(faults, ignore = "faults change what is counted")]
fn one_task_polls_with_another_waker_each_time() {
    run(async || {
        // Each poll looks through all wakers that are kept, which takes long under a sanitizer.
        const POLLS: usize = if cfg!(uncached) { 6_000 } else { 20_000 };
        let (stream, mut peer) = connected();
        let (alive, wakes) = (Arc::new(()), Arc::new(AtomicUsize::new(0)));
        let wait = || {
            let (wakes, _alive) = (wakes.clone(), alive.clone());
            let fresh = waker_fn(move || {
                let _ = &_alive;
                wakes.fetch_add(1, Ordering::SeqCst);
            });
            stream.poll_peek(&mut Context::from_waker(&fresh), &mut ReadBuf::new(&mut [0]))
        };
        turn().await;
        for polls_per_turn in [1, 50, POLLS] {
            for poll in 0..if polls_per_turn == 1 { 2_000 } else { POLLS / 2 } {
                assert!(wait().is_pending());
                if poll % polls_per_turn == 0 {
                    turn().await;
                }
            }
            let kept = Arc::strong_count(&alive) - 1;
            assert!(kept <= if polls_per_turn == 1 { 200 } else { 9000 }, "{kept} wakers are kept");
        }
        let kept = Arc::strong_count(&alive) - 1;
        assert!(wakes.load(Ordering::SeqCst) <= 2_000 + POLLS);
        let before = wakes.load(Ordering::SeqCst);
        for _ in 0..10 {
            turn().await;
        }
        assert_eq!(wakes.load(Ordering::SeqCst), before, "nothing happens, and somebody is woken");
        // The latest one is among those that the report wakes.
        peer.write_all(b"x").unwrap();
        block_until(&stream, libc::POLLIN);
        turn().await;
        assert_eq!(wakes.load(Ordering::SeqCst), before + kept);
        assert_eq!(Arc::strong_count(&alive), 1, "wakers are kept after the report");
        assert!(wait().is_ready());
    });
}

/// Both kinds at once: tasks with a waker each, and one task with many. None of the tasks is lost, or woken twice for
/// nothing.
#[test]
#[cfg_attr(faults, ignore = "faults change what is counted")]
fn many_tasks_poll_beside_one_with_another_waker_each_time() {
    run(async || {
        let (stream, mut peer) = connected();
        let polls: Vec<_> = (0..200).map(|_| Wakes::new()).collect();
        let poll = |waker: &std::task::Waker| {
            stream.poll_peek(&mut Context::from_waker(waker), &mut ReadBuf::new(&mut [0]))
        };
        turn().await;
        let mut seen = vec![0; polls.len()];
        for round in 0..3000 {
            if let Some((_, waker)) = polls.get(round) {
                assert!(poll(waker).is_pending());
            }
            assert!(poll(&waker_fn(|| {})).is_pending());
            // Each that was woken polls again.
            for ((wakes, waker), seen) in polls.iter().zip(&mut seen) {
                if std::mem::replace(seen, wakes.count()) < wakes.count() {
                    assert!(poll(waker).is_pending());
                }
            }
        }
        assert!(polls.iter().all(|(wakes, _)| wakes.count() <= 1), "woken for nothing more than once");
        peer.write_all(b"x").unwrap();
        block_until(&stream, libc::POLLIN);
        turn().await;
        for ((wakes, _), before) in polls.iter().zip(seen) {
            assert_eq!(wakes.count(), before + 1, "a task is lost");
        }
    });
}

/// The same for tasks whose wakers are another executor's: it is not known when they have polled.
#[test]
#[cfg_attr(faults, ignore = "faults change what is counted")]
fn many_tasks_of_another_executor_poll_one_stream() {
    for count in [65, 200, 1000, 3000] {
        run(async || {
            let (stream, mut peer) = connected();
            turn().await;
            let tasks: Vec<_> = (0..count).map(|_| Wakes::new()).collect();
            let mut polled_at = vec![None; count];
            let mut polls = 0;
            // First in, first out, and some 61 polls a turn.
            for _round in 0..10 {
                for ((wakes, waker), polled_at) in tasks.iter().zip(&mut polled_at) {
                    if *polled_at != Some(wakes.count()) {
                        *polled_at = Some(wakes.count());
                        assert!(
                            stream
                                .poll_peek(&mut Context::from_waker(waker), &mut ReadBuf::new(&mut [0]))
                                .is_pending()
                        );
                        polls += 1;
                        if polls % 61 == 0 {
                            turn().await;
                        }
                    }
                }
            }
            let rests =
                tasks.iter().zip(&polled_at).all(|((wakes, _), polled)| *polled == Some(wakes.count()));
            assert!(rests, "{count} tasks do not come to rest");
            assert!(polls <= 4 * count, "{polls} polls of {count} tasks");
            peer.write_all(b"x").unwrap();
            block_until(&stream, libc::POLLIN);
            turn().await;
            let all = tasks.iter().zip(&polled_at).all(|((wakes, _), polled)| Some(wakes.count()) > *polled);
            assert!(all, "one of {count} is lost");
        });
    }
}

/// The wakers that are sifted are foreign code: they call back, or panic.
#[test]
#[cfg_attr(faults, ignore = "faults change what is counted")]
fn wakers_that_do_something_when_they_are_sifted() {
    type Action = fn(&RefCell<Option<TcpStream>>);
    let actions: [Action; 2] = [
        |stream| {
            let stream = stream.borrow();
            let again = Wakes::new().1;
            let _ = stream
                .as_ref()
                .unwrap()
                .poll_peek(&mut Context::from_waker(&again), &mut ReadBuf::new(&mut [0]));
        },
        |_| panic!("from a waker"),
    ];
    thread_local! {
        static STREAM: RefCell<Option<TcpStream>> = const { RefCell::new(None) };
    }
    for action in actions {
        run(async || {
            let (stream, _peer) = connected();
            turn().await;
            let stream = Rc::new(RefCell::new(Some(stream)));
            STREAM.replace(stream.borrow_mut().take());
            for _ in 0..300 {
                let waker = waker_fn(move || STREAM.with(action));
                STREAM.with_borrow(|stream| {
                    if let Some(stream) = stream {
                        assert!(
                            stream
                                .poll_peek(&mut Context::from_waker(&waker), &mut ReadBuf::new(&mut [0]))
                                .is_pending()
                        );
                    }
                });
            }
            STREAM.take();
        });
    }
}

/// A report about one direction does not concern the tasks that wait for the other.
#[test]
#[cfg_attr(faults, ignore = "there are false reports")]
fn readers_are_not_woken_by_room_to_write() {
    run(async || {
        let (stream, mut peer) = connected();
        let [(reads, reader), (writes, writer)] = [Wakes::new(), Wakes::new()];
        let mut readable = pin!(stream.readable());
        assert!(poll_with(readable.as_mut(), &reader).is_pending());
        while stream.try_write(&[0; 65536]).is_ok() {}
        let mut writable = pin!(stream.writable());
        // It is writable at first: this was reported once, and found to be wrong.
        assert!(poll_with(writable.as_mut(), &writer).is_pending());
        turn().await;
        let (reads_before, writes_before) = (reads.count(), writes.count());
        // The kernel needs a few of them before it reports.
        let mut buf = vec![0; 1 << 20];
        while writes.count() == writes_before {
            assert_ne!(peer.read(&mut buf).unwrap(), 0);
            turn().await;
        }
        assert_eq!((reads_before, reads.count()), (0, 0));
        peer.write_all(b"x").unwrap();
        readable.await.unwrap();
        assert_eq!(stream.try_read(&mut [0; 8]).unwrap(), 1);
    });
}

/// A task that is woken for something else and does not look at the socket finds it ready later, without a new report.
#[test]
#[cfg_attr(faults, ignore = "what is ready is not had at once")]
fn readiness_that_nobody_looked_at_is_kept() {
    run(async || {
        let (stream, mut peer) = connected();
        let (wakes, waker) = Wakes::new();
        let mut buf = [0; 8];
        assert!(poll_with(pin!(stream.read(&mut buf)), &waker).is_pending());
        peer.write_all(b"abc").unwrap();
        block_until(&stream, libc::POLLIN);
        for _ in 0..5 {
            turn().await;
        }
        assert_eq!(wakes.count(), 0, "the future was dropped");
        let mut readable = pin!(stream.readable());
        assert!(poll_once(readable.as_mut()).is_ready());
        assert!(matches!(poll_once(pin!(stream.read(&mut buf))), Poll::Ready(Ok(3))));
    });
}

/// A reader and a writer, each in a task of its own, share a stream.
#[test]
fn a_reader_and_a_writer_in_two_tasks() {
    run(async || {
        const ROUNDS: u32 = 2000;
        let (stream, peer) = connected();
        let stream = Rc::new(stream);
        peer.set_nonblocking(true).unwrap();
        let peer = TcpStream::from_std(peer).unwrap();
        let echo = ayi::spawn(async move { ayi::io::copy(&mut &peer, &mut &peer).await.unwrap() });
        let writer = ayi::spawn({
            let stream = stream.clone();
            async move {
                for round in 0..ROUNDS {
                    (&mut &*stream).write_all(&round.to_be_bytes()).await.unwrap();
                }
                stream.shutdown_now(std::net::Shutdown::Write).unwrap();
            }
        });
        let reader = ayi::spawn(async move {
            let mut buf = [0; 4];
            for round in 0..ROUNDS {
                (&mut &*stream).read_exact(&mut buf).await.unwrap();
                assert_eq!(u32::from_be_bytes(buf), round);
            }
            assert_eq!(stream.read(&mut buf).await.unwrap(), 0);
        });
        writer.await.unwrap();
        reader.await.unwrap();
        assert_eq!(echo.await.unwrap(), u64::from(ROUNDS) * 4);
    });
}

/// A future waits for both directions at once, as a select does, and is woken for each.
#[test]
#[cfg_attr(faults, ignore = "there are false reports")]
fn one_task_waits_for_both_directions() {
    run(async || {
        let (stream, mut peer) = connected();
        while stream.try_write(&[0; 65536]).is_ok() {}
        let (wakes, waker) = Wakes::new();
        let (mut readable, mut writable) = (pin!(stream.readable()), pin!(stream.writable()));
        let mut poll = |cx: &mut Context<'_>| {
            (readable.as_mut().poll(cx).is_ready(), writable.as_mut().poll(cx).is_ready())
        };
        let mut cx = Context::from_waker(&waker);
        assert_eq!(poll(&mut cx), (false, false));
        peer.write_all(b"x").unwrap();
        block_until(&stream, libc::POLLIN);
        turn().await;
        assert!(wakes.count() >= 1);
        assert_eq!(poll(&mut cx), (true, false));
    });
}
