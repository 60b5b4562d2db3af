//! Futures that are dropped because their runtime ends may do anything then.

use crate::support::{connected, poll_once, turn, watched};
use ayi::net::TcpStream;
use ayi::runtime::{Builder, Handle, Runtime, UnhandledPanic};
use ayi::task::{spawn_blocking, yield_now};
use ayi::time::sleep;
use futures_lite::future::block_on as foreign_block_on;
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

/// Runs `f` when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Waits for ever. When it is dropped, polled or not, `f` is run.
fn waits_then<F: FnMut()>(f: F) -> impl Future<Output = ()> + use<F> {
    let on_drop = OnDrop(f);
    async move {
        let _on_drop = on_drop;
        pending::<()>().await
    }
}

fn ends_by_panic() -> Runtime {
    Builder::new_current_thread().unhandled_panic(UnhandledPanic::ShutdownRuntime).build().unwrap()
}

/// Ends the runtime inside its `block_on`.
fn end_by_panic(rt: &Runtime) {
    drop(rt.spawn(async { std::panic::resume_unwind(Box::new("nobody hears of this")) }));
    catch_unwind(AssertUnwindSafe(|| rt.block_on(pending::<()>()))).unwrap_err();
}

type End = (&'static str, fn(Runtime));

/// How a runtime can come to its end. The future whose drop is tested exists already.
const ENDS: [End; 6] = [
    ("dropped", drop),
    ("given a time", |rt| rt.shutdown_timeout(Duration::from_secs(30))),
    ("by an unhandled panic", |rt| end_by_panic(&rt)),
    ("in a task of another runtime", |rt| {
        let outer = Runtime::new().unwrap();
        outer.block_on(outer.spawn(async { drop(rt) })).unwrap();
    }),
    ("while a panic unwinds", |rt| {
        let unwinds = AssertUnwindSafe(move || {
            let _rt = rt;
            std::panic::resume_unwind(Box::new(()));
        });
        catch_unwind(unwinds).unwrap_err();
    }),
    ("while it is entered", |rt| {
        let handle = rt.handle().clone();
        let _inside = handle.enter();
        drop(rt);
    }),
];

/// What a future may do in its drop when the runtime ends. Each function gets what it needs beforehand, and returns the
/// check to be made afterwards.
type Situation = (&'static str, fn(&Runtime) -> Box<dyn FnOnce()>);

/// Spawns a task that waits, and then does `f` in its drop. The returned check is whether `f` finished.
fn in_drop(rt: &Runtime, f: impl FnOnce() + 'static) -> Box<dyn FnOnce()> {
    let (mut f, done) = (Some(f), Rc::new(Cell::new(false)));
    let is_done = done.clone();
    drop(rt.spawn(waits_then(move || {
        f.take().unwrap()();
        is_done.set(true);
    })));
    Box::new(move || assert!(done.get()))
}

const IN_DROPS: [Situation; 11] = [
    ("spawn", |rt| {
        let dropped = Rc::new(Cell::new(0));
        let count = dropped.clone();
        let done = in_drop(rt, move || {
            let inner = count.clone();
            // It spawns again in its own drop.
            let on_drop = OnDrop(move || {
                inner.set(inner.get() + 1);
                drop(ayi::spawn(async { unreachable!() }));
            });
            let task = ayi::spawn(async move { drop(on_drop) });
            assert_eq!(count.get(), 1);
            assert!(task.is_finished());
            assert!(foreign_block_on(task).unwrap_err().is_cancelled());
            let (sender, news) = channel::<()>();
            let handle = Handle::current().spawn(async move { drop(sender) });
            assert!(foreign_block_on(handle).unwrap_err().is_cancelled() && news.recv().is_err());
        });
        Box::new(move || {
            done();
            assert_eq!(dropped.get(), 1);
        })
    }),
    ("spawn_blocking", |rt| {
        let ran = Arc::new(Mutex::new(false));
        let runs = ran.clone();
        let done = in_drop(rt, move || {
            let call = spawn_blocking(move || *runs.lock().unwrap() = true);
            assert!(foreign_block_on(call).unwrap_err().is_cancelled());
        });
        Box::new(move || {
            done();
            assert!(!*ran.lock().unwrap());
        })
    }),
    ("wake", |rt| {
        let polls = Rc::new(Cell::new(0));
        let (counter, wakers) = (polls.clone(), Rc::new(RefCell::new(vec![])));
        let stored = wakers.clone();
        drop(rt.spawn(std::future::poll_fn(move |cx| -> Poll<()> {
            counter.set(counter.get() + 1);
            stored.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        })));
        rt.block_on(turn());
        // Late wakes of the tests that run alongside may have polled the task more than once by then.
        let (count, polls_before) = (polls.clone(), Rc::new(Cell::new(0)));
        let before = polls_before.clone();
        let done = in_drop(rt, move || {
            before.set(count.get());
            wakers.take().into_iter().for_each(|waker| waker.wake());
        });
        Box::new(move || {
            done();
            assert!(polls.get() > 0 && polls.get() == polls_before.get(), "{polls:?} {polls_before:?}");
        })
    }),
    ("abort", |rt| {
        let (first, last) = (rt.spawn(pending::<()>()), Rc::new(RefCell::new(None)));
        let others = last.clone();
        let done = in_drop(rt, move || {
            first.abort();
            let last: ayi::task::JoinHandle<()> = others.take().unwrap();
            last.abort();
            drop(last);
        });
        *last.borrow_mut() = Some(rt.spawn(pending::<()>()));
        done
    }),
    ("drop handles", |rt| {
        let finished = rt.spawn(async { OnDrop(|| drop(Handle::try_current())) });
        let (before, panicked) = (rt.spawn(pending::<()>()), rt.spawn(async { resume(1) }));
        rt.block_on(turn());
        in_drop(rt, move || {
            drop(finished);
            drop(before);
            assert!(foreign_block_on(panicked).unwrap_err().is_panic());
        })
    }),
    ("drop sockets and sleeps that have waited", |rt| {
        let mut peer = None;
        let _inside = rt.enter();
        let ((mut stream, std_peer), mut timer) = (connected(), sleep(Duration::from_secs(3600)));
        rt.block_on(async {
            assert!(poll_once(Pin::new(&mut timer)).is_pending());
            assert!(poll_once(pin!(ayi::io::AsyncReadExt::read(&mut stream, &mut [0; 8]))).is_pending());
        });
        peer.replace(std_peer);
        let mut both = Some((stream, timer));
        let done = in_drop(rt, move || drop(both.take()));
        Box::new(move || {
            done();
            // The connection is closed.
            assert_eq!(peer.take().unwrap().read(&mut [0; 8]).unwrap(), 0);
        })
    }),
    ("begin to wait", |rt| {
        in_drop(rt, move || {
            let (mut stream, _peer) = connected();
            let error = foreign_block_on(ayi::io::AsyncReadExt::read(&mut stream, &mut [0; 8])).unwrap_err();
            assert!(ayi::runtime::is_rt_shutdown_err(&error), "{error}");
            drop::<TcpStream>(stream);
            let timer = || poll_once(pin!(sleep(Duration::from_secs(1))));
            assert!(catch_unwind(timer).is_err());
        })
    }),
    ("enter", |rt| {
        let (handle, other) = (rt.handle().clone(), Runtime::new().unwrap());
        in_drop(rt, move || {
            let _inside = handle.enter();
            let _other = other.enter();
            drop(ayi::spawn(async {}));
        })
    }),
    ("drop another runtime", |rt| {
        let (other, dropped) = (Runtime::new().unwrap(), Rc::new(Cell::new(false)));
        let is_dropped = dropped.clone();
        drop(other.spawn(waits_then(move || is_dropped.set(true))));
        let done = in_drop(rt, move || drop(other));
        Box::new(move || {
            done();
            assert!(dropped.get());
        })
    }),
    ("make another runtime, and live in it", |rt| {
        in_drop(rt, move || {
            let other = Runtime::new().unwrap();
            let task = other.spawn(async {
                turn().await;
                12
            });
            // Inside the `block_on` of a third one it is refused.
            if let Ok(result) = catch_unwind(AssertUnwindSafe(|| other.block_on(task))) {
                assert_eq!(result.unwrap(), 12);
            }
        })
    }),
    ("panic", |rt| {
        let done = Rc::new(Cell::new(0));
        let count = done.clone();
        drop(rt.spawn(waits_then(move || {
            count.set(count.get() + 1);
            resume(2);
        })));
        Box::new(move || assert_eq!(done.get(), 1))
    }),
];

/// Panics without a message.
fn resume(number: i32) {
    std::panic::resume_unwind(Box::new(number));
}

/// Whatever the future of one task does in its drop: the futures of the others, before and after it, are dropped as
/// well.
#[test]
fn what_futures_do_in_their_drops() {
    for (end, end_of) in ENDS {
        for (what, begin) in IN_DROPS {
            watched(|| {
                let rt = match end {
                    "by an unhandled panic" => ends_by_panic(),
                    _ => {
                        Builder::new_current_thread().unhandled_panic(UnhandledPanic::Ignore).build().unwrap()
                    }
                };
                let drops = Rc::new(Cell::new(0));
                let other = || {
                    let drops = drops.clone();
                    waits_then(move || drops.set(drops.get() + 1))
                };
                let before = rt.spawn(other());
                rt.block_on(yield_now());
                let done = begin(&rt);
                let after = rt.spawn(other());
                let task_that_yields = rt.spawn(async {
                    loop {
                        yield_now().await;
                    }
                });
                println!("{what}, {end}");
                end_of(rt);
                done();
                assert_eq!(drops.get(), 2);
                for task in [before, after, task_that_yields] {
                    assert!(foreign_block_on(task).unwrap_err().is_cancelled());
                }
                assert!(Handle::try_current().is_err());
                assert_eq!(Runtime::new().unwrap().block_on(async { 1 }), 1);
            });
        }
    }
}
