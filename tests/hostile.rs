//! Safe code that does what it may, at the worst moment. `tests/end/end_from_inside.rs` is about a runtime that ends
//! inside of its own tasks, `task::panics` in `tests/it` about panics, `tests/tracing_hostile.rs` about subscribers.
//!
//! The tests are apart from `tests/it` because some of them leak a runtime on purpose. It may hold a scheduler whose
//! memory another test has allocated, and LeakSanitizer would report that one.

#![deny(unsafe_code)]

#[allow(unsafe_code)]
mod support;

use ayi::io::{Interest, unix::AsyncFd};
use ayi::runtime::{
    Builder, Core, EnterGuard, Handle, Runtime, TaskMeta, UnhandledPanic, is_rt_shutdown_err,
};
use ayi::task::coop::consume_budget;
use ayi::task::{JoinHandle, JoinSet, LocalSet, spawn_blocking, spawn_local, yield_now};
use ayi::time::sleep;
use futures_lite::future::block_on as foreign_block_on;
use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Wake, Waker};
use std::thread;
use std::time::Duration;
use support::{Wakes, connected, poll_once, poll_with, run, watched};

thread_local! {
    /// Guards need not lie on the stack.
    static GUARD: RefCell<Option<EnterGuard<'static>>> = const { RefCell::new(None) };
    static RUNTIME: RefCell<Option<Runtime>> = const { RefCell::new(None) };
}

fn quiet() -> Builder {
    let mut builder = Builder::new_current_thread();
    builder.unhandled_panic(UnhandledPanic::Ignore);
    builder
}

/// Enters a runtime for as long as `GUARD` exists.
fn enter_for_long(handle: Handle) {
    let handle: &'static Handle = Box::leak(Box::new(handle));
    let before = GUARD.replace(Some(handle.enter()));
    assert!(before.is_none());
}

fn panics(f: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(f)).is_err()
}

/// An executor that polls its future in the waker that wakes it.
struct Inline(Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>);

impl Wake for Inline {
    fn wake(self: Arc<Self>) {
        let Some(mut future) = self.0.lock().unwrap().take() else { return };
        if poll_with(Pin::new(&mut future), &Waker::from(self.clone())).is_pending() {
            *self.0.lock().unwrap() = Some(future);
        }
    }
}

async fn use_up_the_budget() {
    poll_fn(|cx| {
        while pin!(consume_budget()).poll(cx).is_ready() {}
        Poll::Ready(())
    })
    .await
}

#[test]
fn a_waker_that_polls_is_not_charged_to_the_task_before_it() {
    run(async || {
        let steps = Arc::new(AtomicUsize::new(0));
        let count = steps.clone();
        let inline = Inline(Mutex::new(Some(Box::pin(async move {
            for _ in 0..1_000 {
                consume_budget().await;
                count.fetch_add(1, Ordering::SeqCst);
            }
        }))));
        // It begins in the poll of a task without budget, and so is put off with that task.
        drop(ayi::spawn(async move {
            use_up_the_budget().await;
            Waker::from(Arc::new(inline)).wake();
        }));
        for _ in 0..40 {
            drop(ayi::spawn(async {
                loop {
                    use_up_the_budget().await;
                    yield_now().await;
                }
            }));
        }
        while steps.load(Ordering::SeqCst) < 1_000 {
            yield_now().await;
        }
    })
}

/// While a task is about to begin, a hook leaves the runtime, and then ends it: nothing inside it could continue the
/// end.
#[test]
fn a_hook_that_leaves_the_runtime_before_it_ends_it() {
    watched(|| {
        let leave_and_end = |_: &TaskMeta<'_>| {
            drop(GUARD.take());
            drop(RUNTIME.take());
        };
        let rt = quiet().on_task_spawn(leave_and_end).build().unwrap();
        let handle = rt.handle().clone();
        let ((wakes, waker), (stream, _peer)) = (Wakes::new(), connected());
        let mut read = Box::pin(async move { stream.read(&mut [0; 4]).await });
        let mut timer = sleep(Duration::from_secs(1000));
        enter_for_long(handle.clone());
        assert!(poll_with(read.as_mut(), &waker).is_pending());
        assert!(poll_with(Pin::new(&mut timer), &waker).is_pending());
        RUNTIME.set(Some(rt));
        let task = ayi::spawn(pending::<()>());
        assert!(foreign_block_on(task).unwrap_err().is_cancelled());
        assert!(foreign_block_on(handle.spawn(async {})).unwrap_err().is_cancelled());
        assert!(wakes.count() >= 2, "who waits is not told of the end");
        assert!(is_rt_shutdown_err(&foreign_block_on(read).unwrap_err()));
    })
}

/// A task forgets a guard of its runtime, and ends the runtime. The forgotten guard is reported, and the end takes
/// place.
#[test]
fn a_task_that_forgets_a_guard_and_ends_its_runtime() {
    watched(|| {
        let rt = quiet().build().unwrap();
        let handle = rt.handle().clone();
        let (send, receive) = std::sync::mpsc::channel();
        RUNTIME.set(Some(rt));
        assert!(panics(|| {
            handle.block_on(async {
                let task = ayi::spawn(async {
                    std::mem::forget(Handle::current().enter());
                    drop(RUNTIME.take());
                    pending::<()>().await
                });
                send.send(task).unwrap();
                yield_now().await;
            })
        }));
        let task = receive.recv().unwrap();
        thread::spawn(move || assert!(foreign_block_on(task).unwrap_err().is_cancelled())).join().unwrap();
    })
}

/// A guard continues the end of one runtime. That end enters another, and keeps that guard.
#[test]
fn a_guard_that_is_made_while_another_is_dropped() {
    struct Enter(Runtime);
    impl Drop for Enter {
        fn drop(&mut self) {
            enter_for_long(self.0.handle().clone());
        }
    }
    watched(|| {
        let rt = quiet().build().unwrap();
        let (handle, enter) = (rt.handle().clone(), Enter(quiet().build().unwrap()));
        assert!(panics(|| {
            handle.block_on(async {
                drop(ayi::spawn(async {
                    let _enter = enter;
                    drop(rt);
                    pending::<()>().await
                }));
                yield_now().await;
            })
        }));
        let other = quiet().build().unwrap();
        let inside = other.enter();
        // It is not the latest.
        assert!(panics(|| drop(GUARD.take())));
        assert_eq!(Handle::current().id(), other.handle().id());
        drop(inside);
    })
}

/// What is spawned in a drop at the end is cancelled there and dropped. Its drop spawns again, and so on.
#[test]
fn a_chain_of_drops_that_spawn() {
    struct Chain(u32, Rc<Cell<u32>>);
    impl Drop for Chain {
        fn drop(&mut self) {
            self.1.set(self.1.get() + 1);
            if self.0 > 0 {
                let next = Chain(self.0 - 1, self.1.clone());
                drop(ayi::spawn(async move {
                    let _next = next;
                    pending::<()>().await
                }));
            }
        }
    }
    watched(|| {
        let (rt, drops) = (quiet().build().unwrap(), Rc::new(Cell::new(0)));
        let chain = Chain(200, drops.clone());
        drop(rt.spawn(async move {
            let _chain = chain;
            pending::<()>().await
        }));
        rt.block_on(yield_now());
        drop(rt);
        assert_eq!(drops.get(), 201);
    })
}

/// A thread ends, and the destructors of its thread-locals use everything, though some thread-locals have gone before.
#[test]
fn destructors_of_a_thread_use_the_runtime() {
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            assert!(Handle::try_current().is_err() && Core::try_current().is_none());
            let rt = quiet().build().unwrap();
            rt.block_on(async {
                assert_eq!(ayi::spawn(async { 1 }).await.unwrap(), 1);
                assert_eq!(spawn_local(async { 2 }).await.unwrap(), 2);
                assert_eq!(spawn_blocking(|| 3).await.unwrap(), 3);
                sleep(Duration::from_micros(100)).await;
                let (ours, peer) = ayi::net::unix::UnixStream::pair().unwrap();
                let read = ayi::spawn(async move { ours.read(&mut [0; 4]).await.unwrap() });
                yield_now().await;
                assert_eq!((peer.write(b"x").await.unwrap(), read.await.unwrap()), (1, 1));
                let set = LocalSet::new();
                assert_eq!(set.run_until(set.spawn_local(async { 4 })).await.unwrap(), 4);
                let chosen = ayi::select! {
                    () = pending() => 5,
                    () = std::future::ready(()) => 6,
                };
                assert_eq!(chosen, 6);
                ayi::fs::read("/proc/self/stat").await.unwrap();
                drop(ayi::spawn(pending::<()>()));
            });
            let handle = rt.handle().clone();
            drop(rt);
            assert!(handle.block_on(handle.spawn(async {})).unwrap_err().is_cancelled());
        }
    }
    thread_local! {
        static FIRST: RefCell<Option<Late>> = const { RefCell::new(None) };
        static LAST: RefCell<Option<Late>> = const { RefCell::new(None) };
    }
    watched(|| {
        for is_first in [true, false] {
            let use_all = move || {
                // The thread-locals that are used first go last.
                let place = if is_first { &FIRST } else { &LAST };
                if is_first {
                    place.set(Some(Late));
                }
                Builder::new_current_thread()
                    .cores(1)
                    .run(async |_| {
                        let set = LocalSet::new();
                        set.run_until(set.spawn_local(async {})).await.unwrap();
                    })
                    .unwrap();
                quiet().build().unwrap().block_on(async {
                    assert!(Core::try_current().is_none());
                    let set = LocalSet::new();
                    set.run_until(set.spawn_local(async {})).await.unwrap();
                });
                place.set(Some(Late));
            };
            thread::spawn(use_all).join().unwrap();
        }
    })
}

/// An `AsRawFd` that returns another descriptor each time. It may do so: nothing is freed by that.
#[test]
fn a_descriptor_that_is_not_always_the_same() {
    struct Liar<'a>(&'a UnixStream, Cell<Option<&'a UnixStream>>);
    impl AsRawFd for Liar<'_> {
        fn as_raw_fd(&self) -> RawFd {
            self.1.get().unwrap_or(self.0).as_raw_fd()
        }
    }
    run(async || {
        let (own, _peer) = UnixStream::pair().unwrap();
        let (other, mut peer) = UnixStream::pair().unwrap();
        other.set_nonblocking(true).unwrap();
        let honest = AsyncFd::new(other.as_fd()).unwrap();
        let ways: [fn(AsyncFd<Liar<'_>>); 2] = [|fd| drop(fd), |fd| _ = fd.into_inner()];
        for ends in ways {
            let liar = AsyncFd::new(Liar(&own, Cell::new(None))).unwrap();
            liar.get_ref().1.set(Some(&other));
            ends(liar);
            peer.write_all(b"x").unwrap();
            let read = honest.async_io(Interest::READABLE, |_| { &other }.read(&mut [0; 4]));
            assert_eq!(read.await.unwrap(), 1);
        }
    })
}

/// An output that contains the handle of its own task.
#[test]
fn a_handle_in_its_own_output() {
    type Place = Rc<RefCell<Option<JoinHandle<Loop>>>>;
    struct Loop(Place, Rc<Cell<u32>>);
    impl Drop for Loop {
        fn drop(&mut self) {
            self.1.set(self.1.get() + 1);
            drop(self.0.take());
        }
    }
    fn wait_a_little(place: &Place) {
        let mut task = place.take().unwrap();
        assert!(poll_once(Pin::new(&mut task)).is_pending());
        place.replace(Some(task));
    }
    type Way = (&'static str, fn(&Place));
    let ways: [Way; 4] = [
        ("is left there", |_| ()),
        ("is left there, with a waker", wait_a_little),
        ("is aborted", |place| place.borrow().as_ref().unwrap().abort()),
        ("is dropped", |place| drop(place.take())),
    ];
    watched(|| {
        for (name, way) in ways {
            let (place, drops) = (Place::default(), Rc::new(Cell::new(0)));
            let rt = quiet().build().unwrap();
            let output = Loop(place.clone(), drops.clone());
            let task = rt.spawn(async move {
                yield_now().await;
                output
            });
            place.replace(Some(task));
            rt.block_on(async {
                way(&place);
                for _ in 0..3 {
                    yield_now().await;
                }
                // The next one that has a place is dropped; otherwise the loop would keep itself.
                drop(place.take());
            });
            drop(rt);
            assert_eq!(drops.get(), 1, "{name}");
        }
    })
}

/// The waker that a set replaces is dropped, and with it the runtime of the set's tasks.
#[test]
fn a_set_whose_waker_ends_its_runtime() {
    struct Last;
    impl Wake for Last {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Last {
        fn drop(&mut self) {
            drop(GUARD.take());
            drop(RUNTIME.take());
        }
    }
    watched(|| {
        let rt = quiet().build().unwrap();
        enter_for_long(rt.handle().clone());
        RUNTIME.set(Some(rt));
        let mut set: JoinSet<()> = (0..3).map(|_| pending()).collect();
        assert!(poll_with(pin!(set.join_next()), &Waker::from(Arc::new(Last))).is_pending());
        let (wakes, waker) = Wakes::new();
        assert!(poll_with(pin!(set.join_next()), &waker).is_pending());
        // The tasks were cancelled when the new waker was in its place.
        assert_eq!(wakes.count(), 1);
        for _ in 0..3 {
            assert!(foreign_block_on(set.join_next()).unwrap().unwrap_err().is_cancelled());
        }
    })
}

/// An output that contains the set of its own task.
#[test]
fn a_set_in_an_output_of_its_own() {
    type Place = Rc<RefCell<Option<JoinSet<Loop>>>>;
    struct Loop(Place, Rc<Cell<u32>>);
    impl Drop for Loop {
        fn drop(&mut self) {
            self.1.set(self.1.get() + 1);
            drop(self.0.take());
            // Where the set's tasks are, and on its list of free slots.
            drop(ayi::spawn(async {}));
        }
    }
    type Way = (&'static str, fn(&Place));
    let ways: [Way; 3] = [
        ("is dropped", |place| drop(place.take())),
        ("is emptied", |place| {
            let mut set = place.take().unwrap();
            set.detach_all();
            assert!(set.is_empty() && set.try_join_next().is_none());
        }),
        ("gives them", |place| {
            let mut set = place.take().unwrap();
            let first = set.try_join_next().unwrap();
            place.replace(Some(set));
            drop(first);
        }),
    ];
    watched(|| {
        for (name, way) in ways {
            let (place, drops) = (Place::default(), Rc::new(Cell::new(0)));
            run(async || {
                let mut set = JoinSet::new();
                for rounds in [0, 0, 5] {
                    let output = Loop(place.clone(), drops.clone());
                    set.spawn(async move {
                        for _ in 0..rounds {
                            yield_now().await;
                        }
                        output
                    });
                }
                place.replace(Some(set));
                yield_now().await;
                way(&place);
                for _ in 0..10 {
                    yield_now().await;
                }
            });
            assert_eq!(drops.get(), 3, "{name}");
        }
    })
}
