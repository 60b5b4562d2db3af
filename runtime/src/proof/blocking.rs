//! Calls that block, between the pool's threads, the runtime that waits for them, and its end. What the pool does by
//! itself is in the models of `services::blocking`.

use super::output::Output;
use super::runtime;
use crate::core::sync::explore;
use crate::task::yield_now;
use loom::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

#[test]
fn the_result_of_a_call_comes_back_to_its_task() {
    explore(3, || {
        let (rt, (output, drops)) = (runtime(), Output::new());
        let task = rt.spawn_blocking(move || output.written());
        rt.block_on(task).unwrap().read();
        drop(rt);
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn a_call_that_is_aborted_has_run_or_is_cancelled() {
    explore(2, || {
        let (rt, has_run) = (runtime(), Arc::new(AtomicBool::new(false)));
        let runs = has_run.clone();
        let task = rt.spawn_blocking(move || runs.store(true, Relaxed));
        task.abort();
        let result = rt.block_on(task);
        drop(rt);
        // The runtime has ended, so what the pool's thread has written is seen as well.
        assert_eq!(result.is_ok(), has_run.load(Relaxed));
    });
}

#[test]
fn a_call_that_nobody_has_waited_for_is_over_when_the_runtime_is() {
    explore(3, || {
        let (rt, (output, drops)) = (runtime(), Output::new());
        let task = rt.spawn_blocking(move || output.written());
        drop(rt);
        // The call was given up, or has run, and its result was dropped with it.
        assert!(task.is_finished());
        drop(task);
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn a_call_that_is_made_elsewhere_at_the_end_has_run_or_is_cancelled() {
    explore(2, || {
        let (rt, (output, drops)) = (runtime(), Output::new());
        let handle = rt.handle().clone();
        let elsewhere = thread::spawn(move || {
            let task = handle.spawn_blocking(move || output.written());
            match handle.block_on(task) {
                Ok(output) => output.read(),
                Err(error) => assert!(error.is_cancelled()),
            }
        });
        rt.block_on(yield_now());
        drop(rt);
        elsewhere.join().unwrap();
        assert_eq!(drops.count(), 1);
    });
}
