//! What threads do with a barrier at the same time, in all interleavings.

use super::Barrier;
use crate::proof::{block_on, explore};
use loom::sync::atomic::AtomicUsize;
use loom::sync::atomic::Ordering::Relaxed;
use loom::thread;
use std::sync::Arc;

#[test]
fn both_pass_twice_and_each_round_has_a_leader() {
    explore(2, || {
        let shared = Arc::new((Barrier::new(2), AtomicUsize::new(0)));
        let pass = |(barrier, arrived): &(Barrier, AtomicUsize)| {
            [2, 4].map(|all| {
                arrived.fetch_add(1, Relaxed);
                let result = block_on(barrier.wait());
                assert!(arrived.load(Relaxed) >= all);
                usize::from(result.is_leader())
            })
        };
        let other = shared.clone();
        let thread = thread::spawn(move || pass(&other));
        let mine = pass(&shared);
        let theirs = thread.join().unwrap();
        assert_eq!([mine[0] + theirs[0], mine[1] + theirs[1]], [1, 1]);
    });
}
