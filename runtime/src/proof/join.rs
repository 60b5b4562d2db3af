//! The handles of a task on another thread, while the owner polls it, finishes it and frees its slot.

use super::output::Output;
use super::runtime;
use crate::core::sync::explore;
use crate::task::spawn;
use crate::task::{JoinError, yield_now};
use loom::thread;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

#[test]
fn the_output_is_taken_once_on_the_thread_that_awaits_it() {
    explore(3, || {
        let (rt, (output, drops)) = (runtime(), Output::new());
        let handle = rt.handle().clone();
        let task = rt.spawn(async move { output.written() });
        let elsewhere = thread::spawn(move || handle.block_on(task).unwrap().read());
        rt.block_on(yield_now());
        drop(rt);
        elsewhere.join().unwrap();
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn a_task_is_awaited_in_the_runtime_of_another_thread() {
    explore(2, || {
        let (rt, (output, drops)) = (runtime(), Output::new());
        let task = rt.spawn(async move { output.written() });
        let elsewhere = thread::spawn(move || runtime().block_on(task).unwrap().read());
        rt.block_on(yield_now());
        drop(rt);
        elsewhere.join().unwrap();
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn a_sleeper_that_is_unparked_for_another_reason_goes_on_sleeping() {
    explore(2, || {
        let rt = runtime();
        let (handle, mut task) = (rt.handle().clone(), rt.spawn(yield_now()));
        let elsewhere = thread::spawn(move || {
            let mut polls = 0;
            thread::current().unpark();
            handle.block_on(poll_fn(|cx| {
                polls += 1;
                Pin::new(&mut task).poll(cx)
            }))?;
            Ok::<_, JoinError>(polls)
        });
        rt.block_on(async {
            yield_now().await;
            yield_now().await;
        });
        drop(rt);
        assert!(elsewhere.join().unwrap().unwrap() <= 2);
    });
}

#[test]
fn the_latest_waker_is_the_one_that_is_woken() {
    explore(3, || {
        let rt = runtime();
        let handle = rt.handle().clone();
        let mut task = rt.spawn(async { 7 });
        let elsewhere = thread::spawn(move || {
            // Polled by a caller who does not wait for the task after all.
            let mut nobody = Context::from_waker(Waker::noop());
            match Pin::new(&mut task).poll(&mut nobody) {
                Poll::Ready(output) => output.unwrap(),
                Poll::Pending => handle.block_on(task).unwrap(),
            }
        });
        rt.block_on(yield_now());
        drop(rt);
        assert_eq!(elsewhere.join().unwrap(), 7);
    });
}

#[test]
fn a_waker_from_elsewhere_does_not_overtake_that_of_the_owner() {
    explore(3, || {
        let rt = runtime();
        let mut task = rt.spawn(async {
            yield_now().await;
            yield_now().await;
        });
        let elsewhere = thread::spawn(move || {
            let is_over = Pin::new(&mut task).poll(&mut Context::from_waker(Waker::noop())).is_ready();
            (!is_over).then_some(task)
        });
        rt.block_on(async {
            // The message of the other thread is unread. The waker of this await comes later, and must stay.
            if let Some(task) = elsewhere.join().unwrap() {
                task.await.unwrap();
            }
        });
    });
}

#[test]
fn a_handle_that_is_dropped_elsewhere_drops_the_output_once() {
    explore(3, || {
        let (rt, (output, drops)) = (runtime(), Output::new());
        let task = rt.spawn(async move { output.written() });
        let slot = task.waker();
        let elsewhere = thread::spawn(move || drop(task));
        rt.block_on(yield_now());
        elsewhere.join().unwrap();
        // The task's slot is free, and only once: the future of `block_on` has it, or one of two tasks.
        rt.block_on(async {
            yield_now().await;
            let root = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
            let (one, other) = (spawn(async {}), spawn(async {}));
            let all = [root, one.waker(), other.waker()];
            assert_eq!(all.iter().filter(|waker| waker.will_wake(&slot)).count(), 1);
            one.await.unwrap();
            other.await.unwrap();
        });
        assert_eq!((drops.count(), rt.metrics().num_alive_tasks()), (1, 0));
    });
}

#[test]
fn an_abort_from_elsewhere_ends_no_other_task() {
    explore(3, || {
        let rt = runtime();
        rt.block_on(async {
            let first = spawn(yield_now());
            let (stop, slot) = (first.abort_handle(), first.waker());
            thread::spawn(move || stop.abort());
            if let Err(error) = first.await {
                assert!(error.is_cancelled());
            }
            let second = spawn(async {
                yield_now().await;
                7
            });
            assert!(second.waker().will_wake(&slot), "it has the same slot");
            assert_eq!(second.await.unwrap(), 7);
        });
    });
}

#[test]
fn an_aborted_task_has_an_output_or_is_cancelled() {
    explore(3, || {
        let (rt, (output, drops)) = (runtime(), Output::new());
        let task = rt.spawn(async move {
            yield_now().await;
            output.written()
        });
        let stop = task.abort_handle();
        let elsewhere = thread::spawn(move || stop.abort());
        match rt.block_on(task) {
            Ok(output) => output.read(),
            Err(error) => assert!(error.is_cancelled()),
        }
        assert_eq!(drops.count(), 1);
        elsewhere.join().unwrap();
    });
}
