//! Runtimes: one after another, alongside one another, one inside another. And `block_on`, again and again.
//!
//! The tests are apart from `tests/it` because they need an allocator that counts, and a program has only one
//! allocator.

mod support;

use ayi::net::TcpListener;
use ayi::runtime::{CancellationToken, Runtime};
use ayi::task::{JoinHandle, spawn_blocking, yield_now};
use ayi::time::{Duration, sleep};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::Waker;
use std::thread;
use support::{in_a_child, is_recorded, poll_once, turn, watched};

thread_local! {
    /// The bytes that this thread has allocated and no thread has freed, less those that it has freed for others.
    static BYTES: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

fn count(bytes: isize) {
    BYTES.set(BYTES.get() + bytes);
}

// SAFETY: it passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The inbox is a chain of blocks of some 1000 bytes. It has one more now and then.
const SLACK: isize = 2048;

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Runs a runtime that does a little of everything, and leaves something behind.
fn live() -> (JoinHandle<Box<u32>>, Waker) {
    let rt = Runtime::new().unwrap();
    let task = rt.spawn(async { Box::new(7) });
    drop(rt.spawn(sleep(Duration::from_secs(3600))));
    drop(rt.handle().spawn(pending::<()>()));
    let waker = rt.block_on(async {
        turn().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        assert!(poll_once(pin!(listener.accept())).is_pending());
        drop(ayi::spawn(async move { listener.accept().await }));
        turn().await;
        std::future::poll_fn(|cx| std::task::Poll::Ready(cx.waker().clone())).await
    });
    (task, waker)
}

#[test]
fn thousands_of_runtimes_leave_nothing_behind() {
    // Other tests have descriptors, too.
    if !in_a_child(module_path!(), "thousands_of_runtimes_leave_nothing_behind") {
        return;
    }
    watched(|| {
        let (mut left, mut first) = (None, None);
        for round in 0..2_000 {
            // What is left of the previous one is dropped when the next one has lived.
            drop(left.replace(live()));
            // By the tenth round all tables have their size.
            if round >= 10 {
                let (open, bytes) = (descriptors(), BYTES.get());
                let (open_then, bytes_then) = *first.get_or_insert((open, bytes));
                assert_eq!(open, open_then, "round {round}");
                assert!(bytes <= bytes_then + SLACK, "{bytes_then} bytes and then {bytes}, round {round}");
            }
        }
        left.unwrap().1.wake();
    })
}

/// Tasks that come and go leave nothing behind either, however they end and wherever they are spawned.
#[test]
fn thousands_of_tasks_leave_nothing_behind() {
    if is_recorded() {
        return;
    }
    watched(|| {
        let rt = Runtime::new().unwrap();
        let handle = rt.handle().clone();
        let some = || {
            rt.block_on(async {
                let mut joined = vec![];
                for _ in 0..100 {
                    joined.push(ayi::spawn(async { [1u8; 100] }));
                    drop(ayi::spawn(async { Box::new(2) }));
                    ayi::spawn(pending::<()>()).abort();
                    joined.push(handle.spawn(async { [3u8; 100] }));
                }
                turn().await;
                for task in joined {
                    task.await.unwrap();
                }
                turn().await;
            });
            // From other threads.
            drop((0..20).map(|_| handle.spawn(yield_now())).collect::<Vec<_>>());
            rt.block_on(async {
                turn().await;
                turn().await;
            });
        };
        (0..10).for_each(|_| some());
        let before = BYTES.get();
        (0..100).for_each(|_| some());
        let after = BYTES.get();
        assert!(after <= before + SLACK, "{before} bytes and then {after}");
    })
}

/// Each runs in its own thread, and sends wakers, tasks and their handles to the next.
#[test]
fn runtimes_on_several_threads_at_once() {
    const RUNTIMES: usize = 50;
    type News = (Waker, JoinHandle<thread::ThreadId>);
    fn live(news: Sender<News>, others: &Receiver<News>) {
        let rt = Runtime::new().unwrap();
        let home = thread::current().id();
        let handle = rt.handle().clone();
        rt.block_on(async {
            for _ in 0..20 {
                let (sender, news) = (news.clone(), handle.clone());
                let at_home = ayi::spawn(async move {
                    let waker = std::future::poll_fn(|cx| std::task::Poll::Ready(cx.waker().clone())).await;
                    let task = news.spawn(async { thread::current().id() });
                    // Nobody reads the last ones.
                    let _ = sender.send((waker, task));
                    thread::current().id()
                });
                assert_eq!(at_home.await.unwrap(), home);
                for (waker, task) in others.try_iter() {
                    waker.wake();
                    if let Ok(id) = task.await {
                        assert_ne!(id, home);
                    }
                }
            }
        });
    }
    watched(|| {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..3).map(|_| channel()).unzip();
        thread::scope(|s| {
            for (number, others) in receivers.into_iter().enumerate() {
                let next = senders[(number + 1) % 3].clone();
                s.spawn(move || (0..RUNTIMES).for_each(|_| live(next.clone(), &others)));
            }
        });
    })
}

#[test]
fn block_on_again_and_again() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let turns = Rc::new(Cell::new(0));
        let count = turns.clone();
        let task = rt.spawn(async move {
            for _ in 0..1000 {
                count.set(count.get() + 1);
                yield_now().await;
            }
            "done"
        });
        let mut before = 0;
        for _ in 0..10 {
            // It borrows from here, and need not be Send.
            let seen = &turns;
            rt.block_on(async {
                for _ in 0..5 {
                    yield_now().await;
                }
                assert!(seen.get() > before && !task.is_finished());
            });
            // Nothing runs in between.
            before = turns.get();
            thread::yield_now();
            assert_eq!(turns.get(), before);
        }
        assert_eq!(rt.block_on(task).unwrap(), "done");
        for number in 0..10_000 {
            assert_eq!(rt.block_on(async { number }), number);
        }
    })
}

#[test]
fn block_on_inside_block_on() {
    watched(|| {
        let (outer, inner) = (Runtime::new().unwrap(), Runtime::new().unwrap());
        let task = inner.spawn(async { 5 });
        outer.block_on(async {
            for rt in [&outer, &inner] {
                let nested = AssertUnwindSafe(|| rt.block_on(async {}));
                let text = *catch_unwind(nested).unwrap_err().downcast::<&str>().unwrap();
                assert!(
                    text.starts_with("block_on inside block_on: the outer runtime would stand still"),
                    "{text}"
                );
                assert!(text.contains("Use .await here, or spawn_blocking"), "{text}");
            }
            // This is the remedy.
            let elsewhere = || Runtime::new().unwrap().block_on(async { 4 });
            assert_eq!(spawn_blocking(elsewhere).await.unwrap(), 4);
            // Outside it may be waited for.
            turn().await;
        });
        assert_eq!(inner.block_on(task).unwrap(), 5);
    })
}

/// They stay separate: tasks, timers and descriptors belong to one runtime each.
#[test]
fn many_runtimes_on_one_thread() {
    watched(|| {
        let mut runtimes: Vec<_> = (0..100).map(|_| Runtime::new().unwrap()).collect();
        let tasks: Vec<_> = (0..100)
            .map(|number| {
                runtimes[number].spawn(async move {
                    sleep(Duration::from_nanos(1)).await;
                    number
                })
            })
            .collect();
        // Each is awaited in a runtime that is not its own, after its own has had its time.
        for number in (0..100).rev() {
            runtimes[number].block_on(async {
                while !tasks[number].is_finished() {
                    turn().await;
                }
            });
        }
        runtimes.rotate_left(1);
        for (number, task) in tasks.into_iter().enumerate() {
            assert_eq!(runtimes[number].block_on(task).unwrap(), number);
        }
        // From the middle outwards.
        while !runtimes.is_empty() {
            runtimes.remove(runtimes.len() / 2);
        }
    })
}

/// A server has one token for as long as it lives, and a child of it for each connection.
#[test]
fn thousands_of_child_tokens_leave_nothing_behind() {
    let server = CancellationToken::new();
    let connection = || {
        let child = server.child_token();
        drop((child.child_token(), child.clone()));
        assert!(poll_once(pin!(child.cancelled())).is_pending());
    };
    connection();
    let before = BYTES.get();
    (0..5000).for_each(|_| connection());
    assert!(BYTES.get() - before <= SLACK, "{} bytes", BYTES.get() - before);
}
