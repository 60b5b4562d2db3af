//! Wakes from everywhere, at any time: none is lost, and one that comes too late does no harm.

use crate::support::{self, poll_with, turn, waker_fn, watched};
use ayi::runtime::Runtime;
use ayi::task::yield_now;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;

/// Regression: what the other thread sent arrived later, and replaced the waker of the task that awaits it now.
#[test]
fn join_handle_polled_on_another_thread_and_then_awaited_at_home() {
    support::run(async || {
        let mut task = ayi::spawn(async {
            // This is longer than until the next turn, which processes what the other thread has sent.
            for _ in 0..200 {
                yield_now().await;
            }
        });
        let poll_once = move || {
            assert!(support::poll_once(Pin::new(&mut task)).is_pending());
            task
        };
        let task = thread::spawn(poll_once).join().unwrap();
        task.await.unwrap();
    })
}

/// Every poll sends its waker away, and only the wake leads to the next poll.
fn await_wakes(count: usize, wakers: Sender<Waker>) -> impl Future<Output = usize> {
    let mut polls = 0;
    poll_fn(move |cx| {
        if polls == count {
            return Poll::Ready(polls);
        }
        polls += 1;
        wakers.send(cx.waker().clone()).unwrap();
        Poll::Pending
    })
}

/// Wakes until no sender of wakers is left.
fn wake_them() -> (Sender<Waker>, thread::JoinHandle<()>) {
    let (sender, wakers) = channel::<Waker>();
    (sender, thread::spawn(move || wakers.iter().for_each(Waker::wake)))
}

/// The runtime is parked, about to park or just awake again when the wake comes.
#[test]
fn wakes_from_another_thread_while_the_runtime_is_parked() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let (sender, waking) = wake_them();
        let task = rt.spawn(await_wakes(5_000, sender.clone()));
        assert_eq!(rt.block_on(task).unwrap(), 5_000);
        assert_eq!(rt.block_on(await_wakes(5_000, sender)), 5_000);
        waking.join().unwrap();
    })
}

#[test]
fn wakes_from_other_threads_while_the_runtime_is_busy() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let is_over = Rc::new(Cell::new(false));
        let flag = is_over.clone();
        let busy = rt.spawn(async move {
            while !flag.get() {
                yield_now().await;
            }
        });
        let (senders, waking): (Vec<_>, Vec<_>) = (0..4).map(|_| wake_them()).unzip();
        let spawn = |sender: &Sender<Waker>| rt.spawn(await_wakes(500, sender.clone()));
        let tasks: Vec<_> = (0..16).flat_map(|_| &senders).map(spawn).collect();
        drop(senders);
        rt.block_on(async {
            for task in tasks {
                assert_eq!(task.await.unwrap(), 500);
            }
            is_over.set(true);
            busy.await.unwrap();
        });
        waking.into_iter().for_each(|thread| thread.join().unwrap());
    })
}

/// A poll sees what a thread has written before its wake, even if another wake came first.
#[test]
fn a_poll_sees_what_was_written_before_the_wake() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        for _ in 0..200 {
            let written = Arc::new(AtomicUsize::new(0));
            let (sender, wakers) = channel::<Waker>();
            let count = written.clone();
            let task = rt.spawn(poll_fn(move |cx| {
                if count.load(std::sync::atomic::Ordering::Relaxed) == 3 {
                    return Poll::Ready(());
                }
                let _ = sender.send(cx.waker().clone());
                Poll::Pending
            }));
            let write = move || {
                let waker = wakers.recv().unwrap();
                let write = || {
                    written.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    waker.wake_by_ref();
                };
                thread::scope(|s| [(); 3].map(|()| s.spawn(write)).map(|thread| thread.join().unwrap()));
            };
            let writer = thread::spawn(write);
            rt.block_on(task).unwrap();
            writer.join().unwrap();
        }
    })
}

#[test]
fn wakers_cloned_compared_and_dropped_on_other_threads() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let slot = Arc::new(Mutex::new(None::<Waker>));
        let (stored, done) = (slot.clone(), Arc::new(AtomicBool::new(false)));
        let is_done = done.clone();
        let task = rt.spawn(poll_fn(move |cx| {
            *stored.lock().unwrap() = Some(cx.waker().clone());
            if is_done.load(SeqCst) { Poll::Ready(()) } else { Poll::Pending }
        }));
        rt.block_on(turn());
        let original = slot.lock().unwrap().take().unwrap();
        thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    for _ in 0..1_000 {
                        let copies = [original.clone(), original.clone().clone()];
                        assert!(copies.iter().all(|copy| copy.will_wake(&original)));
                        drop(copies);
                    }
                });
            }
        });
        // None of the clones has taken anything from it.
        let last = original.clone();
        drop(original);
        thread::spawn(move || {
            done.store(true, SeqCst);
            last.wake();
        });
        rt.block_on(task).unwrap();
    })
}

/// A joiner's waker is that of the last poll.
#[test]
fn join_handle_polled_with_one_waker_after_another() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        for far in [false, true] {
            let mut task = rt.spawn(yield_now());
            let woken = Arc::new(Mutex::new(vec![]));
            let wakers: [Waker; 3] = std::array::from_fn(|number| {
                let woken = woken.clone();
                waker_fn(move || woken.lock().unwrap().push(number))
            });
            let mut poll_all = || {
                for number in [0, 1, 2, 1] {
                    assert!(poll_with(Pin::new(&mut task), &wakers[number]).is_pending());
                }
            };
            // At home, and where the wakers have to be sent.
            if far {
                thread::scope(|s| s.spawn(poll_all).join().unwrap());
            } else {
                let _inside = rt.enter();
                poll_all();
            }
            rt.block_on(async {
                turn().await;
                turn().await;
            });
            assert!(task.is_finished());
            let woken = woken.lock().unwrap();
            // From another thread they arrive when it is over, and are woken for nothing. The last one must be woken.
            assert!(if far { woken.contains(&1) } else { *woken == [1] }, "{woken:?}");
        }
    })
}

/// The executor does not check who wakes: a future's own drop, a joiner or another runtime's task may.
#[test]
fn wakes_out_of_strange_places() {
    struct WakesWhenDropped(Waker);
    impl Drop for WakesWhenDropped {
        fn drop(&mut self) {
            self.0.wake_by_ref();
        }
    }
    watched(|| {
        let rt = Runtime::new().unwrap();
        let (sender, wakers) = channel();
        let waiting = rt.spawn(await_wakes(4, sender));
        rt.block_on(turn());
        let next = || wakers.recv().unwrap();

        // A future is dropped because its task is finished, or because it is aborted.
        let finished = WakesWhenDropped(next());
        drop(rt.spawn(async move { drop(finished) }));
        rt.block_on(turn());
        let aborted = WakesWhenDropped(next());
        let task = rt.spawn(async move {
            let _aborted = aborted;
            std::future::pending::<()>().await
        });
        task.abort();
        rt.block_on(turn());
        rt.block_on(turn());

        // The waker of a joiner.
        let waker = next();
        let mut joined = rt.spawn(async {});
        let joiner = waker_fn(move || waker.wake_by_ref());
        {
            let _inside = rt.enter();
            assert!(Pin::new(&mut joined).poll(&mut Context::from_waker(&joiner)).is_pending());
        }
        rt.block_on(turn());
        rt.block_on(turn());

        // Inside another runtime on the same thread.
        let waker = next();
        Runtime::new().unwrap().block_on(async move { waker.wake() });
        assert_eq!(rt.block_on(waiting).unwrap(), 4);
    })
}
