//! The token that tells tasks to end: one situation a test.

use crate::support::{Wakes, poll_once, poll_with, run, waker_fn, watched};
use ayi::runtime::CancellationToken;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread;

#[test]
fn all_who_wait_go_on_in_any_thread() {
    watched(|| {
        let stop = CancellationToken::new();
        let wait = |stop: CancellationToken| move || run(async || stop.cancelled().await);
        let threads: Vec<_> = (0..4).map(|_| thread::spawn(wait(stop.clone()))).collect();
        stop.cancel();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn who_comes_late_does_not_wait() {
    let stop = CancellationToken::new();
    stop.cancel();
    stop.cancel();
    assert!(poll_once(pin!(stop.cancelled())).is_ready());
    assert!(poll_once(pin!(stop.clone().cancelled_owned())).is_ready());
    assert!(stop.child_token().is_cancelled());
}

#[test]
fn a_waiter_is_woken_once() {
    let (stop, (wakes, waker)) = (CancellationToken::new(), Wakes::new());
    let mut waiting = pin!(stop.cancelled());
    for _ in 0..3 {
        assert!(poll_with(waiting.as_mut(), &waker).is_pending());
    }
    stop.cancel();
    assert_eq!(wakes.count(), 1);
    assert!(poll_with(waiting.as_mut(), &waker).is_ready());
}

#[test]
fn the_waker_of_the_last_poll_is_the_one_that_is_woken() {
    let stop = CancellationToken::new();
    let ((first, first_waker), (last, last_waker)) = (Wakes::new(), Wakes::new());
    let mut waiting = pin!(stop.cancelled());
    assert!(poll_with(waiting.as_mut(), &first_waker).is_pending());
    assert!(poll_with(waiting.as_mut(), &last_waker).is_pending());
    drop(first_waker);
    assert_eq!(Arc::strong_count(&first), 1, "the token keeps a waker that nobody needs");
    stop.cancel();
    assert_eq!((first.count(), last.count()), (0, 1));
}

#[test]
fn who_gives_up_is_forgotten() {
    let (stop, (wakes, waker)) = (CancellationToken::new(), Wakes::new());
    {
        let mut waiting = Box::pin(stop.cancelled());
        let mut owned = Box::pin(stop.clone().cancelled_owned());
        assert!(poll_with(waiting.as_mut(), &waker).is_pending());
        assert!(poll_with(owned.as_mut(), &waker).is_pending());
    }
    drop(waker);
    assert_eq!(Arc::strong_count(&wakes), 1);
    stop.cancel();
    assert_eq!(wakes.count(), 0);
}

#[test]
fn children_end_with_their_parent_and_not_the_other_way_round() {
    let server = CancellationToken::new();
    let (one, other) = (server.child_token(), server.child_token());
    let grandchild = one.child_token();
    one.cancel();
    assert!(grandchild.is_cancelled());
    assert!(!server.is_cancelled() && !other.is_cancelled());
    server.cancel();
    assert!(other.is_cancelled());
}

#[test]
fn a_child_hears_of_its_grandparent_when_nobody_holds_its_parent() {
    let server = CancellationToken::new();
    let grandchild = server.child_token().child_token();
    server.cancel();
    assert!(grandchild.is_cancelled());
}

#[test]
fn generations_may_be_many() {
    let first = CancellationToken::new();
    let mut last = first.clone();
    for _ in 0..100_000 {
        last = last.child_token();
    }
    first.cancel();
    assert!(last.is_cancelled());
    drop(first);
    // All are gone with the last child.
    drop(last);
}

#[test]
fn a_waker_may_come_back_to_the_token() {
    watched(|| {
        let stop = CancellationToken::new();
        let inner = stop.clone();
        let mut other = Some(Box::pin(stop.clone().cancelled_owned()));
        assert!(poll_once(other.as_mut().unwrap().as_mut()).is_pending());
        let waker = waker_fn(move || {
            inner.cancel();
            assert!(inner.child_token().is_cancelled());
            drop(other.take());
        });
        let mut waiting = pin!(stop.cancelled());
        assert!(poll_with(waiting.as_mut(), &waker).is_pending());
        stop.cancel();
        assert!(poll_with(waiting.as_mut(), &waker).is_ready());
    });
}

#[test]
fn a_waker_that_panics_does_not_keep_the_others_waiting() {
    let (stop, (wakes, waker)) = (CancellationToken::new(), Wakes::new());
    let panics = waker_fn(|| panic!("not that one"));
    let (mut one, mut other) = (pin!(stop.cancelled()), pin!(stop.cancelled()));
    assert!(poll_with(one.as_mut(), &panics).is_pending());
    assert!(poll_with(other.as_mut(), &waker).is_pending());
    stop.cancel();
    assert_eq!(wakes.count(), 1);
}

#[test]
fn a_future_runs_until_the_token_is_cancelled_and_is_dropped_then() {
    run(async || {
        let (stop, alive) = (CancellationToken::new(), Arc::new(()));
        assert_eq!(stop.run_until_cancelled(async { 7 }).await, Some(7));
        let its = alive.clone();
        let mut running = pin!(stop.run_until_cancelled(async move {
            let _its = its;
            std::future::pending::<()>().await;
        }));
        assert!(poll_once(running.as_mut()).is_pending());
        stop.cancel();
        assert_eq!(running.await, None);
        assert_eq!(Arc::strong_count(&alive), 1);
        // The future is not even begun when it is too late.
        assert_eq!(stop.run_until_cancelled(async { 7 }).await, None);
    });
}

#[test]
fn what_ends_in_the_poll_that_sees_the_token_cancelled_gives_its_output() {
    let stop = CancellationToken::new();
    let mut polls = 0;
    let future = std::future::poll_fn(|_| {
        polls += 1;
        if polls < 2 { Poll::Pending } else { Poll::Ready(7) }
    });
    let mut running = pin!(stop.run_until_cancelled(future));
    assert!(poll_once(running.as_mut()).is_pending());
    stop.cancel();
    assert_eq!(poll_once(running.as_mut()), Poll::Ready(Some(7)));
}

#[test]
fn a_guard_cancels_when_it_is_dropped_by_a_panic_too() {
    let stop = CancellationToken::new();
    assert!(!stop.clone().drop_guard().disarm().is_cancelled());
    let guard = stop.clone().drop_guard();
    let panicked = thread::spawn(move || {
        let _guard = guard;
        panic!("on purpose");
    });
    assert!(panicked.join().is_err());
    assert!(stop.is_cancelled());
}
