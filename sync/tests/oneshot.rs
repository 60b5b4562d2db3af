//! Channels for one value.

#![cfg(not(loom))]

use ayi::sync::oneshot::{self, Receiver, error::TryRecvError};
use ayi::task::coop::has_budget_remaining;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
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

fn poll<T>(rx: &mut Receiver<T>, waker: &Waker) -> Poll<Result<T, oneshot::error::RecvError>> {
    Pin::new(rx).poll(&mut Context::from_waker(waker))
}

#[test]
fn a_value_that_nobody_receives_is_dropped_once() {
    let value = Rc::new(());
    let (tx, rx) = oneshot::channel();
    tx.send(value.clone()).unwrap();
    assert_eq!(Rc::strong_count(&value), 2);
    drop(rx);
    assert_eq!(Rc::strong_count(&value), 1);

    let (tx, rx) = oneshot::channel();
    drop(rx);
    let back = tx.send(value.clone()).unwrap_err();
    assert_eq!(Rc::strong_count(&value), 2);
    drop(back);
    assert_eq!(Rc::strong_count(&value), 1);
}

#[test]
fn only_the_latest_waker_is_woken_and_none_is_kept() {
    let (first, second) = (Arc::new(Counter::default()), Arc::new(Counter::default()));
    let (tx, mut rx) = oneshot::channel();
    for counter in [&first, &second, &second] {
        assert!(poll(&mut rx, &counter.clone().into()).is_pending());
    }
    assert_eq!(Arc::strong_count(&first), 1, "its waker has been replaced");
    tx.send(5).unwrap();
    assert_eq!((first.0.load(SeqCst), second.0.load(SeqCst)), (0, 1));
    assert_eq!(Arc::strong_count(&second), 1, "its waker has been used");
    assert_eq!(poll(&mut rx, Waker::noop()), Poll::Ready(Ok(5)));
}

#[test]
fn the_wakers_of_both_ends_go_with_the_channel() {
    let counter = Arc::new(Counter::default());
    let waker = Waker::from(counter.clone());
    let (mut tx, mut rx) = oneshot::channel::<u8>();
    assert!(poll(&mut rx, &waker).is_pending());
    assert!(tx.poll_closed(&mut Context::from_waker(&waker)).is_pending());
    drop(rx);
    assert_eq!(counter.0.load(SeqCst), 1, "the sender waits for that");
    drop(tx);
    drop(waker);
    assert_eq!(Arc::strong_count(&counter), 1);
}

/// A waker that drops the receiver that it is to wake.
struct DropsReceiver(Arc<Mutex<Option<Receiver<u8>>>>);

impl Wake for DropsReceiver {
    fn wake(self: Arc<Self>) {
        let receiver = self.0.lock().unwrap().take();
        drop(receiver);
    }
}

#[test]
fn a_waker_may_drop_the_receiver_that_it_wakes() {
    let place = Arc::new(Mutex::new(None));
    let waker = Waker::from(Arc::new(DropsReceiver(place.clone())));
    let (tx, mut rx) = oneshot::channel();
    assert!(poll(&mut rx, &waker).is_pending());
    *place.lock().unwrap() = Some(rx);
    assert_eq!(tx.send(1), Ok(()), "it was there when the value was sent");
    assert!(place.lock().unwrap().is_none());
}

#[test]
fn a_closed_receiver_has_what_was_sent_before() {
    let (tx, mut rx) = oneshot::channel();
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    tx.send(1).unwrap();
    rx.close();
    assert!(!rx.is_empty());
    assert_eq!(rx.try_recv(), Ok(1));
    assert!(rx.is_terminated() && rx.is_empty());
    assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn a_receiver_that_has_completed_must_not_be_polled() {
    let (_, mut rx) = oneshot::channel::<u8>();
    assert!(matches!(poll(&mut rx, Waker::noop()), Poll::Ready(Err(_))));
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut rx, Waker::noop()))).is_err());
}

#[test]
fn a_thread_waits_for_a_value_and_a_runtime_refuses_to() {
    let (tx, rx) = oneshot::channel();
    let thread = std::thread::spawn(move || rx.blocking_recv());
    tx.send("across").unwrap();
    assert_eq!(thread.join().unwrap(), Ok("across"));

    let (_tx, rx) = oneshot::channel::<u8>();
    let inside = catch_unwind(AssertUnwindSafe(|| {
        ayi::runtime::Runtime::new().unwrap().block_on(async { rx.blocking_recv() })
    }));
    let panic = inside.unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("blocking_recv: Cannot block"), "{text}");
}

#[ayi::test]
async fn each_value_costs_one_operation_and_so_does_an_error() {
    ayi::spawn(async {
        let mut received = 0;
        while has_budget_remaining() {
            let (tx, rx) = oneshot::channel();
            if received % 2 == 0 {
                tx.send(()).unwrap();
            } else {
                drop(tx);
            }
            assert_eq!(rx.await.is_ok(), received % 2 == 0);
            received += 1;
        }
        assert_eq!(received, 128);
    })
    .await
    .unwrap();
}
