//! Tasks that share a joiner, while the set that they are in goes to another thread.

use super::output::Output;
use super::runtime;
use crate::core::sync::explore;
use crate::task::{Near, spawn, yield_now};
use loom::thread;
use std::future::poll_fn;
use std::task::Poll;

#[test]
fn a_set_goes_to_another_thread_while_its_task_is_finished() {
    explore(3, || {
        let (rt, (output, drops)) = (runtime(), Output::new());
        let (handle, mut near) = (rt.handle().clone(), Near::new());
        rt.block_on(async {
            near.insert(spawn(async move { output.written() })).unwrap();
            poll_fn(|cx| Poll::Ready(assert!(near.wait(cx.waker())))).await;
        });
        let elsewhere = thread::spawn(move || {
            assert!(!near.is_home() && near.take().is_none());
            let task = near.take_all().pop().unwrap();
            handle.block_on(task).unwrap().read();
        });
        rt.block_on(yield_now());
        drop(rt);
        elsewhere.join().unwrap();
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn a_set_is_dropped_on_another_thread_while_its_tasks_are_finished() {
    explore(3, || {
        let rt = runtime();
        let ((one, drops), (other, other_drops)) = (Output::new(), Output::new());
        let mut near = Near::new();
        rt.block_on(async {
            near.insert(spawn(async move { one.written() })).unwrap();
            near.insert(spawn(async move { other.written() })).unwrap();
            poll_fn(|cx| Poll::Ready(assert!(near.wait(cx.waker())))).await;
        });
        let elsewhere = thread::spawn(move || drop(near));
        rt.block_on(yield_now());
        elsewhere.join().unwrap();
        drop(rt);
        assert_eq!((drops.count(), other_drops.count()), (1, 1));
    });
}
