//! Sockets go to the runtime whose task polls them.

use super::guests::{KINDS, Pair, made_in, open, running};
use crate::support::{Wakes, connected, foreign_block_on, poll_once, poll_with, watched};
use ayi::io::AsyncWriteExt;
use ayi::net::{TcpListener, TcpStream};
use ayi::runtime::{Builder, Handle, Runtime};
use ayi::sync::oneshot;
use std::future::{Future, poll_fn};
use std::io::{Read, Write};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::thread;

/// Waits until the runtime, which runs on another thread, has handled the messages that it has.
fn settled(handle: &Handle) {
    made_in(handle, || ());
}

/// Counts how often a future is polled.
async fn counted<F: Future>(polls: &AtomicUsize, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        polls.fetch_add(1, Relaxed);
        future.as_mut().poll(cx)
    })
    .await
}

#[test]
fn each_kind_goes_from_a_runtime_that_runs_to_another() {
    watched(|| {
        for (name, make) in KINDS {
            let ((from, _from), (to, _to)) = (running(), running());
            let Pair { waits, act } = made_in(&from, move || {
                let mut pair = make();
                assert!(poll_once(pair.waits.as_mut()).is_pending(), "{name}");
                pair
            });
            let waits = made_in(&to, move || {
                let mut waits = waits;
                assert!(poll_once(waits.as_mut()).is_pending(), "{name}");
                waits
            });
            settled(&from);
            assert_eq!((open(&from), open(&to)), (0, 1), "{name}");
            let waits = to.spawn(waits);
            act();
            foreign_block_on(waits).unwrap().unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    });
}

/// It has become ready before it goes: the old runtime may have heard of that, or not.
#[test]
fn what_is_ready_when_it_goes_is_reported_anew() {
    watched(|| {
        for (name, make) in KINDS {
            for has_turned in [false, true] {
                let (rt, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
                let Pair { mut waits, act } = rt.block_on(async {
                    let mut pair = make();
                    assert!(poll_once(pair.waits.as_mut()).is_pending(), "{name}");
                    pair
                });
                act();
                if has_turned {
                    rt.block_on(ayi::time::sleep(std::time::Duration::from_millis(1)));
                }
                other.block_on(async {
                    // The first poll only has to wait, as one that has tried just before it became ready.
                    waits.as_mut().await.unwrap_or_else(|error| panic!("{name}: {error}"));
                });
            }
        }
    });
}

/// Both wait all the time, each in its own runtime, and so neither may take the socket from the other.
#[test]
fn two_halves_wait_in_two_runtimes() {
    watched(|| {
        let ((one, _one), (two, _two)) = (running(), running());
        let (stream, mut peer) = made_in(&one, connected);
        while stream.try_write(&[0; 65536]).is_ok() {}
        let filled = made_in(&one, {
            let stream = Arc::new(stream);
            move || stream
        });
        let polls = Arc::new(AtomicUsize::new(0));
        let (reader, writer) = (filled.clone(), filled);
        let count = polls.clone();
        let reads = one.spawn(async move { counted(&count, reader.read(&mut [0; 8])).await.unwrap() });
        let count = polls.clone();
        let writes = two.spawn(async move { counted(&count, writer.write(b"x")).await.unwrap() });
        // Both have had every chance to disturb each other.
        for _ in 0..50 {
            settled(&one);
            settled(&two);
        }
        assert!(polls.load(Relaxed) < 10, "{} polls", polls.load(Relaxed));
        peer.write_all(b"tea").unwrap();
        assert_eq!(foreign_block_on(reads).unwrap(), 3);
        let drains = thread::spawn(move || {
            let mut buf = vec![0; 65536];
            while !matches!(peer.read(&mut buf), Ok(0) | Err(_)) {}
        });
        assert_eq!(foreign_block_on(writes).unwrap(), 1);
        drains.join().unwrap();
    });
}

#[test]
fn many_runtimes_accept_from_one_listener() {
    const CONNECTIONS: usize = 300;
    watched(|| {
        let runtimes: Vec<_> = (0..3).map(|_| running()).collect();
        let listener = made_in(&runtimes[0].0, || {
            let std = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            std.set_nonblocking(true).unwrap();
            Arc::new(TcpListener::from_std(std).unwrap())
        });
        let address = listener.local_addr().unwrap();
        let (told, accepted) = mpsc::channel();
        let tasks: Vec<_> = runtimes
            .iter()
            .map(|(handle, _)| {
                let (listener, told) = (listener.clone(), told.clone());
                handle.spawn(async move {
                    loop {
                        let (stream, _) = listener.accept().await.unwrap();
                        if told.send(stream).is_err() {
                            return;
                        }
                    }
                })
            })
            .collect();
        for _ in 0..CONNECTIONS {
            let _peer = std::net::TcpStream::connect(address).unwrap();
            drop(accepted.recv().unwrap());
        }
        tasks.iter().for_each(|task| task.abort());
    });
}

/// What waits in the runtime that the socket has left is woken, and finds it in the other one.
#[test]
fn who_waits_in_a_runtime_that_nobody_is_in_is_told_when_that_goes_on() {
    watched(|| {
        let (rt, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
        let (stream, mut peer) = rt.block_on(async { connected() });
        let stream = Arc::new(stream);
        let theirs = stream.clone();
        let waits = rt.spawn(async move { theirs.read(&mut [0; 1]).await.unwrap() });
        rt.block_on(ayi::task::yield_now());
        peer.write_all(b"x").unwrap();
        assert_eq!(other.block_on(stream.read(&mut [0; 8])).unwrap(), 1);
        other.block_on(async { assert!(poll_once(pin!(stream.readable())).is_pending()) });
        peer.write_all(b"y").unwrap();
        assert_eq!(rt.block_on(waits).unwrap(), 1);
    });
}

#[test]
fn what_waits_where_a_socket_was_is_woken_when_it_is_dropped_elsewhere() {
    watched(|| {
        let ((from, _from), (to, _to)) = (running(), running());
        let (stream, _peer) = made_in(&from, connected);
        let stream = Arc::new(stream);
        let (wakes, waker) = Wakes::new();
        let (theirs, held) = (stream.clone(), waker.clone());
        made_in(&from, move || {
            assert!(poll_with(pin!(theirs.readable()), &held).is_pending());
        });
        made_in(&to, move || {
            assert!(poll_once(pin!(stream.readable())).is_pending());
            drop(stream);
        });
        settled(&from);
        settled(&to);
        assert_eq!((open(&from), open(&to)), (0, 0));
        drop(waker);
        assert_eq!(Arc::strong_count(&wakes), 1, "a waker is kept");
    });
}

/// Each stream is read in one runtime after the other, while its peer writes all the time. Each byte is checked.
#[test]
fn streams_go_round_while_they_are_written_to() {
    const STREAMS: usize = 20;
    const BYTES: usize = 300;
    watched(|| {
        let runtimes: Vec<_> = (0..3).map(|_| running()).collect();
        let handles: Vec<Handle> = runtimes.iter().map(|(handle, _)| handle.clone()).collect();
        let mut streams = Vec::new();
        let mut peers = Vec::new();
        for _ in 0..STREAMS {
            let (stream, peer) = made_in(&handles[0], connected);
            streams.push(stream);
            peers.push(peer);
        }
        let writes = thread::spawn(move || {
            for byte in 0..BYTES {
                for peer in &mut peers {
                    peer.write_all(&[byte as u8]).unwrap();
                }
            }
            peers
        });
        let (done, all) = mpsc::channel();
        for (at, stream) in streams.into_iter().enumerate() {
            go_round(handles.clone(), at, stream, 0, done.clone());
        }
        for _ in 0..STREAMS {
            all.recv().unwrap();
        }
        drop(writes.join().unwrap());
    });

    fn go_round(handles: Vec<Handle>, at: usize, stream: TcpStream, next: usize, done: mpsc::Sender<()>) {
        if next == BYTES {
            return done.send(()).unwrap();
        }
        let here = handles[at % handles.len()].clone();
        here.spawn(async move {
            let mut buf = [0];
            assert_eq!(stream.read(&mut buf).await.unwrap(), 1);
            assert_eq!(buf[0], next as u8);
            go_round(handles, at + 1, stream, next + 1, done);
        });
    }
}

#[test]
fn a_future_that_has_begun_to_read_goes_on_in_the_next_runtime() {
    watched(|| {
        let ((from, _from), (to, _to)) = (running(), running());
        let (stream, mut peer) = made_in(&from, connected);
        let (told, asked) = oneshot::channel::<()>();
        let mut read = Box::pin(async move {
            let mut stream = stream;
            let mut buf = [0; 3];
            ayi::io::AsyncReadExt::read_exact(&mut stream, &mut buf).await.unwrap();
            stream.write_all(&buf).await.unwrap();
            drop(told);
        });
        peer.write_all(b"t").unwrap();
        read = made_in(&from, move || {
            assert!(poll_once(read.as_mut()).is_pending());
            read
        });
        let task = to.spawn(read);
        peer.write_all(b"ea").unwrap();
        let mut answer = [0; 3];
        peer.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"tea");
        foreign_block_on(task).unwrap();
        assert!(foreign_block_on(asked).is_err());
    });
}

/// Their numbers are given by two threads that have given none before.
#[test]
fn a_future_of_another_runtime_takes_nobody_elses_place() {
    watched(|| {
        let (stream, mut peer) = Runtime::new().unwrap().block_on(async { connected() });
        let stream = Arc::new(stream);
        let theirs = stream.clone();
        let first = thread::spawn(move || {
            let rt = Runtime::new().unwrap();
            let mut first = Box::pin(async move { theirs.read(&mut [0; 8]).await.map(drop) });
            rt.block_on(async { assert!(poll_once(first.as_mut()).is_pending()) });
            (rt, first)
        });
        let (_rt, first) = first.join().unwrap();
        let second = thread::spawn(move || {
            Runtime::new().unwrap().block_on(async {
                let ((wakes, waker), mut buf) = (Wakes::new(), [0; 8]);
                let mut second = pin!(stream.read(&mut buf));
                assert!(poll_with(second.as_mut(), &waker).is_pending());
                drop(first);
                peer.write_all(b"tea").unwrap();
                while wakes.count() == 0 {
                    ayi::task::yield_now().await;
                }
                assert_eq!(second.await.unwrap(), 3);
            });
        });
        second.join().unwrap();
    });
}

/// A loop within another one's poll on the same thread: nobody turns the outer one meanwhile.
#[test]
fn a_socket_of_the_outer_runtime_is_read_in_the_inner() {
    watched(|| {
        let rt = Builder::new_multi_thread().enable_all().build().unwrap();
        rt.block_on(async {
            let (stream, mut peer) = connected();
            let mut outer = pin!(stream.readable());
            assert!(poll_once(outer.as_mut()).is_pending());
            ayi::task::block_in_place(|| {
                let inner = Runtime::new().unwrap();
                inner.block_on(async {
                    let mut read = pin!(async { stream.read(&mut [0; 8]).await.unwrap() });
                    assert_eq!(poll_once(read.as_mut()), Poll::Pending);
                    peer.write_all(b"tea").unwrap();
                    assert_eq!(read.await, 3);
                });
            });
            peer.write_all(b"tea").unwrap();
            outer.await.unwrap();
        });
    });
}
