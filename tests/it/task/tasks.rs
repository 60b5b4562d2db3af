//! Tasks: what happens to their futures, and the order in which they run.

use crate::support::{self, turn, watched};
use ayi::runtime::{Handle, Runtime};
use ayi::task::{spawn_blocking, yield_now};
use futures_lite::future::block_on as foreign_block_on;
use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread;

thread_local! {
    /// How many [`Counted`] this thread has dropped.
    static DROPS: Cell<usize> = const { Cell::new(0) };
}

/// It has the size and alignment of a `T`. It counts its drops, and checks that it lies where a `T` may.
struct Counted<T>(#[allow(dead_code)] T);

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

#[derive(Clone)]
#[repr(align(64))]
struct Aligned64;

/// Runs everything that is ready, or that is made ready by what other threads have sent.
fn settle(rt: &Runtime) {
    rt.block_on(settle_here());
}

async fn settle_here() {
    for _ in 0..3 {
        turn().await;
    }
}

/// A future of any size, which drops a `Counted` with itself.
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
    let handle = rt.handle().clone();
    for end in [End::Ready, End::Panic] {
        let (mut here, mut far) = (None, None);
        let dropped = drops(|| {
            here = Some(rt.spawn(future(end)));
            far = Some(handle.spawn(future(end)));
            settle(&rt);
        });
        // It is dropped at once, though nobody has asked for the output.
        assert_eq!(dropped, 2, "{end:?}");
        for task in [here.unwrap(), far.unwrap()] {
            assert!(task.is_finished());
            let dropped = drops(|| assert_eq!(rt.block_on(task).is_err(), matches!(end, End::Panic)));
            assert_eq!(dropped, 0);
        }
    }
    // The task is aborted: before the first poll, while it waits, by another thread.
    for settle_first in [false, true] {
        for elsewhere in [false, true] {
            let task = rt.spawn(future(End::Never));
            if settle_first {
                settle(&rt);
            }
            let stop = task.abort_handle();
            let abort = move || drops(|| stop.abort());
            let dropped = if elsewhere { thread::spawn(abort).join().unwrap() } else { abort() };
            // It is not dropped in the middle of the code that aborts it.
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
        futures_of_size(Aligned64);
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

            // They run in the order of the wakes, whatever the order of the spawns was; two wakes are one.
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

            // A task that is woken while it runs comes after those that were ready before.
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

/// One task holds the handle of the next, and so on: neither finishing nor dropping them recurses deeply.
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

#[test]
fn a_future_may_be_large() {
    support::run(async || {
        let large = |n: u8| async move {
            let cups = [n; 64 * 1024];
            ayi::task::yield_now().await;
            cups.iter().map(|cup| usize::from(*cup)).sum::<usize>()
        };
        assert!(size_of_val(&large(1)) >= 64 * 1024);
        let tasks: Vec<_> = (0..20).map(|n| ayi::spawn(large(n))).collect();
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), n * 64 * 1024);
        }
        let handle = ayi::runtime::Handle::current();
        let there = ayi::task::spawn_blocking(move || handle.spawn(large(1)));
        assert_eq!(there.await.unwrap().await.unwrap(), 64 * 1024);
    });
}
