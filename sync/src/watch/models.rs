//! What senders and receivers do at the same time, in all interleavings of a few preemptions. A lost wake shows as a
//! deadlock.

use super::{Sender, channel};
use crate::proof::{block_on, explore};
use loom::thread;

#[test]
fn a_receiver_that_waits_is_told_of_a_change_and_of_the_end() {
    explore(3, || {
        let (tx, mut rx) = channel(0);
        let thread = thread::spawn(move || tx.send(1).unwrap());
        block_on(rx.changed()).unwrap();
        assert_eq!(*rx.borrow_and_update(), 1);
        assert!(block_on(rx.changed()).is_err());
        thread.join().unwrap();
    });
}

#[test]
fn two_receivers_that_wait_are_both_told() {
    explore(2, || {
        let (tx, mut rx) = channel(0);
        let mut other = rx.clone();
        let thread = thread::spawn(move || block_on(other.changed()).map(|()| *other.borrow()).unwrap());
        tx.send(1).unwrap();
        block_on(rx.changed()).unwrap();
        assert_eq!(thread.join().unwrap(), 1);
    });
}

#[test]
fn the_last_version_is_seen_whatever_came_before() {
    explore(3, || {
        let (tx, mut rx) = channel(0);
        let thread = thread::spawn(move || (1..=3).for_each(|n| tx.send(n).unwrap()));
        let mut last = 0;
        while block_on(rx.changed()).is_ok() {
            let now = *rx.borrow_and_update();
            assert!(now >= last);
            last = now;
        }
        assert_eq!(last, 3);
        thread.join().unwrap();
    });
}

#[test]
fn a_condition_is_waited_for_through_other_changes() {
    explore(3, || {
        let (tx, mut rx) = channel(0);
        let thread = thread::spawn(move || (1..=2).for_each(|n| tx.send_modify(|value| *value = n)));
        assert_eq!(*block_on(rx.wait_for(|n| *n == 2)).unwrap(), 2);
        thread.join().unwrap();
        assert!(block_on(rx.wait_for(|n| *n == 1)).is_err());
    });
}

#[test]
fn two_senders_end_with_the_last_of_them() {
    explore(3, || {
        let (tx, mut rx) = channel(0);
        let other = tx.clone();
        let thread = thread::spawn(move || other.send_modify(|n| *n += 1));
        tx.send_modify(|n| *n += 1);
        drop(tx);
        while block_on(rx.changed()).is_ok() {}
        assert_eq!(*rx.borrow(), 2);
        thread.join().unwrap();
    });
}

#[test]
fn a_sender_is_told_that_there_is_no_receiver() {
    explore(3, || {
        let (tx, rx) = channel(0);
        let other = rx.clone();
        let thread = thread::spawn(move || drop(other));
        drop(rx);
        block_on(tx.closed());
        assert!(tx.send(1).is_err());
        thread.join().unwrap();
    });
}

#[test]
fn a_receiver_that_comes_late_has_seen_what_it_finds() {
    explore(3, || {
        let tx = Sender::new(0);
        let other = tx.clone();
        let thread = thread::spawn(move || other.send_replace(1));
        let mut rx = tx.subscribe();
        // Either it has seen the change already, or it is told of it.
        if *rx.borrow_and_update() == 0 {
            block_on(rx.changed()).unwrap();
        }
        assert_eq!((*rx.borrow(), thread.join().unwrap()), (1, 0));
    });
}
