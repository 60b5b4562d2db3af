//! `AsyncFd`: interests and readiness as sets, mutable guards, `poll` forms, and what it refuses.

use crate::support::{self, Wakes, poll_once, run, turn};
use ayi::io::{Interest, Ready, unix::AsyncFd};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::task::{Context, Poll};

fn pair() -> (UnixStream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    (ours, theirs)
}

#[test]
fn sets_are_sets() {
    let both = Interest::READABLE | Interest::WRITABLE;
    assert!(both.is_readable() && both.is_writable() && !both.is_priority() && !both.is_error());
    assert_eq!(format!("{both:?}"), "READABLE | WRITABLE");
    assert_eq!(both.remove(Interest::READABLE), Some(Interest::WRITABLE));
    assert_eq!(both.remove(both), None);
    assert_eq!(both.remove(Interest::PRIORITY), Some(both));
    let mut all = both.add(Interest::PRIORITY);
    all |= Interest::ERROR;
    assert_eq!(format!("{all:?}"), "READABLE | WRITABLE | PRIORITY | ERROR");
    assert_eq!(all.remove(both), Some(Interest::PRIORITY | Interest::ERROR));

    let mut ready = Ready::READABLE | Ready::PRIORITY;
    assert!(ready.is_readable() && ready.is_priority() && !ready.is_writable() && !ready.is_error());
    ready |= Ready::ERROR;
    assert!(ready.contains(Ready::ERROR | Ready::READABLE) && !ready.contains(Ready::WRITABLE));
    assert_eq!((ready - Ready::READABLE) & (Ready::READABLE | Ready::ERROR), Ready::ERROR);
    assert!((ready - Ready::ALL).is_empty() && Ready::ALL.is_write_closed() && Ready::EMPTY.is_empty());
    assert_eq!(format!("{ready:?} {:?}", Ready::EMPTY), "READABLE | ERROR | PRIORITY EMPTY");
}

#[test]
fn one_of_several_interests_is_enough() {
    run(async || {
        let (ours, mut theirs) = pair();
        let ours = AsyncFd::with_interest(ours, Interest::READABLE | Interest::WRITABLE).unwrap();
        let both = Interest::READABLE | Interest::WRITABLE;
        let ready = ours.ready(both).await.unwrap().ready();
        assert!(ready.is_writable() && !ready.is_readable());
        theirs.write_all(b"x").unwrap();
        ours.readable().await.unwrap().retain_ready();
        let mut guard = ours.ready(both).await.unwrap();
        assert!(guard.ready().is_writable() && guard.ready().is_readable());
        // Only the readiness that was used up is cleared.
        guard.clear_ready_matching(Ready::READABLE);
        assert!(poll_once(pin!(ours.readable())).is_pending());
        assert!(poll_once(pin!(ours.writable())).is_ready());
        assert_eq!(
            guard.get_inner().as_fd().try_clone_to_owned().is_ok(),
            guard.get_ref().get_ref().peer_addr().is_ok()
        );
    });
}

#[test]
#[cfg_attr(faults, ignore = "there are false reports")]
fn urgent_data_is_a_priority_event() {
    run(async || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let theirs = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (ours, _) = listener.accept().unwrap();
        ours.set_nonblocking(true).unwrap();
        let ours = AsyncFd::new(ours).unwrap();
        assert!(poll_once(pin!(ours.ready(Interest::PRIORITY))).is_pending());
        socket2::SockRef::from(&theirs).send_out_of_band(b"!").unwrap();
        let mut guard = ours.ready(Interest::PRIORITY).await.unwrap();
        assert!(guard.ready().is_priority());
        guard.clear_ready();
        drop(guard);
        // The end of the stream ends the wait as well: no urgent data can come any longer.
        let waiting =
            ayi::spawn(async move { ours.ready(Interest::PRIORITY).await.map(|guard| guard.ready()) });
        turn().await;
        assert!(!waiting.is_finished());
        drop(theirs);
        assert!(waiting.await.unwrap().unwrap().is_read_closed());
    });
}

#[test]
fn an_error_can_be_waited_for() {
    run(async || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let theirs = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (ours, _) = listener.accept().unwrap();
        ours.set_nonblocking(true).unwrap();
        let ours = AsyncFd::new(ours).unwrap();
        let waiting = ayi::spawn(async move {
            let ready = ours.ready(Interest::ERROR).await.unwrap().ready();
            (ready, ours)
        });
        turn().await;
        assert!(!waiting.is_finished());
        socket2::SockRef::from(&theirs).set_linger(Some(std::time::Duration::ZERO)).unwrap();
        drop(theirs);
        let (ready, ours) = waiting.await.unwrap();
        assert!(ready.is_error());
        assert_eq!(ours.get_ref().take_error().unwrap().unwrap().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn mutable_guards_lend_the_owner() {
    run(async || {
        let (ours, mut theirs) = pair();
        let mut ours = AsyncFd::new(ours).unwrap();
        theirs.write_all(b"tea").unwrap();
        let mut buf = [0; 8];
        let mut guard = ours.readable_mut().await.unwrap();
        assert!(guard.ready().is_readable());
        assert_eq!(guard.try_io(|fd| fd.get_mut().read(&mut buf)).unwrap().unwrap(), 3);
        assert!(guard.try_io(|fd| fd.get_mut().read(&mut buf)).is_err());
        guard.get_inner_mut().write_all(b"thanks").unwrap();
        assert!(
            guard.get_mut().get_ref().peer_addr().is_ok()
                && guard.get_ref().as_fd().try_clone_to_owned().is_ok()
        );
        assert!(guard.get_inner().local_addr().is_ok());
        guard.retain_ready();
        assert!(poll_once(pin!(ours.readable_mut())).is_pending(), "the operation has cleared it");
        let mut guard = ours.writable_mut().await.unwrap();
        guard.clear_ready_matching(Ready::WRITABLE);
        guard.clear_ready();
        assert!(poll_once(pin!(ours.ready_mut(Interest::WRITABLE))).is_pending());
    });
}

#[test]
fn io_in_one_call() {
    run(async || {
        let (ours, mut theirs) = pair();
        let mut ours = AsyncFd::new(ours).unwrap();
        let mut buf = [0; 8];
        let nothing = ours.try_io(Interest::READABLE, |mut fd| fd.read(&mut buf)).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        let nothing = ours.try_io_mut(Interest::READABLE, |fd| fd.read(&mut buf)).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        let writer = ayi::spawn(async move {
            turn().await;
            theirs.write_all(b"tea").unwrap();
            turn().await;
            theirs.write_all(b"more").unwrap();
            theirs
        });
        assert_eq!(ours.async_io(Interest::READABLE, |mut fd| fd.read(&mut buf)).await.unwrap(), 3);
        assert_eq!(ours.async_io_mut(Interest::READABLE, |fd| fd.read(&mut buf)).await.unwrap(), 4);
        writer.await.unwrap();
    });
}

#[test]
fn the_poll_forms_wait_and_wake() {
    run(async || {
        let (ours, mut theirs) = pair();
        let mut ours = AsyncFd::new(ours).unwrap();
        let (wakes, waker) = Wakes::new();
        let mut cx = Context::from_waker(&waker);
        assert!(ours.poll_read_ready(&mut cx).is_pending());
        assert!(ours.poll_read_ready_mut(&mut cx).is_pending());
        theirs.write_all(b"x").unwrap();
        turn().await;
        assert_eq!(wakes.count(), 1, "one waker, though it waited twice");
        assert!(
            matches!(ours.poll_read_ready(&mut cx), Poll::Ready(Ok(guard)) if guard.ready().is_readable())
        );
        assert!(matches!(ours.poll_read_ready_mut(&mut cx), Poll::Ready(Ok(_))));
        assert!(
            matches!(ours.poll_write_ready(&mut cx), Poll::Ready(Ok(guard)) if guard.ready().is_writable())
        );
        assert!(matches!(ours.poll_write_ready_mut(&mut cx), Poll::Ready(Ok(_))));
    });
}

#[test]
fn what_cannot_be_waited_for_is_given_back() {
    run(async || {
        let path = std::env::current_exe().unwrap();
        let error = AsyncFd::try_new(File::open(&path).unwrap()).unwrap_err();
        assert!(error.to_string().contains("a regular file"), "{error}");
        assert!(std::error::Error::source(&error).is_some());
        let (file, cause) = error.into_parts();
        assert!(file.metadata().is_ok() && cause.kind() == ErrorKind::PermissionDenied);
        let error = AsyncFd::try_with_interest(file, Interest::READABLE).unwrap_err();
        assert_eq!(std::io::Error::from(error).kind(), ErrorKind::PermissionDenied);
        let (ours, _theirs) = pair();
        let first = AsyncFd::new(ours.as_fd()).unwrap();
        let error = AsyncFd::try_new(ours.as_fd()).unwrap_err();
        assert_eq!(error.into_parts().1.kind(), ErrorKind::AlreadyExists);
        drop(first);
        assert!(AsyncFd::try_new(ours.as_fd()).is_ok());
    });
    let (ours, _theirs) = pair();
    let (_, cause) = AsyncFd::try_new(ours).unwrap_err().into_parts();
    assert!(cause.to_string().contains("no ayi runtime"));
}

#[test]
fn the_end_of_the_runtime_is_told_from_other_errors() {
    let rt = ayi::runtime::Runtime::new().unwrap();
    let (ours, _theirs) = pair();
    let ours = rt.block_on(async { AsyncFd::new(ours).unwrap() });
    let mut waiting = pin!(ours.readable());
    let (wakes, waker) = Wakes::new();
    rt.block_on(async { assert!(support::poll_with(waiting.as_mut(), &waker).is_pending()) });
    drop(rt);
    assert_eq!(wakes.count(), 1);
    match poll_once(waiting.as_mut()) {
        Poll::Ready(Err(error)) => assert!(ayi::runtime::is_rt_shutdown_err(&error), "{error}"),
        _ => panic!("it must be ready, and an error"),
    }
}

#[test]
#[cfg_attr(faults, ignore = "what is ready is not had at once")]
fn what_is_not_known_to_be_ready_is_not_tried() {
    run(async || {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut fd = AsyncFd::new(ours).unwrap();
        let is_tried = |fd: &AsyncFd<UnixStream>, interest, result: io::Result<()>| {
            let mut is_tried = false;
            let result = fd.try_io(interest, |_| {
                is_tried = true;
                result
            });
            assert!(is_tried || result.unwrap_err().kind() == ErrorKind::WouldBlock);
            is_tried
        };
        let would_block = || Err(ErrorKind::WouldBlock.into());
        assert!(!is_tried(&fd, Interest::WRITABLE, Ok(())), "nothing has been reported yet");
        turn().await;
        assert!(!is_tried(&fd, Interest::READABLE, Ok(())));
        assert!(is_tried(&fd, Interest::WRITABLE, Ok(())));
        assert!(is_tried(&fd, Interest::WRITABLE, would_block()));
        assert!(!is_tried(&fd, Interest::WRITABLE, Ok(())), "the attempt has found no room");
        theirs.write_all(b"x").unwrap();
        turn().await;
        assert!(is_tried(&fd, Interest::READABLE, Ok(())));
        assert!(fd.try_io_mut(Interest::READABLE, |_| would_block()).is_err());
        assert!(!is_tried(&fd, Interest::READABLE, Ok(())));
    });
}

#[test]
fn a_guard_says_what_it_has_not_cleared() {
    run(async || {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        theirs.write_all(b"x").unwrap();
        let mut fd = AsyncFd::new(ours).unwrap();
        turn().await;
        let both = Interest::READABLE | Interest::WRITABLE;
        let mut guard = fd.ready(both).await.unwrap();
        assert_eq!(guard.ready(), Ready::READABLE | Ready::WRITABLE);
        guard.clear_ready_matching(Ready::READABLE);
        assert_eq!(guard.ready(), Ready::WRITABLE);
        guard.clear_ready();
        assert!(guard.ready().is_empty());
        theirs.write_all(b"x").unwrap();
        let mut guard = fd.ready_mut(both).await.unwrap();
        guard.clear_ready_matching(Ready::READABLE);
        assert!(!guard.ready().is_readable());
    });
}
