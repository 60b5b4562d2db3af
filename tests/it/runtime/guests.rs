//! Sockets that were made in a runtime and first wait outside of all: they are guests of that runtime.

use crate::support::{Wakes, connected, foreign_block_on, poll_once, poll_with, waker_fn, watched};
use ayi::io::{AsyncWriteExt, unix::AsyncFd};
use ayi::net::unix::pipe;
use ayi::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use ayi::runtime::{Builder, CancellationToken, Handle, Runtime, is_rt_shutdown_err};
use ayi::task::yield_now;
use std::future::{pending, poll_fn};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::thread;

/// Something that waits for what its peer does.
pub(super) struct Pair {
    /// Reads what comes.
    pub(super) waits: Pin<Box<dyn Future<Output = io::Result<()>> + Send>>,
    /// Makes it come.
    pub(super) act: Box<dyn FnOnce() + Send>,
}

impl Pair {
    fn new(
        waits: impl Future<Output = io::Result<()>> + Send + 'static,
        act: impl FnOnce() + Send + 'static,
    ) -> Pair {
        Pair { waits: Box::pin(waits), act: Box::new(act) }
    }
}

pub(super) type Kind = (&'static str, fn() -> Pair);

/// All kinds of what has a place in the reactor. Each is made in the runtime of the caller.
pub(super) const KINDS: [Kind; 9] = [
    ("TcpStream", || {
        let (stream, mut peer) = connected();
        let waits = async move {
            assert_eq!(stream.read(&mut [0; 8]).await?, 3);
            Ok(())
        };
        Pair::new(waits, move || peer.write_all(b"tea").unwrap())
    }),
    ("TcpListener", || {
        let std = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        std.set_nonblocking(true).unwrap();
        let address = std.local_addr().unwrap();
        let listener = TcpListener::from_std(std).unwrap();
        let waits = async move { listener.accept().await.map(drop) };
        Pair::new(waits, move || drop(std::net::TcpStream::connect(address).unwrap()))
    }),
    ("UdpSocket", || {
        let std = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        std.set_nonblocking(true).unwrap();
        let (address, peer) = (std.local_addr().unwrap(), std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
        let socket = UdpSocket::from_std(std).unwrap();
        let waits = async move {
            assert_eq!(socket.recv_from(&mut [0; 8]).await?.0, 3);
            Ok(())
        };
        Pair::new(waits, move || assert_eq!(peer.send_to(b"tea", address).unwrap(), 3))
    }),
    ("UnixStream", || {
        let (stream, mut peer) = unix_pair();
        let waits = async move {
            stream.readable().await?;
            assert_eq!(stream.read(&mut [0; 8]).await?, 3);
            Ok(())
        };
        Pair::new(waits, move || peer.write_all(b"tea").unwrap())
    }),
    ("UnixListener", || {
        use std::os::linux::net::SocketAddrExt;
        static NUMBERS: AtomicUsize = AtomicUsize::new(0);
        let name = format!("ayi-guests-{}-{}", std::process::id(), NUMBERS.fetch_add(1, Relaxed));
        let address = net::SocketAddr::from_abstract_name(name).unwrap();
        let std = net::UnixListener::bind_addr(&address).unwrap();
        std.set_nonblocking(true).unwrap();
        let listener = UnixListener::from_std(std).unwrap();
        let waits = async move { listener.accept().await.map(drop) };
        Pair::new(waits, move || drop(net::UnixStream::connect_addr(&address).unwrap()))
    }),
    ("UnixDatagram", || {
        let (std, peer) = net::UnixDatagram::pair().unwrap();
        std.set_nonblocking(true).unwrap();
        let socket = UnixDatagram::from_std(std).unwrap();
        let waits = async move {
            assert_eq!(socket.recv(&mut [0; 8]).await?, 3);
            Ok(())
        };
        Pair::new(waits, move || assert_eq!(peer.send(b"tea").unwrap(), 3))
    }),
    ("pipe::Receiver", || {
        let (sender, receiver) = pipe::pipe().unwrap();
        let waits = async move {
            receiver.readable().await?;
            assert_eq!(receiver.try_read(&mut [0; 8])?, 3);
            Ok(())
        };
        Pair::new(waits, move || assert_eq!(sender.try_write(b"tea").unwrap(), 3))
    }),
    ("pipe::Sender", || {
        let (sender, receiver) = pipe::pipe().unwrap();
        while sender.try_write(&[0; 4096]).is_ok() {}
        let waits = async move {
            sender.writable().await?;
            assert!(sender.try_write(b"tea")? > 0);
            Ok(())
        };
        let act = move || {
            // No byte: the sender has gone.
            while receiver.try_read(&mut [0; 65536]).is_ok_and(|n| n > 0) {}
            // Without a reader, a write would fail.
            std::mem::forget(receiver);
        };
        Pair::new(waits, act)
    }),
    ("AsyncFd", || {
        let (std, mut peer) = net::UnixStream::pair().unwrap();
        std.set_nonblocking(true).unwrap();
        let fd = AsyncFd::new(std).unwrap();
        let waits = async move {
            let mut guard = fd.readable().await?;
            assert_eq!(guard.try_io(|fd| fd.get_ref().read(&mut [0; 8])).unwrap()?, 3);
            Ok(())
        };
        Pair::new(waits, move || peer.write_all(b"tea").unwrap())
    }),
];

fn unix_pair() -> (UnixStream, net::UnixStream) {
    let (std, peer) = net::UnixStream::pair().unwrap();
    std.set_nonblocking(true).unwrap();
    (UnixStream::from_std(std).unwrap(), peer)
}

/// Runs a runtime on a thread until the guard is dropped, and returns its handle.
pub(super) fn running() -> (Handle, impl Drop) {
    struct Stop(CancellationToken, Option<thread::JoinHandle<()>>);
    impl Drop for Stop {
        fn drop(&mut self) {
            self.0.cancel();
            self.1.take().unwrap().join().unwrap();
        }
    }
    let (told, news) = mpsc::channel();
    let token = CancellationToken::new();
    let theirs = token.clone();
    let thread = thread::spawn(move || {
        let rt = Runtime::new().unwrap();
        told.send(rt.handle().clone()).unwrap();
        rt.block_on(theirs.cancelled());
    });
    (news.recv().unwrap(), Stop(token, Some(thread)))
}

/// Makes something in the runtime of `handle`, on the thread of that.
pub(super) fn made_in<T: Send + 'static>(handle: &Handle, make: impl FnOnce() -> T + Send + 'static) -> T {
    foreign_block_on(handle.spawn(async { make() })).unwrap()
}

/// Lets the runtime look at its descriptors.
fn turn(rt: &Runtime) {
    rt.block_on(async {
        for _ in 0..200 {
            yield_now().await;
        }
    });
}

/// How many descriptors of the runtime are in epoll.
pub(super) fn open(handle: &Handle) -> u64 {
    let metrics = handle.metrics();
    metrics.io_driver_fd_registered_count() - metrics.io_driver_fd_deregistered_count()
}

#[test]
fn each_kind_waits_in_any_executor() {
    watched(|| {
        let (handle, _running) = running();
        for (name, make) in KINDS {
            let Pair { mut waits, act } = made_in(&handle, make);
            assert!(poll_once(waits.as_mut()).is_pending(), "{name}");
            let waiting = thread::spawn(move || foreign_block_on(waits));
            act();
            waiting.join().unwrap().unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        // What is a source is given up by a message, which comes before this task.
        foreign_block_on(handle.spawn(async {})).unwrap();
        assert_eq!(open(&handle), 0);
    });
}

#[test]
fn each_kind_waits_where_only_a_handle_has_been_entered() {
    watched(|| {
        let (handle, _running) = running();
        let _inside = handle.enter();
        for (name, make) in KINDS {
            let Pair { waits, act } = make();
            let acts = thread::spawn(act);
            foreign_block_on(waits).unwrap_or_else(|error| panic!("{name}: {error}"));
            acts.join().unwrap();
        }
        // What is made in no runtime waits in the one that is entered.
        let (listener, address) = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            (listener, address)
        };
        foreign_block_on(async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let (mut peer, _) = listener.accept().unwrap();
            stream.write_all(b"tea").await.unwrap();
            peer.read_exact(&mut [0; 3]).unwrap();
            thread::scope(|scope| {
                scope.spawn(|| peer.write_all(b"milk").unwrap());
                assert_eq!(foreign_block_on(stream.read(&mut [0; 8])).unwrap(), 4);
            });
        });
    });
}

#[test]
fn each_kind_waits_for_a_runtime_that_runs_later() {
    watched(|| {
        for (name, make) in KINDS {
            let rt = Runtime::new().unwrap();
            let Pair { mut waits, act } = {
                let _inside = rt.enter();
                make()
            };
            let (wakes, waker) = Wakes::new();
            assert!(poll_with(waits.as_mut(), &waker).is_pending(), "{name}");
            act();
            assert_eq!(wakes.count(), 0, "{name}");
            // On another thread, to which the runtime goes, and on this one.
            thread::scope(|scope| {
                scope.spawn(|| turn(&rt));
            });
            assert_eq!(wakes.count(), 1, "{name}");
            turn(&rt);
            assert_eq!(wakes.count(), 1, "{name}");
            assert!(matches!(poll_with(waits.as_mut(), &waker), Poll::Ready(Ok(()))), "{name}");
        }
    });
}

#[test]
fn each_kind_is_told_when_its_runtime_ends() {
    watched(|| {
        for (name, make) in KINDS {
            let rt = Runtime::new().unwrap();
            let (waiting, mut late) = {
                let _inside = rt.enter();
                (make(), make())
            };
            let mut waits = waiting.waits;
            let (wakes, waker) = Wakes::new();
            assert!(poll_with(waits.as_mut(), &waker).is_pending(), "{name}");
            drop(rt);
            assert_eq!(wakes.count(), 1, "{name}");
            for waits in [&mut waits, &mut late.waits] {
                let Poll::Ready(Err(error)) = poll_with(waits.as_mut(), &waker) else { panic!("{name}") };
                assert!(is_rt_shutdown_err(&error), "{name}: {error}");
            }
            // The descriptor is no more in the way than its runtime.
            drop(waits);
        }
    });
}

#[test]
fn the_end_of_a_runtime_that_is_reused_is_told_as_well() {
    watched(|| {
        let first = Runtime::new().unwrap();
        let (stream, mut peer) = {
            let _inside = first.enter();
            connected()
        };
        drop(first);
        // This one has the scheduler of the first.
        let second = Runtime::new().unwrap();
        let error = foreign_block_on(stream.read(&mut [0])).unwrap_err();
        assert!(is_rt_shutdown_err(&error), "{error}");
        // It has waited nowhere, so it may wait in a runtime that runs.
        second.block_on(async {
            let read = ayi::spawn(async move { stream.read(&mut [0; 8]).await });
            yield_now().await;
            peer.write_all(b"tea").unwrap();
            assert_eq!(read.await.unwrap().unwrap(), 3);
        });
    });
}

#[test]
fn a_reader_and_a_writer_wait_on_two_threads() {
    watched(|| {
        let (handle, _running) = running();
        let (stream, peer) = made_in(&handle, connected);
        let mut filled = 0;
        while let Ok(n) = stream.try_write(&[1; 65536]) {
            filled += n;
        }
        let mut peer = &peer;
        thread::scope(|scope| {
            let stream = &stream;
            scope.spawn(move || {
                for _ in 0..100 {
                    assert_eq!(foreign_block_on(stream.read(&mut [0; 1])).unwrap(), 1);
                }
                assert_eq!(foreign_block_on(stream.read(&mut [0; 1])).unwrap(), 0);
            });
            scope.spawn(move || {
                let mut rest = 1 << 20;
                while rest > 0 {
                    rest -= foreign_block_on(stream.write(&vec![2; rest])).unwrap();
                }
            });
            for _ in 0..100 {
                peer.write_all(&[3]).unwrap();
            }
            peer.read_exact(&mut vec![0; filled + (1 << 20)]).unwrap();
            peer.shutdown(Shutdown::Write).unwrap();
        });
    });
}

#[test]
fn many_wait_for_one_guest() {
    watched(|| {
        let (handle, _running) = running();
        let (stream, mut peer) = made_in(&handle, unix_pair);
        let all: Vec<_> = (0..300).map(|_| Wakes::new()).collect();
        // Callers of a poll-style function, of which nobody knows whether they will come again.
        let poll = |waker: &Waker| poll_with(pin!(poll_fn(|cx| stream.poll_read_ready(cx))), waker);
        for (_, waker) in &all {
            assert!(poll(waker).is_pending());
        }
        // Who was woken for nothing comes again.
        for (wakes, waker) in &all {
            if wakes.count() > 0 {
                assert!(poll(waker).is_pending());
            }
        }
        let before: Vec<_> = all.iter().map(|(wakes, _)| wakes.count()).collect();
        peer.write_all(b"tea").unwrap();
        for ((wakes, _), before) in all.iter().zip(before) {
            while wakes.count() == before {
                thread::yield_now();
            }
        }
        // One caller with ever new wakers does not pile them up.
        stream.try_read(&mut [0; 8]).unwrap();
        let (kept, _) = Wakes::new();
        for _ in 0..100_000 {
            let theirs = kept.clone();
            let waker = waker_fn(move || _ = theirs.count());
            assert!(poll(&waker).is_pending());
        }
        assert!(Arc::strong_count(&kept) < 10_000, "{} wakers are kept", Arc::strong_count(&kept));
    });
}

#[test]
fn a_future_that_is_dropped_leaves_no_waker() {
    watched(|| {
        let (handle, _running) = running();
        let (stream, _peer) = made_in(&handle, unix_pair);
        let (wakes, waker) = Wakes::new();
        let before = Arc::strong_count(&wakes);
        for _ in 0..3 {
            let mut buf = [0];
            let mut read = Box::pin(stream.read(&mut buf));
            assert!(poll_with(read.as_mut(), &waker).is_pending());
            assert!(Arc::strong_count(&wakes) > before);
            drop(read);
            assert_eq!(Arc::strong_count(&wakes), before);
        }
    });
}

#[test]
fn a_number_that_is_used_again_is_another_guest() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let numbers: Vec<_> = (0..100)
            .map(|round| {
                let _inside = rt.enter();
                let ((old, mut old_peer), number) = {
                    let (stream, peer) = unix_pair();
                    let number = stream.as_raw_fd();
                    ((Box::new(stream), peer), number)
                };
                drop(_inside);
                let (old_wakes, old_waker) = Wakes::new();
                assert!(poll_with(pin!(poll_fn(|cx| old.poll_read_ready(cx))), &old_waker).is_pending());
                // It is dropped with a report on its way. A duplicate keeps the description open.
                old_peer.write_all(b"x").unwrap();
                let kept = old.as_fd().try_clone_to_owned().unwrap();
                drop(old);
                let _inside = rt.enter();
                let (new, mut new_peer) = unix_pair();
                drop(_inside);
                let (new_wakes, new_waker) = Wakes::new();
                assert!(poll_with(pin!(poll_fn(|cx| new.poll_read_ready(cx))), &new_waker).is_pending());
                turn(&rt);
                assert_eq!((old_wakes.count(), new_wakes.count()), (0, 0), "round {round}");
                new_peer.write_all(b"y").unwrap();
                turn(&rt);
                assert_eq!((old_wakes.count(), new_wakes.count()), (0, 1), "round {round}");
                drop(kept);
                number == new.as_raw_fd()
            })
            .collect();
        assert!(numbers.contains(&true), "no number was used again");
        assert_eq!(open(rt.handle()), 0);
    });
}

#[test]
fn into_std_takes_a_guest_out() {
    watched(|| {
        let (handle, _running) = running();
        let (stream, mut peer) = made_in(&handle, unix_pair);
        assert!(poll_once(pin!(stream.readable())).is_pending());
        assert_eq!(open(&handle), 1);
        let std = stream.into_std().unwrap();
        assert_eq!(open(&handle), 0);
        // In another runtime, as another socket.
        Runtime::new().unwrap().block_on(async {
            let stream = UnixStream::from_std(std).unwrap();
            let read = ayi::spawn(async move { stream.read(&mut [0; 8]).await });
            yield_now().await;
            peer.write_all(b"tea").unwrap();
            assert_eq!(read.await.unwrap().unwrap(), 3);
        });
    });
}

#[test]
fn a_guest_is_read_by_a_task_of_its_runtime_and_of_another() {
    watched(|| {
        let (handle, _running) = running();
        let (stream, mut peer) = made_in(&handle, connected);
        let stream = Arc::new(stream);
        assert!(poll_once(pin!(stream.readable())).is_pending());
        let read = |stream: Arc<TcpStream>| async move {
            for _ in 0..10 {
                assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 1);
            }
        };
        let own = handle.spawn(read(stream.clone()));
        for _ in 0..10 {
            peer.write_all(b"x").unwrap();
        }
        foreign_block_on(own).unwrap();
        let other = Runtime::new().unwrap();
        let theirs = other.spawn(read(stream.clone()));
        let acts = thread::spawn(move || {
            for _ in 0..10 {
                peer.write_all(b"x").unwrap();
            }
            peer
        });
        other.block_on(theirs).unwrap();
        drop(acts.join().unwrap());
        assert_eq!(foreign_block_on(stream.read(&mut [0])).unwrap(), 0);
    });
}

#[test]
fn a_guest_goes_to_the_runtime_that_polls_it() {
    watched(|| {
        for (name, make) in KINDS {
            let (rt, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
            let Pair { mut waits, act } = {
                let _inside = rt.enter();
                make()
            };
            let (wakes, waker) = Wakes::new();
            assert!(poll_with(waits.as_mut(), &waker).is_pending(), "{name}");
            assert_eq!((open(rt.handle()), open(other.handle())), (1, 0), "{name}");
            other.block_on(async { assert!(poll_once(waits.as_mut()).is_pending(), "{name}") });
            turn(&rt);
            assert_eq!((open(rt.handle()), open(other.handle())), (0, 1), "{name}");
            assert_eq!(wakes.count(), 1, "{name}: who has waited is not told");
            drop(rt);
            act();
            other.block_on(waits).unwrap();
        }
    });
}

#[test]
fn what_was_made_in_one_runtime_and_first_waits_in_another_belongs_there() {
    watched(|| {
        let (rt, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
        let (stream, mut peer) = {
            let _inside = rt.enter();
            connected()
        };
        other.block_on(async { assert!(poll_once(pin!(stream.readable())).is_pending()) });
        assert_eq!((open(rt.handle()), open(other.handle())), (0, 1));
        drop(rt);
        peer.write_all(b"tea").unwrap();
        assert_eq!(other.block_on(stream.read(&mut [0; 8])).unwrap(), 3);
    });
}

#[test]
fn a_runtime_in_the_background_goes_on_for_a_guest() {
    watched(|| {
        for (name, make) in KINDS {
            let rt = Builder::new_multi_thread().enable_all().build().unwrap();
            let Pair { waits, act } = {
                let _inside = rt.enter();
                make()
            };
            let acts = thread::spawn(act);
            foreign_block_on(waits).unwrap_or_else(|error| panic!("{name}: {error}"));
            acts.join().unwrap();
        }
        // It is left while there is a guest.
        let rt = Builder::new_multi_thread().enable_all().build().unwrap();
        let (stream, mut peer) = rt.block_on(async {
            let (stream, peer) = connected();
            let stream = thread::spawn(|| {
                assert!(poll_once(pin!(stream.readable())).is_pending());
                stream
            });
            (stream.join().unwrap(), peer)
        });
        peer.write_all(b"tea").unwrap();
        assert_eq!(foreign_block_on(stream.read(&mut [0; 8])).unwrap(), 3);
    });
}

#[test]
fn a_runtime_that_is_busy_sees_its_guests() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let (stream, mut peer) = {
            let _inside = rt.enter();
            connected()
        };
        let is_read = CancellationToken::new();
        thread::scope(|scope| {
            scope.spawn(|| {
                foreign_block_on(stream.read(&mut [0; 8])).unwrap();
                is_read.cancel();
            });
            rt.block_on(async {
                peer.write_all(b"tea").unwrap();
                while !is_read.is_cancelled() {
                    yield_now().await;
                }
            });
        });
    });
}

#[test]
fn a_blocking_call_that_waits_for_a_guest_does_not_keep_the_end_waiting() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let (told, news) = mpsc::channel();
        let (stream, _peer) = {
            let _inside = rt.enter();
            connected()
        };
        drop(rt.spawn_blocking(move || {
            let mut buf = [0];
            let mut read = Box::pin(stream.read(&mut buf));
            assert!(poll_once(read.as_mut()).is_pending());
            told.send(None).unwrap();
            told.send(foreign_block_on(read).err()).unwrap();
        }));
        assert!(news.recv().unwrap().is_none());
        drop(rt);
        assert!(is_rt_shutdown_err(&news.recv().unwrap().unwrap()));
    });
}

#[test]
fn a_descriptor_that_is_registered_already_is_no_guest() {
    watched(|| {
        let (handle, _running) = running();
        let (first, _peer) = made_in(&handle, || {
            let (std, peer) = net::UnixStream::pair().unwrap();
            std.set_nonblocking(true).unwrap();
            (AsyncFd::new(std).unwrap(), peer)
        });
        let _inside = handle.enter();
        let error = AsyncFd::new(first.as_fd()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        let (guest, _peer) = net::UnixStream::pair().unwrap();
        guest.set_nonblocking(true).unwrap();
        let guest = AsyncFd::new(guest).unwrap();
        assert_eq!(AsyncFd::new(guest.as_fd()).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        // The owner finds a guest there as well.
        let copy = guest.as_raw_fd();
        let error = made_in(&handle, move || AsyncFd::new(copy).map(drop)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        let file = AsyncFd::new(std::fs::File::open("Cargo.toml").unwrap()).unwrap_err();
        assert!(file.to_string().contains("regular file"), "{file}");
        assert_eq!(open(&handle), 2);
    });
}

/// A waker has the socket, or the runtime, or reads again.
#[test]
fn wakers_do_what_they_may() {
    watched(|| {
        // It drops the socket, woken by a report and by the end.
        for by_report in [true, false] {
            let rt = Runtime::new().unwrap();
            let (stream, mut peer) = {
                let _inside = rt.enter();
                unix_pair()
            };
            let stream = Arc::new(Mutex::new(Some(stream)));
            let theirs = stream.clone();
            let waker = waker_fn(move || drop(theirs.lock().unwrap().take()));
            let poll =
                |stream: &UnixStream| poll_with(pin!(poll_fn(|cx| stream.poll_read_ready(cx))), &waker);
            assert!(poll(stream.lock().unwrap().as_ref().unwrap()).is_pending());
            if by_report {
                peer.write_all(b"x").unwrap();
                turn(&rt);
                assert_eq!(open(rt.handle()), 0);
            }
            drop(rt);
            assert!(stream.lock().unwrap().is_none());
        }
        // It drops the runtime that wakes it, out of a task of that.
        let rt = Arc::new(Runtime::new().unwrap());
        let (stream, mut peer) = {
            let _inside = rt.enter();
            unix_pair()
        };
        let owner = Arc::new(Mutex::new(None::<Runtime>));
        let theirs = owner.clone();
        let waker = waker_fn(move || drop(theirs.lock().unwrap().take()));
        assert!(poll_with(pin!(poll_fn(|cx| stream.poll_read_ready(cx))), &waker).is_pending());
        peer.write_all(b"x").unwrap();
        let handle = rt.handle().clone();
        let task = rt.spawn(pending::<()>());
        *owner.lock().unwrap() = Arc::into_inner(rt);
        let _ = handle.block_on(task);
        assert!(owner.lock().unwrap().is_none());
        let Poll::Ready(Err(error)) = poll_once(pin!(stream.readable())) else { panic!() };
        assert!(is_rt_shutdown_err(&error), "{error}");
        // It polls again, and again.
        let (handle, _running) = running();
        let (stream, mut peer) = made_in(&handle, unix_pair);
        let stream = Arc::new(stream);
        let (told, news) = mpsc::channel();
        let theirs = stream.clone();
        let waker = waker_fn(move || {
            let n = theirs.try_read(&mut [0; 8]).unwrap_or(0);
            assert!(poll_once(pin!(theirs.readable())).is_pending());
            told.send(n).unwrap();
        });
        assert!(poll_with(pin!(poll_fn(|cx| stream.poll_read_ready(cx))), &waker).is_pending());
        peer.write_all(b"tea").unwrap();
        assert_eq!(news.recv().unwrap(), 3);
    });
}
