//! Channels, locks and combinators of other crates, which know nothing of this runtime: they work here as they are,
//! between tasks and between threads.

use crate::support::{run, turn};
use ayi::runtime::Handle;
use ayi::task::{JoinSet, spawn_blocking, yield_now};
use ayi::time::{Duration, timeout};
use futures::StreamExt;
use futures_lite::future::block_on as foreign_block_on;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

const MESSAGES: u64 = 2_000;
const SUM: u64 = MESSAGES * (MESSAGES - 1) / 2;

#[test]
fn mpsc_of_tokio() {
    run(async || {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(8);
        let (here, there) = (sender.clone(), sender);
        ayi::spawn(async move {
            for n in 0..MESSAGES {
                here.send(n).await.unwrap();
            }
        });
        let thread = thread::spawn(move || {
            for n in 0..MESSAGES {
                there.blocking_send(n).unwrap();
            }
        });
        let mut sum = 0;
        while let Some(n) = receiver.recv().await {
            sum += n;
        }
        assert_eq!(sum, 2 * SUM);
        thread.join().unwrap();
    });
}

#[test]
fn oneshot_broadcast_and_watch_of_tokio() {
    run(async || {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let (publish, mut news) = tokio::sync::broadcast::channel(16);
        let (set, mut seen) = tokio::sync::watch::channel(0);
        let mut late = publish.subscribe();
        let reader = ayi::spawn(async move {
            let mut sum = 0;
            while let Ok(n) = news.recv().await {
                sum += n;
            }
            answer.send(sum).unwrap();
        });
        let thread = thread::spawn(move || {
            for n in 1..=10 {
                publish.send(n).unwrap();
                set.send_replace(n);
            }
        });
        assert_eq!(answered.await.unwrap(), 55);
        while *seen.borrow_and_update() < 10 {
            seen.changed().await.unwrap();
        }
        assert_eq!(late.recv().await.unwrap(), 1);
        thread.join().unwrap();
        reader.await.unwrap();
    });
}

#[test]
fn locks_of_tokio() {
    run(async || {
        let (mutex, shared) = (Arc::new(tokio::sync::Mutex::new(0)), Arc::new(tokio::sync::RwLock::new(0)));
        let semaphore = Arc::new(tokio::sync::Semaphore::new(2));
        let inside = Rc::new(Cell::new(0));
        let mut tasks = JoinSet::new();
        for _ in 0..50 {
            let (mutex, shared, semaphore, inside) =
                (mutex.clone(), shared.clone(), semaphore.clone(), inside.clone());
            tasks.spawn(async move {
                let _permit = semaphore.acquire().await.unwrap();
                inside.set(inside.get() + 1);
                assert!(inside.get() <= 2);
                let mut count = mutex.lock().await;
                yield_now().await;
                *count += 1;
                drop(count);
                *shared.write().await += 1;
                inside.set(inside.get() - 1);
            });
        }
        let there = mutex.clone();
        let thread = thread::spawn(move || *there.blocking_lock() += 1);
        tasks.join_all().await;
        spawn_blocking(|| thread.join().unwrap()).await.unwrap();
        assert_eq!((*mutex.lock().await, *shared.read().await), (51, 50));
    });
}

#[test]
fn notify_and_barrier_of_tokio() {
    run(async || {
        let (notify, barrier) =
            (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Barrier::new(3)));
        let mut tasks = JoinSet::new();
        for _ in 0..3 {
            let (notify, barrier) = (notify.clone(), barrier.clone());
            tasks.spawn(async move {
                notify.notified().await;
                barrier.wait().await.is_leader()
            });
        }
        turn().await;
        let there = notify.clone();
        thread::spawn(move || there.notify_waiters()).join().unwrap();
        let leaders = tasks.join_all().await.into_iter().filter(|leads| *leads).count();
        assert_eq!(leaders, 1);
    });
}

#[test]
fn async_channel() {
    run(async || {
        let (sender, receiver) = async_channel::bounded(4);
        let handle = Handle::current();
        let there = receiver.clone();
        // One reader is a task of this runtime, and one is a thread of its own.
        let thread = thread::spawn(move || {
            let mut sum = 0;
            while let Ok(n) = there.recv_blocking() {
                sum += n;
            }
            sum
        });
        let reader = handle.spawn(async move {
            let mut sum = 0;
            while let Ok(n) = receiver.recv().await {
                sum += n;
            }
            sum
        });
        for n in 0..MESSAGES {
            sender.send(n).await.unwrap();
        }
        drop(sender);
        assert_eq!(reader.await.unwrap() + spawn_blocking(|| thread.join().unwrap()).await.unwrap(), SUM);
    });
}

#[test]
fn async_lock() {
    run(async || {
        let mutex = Arc::new(async_lock::Mutex::new(0));
        let barrier = Arc::new(async_lock::Barrier::new(11));
        let mut tasks = JoinSet::new();
        for _ in 0..10 {
            let (mutex, barrier) = (mutex.clone(), barrier.clone());
            tasks.spawn(async move {
                for _ in 0..100 {
                    *mutex.lock().await += 1;
                    yield_now().await;
                }
                barrier.wait().await;
            });
        }
        let there = mutex.clone();
        let thread = thread::spawn(move || {
            for _ in 0..1000 {
                *there.lock_blocking() += 1;
            }
        });
        barrier.wait().await;
        spawn_blocking(|| thread.join().unwrap()).await.unwrap();
        assert_eq!(*mutex.lock().await, 2000);
    });
}

#[test]
fn flume() {
    run(async || {
        let (sender, receiver) = flume::bounded(4);
        let thread = thread::spawn(move || {
            for n in 0..MESSAGES {
                sender.send(n).unwrap();
            }
        });
        let mut sum = 0;
        while let Ok(n) = receiver.recv_async().await {
            sum += n;
        }
        assert_eq!(sum, SUM);
        thread.join().unwrap();
    });
}

#[test]
fn channels_and_combinators_of_futures() {
    use futures::channel::{mpsc, oneshot};
    use futures::future::{Either, join_all, select};
    use futures::stream::FuturesUnordered;
    use futures::{SinkExt, TryFutureExt};
    run(async || {
        let (mut sender, receiver) = mpsc::channel(4);
        let thread = thread::spawn(move || {
            foreign_block_on(async move {
                for n in 0..MESSAGES {
                    sender.send(n).await.unwrap();
                }
            });
        });
        assert_eq!(receiver.fold(0, async |sum, n| sum + n).await, SUM);
        thread.join().unwrap();

        let (answer, answered) = oneshot::channel();
        ayi::spawn(async move { answer.send(7).unwrap() });
        assert_eq!(answered.map_ok(|n| n + 1).await, Ok(8));

        let mut unordered: FuturesUnordered<_> = (0..100).map(|n| ayi::spawn(async move { n })).collect();
        let mut sum = 0;
        while let Some(n) = unordered.next().await {
            sum += n.unwrap();
        }
        assert_eq!(sum, 4950);
        let all = join_all((0..10).map(|n| timeout(Duration::from_secs(30), async move { n }))).await;
        assert!(all.into_iter().eq((0..10).map(Ok)));
        let slow = ayi::time::sleep(Duration::from_secs(3600));
        assert!(matches!(select(Box::pin(async { 1 }), slow).await, Either::Left((1, _))));
    });
}

#[test]
fn a_loop_over_a_channel_that_is_never_empty_lets_others_run_if_it_is_asked_to() {
    // These know nothing of the budget: `cooperative` charges for them.
    run(async || {
        let (sender, receiver) = async_channel::unbounded();
        let log = Rc::new(RefCell::new(Vec::new()));
        for n in 0..1000 {
            sender.try_send(n).unwrap();
        }
        drop(sender);
        let (reads, others) = (log.clone(), log.clone());
        let reader = ayi::spawn(async move {
            while let Ok(n) = ayi::task::coop::cooperative(receiver.recv()).await {
                reads.borrow_mut().push(n);
            }
        });
        ayi::spawn(async move { others.borrow_mut().push(-1) }).await.unwrap();
        reader.await.unwrap();
        let at = log.borrow().iter().position(|n| *n == -1);
        assert_eq!(at, Some(128));
    });
}
