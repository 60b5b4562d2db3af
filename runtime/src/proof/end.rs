//! What other threads do to a runtime that ends. The next runtime, which takes its scheduler from the pool, must see
//! nothing of that.

use super::output::Output;
use super::runtime;
use crate::core::sync::explore;
use crate::io::Registration;
use crate::runtime::{Handle, Runtime};
use crate::task::spawn;
use crate::task::{JoinHandle, yield_now};
use loom::thread;
use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::task::{Poll, Waker};

#[test]
fn what_is_spawned_at_the_end_runs_there_or_is_cancelled() {
    explore(2, || {
        let first = runtime();
        let (handle, (output, drops)) = (first.handle().clone(), Output::new());
        let elsewhere = thread::spawn(move || {
            let home = handle.id();
            let task = handle.spawn(async move {
                assert_eq!(Handle::current().id(), home);
                output.written()
            });
            match handle.block_on(task) {
                Ok(output) => output.read(),
                Err(error) => assert!(error.is_cancelled()),
            }
        });
        first.block_on(yield_now());
        drop(first);
        let second = runtime();
        // Spawned from outside the runtime, and so like from another thread. The task may get a slot that was refused
        // before.
        let task = second.handle().spawn(async { 7 });
        assert_eq!(second.block_on(task).unwrap(), 7);
        elsewhere.join().unwrap();
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn two_threads_that_spawn_at_once_get_different_slots() {
    explore(2, || {
        let rt = runtime();
        let spawn = |n| {
            let handle = rt.handle().clone();
            thread::spawn(move || handle.spawn(async move { n }))
        };
        let (one, other) = (spawn(1), spawn(2));
        let (one, other) = (one.join().unwrap(), other.join().unwrap());
        assert!(!one.waker().will_wake(&other.waker()));
        assert_eq!(rt.block_on(async { (one.await.unwrap(), other.await.unwrap()) }), (1, 2));
    });
}

#[test]
fn who_waits_for_a_task_elsewhere_is_told_of_the_end() {
    explore(2, || {
        let first = runtime();
        let (handle, task) = (first.handle().clone(), first.spawn(pending::<()>()));
        let elsewhere = thread::spawn(move || handle.block_on(task).unwrap_err().is_cancelled());
        first.block_on(yield_now());
        drop(first);
        let second = runtime();
        assert!(elsewhere.join().unwrap());
        drop(second);
    });
}

#[test]
fn what_is_aborted_and_dropped_elsewhere_is_no_task_of_the_next_runtime() {
    explore(2, || {
        let (first, (output, drops)) = (runtime(), Output::new());
        let task = first.spawn(async move {
            yield_now().await;
            output.written()
        });
        let elsewhere = thread::spawn(move || {
            task.abort();
            drop(task);
        });
        first.block_on(yield_now());
        drop(first);
        let second = runtime();
        let tasks = [1, 2].map(|n| {
            second.spawn(async move {
                yield_now().await;
                n
            })
        });
        second.block_on(async {
            for (task, n) in tasks.into_iter().zip(1..) {
                assert_eq!(task.await.unwrap(), n);
            }
        });
        elsewhere.join().unwrap();
        drop(second);
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn a_source_that_is_given_up_elsewhere_is_not_taken_from_the_next_runtime() {
    explore(2, || {
        // Nothing is read from stdin. It only serves as a descriptor.
        let stdin = std::io::stdin();
        let registered = |rt: &Runtime| {
            let registration = Registration::new();
            rt.block_on(async { registration.register(stdin.as_fd()) }).unwrap();
            registration
        };
        let first = runtime();
        let given_up = registered(&first);
        let elsewhere = thread::spawn(move || drop(given_up));
        first.block_on(yield_now());
        drop(first);
        // This is the first source of the second runtime, like the one that was given up in the first.
        let second = runtime();
        let kept = registered(&second);
        elsewhere.join().unwrap();
        second.block_on(yield_now());
        assert_eq!(second.metrics().io_driver_fd_deregistered_count(), 0);
        second.block_on(async { drop(kept) });
        assert_eq!(second.metrics().io_driver_fd_deregistered_count(), 1);
    });
}

/// The first runtime is over, but a guard keeps what it consists of.
#[test]
fn a_registration_that_is_dropped_late_leaves_its_source_to_the_next_runtime() {
    explore(2, || {
        let registered = |rt: &Runtime| {
            let (stdin, registration) = (std::io::stdin(), Registration::new());
            rt.block_on(async { registration.register(stdin.as_fd()) }).unwrap();
            registration
        };
        let first = runtime();
        let late = registered(&first);
        let handle = first.handle().clone();
        let inside = handle.enter();
        drop(first);
        let next = thread::spawn(move || {
            // This runtime finds the source in the pool, or makes one.
            let second = runtime();
            drop(registered(&second));
        });
        drop(late);
        drop(inside);
        next.join().unwrap();
    });
}

#[test]
fn a_scheduler_goes_from_one_thread_to_another_with_all_that_is_its() {
    explore(2, || {
        let first = runtime();
        let task = first.spawn(pending::<()>());
        let (late, later) = (task.waker(), task.waker());
        first.block_on(yield_now());
        let next = thread::spawn(|| {
            late.wake();
            // This runtime finds the scheduler in the pool, or makes one.
            let second = runtime();
            assert_eq!(second.block_on(async { spawn(async { 7 }).await }).unwrap(), 7);
        });
        drop(first);
        later.wake();
        drop(task);
        next.join().unwrap();
    });
}

/// The owner of a runtime, on its thread only.
#[derive(Default)]
struct Owner {
    runtime: Cell<Option<Runtime>>,
    has_ended: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

impl Owner {
    fn end(&self) {
        drop(self.runtime.take());
        self.has_ended.set(true);
        self.waker.take().into_iter().for_each(Waker::wake);
    }
}

/// Ends the runtime when it is dropped, if nobody has before.
struct EndOnDrop(Rc<Owner>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Explores a task that ends its runtime, while its handle is on another thread. The task does so in its own poll, or
/// in the drop of its future if it is aborted before.
fn ended_by_its_task(elsewhere: fn(Handle, JoinHandle<()>)) {
    explore(2, move || {
        let (first, owner, (output, drops)) = (runtime(), Rc::new(Owner::default()), Output::new());
        let handle = first.handle().clone();
        let end = EndOnDrop(owner.clone());
        let task = first.spawn(async move {
            end.0.end();
            pending::<()>().await;
            output.written().read();
        });
        owner.runtime.set(Some(first));
        let thread = thread::spawn({
            let handle = handle.clone();
            move || elsewhere(handle, task)
        });
        handle.block_on(poll_fn(|cx| {
            owner.waker.set(Some(cx.waker().clone()));
            if owner.has_ended.get() { Poll::Ready(()) } else { Poll::Pending }
        }));
        // The future is gone: it was dropped on this thread.
        assert_eq!((Rc::strong_count(&owner), drops.count()), (1, 1));
        let second = runtime();
        assert_eq!(second.block_on(second.spawn(async { 7 })).unwrap(), 7);
        thread.join().unwrap();
    });
}

#[test]
fn who_drops_the_handle_of_a_task_that_ends_its_runtime_does_not_take_its_future() {
    ended_by_its_task(|_, task| drop(task));
}

#[test]
fn who_awaits_a_task_that_ends_its_runtime_is_told_of_the_end() {
    ended_by_its_task(|handle, task| assert!(handle.block_on(task).unwrap_err().is_cancelled()));
}

#[test]
fn who_aborts_a_task_that_ends_its_runtime_ends_no_other() {
    ended_by_its_task(|_, task| task.abort());
}
