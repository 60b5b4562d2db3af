//! What threads do with a cell at the same time, in all interleavings.

use super::{OnceCell, SetError};
use crate::proof::{block_on, explore};
use loom::thread;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

#[test]
fn one_makes_the_value_and_both_have_it() {
    explore(3, || {
        let cell = Arc::new(OnceCell::new());
        let other = cell.clone();
        let thread = thread::spawn(move || *block_on(other.get_or_init(async || 1)));
        let mine = *block_on(cell.get_or_init(async || 2));
        assert_eq!((thread.join().unwrap(), cell.get()), (mine, Some(&mine)));
    });
}

#[test]
fn after_one_who_fails_comes_another() {
    explore(3, || {
        let cell = Arc::new(OnceCell::new());
        let (fails, leaves) = (cell.clone(), cell.clone());
        let fails = thread::spawn(move || block_on(fails.get_or_try_init(async || Err(()))).copied());
        let leaves = thread::spawn(move || {
            let future = pin!(leaves.get_or_init(pending));
            let _ = future.poll(&mut Context::from_waker(Waker::noop())).is_ready();
        });
        assert_eq!(block_on(cell.get_or_init(async || 2)), &2);
        assert!(matches!(fails.join().unwrap(), Ok(2) | Err(())));
        leaves.join().unwrap();
    });
}

#[test]
fn a_value_that_is_set_is_the_only_one() {
    explore(3, || {
        let cell = Arc::new(OnceCell::new());
        let other = cell.clone();
        let thread = thread::spawn(move || *block_on(other.get_or_init(async || 1)));
        let set = cell.set(2);
        let seen = cell.get().copied();
        let theirs = thread.join().unwrap();
        match set {
            Ok(()) => assert_eq!((seen, theirs), (Some(2), 2)),
            Err(SetError::AlreadyInitializedError(2)) => assert_eq!((seen, theirs), (Some(1), 1)),
            Err(error) => assert!(error.is_initializing_err() && theirs == 1),
        }
    });
}
