//! A worker whose thread blocks within a poll, and the thread that stands in for it.

use super::output::Output;
use crate::core::sync::explore;
use crate::runtime::{Builder, Runtime};
use crate::task::{block_in_place, yield_now};
use loom::sync::{Condvar, Mutex};
use std::sync::Arc;

/// What code waits for that blocks its thread.
#[derive(Default)]
struct Flag(Mutex<bool>, Condvar);

impl Flag {
    fn wait(&self) {
        let mut is_set = self.0.lock().unwrap();
        while !*is_set {
            is_set = self.1.wait(is_set).unwrap();
        }
    }
}

/// Sets the flag when it is dropped.
struct Sets(Arc<Flag>);

impl Drop for Sets {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }
}

/// A runtime with a worker that runs apart.
fn runtime() -> Runtime {
    Builder::new_multi_thread().apart().event_interval(1).build().unwrap()
}

/// The poll that blocks waits for another task, which only the thread that stands in can poll.
#[test]
fn a_task_blocks_until_another_one_has_run() {
    explore(2, || {
        let (rt, (output, drops), flag) = (runtime(), Output::new(), Arc::new(Flag::default()));
        let sets = Sets(flag.clone());
        let blocks = rt.handle().spawn(async move {
            block_in_place(|| flag.wait());
            yield_now().await;
            output.written()
        });
        rt.handle().spawn(async move { drop(sets) });
        rt.block_on(blocks).unwrap().read();
        assert_eq!(drops.count(), 1);
    });
}

/// The first one waits for the second, whose own poll has to go on for that, while a third thread polls.
#[test]
fn a_task_that_blocks_waits_for_another_that_blocks() {
    explore(1, || {
        let (rt, (output, drops)) = (runtime(), Output::new());
        let [outer, inner] = [Arc::new(Flag::default()), Arc::new(Flag::default())];
        let (ends_outer, ends_inner) = (Sets(outer.clone()), Sets(inner.clone()));
        let first = rt.handle().spawn(async move {
            block_in_place(|| outer.wait());
            output.written()
        });
        let second = rt.handle().spawn(async move {
            block_in_place(|| inner.wait());
            drop(ends_outer);
        });
        drop(ends_inner);
        rt.block_on(first).unwrap().read();
        rt.block_on(second).unwrap();
        assert_eq!(drops.count(), 1);
    });
}
