//! A value that is watched.

#![cfg(not(loom))]

use ayi::sync::watch::{self, Sender};
use ayi::task::coop::has_budget_remaining;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn poll<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

#[test]
fn a_clone_has_seen_what_its_original_has() {
    let (tx, mut rx) = watch::channel(1);
    tx.send(2).unwrap();
    let before = rx.clone();
    assert_eq!(*rx.borrow_and_update(), 2);
    let after = rx.clone();
    assert_eq!((before.has_changed().unwrap(), after.has_changed().unwrap()), (true, false));
}

#[test]
fn what_counts_as_seen_may_be_changed_by_hand() {
    let (tx, mut rx) = watch::channel(1);
    rx.mark_changed();
    rx.mark_changed();
    assert!(rx.has_changed().unwrap() && rx.borrow().has_changed());
    tx.send(2).unwrap();
    assert!(rx.has_changed().unwrap(), "a change does not undo it");
    rx.mark_unchanged();
    assert!(!rx.has_changed().unwrap());
    assert_eq!(*rx.borrow(), 2);
}

#[test]
fn a_change_that_is_none_tells_nobody() {
    let (tx, mut rx) = watch::channel(1);
    let counter = Arc::new(Counter::default());
    let waker = Waker::from(counter.clone());
    let mut changed = pin!(rx.changed());
    assert!(poll(changed.as_mut(), &waker).is_pending());
    assert!(!tx.send_if_modified(|_| false));
    assert_eq!(counter.0.load(SeqCst), 0);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        tx.send_modify(|n| {
            *n = 5;
            panic!("on purpose")
        })
    }));
    assert!(panic.is_err());
    assert_eq!((counter.0.load(SeqCst), *tx.borrow()), (0, 5), "the value is there, and not locked");
    tx.send(6).unwrap();
    tx.send(7).unwrap();
    assert_eq!(counter.0.load(SeqCst), 1, "who is woken has left the list");
    assert!(matches!(poll(changed.as_mut(), &waker), Poll::Ready(Ok(()))));
}

#[test]
fn a_value_that_is_replaced_may_look_at_the_new_one_when_it_is_dropped() {
    struct Looks(Option<Rc<Sender<Looks>>>, u8, Rc<RefCell<Vec<u8>>>);
    impl Drop for Looks {
        fn drop(&mut self) {
            if let Some(tx) = self.0.take() {
                self.2.borrow_mut().push(tx.borrow().1);
            }
        }
    }
    let seen = Rc::new(RefCell::new(Vec::new()));
    let (tx, rx) = watch::channel(Looks(None, 0, seen.clone()));
    let tx = Rc::new(tx);
    for n in 1..=3 {
        assert!(tx.send(Looks(Some(tx.clone()), n, seen.clone())).is_ok());
    }
    assert_eq!(*seen.borrow(), [2, 3]);
    drop(tx.send_replace(Looks(None, 0, seen.clone())));
    assert_eq!(*seen.borrow(), [2, 3, 0]);
    drop(rx);
}

/// A waker that changes the value that its task waits for.
struct Changes(Mutex<Vec<Sender<u8>>>);

impl Wake for Changes {
    fn wake(self: Arc<Self>) {
        let senders = std::mem::take(&mut *self.0.lock().unwrap());
        for tx in senders {
            tx.send_modify(|n| *n += 1);
        }
    }
}

#[test]
fn a_waker_may_change_the_value() {
    let (tx, mut rx) = watch::channel(0);
    let mut other = rx.clone();
    let waker = Waker::from(Arc::new(Changes(Mutex::new(vec![tx.clone()]))));
    let (mut first, mut second) = (pin!(rx.changed()), pin!(other.changed()));
    assert!(poll(first.as_mut(), &waker).is_pending() && poll(second.as_mut(), &waker).is_pending());
    tx.send(1).unwrap();
    assert!(poll(first, &waker).is_ready() && poll(second, &waker).is_ready());
    assert_eq!(*tx.borrow(), 2);
}

#[test]
fn a_hundred_receivers_are_told_and_those_that_gave_up_are_not() {
    let tx = Sender::new(0);
    let counter = Arc::new(Counter::default());
    let waker = Waker::from(counter.clone());
    let mut receivers: Vec<_> = (0..100).map(|_| tx.subscribe()).collect();
    let mut waiting: Vec<_> = receivers.iter_mut().map(|rx| Box::pin(rx.changed())).collect();
    for changed in &mut waiting {
        assert!(poll(changed.as_mut(), &waker).is_pending());
    }
    waiting.drain(20..50);
    tx.send(1).unwrap();
    assert_eq!(counter.0.load(SeqCst), 70);
    for mut changed in waiting {
        assert!(matches!(poll(changed.as_mut(), &waker), Poll::Ready(Ok(()))));
    }
    assert_eq!(Arc::strong_count(&counter), 2, "no waker is kept");
}

#[test]
fn a_condition_sees_the_last_value_before_the_end() {
    let (tx, mut rx) = watch::channel(0);
    let mut asked = Vec::new();
    {
        let mut wait = pin!(rx.wait_for(|n| {
            asked.push(*n);
            *n == 3
        }));
        assert!(poll(wait.as_mut(), Waker::noop()).is_pending());
        tx.send(1).unwrap();
        assert!(poll(wait.as_mut(), Waker::noop()).is_pending());
        tx.send(2).unwrap();
        drop(tx);
        assert!(matches!(poll(wait, Waker::noop()), Poll::Ready(Err(_))));
    }
    assert_eq!(asked, [0, 1, 2]);
}

#[test]
fn a_sender_learns_that_nobody_looks_and_may_find_new_receivers() {
    let (tx, rx) = watch::channel(());
    let counter = Arc::new(Counter::default());
    let waker = Waker::from(counter.clone());
    let mut closed = pin!(tx.closed());
    assert!(poll(closed.as_mut(), &waker).is_pending());
    drop(rx);
    assert_eq!((counter.0.load(SeqCst), tx.is_closed()), (1, true));
    let _rx = tx.subscribe();
    assert!(poll(closed.as_mut(), &waker).is_pending(), "there is one again");
}

#[ayi::test]
async fn changes_and_ends_cost_one_operation_each() {
    let count = ayi::spawn(async {
        let (tx, mut rx) = watch::channel(0);
        let mut counts = [0; 4];
        while has_budget_remaining() {
            tx.send_replace(1);
            rx.changed().await.unwrap();
            counts[0] += 1;
        }
        ayi::task::yield_now().await;
        while has_budget_remaining() {
            assert_eq!(*rx.wait_for(|n| *n == 1).await.unwrap(), 1);
            counts[1] += 1;
        }
        ayi::task::yield_now().await;
        drop(tx);
        while has_budget_remaining() {
            assert!(rx.changed().await.is_err());
            counts[2] += 1;
        }
        ayi::task::yield_now().await;
        while has_budget_remaining() {
            assert!(rx.wait_for(|_| false).await.is_err());
            counts[3] += 1;
        }
        counts
    });
    assert_eq!(count.await.unwrap(), [128; 4]);
}
