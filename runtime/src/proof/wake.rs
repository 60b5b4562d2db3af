//! A waker on another thread, while the owner polls its task, finishes it, gives its slot to another, or sleeps.

use super::runtime;
use crate::core::sync::explore;
use crate::core::sys;
use crate::runtime::Builder;
use crate::task::spawn;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use loom::thread;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

/// Waits until another thread, which the first poll starts, has said something and woken the task. Returns the number
/// of polls. What is said is Relaxed: only the wake makes a poll see it.
fn hears_another_thread() -> impl Future<Output = usize> {
    let (said, mut polls) = (Arc::new(AtomicBool::new(false)), 0);
    poll_fn(move |cx| {
        polls += 1;
        if polls == 1 {
            let (waker, said) = (cx.waker().clone(), said.clone());
            thread::spawn(move || {
                said.store(true, Relaxed);
                waker.wake();
            });
        }
        if said.load(Relaxed) { Poll::Ready(polls) } else { Poll::Pending }
    })
}

#[test]
fn a_wake_during_the_poll_is_not_lost() {
    explore(4, || {
        let rt = runtime();
        let polls = rt.block_on(async { spawn(hears_another_thread()).await.unwrap() });
        assert!(polls <= 2);
    });
}

#[test]
fn the_future_of_block_on_is_woken_as_a_task_is() {
    explore(4, || {
        let polls = runtime().block_on(hears_another_thread());
        assert!(polls <= 2);
    });
}

#[test]
fn a_late_wake_costs_the_next_task_of_the_slot_a_poll() {
    explore(2, || {
        let rt = runtime();
        rt.block_on(async {
            let mut is_new = true;
            // The task ends in its second poll, wherever the other thread's wake is by then.
            let first = spawn(poll_fn(move |cx| {
                if !std::mem::take(&mut is_new) {
                    return Poll::Ready(());
                }
                let late = cx.waker().clone();
                thread::spawn(move || late.wake());
                cx.waker().wake_by_ref();
                Poll::Pending
            }));
            first.await.unwrap();
            // This task is in the same slot, unless the wake has left the slot on the run queue.
            assert!(spawn(hears_another_thread()).await.unwrap() <= 3);
        });
    });
}

/// Waits until two other threads have written, each before it wakes.
fn hears_two_other_threads() -> impl Future<Output = ()> {
    let (written, mut is_new) = (Arc::new(AtomicUsize::new(0)), true);
    poll_fn(move |cx| {
        for _ in 0..if std::mem::take(&mut is_new) { 2 } else { 0 } {
            let (waker, written) = (cx.waker().clone(), written.clone());
            thread::spawn(move || {
                written.fetch_add(1, Relaxed);
                waker.wake();
            });
        }
        if written.load(Relaxed) == 2 { Poll::Ready(()) } else { Poll::Pending }
    })
}

#[test]
fn the_last_poll_has_seen_what_all_wakers_wrote() {
    // The second wake posts nothing, if the first is not heard yet.
    explore(2, || runtime().block_on(hears_two_other_threads()));
}

#[test]
fn so_has_that_of_a_thread_that_sleeps_by_itself() {
    explore(2, || {
        // There is no loop here: the runtime has ended.
        let handle = runtime().handle().clone();
        handle.block_on(hears_two_other_threads());
    });
}

#[test]
fn a_sleeper_is_rung_for_once() {
    explore(2, || {
        let sleeps = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let (rings, counter) = (sys::rings(), sleeps.clone());
        let count = move || {
            counter.fetch_add(1, Relaxed);
        };
        let rt = Builder::new_current_thread().event_interval(1).on_thread_park(count).build().unwrap();
        rt.block_on(async {
            let (one, other) = (spawn(hears_another_thread()), spawn(hears_another_thread()));
            one.await.unwrap();
            other.await.unwrap();
        });
        assert!(sys::rings() - rings <= sleeps.load(Relaxed));
    });
}

#[test]
fn what_a_task_keeps_is_its_owners() {
    // An `Rc` in the task, and a cell that loom watches: a waker on another thread reaches neither.
    explore(3, || {
        let polls = Rc::new(loom::cell::Cell::new(0));
        let rt = runtime();
        let (counted, mut heard) = (polls.clone(), Box::pin(hears_another_thread()));
        let task = rt.spawn(poll_fn(move |cx| {
            counted.set(counted.get() + 1);
            heard.as_mut().poll(cx)
        }));
        rt.block_on(task).unwrap();
        assert!(polls.get() <= 2);
    });
}
