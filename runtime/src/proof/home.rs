//! A runtime that two threads are in, one after the other, while others wake its tasks.

use super::runtime;
use crate::core::sync::Cell;
use crate::core::sync::atomic::{AtomicBool, Ordering};
use crate::core::sync::explore;
use crate::task::yield_now;
use loom::thread;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

/// Both threads want to be in the runtime. One is, and the other one runs its future beside it, or comes after. A task
/// that was spawned before runs on either, and what it wrote on the first is there on the second.
#[test]
fn two_threads_block_on_one_runtime() {
    explore(2, || {
        let rt = Arc::new(runtime());
        let task = rt.handle().spawn(async {
            // What a task keeps belongs to the thread that is in the runtime.
            let rounds = Cell::new(0);
            for _ in 0..2 {
                rounds.set(rounds.get() + 1);
                yield_now().await;
            }
            rounds.get()
        });
        let other = rt.clone();
        let thread = thread::spawn(move || other.block_on(async { 7 }));
        rt.block_on(yield_now());
        assert_eq!(thread.join().unwrap(), 7);
        assert_eq!(rt.block_on(task).unwrap(), 2);
    });
}

/// A wake comes while the runtime is between two threads.
#[test]
fn a_wake_while_nobody_is_in_it_is_not_lost() {
    explore(2, || {
        let rt = runtime();
        let (told, news) = loom::sync::mpsc::channel();
        let is_set = Arc::new(AtomicBool::new(false));
        let flag = is_set.clone();
        let task = rt.handle().spawn(poll_fn(move |cx| {
            if flag.load(Ordering::Acquire) {
                return Poll::Ready(());
            }
            told.send(cx.waker().clone()).unwrap();
            Poll::Pending
        }));
        rt.block_on(yield_now());
        let waker = news.recv().unwrap();
        let waking = thread::spawn(move || {
            is_set.store(true, Ordering::Release);
            waker.wake();
        });
        let second = thread::spawn(move || {
            rt.block_on(task).unwrap();
        });
        waking.join().unwrap();
        second.join().unwrap();
    });
}
