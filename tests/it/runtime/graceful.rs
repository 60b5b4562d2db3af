//! The orderly end of a runtime's tasks: one situation a test.

use crate::support::{Wakes, in_a_child, poll_once, poll_with, run, watched};
use ayi::runtime::{Builder, Handle, Runtime, shutdown, shutdown_token};
use ayi::task::{self, spawn_blocking, yield_now};
use ayi::time::{Duration, Instant, sleep};
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

const HOUR: Duration = Duration::from_secs(3600);

/// Runs `body` while time stands still: it jumps to the next timer when there is nothing else to do.
#[track_caller]
fn paused<T>(body: impl AsyncFnOnce() -> T) -> T {
    watched(|| Builder::new_current_thread().start_paused(true).build().unwrap().block_on(body()))
}

/// Sets a cell when it is dropped.
struct Sets(Rc<Cell<bool>>);

impl Drop for Sets {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

#[test]
fn tasks_that_listen_finish_their_work() {
    paused(async || {
        let done = Rc::new(RefCell::new(Vec::new()));
        for n in 0..3 {
            let done = done.clone();
            ayi::spawn(async move {
                shutdown_token().cancelled().await;
                sleep(Duration::from_secs(n)).await;
                done.borrow_mut().push(n);
            });
        }
        yield_now().await;
        let start = Instant::now();
        let report = shutdown(HOUR).await;
        assert!(report.is_clean(), "{report}");
        assert_eq!(report.to_string(), "all tasks have finished");
        assert_eq!(*done.borrow(), [0, 1, 2]);
        assert_eq!(start.elapsed(), Duration::from_secs(2), "it waits no longer than it must");
    });
}

#[test]
fn without_tasks_it_is_done_at_once() {
    run(async || assert!(poll_once(pin!(shutdown(HOUR))).is_ready()));
}

#[test]
fn a_task_may_end_the_others() {
    paused(async || {
        ayi::spawn(async { shutdown_token().cancelled().await });
        let start = Instant::now();
        let ended = ayi::spawn(async { shutdown(HOUR).await.is_clean() });
        assert!(ended.await.unwrap());
        assert_eq!(start.elapsed(), Duration::ZERO, "it does not wait for itself");
    });
}

#[test]
fn who_does_not_listen_is_aborted_when_time_is_up_and_reported() {
    paused(async || {
        let dropped = Rc::new(Cell::new(false));
        let its = Sets(dropped.clone());
        let line = line!() + 1;
        let spawned = task::Builder::new().name("stubborn").spawn(async move {
            let _its = its;
            pending::<()>().await;
        });
        let stubborn = spawned.unwrap();
        sleep(Duration::from_secs(80)).await;
        ayi::spawn(async { shutdown_token().cancelled().await });
        let start = Instant::now();
        let report = shutdown(Duration::from_secs(5)).await;
        assert_eq!(start.elapsed(), Duration::from_secs(5));
        // Its drop has run when this returns.
        assert!(dropped.get());

        let [task] = report.still_running() else { panic!("{report}") };
        assert_eq!((task.id(), task.name()), (stubborn.id(), Some("stubborn")));
        assert_eq!((task.spawned_at().file(), task.spawned_at().line()), (file!(), line));
        assert!(!task.is_blocking());
        let (told, age) = (task.age(), Duration::from_secs(85));
        assert!(told <= age && told >= age - age / 8, "{told:?}");
        let text = report.to_string();
        assert!(text.starts_with("1 task had not finished when time was up:\n  task "), "{text}");
        assert!(text.contains("\"stubborn\", spawned at ") && text.contains(", running for "), "{text}");
        assert!(stubborn.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_task_of_another_thread_is_reported_with_its_age() {
    paused(async || {
        let handle = Handle::current();
        drop(thread::spawn(move || handle.spawn(pending::<()>())).join().unwrap());
        sleep(Duration::from_secs(30)).await;
        let report = shutdown(Duration::ZERO).await;
        // That thread has told the real time, with which this one began.
        let age = report.still_running()[0].age();
        assert!(age >= Duration::from_secs(29) && age <= Duration::from_secs(31), "{age:?}");
    });
}

#[test]
fn a_blocking_call_is_waited_for_and_cannot_be_aborted() {
    run(async || {
        let (let_it_end, may_end) = mpsc::channel::<()>();
        let started = Arc::new(AtomicUsize::new(0));
        let call = spawn_blocking({
            let started = started.clone();
            move || {
                started.fetch_add(1, Ordering::SeqCst);
                let _ = may_end.recv();
                7
            }
        });
        while started.load(Ordering::SeqCst) == 0 {
            yield_now().await;
        }
        let report = shutdown(Duration::from_millis(5)).await;
        let [reported] = report.still_running() else { panic!("{report}") };
        assert!(reported.is_blocking());
        assert!(report.to_string().contains("blocking call "), "{report}");
        let mut ended = pin!(shutdown(HOUR));
        assert!(poll_once(ended.as_mut()).is_pending());
        let_it_end.send(()).unwrap();
        assert!(ended.await.is_clean());
        assert_eq!(call.await.unwrap(), 7);
    });
}

#[test]
fn tasks_that_are_spawned_meanwhile_are_waited_for() {
    paused(async || {
        let done = Rc::new(Cell::new(0));
        let its = done.clone();
        ayi::spawn(async move {
            shutdown_token().cancelled().await;
            for _ in 0..10 {
                let done = its.clone();
                ayi::spawn(async move {
                    sleep(Duration::from_secs(1)).await;
                    done.set(done.get() + 1);
                });
            }
        });
        assert!(shutdown(HOUR).await.is_clean());
        assert_eq!(done.get(), 10);
    });
}

#[test]
fn giving_up_the_wait_aborts_nobody() {
    paused(async || {
        let task = ayi::spawn(sleep(HOUR));
        {
            let mut ended = pin!(shutdown(Duration::from_secs(1)));
            assert!(poll_once(ended.as_mut()).is_pending());
        }
        assert!(shutdown_token().is_cancelled());
        task.await.unwrap();
    });
}

#[test]
fn many_tasks_end_together() {
    paused(async || {
        for n in 0..10_000 {
            ayi::spawn(async move {
                shutdown_token().cancelled().await;
                sleep(Duration::from_millis(n % 7)).await;
            });
        }
        yield_now().await;
        assert!(shutdown(HOUR).await.is_clean());
    });
}

#[test]
fn many_that_do_not_listen_are_all_aborted_and_reported_once() {
    paused(async || {
        let tasks: Vec<_> = (0..10_000).map(|_| ayi::spawn(pending::<()>())).collect();
        let report = shutdown(Duration::from_secs(1)).await;
        let reported: std::collections::HashSet<_> =
            report.still_running().iter().map(|task| task.id()).collect();
        assert_eq!(reported.len(), 10_000);
        assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
        assert!(tasks.iter().all(|task| task.is_finished()));
    });
}

#[test]
fn a_task_that_always_wakes_itself_is_aborted_too() {
    run(async || {
        ayi::spawn(async {
            loop {
                yield_now().await;
            }
        });
        ayi::spawn(async {
            loop {
                task::consume_budget().await;
            }
        });
        let report = shutdown(Duration::from_millis(5)).await;
        assert_eq!(report.still_running().len(), 2);
        assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
    });
}

#[test]
fn what_the_drop_of_an_aborted_task_spawns_runs_until_the_runtime_ends() {
    struct Spawns(Rc<Cell<bool>>);
    impl Drop for Spawns {
        fn drop(&mut self) {
            let flag = self.0.clone();
            ayi::spawn(async move { flag.set(true) });
        }
    }
    paused(async || {
        let flag = Rc::new(Cell::new(false));
        let its = Spawns(flag.clone());
        ayi::spawn(async move {
            let _its = its;
            pending::<()>().await;
        });
        assert_eq!(shutdown(Duration::ZERO).await.still_running().len(), 1);
        yield_now().await;
        assert!(flag.get());
    });
}

#[test]
fn two_that_end_the_others_at_once_do_not_wait_for_ever() {
    paused(async || {
        let end = || ayi::spawn(async { shutdown(Duration::from_secs(1)).await });
        let (one, other) = (end(), end());
        // Each is a task that the other waits for, until its time is up.
        let (one, other) = (one.await, other.await);
        assert!(one.is_ok_and(|report| report.still_running().len() == 1));
        assert!(other.is_err_and(|error| error.is_cancelled()));
    });
}

#[test]
fn hooks_are_told_of_the_end_as_before_and_after() {
    watched(|| {
        let ended = Arc::new(AtomicUsize::new(0));
        let counts = ended.clone();
        let hook = move |_: &ayi::runtime::TaskMeta<'_>| {
            counts.fetch_add(1, Ordering::SeqCst);
        };
        let rt = Builder::new_current_thread().on_task_terminate(hook).build().unwrap();
        rt.block_on(async {
            ayi::spawn(async { shutdown_token().cancelled().await });
            assert!(shutdown(HOUR).await.is_clean());
            ayi::spawn(async {}).await.unwrap();
        });
        assert_eq!(ended.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn each_runtime_has_a_token_of_its_own() {
    let (one, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    one.handle().shutdown_token().cancel();
    assert!(one.block_on(async { shutdown_token().is_cancelled() }));
    assert!(!other.block_on(async { shutdown_token().is_cancelled() }));
}

#[test]
#[should_panic(expected = "there is no ayi runtime on this thread")]
fn outside_a_runtime_there_is_no_token() {
    shutdown_token();
}

/// Each of them has a waker of its own, as in a `select!` of another crate.
#[test]
fn everyone_who_waits_for_the_end_of_the_tasks_is_woken_by_it() {
    paused(async || {
        let task = ayi::spawn(async { shutdown_token().cancelled().await });
        let wakers = [Wakes::new(), Wakes::new(), Wakes::new()];
        let mut ends = [shutdown(HOUR), shutdown(HOUR), shutdown(HOUR)].map(Box::pin);
        for (end, (_, waker)) in ends.iter_mut().zip(&wakers) {
            assert!(poll_with(end.as_mut(), waker).is_pending());
        }
        task.await.unwrap();
        assert_eq!(wakers.each_ref().map(|(wakes, _)| wakes.count()), [1, 1, 1]);
        for end in ends {
            assert!(end.await.is_clean());
        }
    });
}

/// A runtime leaves its memory to the next one. That says nothing about the next one's tasks, which may have lower
/// numbers.
#[test]
fn a_task_is_not_older_than_its_runtime() {
    if !in_a_child(module_path!(), "a_task_is_not_older_than_its_runtime") {
        return;
    }
    watched(|| {
        let tell_age = || {
            // Tasks that come within a millisecond are not distinguished.
            thread::sleep(Duration::from_millis(2));
            let (start, rt) = (std::time::Instant::now(), Runtime::new().unwrap());
            let report = rt.block_on(async {
                ayi::spawn(pending::<()>());
                yield_now().await;
                shutdown(Duration::ZERO).await
            });
            let age = report.still_running()[0].age();
            assert!(age <= start.elapsed(), "{age:?}");
        };
        let (go, may_go) = mpsc::channel();
        let (is_set, set) = mpsc::channel();
        // This thread numbers its tasks first.
        let first = thread::spawn(move || {
            tell_age();
            is_set.send(()).unwrap();
            may_go.recv().unwrap();
            tell_age();
        });
        set.recv().unwrap();
        tell_age();
        go.send(()).unwrap();
        first.join().unwrap();
    });
}
