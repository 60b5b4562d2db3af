//! What tasks wait for that go from core to core: sockets, timers, channels, locks, blocking calls.

use super::share::{go_to, here, is_pending, on_restless_cores};
use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::net::{TcpListener, TcpStream, UdpSocket, UnixStream};
use ayi::runtime::Handle;
use ayi::sync::{Barrier, Mutex, Notify, RwLock, Semaphore, broadcast, mpsc, oneshot, watch};
use ayi::task::{self, JoinHandle, yield_now};
use ayi::time::{Duration, Instant, interval, sleep, timeout};
use futures::stream::{FuturesUnordered, StreamExt};
use std::collections::HashSet;
use std::sync::Arc;

fn spawn<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    Handle::current().spawn(future)
}

async fn all<T>(tasks: Vec<JoinHandle<T>>) -> Vec<T> {
    let mut outputs = Vec::new();
    for task in tasks {
        outputs.push(task.await.unwrap());
    }
    outputs
}

/// Bytes that say who sends them, and where in the stream they are.
fn byte(of: usize, at: usize) -> u8 {
    (of.wrapping_mul(31) ^ at ^ (at >> 8)) as u8
}

async fn write(mut to: impl ayi::io::AsyncWrite + Unpin, of: usize, len: usize) {
    let bytes: Vec<u8> = (0..len).map(|at| byte(of, at)).collect();
    for piece in bytes.chunks(700) {
        to.write_all(piece).await.unwrap();
        yield_now().await;
    }
    to.shutdown().await.unwrap();
}

async fn read(mut from: impl ayi::io::AsyncRead + Unpin, of: usize) -> usize {
    let (mut buf, mut at) = ([0; 500], 0);
    loop {
        let len = from.read(&mut buf).await.unwrap();
        if len == 0 {
            return at;
        }
        for (n, read) in buf[..len].iter().enumerate() {
            assert_eq!(*read, byte(of, at + n), "byte {} of stream {of}", at + n);
        }
        at += len;
    }
}

#[test]
fn connections_whose_both_ends_move_lose_no_byte() {
    on_restless_cores(3, async |_| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = spawn(async move {
            let mut connections = Vec::new();
            for _ in 0..20 {
                let (stream, _) = listener.accept().await.unwrap();
                connections.push(spawn(async move {
                    let (mut from, mut to) = stream.into_split();
                    let echoed = ayi::io::copy(&mut from, &mut to).await.unwrap();
                    to.shutdown().await.unwrap();
                    echoed
                }));
            }
            all(connections).await
        });
        let clients = (0..20).map(|n| {
            spawn(async move {
                let (from, to) = TcpStream::connect(address).await.unwrap().into_split();
                let writer = spawn(write(to, n, 100_000));
                let read = read(from, n).await;
                writer.await.unwrap();
                read
            })
        });
        assert_eq!(all(clients.collect()).await, [100_000; 20]);
        assert_eq!(server.await.unwrap(), [100_000; 20]);
    });
}

#[test]
fn a_socket_that_waited_on_one_core_is_read_on_another() {
    on_restless_cores(2, async |_| {
        let (mut near, mut far) = UnixStream::pair().unwrap();
        let task = spawn(async move {
            let mut cores = HashSet::new();
            for n in 0..50 {
                // It waits, and moves as soon as it is woken.
                assert_eq!(far.read_u8().await.unwrap(), n);
                cores.insert(here());
            }
            cores
        });
        for n in 0..50 {
            sleep(Duration::from_micros(100)).await;
            near.write_u8(n).await.unwrap();
        }
        assert_eq!(task.await.unwrap(), HashSet::from([0, 1]));
    });
}

#[test]
fn datagrams_between_tasks_that_move_come_whole() {
    on_restless_cores(2, async |_| {
        let one = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let other = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        one.connect(other.local_addr().unwrap()).await.unwrap();
        other.connect(one.local_addr().unwrap()).await.unwrap();
        let echo = spawn(async move {
            let mut buf = [0; 100];
            for _ in 0..200 {
                let len = other.recv(&mut buf).await.unwrap();
                assert_eq!(other.send(&buf[..len]).await.unwrap(), len);
            }
        });
        let asks = spawn(async move {
            let mut buf = [0; 100];
            for n in 0..200_u8 {
                one.send(&[n; 90]).await.unwrap();
                assert_eq!(one.recv(&mut buf).await.unwrap(), 90);
                assert_eq!(buf[..90], [n; 90]);
            }
        });
        asks.await.unwrap();
        echo.await.unwrap();
    });
}

#[test]
fn timers_of_tasks_that_move_are_never_early() {
    on_restless_cores(3, async |_| {
        let sleepers = (0..200).map(|n| {
            spawn(async move {
                for _ in 0..3 {
                    let begin = Instant::now();
                    sleep(Duration::from_micros(n * 20)).await;
                    assert!(begin.elapsed() >= Duration::from_micros(n * 20));
                }
            })
        });
        let sleepers = all(sleepers.collect());
        let ticker = spawn(async {
            let begin = Instant::now();
            let mut interval = interval(Duration::from_millis(1));
            for n in 0..20 {
                let tick = interval.tick().await;
                assert!(tick - begin >= Duration::from_millis(n));
            }
        });
        let gives_up = spawn(timeout(Duration::from_millis(5), std::future::pending::<()>()));
        sleepers.await;
        ticker.await.unwrap();
        assert!(gives_up.await.unwrap().is_err());
    });
}

#[test]
fn a_timer_that_waits_on_another_core_is_given_up() {
    on_restless_cores(2, async |core| {
        let task = spawn(async {
            for round in 0..50 {
                let mut long = Box::pin(sleep(Duration::from_secs(3600)));
                assert!(is_pending(long.as_mut()).await);
                go_to((here() + 1) % 2).await;
                if round % 2 == 0 {
                    assert!(is_pending(long.as_mut()).await);
                }
            }
        });
        task.await.unwrap();
        // They are counted as of a core's latest turn.
        let count = || async {
            while Handle::current().metrics().num_timers() > 0 {
                yield_now().await;
            }
        };
        for index in [0, 1] {
            core.spawn_on(index, count).await.unwrap();
        }
    });
}

/// Each branch is polled only when its own waker is woken, however often the task has moved since.
#[test]
fn branches_that_are_not_polled_again_are_woken_after_many_moves() {
    on_restless_cores(3, async |_| {
        let (send, _) = broadcast::channel(100);
        let (mut near, far) = UnixStream::pair().unwrap();
        let subscribe = send.clone();
        let (ready, is_ready) = oneshot::channel();
        let task = spawn(async move {
            let mut branches = FuturesUnordered::new();
            for n in 0..40_u64 {
                let mut receiver = subscribe.subscribe();
                branches.push(Box::pin(async move {
                    sleep(Duration::from_micros(500 * n)).await;
                    while receiver.recv().await.unwrap() < n {}
                    n
                }) as std::pin::Pin<Box<dyn Future<Output = u64> + Send>>);
            }
            let mut far = far;
            branches.push(Box::pin(async move { far.read_u64().await.unwrap() }));
            drop(subscribe);
            ready.send(()).unwrap();
            let mut all = Vec::new();
            while let Some(n) = branches.next().await {
                all.push(n);
                yield_now().await;
            }
            all.sort_unstable();
            all
        });
        is_ready.await.unwrap();
        for n in 0..40 {
            sleep(Duration::from_micros(300)).await;
            send.send(n).unwrap();
        }
        near.write_u64(77).await.unwrap();
        assert_eq!(task.await.unwrap(), (0..40).chain([77]).collect::<Vec<_>>());
    });
}

#[test]
fn channels_between_tasks_that_move_keep_everything_in_order() {
    on_restless_cores(3, async |_| {
        let (give, mut take) = mpsc::channel(3);
        let senders: Vec<_> = (0..4_usize)
            .map(|sender| {
                let give = give.clone();
                spawn(async move {
                    for n in 0..300 {
                        give.send((sender, n)).await.unwrap();
                    }
                })
            })
            .collect();
        drop(give);
        let taker = spawn(async move {
            let mut next = [0; 4];
            while let Some((sender, n)) = take.recv().await {
                assert_eq!(n, next[sender]);
                next[sender] += 1;
            }
            next
        });
        all(senders).await;
        assert_eq!(taker.await.unwrap(), [300; 4]);
    });
}

#[test]
fn locks_and_signals_between_tasks_that_move_let_everybody_through() {
    on_restless_cores(3, async |_| {
        let mutex = Arc::new((Mutex::new(0), RwLock::new(0), Semaphore::new(2), Barrier::new(20)));
        let (told, news) = watch::channel(0);
        let tasks = (0..20).map(|_| {
            let (shared, mut news) = (mutex.clone(), news.clone());
            spawn(async move {
                for _ in 0..20 {
                    let mut held = shared.0.lock().await;
                    let before = *held;
                    yield_now().await;
                    *held = before + 1;
                    drop(held);
                    let permit = shared.2.acquire().await.unwrap();
                    *shared.1.write().await += 1;
                    drop(permit);
                    assert!(*shared.1.read().await > 0);
                }
                shared.3.wait().await;
                news.wait_for(|n| *n == 1).await.unwrap();
            })
        });
        let tasks: Vec<_> = tasks.collect();
        told.send(1).unwrap();
        all(tasks).await;
        assert_eq!((*mutex.0.lock().await, *mutex.1.read().await), (400, 400));
    });
}

#[test]
fn two_tasks_that_move_notify_each_other() {
    on_restless_cores(2, async |_| {
        let (ping, pong) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (theirs, ours) = (ping.clone(), pong.clone());
        let one = spawn(async move {
            for _ in 0..500 {
                ping.notify_one();
                pong.notified().await;
            }
        });
        let other = spawn(async move {
            for _ in 0..500 {
                theirs.notified().await;
                ours.notify_one();
            }
        });
        one.await.unwrap();
        other.await.unwrap();
    });
}

#[test]
fn blocking_calls_of_tasks_that_move_give_their_results() {
    on_restless_cores(2, async |_| {
        let tasks = (0..30).map(|n| {
            spawn(async move {
                let mut sum = 0;
                for round in 0..5 {
                    yield_now().await;
                    sum += task::spawn_blocking(move || n * round).await.unwrap();
                }
                sum
            })
        });
        let sums: Vec<usize> = (0..30).map(|n| n * 10).collect();
        assert_eq!(all(tasks.collect()).await, sums);
    });
}

#[test]
fn what_a_task_spawns_is_at_home_where_it_was_spawned() {
    on_restless_cores(2, async |_| {
        let task = spawn(async {
            for core in [1, 0, 1] {
                go_to(core).await;
                // It need not be `Send`, and stays.
                let stays = ayi::spawn(async {
                    let seen = std::rc::Rc::new(here());
                    yield_now().await;
                    *seen
                });
                assert_eq!(stays.await.unwrap(), core);
            }
        });
        task.await.unwrap();
    });
}
