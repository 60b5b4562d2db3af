//! What threads do with a value that is set once, in all interleavings.

use super::SetOnce;
use crate::proof::{block_on, explore};
use loom::thread;
use std::sync::Arc;

#[test]
fn who_waits_gets_the_value() {
    explore(3, || {
        let once = Arc::new(SetOnce::new());
        let threads = [(); 2].map(|_| {
            let once = once.clone();
            thread::spawn(move || assert_eq!(block_on(once.wait()), &7))
        });
        once.set(7).unwrap();
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn one_of_two_sets_it_and_the_other_sees_that_value() {
    explore(3, || {
        let once = Arc::new(SetOnce::new());
        let other = once.clone();
        let thread = thread::spawn(move || (other.set(1).is_ok(), other.get().copied()));
        let mine = (once.set(2).is_ok(), once.get().copied());
        let theirs = thread.join().unwrap();
        assert!(mine.0 != theirs.0 && mine.1 == theirs.1);
        assert_eq!(mine.1, Some(if mine.0 { 2 } else { 1 }));
    });
}
