//! Descriptors that go from one runtime to another.

use super::descriptors::{line, open, read};
use super::runtime;
use crate::core::sync::explore;
use crate::core::sys::Line;
use crate::io::Registration;
use crate::runtime::Runtime;
use loom::thread;
use std::future::poll_fn;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::task::{Context, Poll};

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
        |cx: &mut Context<'_>| Poll::Ready(std::pin::pin!(read(registration, Some(line))).poll(cx).map(drop));
    let _ = rt.block_on(poll_fn(poll));
}

/// Nobody uses it any more, and the runtime has heard of that.
fn assert_left(rt: &Runtime, registration: Arc<Registration>) {
    drop(registration);
    rt.block_on(crate::task::yield_now());
    assert_eq!(open(rt.handle()), 0);
}

/// Before it leaves the one, in between, before it waits in the other, or after that.
#[test]
fn a_descriptor_that_becomes_ready_while_it_goes_wakes() {
    explore(2, || {
        let rt = runtime();
        let (line, registration) = (line(), waited(&rt));
        let theirs = registration.clone();
        let goes = thread::spawn(move || runtime().block_on(read(&theirs, Some(line))));
        let peer = thread::spawn(|| line.make_ready());
        goes.join().unwrap().unwrap();
        peer.join().unwrap();
        assert_left(&rt, registration);
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
        rt.block_on(read(&registration, Some(line))).unwrap();
        other.join().unwrap();
        assert_left(&rt, registration);
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
                let mut read = Box::pin(read(&registration, Some(line)));
                poll_fn(|cx| {
                    if read.as_mut().poll(cx).is_pending() {
                        line.make_ready();
                    }
                    Poll::Ready(())
                })
                .await;
                read.await
            });
            assert_left(&rt, registration);
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
            rt.block_on(read(&next, Some(line))).unwrap();
        });
        rt.block_on(crate::task::yield_now());
        other.join().unwrap();
        rt.block_on(crate::task::yield_now());
        assert_eq!(open(rt.handle()), 0);
    });
}
