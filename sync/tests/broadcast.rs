//! Messages for all receivers.

#![cfg(not(loom))]

use ayi::sync::broadcast::error::{RecvError, TryRecvError};
use ayi::sync::broadcast::{self, Receiver, Sender};
use ayi::task::coop::has_budget_remaining;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
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
fn handles_go_to_other_threads_if_messages_do() {
    fn check<T: Send + Sync>() {}
    // `Cell` is `Send` alone.
    check::<(Sender<Cell<u8>>, Receiver<Cell<u8>>)>();
}

#[test]
fn messages_that_are_not_sync_are_cloned_by_one_thread_at_a_time() {
    /// Its clones would count wrongly if two ran at once.
    struct Counts(Cell<u64>, Arc<AtomicUsize>);
    impl Clone for Counts {
        fn clone(&self) -> Counts {
            self.0.set(self.0.get() + 1);
            self.1.fetch_max(self.0.get() as usize, SeqCst);
            Counts(Cell::new(0), self.1.clone())
        }
    }
    let (tx, rx) = broadcast::channel(4);
    let most = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = [tx.subscribe(), tx.subscribe(), tx.subscribe(), rx]
        .into_iter()
        .map(|mut rx| std::thread::spawn(move || rx.blocking_recv().is_ok()))
        .collect();
    assert!(tx.send(Counts(Cell::new(0), most.clone())).is_ok());
    for thread in threads {
        assert!(thread.join().unwrap());
    }
    assert_eq!(most.load(SeqCst), 4, "each receiver has cloned the one message");
}

#[test]
fn a_message_is_kept_until_the_last_receiver_has_it() {
    let message = Rc::new(());
    let (tx, mut one) = broadcast::channel(4);
    let mut other = tx.subscribe();
    assert_eq!(tx.send(message.clone()).unwrap(), 2);
    drop(one.try_recv().unwrap());
    assert_eq!((Rc::strong_count(&message), tx.len()), (2, 1));
    let late = tx.subscribe();
    drop(other.try_recv().unwrap());
    assert_eq!((Rc::strong_count(&message), tx.len()), (1, 0), "the late one does not need it");
    drop(late);
}

#[test]
fn a_slow_receiver_keeps_no_more_than_the_channel_holds() {
    let message = Rc::new(());
    let (tx, mut quick) = broadcast::channel(2);
    let mut slow = tx.subscribe();
    for _ in 0..5 {
        tx.send(message.clone()).unwrap();
        quick.try_recv().unwrap();
    }
    assert_eq!((Rc::strong_count(&message), tx.len(), slow.len()), (3, 2, 5));
    assert_eq!(slow.try_recv(), Err(TryRecvError::Lagged(3)));
    assert_eq!((slow.try_recv().is_ok(), slow.len()), (true, 1));
    assert_eq!(Rc::strong_count(&message), 2);
    drop(slow);
    assert_eq!(Rc::strong_count(&message), 1, "nobody else needs what it has not received");
}

#[test]
fn messages_may_use_their_channel_when_they_are_cloned_and_dropped() {
    struct Uses(Option<Sender<Uses>>, Rc<RefCell<Vec<&'static str>>>);
    impl Uses {
        fn using(&self, what: &'static str) {
            if let Some(tx) = &self.0 {
                assert!(tx.receiver_count() < 3 && tx.len() < 3, "nothing is locked");
                self.1.borrow_mut().push(what);
            }
        }
    }
    impl Clone for Uses {
        fn clone(&self) -> Uses {
            self.using("clone");
            Uses(None, self.1.clone())
        }
    }
    impl Drop for Uses {
        fn drop(&mut self) {
            self.using("drop");
        }
    }
    let log = Rc::new(RefCell::new(Vec::new()));
    let (tx, mut one) = broadcast::channel(1);
    let message = || Uses(Some(tx.clone()), log.clone());
    let other = tx.subscribe();
    assert!(tx.send(message()).is_ok());
    assert!(one.try_recv().is_ok());
    assert_eq!(*log.borrow(), ["clone"]);
    assert!(tx.send(message()).is_ok(), "which drops the first one");
    assert_eq!(log.borrow_mut().drain(..).next_back(), Some("drop"));
    drop(other);
    assert!(one.try_recv().is_ok());
    assert_eq!(*log.borrow(), ["clone", "drop"]);
    assert!(tx.send(message()).is_ok());
    drop(one);
    assert_eq!(*log.borrow(), ["clone", "drop", "drop"]);
}

#[test]
fn a_hundred_receivers_are_woken_and_those_that_gave_up_are_not() {
    let tx = Sender::new(4);
    let counter = Arc::new(Counter::default());
    let waker = Waker::from(counter.clone());
    let mut receivers: Vec<_> = (0..100).map(|_| tx.subscribe()).collect();
    let mut waiting: Vec<_> = receivers.iter_mut().map(|rx| Box::pin(rx.recv())).collect();
    for recv in &mut waiting {
        assert!(poll(recv.as_mut(), &waker).is_pending());
    }
    waiting.drain(20..50);
    assert_eq!(tx.send(7).unwrap(), 100);
    assert_eq!(counter.0.load(SeqCst), 70);
    for mut recv in waiting {
        assert_eq!(poll(recv.as_mut(), &waker), Poll::Ready(Ok(7)));
    }
    assert_eq!((Arc::strong_count(&counter), tx.len()), (2, 1), "no waker is kept");
}

/// A waker that sends once more.
struct SendsMore(Sender<u8>, AtomicUsize);

impl Wake for SendsMore {
    fn wake(self: Arc<Self>) {
        if self.1.fetch_add(1, SeqCst) == 0 {
            self.0.send(2).unwrap();
        }
    }
}

#[test]
fn a_waker_may_send() {
    let (tx, mut rx) = broadcast::channel(4);
    let waker = Waker::from(Arc::new(SendsMore(tx.clone(), AtomicUsize::new(0))));
    {
        let mut recv = pin!(rx.recv());
        assert!(poll(recv.as_mut(), &waker).is_pending());
        tx.send(1).unwrap();
        assert_eq!(poll(recv, &waker), Poll::Ready(Ok(1)));
    }
    assert_eq!(rx.try_recv(), Ok(2));
}

#[test]
fn the_end_comes_after_the_messages_and_may_not_be_undone() {
    let (tx, mut rx) = broadcast::channel(4);
    let weak = tx.downgrade();
    tx.send(1).unwrap();
    drop(tx);
    assert!(rx.is_closed() && weak.upgrade().is_none());
    assert_eq!((rx.try_recv(), rx.try_recv()), (Ok(1), Err(TryRecvError::Closed)));
    assert_eq!(rx.resubscribe().try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn a_runtime_refuses_to_block() {
    let (_tx, mut rx) = broadcast::channel::<u8>(4);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        ayi::runtime::Runtime::new().unwrap().block_on(async { rx.blocking_recv() })
    }));
    assert!(
        panic
            .unwrap_err()
            .downcast_ref::<String>()
            .unwrap()
            .contains("blocking_recv: Cannot block the current thread")
    );
}

#[ayi::test]
async fn messages_lags_and_ends_cost_one_operation_each() {
    let counts = ayi::spawn(async {
        let (tx, mut rx) = broadcast::channel(1);
        let mut counts = [0; 3];
        while has_budget_remaining() {
            tx.send(1).unwrap();
            assert_eq!(rx.recv().await, Ok(1));
            counts[0] += 1;
        }
        ayi::task::yield_now().await;
        while has_budget_remaining() {
            tx.send(1).unwrap();
            tx.send(2).unwrap();
            assert!(matches!(rx.recv().await, Err(RecvError::Lagged(1 | 2))));
            counts[1] += 1;
        }
        ayi::task::yield_now().await;
        drop(tx);
        assert_eq!(rx.try_recv(), Ok(2));
        while has_budget_remaining() {
            assert_eq!(rx.recv().await, Err(RecvError::Closed));
            counts[2] += 1;
        }
        counts
    });
    assert_eq!(counts.await.unwrap(), [128; 3]);
}
