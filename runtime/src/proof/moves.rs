//! Descriptors that go from one runtime to another.

use super::runtime;
use crate::core::sync::explore;
use crate::core::sys::Line;
use crate::io::{Interest, Registration};
use crate::runtime::{Handle, Runtime};
use loom::thread;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::task::{Context, Poll};

async fn read(registration: &Registration, line: &'static Line) -> io::Result<()> {
    let stdin = std::io::stdin();
    let read = || match line.is_ready() {
        true => Ok(()),
        false => Err(io::Error::from(io::ErrorKind::WouldBlock)),
    };
    registration.async_io(stdin.as_fd(), Interest::READABLE, read, |_| false).await
}

fn line() -> &'static Line {
    Line::new(std::io::stdin().as_fd().as_raw_fd())
}

/// Has a descriptor wait in a runtime.
fn waited(rt: &Runtime) -> Arc<Registration> {
    rt.block_on(async {
        let registration = Registration::new();
        registration.register(std::io::stdin().as_fd()).unwrap();
        Arc::new(registration)
    })
}

/// Polls in a runtime of its own, which ends then.
fn poll_in_another(registration: &Registration, line: &'static Line) {
    let rt = runtime();
    let poll =
        |cx: &mut Context<'_>| Poll::Ready(std::pin::pin!(read(registration, line)).poll(cx).map(drop));
    let _ = rt.block_on(poll_fn(poll));
}

fn open(handle: &Handle) -> u64 {
    let metrics = handle.metrics();
    metrics.io_driver_fd_registered_count() - metrics.io_driver_fd_deregistered_count()
}

/// Before it leaves the one, in between, before it waits in the other, or after that.
#[test]
fn a_descriptor_that_becomes_ready_while_it_goes_wakes() {
    explore(2, || {
        let rt = runtime();
        let (line, registration) = (line(), waited(&rt));
        let theirs = registration.clone();
        let goes = thread::spawn(move || runtime().block_on(read(&theirs, line)));
        let peer = thread::spawn(|| line.make_ready());
        goes.join().unwrap().unwrap();
        peer.join().unwrap();
        drop(registration);
        rt.block_on(crate::task::yield_now());
        assert_eq!(open(rt.handle()), 0);
    });
}

/// It is taken over before this one waits, or while it waits, or not at all; and it comes back.
#[test]
fn who_waits_where_a_descriptor_was_is_woken() {
    explore(2, || {
        let rt = runtime();
        let (line, registration) = (line(), waited(&rt));
        let theirs = registration.clone();
        let other = thread::spawn(move || {
            poll_in_another(&theirs, line);
            line.make_ready();
        });
        rt.block_on(read(&registration, line)).unwrap();
        other.join().unwrap();
        drop(registration);
        rt.block_on(crate::task::yield_now());
        assert_eq!(open(rt.handle()), 0);
    });
}

#[test]
fn a_descriptor_whose_runtime_ends_meanwhile_goes_on_in_another() {
    explore(2, || {
        let rt = runtime();
        let (line, registration) = (line(), waited(&rt));
        let goes = thread::spawn(move || {
            let rt = runtime();
            let result = rt.block_on(async {
                let mut read = Box::pin(read(&registration, line));
                poll_fn(|cx| {
                    if read.as_mut().poll(cx).is_pending() {
                        line.make_ready();
                    }
                    Poll::Ready(())
                })
                .await;
                read.await
            });
            drop(registration);
            rt.block_on(crate::task::yield_now());
            assert_eq!(open(rt.handle()), 0);
            result
        });
        drop(rt);
        goes.join().unwrap().unwrap();
    });
}

/// The last one who has it drops it on a third thread, as soon as the two others are done, and its number is used again.
#[test]
fn a_descriptor_that_is_dropped_while_messages_of_it_are_under_way_leaves_nothing() {
    explore(2, || {
        let rt = runtime();
        let (line, registration) = (line(), waited(&rt));
        let other = thread::spawn(move || {
            poll_in_another(&registration, line);
            drop(registration);
            let next = Registration::new();
            let rt = runtime();
            rt.block_on(async { next.register(std::io::stdin().as_fd()) }).unwrap();
            line.make_ready();
            rt.block_on(read(&next, line)).unwrap();
        });
        rt.block_on(crate::task::yield_now());
        other.join().unwrap();
        rt.block_on(crate::task::yield_now());
        assert_eq!(open(rt.handle()), 0);
    });
}
