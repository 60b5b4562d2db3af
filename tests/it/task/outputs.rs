//! Outputs of tasks: whatever their size and however they are taken or not, they arrive whole and are dropped once.

use crate::support::{turn, watched};
use ayi::runtime::Runtime;
use ayi::task::{JoinHandle, spawn_blocking, yield_now};
use futures_lite::future::block_on as foreign_block_on;
use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::future::pending;
use std::rc::Rc;
use std::thread;

thread_local! {
    /// How many [`Counted`] this thread has dropped.
    static DROPS: Cell<usize> = const { Cell::new(0) };
}

/// It has the size and alignment of a `T`. It counts its drops, and checks that it lies where a `T` may.
#[derive(Debug)]
struct Counted<T>(T);

impl<T> Drop for Counted<T> {
    fn drop(&mut self) {
        assert!(std::ptr::from_ref(self).is_aligned());
        DROPS.set(DROPS.get() + 1);
    }
}

/// Returns how many are dropped by `f` on this thread.
fn drops(f: impl FnOnce()) -> usize {
    let before = DROPS.get();
    f();
    DROPS.get() - before
}

#[derive(Clone, PartialEq, Debug)]
#[repr(align(16))]
struct Aligned16([u8; 16]);

#[derive(Clone, PartialEq, Debug)]
#[repr(align(64))]
struct Aligned64([u8; 3]);

/// Runs everything that is ready, or that is made ready by what other threads have sent.
fn settle(rt: &Runtime) {
    rt.block_on(async {
        for _ in 0..3 {
            turn().await;
        }
    });
}

/// Makes a finished task that nobody has joined yet.
fn finished<T: Clone + 'static>(rt: &Runtime, value: &T) -> JoinHandle<Counted<T>> {
    let value = value.clone();
    let task = rt.spawn(async move {
        yield_now().await;
        Counted(value)
    });
    settle(rt);
    assert!(task.is_finished());
    task
}

/// One output, on one path, in a runtime of its own. The function takes the runtime, because on some paths it ends
/// before the task is joined.
type OutputPath<T> = fn(Runtime, &T);

fn output_paths<T: Clone + PartialEq + Debug + 'static>() -> Vec<(&'static str, OutputPath<T>)> {
    vec![
        ("taken inside", |rt, value| {
            let task = finished(&rt, value);
            rt.block_on(async { assert_eq!(task.await.unwrap().0, *value) });
        }),
        ("taken by another executor", |rt, value| {
            let task = finished(&rt, value);
            assert_eq!(foreign_block_on(task).unwrap().0, *value);
        }),
        ("taken by another executor after the end", |rt, value| {
            let task = finished(&rt, value);
            drop(rt);
            assert_eq!(foreign_block_on(task).unwrap().0, *value);
        }),
        ("taken in another runtime after the end", |rt, value| {
            let task = finished(&rt, value);
            drop(rt);
            assert_eq!(Runtime::new().unwrap().block_on(task).unwrap().0, *value);
        }),
        ("handle dropped before it finishes", |rt, value| {
            let value = value.clone();
            drop(rt.spawn(async move { Counted(value) }));
            assert_eq!(drops(|| settle(&rt)), 1);
        }),
        ("handle dropped before it finishes, by the task itself", |rt, value| {
            let handle = Rc::new(RefCell::new(None));
            let (own, value) = (handle.clone(), value.clone());
            *handle.borrow_mut() = Some(rt.spawn(async move {
                let own: Option<JoinHandle<Counted<T>>> = own.take();
                drop(own.unwrap());
                Counted(value)
            }));
            assert_eq!(drops(|| settle(&rt)), 1);
        }),
        ("handle dropped inside", |rt, value| {
            let task = finished(&rt, value);
            assert_eq!(rt.block_on(async { drops(|| drop(task)) }), 1);
        }),
        ("handle dropped outside", |rt, value| {
            let task = finished(&rt, value);
            assert_eq!(drops(|| drop(task)), 1);
        }),
        ("handle dropped after the end", |rt, value| {
            let task = finished(&rt, value);
            drop(rt);
            assert_eq!(drops(|| drop(task)), 1);
        }),
        ("aborted when it is finished", |rt, value| {
            let task = finished(&rt, value);
            task.abort();
            settle(&rt);
            assert_eq!(rt.block_on(task).unwrap().0, *value);
        }),
        ("aborts itself and finishes", |rt, value| {
            let (sender, receiver) = std::sync::mpsc::channel();
            let value = value.clone();
            let expected = value.clone();
            let task = rt.spawn(async move {
                let stop: ayi::task::AbortHandle = receiver.recv().unwrap();
                stop.abort();
                Counted(value)
            });
            sender.send(task.abort_handle()).unwrap();
            assert_eq!(rt.block_on(task).unwrap().0, expected);
        }),
        ("the end comes while its future holds it", |rt, value| {
            let value = Counted(value.clone());
            let task = rt.spawn(async move {
                pending::<()>().await;
                value
            });
            settle(&rt);
            assert_eq!(drops(|| drop(rt)), 1);
            assert!(foreign_block_on(task).unwrap_err().is_cancelled());
        }),
    ]
}

fn send_output_paths<T: Clone + PartialEq + Debug + Send + 'static>() -> Vec<(&'static str, OutputPath<T>)> {
    /// Runs `f` on another thread, and counts the drops there as this thread's.
    fn elsewhere<R: Send>(f: impl FnOnce() -> R + Send) -> R {
        let (result, drops) = thread::scope(|s| s.spawn(|| (f(), DROPS.get())).join().unwrap());
        DROPS.set(DROPS.get() + drops);
        result
    }
    vec![
        ("taken on another thread", |rt, value| {
            let (task, expected) = (finished(&rt, value), value.clone());
            elsewhere(move || assert_eq!(foreign_block_on(task).unwrap().0, expected));
        }),
        ("taken in the runtime of another thread, after the end", |rt, value| {
            let (task, expected) = (finished(&rt, value), value.clone());
            drop(rt);
            elsewhere(move || {
                let rt = Runtime::new().unwrap();
                rt.block_on(async { assert_eq!(task.await.unwrap().0, expected) });
            });
        }),
        ("handle dropped on another thread", |rt, value| {
            let task = finished(&rt, value);
            elsewhere(move || drop(task));
        }),
        ("handle dropped on another thread before it finishes", |rt, value| {
            let value = value.clone();
            let task = rt.spawn(async move { Counted(value) });
            elsewhere(move || drop(task));
            assert_eq!(drops(|| settle(&rt)), 1);
        }),
        ("handle dropped on another thread after the end", |rt, value| {
            let task = finished(&rt, value);
            drop(rt);
            elsewhere(move || drop(task));
        }),
        ("of a blocking call", |rt, value| {
            let expected = value.clone();
            let value = value.clone();
            rt.block_on(async move {
                assert_eq!(spawn_blocking(move || Counted(value)).await.unwrap().0, expected);
            });
        }),
        ("of a task spawned from another thread", |rt, value| {
            let (handle, value) = (rt.handle().clone(), value.clone());
            let expected = value.clone();
            let task = elsewhere(move || handle.spawn(async move { Counted(value) }));
            assert_eq!(rt.block_on(task).unwrap().0, expected);
        }),
    ]
}

fn try_paths<T>(value: &T, paths: Vec<(&'static str, OutputPath<T>)>) {
    for (path, take) in paths {
        let drops = drops(|| watched(|| take(Runtime::new().unwrap(), value)));
        assert_eq!(drops, 1, "{} {path}", std::any::type_name::<T>());
    }
}

fn any<T: Clone + PartialEq + Debug + 'static>(value: T) {
    try_paths(&value, output_paths());
}

fn sendable<T: Clone + PartialEq + Debug + Send + 'static>(value: T) {
    try_paths(&value, output_paths());
    try_paths(&value, send_output_paths());
}

/// Outputs that fit into a slot, which has 32 bytes and is aligned to 8, and outputs that do not.
#[test]
fn outputs_of_all_sizes_arrive_whole_and_are_dropped_once() {
    sendable(());
    sendable(7u8);
    sendable([8u8; 32]);
    sendable([9u8; 33]);
    sendable([1u64, 2, 3, 4]);
    sendable([1u64, 2, 3, 4, 5]);
    sendable(1u128);
    sendable(Aligned16([3; 16]));
    sendable(Aligned64([4; 3]));
    sendable(Box::new([5u8; 100]));
    sendable([6u8; 64 << 10]);
    any(Rc::new(String::from("not Send")));
}
