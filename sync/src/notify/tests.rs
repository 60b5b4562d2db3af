//! What threads do with a `Notify` at the same time, in all interleavings. A notification that is lost shows as a
//! deadlock.

use super::Notify;
use crate::proof::{block_on, explore};
use loom::cell::UnsafeCell;
use loom::sync::atomic::AtomicBool;
use loom::sync::atomic::Ordering::Relaxed;
use loom::thread;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

fn is_ready(future: impl Future) -> bool {
    pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// A value, and the news that it is there.
struct Shared {
    value: UnsafeCell<u32>,
    news: Notify,
}

// SAFETY: loom fails a model with two accesses that nothing orders, of which one is a write.
unsafe impl Sync for Shared {}

#[test]
fn what_was_written_before_a_notification_is_seen_after_it() {
    for notify in [Notify::notify_one, Notify::notify_last] {
        explore(3, move || {
            let shared = Arc::new(Shared { value: UnsafeCell::new(0), news: Notify::new() });
            let other = shared.clone();
            let thread = thread::spawn(move || {
                // SAFETY: like above.
                other.value.with_mut(|value| unsafe { *value = 7 });
                notify(&other.news);
            });
            block_on(shared.news.notified());
            // SAFETY: like above.
            assert_eq!(shared.value.with(|value| unsafe { *value }), 7);
            thread.join().unwrap();
        });
    }
}

#[test]
fn what_was_written_before_all_are_told_is_seen_after_it() {
    explore(3, || {
        let shared = Arc::new(Shared { value: UnsafeCell::new(0), news: Notify::new() });
        let other = shared.clone();
        let notified = shared.news.notified();
        let thread = thread::spawn(move || {
            // SAFETY: like above.
            other.value.with_mut(|value| unsafe { *value = 7 });
            other.news.notify_waiters();
        });
        block_on(notified);
        // SAFETY: like above.
        assert_eq!(shared.value.with(|value| unsafe { *value }), 7);
        thread.join().unwrap();
    });
}

#[test]
fn two_notifications_reach_two_who_wait() {
    explore(2, || {
        let news = Arc::new(Notify::new());
        let threads = [(); 2].map(|_| {
            let news = news.clone();
            thread::spawn(move || {
                block_on(news.notified());
                // A second one may have found the permit of the first. So each passes on what may be the other's.
                news.notify_one();
            })
        });
        news.notify_one();
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(is_ready(news.notified()));
        assert!(!is_ready(news.notified()));
    });
}

#[test]
fn a_notification_for_one_who_goes_away_goes_on() {
    for notify in [Notify::notify_one, Notify::notify_last] {
        explore(3, move || {
            let news = Arc::new(Notify::new());
            let (leaves, tells) = (news.clone(), news.clone());
            let leaves = thread::spawn(move || {
                if is_ready(leaves.notified()) {
                    notify(&leaves);
                }
            });
            let tells = thread::spawn(move || notify(&tells));
            block_on(news.notified());
            leaves.join().unwrap();
            tells.join().unwrap();
            assert!(!is_ready(news.notified()));
        });
    }
}

#[test]
fn who_looks_after_making_the_future_misses_no_call_for_all() {
    explore(3, || {
        let shared = Arc::new((AtomicBool::new(false), Notify::new()));
        let other = shared.clone();
        let thread = thread::spawn(move || {
            other.0.store(true, Relaxed);
            other.1.notify_waiters();
        });
        let notified = shared.1.notified();
        if !shared.0.load(Relaxed) {
            block_on(notified);
            assert!(shared.0.load(Relaxed));
        }
        thread.join().unwrap();
    });
}

#[test]
fn who_is_enabled_and_then_looks_misses_no_call_for_one() {
    explore(3, || {
        let shared = Arc::new((AtomicBool::new(false), Notify::new()));
        let other = shared.clone();
        let thread = thread::spawn(move || {
            other.0.store(true, Relaxed);
            other.1.notify_one();
        });
        let mut notified = pin!(shared.1.notified());
        if !notified.as_mut().enable() && !shared.0.load(Relaxed) {
            block_on(notified);
            assert!(shared.0.load(Relaxed));
        }
        thread.join().unwrap();
    });
}

#[test]
fn a_call_for_all_and_one_for_one_leave_a_permit_at_most() {
    explore(3, || {
        let news = Arc::new(Notify::new());
        let (all, one) = (news.clone(), news.clone());
        let notified = news.notified();
        let all = thread::spawn(move || all.notify_waiters());
        let one = thread::spawn(move || one.notify_one());
        block_on(notified);
        let second = news.notified();
        all.join().unwrap();
        one.join().unwrap();
        // The first had one of both. The other is there for the second, unless the call for all came before it.
        let _ = is_ready(second);
        news.notify_one();
        assert!(is_ready(news.notified()));
        assert!(!is_ready(news.notified()));
    });
}
