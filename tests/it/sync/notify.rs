//! `sync::Notify`: whom a notification reaches, and that none is lost.

use crate::support::{Wakes, poll_once, poll_with, run, waker_fn, watched};
use ayi::runtime::Runtime;
use ayi::sync::Notify;
use ayi::task::coop::{consume_budget, has_budget_remaining};
use ayi::task::yield_now;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

#[test]
fn one_notification_is_for_one_and_more_than_one_permit_is_not_kept() {
    let news = Notify::new();
    let (mut first, mut second, mut third) =
        (pin!(news.notified()), pin!(news.notified()), pin!(news.notified()));
    news.notify_one();
    news.notify_last();
    assert!(poll_once(first.as_mut()).is_ready());
    assert!(poll_once(second.as_mut()).is_pending() && poll_once(third.as_mut()).is_pending());
    news.notify_last();
    assert!(poll_once(second.as_mut()).is_pending());
    assert!(poll_once(third.as_mut()).is_ready());
    news.notify_one();
    assert!(poll_once(second.as_mut()).is_ready());
    // What has told once is ready for good, and takes no permit.
    news.notify_one();
    assert!(poll_once(first).is_ready() && poll_once(pin!(news.notified())).is_ready());
    assert!(poll_once(pin!(news.notified())).is_pending());
}

#[test]
fn all_who_exist_are_told_and_nobody_who_comes_later() {
    let news = Notify::new();
    let (polled, unpolled) = (Wakes::new(), Wakes::new());
    let (mut waits, mut exists) = (pin!(news.notified()), pin!(news.notified()));
    assert!(poll_with(waits.as_mut(), &polled.1).is_pending());
    news.notify_waiters();
    assert_eq!((polled.0.count(), unpolled.0.count()), (1, 0));
    let mut later = pin!(news.notified());
    assert!(poll_with(later.as_mut(), &unpolled.1).is_pending());
    assert!(poll_once(waits).is_ready() && poll_once(exists.as_mut()).is_ready());
    news.notify_waiters();
    assert!(poll_once(later).is_ready());
    // A permit stays where it is, since nobody had to wait for it.
    let exists = pin!(news.notified());
    news.notify_one();
    news.notify_waiters();
    assert!(poll_once(exists).is_ready() && poll_once(pin!(news.notified())).is_ready());
}

#[test]
fn a_notification_for_one_who_is_gone_goes_on_in_its_order() {
    let news = Notify::new();
    let mut waiting: Vec<_> = (0..4).map(|_| Box::pin(news.notified())).collect();
    let wakes: Vec<_> = (0..4).map(|_| Wakes::new()).collect();
    for (notified, (_, waker)) in waiting.iter_mut().zip(&wakes) {
        assert!(poll_with(notified.as_mut(), waker).is_pending());
    }
    let counts = || wakes.iter().map(|(wakes, _)| wakes.count()).collect::<Vec<_>>();
    news.notify_one();
    news.notify_last();
    assert_eq!(counts(), [1, 0, 0, 1]);
    drop(waiting.pop());
    assert_eq!(counts(), [1, 0, 1, 1]);
    drop(waiting.remove(0));
    assert_eq!(counts(), [1, 1, 1, 1]);
    // With nobody left it is a permit, but news for all is not.
    drop(waiting);
    assert!(poll_once(pin!(news.notified())).is_ready());
    assert!(poll_once(pin!(news.notified())).is_pending());
    let mut told = Box::pin(news.notified());
    assert!(poll_once(told.as_mut()).is_pending());
    news.notify_waiters();
    drop(told);
    assert!(poll_once(pin!(news.notified())).is_pending());
}

#[test]
fn who_gives_up_is_passed_over() {
    let news = Arc::new(Notify::new());
    let mut first = Box::pin(news.clone().notified_owned());
    let (wakes, waker) = Wakes::new();
    let mut second = pin!(news.clone().notified_owned());
    assert!(poll_once(first.as_mut()).is_pending() && poll_with(second.as_mut(), &waker).is_pending());
    drop(first);
    news.notify_one();
    assert_eq!(wakes.count(), 1);
    assert!(poll_once(second).is_ready());
    // The queue is empty: this is a permit again.
    news.notify_one();
    assert!(poll_once(pin!(news.notified())).is_ready());
}

#[test]
fn who_is_enabled_has_a_place_without_a_waker() {
    let news = Notify::new();
    let mut enabled = pin!(news.notified());
    assert!(!enabled.as_mut().enable());
    let mut later = pin!(news.notified());
    assert!(poll_once(later.as_mut()).is_pending());
    let (wakes, waker) = Wakes::new();
    assert!(poll_with(enabled.as_mut(), &waker).is_pending());
    news.notify_one();
    assert_eq!(wakes.count(), 1);
    assert!(enabled.as_mut().enable() && poll_once(enabled).is_ready());
    assert!(poll_once(later).is_pending());
}

#[test]
fn the_waker_of_the_last_poll_is_the_one_that_is_woken() {
    let news = Notify::new();
    let mut waiting = pin!(news.notified());
    let ((before, old), (after, new)) = (Wakes::new(), Wakes::new());
    assert!(poll_with(waiting.as_mut(), &old).is_pending());
    assert!(poll_with(waiting.as_mut(), &new).is_pending());
    news.notify_waiters();
    assert_eq!((before.count(), after.count()), (0, 1));
}

#[test]
fn wakers_may_notify_and_panic() {
    watched(|| {
        let news = Arc::new(Notify::new());
        let inside = news.clone();
        let busy = waker_fn(move || inside.notify_waiters());
        let bad = waker_fn(|| panic!("a bad waker"));
        let (wakes, good) = Wakes::new();
        let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(news.notified())).collect();
        for (notified, waker) in waiting.iter_mut().zip([busy, bad, good]) {
            assert!(poll_with(notified.as_mut(), &waker).is_pending());
        }
        assert!(catch_unwind(AssertUnwindSafe(|| news.notify_waiters())).is_ok());
        assert_eq!(wakes.count(), 1);
        assert!(waiting.iter_mut().all(|notified| poll_once(notified.as_mut()).is_ready()));
    });
}

#[test]
fn without_budget_a_notification_is_kept_or_goes_on() {
    run(async || {
        let news = Notify::new();
        news.notify_one();
        while has_budget_remaining() {
            consume_budget().await;
        }
        let mut kept = Box::pin(news.notified());
        assert!(poll_once(kept.as_mut()).is_pending());
        drop(kept);
        yield_now().await;
        assert!(poll_once(pin!(news.notified())).is_ready());
    });
}

#[test]
fn on_many_threads_each_round_is_told() {
    const ROUNDS: usize = 500;
    watched(|| {
        // Two that play, on two threads, and one that gives up all the time.
        let table = Arc::new((Notify::new(), Notify::new(), AtomicUsize::new(0)));
        thread::scope(|scope| {
            for player in 0..2 {
                let table = table.clone();
                scope.spawn(move || {
                    Runtime::new().unwrap().block_on(async {
                        let (mine, other) =
                            if player == 0 { (&table.0, &table.1) } else { (&table.1, &table.0) };
                        for round in 0..ROUNDS {
                            if player == 0 {
                                table.2.store(round, Ordering::Relaxed);
                                other.notify_one();
                                mine.notified().await;
                            } else {
                                mine.notified().await;
                                assert_eq!(table.2.load(Ordering::Relaxed), round);
                                other.notify_one();
                            }
                        }
                    });
                });
            }
            let table = table.clone();
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    let mut notified = Box::pin(table.0.notified());
                    // Unless it was told itself, which then goes on to the player.
                    let _ = poll_once(notified.as_mut()).is_ready() && {
                        table.0.notify_one();
                        true
                    };
                }
            });
        });
    });
}
