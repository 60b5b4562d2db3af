//! `JoinHandle` and `AbortHandle`: from the same thread and from others, in time and too late.

use crate::support::{Wakes, poll_once, poll_with, run, turn, watched};
use ayi::runtime::Runtime;
use ayi::task::{AbortHandle, JoinError, JoinHandle, spawn_blocking, yield_now};
use futures_lite::future::block_on as foreign_block_on;
use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, channel};
use std::task::Poll;
use std::thread::{self, ThreadId};

/// Records the thread that it is dropped on.
struct OnDrop(std::sync::mpsc::Sender<ThreadId>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.send(thread::current().id()).unwrap();
    }
}

/// Makes a future that waits for ever, and a receiver that learns of its drop.
fn waits() -> (impl Future<Output = ()> + Send, Receiver<ThreadId>) {
    let (sender, drops) = channel();
    let on_drop = OnDrop(sender);
    let future = async move {
        let _on_drop = on_drop;
        pending::<()>().await
    };
    (future, drops)
}

fn assert_cancelled<T>(result: Result<T, JoinError>) {
    assert!(result.err().unwrap().is_cancelled());
}

/// The cases differ in who aborts, and when. The task is cancelled in each of them.
#[test]
fn abort_takes_effect_wherever_it_comes_from() {
    type Situation = (&'static str, fn(AbortHandle));
    struct AbortsWhenDropped(AbortHandle);
    impl Drop for AbortsWhenDropped {
        fn drop(&mut self) {
            self.0.abort();
        }
    }
    let situations: [Situation; 7] = [
        ("at once", |stop| stop.abort()),
        ("twice", |stop| {
            stop.abort();
            stop.clone().abort();
        }),
        ("another task", |stop| drop(ayi::spawn(async move { stop.abort() }))),
        ("the drop of a finished task's future", |stop| {
            let aborts = AbortsWhenDropped(stop);
            drop(ayi::spawn(async move { drop(aborts) }));
        }),
        ("the drop of an aborted task's future", |stop| {
            let aborts = AbortsWhenDropped(stop);
            let task = ayi::spawn(async move {
                let _aborts = aborts;
                pending::<()>().await
            });
            task.abort();
        }),
        ("another thread", |stop| drop(thread::spawn(move || stop.abort()))),
        ("another thread, twice, and here", |stop| {
            let far = stop.clone();
            thread::spawn(move || (0..2).for_each(|_| far.abort())).join().unwrap();
            stop.abort();
        }),
    ];
    for (name, abort) in situations {
        for is_polled_before in [false, true] {
            run(async || {
                let (future, drops) = waits();
                let task = ayi::spawn(future);
                if is_polled_before {
                    yield_now().await;
                }
                let stop = task.abort_handle();
                abort(stop.clone());
                // It is not dropped in the middle of the code that aborts.
                assert!(name.contains("another thread") || drops.try_recv().is_err(), "{name}");
                let id = task.id();
                let error = task.await.unwrap_err();
                assert!(error.is_cancelled() && error.id() == id, "{name}");
                assert_eq!(drops.try_iter().collect::<Vec<_>>(), [thread::current().id()], "{name}");
                assert!(stop.is_finished() && stop.id() == id);
                stop.abort();
            });
        }
    }
}

#[test]
fn abort_before_the_first_poll_polls_never() {
    run(async || {
        let task = ayi::spawn(poll_fn(|_| -> Poll<()> { panic!("polled") }));
        task.abort();
        assert_cancelled(task.await);
    })
}

/// The task still has this poll, and may finish in it.
#[test]
fn task_that_aborts_itself() {
    run(async || {
        for finishes in [false, true] {
            let stop = Rc::new(RefCell::new(None::<AbortHandle>));
            let own = stop.clone();
            let polls = Rc::new(Cell::new(0));
            let count = polls.clone();
            let task = ayi::spawn(poll_fn(move |cx| {
                count.set(count.get() + 1);
                own.borrow().as_ref().unwrap().abort();
                cx.waker().wake_by_ref();
                if finishes { Poll::Ready(8) } else { Poll::Pending }
            }));
            *stop.borrow_mut() = Some(task.abort_handle());
            let result = task.await;
            assert_eq!((result.ok(), polls.get()), (finishes.then_some(8), 1));
        }
    })
}

/// The thread that aborts does so while the task is being polled.
#[test]
fn abort_from_another_thread_during_the_poll() {
    run(async || {
        for finishes in [false, true] {
            let ((poll, is_polled), (abort, is_aborted)) = (channel(), channel());
            let task = ayi::spawn(poll_fn(move |_| {
                poll.send(()).unwrap();
                is_aborted.recv().unwrap();
                if finishes { Poll::Ready(9) } else { Poll::Pending }
            }));
            let stop = task.abort_handle();
            let elsewhere = thread::spawn(move || {
                is_polled.recv().unwrap();
                stop.abort();
                abort.send(()).unwrap();
            });
            assert_eq!(task.await.ok(), finishes.then_some(9));
            elsewhere.join().unwrap();
        }
    })
}

/// An AbortHandle belongs to a task, not to the slot that other tasks have after it.
#[test]
fn abort_when_the_slot_is_anothers() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let mut stale = vec![];
        for round in 0..50 {
            rt.block_on(async {
                let tasks: Vec<_> = (0..20).map(|number| ayi::spawn(async move { number })).collect();
                if round > 0 {
                    stale.iter().for_each(AbortHandle::abort);
                    let far = stale.clone();
                    let abort = move || far.iter().for_each(AbortHandle::abort);
                    spawn_blocking(abort).await.unwrap();
                }
                stale = tasks.iter().map(JoinHandle::abort_handle).collect();
                for (number, task) in tasks.into_iter().enumerate() {
                    assert_eq!(task.await.unwrap(), number);
                }
            });
        }
        // It does not abort tasks of the next runtime either.
        drop(rt);
        let rt = Runtime::new().unwrap();
        let tasks: Vec<_> = (0..20).map(|number| rt.spawn(async move { number })).collect();
        stale.iter().for_each(AbortHandle::abort);
        thread::scope(|s| s.spawn(|| stale.iter().for_each(AbortHandle::abort)).join().unwrap());
        rt.block_on(async {
            for (number, task) in tasks.into_iter().enumerate() {
                assert_eq!(task.await.unwrap(), number);
            }
        });
    })
}

/// A task ends with `end`, and its handle is awaited at each place and time.
#[test]
fn awaited_anywhere_before_and_after_the_task_is_over() {
    type Await = fn(JoinHandle<u32>) -> Result<u32, JoinError>;
    let ways: [(&str, Await); 3] = [
        ("another executor", |task| foreign_block_on(task)),
        ("another runtime", |task| Runtime::new().unwrap().block_on(task)),
        ("a task of another runtime", |task| {
            let rt = Runtime::new().unwrap();
            rt.block_on(rt.spawn(task)).unwrap()
        }),
    ];
    for (name, wait) in ways {
        for is_over in [false, true] {
            for is_aborted in [false, true] {
                run(async || {
                    let (finish, finished) = channel();
                    let task = ayi::spawn(async move {
                        while !is_aborted && finished.try_recv().is_err() {
                            yield_now().await;
                        }
                        if is_aborted {
                            pending::<()>().await;
                        }
                        77
                    });
                    let stop = task.abort_handle();
                    let end = || if is_aborted { stop.abort() } else { finish.send(()).unwrap() };
                    let result = if is_over {
                        end();
                        while !task.is_finished() {
                            yield_now().await;
                        }
                        spawn_blocking(move || wait(task)).await.unwrap()
                    } else {
                        let elsewhere = spawn_blocking(move || wait(task));
                        turn().await;
                        end();
                        elsewhere.await.unwrap()
                    };
                    assert_eq!(result.ok(), (!is_aborted).then_some(77), "{name}, {is_over}");
                });
            }
        }
    }
}

/// The handle is dropped on another thread: the task runs on, and its own thread drops what it leaves.
#[test]
fn dropped_on_another_thread_while_the_task_runs() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let (sender, drops) = channel();
        let output = OnDrop(sender);
        let task = rt.spawn(async move {
            turn().await;
            turn().await;
            output
        });
        rt.block_on(yield_now());
        thread::spawn(move || drop(task)).join().unwrap();
        rt.block_on(async {
            for _ in 0..5 {
                turn().await;
            }
        });
        assert_eq!(drops.recv().unwrap(), thread::current().id());
    })
}

/// What is awaited through a reference stays there until it is taken.
#[test]
fn awaiting_a_reference_is_cancel_safe() {
    run(async || {
        let mut task = ayi::spawn(async {
            turn().await;
            6
        });
        for _ in 0..3 {
            assert!(poll_once(Pin::new(&mut task)).is_pending());
        }
        // It is finished, and its waker belongs to no task.
        turn().await;
        turn().await;
        assert!(task.is_finished());
        assert_eq!((&mut task).await.unwrap(), 6);
    })
}

#[test]
fn debug_and_ids() {
    run(async || {
        let task = ayi::spawn(yield_now());
        let id = task.id();
        assert_eq!(format!("{task:?}"), format!("JoinHandle {{ id: Id({id}), finished: false }}"));
        assert_eq!(format!("{:?}", task.abort_handle()), format!("AbortHandle {{ id: Id({id}), .. }}"));
        turn().await;
        turn().await;
        assert_eq!(format!("{task:?}"), format!("JoinHandle {{ id: Id({id}), finished: true }}"));
        task.await.unwrap();
    })
}

/// Four threads use handles in every possible way while the tasks finish. Each future is dropped once, and a thread
/// that awaits learns how the task ended.
#[test]
fn handles_used_on_other_threads_while_the_tasks_finish() {
    const TASKS: usize = 4_000;
    struct Count(Arc<AtomicUsize>);
    impl Drop for Count {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    watched(|| {
        let rt = Runtime::new().unwrap();
        let (futures, outputs, produced) = <(Arc<AtomicUsize>, Arc<AtomicUsize>, Rc<Cell<usize>>)>::default();
        let (senders, users): (Vec<_>, Vec<_>) = (0..4)
            .map(|_| {
                let (sender, tasks) = channel::<JoinHandle<Count>>();
                let user = thread::spawn(move || {
                    for (number, mut task) in tasks.iter().enumerate() {
                        match number % 6 {
                            0 => drop(task),
                            1 => drop(foreign_block_on(task).unwrap()),
                            2 => {
                                task.abort();
                                if let Err(error) = foreign_block_on(task) {
                                    assert!(error.is_cancelled());
                                }
                            }
                            3 => {
                                drop(poll_once(Pin::new(&mut task)));
                                drop(task);
                            }
                            4 => task.abort(),
                            _ => {
                                let stop = task.abort_handle();
                                drop(task);
                                stop.abort();
                            }
                        }
                    }
                });
                (sender, user)
            })
            .unzip();
        rt.block_on(async {
            for number in 0..TASKS {
                let future = Count(futures.clone());
                let output = Count(outputs.clone());
                let produced = produced.clone();
                let task = ayi::spawn(async move {
                    let _future = future;
                    for _ in 0..number % 4 {
                        yield_now().await;
                    }
                    produced.set(produced.get() + 1);
                    output
                });
                senders[number % 4].send(task).unwrap();
                if number % 7 == 0 {
                    yield_now().await;
                }
            }
            drop(senders);
            spawn_blocking(move || users.into_iter().for_each(|user| user.join().unwrap())).await.unwrap();
            turn().await;
            turn().await;
        });
        // The tasks that were told to run on have done so, and the output of each, produced or not, is gone.
        assert_eq!((futures.load(SeqCst), outputs.load(SeqCst)), (TASKS, TASKS));
        assert!(produced.get() >= TASKS / 2);
        drop(rt);
        assert_eq!((futures.load(SeqCst), outputs.load(SeqCst)), (TASKS, TASKS));
    })
}

/// A task that nobody awaits any longer may run for long. Its waker, and everything that the waker keeps alive, need
/// not stay.
#[test]
fn a_handle_that_is_dropped_takes_its_waker_along() {
    run(async || {
        let task = || ayi::spawn(pending::<()>());
        let (wakes, waker) = Wakes::new();
        let mut here = task();
        assert!(poll_with(Pin::new(&mut here), &waker).is_pending());
        let keeps = Arc::strong_count(&wakes);
        drop(here);
        assert_eq!(Arc::strong_count(&wakes), keeps - 1, "on its own thread");
        let mut elsewhere = task();
        assert!(poll_with(Pin::new(&mut elsewhere), &waker).is_pending());
        thread::spawn(move || drop(elsewhere)).join().unwrap();
        turn().await;
        assert_eq!(Arc::strong_count(&wakes), keeps - 1, "on another");
        assert_eq!(wakes.count(), 0);
    });
}
