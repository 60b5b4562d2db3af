//! Timers and descriptors of a runtime that other threads poll.

use super::runtime;
use crate::core::sync::explore;
use crate::core::sys::Line;
use crate::io::{Interest, Registration};
use crate::runtime::Handle;
use crate::time::{Instant, sleep_until};
use loom::sync::Mutex;
use loom::thread;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Polls like another executor: in no runtime, parked in between.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    crate::task::block_thread_on("this", "that", future)
}

/// Its end comes when the other thread has polled, or before, or in between.
#[test]
fn a_descriptor_that_waits_from_afar_is_told_of_the_end() {
    explore(2, || {
        let rt = runtime();
        let stdin = std::io::stdin();
        let registration = Registration::new();
        rt.block_on(async { registration.register(stdin.as_fd()) }).unwrap();
        let (handle, registration) = (rt.handle().clone(), Arc::new(registration));
        let theirs = registration.clone();
        let waits = thread::spawn(move || {
            let stdin = std::io::stdin();
            let never = || Err::<(), _>(io::Error::from(io::ErrorKind::WouldBlock));
            block_on(theirs.async_io(stdin.as_fd(), Interest::READABLE, never, |_| false))
        });
        rt.block_on(crate::task::yield_now());
        drop((rt, handle));
        assert!(waits.join().unwrap().is_err());
    });
}

/// What becomes ready after the attempt and before the owner has stored the waker is reported again. Only the other
/// thread's future lets the runtime go on.
#[test]
fn a_descriptor_that_becomes_ready_while_the_message_is_under_way_wakes() {
    explore(2, || {
        let rt = runtime();
        let line = Line::new(std::io::stdin().as_fd().as_raw_fd());
        let registration = Arc::new(Registration::new());
        rt.block_on(async {
            registration.register(std::io::stdin().as_fd()).unwrap();
            let (theirs, done) = (registration.clone(), Arc::new(Notice::default()));
            let tell = done.clone();
            let waits = thread::spawn(move || {
                let stdin = std::io::stdin();
                let read = || match line.is_ready() {
                    true => Ok(()),
                    false => Err(io::Error::from(io::ErrorKind::WouldBlock)),
                };
                let result = block_on(theirs.async_io(stdin.as_fd(), Interest::READABLE, read, |_| false));
                tell.give();
                result
            });
            let peer = thread::spawn(|| line.make_ready());
            poll_fn(|cx| done.poll(cx)).await;
            waits.join().unwrap().unwrap();
            peer.join().unwrap();
        });
    });
}

/// A message from one thread to the other.
#[derive(Default)]
pub(super) struct Notice(Mutex<(bool, Option<Waker>)>);

impl Notice {
    pub(super) fn give(&self) {
        let waker = {
            let mut notice = self.0.lock().unwrap();
            notice.0 = true;
            notice.1.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let mut notice = self.0.lock().unwrap();
        notice.1 = Some(cx.waker().clone());
        if notice.0 { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// The owner fires it, the other thread gives it up, or the runtime ends, in any order.
#[test]
fn a_timer_that_waits_from_afar_fires_once_or_is_given_up() {
    explore(2, || {
        let rt = runtime();
        let timer = rt.block_on(async { sleep_until(Instant::now() + std::time::Duration::from_secs(3600)) });
        let waits = thread::spawn(move || {
            let mut timer = timer;
            let waker = Waker::noop();
            let polled = std::pin::Pin::new(&mut timer).poll(&mut Context::from_waker(waker));
            assert!(polled.is_pending());
            drop(timer);
        });
        let handle: Handle = rt.handle().clone();
        rt.block_on(crate::task::yield_now());
        waits.join().unwrap();
        rt.block_on(crate::task::yield_now());
        assert_eq!(handle.metrics().num_timers(), 0);
    });
}
