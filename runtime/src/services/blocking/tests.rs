//! Models of the pool, explored by loom. Models of calls as tasks are in `crate::proof`. Run them as CONTRIBUTING.md
//! says.

use super::{Pool, PoolSettings, lock};
use crate::core::sync::explore;
use loom::sync::{Condvar, Mutex};
use loom::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// Makes a pool. No time limit ends except where a model says so.
fn pool(threads: usize) -> Arc<Pool> {
    Pool::new(PoolSettings {
        threads,
        keep_alive: Duration::MAX,
        thread_name: String::new(),
        name_of_thread: None,
        stack_size: None,
        on_start: None,
        on_stop: None,
    })
}

/// How many calls have run, and how many are gone, run or not.
#[derive(Clone, Default)]
struct Calls {
    run: Arc<(Mutex<usize>, Condvar)>,
    gone: Arc<AtomicUsize>,
}

struct Call(Calls);

impl Calls {
    fn submit(&self, pool: &Arc<Pool>) {
        let call = Call(self.clone());
        pool.submit(Box::new(move || call.run())).unwrap();
    }

    /// Waits until `count` calls have run. A lost call shows as a deadlock.
    fn wait_for(&self, count: usize) {
        let (run, more) = &*self.run;
        let mut run = run.lock().unwrap();
        while *run < count {
            run = more.wait(run).unwrap();
        }
    }
}

impl Call {
    fn run(self) {
        let (run, more) = &*self.0.run;
        *run.lock().unwrap() += 1;
        more.notify_all();
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.0.gone.fetch_add(1, Relaxed);
    }
}

/// Shuts the pool down. A lost thread shows as a deadlock.
fn shut_down(pool: &Pool) {
    pool.shut_down(Duration::MAX);
    let state = lock(&pool.state);
    assert_eq!((state.threads, state.idle, state.queue.len()), (0, 0, 0));
}

#[test]
fn a_call_finds_a_thread_that_is_idle_or_about_to_be() {
    explore(3, || {
        let (pool, calls) = (pool(1), Calls::default());
        calls.submit(&pool);
        calls.wait_for(1);
        calls.submit(&pool);
        calls.wait_for(2);
        shut_down(&pool);
    });
}

#[test]
fn no_call_is_lost_when_the_idle_thread_ends() {
    explore(3, || {
        let (pool, calls) = (pool(1), Calls::default());
        calls.submit(&pool);
        let clock = pool.clone();
        thread::spawn(move || clock.work.expire(&clock.state));
        calls.wait_for(1);
        calls.submit(&pool);
        calls.wait_for(2);
        shut_down(&pool);
    });
}

#[test]
fn a_call_that_waits_for_the_next_one_does_not_hold_it_up() {
    explore(2, || {
        let (pool, calls) = (pool(2), Calls::default());
        calls.submit(&pool);
        calls.wait_for(1);
        // With one thread that is idle, or will be, and a call that is on its way to it.
        let others = calls.clone();
        pool.submit(Box::new(move || others.wait_for(2))).unwrap();
        calls.submit(&pool);
        calls.wait_for(2);
        shut_down(&pool);
    });
}

#[test]
fn calls_of_two_threads_run_on_as_many_as_there_may_be() {
    explore(2, || {
        let (pool, calls) = (pool(2), Calls::default());
        let (other, others) = (pool.clone(), calls.clone());
        thread::spawn(move || others.submit(&other));
        calls.submit(&pool);
        calls.wait_for(2);
        assert!(pool.count().0 <= 2);
        shut_down(&pool);
    });
}

#[test]
fn a_call_that_comes_at_the_end_is_run_or_dropped() {
    explore(3, || {
        let (pool, calls) = (pool(1), Calls::default());
        calls.submit(&pool);
        let (other, others) = (pool.clone(), calls.clone());
        let submitter = thread::spawn(move || others.submit(&other));
        shut_down(&pool);
        submitter.join().unwrap();
        assert_eq!(calls.gone.load(Relaxed), 2);
        shut_down(&pool);
    });
}
