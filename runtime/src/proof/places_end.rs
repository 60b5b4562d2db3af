//! Tasks that are in another runtime, or on their way, when that ends, or their home.

use super::elsewhere;
use super::places::{Other, end, end_early, has_output, nothing, send, spawn, turns};
use super::runtime;
use crate::core::sync::explore;
use crate::task::yield_now;
use loom::thread;
use std::future::poll_fn;

/// Its future is dropped at home, or where it is.
#[test]
fn a_task_whose_home_ends_is_cancelled() {
    explore(3, || {
        let rt = runtime();
        let other = Other::until_told(nothing);
        let (task, word, _luggage) = spawn(&rt, true);
        let id = task.id();
        rt.block_on(async { send(id, &other.handle) });
        end_early(rt);
        assert!(!has_output(elsewhere::block_on(task)));
        word.say();
        other.end();
    });
}

/// The other runtime waits for that, and ends afterwards.
#[test]
fn the_future_of_a_task_whose_home_ends_is_dropped_soon() {
    explore(3, || {
        let rt = runtime();
        let (task, word, _luggage) = spawn(&rt, true);
        let id = task.id();
        let other = Other::until(move || async move { poll_fn(|cx| word.is_gone.poll(cx)).await });
        rt.block_on(async { send(id, &other.handle) });
        end_early(rt);
        assert!(!has_output(elsewhere::block_on(task)));
        other.end();
    });
}

#[test]
fn a_task_has_an_output_or_its_home_has_ended_before() {
    explore(2, || {
        let rt = runtime();
        let other = Other::until_told(nothing);
        let (task, word, _luggage) = spawn(&rt, true);
        let id = task.id();
        rt.block_on(async {
            yield_now().await;
            send(id, &other.handle);
        });
        let speaks = thread::spawn(move || word.say());
        end_early(rt);
        has_output(elsewhere::block_on(task));
        speaks.join().unwrap();
        other.end();
    });
}

#[test]
fn home_ends_while_a_task_goes_home() {
    explore(3, || {
        let rt = runtime();
        let (task, word, _luggage) = spawn(&rt, true);
        let id = task.id();
        let other = Other::that_sends_on(id, word, 0, rt.handle());
        rt.block_on(async { send(id, &other.handle) });
        end_early(rt);
        assert!(!has_output(elsewhere::block_on(task)));
        other.end();
    });
}

#[test]
fn home_ends_while_a_task_goes_to_a_third_runtime() {
    explore(2, || {
        let rt = runtime();
        let (task, word, _luggage) = spawn(&rt, true);
        let id = task.id();
        let third = Other::until_told(nothing);
        let second = Other::that_sends_on(id, word, 0, &third.handle);
        rt.block_on(async { send(id, &second.handle) });
        end_early(rt);
        assert!(!has_output(elsewhere::block_on(task)));
        second.end();
        third.end();
    });
}

/// The other runtime refuses it, or ends before it is polled there, or after.
#[test]
fn a_task_goes_home_from_a_runtime_that_ends() {
    explore(3, || {
        let rt = runtime();
        let other = Other::until(|| turns(1));
        let (task, word, _luggage) = spawn(&rt, true);
        let id = task.id();
        rt.block_on(async {
            yield_now().await;
            assert!(send(id, &other.handle));
            word.say();
            task.await.unwrap().read();
        });
        end(rt);
        other.end();
    });
}

#[test]
fn a_wake_finds_a_task_that_goes_home_from_a_runtime_that_ends() {
    explore(3, || {
        let rt = runtime();
        let other = Other::until(|| turns(1));
        let (task, word, _luggage) = spawn(&rt, false);
        let id = task.id();
        let speaks = thread::spawn(move || word.say());
        rt.block_on(async {
            send(id, &other.handle);
            task.await.unwrap().read();
        });
        speaks.join().unwrap();
        end(rt);
        other.end();
    });
}

#[test]
fn an_abort_finds_a_task_that_goes_home_from_a_runtime_that_ends() {
    explore(2, || {
        let rt = runtime();
        let other = Other::until(|| turns(1));
        let (task, _word, _luggage) = spawn(&rt, true);
        let (id, stop) = (task.id(), task.abort_handle());
        rt.block_on(async {
            assert!(send(id, &other.handle));
            let stops = thread::spawn(move || stop.abort());
            assert!(!has_output(task.await));
            stops.join().unwrap();
        });
        end(rt);
        other.end();
    });
}

/// The place there is known already, or is not any more.
#[test]
fn a_task_comes_once_more_to_a_runtime_that_ends() {
    explore(3, || {
        let rt = runtime();
        let (task, word, _luggage) = spawn(&rt, false);
        let (id, at_home, there) = (task.id(), rt.handle().clone(), word.clone());
        let other = Other::until(move || async move {
            poll_fn(|cx| there.is_there[1].poll(cx)).await;
            send(id, &at_home);
            yield_now().await;
        });
        rt.block_on(async {
            yield_now().await;
            assert!(send(id, &other.handle));
            poll_fn(|cx| word.is_there[2].poll(cx)).await;
            send(id, &other.handle);
            word.say();
            task.await.unwrap().read();
        });
        end(rt);
        other.end();
    });
}

#[test]
fn a_task_goes_home_from_the_third_runtime_when_that_ends_or_has_ended() {
    explore(2, || {
        let rt = runtime();
        let (task, word, _luggage) = spawn(&rt, false);
        let id = task.id();
        let third = Other::when_told(nothing);
        let second = Other::that_sends_on(id, word.clone(), 1, &third.handle);
        third.done.give();
        rt.block_on(async {
            yield_now().await;
            assert!(send(id, &second.handle));
            word.say();
            task.await.unwrap().read();
        });
        end(rt);
        second.end();
        third.end();
    });
}

#[test]
fn both_runtimes_end() {
    explore(3, || {
        let rt = runtime();
        let other = Other::until(|| turns(1));
        let (task, _word, _luggage) = spawn(&rt, true);
        let id = task.id();
        rt.block_on(async { send(id, &other.handle) });
        end_early(rt);
        assert!(!has_output(elsewhere::block_on(task)));
        other.end();
    });
}

#[test]
fn all_three_runtimes_end() {
    explore(2, || {
        let rt = runtime();
        let (task, _word, _luggage) = spawn(&rt, true);
        let id = task.id();
        let third = Other::when_told(nothing);
        let there = third.handle.clone();
        let second = Other::until(move || async move {
            yield_now().await;
            send(id, &there);
        });
        third.done.give();
        rt.block_on(async { send(id, &second.handle) });
        end_early(rt);
        assert!(!has_output(elsewhere::block_on(task)));
        second.end();
        third.end();
    });
}

/// The next runtime has the scheduler of the one that has ended, and maybe the slot where the task has a place.
#[test]
fn a_place_in_a_runtime_that_has_ended_is_none_in_the_next() {
    explore(4, || {
        let rt = runtime();
        let other = Other::until(|| turns(1));
        let (task, word, _luggage) = spawn(&rt, false);
        let id = task.id();
        rt.block_on(async {
            yield_now().await;
            assert!(send(id, &other.handle));
        });
        let old = other.handle.clone();
        other.end();
        let next = runtime();
        assert!(std::ptr::eq(next.handle().link.reference.scheduler, old.link.reference.scheduler));
        let theirs = next.handle().spawn(async { 7 });
        rt.block_on(async {
            // It comes back at once, as the runtime of this handle has ended.
            send(id, &old);
            word.say();
            task.await.unwrap().read();
        });
        assert_eq!(next.block_on(theirs).unwrap(), 7);
        end(rt);
        end(next);
    });
}
