//! Which descriptors are in which runtime's epoll, and when.
//!
//! The tests are apart from `tests/it`, and run one at a time, because they read `/proc/self/fdinfo`, which lists what
//! the whole process has open.

mod support;

use ayi::io::{Interest, unix::AsyncFd};
use ayi::net::{TcpListener, TcpStream};
use ayi::runtime::Runtime;
use std::fs;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread;
use support::{Wakes, Watchdog, block_until, poll_once, run, std_pair, turn, waker_fn};

/// While it lives, no other test of this file runs. If it lives for a minute, the process ends.
struct Alone {
    _lock: MutexGuard<'static, ()>,
    _watchdog: Watchdog,
}

#[track_caller]
fn alone() -> Alone {
    static LOCK: Mutex<()> = Mutex::new(());
    let lock = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    Alone { _lock: lock, _watchdog: Watchdog::new() }
}

/// Returns how many epoll instances of this process list `fd`.
fn epolls_that_list(fd: &impl AsFd) -> usize {
    let lists = |text: &str| {
        let mut numbers =
            text.lines().filter_map(|line| line.strip_prefix("tfd:")?.split_whitespace().next());
        numbers.any(|number| number.parse() == Ok(fd.as_fd().as_raw_fd()))
    };
    // A descriptor that is closed meanwhile, such as that of this very iteration, is no epoll.
    let infos = fs::read_dir("/proc/self/fdinfo").unwrap().map(|info| info.unwrap().path());
    infos.filter_map(|path| fs::read_to_string(path).ok()).filter(|text| lists(text)).count()
}

fn open_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Moves `stream` to the descriptor `number`.
fn renumbered(stream: std::net::TcpStream, number: RawFd) -> std::net::TcpStream {
    // SAFETY: takes no pointers.
    assert_eq!(unsafe { libc::dup3(stream.as_raw_fd(), number, libc::O_CLOEXEC) }, number);
    // SAFETY: the call has just made it.
    unsafe { std::net::TcpStream::from_raw_fd(number) }
}

/// Polls whether `stream` can be read, with a waker that counts.
fn is_readable(stream: &TcpStream, wakes: &Arc<Wakes>) -> bool {
    stream.poll_read_ready(&mut Context::from_waker(&wakes.clone().into())).is_ready()
}

/// Makes a stream that has waited in the current runtime, and so is in its epoll.
fn waited(stream: std::net::TcpStream) -> TcpStream {
    let stream = TcpStream::from_std(stream).unwrap();
    assert!(poll_once(pin!(stream.read(&mut [0]))).is_pending());
    stream
}

/// Checks that a stream works in the current runtime, with a wait in between.
async fn assert_works(stream: &TcpStream, peer: &mut std::net::TcpStream) {
    let mut buf = [0; 8];
    let mut read = pin!(stream.read(&mut buf));
    let polled = poll_once(read.as_mut());
    assert!(polled.is_pending(), "{polled:?}");
    peer.write_all(b"water").unwrap();
    assert_eq!(read.await.unwrap(), 5);
}

#[test]
fn a_stream_whose_runtime_has_ended_can_be_taken_out_while_there_is_another_runtime() {
    let _alone = alone();
    let (stream, mut peer) = std_pair();
    let first = Runtime::new().unwrap();
    let stream = first.block_on(async { waited(stream) });
    drop(first);
    Runtime::new().unwrap().block_on(async {
        let stream = TcpStream::from_std(stream.into_std().unwrap()).unwrap();
        assert_works(&stream, &mut peer).await;
    });
}

#[test]
fn a_stream_can_be_taken_out_on_its_own_thread_outside_of_block_on() {
    let _alone = alone();
    let (stream, mut peer) = std_pair();
    let rt = Runtime::new().unwrap();
    let stream = rt.block_on(async { waited(stream) });
    let stream = TcpStream::from_std(stream.into_std().unwrap()).unwrap();
    rt.block_on(assert_works(&stream, &mut peer));
}

#[test]
fn the_number_of_a_dropped_stream_whose_description_lives_on_can_be_registered_again() {
    let _alone = alone();
    let (stream, mut peer) = std_pair();
    let kept = stream.try_clone().unwrap();
    Runtime::new().unwrap().block_on(async {
        let stream = waited(stream);
        let number = stream.as_raw_fd();
        drop(stream);
        let again = kept.try_clone().unwrap();
        assert_eq!(again.as_raw_fd(), number);
        let again = TcpStream::from_std(again).unwrap();
        assert_works(&again, &mut peer).await;
    });
}

/// The other thread's note about that must not come too late.
#[test]
fn a_stream_that_was_taken_out_on_another_thread_can_come_home_at_once() {
    let _alone = alone();
    let (stream, mut peer) = std_pair();
    Runtime::new().unwrap().block_on(async {
        let stream = waited(stream);
        let stream = thread::spawn(move || stream.into_std().unwrap()).join().unwrap();
        let stream = TcpStream::from_std(stream).unwrap();
        assert_works(&stream, &mut peer).await;
    });
}

#[test]
#[cfg_attr(faults, ignore = "faults change what is counted")]
fn who_need_not_wait_does_not_enter_epoll() {
    let _alone = alone();
    run(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let mut buf = [0; 8];
        for _ in 0..3 {
            assert_eq!(client.write(b"water").await.unwrap(), 5);
            block_until(&stream, libc::POLLIN);
            assert_eq!(stream.read(&mut buf).await.unwrap(), 5);
            assert_eq!(stream.write(b"water").await.unwrap(), 5);
            block_until(&client, libc::POLLIN);
            assert_eq!(client.read(&mut buf).await.unwrap(), 5);
        }
        let listed = || [epolls_that_list(&listener), epolls_that_list(&client), epolls_that_list(&stream)];
        assert_eq!(listed(), [0, 0, 0]);
        assert!(poll_once(pin!(stream.read(&mut buf))).is_pending());
        assert_eq!(listed(), [0, 0, 1]);
        assert!(poll_once(pin!(listener.accept())).is_pending());
        assert_eq!(listed(), [1, 0, 1]);
    });
}

#[test]
#[cfg_attr(faults, ignore = "what is ready is not had at once")]
fn a_stream_that_has_not_waited_moves_to_the_runtime_of_another_thread() {
    let _alone = alone();
    let (stream, mut peer) = std_pair();
    let stream = run(async || {
        let stream = TcpStream::from_std(stream).unwrap();
        assert_eq!(stream.write(b"abc").await.unwrap(), 3);
        stream
    });
    peer.read_exact(&mut [0; 3]).unwrap();
    thread::spawn(move || run(async || assert_works(&stream, &mut peer).await)).join().unwrap();
}

#[test]
fn a_stream_goes_where_it_is_polled_and_back() {
    let _alone = alone();
    let (stream, mut peer) = std_pair();
    let rt = Runtime::new().unwrap();
    let stream = rt.block_on(async { waited(stream) });
    let there = thread::spawn(move || {
        run(async || {
            assert_works(&stream, &mut peer).await;
            assert_eq!(epolls_that_list(&stream), 1);
            assert_works(&stream, &mut peer).await;
        });
        (stream, peer)
    });
    let (stream, mut peer) = there.join().unwrap();
    run(async || assert_works(&stream, &mut peer).await);
    rt.block_on(assert_works(&stream, &mut peer));
    assert_eq!(epolls_that_list(&stream), 1);
}

#[test]
fn a_stream_that_outlives_its_runtime_wakes_who_waits_and_goes_on_in_another() {
    let _alone = alone();
    let (stream, mut peer) = std_pair();
    let (wakes, _) = Wakes::new();
    let rt = Runtime::new().unwrap();
    let stream = rt.block_on(async { waited(stream) });
    rt.block_on(async { assert!(!is_readable(&stream, &wakes)) });
    drop(rt);
    assert_eq!(wakes.count(), 1);
    // Outside of any runtime nobody would wake it.
    match poll_once(pin!(stream.readable())) {
        Poll::Ready(Err(error)) => {
            assert!(ayi::runtime::is_rt_shutdown_err(&error), "{error}");
            assert!(error.to_string().contains("has been shut down"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    run(async || assert_works(&stream, &mut peer).await);
    drop(stream);
    assert_eq!(Arc::strong_count(&wakes), 1);
}

#[test]
fn a_stream_that_is_dropped_on_another_thread_is_deregistered() {
    let _alone = alone();
    run(async || {
        let (stream, _peer) = std_pair();
        let (wakes, _) = Wakes::new();
        let stream = waited(stream);
        assert!(!is_readable(&stream, &wakes));
        thread::spawn(move || drop(stream)).join().unwrap();
        turn().await;
        assert_eq!(Arc::strong_count(&wakes), 1, "its source is kept");
    });
}

#[test]
fn out_of_the_runtime_and_back_in() {
    let _alone = alone();
    let (stream, mut peer) = std_pair();
    let stream = run(async || {
        let mut stream = stream;
        for _ in 0..3 {
            let inside = TcpStream::from_std(stream).unwrap();
            assert_works(&inside, &mut peer).await;
            assert_eq!(epolls_that_list(&inside), 1);
            stream = inside.into_std().unwrap();
            assert_eq!(epolls_that_list(&stream), 0);
        }
        stream
    });
    run(async || assert_works(&TcpStream::from_std(stream).unwrap(), &mut peer).await);
}

#[test]
fn thousands_of_registrations_leave_nothing_behind() {
    let _alone = alone();
    run(async || {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let before = open_descriptors();
        for round in 0..5000 {
            let fd = AsyncFd::new(ours.try_clone().unwrap()).unwrap();
            // It is dropped, or taken out and then dropped: a duplicate keeps the file open.
            if round % 2 == 0 {
                drop(fd.into_inner());
            }
        }
        assert_eq!(open_descriptors(), before);
        let again = AsyncFd::new(ours).unwrap();
        assert_eq!(epolls_that_list(&again), 1);
    });
}

/// Two are readable at once. The one that is woken first closes the other, and registers something new by its number.
#[test]
#[cfg_attr(faults, ignore = "there are false reports")]
fn a_number_that_is_reused_within_one_batch_of_events() {
    let _alone = alone();
    run(async || {
        for with_data in [false, true] {
            let ((first, mut first_peer), (second, mut second_peer), (third, mut third_peer)) =
                (std_pair(), std_pair(), std_pair());
            let both = [Some(waited(first)), Some(waited(second))];
            let shared = Arc::new(Mutex::new((both, Some(third))));
            let (wakes, _) = Wakes::new();
            let (made, new) = mpsc::channel();
            for at in [0, 1] {
                let (shared_too, wakes, made) = (shared.clone(), wakes.clone(), made.clone());
                let waker = waker_fn(move || {
                    let (both, third) = &mut *shared_too.lock().unwrap();
                    both[at] = None;
                    let Some(other) = both[1 - at].take() else { return };
                    let number = other.as_raw_fd();
                    drop(other);
                    let new = TcpStream::from_std(renumbered(third.take().unwrap(), number)).unwrap();
                    assert_eq!(is_readable(&new, &wakes), with_data, "it has inherited readiness");
                    made.send(new).unwrap();
                });
                let mut cx = Context::from_waker(&waker);
                let (both, _) = &*shared.lock().unwrap();
                assert!(both[at].as_ref().unwrap().poll_read_ready(&mut cx).is_pending());
            }
            for peer in [&mut first_peer, &mut second_peer] {
                peer.write_all(b"x").unwrap();
            }
            for stream in shared.lock().unwrap().0.iter().flatten() {
                block_until(stream, libc::POLLIN);
            }
            if with_data {
                third_peer.write_all(b"water").unwrap();
            }
            turn().await;
            let new = new.try_recv().expect("somebody was woken");
            if !with_data {
                assert_eq!(wakes.count(), 0, "it was woken for another's sake");
                assert!(!is_readable(&new, &wakes));
                third_peer.write_all(b"water").unwrap();
            }
            assert_eq!(new.read(&mut [0; 8]).await.unwrap(), 5);
            // Whoever is told at once is not woken.
            assert_eq!(wakes.count(), usize::from(!with_data));
        }
    });
}

/// The file of a stream that was dropped lives on, and so does its place in epoll. What happens to it concerns nothing:
/// neither the source that has come into its place, nor the descriptor that has its number.
#[test]
#[cfg_attr(faults, ignore = "there are false reports")]
fn what_the_kernel_reports_of_a_stream_that_is_gone_reaches_nobody() {
    let _alone = alone();
    run(async || {
        let ((old, mut old_peer), (new, mut new_peer)) = (std_pair(), std_pair());
        let kept = old.try_clone().unwrap();
        let old = waited(old);
        let number = old.as_raw_fd();
        drop(old);
        let (wakes, _) = Wakes::new();
        let new = TcpStream::from_std(renumbered(new, number)).unwrap();
        assert!(!is_readable(&new, &wakes));
        for _ in 0..3 {
            old_peer.write_all(b"x").unwrap();
            block_until(&kept, libc::POLLIN);
            turn().await;
            assert_eq!(wakes.count(), 0);
            assert!(!is_readable(&new, &wakes));
        }
        new_peer.write_all(b"water").unwrap();
        assert_eq!(new.read(&mut [0; 8]).await.unwrap(), 5);
    });
}

/// The same, but dup2(2) has replaced the file that was waited for, so that epoll could not be told.
#[test]
#[cfg_attr(faults, ignore = "there are false reports")]
fn what_the_kernel_reports_of_a_file_that_was_replaced_reaches_nobody() {
    let _alone = alone();
    run(async || {
        let ((old, mut old_peer), (new, mut new_peer)) = (std_pair(), std_pair());
        let kept = old.try_clone().unwrap();
        let old = OwnedFd::from(old);
        let waiting = AsyncFd::new(old.as_fd()).unwrap();
        assert!(poll_once(pin!(waiting.readable())).is_pending());
        let other = fs::File::open("/dev/null").unwrap();
        // SAFETY: takes no pointers; the number is this test's own.
        let replaced = unsafe { libc::dup2(other.as_raw_fd(), old.as_raw_fd()) };
        assert_eq!(replaced, old.as_raw_fd());
        drop(waiting);
        let (wakes, _) = Wakes::new();
        let new = TcpStream::from_std(new).unwrap();
        assert!(!is_readable(&new, &wakes));
        for _ in 0..3 {
            old_peer.write_all(b"x").unwrap();
            block_until(&kept, libc::POLLIN);
            turn().await;
            assert_eq!(wakes.count(), 0);
            assert!(!is_readable(&new, &wakes));
        }
        new_peer.write_all(b"water").unwrap();
        assert_eq!(new.read(&mut [0; 8]).await.unwrap(), 5);
    });
}

/// The message of a wait on another thread is read when its descriptor has been given up and the next one has its place.
#[test]
fn a_wait_from_another_thread_that_comes_too_late_waits_for_no_other_descriptor() {
    let _alone = alone();
    run(async || {
        let ((old, _old_peer), (new, mut new_peer)) = (std_pair(), std_pair());
        let old = waited(old);
        let (wakes, waker) = Wakes::new();
        let there = thread::spawn(move || {
            assert!(pin!(old.readable()).poll(&mut Context::from_waker(&waker)).is_pending());
            old
        });
        drop(there.join().unwrap());
        let new = waited(new);
        turn().await;
        assert_eq!(wakes.count(), 1, "there is nothing to wait for");
        new_peer.write_all(b"water").unwrap();
        assert_eq!(new.read(&mut [0; 8]).await.unwrap(), 5);
        assert_eq!(wakes.count(), 1);
    });
}

/// That descriptor has been given up on the other thread, and the next one has its number, and is in epoll.
#[test]
fn a_wait_from_another_thread_that_comes_too_late_leaves_the_next_of_its_number_alone() {
    let _alone = alone();
    run(async || {
        let ((old, _old_peer), (new, mut new_peer)) = (std_pair(), std_pair());
        let number = old.as_raw_fd();
        let old = waited(old);
        let (_, waker) = Wakes::new();
        let there = thread::spawn(move || {
            assert!(pin!(old.readable()).poll(&mut Context::from_waker(&waker)).is_pending());
            drop(old);
        });
        there.join().unwrap();
        // The kernel gives the lowest number that is free.
        let mut copies = Vec::new();
        let new = loop {
            match new.try_clone().unwrap() {
                copy if copy.as_raw_fd() == number => break waited(copy),
                copy => copies.push(copy),
            }
        };
        turn().await;
        new_peer.write_all(b"water").unwrap();
        assert_eq!(new.read(&mut [0; 8]).await.unwrap(), 5);
    });
}

/// Returns how many descriptors the epoll instances of this process watch, without the runtimes' bells.
fn watched_descriptors() -> usize {
    let infos = fs::read_dir("/proc/self/fdinfo").unwrap().map(|info| info.unwrap().path());
    let texts = infos.filter_map(|path| fs::read_to_string(path).ok());
    texts.map(|text| text.lines().filter(|line| line.starts_with("tfd:")).count().saturating_sub(1)).sum()
}

/// What waits in the current runtime, and what keeps its description open.
type Waited = (Box<dyn Send>, OwnedFd);

fn duplicate(fd: &impl AsFd) -> OwnedFd {
    fd.as_fd().try_clone_to_owned().unwrap()
}

/// Makes one of each type that waits.
async fn one_of_each() -> Vec<(&'static str, Waited)> {
    fn waits<T: AsFd + Send + 'static>(waiter: T, wait: impl AsyncFnOnce(&T)) -> Waited {
        let kept = duplicate(&waiter);
        assert!(poll_once(pin!(wait(&waiter))).is_pending());
        (Box::new(waiter), kept)
    }
    let name = format!("\0ayi-dropped-{}", std::process::id());
    let (stream, _peer) = std_pair();
    let (unix, _peer) = ayi::net::unix::UnixStream::pair().unwrap();
    let (halved, _peer) = std_pair();
    let (sender, receiver) = ayi::net::unix::pipe::pipe().unwrap();
    let (full, _receiver) = ayi::net::unix::pipe::pipe().unwrap();
    while full.try_write(&[0; 4096]).is_ok() {}
    let (fd, _peer) = UnixStream::pair().unwrap();
    fd.set_nonblocking(true).unwrap();
    let halved = TcpStream::from_std(halved).unwrap();
    let kept = duplicate(&halved);
    let halves = halved.into_split();
    assert!(poll_once(pin!(halves.0.readable())).is_pending());
    let udp = ayi::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (datagram, _peer) = ayi::net::unix::UnixDatagram::pair().unwrap();
    let all = vec![
        ("TcpStream", waits(TcpStream::from_std(stream).unwrap(), async |s| drop(s.read(&mut [0]).await))),
        ("halves", (Box::new(halves) as Box<dyn Send>, kept)),
        ("UnixStream", waits(unix, async |s| drop(s.read(&mut [0]).await))),
        ("TcpListener", {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            waits(listener, async |s| drop(s.accept().await))
        }),
        ("UnixListener", {
            let listener = ayi::net::unix::UnixListener::bind(name).unwrap();
            waits(listener, async |s| drop(s.accept().await))
        }),
        ("UdpSocket", waits(udp, async |s| drop(s.recv(&mut [0]).await))),
        ("UnixDatagram", waits(datagram, async |s| drop(s.recv(&mut [0]).await))),
        ("Receiver", waits(receiver, async |s| drop(s.read(&mut [0]).await))),
        ("Sender", waits(full, async |s| drop(s.write(&[0; 4096]).await))),
        ("AsyncFd", waits(AsyncFd::new(fd).unwrap(), async |s| drop(s.readable().await))),
    ];
    drop(sender);
    all
}

#[test]
fn what_is_dropped_leaves_epoll_though_its_description_lives_on() {
    let _alone = alone();
    for elsewhere in [false, true] {
        run(async || {
            let mut all = one_of_each().await;
            assert_eq!(watched_descriptors(), all.len());
            while let Some((what, (waiter, _kept))) = all.pop() {
                match elsewhere {
                    false => drop(waiter),
                    true => thread::spawn(move || drop(waiter)).join().unwrap(),
                }
                assert_eq!(watched_descriptors(), all.len(), "{what}");
            }
        });
    }
}

#[test]
fn what_is_dropped_outside_of_its_runtime_leaves_its_epoll_too() {
    let _alone = alone();
    let rt = Runtime::new().unwrap();
    let mut all = rt.block_on(one_of_each());
    drop(all.pop());
    assert_eq!(watched_descriptors(), all.len());
    let other = Runtime::new().unwrap();
    // That one has a bell, too.
    other.block_on(async { drop(all.pop()) });
    assert_eq!(watched_descriptors(), all.len());
    thread::spawn({
        let last = all.pop();
        move || Runtime::new().unwrap().block_on(async { drop(last) })
    })
    .join()
    .unwrap();
    assert_eq!(watched_descriptors(), all.len());
}

/// Forks. The child runs `body` and ends.
fn in_a_fork(body: impl FnOnce()) {
    // SAFETY: the child runs only `body`, and then ends without running anything else of this process.
    unsafe {
        let child = libc::fork();
        assert!(child >= 0);
        if child == 0 {
            let is_well = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).is_ok();
            libc::_exit(i32::from(!is_well));
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &mut status, 0), child);
        assert_eq!(status, 0, "the child failed");
    }
}

/// The child has the same epoll instance. What it drops, or takes out, stays in the parent's runtime.
#[test]
fn what_a_forked_child_drops_still_waits_in_the_parent() {
    let _alone = alone();
    run(async || {
        let all = one_of_each().await;
        let count = all.len();
        let ((stream, mut peer), (ours, mut theirs)) = (std_pair(), UnixStream::pair().unwrap());
        ours.set_nonblocking(true).unwrap();
        let mut mine = Some((waited(stream), AsyncFd::new(ours).unwrap(), all));
        in_a_fork(|| {
            let (stream, fd, all) = mine.take().unwrap();
            drop((stream.into_std().unwrap(), fd.into_inner(), all));
        });
        assert_eq!(watched_descriptors(), count + 2);
        let (stream, fd, _all) = mine.unwrap();
        peer.write_all(b"water").unwrap();
        theirs.write_all(b"tea").unwrap();
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 5);
        assert_eq!(fd.async_io(Interest::READABLE, |mut fd| fd.read(&mut [0; 8])).await.unwrap(), 3);
    });
}

/// To the child, the tokens of the parent's descriptors mean nothing, and what the child added would mean nothing to the
/// parent.
#[test]
fn a_forked_child_hears_and_adds_nothing_in_its_parents_runtime() {
    let _alone = alone();
    let ((waits, mut peer), (new, mut new_peer)) = (std_pair(), std_pair());
    let rt = Runtime::new().unwrap();
    let waits = rt.block_on(async { waited(waits) });
    peer.write_all(b"water").unwrap();
    in_a_fork(|| {
        rt.block_on(async {
            ayi::task::yield_now().await;
            assert!(poll_once(pin!(waits.read(&mut [0; 8]))).is_pending(), "that is the parent's event");
            let new = TcpStream::from_std(new.try_clone().unwrap()).unwrap();
            let Poll::Ready(Err(error)) = poll_once(pin!(new.read(&mut [0; 8]))) else { panic!("it waits") };
            assert!(error.to_string().contains("forked"), "{error}");
        });
    });
    rt.block_on(async {
        let new = waited(new);
        new_peer.write_all(b"tea").unwrap();
        assert_eq!(new.read(&mut [0; 8]).await.unwrap(), 3);
    });
}

/// A runtime that the child makes is its own, and so is that of the child's child.
#[test]
fn a_forked_childs_own_runtime_forgets_what_is_dropped() {
    fn forgets() {
        run(async || {
            let before = watched_descriptors();
            let (stream, _peer) = std_pair();
            let stream = waited(stream);
            let _kept = duplicate(&stream);
            assert_eq!(watched_descriptors(), before + 1);
            drop(stream);
            assert_eq!(watched_descriptors(), before);
        });
    }
    let _alone = alone();
    forgets();
    in_a_fork(|| {
        forgets();
        in_a_fork(forgets);
        forgets();
    });
    forgets();
}
