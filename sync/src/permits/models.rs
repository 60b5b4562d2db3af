//! What threads do with permits at the same time, in all interleavings.

use super::{Acquire, Permits};
use crate::primitives::What;
use crate::proof::{block_on, explore};
use crate::semaphore::TryAcquireError;
use loom::thread;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

fn poll_once(acquire: &mut Acquire<'_>) -> Poll<bool> {
    Pin::new(acquire).poll(&mut Context::from_waker(Waker::noop())).map(|result| result.is_ok())
}

#[test]
fn who_waits_gets_the_permit_that_comes_back() {
    explore(3, || {
        let permits = Arc::new(Permits::new(0, What::new("permits")));
        let other = permits.clone();
        let thread = thread::spawn(move || block_on(other.acquire(1)).unwrap());
        permits.release(1);
        thread.join().unwrap();
        assert_eq!(permits.available(), 0);
    });
}

#[test]
fn the_latest_waker_is_the_one_that_is_woken() {
    explore(3, || {
        let permits = Arc::new(Permits::new(0, What::new("permits")));
        let other = permits.clone();
        let thread = thread::spawn(move || other.release(1));
        let mut acquire = permits.acquire(1);
        if poll_once(&mut acquire).is_pending() {
            block_on(acquire).unwrap();
        }
        thread.join().unwrap();
        assert_eq!(permits.available(), 0);
    });
}

#[test]
fn many_come_together_from_several_threads() {
    explore(3, || {
        let permits = Arc::new(Permits::new(1, What::new("permits")));
        let threads = [1, 1].map(|n| {
            let permits = permits.clone();
            thread::spawn(move || permits.release(n))
        });
        block_on(permits.acquire(3)).unwrap();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(permits.available(), 0);
    });
}

#[test]
fn who_wants_many_and_who_wants_few_both_get_them() {
    explore(2, || {
        let permits = Arc::new(Permits::new(2, What::new("permits")));
        let threads = [2, 1].map(|n| {
            let permits = permits.clone();
            thread::spawn(move || {
                block_on(permits.acquire(n)).unwrap();
                permits.release(n);
            })
        });
        block_on(permits.acquire(1)).unwrap();
        permits.release(1);
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(permits.available(), 2);
    });
}

/// It may be passed over, or served first: the next in the queue gets the permit in any case.
#[test]
fn who_gives_up_while_it_is_served_passes_the_permit_on() {
    explore(3, || {
        let permits = Arc::new(Permits::new(0, What::new("permits")));
        let (gives, leaves) = (permits.clone(), permits.clone());
        let leaves = thread::spawn(move || {
            let mut acquire = leaves.acquire(1);
            let is_served = poll_once(&mut acquire).is_ready();
            drop(acquire);
            leaves.release(usize::from(is_served));
        });
        let gives = thread::spawn(move || gives.release(1));
        block_on(permits.acquire(1)).unwrap();
        leaves.join().unwrap();
        gives.join().unwrap();
        assert_eq!(permits.available(), 0);
    });
}

#[test]
fn who_gives_up_with_a_part_leaves_it_behind() {
    explore(3, || {
        let permits = Arc::new(Permits::new(1, What::new("permits")));
        let mut big = permits.acquire(3);
        assert!(poll_once(&mut big).is_pending());
        let (other, gives) = (permits.clone(), permits.clone());
        let waits = thread::spawn(move || block_on(other.acquire(2)).unwrap());
        let gives = thread::spawn(move || gives.release(1));
        drop(big);
        waits.join().unwrap();
        gives.join().unwrap();
        assert_eq!(permits.available(), 0);
    });
}

#[test]
fn nobody_overtakes_who_waits() {
    explore(3, || {
        let permits = Arc::new(Permits::new(0, What::new("permits")));
        let mut first = permits.acquire(1);
        assert!(poll_once(&mut first).is_pending());
        let (gives, tries) = (permits.clone(), permits.clone());
        let gives = thread::spawn(move || gives.release(1));
        let tries = thread::spawn(move || {
            assert_eq!(tries.try_acquire(1), Err(TryAcquireError::NoPermits));
            assert_eq!(tries.forget(1), 0);
        });
        block_on(first).unwrap();
        gives.join().unwrap();
        tries.join().unwrap();
    });
}

#[test]
fn who_waits_hears_of_the_end() {
    explore(3, || {
        let permits = Arc::new(Permits::new(1, What::new("permits")));
        let other = permits.clone();
        let thread = thread::spawn(move || assert!(block_on(other.acquire(2)).is_err()));
        permits.close();
        assert_eq!(permits.try_acquire(1), Err(TryAcquireError::Closed));
        thread.join().unwrap();
        assert_eq!(permits.available(), 1, "the part came back");
    });
}

#[test]
fn a_permit_that_comes_back_at_the_end_is_given_or_kept() {
    explore(3, || {
        let permits = Arc::new(Permits::new(0, What::new("permits")));
        let (gives, waits) = (permits.clone(), permits.clone());
        let gives = thread::spawn(move || gives.release(1));
        let waits = thread::spawn(move || block_on(waits.acquire(1)).is_ok());
        permits.close();
        gives.join().unwrap();
        let is_given = waits.join().unwrap();
        assert_eq!((permits.available(), permits.is_closed()), (usize::from(!is_given), true));
    });
}

#[test]
fn what_is_forgotten_is_not_given() {
    explore(3, || {
        let permits = Arc::new(Permits::new(1, What::new("permits")));
        let (forgets, gives) = (permits.clone(), permits.clone());
        let forgets = thread::spawn(move || forgets.forget(2));
        let gives = thread::spawn(move || gives.try_add(1).unwrap());
        let is_taken = permits.try_acquire(1).is_ok();
        gives.join().unwrap();
        let forgotten = forgets.join().unwrap();
        assert_eq!(permits.available() + forgotten + usize::from(is_taken), 2);
    });
}
