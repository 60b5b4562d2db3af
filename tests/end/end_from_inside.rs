//! A runtime that is ended from inside: by a poll, a drop, a waker, a hook or a panic payload of its own, on its own
//! thread, while the code of one of its tasks is running. Everything here is safe code. So nothing may be freed under a
//! task that runs, nothing may be dropped on another thread than its own, and nothing may wait for ever.

use crate::support::{poll_once, waker_fn, watched};
use ayi::runtime::{Builder, Handle, Runtime, UnhandledPanic};
use ayi::task::{JoinHandle, JoinSet, LocalSet, yield_now};
use ayi::time::sleep;
use futures_lite::future::block_on as foreign_block_on;
use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, channel};
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};
use std::time::Duration;

thread_local! {
    /// Ends the runtime of this test: it owns it last.
    static END: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
    /// The handle of the task whose code ends the runtime, and what another thread does with it meanwhile.
    static TASK: RefCell<Option<(JoinHandle<u32>, Elsewhere)>> = const { RefCell::new(None) };
    /// Receives a message when a thread that has the handle is done.
    static DONE: RefCell<Option<Receiver<()>>> = const { RefCell::new(None) };
}

/// What another thread does with the handle of a task, right after the end has begun.
type Elsewhere = fn(JoinHandle<u32>);

const ELSEWHERE: [(&str, Elsewhere); 4] = [
    ("dropped", drop),
    ("aborted, and dropped", |task| task.abort()),
    ("awaited", |task| drop(foreign_block_on(task))),
    ("polled, and dropped", |task| drop(poll_once(pin!(task)))),
];

/// Ends the runtime, and gives the handle of the running task to another thread. It does so once.
fn end() {
    let Some(end) = END.take() else { return };
    end();
    if let Some((task, f)) = TASK.take() {
        let (done, is_done) = channel();
        thread::spawn(move || {
            f(task);
            done.send(()).unwrap();
        });
        // The thread need not be done before the task is: if it awaits the task, it waits for it.
        if is_done.recv_timeout(Duration::from_millis(2)).is_err() {
            DONE.set(Some(is_done));
        }
    }
}

/// Calls [`end`] when it is dropped.
struct EndOnDrop;

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        end();
    }
}

/// A future that stays on one thread, and is gone when it is over.
struct Probe {
    home: ThreadId,
    /// It fills memory, so that a use after it was freed shows.
    text: Box<[u8; 200]>,
    dropped: Rc<Cell<u32>>,
}

impl Probe {
    fn new(dropped: &Rc<Cell<u32>>) -> Probe {
        Probe { home: thread::current().id(), text: Box::new([7; 200]), dropped: dropped.clone() }
    }

    fn check(&self) {
        assert_eq!(thread::current().id(), self.home);
        assert!(self.text.iter().all(|byte| *byte == 7));
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.check();
        self.dropped.set(self.dropped.get() + 1);
    }
}

/// How the last owner lets go of the runtime.
type Owner = (&'static str, fn(Runtime) -> Box<dyn FnOnce()>);

const OWNERS: [Owner; 5] = [
    ("drop", |rt| Box::new(move || drop(rt))),
    ("shutdown_timeout", |rt| Box::new(move || rt.shutdown_timeout(Duration::from_secs(30)))),
    ("shutdown_background", |rt| Box::new(move || rt.shutdown_background())),
    ("the last of several", |rt| {
        let rt = Rc::new(rt);
        let other = rt.clone();
        Box::new(move || {
            drop(other);
            drop(rt);
        })
    }),
    ("drop while it is entered again", |rt| {
        Box::new(move || {
            let handle = rt.handle().clone();
            let _inside = handle.enter();
            drop(rt);
        })
    }),
];

/// Where the runtime is ended. Each function gets the runtime before it is handed to its last owner, and returns what
/// runs inside `block_on`. After that the runtime has ended. A task whose handle goes to another thread is left in
/// `TASK`.
type Place = (&'static str, fn(&Runtime, Elsewhere, &Rc<Cell<u32>>) -> Pin<Box<dyn Future<Output = ()>>>);

/// Waits until the runtime has been ended.
async fn until_the_end() {
    while END.with_borrow(|end| end.is_some()) {
        yield_now().await;
    }
}

fn leave(task: JoinHandle<u32>, elsewhere: Elsewhere) {
    TASK.set(Some((task, elsewhere)));
}

/// Makes a waker whose clones only end the runtime when they are woken, or dropped.
fn ends_when_woken() -> Waker {
    waker_fn(end)
}

const PLACES: [Place; 21] = [
    ("a poll that is pending", |rt, elsewhere, dropped| {
        let probe = Probe::new(dropped);
        let task = rt.spawn(async move {
            end();
            probe.check();
            pending::<()>().await;
            7
        });
        leave(task, elsewhere);
        Box::pin(until_the_end())
    }),
    ("a poll that wakes itself, and goes on", |rt, elsewhere, dropped| {
        let probe = Probe::new(dropped);
        let task = rt.spawn(async move {
            end();
            loop {
                probe.check();
                yield_now().await;
            }
        });
        leave(task, elsewhere);
        Box::pin(until_the_end())
    }),
    ("a poll that is ready", |rt, elsewhere, dropped| {
        let probe = Probe::new(dropped);
        let task = rt.spawn(async move {
            end();
            probe.check();
            7
        });
        leave(task, elsewhere);
        Box::pin(until_the_end())
    }),
    ("a poll that panics", |rt, elsewhere, dropped| {
        let probe = Probe::new(dropped);
        let task = rt.spawn(async move {
            end();
            probe.check();
            std::panic::resume_unwind(Box::new("nobody hears of this"))
        });
        leave(task, elsewhere);
        Box::pin(until_the_end())
    }),
    ("the unwinding of a poll", |rt, elsewhere, dropped| {
        let probe = Probe::new(dropped);
        let task = rt.spawn(async move {
            let _end = EndOnDrop;
            probe.check();
            std::panic::resume_unwind(Box::new("nobody hears of this"))
        });
        leave(task, elsewhere);
        Box::pin(until_the_end())
    }),
    ("a poll of a task of another thread's", |rt, elsewhere, _| {
        let handle = rt.handle().clone();
        let task = thread::spawn(move || {
            handle.spawn(async {
                end();
                pending::<()>().await;
                7
            })
        });
        leave(task.join().unwrap(), elsewhere);
        Box::pin(until_the_end())
    }),
    ("what spawn_with calls", |rt, elsewhere, dropped| {
        let handle = rt.handle().clone();
        let task = thread::spawn(move || {
            handle.spawn_with(|| {
                end();
                async { 7 }
            })
        });
        leave(task.join().unwrap(), elsewhere);
        drop(Probe::new(dropped));
        Box::pin(until_the_end())
    }),
    ("the drop of an aborted future", |rt, elsewhere, dropped| {
        let (end, probe) = (EndOnDrop, Probe::new(dropped));
        let task = rt.spawn(async move {
            let (_end, _probe) = (end, probe);
            pending::<()>().await;
            7
        });
        task.abort();
        leave(task, elsewhere);
        Box::pin(until_the_end())
    }),
    ("the drop of a future that is ready", |rt, elsewhere, dropped| {
        struct Ready(#[allow(dead_code)] Probe, #[allow(dead_code)] EndOnDrop);
        impl Future for Ready {
            type Output = u32;
            fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u32> {
                Poll::Ready(7)
            }
        }
        leave(rt.spawn(Ready(Probe::new(dropped), EndOnDrop)), elsewhere);
        Box::pin(until_the_end())
    }),
    ("the drop of an output that nobody awaits", |rt, _, _| {
        drop(rt.spawn(async { EndOnDrop }));
        Box::pin(until_the_end())
    }),
    ("the drop of an output with its handle", |rt, _, _| {
        let (output, task) = (rt.spawn(async { EndOnDrop }), rt.spawn(yield_now()));
        drop(rt.spawn(async {
            drop(task.await);
            drop(output);
        }));
        Box::pin(until_the_end())
    }),
    ("the drop of a panic's payload", |rt, _, _| {
        struct Payload(#[allow(dead_code)] u8);
        impl Drop for Payload {
            fn drop(&mut self) {
                end();
            }
        }
        drop(rt.spawn(async { std::panic::resume_unwind(Box::new(Payload(1))) }));
        Box::pin(until_the_end())
    }),
    ("a waker of a timer", |rt, _, _| {
        let _inside = rt.enter();
        let mut timer = Box::pin(sleep(Duration::from_micros(100)));
        let waker = ends_when_woken();
        Box::pin(async move {
            assert!(timer.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            until_the_end().await;
        })
    }),
    ("a waker of a task's handle", |rt, _, dropped| {
        let probe = Probe::new(dropped);
        let mut task = rt.spawn(async move {
            yield_now().await;
            probe.check();
        });
        let waker = ends_when_woken();
        Box::pin(async move {
            assert!(Pin::new(&mut task).poll(&mut Context::from_waker(&waker)).is_pending());
            until_the_end().await;
        })
    }),
    ("the drop of a waker", |rt, _, _| {
        let mut task = rt.spawn(pending::<()>());
        let end = EndOnDrop;
        // It is used on this thread only: what it ends is not `Send`, and is not in it.
        let waker = waker_fn(move || _ = &end);
        Box::pin(async move {
            assert!(Pin::new(&mut task).poll(&mut Context::from_waker(&waker)).is_pending());
            drop(waker);
            task.abort();
            drop(task);
            until_the_end().await;
        })
    }),
    ("a waker of a socket", |_, _, _| {
        let waker = ends_when_woken();
        Box::pin(async move {
            let (ours, peer) = ayi::net::unix::UnixStream::pair().unwrap();
            let mut bytes = [0; 1];
            let mut read = pin!(ours.read(&mut bytes));
            assert!(read.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            peer.write(b"x").await.unwrap();
            until_the_end().await;
        })
    }),
    ("a waker of a task that has used up its budget", |_, _, _| {
        let waker = ends_when_woken();
        Box::pin(async move {
            poll_fn(|cx| {
                let mut spend = || pin!(ayi::task::coop::consume_budget()).poll(cx).is_ready();
                while spend() {}
                assert!(
                    pin!(ayi::task::coop::consume_budget())
                        .poll(&mut Context::from_waker(&waker))
                        .is_pending()
                );
                Poll::Ready(())
            })
            .await;
            until_the_end().await;
        })
    }),
    ("a task of a JoinSet", |_, _, dropped| {
        let probe = Probe::new(dropped);
        Box::pin(async move {
            let mut set = JoinSet::new();
            set.spawn(async move {
                end();
                probe.check();
                pending::<()>().await
            });
            assert!(set.join_next().await.unwrap().unwrap_err().is_cancelled());
        })
    }),
    ("a task of a LocalSet", |_, _, dropped| {
        let probe = Probe::new(dropped);
        Box::pin(async move {
            let set = LocalSet::new();
            let task = set.spawn_local(async move {
                end();
                probe.check();
                yield_now().await;
                7
            });
            assert_eq!(set.run_until(task).await.unwrap(), 7);
        })
    }),
    ("the future of block_on itself", |_, _, _| {
        Box::pin(async {
            end();
            assert!(ayi::spawn(pending::<()>()).await.unwrap_err().is_cancelled());
        })
    }),
    ("the drop of block_on's future", |_, _, _| {
        struct Ready(#[allow(dead_code)] EndOnDrop);
        impl Future for Ready {
            type Output = ();
            fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
                Poll::Ready(())
            }
        }
        Box::pin(Ready(EndOnDrop))
    }),
];

/// Checks what has to hold whatever ends the runtime, and wherever: see the head of this file.
fn ends_well(rt: Runtime, owner: Owner, elsewhere: (&str, Elsewhere), place: Place) {
    println!("{}; {}; its task is {} elsewhere", place.0, owner.0, elsewhere.0);
    let handle = rt.handle().clone();
    let (others, own) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let other = || {
        let probe = Probe::new(&others);
        rt.spawn(async move {
            pending::<()>().await;
            probe.check();
        })
    };
    let before = other();
    let root = place.1(&rt, elsewhere.1, &own);
    let after = other();
    END.set(Some(owner.1(rt)));
    handle.block_on(root);
    assert!(END.take().is_none(), "it was not ended there");
    // Everything is over when `block_on` returns, and happened once.
    assert_eq!(others.get(), 2);
    assert!(Rc::strong_count(&own) == 1 && own.get() <= 1);
    for task in [before, after] {
        assert!(task.is_finished());
        assert!(foreign_block_on(task).unwrap_err().is_cancelled());
    }
    if let Some(done) = DONE.take() {
        done.recv().unwrap();
    }
    assert!(foreign_block_on(handle.spawn(async {})).unwrap_err().is_cancelled());
    assert!(Handle::try_current().is_err());
    // The next runtime has the scheduler and the slots of this one, and is like a new one.
    let next = Runtime::new().unwrap();
    let tasks: Vec<_> = (0..10)
        .map(|n| {
            next.spawn(async move {
                yield_now().await;
                n
            })
        })
        .collect();
    for (n, task) in tasks.into_iter().enumerate() {
        assert_eq!(next.block_on(task).unwrap(), n);
    }
    assert_eq!(next.metrics().num_alive_tasks(), 0);
}

fn quiet() -> Builder {
    let mut builder = Builder::new_current_thread();
    builder.unhandled_panic(UnhandledPanic::Ignore);
    builder
}

#[test]
fn wherever_foreign_code_runs() {
    watched(|| {
        for place in PLACES {
            for owner in OWNERS {
                for elsewhere in ELSEWHERE {
                    ends_well(quiet().build().unwrap(), owner, elsewhere, place);
                }
            }
        }
    })
}

type Hook = (&'static str, fn(&mut Builder));

/// The hooks that the user has given to the runtime.
#[test]
fn in_a_hook() {
    let hooks: [Hook; 4] = [
        ("on_task_spawn", |builder| _ = builder.on_task_spawn(|_| end())),
        ("on_task_terminate", |builder| _ = builder.on_task_terminate(|_| end())),
        ("on_thread_park", |builder| _ = builder.on_thread_park(end)),
        ("on_thread_unpark", |builder| _ = builder.on_thread_unpark(end)),
    ];
    fn works(rt: &Runtime, elsewhere: Elsewhere, _: &Rc<Cell<u32>>) -> Pin<Box<dyn Future<Output = ()>>> {
        let handle = rt.handle().clone();
        let task = thread::spawn(move || handle.spawn(async { 7 })).join().unwrap();
        leave(task, elsewhere);
        Box::pin(async {
            if END.with_borrow(|end| end.is_some()) {
                let mut timer = pin!(sleep(Duration::from_micros(100)));
                poll_fn(|cx| match END.with_borrow(|end| end.is_some()) {
                    true => timer.as_mut().poll(cx),
                    false => Poll::Ready(()),
                })
                .await;
            }
            drop(ayi::spawn(async {}));
            until_the_end().await;
        })
    }
    watched(|| {
        for (name, set) in hooks {
            for owner in OWNERS {
                for elsewhere in ELSEWHERE {
                    let mut builder = quiet();
                    set(&mut builder);
                    ends_well(builder.build().unwrap(), owner, elsewhere, (name, works));
                }
            }
        }
    })
}

/// The hook that is told of a task ends the runtime, while no `block_on` is running.
#[test]
fn by_a_hook_outside_of_block_on() {
    watched(|| {
        let rt = Rc::new(quiet().on_task_spawn(|_| end()).build().unwrap());
        let (handle, dropped) = (rt.handle().clone(), Rc::new(Cell::new(0)));
        let probe = Probe::new(&dropped);
        let inside = handle.enter();
        END.set(Some(Box::new(move || drop(rt))));
        let task = ayi::spawn(async move {
            pending::<()>().await;
            probe.check();
        });
        assert_eq!(dropped.get(), 1);
        assert!(foreign_block_on(task).unwrap_err().is_cancelled());
        drop(inside);
        assert!(foreign_block_on(handle.spawn(async {})).unwrap_err().is_cancelled());
    })
}

/// A thread ends, with a runtime in one of its thread-locals. Its tasks own other runtimes, one inside the other.
#[test]
fn by_the_end_of_their_thread() {
    thread_local! {
        static OUTER: RefCell<Option<Runtime>> = const { RefCell::new(None) };
    }
    watched(|| {
        let (send, drops) = channel();
        thread::spawn(move || {
            let (outer, inner) = (quiet().build().unwrap(), quiet().build().unwrap());
            let tell = waker_fn(move || send.send(thread::current().id()).unwrap());
            struct WakeOnDrop(Waker);
            impl Drop for WakeOnDrop {
                fn drop(&mut self) {
                    self.0.wake_by_ref();
                }
            }
            let (first, second) = (WakeOnDrop(tell.clone()), WakeOnDrop(tell));
            drop(inner.spawn(async move {
                let _first = first;
                pending::<()>().await
            }));
            drop(outer.spawn(async move {
                let (_inner, _second) = (inner, second);
                pending::<()>().await
            }));
            outer.block_on(yield_now());
            OUTER.set(Some(outer));
        })
        .join()
        .unwrap();
        assert_eq!(drops.iter().count(), 2);
    })
}

/// Blocking calls run while a task ends its runtime: the end waits for them, but not inside of that task.
#[test]
fn while_a_blocking_call_waits_for_the_task_that_ends_it() {
    watched(|| {
        let rt = quiet().build().unwrap();
        let handle = rt.handle().clone();
        let (go, wait) = channel::<()>();
        let (started, is_started) = channel();
        let call = rt.spawn_blocking(move || {
            started.send(()).unwrap();
            wait.recv().unwrap();
            7
        });
        is_started.recv().unwrap();
        handle.block_on(async {
            let task = ayi::spawn(async move {
                drop(rt);
                go.send(()).unwrap();
            });
            task.await.unwrap();
        });
        drop(call);
    })
}
