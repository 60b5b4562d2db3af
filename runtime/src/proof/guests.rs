//! Descriptors that other threads put into a runtime's epoll instance.

use super::descriptors::{line, open, read};
use super::elsewhere::{Notice, block_on};
use super::runtime;
use crate::core::sync::explore;
use crate::io::{Interest, Registration};
use crate::runtime::Runtime;
use loom::thread;
use std::future::poll_fn;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Wake, Waker};

fn registration_of(rt: &Runtime) -> Arc<Registration> {
    let _inside = rt.enter();
    Arc::new(Registration::new())
}

/// It becomes ready before the attempt, after it, before the waker is stored, or after that.
#[test]
fn a_guest_that_becomes_ready_wakes() {
    explore(2, || {
        let rt = runtime();
        let (line, registration) = (line(), registration_of(&rt));
        rt.block_on(async {
            let done = Arc::new(Notice::default());
            let tell = done.clone();
            let waits = thread::spawn(move || {
                let result = block_on(read(&registration, Some(line)));
                tell.give();
                result
            });
            let peer = thread::spawn(|| line.make_ready());
            poll_fn(|cx| done.poll(cx)).await;
            waits.join().unwrap().unwrap();
            peer.join().unwrap();
        });
        assert_eq!(open(rt.handle()), 0);
    });
}

/// The end comes before it is a guest, before it waits, or while it waits.
#[test]
fn a_guest_is_told_of_the_end() {
    explore(2, || {
        let rt = runtime();
        let (_line, registration) = (line(), registration_of(&rt));
        let waits = thread::spawn(move || block_on(read(&registration, None)));
        rt.block_on(crate::task::yield_now());
        drop(rt);
        assert!(waits.join().unwrap().is_err());
    });
}

/// It is given up while the owner hears of it.
#[test]
fn a_guest_that_leaves_hears_nothing() {
    explore(2, || {
        let rt = runtime();
        let (line, registration) = (line(), registration_of(&rt));
        let leaves = thread::spawn(move || {
            let polled =
                std::pin::pin!(read(&registration, None)).poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_pending());
            drop(registration);
        });
        let peer = thread::spawn(|| line.make_ready());
        rt.block_on(crate::task::yield_now());
        leaves.join().unwrap();
        peer.join().unwrap();
        rt.block_on(crate::task::yield_now());
        assert_eq!(open(rt.handle()), 0);
    });
}

/// The next guest has its place.
#[test]
fn what_is_reported_of_a_guest_that_has_left_reaches_no_other() {
    explore(2, || {
        let rt = runtime();
        let (line, registration, next) = (line(), registration_of(&rt), registration_of(&rt));
        let other = thread::spawn(move || {
            let mut first = Box::pin(read(&registration, None));
            assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            drop(first);
            drop(registration);
            let wakes = Arc::new(Wakes(AtomicUsize::new(0)));
            let stdout = std::io::stdout();
            let never = || Err::<(), _>(io::Error::from(io::ErrorKind::WouldBlock));
            let mut second = Box::pin(next.async_io(
                stdout.as_fd(),
                Interest::WRITABLE | Interest::READABLE,
                never,
                |_| false,
            ));
            let waker = Waker::from(wakes.clone());
            assert!(second.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            drop(second);
            wakes.0.load(Relaxed)
        });
        let peer = thread::spawn(|| line.make_ready());
        rt.block_on(crate::task::yield_now());
        assert_eq!(other.join().unwrap(), 0);
        peer.join().unwrap();
    });
}

struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// The owner makes a source of it, and the other thread a guest. It is one of the two.
#[test]
fn who_registers_first_has_it() {
    explore(2, || {
        let rt = runtime();
        let (_line, registration) = (line(), registration_of(&rt));
        let theirs = registration.clone();
        let other = thread::spawn(move || {
            let mut read = Box::pin(read(&theirs, None));
            assert!(read.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        });
        let poll = |cx: &mut Context<'_>| {
            assert!(std::pin::pin!(read(&registration, None)).poll(cx).is_pending());
            Poll::Ready(())
        };
        rt.block_on(poll_fn(poll));
        other.join().unwrap();
        rt.block_on(crate::task::yield_now());
        assert_eq!(open(rt.handle()), 1);
        drop(registration);
        rt.block_on(crate::task::yield_now());
        assert_eq!(open(rt.handle()), 0);
    });
}
