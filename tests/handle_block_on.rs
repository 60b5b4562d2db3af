//! `Handle::block_on`: on the runtime's own thread, on others, and where it cannot be.

mod support;

use ayi::runtime::{Handle, Runtime};
use ayi::task::{block_in_place, spawn_blocking};
use ayi::time::{Duration, sleep};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc;
use std::task::Poll;
use std::thread;
use support::{run, watched};

fn panic_of(f: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).unwrap_err();
    panic
        .downcast_ref::<String>()
        .cloned()
        .unwrap_or_else(|| panic.downcast_ref::<&str>().unwrap().to_string())
}

#[test]
fn on_its_own_thread_it_runs_the_runtime() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let handle = rt.handle();
        let other = rt.spawn(async { 1 });
        let not_send = Rc::new(2);
        let sum = handle.block_on(async {
            sleep(Duration::from_micros(10)).await;
            other.await.unwrap() + *not_send
        });
        assert_eq!(sum, 3);
    });
}

#[test]
fn on_another_thread_it_waits_for_tasks_and_calls() {
    run(async || {
        let handle = Handle::current();
        let there = spawn_blocking(move || {
            handle.block_on(async {
                let slept = Handle::current().spawn(async {
                    sleep(Duration::from_micros(10)).await;
                    thread::current().id()
                });
                let called = spawn_blocking(|| 7);
                (slept.await.unwrap(), called.await.unwrap(), thread::current().id())
            })
        });
        let (runtime, seven, here) = there.await.unwrap();
        assert_eq!((runtime, seven), (thread::current().id(), 7));
        assert_ne!(here, runtime);
    });
}

#[test]
fn wakes_of_any_kind_end_its_sleep() {
    watched(|| {
        let handle = Runtime::new().unwrap().handle();
        // By itself, before it sleeps.
        let mut left = 3;
        handle.block_on(poll_fn(|cx| {
            left -= 1;
            cx.waker().wake_by_ref();
            if left == 0 { Poll::Ready(()) } else { Poll::Pending }
        }));
        // By another thread, many times, with a clone.
        let mut left = 100;
        handle.block_on(poll_fn(|cx| {
            left -= 1;
            let waker = cx.waker().clone();
            thread::spawn(move || waker.wake());
            if left == 0 { Poll::Ready(()) } else { Poll::Pending }
        }));
        // Unparked for other reasons, it is not polled.
        let (go, wait) = mpsc::channel();
        let mut polls = 0;
        handle.block_on(poll_fn(|cx| {
            polls += 1;
            if polls == 2 {
                return Poll::Ready(());
            }
            let (thread, waker) = (thread::current(), cx.waker().clone());
            go.send((thread, waker)).unwrap();
            let (thread, waker) = wait.recv().unwrap();
            thread::spawn(move || {
                for _ in 0..100 {
                    thread.unpark();
                    thread::yield_now();
                }
                waker.wake();
            });
            Poll::Pending
        }));
        assert_eq!(polls, 2);
    });
}

#[test]
fn after_the_end_it_still_runs_the_future() {
    let handle = Runtime::new().unwrap().handle();
    assert_eq!(handle.block_on(async { 7 }), 7);
    let cancelled = handle.block_on(async { Handle::current().spawn(async {}).await });
    assert!(cancelled.unwrap_err().is_cancelled());
}

#[test]
fn it_does_not_nest() {
    let rt = Runtime::new().unwrap();
    let handle = rt.handle();
    rt.block_on(async {
        assert!(panic_of(|| handle.block_on(async {})).contains("block_on inside block_on"))
    });
    let elsewhere = handle.clone();
    let there =
        thread::spawn(move || elsewhere.block_on(async { panic_of(|| elsewhere.block_on(async {})) }));
    assert!(there.join().unwrap().contains("block_on inside block_on"));
    // And not after a panic either.
    assert!(catch_unwind(AssertUnwindSafe(|| handle.block_on(async { panic!("on purpose") }))).is_err());
    handle.block_on(async {});
}

#[test]
fn timers_and_sockets_say_on_another_thread_that_they_are_not_at_home() {
    let rt = Runtime::new().unwrap();
    let handle = rt.handle();
    let there = thread::spawn(move || {
        let (stream, _peer) = support::connected();
        let error = handle.block_on(stream.readable()).unwrap_err().to_string();
        (panic_of(|| handle.block_on(sleep(Duration::from_secs(1)))), error)
    });
    let (timer, socket) = there.join().unwrap();
    assert!(timer.contains("Handle::spawn") && socket.contains("Handle::spawn"), "{timer}, {socket}");
}

#[test]
fn runtimes_have_numbers_and_may_have_names() {
    let (a, b) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    assert_ne!(a.handle().id(), b.handle().id());
    assert_eq!(a.handle().id(), a.block_on(async { Handle::current().id() }));
    assert_eq!(a.handle().name(), None);
    let named = ayi::runtime::Builder::new_current_thread().name("teahouse").build().unwrap();
    assert_eq!(named.handle().name(), Some("teahouse"));
}

#[test]
fn shutdown_background_waits_for_nobody() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let (started, has_started) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        let (done, is_done) = mpsc::channel();
        drop(rt.spawn_blocking(move || {
            started.send(()).unwrap();
            let _ = wait.recv();
            done.send(()).unwrap();
        }));
        has_started.recv().unwrap();
        rt.shutdown_background();
        drop(go);
        is_done.recv().unwrap();
    });
}

#[test]
fn block_in_place_refuses_where_tasks_would_wait() {
    assert_eq!(block_in_place(|| 1), 1);
    run(async || {
        assert!(panic_of(|| block_in_place(|| ())).contains("spawn_blocking"));
        assert_eq!(spawn_blocking(|| block_in_place(|| 2)).await.unwrap(), 2);
    });
}
