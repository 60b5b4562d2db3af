//! Panics in every piece of foreign code: each may end only its own task.

use crate::support::{run, turn, watched};
use ayi::runtime::{Builder, Runtime, UnhandledPanic};
use ayi::task::{JoinError, JoinHandle, spawn_blocking, yield_now};
use std::cell::Cell;
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::thread::{self, ThreadId};
use std::time::Duration;

fn policy(policy: UnhandledPanic) -> Runtime {
    Builder::new_current_thread().unhandled_panic(policy).build().unwrap()
}

/// Records the thread that it is dropped on.
struct Witness(Arc<Mutex<Vec<ThreadId>>>);

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(thread::current().id());
    }
}

/// Its drop panics with a payload whose drop panics, and so on.
struct Bomb(u32);

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.0 > 0 {
            panic_any(Bomb(self.0 - 1));
        }
    }
}

struct PanickingWaker;

impl Wake for PanickingWaker {
    fn wake(self: Arc<Self>) {
        panic!("the waker panics");
    }
}

/// Whatever panics while a runtime ends: all its futures are dropped then and there. They need not be `Send`, and their
/// slots serve another thread next.
#[test]
fn every_future_is_dropped_at_the_end_whatever_panics() {
    type Situation = fn(&Runtime);
    let situations: [(&str, Situation); 4] = [
        ("a joiner's waker", |rt| {
            let _inside = rt.enter();
            let mut task = rt.spawn(pending::<()>());
            let waker = Waker::from(Arc::new(PanickingWaker));
            assert!(Pin::new(&mut task).poll(&mut Context::from_waker(&waker)).is_pending());
            std::mem::forget(task);
        }),
        ("a joiner's waker, of a task that is about to arrive", |rt| {
            let mut task = rt.handle().spawn(pending::<()>());
            let waker = Waker::from(Arc::new(PanickingWaker));
            assert!(Pin::new(&mut task).poll(&mut Context::from_waker(&waker)).is_pending());
            std::mem::forget(task);
        }),
        ("a future's drop, and its payload's", |rt| {
            let bomb = Bomb(3);
            drop(rt.spawn(async move {
                let _bomb = bomb;
                pending::<()>().await
            }));
        }),
        ("a future's drop, of a task that is about to arrive", |rt| {
            let bomb = Bomb(3);
            drop(rt.handle().spawn(async move {
                let _bomb = bomb;
                pending::<()>().await
            }));
        }),
    ];
    let policies = [UnhandledPanic::Ignore, UnhandledPanic::Report, UnhandledPanic::ShutdownRuntime];
    for (name, situation) in situations {
        for unhandled in policies {
            watched(|| {
                let drops = Arc::new(Mutex::new(vec![]));
                let spawn_witnesses = |rt: &Runtime| {
                    let (here, arriving) = (Witness(drops.clone()), Witness(drops.clone()));
                    drop(rt.spawn(async move {
                        let _here = here;
                        pending::<()>().await
                    }));
                    drop(rt.handle().spawn(async move {
                        let _arriving = arriving;
                        pending::<()>().await
                    }));
                };
                let rt = policy(unhandled);
                spawn_witnesses(&rt);
                situation(&rt);
                spawn_witnesses(&rt);
                // It does not matter here whether it passes the panic on.
                if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(rt))) {
                    std::mem::forget(payload);
                }
                assert_eq!(*drops.lock().unwrap(), [thread::current().id(); 4], "{name}, {unhandled:?}");
            })
        }
    }
}

/// Regression: the panic of a payload's drop ended the pool's only thread, and nothing was left to run other calls.
#[test]
fn blocking_result_whose_drop_panics_with_a_payload_whose_drop_panics() {
    watched(|| {
        let rt = Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        let (ending, ended) = channel();
        let (start, started) = channel();
        let call = move || {
            start.send(()).unwrap();
            ended.recv().unwrap();
            Bomb(3)
        };
        // It runs on when its runtime ends, so that nobody has its result.
        let task = rt.spawn_blocking(call);
        started.recv().unwrap();
        rt.shutdown_timeout(Duration::ZERO);
        drop(task);
        ending.send(()).unwrap();

        let rt = policy(UnhandledPanic::Ignore);
        drop(rt.spawn_blocking(|| Bomb(3)));
        assert_eq!(rt.block_on(rt.spawn_blocking(|| 1)).unwrap(), 1);
    })
}

/// Panics without a message.
fn silently<T>(payload: impl std::any::Any + Send) -> T {
    resume_unwind(Box::new(payload))
}

/// Its drop panics.
struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        silently("drop")
    }
}

#[test]
fn what_a_join_error_says() {
    run(async || {
        let tasks: [(JoinHandle<()>, &str); 4] = [
            (ayi::spawn(async { silently("a word") }), " panicked with message \"a word\""),
            (
                ayi::spawn(async { silently(String::from("two\nlines")) }),
                " panicked with message \"two\\nlines\"",
            ),
            (ayi::spawn(async { silently(5) }), " panicked"),
            (spawn_blocking(|| silently("elsewhere")), " panicked with message \"elsewhere\""),
        ];
        for (task, text) in tasks {
            let id = task.id();
            let error: JoinError = task.await.unwrap_err();
            assert!(error.is_panic() && !error.is_cancelled() && error.id() == id);
            assert_eq!(error.to_string(), format!("task {id}{text}"));
            let text = text
                .strip_prefix(" panicked with message ")
                .map_or(String::new(), |text| format!("{text}, "));
            assert_eq!(format!("{error:?}"), format!("JoinError::Panic({id:?}, {text}...)"));
            let error: Box<dyn std::error::Error + Send + Sync> = error.into();
            drop(error);
        }
        let task = ayi::spawn(async { silently::<()>(5) });
        assert_eq!(*task.await.unwrap_err().into_panic().downcast::<i32>().unwrap(), 5);

        let task = ayi::spawn(pending::<()>());
        task.abort();
        let (id, error) = (task.id(), task.await.unwrap_err());
        assert!(error.is_cancelled() && !error.is_panic());
        assert_eq!(error.to_string(), format!("task {id} was cancelled"));
        let error = error.try_into_panic().unwrap_err();
        let panic = catch_unwind(AssertUnwindSafe(|| error.into_panic())).unwrap_err();
        assert!(panic.downcast::<String>().unwrap().contains("the task was cancelled, it did not panic"));
    })
}

/// A panic in the drop of a future is its task's, whatever its output would have been.
#[test]
fn future_that_panics_in_its_drop() {
    fn holds<T>(result: impl Future<Output = T>) -> impl Future<Output = T> {
        let held = PanicsWhenDropped;
        let mut result = Box::pin(result);
        // Both are dropped with the future at the end, and not at the end of its last poll.
        std::future::poll_fn(move |cx| {
            let _ = &held;
            result.as_mut().poll(cx)
        })
    }
    run(async || {
        let output = Rc::new(());
        let unread = output.clone();
        let finished = ayi::spawn(holds(async move { unread }));
        let aborted = ayi::spawn(holds(pending()));
        let panicked = ayi::spawn(holds(async { silently("poll") }));
        aborted.abort();
        // Of two panics, the first is reported.
        for (task, first) in [(finished, "drop"), (aborted, "drop"), (panicked, "poll")] {
            let panic = task.await.unwrap_err().into_panic();
            assert_eq!(*panic.downcast::<&str>().unwrap(), first);
        }
        assert_eq!(Rc::strong_count(&output), 1);
        let rt = Runtime::new().unwrap();
        let at_the_end = rt.spawn(holds(pending::<()>()));
        drop(rt);
        assert!(at_the_end.await.unwrap_err().is_panic());
    })
}

/// Inside the runtime, an unread output panics for nobody. Outside, its panic reaches the code that drops the handle.
#[test]
fn output_that_panics_in_its_drop() {
    let drop_it =
        |task: JoinHandle<PanicsWhenDropped>| catch_unwind(AssertUnwindSafe(|| drop(task))).is_err();
    watched(|| {
        let rt = policy(UnhandledPanic::Ignore);
        let finished = || {
            let task = rt.spawn(async { PanicsWhenDropped });
            rt.block_on(turn());
            assert!(task.is_finished());
            task
        };
        drop(rt.spawn(async { PanicsWhenDropped }));
        rt.block_on(turn());
        let task = finished();
        assert!(!rt.block_on(async { drop_it(task) }));
        assert!(drop_it(finished()));
        let task = finished();
        assert!(thread::spawn(move || drop_it(task)).join().unwrap());
        let task = finished();
        drop(rt);
        assert!(drop_it(task));
    })
}

#[test]
fn joiner_whose_waker_panics() {
    run(async || {
        let mut task = ayi::spawn(async { 3 });
        let waker = Waker::from(Arc::new(PanickingWaker));
        assert!(Pin::new(&mut task).poll(&mut Context::from_waker(&waker)).is_pending());
        let next = ayi::spawn(async { 4 });
        assert_eq!((task.await.unwrap(), next.await.unwrap()), (3, 4));
    })
}

/// `block_on` passes it on, and the runtime lives.
#[test]
fn root_future_that_panics() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let turns = Rc::new(Cell::new(0));
        let count = turns.clone();
        let task = rt.spawn(async move {
            for _ in 0..100 {
                count.set(count.get() + 1);
                yield_now().await;
            }
        });
        for number in 0..5 {
            let root = async {
                yield_now().await;
                silently::<()>(number);
            };
            let panic = catch_unwind(AssertUnwindSafe(|| rt.block_on(root))).unwrap_err();
            assert_eq!(*panic.downcast::<i32>().unwrap(), number);
        }
        assert!((1..100).contains(&turns.get()));
        rt.block_on(task).unwrap();
        assert_eq!(turns.get(), 100);
        // Its own waker may come too late.
        let waker = Arc::new(Mutex::new(None::<Waker>));
        let panics = std::future::poll_fn(|cx| {
            *waker.lock().unwrap() = Some(cx.waker().clone());
            silently(0)
        });
        let _: Result<(), _> = catch_unwind(AssertUnwindSafe(|| rt.block_on(panics)));
        let late = waker.lock().unwrap().take().unwrap();
        late.wake_by_ref();
        thread::spawn(move || late.wake()).join().unwrap();
        assert_eq!(rt.block_on(rt.spawn(async { 6 })).unwrap(), 6);
    })
}

#[test]
fn many_panics_in_tasks_and_blocking_calls() {
    run(async || {
        for round in 0..200 {
            let task = ayi::spawn(async move { silently::<()>(round) });
            let call = spawn_blocking(move || silently::<()>(round));
            let far = ayi::runtime::Handle::current().spawn(async move { silently::<()>(round) });
            for task in [task, call, far] {
                assert_eq!(*task.await.unwrap_err().into_panic().downcast::<i32>().unwrap(), round);
            }
        }
    })
}
