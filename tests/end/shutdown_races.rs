//! A runtime ends while other threads use it: what they have spawned is finished or cancelled, what they await arrives,
//! and everything is dropped once.

use crate::support::{poll_once, turn, watched};
use ayi::runtime::{Handle, Runtime};
use ayi::task::{JoinHandle, yield_now};
use ayi::time::{Duration, Sleep, sleep};
use futures_lite::future::block_on as foreign_block_on;
use futures_task::Spawn;
use std::future::pending;
use std::hint::spin_loop;
use std::pin::Pin;
use std::ptr::null;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};
use std::thread;

const THREADS: usize = 3;

/// A value that counts how many of its kind exist.
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(count: &Arc<AtomicUsize>) -> Alive {
        count.fetch_add(1, SeqCst);
        Alive(count.clone())
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// Some threads do `user` again and again, with numbers, until the runtime is gone and a little longer. It ends at
/// another moment in each round.
fn while_it_ends(rounds: usize, user: impl Fn(&Handle, usize) + Sync) {
    for round in 0..rounds {
        watched(|| {
            let rt = Runtime::new().unwrap();
            let handle = rt.handle().clone();
            let start = Barrier::new(THREADS + 1);
            thread::scope(|s| {
                for thread in 0..THREADS {
                    let (handle, start, user) = (handle.clone(), &start, &user);
                    s.spawn(move || {
                        start.wait();
                        let mut left = 5;
                        for number in thread.. {
                            user(&handle, number);
                            left -= usize::from(handle.status().is_err());
                            if left == 0 {
                                return;
                            }
                        }
                    });
                }
                start.wait();
                // It is sometimes parked, sometimes busy, and sometimes has not yet begun.
                rt.block_on(async {
                    for _ in 0..round % 5 {
                        turn().await;
                        yield_now().await;
                    }
                });
                (0..round * 37 % 1000).for_each(|_| spin_loop());
                drop(rt);
            });
        });
    }
}

/// What threads do with what they have spawned.
fn use_task(task: JoinHandle<Alive>, number: usize) {
    let stop = task.abort_handle();
    match number % 5 {
        0 => drop(task),
        1 => stop.abort(),
        2 => {
            drop(task);
            stop.abort();
        }
        _ => {
            if let Err(error) = foreign_block_on(task) {
                assert!(error.is_cancelled());
            }
        }
    }
}

#[test]
fn tasks_are_spawned_from_other_threads() {
    let alive = Arc::new(AtomicUsize::new(0));
    while_it_ends(200, |handle, number| {
        let (future, output) = (Alive::new(&alive), Alive::new(&alive));
        let task = handle.spawn(async move {
            let _future = future;
            match number % 3 {
                0 => {}
                1 => yield_now().await,
                _ => pending().await,
            }
            output
        });
        if number % 3 < 2 || number % 5 < 3 {
            use_task(task, number);
        } else {
            // The task never finishes, but the runtime does.
            drop(poll_once(Box::pin(task).as_mut()));
        }
    });
    assert_eq!(alive.load(SeqCst), 0);
}

#[test]
fn blocking_calls_are_made_from_other_threads() {
    let (alive, ran) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
    let taken = AtomicUsize::new(0);
    while_it_ends(60, |handle, number| {
        let (call, result, run) = (Alive::new(&alive), Alive::new(&alive), ran.clone());
        let task = handle.spawn_blocking(move || {
            run.fetch_add(1, SeqCst);
            drop(call);
            result
        });
        match number % 5 {
            3 => drop(foreign_block_on(task).map(|_| taken.fetch_add(1, SeqCst))),
            _ => use_task(task, number),
        }
    });
    // The pool's threads have ended with their runtimes.
    assert_eq!(alive.load(SeqCst), 0);
    assert!(taken.load(SeqCst) <= ran.load(SeqCst));
}

/// Tasks that never finish are awaited elsewhere, by threads and by other runtimes.
#[test]
fn tasks_are_awaited_on_other_threads() {
    for round in 0..100 {
        watched(|| {
            let rt = Runtime::new().unwrap();
            let (sender, tasks) = channel::<JoinHandle<()>>();
            let elsewhere = thread::spawn(move || {
                let rt = Runtime::new().unwrap();
                let mut count = 0;
                for task in tasks {
                    let result = if count % 2 == 0 { foreign_block_on(task) } else { rt.block_on(task) };
                    assert!(result.unwrap_err().is_cancelled());
                    count += 1;
                }
                count
            });
            for _ in 0..10 {
                sender.send(rt.spawn(pending())).unwrap();
            }
            drop(sender);
            if round % 2 == 0 {
                rt.block_on(turn());
            }
            (0..round * 100).for_each(|_| spin_loop());
            drop(rt);
            assert_eq!(elsewhere.join().unwrap(), 10);
        });
    }
}

/// Wakers are woken and timers dropped elsewhere.
#[test]
fn wakers_and_timers_are_used_on_other_threads() {
    for round in 0..100 {
        watched(|| {
            let rt = Runtime::new().unwrap();
            let (sender, received) = channel::<(Waker, Sleep)>();
            let elsewhere = thread::spawn(move || {
                for (waker, timer) in received {
                    waker.wake_by_ref();
                    drop(timer);
                    waker.wake();
                }
            });
            for _ in 0..20 {
                let sender = sender.clone();
                drop(rt.spawn(std::future::poll_fn(move |cx| {
                    let mut timer = sleep(Duration::from_secs(3600));
                    assert!(Pin::new(&mut timer).poll(cx).is_pending());
                    sender.send((cx.waker().clone(), timer)).unwrap();
                    Poll::<()>::Pending
                })));
            }
            drop(sender);
            rt.block_on(async {
                for _ in 0..round % 10 {
                    turn().await;
                }
            });
            drop(rt);
            elsewhere.join().unwrap();
        });
    }
}

/// The next runtime took the message that a waker waits for the task, and would have woken it when it was run.
#[test]
fn a_runtime_ends_and_the_next_begins_during_a_poll_elsewhere() {
    static MOMENTS: Barrier = Barrier::new(2);
    static VTABLE: RawWakerVTable = RawWakerVTable::new(clone_slowly, |_| {}, |_| {}, |_| {});

    fn clone_slowly(_: *const ()) -> RawWaker {
        MOMENTS.wait();
        MOMENTS.wait();
        RawWaker::new(null(), &VTABLE)
    }

    watched(|| {
        let first = Runtime::new().unwrap();
        let mut task = first.spawn(pending::<()>());
        let elsewhere = thread::spawn(move || {
            // SAFETY: the functions of the table do nothing with the pointer.
            let waker = unsafe { Waker::from_raw(RawWaker::new(null(), &VTABLE)) };
            let polled = Pin::new(&mut task).poll(&mut Context::from_waker(&waker));
            matches!(polled, Poll::Ready(Err(error)) if error.is_cancelled())
        });
        MOMENTS.wait();
        drop(first);
        let _idle = Runtime::new().unwrap();
        MOMENTS.wait();
        assert!(elsewhere.join().unwrap(), "the task is over, and nobody says so");
    });
}
