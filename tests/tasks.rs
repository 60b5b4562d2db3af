//! Tasks: what becomes of their futures and outputs, whatever size these have and however the task ends; and the
//! order in which tasks run.

mod support;

use ayi::runtime::{Handle, Runtime};
use ayi::task::{JoinHandle, spawn_blocking, yield_now};
use futures_lite::future::block_on as foreign_block_on;
use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread;
use support::{turn, watched};

thread_local! {
    /// How many [`Counted`] this thread has dropped.
    static DROPS: Cell<usize> = const { Cell::new(0) };
}

/// Of the size and alignment of a `T`; counts its drops, and sees that it lies where a `T` may.
#[derive(Debug)]
struct Counted<T>(T);

impl<T> Drop for Counted<T> {
    fn drop(&mut self) {
        assert!(std::ptr::from_ref(self).is_aligned());
        DROPS.set(DROPS.get() + 1);
    }
}

/// What `f` drops on this thread.
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

/// Lets everything run that is ready, or is made ready by what other threads have sent.
fn settle(rt: &Runtime) {
    rt.block_on(settle_here());
}

async fn settle_here() {
    for _ in 0..3 {
        turn().await;
    }
}

/// A finished task that nobody has joined yet.
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

/// One output, on one path, in a runtime of its own. Takes the runtime, since on some paths it ends before the task
/// is joined.
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
    /// Takes the drops of the other thread for those of this one.
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
            let (handle, value) = (rt.handle(), value.clone());
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

/// What fits into a slot (32 bytes, aligned to 8) and what does not.
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

/// A future of whatever size, that drops a `Counted` with itself.
struct Sized<T> {
    _counted: Counted<T>,
    /// What the next poll does.
    end: End,
    pinned_at: usize,
    _pinned: std::marker::PhantomPinned,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Ready,
    Panic,
    Never,
}

impl<T> Future for Sized<T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // SAFETY: nothing is moved out of it.
        let this = unsafe { self.get_unchecked_mut() };
        let address = std::ptr::from_ref(this).addr();
        if this.pinned_at == 0 {
            this.pinned_at = address;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        assert_eq!(this.pinned_at, address, "moved");
        match this.end {
            End::Ready => Poll::Ready(()),
            End::Panic => panic!("as it should"),
            End::Never => Poll::Pending,
        }
    }
}

fn futures_of_size<T: Clone + Send + 'static>(value: T) {
    let future = |end| {
        let _counted = Counted(value.clone());
        Sized { _counted, end, pinned_at: 0, _pinned: std::marker::PhantomPinned }
    };
    let rt = Runtime::new().unwrap();
    let handle = rt.handle();
    for end in [End::Ready, End::Panic] {
        let (mut here, mut far) = (None, None);
        let dropped = drops(|| {
            here = Some(rt.spawn(future(end)));
            far = Some(handle.spawn(future(end)));
            settle(&rt);
        });
        // At once, though nobody has asked for the output.
        assert_eq!(dropped, 2, "{end:?}");
        for task in [here.unwrap(), far.unwrap()] {
            assert!(task.is_finished());
            let dropped = drops(|| assert_eq!(rt.block_on(task).is_err(), matches!(end, End::Panic)));
            assert_eq!(dropped, 0);
        }
    }
    // Aborted: before the first poll, while it waits, by another thread.
    for settle_first in [false, true] {
        for elsewhere in [false, true] {
            let task = rt.spawn(future(End::Never));
            if settle_first {
                settle(&rt);
            }
            let stop = task.abort_handle();
            let abort = move || drops(|| stop.abort());
            let dropped = if elsewhere { thread::spawn(abort).join().unwrap() } else { abort() };
            // Not in the middle of whoever aborts it.
            assert_eq!(dropped, 0);
            assert_eq!(drops(|| settle(&rt)), 1);
            assert!(rt.block_on(task).unwrap_err().is_cancelled());
        }
    }
    let _waiting = rt.spawn(future(End::Never));
    settle(&rt);
    let _new = rt.spawn(future(End::Never));
    drop(rt.spawn(future(End::Never)));
    drop(handle.spawn(future(End::Never)));
    assert_eq!(drops(|| drop(rt)), 4);
    assert_eq!(drops(|| drop(handle.spawn(future(End::Never)))), 1);
}

#[test]
fn futures_of_all_sizes_stay_in_place_and_are_dropped_once_by_the_owner_as_soon_as_they_end() {
    watched(|| {
        futures_of_size(());
        futures_of_size([0u8; 64 << 10]);
        futures_of_size(Aligned64([0; 3]));
    });
}

/// What happened, in order.
type Transcript = Rc<RefCell<Vec<String>>>;

fn note(transcript: &Transcript, what: impl Into<String>) {
    transcript.borrow_mut().push(what.into());
}

#[test]
fn order_of_spawned_yielding_and_woken_tasks() {
    let transcript = Transcript::default();
    let log = &transcript;
    let taken = || log.take().join(" ");
    watched(|| {
        Runtime::new().unwrap().block_on(async {
            let spawn = |name: &'static str, turns| {
                let log = log.clone();
                ayi::spawn(async move {
                    for turn in 0..turns {
                        note(&log, format!("{name}{turn}"));
                        yield_now().await;
                    }
                })
            };
            drop((spawn("a", 1), spawn("b", 3), spawn("c", 2)));
            note(log, "root");
            yield_now().await;
            note(log, "root");
            yield_now().await;
            note(log, "root");
            settle_here().await;
            assert_eq!(taken(), "root a0 b0 c0 root b1 c1 root b2");

            // In the order of the wakes, whatever the order of the spawns was; two wakes are one.
            let wakers: Rc<RefCell<Vec<Waker>>> = Rc::default();
            for name in ["x", "y", "z"] {
                let (log, wakers) = (log.clone(), wakers.clone());
                drop(ayi::spawn(poll_fn(move |cx| {
                    note(&log, name);
                    wakers.borrow_mut().push(cx.waker().clone());
                    Poll::<()>::Pending
                })));
            }
            yield_now().await;
            let woken = wakers.take();
            woken[2].wake_by_ref();
            woken[0].wake_by_ref();
            woken[2].wake_by_ref();
            woken[1].wake_by_ref();
            settle_here().await;
            assert_eq!(taken(), "x y z z x y");

            // Whoever is woken while it runs comes after those who were ready before.
            let again = log.clone();
            let mut turns = 0;
            drop(ayi::spawn(poll_fn(move |cx| {
                turns += 1;
                cx.waker().wake_by_ref();
                if turns == 1 {
                    let inner = again.clone();
                    drop(ayi::spawn(async move { note(&inner, "spawned") }));
                }
                note(&again, format!("runs{turns}"));
                if turns == 2 { Poll::Ready(()) } else { Poll::Pending }
            })));
            let ready = log.clone();
            drop(ayi::spawn(async move { note(&ready, "ready") }));
            settle_here().await;
            assert_eq!(taken(), "runs1 ready runs2 spawned");
        })
    });
}

/// What other threads have sent comes in the order in which it was sent.
#[test]
fn order_of_what_another_thread_spawns() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        rt.block_on(async {
            let handle = Handle::current();
            let (sender, order) = std::sync::mpsc::channel();
            let elsewhere = thread::spawn(move || {
                let spawn = |number| {
                    let sender = sender.clone();
                    handle.spawn(async move { sender.send(number).unwrap() })
                };
                (0..1000).map(spawn).collect::<Vec<_>>()
            });
            for task in spawn_blocking(|| elsewhere.join().unwrap()).await.unwrap() {
                task.await.unwrap();
            }
            assert!(order.try_iter().eq(0..1000));
        })
    });
}

/// One task holds the handle of the next, and so on: neither finishing nor dropping them goes deep.
#[test]
fn long_chain_of_tasks() {
    watched(|| {
        for is_dropped in [false, true] {
            let rt = Runtime::new().unwrap();
            let mut last = rt.spawn(async move {
                if is_dropped {
                    pending::<()>().await;
                }
                0
            });
            for _ in 0..100_000 {
                last = rt.spawn(async move { last.await.unwrap() + 1 });
            }
            if is_dropped {
                settle(&rt);
                drop(rt);
                assert!(foreign_block_on(last).unwrap_err().is_cancelled());
            } else {
                assert_eq!(rt.block_on(last).unwrap(), 100_000);
            }
        }
    });
}

#[test]
fn ids_are_unique() {
    let ids = || {
        let rt = Runtime::new().unwrap();
        let tasks = (0..1000).map(|_| rt.spawn(async {}));
        tasks.map(|task| task.id()).collect::<Vec<_>>()
    };
    let mut all: Vec<_> =
        thread::scope(|s| [(); 4].map(|()| s.spawn(ids)).map(|thread| thread.join().unwrap())).concat();
    all.extend(ids());
    all.sort();
    assert!(all.windows(2).all(|pair| pair[0] != pair[1]));
}
