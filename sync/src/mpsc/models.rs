//! What senders and the receiver do at the same time, in all interleavings of a few preemptions. A lost wake shows as a
//! deadlock, a lost message as a leak.

use super::{Receiver, channel, unbounded_channel};
use crate::proof::{block_on, explore};
use loom::sync::Arc;
use loom::thread;
use std::task::{Context, Poll, Waker};

/// A message whose leak loom sees.
fn message() -> Arc<u32> {
    Arc::new(7)
}

/// Receives until the end.
async fn count<T>(mut rx: Receiver<T>) -> usize {
    let mut count = 0;
    while rx.recv().await.is_some() {
        count += 1;
    }
    count
}

#[test]
fn a_receiver_that_waits_gets_all_messages_and_the_end() {
    explore(3, || {
        let (tx, mut rx) = unbounded_channel();
        let threads = [0, 10].map(|from| {
            let tx = tx.clone();
            thread::spawn(move || tx.send(from).unwrap())
        });
        tx.send(1).unwrap();
        drop(tx);
        let mut all = Vec::new();
        while let Some(n) = block_on(rx.recv()) {
            all.push(n);
        }
        for thread in threads {
            thread.join().unwrap();
        }
        all.sort_unstable();
        assert_eq!(all, [0, 1, 10]);
    });
}

#[test]
fn messages_of_one_sender_keep_their_order() {
    explore(3, || {
        let (tx, mut rx) = unbounded_channel();
        let thread = thread::spawn(move || (0..3).for_each(|n| tx.send(n).unwrap()));
        let mut all = Vec::new();
        while block_on(rx.recv_many(&mut all, 2)) > 0 {}
        assert_eq!(all, [0, 1, 2]);
        thread.join().unwrap();
    });
}

#[test]
fn a_sender_that_waits_for_capacity_goes_on() {
    explore(3, || {
        let (tx, rx) = channel(1);
        let thread = thread::spawn(move || {
            for _ in 0..3 {
                block_on(tx.send(message())).unwrap();
            }
        });
        assert_eq!(block_on(count(rx)), 3);
        thread.join().unwrap();
    });
}

#[test]
fn a_message_to_a_receiver_that_goes_is_dropped_or_comes_back() {
    explore(3, || {
        let (tx, rx) = unbounded_channel();
        let thread = thread::spawn(move || drop(rx));
        let _ = tx.send(message());
        thread.join().unwrap();
        assert!(tx.send(message()).is_err());
    });
    explore(3, || {
        let (tx, rx) = channel(1);
        let thread = thread::spawn(move || drop(rx));
        // If the first one is in time, the second one waits until the receiver goes.
        let _ = block_on(tx.send(message()));
        let _ = block_on(tx.send(message()));
        thread.join().unwrap();
        assert!(tx.try_send(message()).is_err());
    });
}

#[test]
fn a_permit_that_is_out_keeps_a_closed_receiver_waiting_until_it_is_used_or_dropped() {
    for is_used in [false, true] {
        explore(3, move || {
            let (tx, mut rx) = channel(2);
            let other = tx.clone();
            let thread = thread::spawn(move || {
                if let Ok(permit) = other.try_reserve() {
                    if is_used {
                        permit.send(message());
                        return 1;
                    }
                }
                0
            });
            rx.close();
            let received = block_on(count(rx));
            assert_eq!(received, thread.join().unwrap());
            drop(tx);
        });
    }
}

#[test]
fn a_reservation_that_is_given_up_ends_a_closed_channel() {
    explore(3, || {
        let (tx, mut rx) = channel::<Arc<u32>>(1);
        let permit = tx.clone().try_reserve_owned().unwrap();
        let thread = thread::spawn(move || {
            let mut reserve = std::pin::pin!(tx.reserve());
            let _ = reserve.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
            drop(permit);
        });
        rx.close();
        assert_eq!(block_on(count(rx)), 0);
        thread.join().unwrap();
    });
}

#[test]
fn a_sender_is_told_that_the_receiver_is_closed() {
    explore(3, || {
        let (tx, mut rx) = channel::<u8>(1);
        let thread = thread::spawn(move || rx.close());
        block_on(tx.closed());
        assert!(tx.is_closed() && tx.try_send(1).is_err());
        thread.join().unwrap();
    });
    explore(3, || {
        let (tx, rx) = unbounded_channel::<u8>();
        let thread = thread::spawn(move || drop(rx));
        block_on(tx.closed());
        assert!(tx.is_closed() && tx.send(1).is_err());
        thread.join().unwrap();
    });
}

#[test]
fn a_weak_sender_is_upgraded_in_time_or_never() {
    explore(3, || {
        let (tx, mut rx) = unbounded_channel();
        let weak = tx.downgrade();
        let thread = thread::spawn(move || weak.upgrade().map(|tx| tx.send(message()).unwrap()).is_some());
        drop(tx);
        let mut received = 0;
        while block_on(rx.recv()).is_some() {
            received += 1;
        }
        assert_eq!(received == 1, thread.join().unwrap());
    });
}

#[test]
fn what_was_sent_is_seen_by_try_recv_and_so_is_the_end() {
    explore(3, || {
        let (tx, mut rx) = channel(2);
        let thread = thread::spawn(move || tx.try_send(message()).unwrap());
        let early = rx.try_recv().is_ok();
        thread.join().unwrap();
        assert_eq!(rx.try_recv().is_ok(), !early);
        assert_eq!(rx.try_recv().err(), Some(super::error::TryRecvError::Disconnected));
        assert_eq!(rx.capacity(), 2);
    });
}

#[test]
fn the_receiver_may_move_to_another_task_while_a_message_comes() {
    explore(3, || {
        let (tx, mut rx) = unbounded_channel();
        let thread = thread::spawn(move || tx.send(message()).unwrap());
        match rx.poll_recv(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(received) => assert!(received.is_some()),
            Poll::Pending => assert!(block_on(rx.recv()).is_some()),
        }
        thread.join().unwrap();
    });
}
