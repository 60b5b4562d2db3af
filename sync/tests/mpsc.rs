//! Channels from many senders to one receiver.

#![cfg(not(loom))]

use ayi::sync::mpsc::error::{SendTimeoutError, TryRecvError, TrySendError};
use ayi::sync::mpsc::{self, Receiver, Sender, UnboundedReceiver, UnboundedSender};
use ayi::task::coop::has_budget_remaining;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn handles_go_to_other_threads_if_messages_do() {
    fn check<T: Send + Sync>() {}
    // `Cell` is `Send` alone.
    check::<(Sender<Cell<u8>>, Receiver<Cell<u8>>)>();
    check::<(UnboundedSender<Cell<u8>>, UnboundedReceiver<Cell<u8>>)>();
}

#[test]
fn capacity_comes_back_when_a_message_is_received_and_not_before() {
    let (tx, mut rx) = mpsc::channel(2);
    tx.try_send(1).unwrap();
    tx.try_send(2).unwrap();
    assert_eq!(tx.try_send(3), Err(TrySendError::Full(3)));
    // The first receives takes both out of the shared queue, but receives one of them.
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!((tx.capacity(), rx.len()), (1, 1));
    tx.try_send(3).unwrap();
    assert_eq!(tx.try_send(4), Err(TrySendError::Full(4)));
    assert_eq!((rx.try_recv(), rx.try_recv(), rx.try_recv()), (Ok(2), Ok(3), Err(TryRecvError::Empty)));
    assert_eq!((tx.capacity(), rx.len()), (2, 0));
}

#[test]
fn senders_that_wait_are_served_in_their_order() {
    let (tx, mut rx) = mpsc::channel(1);
    tx.try_send(0).unwrap();
    let (mut first, mut second) = (pin!(tx.send(1)), pin!(tx.send(2)));
    assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
    assert_eq!(rx.try_recv(), Ok(0));
    assert!(poll(second.as_mut()).is_pending(), "the first one has the capacity");
    assert_eq!(tx.try_send(3), Err(TrySendError::Full(3)), "and nobody overtakes it");
    assert_eq!(poll(first.as_mut()), Poll::Ready(Ok(())));
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(poll(second.as_mut()), Poll::Ready(Ok(())));
    assert_eq!(rx.try_recv(), Ok(2));
}

#[test]
fn a_sender_that_is_given_up_leaves_its_capacity_to_the_next() {
    let (tx, mut rx) = mpsc::channel(1);
    tx.try_send(0).unwrap();
    let mut second = pin!(tx.reserve());
    {
        let mut first = pin!(tx.send(1));
        assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
        assert_eq!(rx.try_recv(), Ok(0));
    }
    let Poll::Ready(Ok(permit)) = poll(second.as_mut()) else { panic!("it was given the capacity") };
    permit.send(2);
    assert_eq!(rx.try_recv(), Ok(2));
}

#[test]
fn a_closed_receiver_waits_for_permits_and_nothing_else() {
    let (tx, mut rx) = mpsc::channel(4);
    tx.try_send(1).unwrap();
    let permits = [tx.try_reserve().unwrap(), tx.try_reserve().unwrap()];
    rx.close();
    assert_eq!(tx.try_send(9), Err(TrySendError::Closed(9)));
    assert_eq!(rx.try_recv(), Ok(1));
    let [used, unused] = permits;
    used.send(2);
    assert_eq!(rx.try_recv(), Ok(2));
    let counter = Arc::new(Counter::default());
    assert!(rx.poll_recv(&mut Context::from_waker(&counter.clone().into())).is_pending());
    drop(unused);
    assert_eq!(counter.0.load(SeqCst), 1, "that was the last one");
    assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
    assert!(tx.is_closed(), "the sender is still there");
}

#[test]
fn a_message_sent_with_a_permit_to_a_receiver_that_is_gone_is_dropped_at_once() {
    let value = Rc::new(());
    let (tx, rx) = mpsc::channel(1);
    let permit = tx.try_reserve().unwrap();
    drop(rx);
    permit.send(value.clone());
    assert_eq!(Rc::strong_count(&value), 1);
}

#[test]
fn messages_may_use_their_channel_when_they_are_dropped_with_it() {
    struct Loop(UnboundedSender<Loop>, Rc<Cell<usize>>);
    impl Drop for Loop {
        fn drop(&mut self) {
            assert!(self.0.is_closed(), "and nothing is locked");
            assert!(self.0.downgrade().upgrade().is_some());
            self.1.set(self.1.get() + 1);
        }
    }
    let dropped = Rc::new(Cell::new(0));
    let (tx, mut rx) = mpsc::unbounded_channel();
    for _ in 0..3 {
        assert!(tx.send(Loop(tx.clone(), dropped.clone())).is_ok());
    }
    // One is received, so the others are in the receiver's own queue, and one more is in that of the channel.
    std::mem::forget(rx.try_recv().ok());
    assert!(tx.send(Loop(tx.clone(), dropped.clone())).is_ok());
    drop(rx);
    assert_eq!(dropped.get(), 3);
}

/// A waker that sends into the channel whose receiver it wakes.
struct SendsMore(Mutex<Vec<UnboundedSender<u8>>>);

impl Wake for SendsMore {
    fn wake(self: Arc<Self>) {
        for tx in self.0.lock().unwrap().drain(..) {
            tx.send(2).unwrap();
        }
    }
}

#[test]
fn the_receivers_waker_may_send_into_the_channel() {
    let (tx, mut rx) = mpsc::unbounded_channel();
    let waker = Waker::from(Arc::new(SendsMore(Mutex::new(vec![tx.clone()]))));
    assert!(rx.poll_recv(&mut Context::from_waker(&waker)).is_pending());
    tx.send(1).unwrap();
    drop(tx);
    assert_eq!((rx.try_recv(), rx.try_recv()), (Ok(1), Ok(2)));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn only_the_latest_waker_of_the_receiver_is_woken_and_none_is_kept() {
    let (first, second) = (Arc::new(Counter::default()), Arc::new(Counter::default()));
    let (tx, mut rx) = mpsc::channel(1);
    for counter in [&first, &second] {
        assert!(rx.poll_recv(&mut Context::from_waker(&counter.clone().into())).is_pending());
    }
    tx.try_send(1).unwrap();
    assert_eq!((first.0.load(SeqCst), second.0.load(SeqCst)), (0, 1));
    assert_eq!((Arc::strong_count(&first), Arc::strong_count(&second)), (1, 1));
}

#[test]
fn several_messages_are_received_at_once_up_to_a_limit() {
    let (tx, mut rx) = mpsc::unbounded_channel();
    let mut buffer = vec![9];
    (0..5).for_each(|n| tx.send(n).unwrap());
    assert_eq!(rx.blocking_recv_many(&mut buffer, 0), 0, "which does not wait");
    assert_eq!(rx.blocking_recv_many(&mut buffer, 2), 2);
    tx.send(5).unwrap();
    assert_eq!(rx.blocking_recv_many(&mut buffer, 100), 4, "of both queues");
    assert_eq!(buffer, [9, 0, 1, 2, 3, 4, 5]);
    drop(tx);
    assert_eq!(rx.blocking_recv_many(&mut buffer, 100), 0, "which is the end");
}

#[test]
fn many_reservations_are_all_or_nothing() {
    let (tx, mut rx) = mpsc::channel(3);
    let permits = tx.try_reserve_many(2).unwrap();
    assert!(matches!(tx.try_reserve_many(2), Err(TrySendError::Full(()))));
    let mut three = pin!(tx.reserve_many(3));
    assert!(poll(three.as_mut()).is_pending());
    permits.enumerate().for_each(|(n, permit)| permit.send(n));
    assert!(poll(three.as_mut()).is_pending(), "two of them are messages");
    assert_eq!((rx.try_recv(), rx.try_recv()), (Ok(0), Ok(1)));
    let Poll::Ready(Ok(permits)) = poll(three.as_mut()) else { panic!("there is enough") };
    assert_eq!((permits.len(), tx.capacity()), (3, 0));
    drop(permits);
    assert_eq!(tx.capacity(), 3);
}

#[test]
fn weak_senders_keep_nothing_open() {
    let (tx, mut rx) = mpsc::channel(1);
    let weak = tx.downgrade();
    assert_eq!((tx.strong_count(), rx.sender_weak_count()), (1, 1));
    let again = weak.upgrade().unwrap();
    assert!(again.same_channel(&tx));
    drop((tx, again));
    assert!(weak.upgrade().is_none());
    assert_eq!(weak.strong_count(), 0);
    assert_eq!(rx.try_recv(), Err::<u8, _>(TryRecvError::Disconnected));
}

#[test]
fn a_channel_has_a_capacity_that_makes_sense() {
    for capacity in [0, ayi::sync::Semaphore::MAX_PERMITS + 1] {
        assert!(catch_unwind(|| mpsc::channel::<u8>(capacity)).is_err());
    }
}

#[test]
fn a_runtime_refuses_to_block_even_if_there_is_no_need_to() {
    let inside = |f: fn()| {
        let panic = catch_unwind(AssertUnwindSafe(|| {
            ayi::runtime::Runtime::new().unwrap().block_on(async { f() });
        }));
        let panic = panic.unwrap_err();
        let text = panic.downcast_ref::<String>().unwrap();
        assert!(text.contains("from within a runtime"), "{text}");
    };
    inside(|| mpsc::channel(1).0.blocking_send(1).unwrap_or(()));
    inside(|| _ = mpsc::channel::<u8>(1).1.blocking_recv());
    inside(|| _ = mpsc::unbounded_channel::<u8>().1.blocking_recv());
    inside(|| _ = mpsc::channel::<u8>(1).1.blocking_recv_many(&mut Vec::new(), 1));
}

#[ayi::test]
async fn a_time_limit_holds_for_a_full_channel_only() {
    let (tx, mut rx) = mpsc::channel(1);
    assert_eq!(tx.send_timeout(1, Duration::ZERO).await, Ok(()));
    assert_eq!(tx.send_timeout(2, Duration::ZERO).await, Err(SendTimeoutError::Timeout(2)));
    assert_eq!(rx.recv().await, Some(1));
    assert_eq!(tx.capacity(), 1, "nothing is left reserved");
    rx.close();
    assert_eq!(tx.send_timeout(3, Duration::MAX).await, Err(SendTimeoutError::Closed(3)));
}

/// How many of what `next` awaits a task may complete in one poll.
async fn budget<F: Future<Output = ()>>(mut next: impl FnMut() -> F + 'static) -> usize {
    ayi::spawn(async move {
        let mut count = 0;
        while has_budget_remaining() {
            next().await;
            count += 1;
        }
        count
    })
    .await
    .unwrap()
}

#[ayi::test]
async fn messages_and_ends_cost_one_operation_each() {
    let (tx, rx) = mpsc::channel(1_000);
    let (tx, rx) = (Rc::new(tx), Rc::new(std::cell::RefCell::new(rx)));
    let sender = tx.clone();
    assert_eq!(
        budget(move || {
            let tx = sender.clone();
            async move { tx.send(1).await.unwrap() }
        })
        .await,
        128
    );
    let receiver = rx.clone();
    #[allow(clippy::await_holding_refcell_ref)]
    let receive = move || {
        let rx = receiver.clone();
        async move { assert!(rx.borrow_mut().recv().await.is_some()) }
    };
    assert_eq!(budget(receive).await, 128);
    rx.borrow_mut().close();
    let receiver = rx.clone();
    #[allow(clippy::await_holding_refcell_ref)]
    let end = move || {
        let rx = receiver.clone();
        async move { assert!(rx.borrow_mut().recv().await.is_none()) }
    };
    assert_eq!(budget(end).await, 128);
    assert_eq!(
        budget(move || {
            let tx = tx.clone();
            async move { assert!(tx.send(1).await.is_err()) }
        })
        .await,
        128
    );
}

#[ayi::test]
async fn a_thread_feeds_a_task_through_a_narrow_channel() {
    let (tx, mut rx) = mpsc::channel(2);
    let thread = std::thread::spawn(move || (0..10_000u64).for_each(|n| tx.blocking_send(n).unwrap()));
    let mut next = 0;
    while let Some(n) = rx.recv().await {
        assert_eq!(n, next);
        next += 1;
    }
    assert_eq!(next, 10_000);
    thread.join().unwrap();
}
