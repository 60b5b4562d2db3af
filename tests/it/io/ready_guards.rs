//! Guards of readiness that are kept: they do not take back what came after they were made.

use crate::support::{poll_once, run, turn, watched};
use ayi::io::{Interest, Ready, Registration, unix::AsyncFd};
use ayi::runtime::Runtime;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::pin::pin;

fn pair() -> (AsyncFd<UnixStream>, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    theirs.set_nonblocking(true).unwrap();
    (AsyncFd::new(ours).unwrap(), theirs)
}

fn drain(mut stream: &UnixStream) {
    while stream.read(&mut [0; 65536]).is_ok() {}
}

fn fill(mut stream: &UnixStream) {
    while stream.write(&[0; 65536]).is_ok() {}
}

#[test]
fn data_that_comes_while_the_guard_is_kept_stays_known() {
    for way in 0..6 {
        run(async || {
            let (mut fd, mut peer) = pair();
            peer.write_all(b"1").unwrap();
            let would_block = || Err::<(), _>(ErrorKind::WouldBlock.into());
            if way < 3 {
                let mut guard = fd.readable().await.unwrap();
                drain(guard.get_inner());
                peer.write_all(b"2").unwrap();
                turn().await;
                match way {
                    0 => guard.clear_ready(),
                    1 => guard.clear_ready_matching(Ready::READABLE),
                    _ => drop(guard.try_io(|_| would_block())),
                }
            } else {
                let mut guard = fd.readable_mut().await.unwrap();
                drain(guard.get_inner());
                peer.write_all(b"2").unwrap();
                turn().await;
                match way {
                    3 => guard.clear_ready(),
                    4 => guard.clear_ready_matching(Ready::ALL),
                    _ => drop(guard.try_io(|_| would_block())),
                }
            }
            let mut buf = [0; 8];
            let read = fd.async_io(Interest::READABLE, |mut stream| stream.read(&mut buf));
            assert_eq!(read.await.unwrap(), 1, "{way}");
            assert_eq!(buf[0], b'2');
        });
    }
}

#[test]
fn room_that_comes_while_the_guard_is_kept_stays_known() {
    run(async || {
        let (fd, peer) = pair();
        let mut guard = fd.writable().await.unwrap();
        fill(guard.get_inner());
        drain(&peer);
        turn().await;
        guard.clear_ready();
        drop(guard);
        fd.writable().await.unwrap().retain_ready();
    });
}

/// A guard of one direction knows nothing of the other.
#[test]
#[cfg_attr(faults, ignore = "there are false reports")]
fn what_the_guard_has_not_seen_stays_known() {
    run(async || {
        let (fd, mut peer) = pair();
        let both = Interest::READABLE | Interest::WRITABLE;
        let mut guard = fd.ready(both).await.unwrap();
        assert!(!guard.ready().is_readable());
        fill(guard.get_inner());
        peer.write_all(b"1").unwrap();
        turn().await;
        guard.clear_ready();
        drop(guard);
        assert!(fd.ready(both).await.unwrap().ready().is_readable());
        let mut guard = fd.readable().await.unwrap();
        drain(guard.get_inner());
        guard.clear_ready();
        // This one is used twice: the second time it says nothing about what has come since.
        assert!(poll_once(pin!(fd.readable())).is_pending());
        peer.write_all(b"2").unwrap();
        turn().await;
        guard.clear_ready();
        drop(guard);
        fd.readable().await.unwrap().retain_ready();
    });
}

#[test]
#[cfg_attr(faults, ignore = "there are false reports")]
fn a_guard_that_is_used_at_once_clears() {
    run(async || {
        let (fd, mut peer) = pair();
        for _ in 0..3 {
            peer.write_all(b"1").unwrap();
            let mut guard = fd.readable().await.unwrap();
            drain(guard.get_inner());
            guard.clear_ready();
            drop(guard);
            assert!(poll_once(pin!(fd.readable())).is_pending());
        }
    });
}

/// The end of the stream stays known, even if a task says that nothing is left.
#[test]
fn the_end_stays_known() {
    run(async || {
        let (fd, mut peer) = pair();
        peer.write_all(b"1").unwrap();
        drop(peer);
        turn().await;
        let mut guard = fd.readable().await.unwrap();
        assert_eq!(guard.get_inner().read(&mut [0; 8]).unwrap(), 1);
        guard.clear_ready();
        guard.clear_ready_matching(Ready::ALL);
        let _ = guard.try_io(|_| Err::<(), _>(ErrorKind::WouldBlock.into()));
        drop(guard);
        assert!(fd.readable().await.unwrap().ready().is_read_closed());
        let end = fd.async_io(Interest::READABLE, |mut stream| stream.read(&mut [0; 8]));
        assert_eq!(end.await.unwrap(), 0);
    });
}

/// The same without a guard: the task says that something is not ready.
#[test]
fn what_is_said_not_to_be_ready_and_is_gets_reported() {
    for matching in [false, true] {
        run(async || {
            let (stream, mut peer) = UnixStream::pair().unwrap();
            stream.set_nonblocking(true).unwrap();
            let registration = Registration::new();
            let fd = stream.as_fd();
            peer.write_all(b"1").unwrap();
            registration.ready(fd, Interest::READABLE).await.unwrap();
            drain(&stream);
            peer.write_all(b"2").unwrap();
            turn().await;
            if matching {
                registration.clear_ready_matching(Ready::READABLE);
            } else {
                registration.clear_ready(Interest::READABLE);
            }
            registration.ready(fd, Interest::READABLE).await.unwrap();
            drain(&stream);
            registration.clear_ready(Interest::READABLE);
            assert!(cfg!(faults) || poll_once(pin!(registration.ready(fd, Interest::READABLE))).is_pending());
            drop(peer);
            registration.ready(fd, Interest::READABLE).await.unwrap();
        });
    }
}

/// An attempt that lets the reactor turn: what was reported meanwhile is kept.
#[test]
#[cfg_attr(faults, ignore = "attempts are counted")]
fn an_attempt_in_which_the_reactor_turns() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let _inside = rt.enter();
        let (fd, peer) = pair();
        // It has been reported, and is empty again.
        (&peer).write_all(b"0").unwrap();
        rt.block_on(turn());
        drain(fd.get_ref());
        let nothing_and_then_something = |mut stream: &UnixStream| {
            let result = stream.read(&mut [0; 8]);
            (&peer).write_all(b"1").unwrap();
            rt.block_on(turn());
            result
        };
        assert!(fd.try_io(Interest::READABLE, nothing_and_then_something).is_err());
        assert!(poll_once(pin!(fd.readable())).is_ready());
        drain(fd.get_ref());
        let mut first = true;
        let read = fd.async_io(Interest::READABLE, |mut stream| {
            if std::mem::take(&mut first) {
                nothing_and_then_something(stream)
            } else {
                stream.read(&mut [0; 8])
            }
        });
        let mut read = pin!(read);
        assert!(poll_once(read.as_mut()).is_ready());
    });
}
