//! Who waits for calls at the end of a runtime, and for how long.

use super::{Pool, PoolSettings};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

fn pool() -> Arc<Pool> {
    Pool::new(PoolSettings {
        threads: 4,
        keep_alive: Duration::from_secs(3600),
        thread_name: String::from("waits"),
        name_of_thread: None,
        stack_size: None,
        on_start: None,
        on_stop: None,
    })
}

/// Submits a call and waits until it has begun. The call ends when the returned sender is used or dropped.
fn call(pool: &Arc<Pool>) -> Sender<()> {
    let ((begin, begun), (end, ends)) = (channel(), channel());
    let call = move || {
        begin.send(()).unwrap();
        let _ = ends.recv();
    };
    pool.submit(Box::new(call)).unwrap();
    begun.recv().unwrap();
    end
}

#[test]
fn who_waits_for_long_is_told_once_and_waits_on() {
    let (pool, told) = (pool(), Cell::new(0));
    let mut ends = vec![call(&pool), call(&pool)];
    // Nobody else ends them: without the word this would wait for ever.
    pool.wait_for_the_end(Duration::MAX, Duration::from_millis(1), |calls| {
        assert_eq!(calls, 2);
        told.set(told.get() + 1);
        ends.clear();
        pool.shut_down(Duration::MAX);
    });
    assert_eq!((told.get(), pool.count()), (1, (0, 0, 0)));
}

#[test]
fn who_has_set_a_limit_is_not_told_before_it() {
    let pool = pool();
    let end = call(&pool);
    for grace in [Duration::ZERO, Duration::from_millis(1)] {
        pool.wait_for_the_end(grace, Duration::from_secs(3600), |_| unreachable!());
    }
    drop(end);
    pool.shut_down(Duration::MAX);
}

#[test]
fn idle_threads_are_no_calls() {
    let pool = pool();
    drop(call(&pool));
    while pool.count().1 == 0 {
        std::thread::yield_now();
    }
    pool.shut_down(Duration::MAX);
    pool.wait_for_the_end(Duration::MAX, Duration::ZERO, |_| unreachable!());
}
