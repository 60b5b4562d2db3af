//! tokio-util and tokio-stream.

use futures_util::{FutureExt, SinkExt, StreamExt, TryStreamExt, future};
use std::io::Read;
use std::time::Duration;
use support::{NONE, alone, threads};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::{Instant, interval};
use tokio_stream::StreamMap;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;
use tokio_stream::wrappers::{
    BroadcastStream, IntervalStream, LinesStream, ReceiverStream, TcpListenerStream, WatchStream,
};
use tokio_util::codec::{FramedRead, LinesCodec, LinesCodecError};
use tokio_util::io::{ReaderStream, StreamReader, SyncIoBridge};
use tokio_util::sync::{CancellationToken, PollSender};
use tokio_util::task::{AbortOnDropHandle, LocalPoolHandle, TaskTracker};
use tokio_util::time::DelayQueue;
use util::{ask, echo};

#[test]
fn frames_of_all_sizes_come_back_over_fifty_connections() {
    alone(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async {
            let streams = TcpListenerStream::new(listener).take(50);
            streams.try_for_each_concurrent(None, echo).await
        });
        let sizes: Vec<usize> = (0..100).map(|n| if n == 50 { 1 << 20 } else { n * n }).collect();
        let ask = async |_| ask(TcpStream::connect(address).await.unwrap(), &sizes).await.unwrap();
        future::join_all((0..50).map(ask)).await;
        server.await.unwrap().unwrap();
        assert_eq!(threads(), NONE);
    });
}

#[test]
fn a_line_that_is_too_long_is_an_error_and_the_next_is_read() {
    alone(async || {
        let (mut one, other) = tokio::io::duplex(16);
        let mut lines = FramedRead::new(other, LinesCodec::new_with_max_length(20));
        let write =
            async move { one.write_all(format!("one\r\n{}\nthree", "2".repeat(100)).as_bytes()).await };
        let read = async {
            assert_eq!(lines.next().await.unwrap().unwrap(), "one");
            assert!(matches!(lines.next().await.unwrap(), Err(LinesCodecError::MaxLineLengthExceeded)));
            // FramedRead ends once after an error, and then goes on.
            assert!(lines.next().await.is_none());
            assert_eq!(lines.next().await.unwrap().unwrap(), "three");
            assert!(lines.next().await.is_none());
        };
        let (written, ()) = future::join(write, read).await;
        written.unwrap();
        assert_eq!(threads(), NONE);
    });
}

#[test]
fn a_queue_of_delays_gives_in_order_of_time_what_was_not_removed() {
    alone(async || {
        let mut queue = DelayQueue::new();
        let start = Instant::now();
        let keys: Vec<_> =
            (0..100).map(|n| queue.insert_at(n, start + Duration::from_millis(100 - n))).collect();
        for key in keys.iter().skip(1).step_by(2) {
            queue.remove(key);
        }
        // The first to come is put off to the end.
        queue.reset_at(&keys[98], start + Duration::from_millis(150));
        let mut given = Vec::new();
        while let Some(expired) = queue.next().await {
            assert!(Instant::now() >= expired.deadline());
            given.push(expired.into_inner());
        }
        let expected: Vec<u64> = (0..98).rev().filter(|n| n % 2 == 0).chain([98]).collect();
        assert_eq!(given, expected);
        assert!(start.elapsed() >= Duration::from_millis(150));
        assert_eq!(threads(), NONE);
    });
}

/// io_uring reads what is cached within the call. What it cannot do at once it gives to threads of the kernel's, which
/// are called iou-wrk. Without io_uring, files are read by the blocking pool.
#[test]
fn a_file_is_a_stream_and_a_stream_is_a_reader() {
    alone(async || {
        let path = std::env::temp_dir().join(format!("ecosystem-{}", std::process::id()));
        let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n / 7) as u8).collect();
        let mut file = File::create(&path).await.unwrap();
        file.write_all(&content).await.unwrap();
        file.flush().await.unwrap();
        let pieces = ReaderStream::with_capacity(File::open(&path).await.unwrap(), 10_000);
        let mut read = Vec::new();
        let reader = StreamReader::new(pieces.inspect_ok(|piece| assert!(piece.len() <= 10_000)));
        tokio::pin!(reader);
        reader.read_to_end(&mut read).await.unwrap();
        tokio::fs::remove_file(&path).await.unwrap();
        assert!(read == content);
        let others = threads();
        let is_for_files = |name: &String| name.starts_with("iou-wrk") || name.starts_with("ayi-blocking");
        assert!(others.iter().all(is_for_files), "{others:?}");
    });
}

/// The bridge is for code that blocks, so it is used on the blocking pool.
#[test]
fn code_that_blocks_reads_what_tasks_write() {
    alone(async || {
        let (mut one, other) = tokio::io::duplex(64);
        let mut bridge = SyncIoBridge::new(other);
        let read = tokio::task::spawn_blocking(move || {
            let mut text = String::new();
            bridge.read_to_string(&mut text).map(|_| text)
        });
        let text = "the water boils, ".repeat(1_000);
        one.write_all(text.as_bytes()).await.unwrap();
        drop(one);
        assert!(read.await.unwrap().unwrap() == text);
        assert_eq!(threads(), ["ayi-blocking-0"]);
    });
}

#[test]
fn tasks_are_tracked_told_to_end_and_waited_for() {
    alone(async || {
        let (tracker, token) = (TaskTracker::new(), CancellationToken::new());
        let tasks: Vec<_> = (0..100)
            .map(|n| {
                let child = token.child_token();
                let task = async move { child.run_until_cancelled(future::pending::<()>()).await.is_none() };
                (n, tracker.spawn(task))
            })
            .collect();
        tracker.close();
        assert!(tracker.wait().now_or_never().is_none());
        assert_eq!(tracker.len(), 100);
        drop(token.clone().drop_guard());
        tracker.wait().await;
        for (n, task) in tasks {
            assert!(task.await.unwrap(), "{n}");
        }
        // A task that ends with its handle.
        let (held, mut dropped) = mpsc::channel::<()>(1);
        let task = AbortOnDropHandle::new(tokio::spawn(async move {
            let _held = held;
            future::pending::<()>().await
        }));
        tokio::task::yield_now().await;
        assert!(dropped.try_recv().is_err());
        drop(task);
        assert_eq!(dropped.recv().await, None);
        assert_eq!(threads(), NONE);
    });
}

#[test]
fn a_sink_waits_for_room_in_its_channel() {
    alone(async || {
        let (sender, receiver) = mpsc::channel(1);
        let mut sink = PollSender::new(sender);
        sink.send(0).await.unwrap();
        assert!(sink.feed(1).now_or_never().is_none());
        let sum = tokio::spawn(ReceiverStream::new(receiver).fold(0, async |sum, n: u32| sum + n));
        let mut numbers = futures_util::stream::iter((1..=1_000).map(Ok));
        sink.send_all(&mut numbers).await.unwrap();
        sink.close();
        assert_eq!(sum.await.unwrap(), 500_500);
        assert_eq!(threads(), NONE);
    });
}

#[test]
fn streams_of_all_kinds_are_merged() {
    alone(async || {
        let (broadcast, events) = broadcast::channel(4);
        let (watch, state) = watch::channel(String::from("cold"));
        let lines = LinesStream::new(tokio::io::AsyncBufReadExt::lines(&b"one\ntwo"[..]));
        let mut all = StreamMap::new();
        all.insert(
            "ticks",
            IntervalStream::new(interval(Duration::from_millis(2))).take(3).map(|_| "tick".into()).boxed(),
        );
        all.insert("lines", lines.map(|line| line.unwrap()).boxed());
        all.insert("state", WatchStream::new(state).boxed());
        let event = |event: Result<u32, BroadcastStreamRecvError>| {
            event.map_or_else(|lagged| lagged.to_string(), |n| n.to_string())
        };
        all.insert("events", BroadcastStream::new(events).map(event).boxed());
        // Two more than there is room for.
        for n in 0..6 {
            broadcast.send(n).unwrap();
        }
        drop(broadcast);
        let change = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(3)).await;
            watch.send("hot".into()).unwrap();
        });
        let mut seen: Vec<(&str, String)> = all.collect().await;
        change.await.unwrap();
        // Each stream in its own order.
        seen.sort_by_key(|(name, _)| *name);
        let of = |name| seen.iter().filter(|it| it.0 == name).map(|it| it.1.as_str()).collect::<Vec<_>>();
        assert_eq!(of("events"), ["channel lagged by 2", "2", "3", "4", "5"]);
        assert_eq!(of("lines"), ["one", "two"]);
        assert_eq!(of("state"), ["cold", "hot"]);
        assert_eq!(of("ticks"), ["tick"; 3]);
        assert_eq!(threads(), NONE);
    });
}

#[test]
fn a_stream_that_is_silent_times_out_and_one_that_is_quick_is_slowed() {
    alone(async || {
        use tokio_stream::StreamExt as TokioStreamExt;
        let (sender, receiver) = mpsc::channel(4);
        sender.send(1).await.unwrap();
        let silent = TokioStreamExt::timeout(ReceiverStream::new(receiver), Duration::from_millis(10));
        tokio::pin!(silent);
        assert_eq!(TokioStreamExt::next(&mut silent).await, Some(Ok(1)));
        assert!(TokioStreamExt::next(&mut silent).await.unwrap().is_err());
        sender.send(2).await.unwrap();
        assert_eq!(TokioStreamExt::next(&mut silent).await, Some(Ok(2)));

        let start = Instant::now();
        let slow = TokioStreamExt::throttle(tokio_stream::iter(0..5), Duration::from_millis(5));
        assert_eq!(TokioStreamExt::collect::<Vec<_>>(slow).await, [0, 1, 2, 3, 4]);
        assert!(start.elapsed() >= Duration::from_millis(20));
        assert_eq!(threads(), NONE);
    });
}

/// Here the user asks for threads: two, each with a runtime.
#[test]
fn a_pool_for_tasks_that_stay_has_the_threads_that_it_was_asked_for() {
    alone(async || {
        let pool = LocalPoolHandle::new(2);
        let tasks = (0..10).map(|n| {
            pool.spawn_pinned(move || async move {
                // Not `Send`.
                let shared = std::rc::Rc::new(n);
                tokio::task::yield_now().await;
                *shared
            })
        });
        let done = future::try_join_all(tasks).await.unwrap();
        assert_eq!(done, (0..10).collect::<Vec<_>>());
        assert_eq!(threads().len(), 2, "{:?}", threads());
    });
}
