//! `RuntimeMetrics`: what has been counted, read from inside, from outside, and after the end.

use crate::support::{self, connected, poll_once, run, turn};
use ayi::runtime::{Builder, Handle, Runtime, RuntimeMetrics};
use ayi::task::{spawn_blocking, yield_now};
use ayi::time::{Duration, sleep};
use std::future::{pending, poll_fn};
use std::io::Write;
use std::panic::catch_unwind;
use std::pin::{Pin, pin};
use std::sync::mpsc;
use std::thread;

fn metrics() -> RuntimeMetrics {
    Handle::current().metrics()
}

#[test]
fn tasks_are_counted_while_they_live() {
    run(async || {
        let metrics = metrics();
        assert_eq!((metrics.num_alive_tasks(), metrics.spawned_tasks_count()), (0, 0));
        let tasks = [ayi::spawn(pending::<()>()), ayi::spawn(pending())];
        let done = ayi::spawn(async {});
        assert_eq!((metrics.num_alive_tasks(), metrics.spawned_tasks_count()), (3, 3));
        assert_eq!(metrics.worker_local_queue_depth(0), 3);
        done.await.unwrap();
        assert_eq!((metrics.num_alive_tasks(), metrics.worker_local_queue_depth(0)), (2, 0));
        for task in tasks {
            task.abort();
            let _ = task.await;
        }
        assert_eq!((metrics.num_alive_tasks(), metrics.spawned_tasks_count()), (0, 3));
    });
}

#[test]
fn polls_and_wakes_are_counted() {
    let rt = Runtime::new().unwrap();
    let metrics = rt.metrics();
    rt.block_on(async {});
    assert_eq!((metrics.worker_poll_count(0), metrics.worker_local_schedule_count(0)), (1, 1));
    rt.block_on(async {
        let task = ayi::spawn(async {
            for _ in 0..9 {
                yield_now().await;
            }
        });
        task.await.unwrap();
    });
    // Ten polls of the task, and two of the future that waits for it.
    assert_eq!((metrics.worker_poll_count(0), metrics.worker_local_schedule_count(0)), (13, 13));
    assert_eq!(metrics.remote_schedule_count(), 0);
    let elsewhere = metrics.clone();
    assert_eq!(thread::spawn(move || elsewhere.worker_local_queue_depth(0)).join().unwrap(), 0);
}

#[test]
fn wakes_of_other_threads_are_counted() {
    run(async || {
        let metrics = metrics();
        // The closure ends after it was polled for, so that its end has somebody to wake.
        let (polled, is_polled) = mpsc::channel();
        let mut blocking = spawn_blocking(move || is_polled.recv().unwrap());
        // The task has found nothing at its own first poll: the result could not be had without a wake.
        turn().await;
        let value = poll_fn(|cx| {
            let poll = Pin::new(&mut blocking).poll(cx);
            if poll.is_pending() {
                let _ = polled.send(7);
            }
            poll
        });
        assert_eq!(value.await.unwrap(), 7);
        assert_eq!(metrics.remote_schedule_count(), 1);
        let handle = Handle::current();
        let (sent, has_sent) = mpsc::channel();
        let depth = thread::spawn(move || {
            let task = handle.spawn(async {});
            let depth = handle.metrics().global_queue_depth();
            sent.send(()).unwrap();
            (depth, task)
        });
        has_sent.recv().unwrap();
        let (depth, _task) = depth.join().unwrap();
        assert_eq!(depth, 1);
        turn().await;
        assert_eq!((metrics.global_queue_depth(), metrics.spawned_tasks_count()), (0, 2));
    });
}

#[test]
fn descriptors_events_and_timers_are_counted() {
    run(async || {
        let metrics = metrics();
        let (stream, mut peer) = connected();
        assert_eq!(metrics.io_driver_fd_registered_count(), 0, "what has not waited is not registered");
        assert!(poll_once(pin!(stream.readable())).is_pending());
        assert_eq!(metrics.io_driver_fd_registered_count(), 1);
        let before = metrics.io_driver_ready_count();
        peer.write_all(b"x").unwrap();
        stream.readable().await.unwrap();
        assert!(metrics.io_driver_ready_count() > before);
        assert_eq!(metrics.io_driver_fd_deregistered_count(), 0);
        drop(stream);
        assert_eq!(metrics.io_driver_fd_deregistered_count(), 1);

        turn().await;
        let before = metrics.num_timers();
        let mut timer = pin!(sleep(Duration::from_secs(3600)));
        assert!(poll_once(timer.as_mut()).is_pending());
        turn().await;
        assert_eq!(metrics.num_timers(), before + 1);
    });
}

#[test]
fn turns_and_parks_are_counted() {
    run(async || {
        let metrics = metrics();
        let before = (metrics.worker_turn_count(0), metrics.worker_park_count(0));
        for _ in 0..10 * 61 {
            yield_now().await;
        }
        assert_eq!(metrics.worker_turn_count(0) - before.0, 10);
        assert_eq!(metrics.worker_park_count(0), before.1, "with work it does not sleep");
        sleep(Duration::from_micros(100)).await;
        assert!(metrics.worker_park_count(0) > before.1);
        // It sleeps at most once a turn, and here in each.
        let before = (metrics.worker_turn_count(0), metrics.worker_park_count(0));
        for _ in 0..10 {
            sleep(Duration::from_micros(100)).await;
        }
        let (turns, parks) =
            (metrics.worker_turn_count(0) - before.0, metrics.worker_park_count(0) - before.1);
        assert!((10..=turns).contains(&parks), "{parks} sleeps in {turns} turns");
    });
}

#[test]
fn the_pool_is_counted() {
    support::watched(|| {
        let rt = Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        let metrics = rt.metrics();
        let (started, has_started) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        let running = rt.spawn_blocking(move || {
            started.send(()).unwrap();
            let _ = wait.recv();
        });
        has_started.recv().unwrap();
        let queued = rt.spawn_blocking(|| ());
        assert_eq!((metrics.num_blocking_threads(), metrics.num_idle_blocking_threads()), (1, 0));
        assert_eq!(metrics.blocking_queue_depth(), 1);
        drop(go);
        rt.block_on(async { (running.await.unwrap(), queued.await.unwrap()) });
        assert_eq!(metrics.blocking_queue_depth(), 0);
        while metrics.num_idle_blocking_threads() == 0 {
            thread::yield_now();
        }
        drop(rt);
        assert_eq!(metrics.num_blocking_threads(), 0);
    });
}

#[test]
fn busy_time_is_the_cpu_time_of_the_thread() {
    let rt = Runtime::new().unwrap();
    let metrics = rt.metrics();
    rt.block_on(async {
        let start = std::time::Instant::now();
        while metrics.worker_total_busy_duration(0) < Duration::from_millis(2) {
            assert!(start.elapsed() < Duration::from_secs(30));
        }
    });
    let elsewhere = metrics.clone();
    let seen = thread::spawn(move || elsewhere.worker_total_busy_duration(0)).join().unwrap();
    assert!(seen >= Duration::from_millis(2));
    drop(rt);
    let last = metrics.worker_total_busy_duration(0);
    assert!(last >= seen);
    assert_eq!(metrics.worker_total_busy_duration(0), last);
}

#[test]
fn what_has_ended_keeps_its_figures_while_others_begin() {
    let rt = Runtime::new().unwrap();
    let metrics = rt.metrics();
    rt.block_on(async {
        for _ in 0..5 {
            drop(ayi::spawn(pending::<()>()));
        }
        yield_now().await;
    });
    drop(rt);
    let polls = metrics.worker_poll_count(0);
    // It uses the same memory.
    let next = Runtime::new().unwrap();
    assert_eq!(next.metrics().spawned_tasks_count(), 0);
    next.block_on(async { ayi::spawn(async {}).await.unwrap() });
    assert_eq!((metrics.spawned_tasks_count(), metrics.num_alive_tasks()), (5, 0));
    assert_eq!(metrics.worker_poll_count(0), polls);
    assert_eq!(metrics.global_queue_depth(), 0);
    assert_eq!(next.metrics().spawned_tasks_count(), 1);
}

#[test]
fn there_is_one_worker() {
    let metrics = Runtime::new().unwrap().metrics();
    assert_eq!(metrics.num_workers(), 1);
    assert!(catch_unwind(|| metrics.worker_poll_count(1)).is_err());
}
