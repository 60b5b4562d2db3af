//! Wakes that come too late: when the task, the slot's next task or the runtime has ended. They do no harm.

use crate::support::{in_a_child, turn, watched};
use ayi::runtime::Runtime;
use ayi::task::{JoinHandle, yield_now};
use std::cell::Cell;
use std::future::poll_fn;
use std::hint::spin_loop;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::task::{Poll, Waker};
use std::thread;

/// Returns wakers of a task that has ended.
fn stale_wakers(rt: &Runtime, count: usize) -> Vec<Waker> {
    let spawn = |_| rt.spawn(poll_fn(|cx| Poll::Ready(cx.waker().clone())));
    let tasks: Vec<JoinHandle<Waker>> = (0..count).map(spawn).collect();
    rt.block_on(async {
        let mut wakers = vec![];
        for task in tasks {
            wakers.push(task.await.unwrap());
        }
        wakers
    })
}

#[test]
fn wake_when_the_task_is_over_polls_nobody() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let polls = Rc::new(Cell::new(0));
        let count = polls.clone();
        let (sender, wakers) = channel();
        let task = rt.spawn(poll_fn(move |cx| {
            count.set(count.get() + 1);
            sender.send(cx.waker().clone()).unwrap();
            // It is woken before and after it ends, and while its output waits to be taken.
            cx.waker().wake_by_ref();
            Poll::Ready(())
        }));
        rt.block_on(turn());
        let waker = wakers.recv().unwrap();
        waker.wake_by_ref();
        rt.block_on(async {
            waker.wake_by_ref();
            turn().await;
            task.await.unwrap();
            waker.wake_by_ref();
            turn().await;
        });
        thread::spawn(move || waker.wake()).join().unwrap();
        rt.block_on(turn());
        assert_eq!(polls.get(), 1);
    })
}

/// The slots and the inbox that the wakers lead to belong to the next runtime by then, and to the one after that, on
/// any thread.
#[test]
fn wakes_when_the_runtime_is_gone() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let mut wakers = stale_wakers(&rt, 100);
        rt.block_on(poll_fn(|cx| {
            wakers.push(cx.waker().clone());
            Poll::Ready(())
        }));
        let wake_all = || wakers.iter().for_each(Waker::wake_by_ref);
        drop(rt);
        wake_all();
        thread::scope(|s| s.spawn(wake_all).join().unwrap());
        for round in 0..200 {
            let rt = Runtime::new().unwrap();
            wake_all();
            let tasks: Vec<_> = (0..50)
                .map(|number| {
                    rt.spawn(async move {
                        yield_now().await;
                        number
                    })
                })
                .collect();
            wake_all();
            thread::scope(|s| {
                s.spawn(wake_all);
                rt.block_on(async {
                    for (number, task) in tasks.into_iter().enumerate() {
                        wake_all();
                        assert_eq!(task.await.unwrap(), number);
                    }
                });
            });
            if round % 2 == 0 {
                drop(rt);
                wake_all();
            }
        }
    })
}

/// A late wake costs a task of the same slot at most one poll.
#[test]
fn late_wake_costs_at_most_one_poll() {
    // The other tests' late wakes go to the same pool of slots.
    if !in_a_child(module_path!(), "late_wake_costs_at_most_one_poll") {
        return;
    }
    watched(|| {
        let rt = Runtime::new().unwrap();
        let wakers = stale_wakers(&rt, 10);
        let polls = Rc::new(Cell::new([0; 5]));
        let mut tasks = vec![];
        for number in 0..5 {
            let polls = polls.clone();
            tasks.push(rt.spawn(poll_fn(move |_| {
                let mut counts = polls.get();
                counts[number] += 1;
                polls.set(counts);
                Poll::<()>::Pending
            })));
        }
        rt.block_on(async {
            turn().await;
            for wakes in 1..=5 {
                // Each of them is woken twice, before a task can run.
                wakers.iter().chain(&wakers).for_each(Waker::wake_by_ref);
                turn().await;
                assert!(polls.get().iter().all(|count| *count <= 1 + wakes), "{:?}", polls.get());
            }
            // Some do have the slots of earlier ones. Otherwise this would show nothing.
            assert!(polls.get().contains(&6), "{:?}", polls.get());
        });
    })
}

/// Tasks come and go while wakers of earlier ones, also of vacant slots, are woken here and elsewhere. Each task is
/// finished once, and what it waits for is not lost.
#[test]
fn tasks_come_and_go_under_a_storm_of_late_wakes() {
    const TASKS: usize = 20_000;
    watched(|| {
        let rt = Runtime::new().unwrap();
        let mut wakers = stale_wakers(&rt, 200);
        let far_wakers = wakers.clone();
        let is_over = AtomicBool::new(false);
        let (finished, dropped) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        thread::scope(|s| {
            for half in far_wakers.chunks(100) {
                let is_over = &is_over;
                s.spawn(move || {
                    while !is_over.load(SeqCst) {
                        half.iter().for_each(Waker::wake_by_ref);
                        (0..100).for_each(|_| spin_loop());
                    }
                });
            }
            rt.block_on(async {
                let mut running = Vec::new();
                for number in 0..TASKS {
                    let finished = finished.clone();
                    let on_drop = OnDrop(dropped.clone());
                    running.push(ayi::spawn(async move {
                        let _on_drop = on_drop;
                        if number % 3 == 0 {
                            yield_now().await;
                        }
                        finished.set(finished.get() + 1);
                        number
                    }));
                    wakers[number % 200].wake_by_ref();
                    if running.len() == 150 {
                        for task in running.drain(..) {
                            let wakes = task.id().to_string().len();
                            wakers.iter().take(wakes).for_each(Waker::wake_by_ref);
                            assert!(task.await.unwrap() <= number);
                        }
                    }
                }
                for task in running {
                    task.await.unwrap();
                }
            });
            is_over.store(true, SeqCst);
        });
        wakers.clear();
        assert_eq!((finished.get(), dropped.get()), (TASKS, TASKS));
    })
}

struct OnDrop(Rc<Cell<usize>>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}
