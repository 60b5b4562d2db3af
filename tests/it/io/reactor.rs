//! The reactor works, whatever its wakers and drops do, and whatever interrupts it.

use crate::support::{Wakes, block_until, connected, poll_once, poll_with, run, turn, waker_fn};
use ayi::io::unix::AsyncFd;
use ayi::net::{TcpListener, TcpStream};
use ayi::task::spawn_blocking;
use ayi::time::{Duration, sleep};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::thread;

/// Streams that have become readable at once, so that one `epoll_wait` reports them all, and the wakers that wait for
/// them.
struct Batch {
    /// What wakers can reach.
    streams: Arc<Mutex<Vec<Option<TcpStream>>>>,
    wakes: Vec<Arc<Wakes>>,
    peers: Vec<std::net::TcpStream>,
}

const BATCH: usize = 4;

impl Batch {
    /// `waker` waits for the stream `special`; wakers that count wait for the others.
    fn new(special: usize, waker: impl FnOnce(&Batch) -> Waker) -> Batch {
        let (streams, peers) = (0..BATCH).map(|_| connected()).unzip::<_, _, Vec<_>, _>();
        let streams = Arc::new(Mutex::new(streams.into_iter().map(Some).collect()));
        let mut batch = Batch { streams, wakes: vec![], peers };
        let mut waker = Some(waker(&batch));
        for at in 0..BATCH {
            let (wakes, counting) = Wakes::new();
            batch.wakes.push(wakes);
            let waker = if at == special { waker.take().unwrap() } else { counting };
            let waits =
                |stream: &TcpStream| stream.poll_read_ready(&mut Context::from_waker(&waker)).is_pending();
            assert!(batch.with(at, waits));
        }
        batch.peers.iter_mut().for_each(|peer| peer.write_all(b"x").unwrap());
        (0..BATCH).for_each(|at| batch.with(at, |stream| block_until(stream, libc::POLLIN)));
        batch
    }

    fn with<T>(&self, at: usize, f: impl FnOnce(&TcpStream) -> T) -> T {
        f(self.streams.lock().unwrap()[at].as_ref().unwrap())
    }

    #[track_caller]
    fn assert_others_are_woken(&self, special: usize, what: &str) {
        for (at, wakes) in self.wakes.iter().enumerate() {
            assert_eq!(wakes.count(), usize::from(at != special), "{at} besides {special}: {what}");
        }
    }
}

/// What a waker may do to its own stream, to others of its batch, and to the runtime.
#[test]
fn wakers_that_drop_register_spawn_and_wake() {
    type Action = fn(&mut Vec<Option<TcpStream>>, usize);
    let actions: [(&str, Action); 6] = [
        ("drops its own stream", |streams, at| drop(streams[at].take())),
        ("drops the next stream", |streams, at| drop(streams[(at + 1) % BATCH].take())),
        ("drops all streams", |streams, _| streams.clear()),
        ("takes the next stream out", |streams, at| {
            streams[(at + 1) % BATCH].take().unwrap().into_std().unwrap();
        }),
        ("registers many more", |streams, _| {
            for _ in 0..20 {
                let (stream, _peer) = connected();
                assert!(poll_once(pin!(stream.readable())).is_pending());
                streams.push(Some(stream));
            }
        }),
        ("spawns, and waits anew", |streams, at| {
            drop(ayi::spawn(async {}));
            assert_eq!(streams[at].as_ref().unwrap().try_read(&mut [0]).unwrap(), 1);
            assert!(poll_once(pin!(streams[at].as_ref().unwrap().readable())).is_ready());
        }),
    ];
    for (name, action) in actions {
        for special in 0..BATCH {
            run(async || {
                let done = Arc::new(AtomicUsize::new(0));
                let batch = Batch::new(special, |batch| {
                    let (streams, done) = (batch.streams.clone(), done.clone());
                    waker_fn(move || {
                        action(&mut streams.lock().unwrap(), special);
                        done.fetch_add(1, Ordering::SeqCst);
                    })
                });
                turn().await;
                assert_eq!(done.load(Ordering::SeqCst), 1, "{name}");
                batch.assert_others_are_woken(special, name);
                // The remaining ones work as before.
                let left: Vec<_> = batch.streams.lock().unwrap().drain(..).collect();
                for (at, stream) in left.into_iter().enumerate().take(BATCH) {
                    let Some(stream) = stream else { continue };
                    (&batch.peers[at]).write_all(b"water").unwrap();
                    batch.peers[at].shutdown(Shutdown::Write).unwrap();
                    let mut all = vec![];
                    ayi::io::AsyncReadExt::read_to_end(&mut &stream, &mut all).await.unwrap();
                    assert!(all.ends_with(b"water"), "{name}: {all:?}");
                }
            });
        }
    }
}

/// The panic hook has reported it, and nothing else happens.
#[test]
fn a_waker_that_panics_keeps_nobody_from_being_woken() {
    for special in 0..BATCH {
        run(async || {
            let batch = Batch::new(special, |_| waker_fn(|| panic!("from a waker")));
            turn().await;
            batch.assert_others_are_woken(special, "panics");
            for at in 0..BATCH {
                let stream = batch.streams.lock().unwrap()[at].take().unwrap();
                let mut buf = [0; 8];
                assert_eq!(stream.read(&mut buf).await.unwrap(), 1);
                let mut read = pin!(stream.read(&mut buf));
                assert!(poll_once(read.as_mut()).is_pending());
                (&batch.peers[at]).write_all(b"water").unwrap();
                assert_eq!(read.await.unwrap(), 5);
            }
        });
    }
}

/// A waker that wakes other tasks of the runtime, which then find what they waited for.
#[test]
#[cfg_attr(faults, ignore = "what is ready is not had at once")]
fn a_foreign_waker_between_the_reactor_and_a_task() {
    run(async || {
        let (stream, mut peer) = connected();
        let (sender, receiver) = mpsc::channel::<Waker>();
        let task = ayi::spawn(async move {
            std::future::poll_fn(|cx| {
                let task = cx.waker().clone();
                sender.send(task.clone()).unwrap();
                let relay = waker_fn(move || task.wake_by_ref());
                stream.poll_read_ready(&mut Context::from_waker(&relay))
            })
            .await
            .unwrap();
            stream.try_read(&mut [0; 8]).unwrap()
        });
        turn().await;
        assert!(receiver.try_recv().is_ok());
        peer.write_all(b"abc").unwrap();
        assert_eq!(task.await.unwrap(), 3);
    });
}

#[test]
fn more_events_than_fit_into_one_wait() {
    run(async || {
        const COUNT: usize = 300;
        let (ours, mut theirs): (Vec<_>, Vec<_>) = (0..COUNT).map(|_| UnixStream::pair().unwrap()).unzip();
        let read_one = async |stream: UnixStream| {
            stream.set_nonblocking(true).unwrap();
            let fd = AsyncFd::new(stream).unwrap();
            let mut buf = [0];
            fd.async_io(ayi::io::Interest::READABLE, |mut s| s.read(&mut buf)).await.unwrap();
            buf[0]
        };
        let tasks: Vec<_> = ours.into_iter().map(|stream| ayi::spawn(read_one(stream))).collect();
        turn().await;
        for (at, stream) in theirs.iter_mut().enumerate() {
            stream.write_all(&[at as u8]).unwrap();
        }
        for (at, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), at as u8);
        }
    });
}

/// A stream becomes ready again and again, and only then is dropped: nothing is left of it.
#[test]
fn dropped_inside_its_own_poll_while_it_is_ready() {
    run(async || {
        for _ in 0..100 {
            let (stream, mut peer) = connected();
            assert!(poll_once(pin!(stream.readable())).is_pending());
            peer.write_all(b"x").unwrap();
            let mut stream = Some(stream);
            ayi::spawn(std::future::poll_fn(move |cx| {
                let ready = stream.as_ref().unwrap().poll_read_ready(cx);
                if ready.is_ready() {
                    drop(stream.take());
                }
                ready
            }))
            .await
            .unwrap()
            .unwrap();
            assert_eq!((&peer).read(&mut [0]).map_err(|error| error.kind()).unwrap_or(0), 0);
        }
    });
}

static SIGNALS: AtomicUsize = AtomicUsize::new(0);

/// Signals without end for the current thread, until it is dropped. Each is sent after the previous one has arrived.
struct Interruptions {
    end: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Interruptions {
    fn new() -> Interruptions {
        extern "C" fn count(_signal: libc::c_int) {
            SIGNALS.fetch_add(1, Ordering::SeqCst);
        }
        // SAFETY: zeros are a valid sigaction, without SA_RESTART; the handler does what a handler may do.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = count as extern "C" fn(libc::c_int) as libc::sighandler_t;
            assert_eq!(libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut()), 0);
        }
        // SAFETY: takes nothing.
        let target = unsafe { libc::pthread_self() };
        let end = Arc::new(AtomicBool::new(false));
        let ended = end.clone();
        let thread = thread::spawn(move || {
            while !ended.load(Ordering::SeqCst) {
                let before = SIGNALS.load(Ordering::SeqCst);
                // SAFETY: the thread joins this one before it ends.
                assert_eq!(unsafe { libc::pthread_kill(target, libc::SIGUSR1) }, 0);
                while SIGNALS.load(Ordering::SeqCst) == before && !ended.load(Ordering::SeqCst) {
                    thread::yield_now();
                }
            }
        });
        Interruptions { end, thread: Some(thread) }
    }
}

impl Drop for Interruptions {
    fn drop(&mut self) {
        self.end.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().unwrap();
    }
}

#[test]
fn signals_interrupt_waiting_reading_connecting_and_accepting() {
    run(async || {
        let _interruptions = Interruptions::new();
        let begin = std::time::Instant::now();
        let before = SIGNALS.load(Ordering::SeqCst);
        sleep(Duration::from_millis(20)).await;
        assert!(begin.elapsed() >= Duration::from_millis(20));
        assert!(SIGNALS.load(Ordering::SeqCst) > before, "nothing interrupts");

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let server = ayi::spawn(async move {
            for _ in 0..50 {
                let (stream, _) = listener.accept().await.unwrap();
                drop(ayi::spawn(async move { ayi::io::copy(&mut &stream, &mut &stream).await.unwrap() }));
            }
        });
        for _ in 0..50 {
            let stream = TcpStream::connect(addr).await.unwrap();
            // This is large enough that both ends have to wait for room.
            let sent = vec![7; 100_000];
            let writer = async {
                ayi::io::AsyncWriteExt::write_all(&mut &stream, &sent).await.unwrap();
                stream.shutdown_now(Shutdown::Write).unwrap();
            };
            let mut received = vec![];
            let reader = async {
                ayi::io::AsyncReadExt::read_to_end(&mut &stream, &mut received).await.unwrap();
            };
            both(writer, reader).await;
            assert!(received == sent);
        }
        server.await.unwrap();
    });
}

/// Awaits both, in one task.
async fn both(first: impl Future<Output = ()>, second: impl Future<Output = ()>) {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let (mut first_is_done, mut second_is_done) = (false, false);
    std::future::poll_fn(|cx| {
        first_is_done = first_is_done || first.as_mut().poll(cx).is_ready();
        second_is_done = second_is_done || second.as_mut().poll(cx).is_ready();
        if first_is_done && second_is_done { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

/// Another thread posts without end: each message is processed only after the next one was posted. None of them wakes a
/// task, but they must not keep the runtime from checking its sockets.
#[test]
fn a_flood_of_posts_from_another_thread_does_not_hold_up_the_sockets() {
    /// A waker that, when dropped, asks the other thread for the next post and waits for it.
    struct Next(Sender<()>, Arc<Mutex<Receiver<()>>>);
    impl Wake for Next {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Next {
        fn drop(&mut self) {
            if self.0.send(()).is_ok() {
                let _ = self.1.lock().unwrap().recv();
            }
        }
    }

    run(async || {
        const POSTS: usize = 1000;
        let (go, asked) = mpsc::channel();
        let (done, posted) = mpsc::channel();
        let posted = Arc::new(Mutex::new(posted));
        let sleeps: Vec<_> = (0..POSTS)
            .map(|_| {
                let waker = Waker::from(Arc::new(Next(go.clone(), posted.clone())));
                let mut timer = Box::pin(sleep(Duration::from_secs(3600)));
                assert!(poll_with(timer.as_mut(), &waker).is_pending());
                timer
            })
            .collect();
        let (stream, mut peer) = connected();
        assert!(poll_once(pin!(stream.read(&mut [0]))).is_pending());
        peer.write_all(b"x").unwrap();

        let count = Arc::new(AtomicUsize::new(0));
        let counter = count.clone();
        let flood = thread::spawn(move || {
            for timer in sleeps {
                asked.recv().unwrap();
                drop(timer);
                counter.fetch_add(1, Ordering::SeqCst);
                let _ = done.send(());
            }
        });
        go.send(()).unwrap();
        posted.lock().unwrap().recv().unwrap();
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 1);
        let before_the_read = count.load(Ordering::SeqCst);
        spawn_blocking(|| flood.join().unwrap()).await.unwrap();
        assert!(before_the_read < POSTS, "the socket was looked at only after the flood");
    });
}
