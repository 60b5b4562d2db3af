//! A runtime goes from one thread to another, unless something in it is tied to its thread.

use crate::support::watched;
use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::net::{TcpListener, TcpStream};
use ayi::runtime::Runtime;
use ayi::time::sleep;
use std::cell::Cell;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

fn panic_text(f: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).unwrap_err();
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic.downcast::<&str>().unwrap().to_string(),
    }
}

struct CountsDrops(Arc<AtomicUsize>);

impl Drop for CountsDrops {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn tasks_sockets_and_timers_go_on_where_the_runtime_goes() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let (mut near, far) = rt.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            (near, listener.accept().await.unwrap().0)
        });
        let (told, news) = mpsc::channel();
        // It waits for the socket and the timer on the first thread already.
        let task = rt.handle().spawn(async move {
            let (mut far, mut buf) = (far, [0; 3]);
            sleep(Duration::from_millis(1)).await;
            far.read_exact(&mut buf).await.unwrap();
            told.send(thread::current().id()).unwrap();
            buf
        });
        rt.block_on(async { sleep(Duration::from_millis(3)).await });
        let second = thread::spawn(move || {
            rt.block_on(async {
                near.write_all(b"tea").await.unwrap();
                assert_eq!(&task.await.unwrap(), b"tea");
            });
            (rt, thread::current().id())
        });
        let (rt, second) = second.join().unwrap();
        assert_eq!(news.recv().unwrap(), second);
        drop(rt);
    });
}

#[test]
fn a_runtime_that_nobody_is_in_ends_on_any_thread() {
    watched(|| {
        let (rt, drops) = (Runtime::new().unwrap(), Arc::new(AtomicUsize::new(0)));
        let witness = CountsDrops(drops.clone());
        let task = rt.handle().spawn(async move {
            let _witness = witness;
            pending::<()>().await;
        });
        rt.block_on(ayi::task::yield_now());
        thread::spawn(move || drop(rt)).join().unwrap();
        assert_eq!(drops.load(Ordering::SeqCst), 1);
        assert!(task.is_finished());
    });
}

#[test]
fn a_task_that_is_not_send_keeps_the_runtime_on_its_thread_until_it_has_finished() {
    watched(|| {
        let (rt, go) = (Runtime::new().unwrap(), Rc::new(Cell::new(false)));
        let is_going = go.clone();
        let task = rt.spawn(async move {
            while !is_going.get() {
                ayi::task::yield_now().await;
            }
        });
        let rt = thread::spawn(move || {
            let text = panic_text(|| rt.block_on(async {}));
            assert!(text.contains("cannot leave the thread"), "{text}");
            let text = panic_text(|| drop(rt.spawn(async {})));
            assert!(text.contains("use Handle::spawn"), "{text}");
            rt
        })
        .join()
        .unwrap();
        go.set(true);
        rt.block_on(task).unwrap();
        thread::spawn(move || rt.block_on(async {})).join().unwrap();
    });
}

#[test]
fn a_runtime_with_a_task_that_is_not_send_is_leaked_if_it_is_dropped_elsewhere() {
    watched(|| {
        let (rt, drops) = (Runtime::new().unwrap(), Arc::new(AtomicUsize::new(0)));
        let (witness, handle) = (CountsDrops(drops.clone()), rt.handle().clone());
        let not_send = Rc::new(());
        drop(rt.spawn(async move {
            let (_witness, _not_send) = (witness, not_send);
            pending::<()>().await;
        }));
        thread::spawn(move || drop(rt)).join().unwrap();
        assert_eq!(drops.load(Ordering::SeqCst), 0);
        drop(handle);
        assert_eq!(drops.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn a_guard_that_is_forgotten_keeps_the_runtime_on_its_thread() {
    watched(|| {
        let rt = thread::spawn(|| {
            let rt = Runtime::new().unwrap();
            std::mem::forget(rt.enter());
            rt
        })
        .join()
        .unwrap();
        // It is neither idle nor run by anybody: what needs no task works.
        assert_eq!(rt.block_on(async { 7 }), 7);
        drop(rt);
    });
}

#[test]
fn several_threads_block_on_one_runtime() {
    watched(|| {
        let (rt, begun, stop) = (Runtime::new().unwrap(), Barrier::new(2), AtomicBool::new(false));
        thread::scope(|scope| {
            let first = scope.spawn(|| {
                rt.block_on(async {
                    begun.wait();
                    while !stop.load(Ordering::SeqCst) {
                        sleep(Duration::from_micros(100)).await;
                    }
                    thread::current().id()
                })
            });
            begun.wait();
            let (here, ran_on) = rt.block_on(async {
                sleep(Duration::from_millis(1)).await;
                let ran_on = rt.handle().spawn(async { thread::current().id() }).await.unwrap();
                (thread::current().id(), ran_on)
            });
            stop.store(true, Ordering::SeqCst);
            assert_eq!(here, thread::current().id());
            assert_eq!(ran_on, first.join().unwrap());
        });
    });
}

#[test]
fn a_runtime_may_be_dropped_by_one_of_its_own_blocking_calls() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let handle = rt.handle().clone();
        let (call, (told, news)) = (Arc::new(Barrier::new(2)), mpsc::channel());
        let theirs = call.clone();
        handle.spawn_blocking(move || {
            theirs.wait();
            drop(rt);
            told.send(()).unwrap();
        });
        call.wait();
        news.recv().unwrap();
    });
}

#[test]
fn files_go_on_after_the_runtime_has_moved() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let read = |rt: &Runtime| rt.block_on(ayi::fs::read("Cargo.toml")).unwrap();
        let first = read(&rt);
        let rt = thread::spawn(move || {
            assert_eq!(read(&rt), first);
            rt
        })
        .join()
        .unwrap();
        assert!(!read(&rt).is_empty());
    });
}

/// The result of an operation may have come, and the task may not have been polled since.
#[test]
fn a_file_operation_that_is_not_over_keeps_the_runtime_on_its_thread() {
    watched(|| {
        for turns in 0..20 {
            let rt = Runtime::new().unwrap();
            let mut task = rt.handle().spawn(async { ayi::fs::read("Cargo.toml").await.unwrap().len() });
            for _ in 0..turns {
                rt.block_on(ayi::task::yield_now());
            }
            let elsewhere = thread::spawn(move || {
                let read = catch_unwind(AssertUnwindSafe(|| rt.block_on(&mut task).unwrap()));
                (rt, task, read)
            });
            let (rt, task, read) = elsewhere.join().unwrap();
            let len = read.unwrap_or_else(|_| rt.block_on(task).unwrap());
            assert!(len > 0);
        }
    });
}

#[test]
fn tasks_of_a_set_are_spawned_one_after_the_other_while_nobody_is_in_the_runtime() {
    watched(|| {
        let (rt, set) = (Runtime::new().unwrap(), ayi::task::LocalSet::new());
        let tasks: Vec<_> =
            (0..3).map(|n| set.spawn_local(async move { ayi::spawn(async move { n }).await })).collect();
        rt.block_on(set.run_until(async {
            for (n, task) in tasks.into_iter().enumerate() {
                assert_eq!(task.await.unwrap().unwrap(), n);
            }
        }));
    });
}
