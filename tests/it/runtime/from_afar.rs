//! Timers and sockets of a runtime, polled by other executors on other threads.

use crate::support::{connected, foreign_block_on, poll_once, watched};
use ayi::net::TcpStream;
use ayi::runtime::{Builder, Runtime};
use ayi::time::{Instant, sleep, sleep_until};
use std::io::{Read, Write};
use std::pin::{Pin, pin};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(2);

/// Runs a runtime on a thread until the guard is dropped, and returns its handle.
fn running() -> (ayi::runtime::Handle, impl Drop) {
    struct Stop(Option<(ayi::runtime::CancellationToken, thread::JoinHandle<()>)>);
    impl Drop for Stop {
        fn drop(&mut self) {
            let (token, thread) = self.0.take().unwrap();
            token.cancel();
            thread.join().unwrap();
        }
    }
    let (told, news) = mpsc::channel();
    let token = ayi::runtime::CancellationToken::new();
    let theirs = token.clone();
    let thread = thread::spawn(move || {
        let rt = Runtime::new().unwrap();
        told.send(rt.handle().clone()).unwrap();
        rt.block_on(theirs.cancelled());
    });
    (news.recv().unwrap(), Stop(Some((token, thread))))
}

/// A stream that has waited in the runtime of `handle`.
fn waited(handle: &ayi::runtime::Handle) -> (TcpStream, std::net::TcpStream) {
    let task = handle.spawn(async {
        let (stream, peer) = connected();
        assert!(poll_once(pin!(stream.readable())).is_pending());
        (stream, peer)
    });
    foreign_block_on(task).unwrap()
}

#[test]
fn a_timer_that_was_made_in_a_runtime_fires_in_any_executor() {
    watched(|| {
        let (handle, _running) = running();
        let timer = foreign_block_on(handle.spawn(async { (sleep(SHORT), Instant::now()) })).unwrap();
        let (timer, start) = timer;
        foreign_block_on(timer);
        assert!(start.elapsed() >= SHORT);
    });
}

#[test]
fn a_timer_that_was_made_with_only_a_handle_entered_fires() {
    watched(|| {
        let (handle, _running) = running();
        let (timer, start) = {
            let _inside = handle.enter();
            (sleep(SHORT), Instant::now())
        };
        foreign_block_on(timer);
        assert!(start.elapsed() >= SHORT);
        let _inside = handle.enter();
        foreign_block_on(async {
            let mut timer = sleep(Duration::from_secs(3600));
            assert!(poll_once(Pin::new(&mut timer)).is_pending());
            Pin::new(&mut timer).reset(Instant::now() + SHORT);
            timer.await;
        });
    });
}

#[test]
fn a_timer_that_is_given_up_from_afar_leaves_the_wheel() {
    watched(|| {
        let (handle, _running) = running();
        let mut timers: Vec<_> = {
            let _inside = handle.enter();
            (0..10).map(|_| sleep(Duration::from_secs(3600))).collect()
        };
        timers.iter_mut().for_each(|timer| assert!(poll_once(Pin::new(timer)).is_pending()));
        let count = || {
            // Messages are read in their order. The wheel's length is noted once a turn.
            foreign_block_on(handle.spawn(async { sleep(SHORT).await })).unwrap();
            handle.metrics().num_timers()
        };
        while count() < 10 {}
        drop(timers);
        while count() > 0 {}
    });
}

#[test]
#[should_panic(expected = "has been shut down")]
fn a_timer_whose_runtime_ends_while_it_waits_from_afar_panics() {
    watched(|| {
        let (handle, running) = running();
        let timer = {
            let _inside = handle.enter();
            sleep_until(Instant::now() + Duration::from_secs(3600))
        };
        thread::scope(|scope| {
            let waits = scope.spawn(|| foreign_block_on(timer));
            drop(running);
            if let Err(panic) = waits.join() {
                std::panic::resume_unwind(panic);
            }
        });
    });
}

#[test]
fn a_stream_that_has_waited_in_a_runtime_is_read_in_any_executor() {
    watched(|| {
        let (handle, _running) = running();
        let (stream, mut peer) = waited(&handle);
        thread::scope(|scope| {
            scope.spawn(|| {
                foreign_block_on(async {
                    for round in 0..100 {
                        let mut buf = [0];
                        assert_eq!(stream.read(&mut buf).await.unwrap(), 1);
                        assert_eq!(buf, [round]);
                        stream.readable().await.unwrap();
                        assert_eq!(stream.read(&mut buf).await.unwrap(), 1);
                        assert_eq!(stream.write(b"x").await.unwrap(), 1);
                    }
                    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
                });
            });
            for round in 0..100 {
                peer.write_all(&[round]).unwrap();
                peer.write_all(&[round]).unwrap();
                peer.read_exact(&mut [0]).unwrap();
            }
            peer.shutdown(std::net::Shutdown::Write).unwrap();
        });
    });
}

#[test]
fn a_stream_waits_in_its_own_runtime_for_a_task_of_another() {
    watched(|| {
        let (handle, _running) = running();
        let (stream, mut peer) = waited(&handle);
        let other = Runtime::new().unwrap();
        other.block_on(async {
            let read = ayi::spawn(async move { stream.read(&mut [0; 8]).await.unwrap() });
            ayi::task::yield_now().await;
            peer.write_all(b"tea").unwrap();
            assert_eq!(read.await.unwrap(), 3);
        });
    });
}

#[test]
fn a_runtime_in_the_background_serves_other_executors_also_without_tasks() {
    watched(|| {
        let rt = Builder::new_multi_thread().build().unwrap();
        let (timer, (stream, mut peer)) = rt.block_on(async {
            let (stream, peer) = connected();
            assert!(poll_once(pin!(stream.readable())).is_pending());
            (sleep(SHORT), (stream, peer))
        });
        thread::scope(|scope| {
            scope.spawn(move || foreign_block_on(timer));
            scope.spawn(|| assert_eq!(foreign_block_on(stream.read(&mut [0; 8])).unwrap(), 3));
            peer.write_all(b"tea").unwrap();
        });
    });
}

#[test]
fn a_stream_whose_runtime_ends_while_it_waits_from_afar_says_so() {
    watched(|| {
        let (handle, running) = running();
        let (stream, _peer) = waited(&handle);
        thread::scope(|scope| {
            let waits = scope.spawn(|| foreign_block_on(stream.read(&mut [0])));
            drop(running);
            let error = waits.join().unwrap().unwrap_err();
            assert!(ayi::runtime::is_rt_shutdown_err(&error), "{error}");
        });
    });
}
