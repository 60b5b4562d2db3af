//! If one interest finds nothing, the others still know of their readiness, and a task that was woken tries.

use crate::support::{Wakes, poll_once, poll_with, run, turn};
use ayi::io::{Interest, Ready, Registration, unix::AsyncFd};
use ayi::net::UdpSocket;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Context;

/// Returns all sets of interests that there are.
fn all_sets() -> Vec<Interest> {
    let members = [Interest::READABLE, Interest::WRITABLE, Interest::PRIORITY, Interest::ERROR];
    let chosen =
        |set: u32| (0..4).filter(move |member| set & 1 << member != 0).map(move |at| members[at as usize]);
    (1..16).map(|set| chosen(set).reduce(Interest::add).unwrap()).collect()
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Style {
    Awaited,
    Polled,
}

/// A descriptor whose state the kernel has reported, and of which nothing is left.
struct Quiet {
    stream: UnixStream,
    registration: Registration,
    _peer: UnixStream,
}

impl Quiet {
    async fn new() -> Quiet {
        let (stream, peer) = UnixStream::pair().unwrap();
        stream.set_nonblocking(true).unwrap();
        let registration = Registration::new();
        registration.register(stream.as_fd()).unwrap();
        turn().await;
        let quiet = Quiet { stream, registration, _peer: peer };
        for set in all_sets() {
            let _ = quiet.registration.try_io(set, || Err::<(), _>(ErrorKind::WouldBlock.into()));
        }
        quiet
    }

    /// An operation that finds nothing while `has_some` says so, and counts its attempts.
    fn wait<'a>(
        &'a self,
        style: Style,
        interest: Interest,
        tries: &'a Cell<u32>,
        has_some: &'a Cell<bool>,
    ) -> Pin<Box<dyn Future<Output = io::Result<()>> + 'a>> {
        let fd = self.stream.as_fd();
        let op = move || {
            tries.set(tries.get() + 1);
            if has_some.get() { Ok(()) } else { Err(ErrorKind::WouldBlock.into()) }
        };
        match style {
            Style::Awaited => Box::pin(self.registration.async_io(fd, interest, op, |()| false)),
            Style::Polled => {
                Box::pin(poll_fn(move |cx| self.registration.poll_io(fd, interest, cx, op, |()| false)))
            }
        }
    }
}

/// Both wait, both are woken by one report, and the first finds nothing. The second has its attempt, and finds
/// something.
#[test]
#[cfg_attr(faults, ignore = "attempts are counted")]
fn who_was_woken_tries_whatever_another_has_found() {
    run(async || {
        let (none, some) = (Cell::new(false), Cell::new(true));
        for (first, second) in all_sets().iter().flat_map(|a| all_sets().into_iter().map(move |b| (*a, b))) {
            for styles in [Style::Awaited, Style::Polled]
                .map(|a| [(a, Style::Awaited), (a, Style::Polled)])
                .as_flattened()
            {
                let quiet = Quiet::new().await;
                let (tries, others, nothing_yet) = (Cell::new(0), Cell::new(0), Cell::new(false));
                let [(wakes, waker), (other_wakes, other_waker)] = [Wakes::new(), Wakes::new()];
                let mut one = quiet.wait(styles.0, first, &tries, &none);
                let mut other = quiet.wait(styles.1, second, &others, &nothing_yet);
                let what = format!("{first:?} and {second:?}, {styles:?}");
                assert!(poll_with(one.as_mut(), &waker).is_pending(), "{what}");
                assert!(poll_with(other.as_mut(), &other_waker).is_pending(), "{what}");
                quiet.registration.report(Ready::ALL);
                assert_eq!((wakes.count(), other_wakes.count()), (1, 1), "{what}");
                nothing_yet.set(some.get());
                tries.set(0);
                assert!(poll_with(one.as_mut(), &waker).is_pending(), "{what}");
                assert_eq!(tries.get(), 1, "{what}");
                assert!(poll_with(other.as_mut(), &other_waker).is_ready(), "{what}");
                // Nothing was woken by that.
                turn().await;
                assert_eq!((wakes.count(), other_wakes.count()), (1, 1), "{what}");
            }
        }
    });
}

/// Both are tasks, which poll, and the first takes everything.
#[test]
#[cfg_attr(faults, ignore = "attempts are counted")]
fn who_was_woken_tries_after_another_has_had_a_short_transfer() {
    run(async || {
        let quiet = Rc::new(Quiet::new().await);
        let is_ready = Rc::new(Cell::new(false));
        let tries = Rc::new(Cell::new(0));
        let tasks = [(); 2].map(|()| {
            let (quiet, is_ready, tries) = (quiet.clone(), is_ready.clone(), tries.clone());
            let op = move || {
                tries.set(tries.get() + 1);
                if is_ready.get() { Ok(()) } else { Err(ErrorKind::WouldBlock.into()) }
            };
            ayi::task::spawn_local(async move {
                let (fd, readable) = (quiet.stream.as_fd(), Interest::READABLE);
                poll_fn(|cx| quiet.registration.poll_io(fd, readable, cx, &op, |()| true)).await
            })
        });
        turn().await;
        assert_eq!(tries.replace(0), 0);
        is_ready.set(true);
        quiet.registration.report(Ready::READABLE);
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(tries.get(), 2);
    });
}

/// The second comes only after the first has found nothing.
#[test]
#[cfg_attr(faults, ignore = "attempts are counted")]
fn what_one_interest_finds_nothing_of_is_not_taken_from_another() {
    run(async || {
        let (none, some) = (Cell::new(false), Cell::new(true));
        for (first, second) in all_sets().iter().flat_map(|a| all_sets().into_iter().map(move |b| (*a, b))) {
            if first == second {
                continue;
            }
            for way in 0..4 {
                let quiet = Quiet::new().await;
                let tries = Cell::new(0);
                quiet.registration.report(Ready::ALL);
                let would_block = || Err::<(), _>(ErrorKind::WouldBlock.into());
                match way {
                    0 => assert!(
                        poll_once(quiet.wait(Style::Awaited, first, &tries, &none).as_mut()).is_pending()
                    ),
                    1 => assert!(
                        poll_once(quiet.wait(Style::Polled, first, &tries, &none).as_mut()).is_pending()
                    ),
                    2 => drop(quiet.registration.try_io(first, would_block)),
                    _ => {
                        let fd = quiet.stream.as_fd();
                        let event = quiet.registration.ready_event(fd, first).await.unwrap();
                        quiet.registration.clear(&event);
                        assert!(poll_once(pin!(quiet.registration.ready(fd, first))).is_pending());
                    }
                }
                for style in [Style::Awaited, Style::Polled] {
                    let polled = poll_once(quiet.wait(style, second, &tries, &some).as_mut());
                    assert!(polled.is_ready(), "{first:?}, then {second:?}, {way}");
                }
                // A first one that comes again waits.
                tries.set(0);
                let mut again = quiet.wait(Style::Awaited, first, &tries, &none);
                assert!(poll_once(again.as_mut()).is_pending());
                assert!(poll_once(again.as_mut()).is_pending());
                assert_eq!(tries.get(), 0, "{first:?}, {way}");
            }
        }
    });
}

/// The same as with guards: a task that was woken is told what it was woken for.
#[test]
fn two_tasks_wait_for_the_same_readiness_and_do_different_things() {
    run(async || {
        let (stream, mut peer) = UnixStream::pair().unwrap();
        stream.set_nonblocking(true).unwrap();
        let fd = Rc::new(AsyncFd::new(stream).unwrap());
        let turns = Rc::new(Cell::new(0));
        let idle = ayi::spawn({
            let (fd, turns) = (fd.clone(), turns.clone());
            async move {
                loop {
                    // What this one looks for never comes.
                    let mut guard = fd.readable().await.unwrap();
                    let _ = guard.try_io(|_| Err::<(), _>(ErrorKind::WouldBlock.into()));
                    turns.set(turns.get() + 1);
                }
            }
        });
        let reader = ayi::spawn(async move {
            loop {
                let mut guard = fd.readable().await.unwrap();
                if let Ok(read) = guard.try_io(|fd| fd.get_ref().read(&mut [0; 8])) {
                    return read.unwrap();
                }
            }
        });
        turn().await;
        peer.write_all(b"tea").unwrap();
        assert_eq!(reader.await.unwrap(), 3);
        let before = turns.get();
        for _ in 0..20 {
            turn().await;
        }
        assert!(turns.get() <= before + 1, "it spins");
        idle.abort();
    });
}

fn error_queue(fd: i32) -> io::Result<usize> {
    let mut control = [0_u8; 512];
    // SAFETY: zeros are a valid msghdr; the buffer outlives the call.
    let result = unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = control.len();
        libc::recvmsg(fd, &mut message, libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT)
    };
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// Timestamps of what was sent come in the error queue, socket(7), and wake readers and writers as well.
#[test]
#[cfg_attr(faults, ignore = "there are false reports")]
fn a_receiver_does_not_take_what_is_in_the_error_queue_from_who_waits_for_it() {
    // The cases differ in who waits for it first, and in which way.
    for (receiver_first, interest) in [false, true].into_iter().flat_map(|first| {
        [Interest::ERROR, Interest::READABLE, Interest::ERROR | Interest::PRIORITY].map(|i| (first, i))
    }) {
        run(async || {
            let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            let socket = Rc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
            socket.connect(peer.local_addr().unwrap()).await.unwrap();
            let fd = socket.as_raw_fd();
            let on = libc::SOF_TIMESTAMPING_TX_SOFTWARE | libc::SOF_TIMESTAMPING_SOFTWARE;
            // SAFETY: four readable bytes.
            let set = unsafe {
                libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, (&raw const on).cast(), 4)
            };
            assert_eq!(set, 0);
            let receive = || {
                let socket = socket.clone();
                ayi::spawn(async move { socket.recv(&mut [0; 8]).await })
            };
            let mut receiver = receiver_first.then(receive);
            let stamps = ayi::spawn({
                let socket = socket.clone();
                async move { socket.async_io(interest, || error_queue(fd)).await }
            });
            receiver.get_or_insert_with(receive);
            turn().await;
            socket.send(b"x").await.unwrap();
            stamps.await.unwrap().unwrap();
            receiver.unwrap().abort();
        });
    }
}

/// Unread data, an error and the end are all there at once, and each is found.
#[test]
fn after_a_wait_for_priority_the_end_is_still_read() {
    run(async || {
        let (stream, peer) = UnixStream::pair().unwrap();
        stream.set_nonblocking(true).unwrap();
        let fd = Rc::new(AsyncFd::new(stream).unwrap());
        let reader = ayi::spawn({
            let fd = fd.clone();
            async move { fd.async_io(Interest::READABLE, |mut stream| stream.read(&mut [0; 8])).await }
        });
        let mut urgent =
            Box::pin(fd.async_io(Interest::PRIORITY, |_| Err::<(), _>(ErrorKind::WouldBlock.into())));
        assert!(poll_once(urgent.as_mut()).is_pending());
        turn().await;
        drop(peer);
        turn().await;
        assert!(poll_once(urgent.as_mut()).is_pending());
        assert_eq!(reader.await.unwrap().unwrap(), 0);
    });
}

/// A waiter is polled for another reason, and was not woken: it continues to wait, without an attempt.
#[test]
#[cfg_attr(faults, ignore = "attempts are counted")]
fn who_was_not_woken_does_not_try() {
    run(async || {
        for style in [Style::Awaited, Style::Polled] {
            for set in all_sets() {
                let quiet = Quiet::new().await;
                let (tries, none) = (Cell::new(0), Cell::new(false));
                let mut wait = quiet.wait(style, set, &tries, &none);
                let (_, waker) = Wakes::new();
                let mut cx = Context::from_waker(&waker);
                assert!(wait.as_mut().poll(&mut cx).is_pending());
                tries.set(0);
                for _ in 0..10 {
                    assert!(wait.as_mut().poll(&mut cx).is_pending());
                }
                assert_eq!(tries.get(), 0, "{style:?}, {set:?}");
            }
        }
    });
}
