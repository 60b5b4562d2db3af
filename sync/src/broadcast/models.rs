//! What senders and receivers do at the same time, in all interleavings of a few preemptions. A lost wake shows as a
//! deadlock, a lost message as a leak.

use super::error::{RecvError, TryRecvError};
use super::{Receiver, channel};
use crate::proof::{block_on, explore};
use loom::sync::Arc;
use loom::thread;

/// A message whose leak loom sees.
type Message = Arc<u32>;

/// Receives until the end: the messages, and how many were missed.
fn receive(mut rx: Receiver<Message>) -> (Vec<u32>, u64) {
    let (mut messages, mut missed) = (Vec::new(), 0);
    loop {
        match block_on(rx.recv()) {
            Ok(message) => messages.push(*message),
            Err(RecvError::Lagged(n)) => missed += n,
            Err(RecvError::Closed) => return (messages, missed),
        }
    }
}

#[test]
fn two_receivers_get_every_message_and_the_end() {
    explore(2, || {
        let (tx, rx) = channel(4);
        let other = tx.subscribe();
        let thread = thread::spawn(move || receive(other));
        tx.send(Arc::new(1)).unwrap();
        tx.send(Arc::new(2)).unwrap();
        drop(tx);
        assert_eq!(receive(rx), (vec![1, 2], 0));
        assert_eq!(thread.join().unwrap(), (vec![1, 2], 0));
    });
}

#[test]
fn what_a_slow_receiver_gets_and_what_it_misses_is_all() {
    explore(3, || {
        let (tx, rx) = channel(1);
        let thread = thread::spawn(move || receive(rx));
        for n in 1..=3 {
            tx.send(Arc::new(n)).unwrap();
        }
        drop(tx);
        let (messages, missed) = thread.join().unwrap();
        assert_eq!(messages.len() as u64 + missed, 3);
        assert_eq!(messages.last(), Some(&3));
        assert!(messages.is_sorted());
    });
}

#[test]
fn a_receiver_that_goes_takes_its_messages_with_it() {
    explore(3, || {
        let (tx, rx) = channel(2);
        let mut other = tx.subscribe();
        let thread = thread::spawn(move || drop(rx));
        tx.send(Arc::new(1)).unwrap();
        assert_eq!(block_on(other.recv()).map(|message| *message), Ok(1));
        thread.join().unwrap();
        assert!(tx.is_empty());
    });
}

#[test]
fn a_message_to_the_last_receiver_that_goes_is_dropped_or_comes_back() {
    explore(3, || {
        let (tx, rx) = channel(2);
        let thread = thread::spawn(move || drop(rx));
        let _ = tx.send(Arc::new(1));
        block_on(tx.closed());
        thread.join().unwrap();
        assert!(tx.is_empty() && tx.send(Arc::new(2)).is_err());
    });
}

#[test]
fn two_senders_end_with_the_last_of_them() {
    explore(3, || {
        let (tx, rx) = channel(4);
        let other = tx.clone();
        let thread = thread::spawn(move || other.send(Arc::new(1)).unwrap());
        tx.send(Arc::new(1)).unwrap();
        drop(tx);
        assert_eq!(receive(rx), (vec![1, 1], 0));
        thread.join().unwrap();
    });
}

#[test]
fn a_weak_sender_is_upgraded_in_time_or_never() {
    explore(3, || {
        let (tx, rx) = channel(4);
        let weak = tx.downgrade();
        let thread = thread::spawn(move || weak.upgrade().map(|tx| tx.send(Arc::new(1)).unwrap()).is_some());
        drop(tx);
        let (messages, _) = receive(rx);
        assert_eq!(messages.len() == 1, thread.join().unwrap());
    });
}

#[test]
fn a_receiver_that_comes_late_gets_what_is_sent_after_it() {
    explore(3, || {
        let (tx, mut rx) = channel(4);
        let other = tx.clone();
        let thread = thread::spawn(move || other.send(Arc::new(1)).unwrap());
        let mut late = tx.subscribe();
        let receivers = thread.join().unwrap();
        assert_eq!(late.try_recv().is_ok(), receivers == 2);
        assert!(rx.try_recv().is_ok());
        assert_eq!(late.try_recv().err(), Some(TryRecvError::Empty));
    });
}

#[test]
fn a_message_that_is_lent_out_may_have_to_make_room() {
    explore(3, || {
        let (tx, rx) = channel(1);
        let other = tx.subscribe();
        let thread = thread::spawn(move || receive(other));
        tx.send(Arc::new(1)).unwrap();
        tx.send(Arc::new(2)).unwrap();
        drop(tx);
        for (messages, missed) in [receive(rx), thread.join().unwrap()] {
            assert_eq!(messages.len() as u64 + missed, 2);
            assert_eq!(messages.last(), Some(&2));
        }
    });
}

#[test]
fn whoever_goes_while_a_message_is_lent_out_leaves_it_to_the_borrower() {
    explore(3, || {
        let (tx, mut rx) = channel(2);
        let other = tx.subscribe();
        tx.send(Arc::new(1)).unwrap();
        let thread = thread::spawn(move || drop(other));
        assert_eq!(rx.try_recv().map(|message| *message), Ok(1));
        thread.join().unwrap();
        assert!(tx.is_empty());
    });
}
