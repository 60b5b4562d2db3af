//! A token that one thread cancels while others wait for it, give up waiting, make children of it and drop them.

use super::runtime;
use crate::core::sync::explore;
use crate::runtime::CancellationToken;
use loom::thread;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

#[test]
fn who_waits_is_woken() {
    explore(4, || {
        let (rt, token) = (runtime(), CancellationToken::new());
        let canceller = token.clone();
        thread::spawn(move || canceller.cancel());
        rt.block_on(token.cancelled());
        assert!(token.is_cancelled());
    });
}

#[test]
fn the_latest_waker_is_the_one_that_is_woken() {
    explore(4, || {
        let (rt, token) = (runtime(), CancellationToken::new());
        let canceller = token.clone();
        thread::spawn(move || canceller.cancel());
        let mut cancelled = pin!(token.cancelled());
        let _ = cancelled.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        rt.block_on(cancelled);
    });
}

#[test]
fn who_sees_that_it_is_cancelled_sees_what_was_done_before() {
    explore(4, || {
        let shared = loom::sync::Arc::new((CancellationToken::new(), loom::cell::Cell::new(0)));
        let other = shared.clone();
        thread::spawn(move || {
            other.1.set(7);
            other.0.cancel();
        });
        if shared.0.is_cancelled() {
            assert_eq!(shared.1.get(), 7);
        }
    });
}

#[test]
fn a_child_is_cancelled_also_if_it_is_made_at_that_moment() {
    explore(4, || {
        let parent = CancellationToken::new();
        let canceller = parent.clone();
        let other = thread::spawn(move || canceller.cancel());
        let child = parent.child_token();
        let rt = runtime();
        rt.block_on(child.cancelled());
        other.join().unwrap();
        assert!(parent.is_cancelled() && child.is_cancelled());
    });
}

struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn whoever_gives_up_leaves_nothing_behind() {
    explore(4, || {
        let token = CancellationToken::new();
        let canceller = token.clone();
        let other = thread::spawn(move || canceller.cancel());
        let (nobody, child) = (Arc::new(Nobody), token.child_token());
        {
            let waker = Waker::from(nobody.clone());
            let mut cx = Context::from_waker(&waker);
            let (mut one, mut childs) = (pin!(token.cancelled()), pin!(child.cancelled()));
            let _ = (one.as_mut().poll(&mut cx), childs.as_mut().poll(&mut cx));
        }
        // Unless that is the only count, the canceller has the waker.
        assert!(Arc::strong_count(&nobody) == 1 || token.is_cancelled());
        drop(child);
        other.join().unwrap();
        assert_eq!(Arc::strong_count(&nobody), 1, "all wakers are dropped");
    });
}
