//! `JoinSet`: one situation a test.

use crate::support::{self, Wakes, poll_once, poll_with, run, turn, watched};
use ayi::runtime::{Handle, Runtime};
use ayi::task::{JoinSet, LocalSet, coop, spawn_blocking, yield_now};
use futures_lite::future::block_on as foreign_block_on;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::thread;

#[test]
fn outputs_come_in_the_order_of_finishing() {
    run(async || {
        let mut set = JoinSet::new();
        for rounds in [3, 1, 2] {
            set.spawn(async move {
                for _ in 0..rounds {
                    yield_now().await;
                }
                rounds
            });
        }
        assert_eq!(set.len(), 3);
        for expected in [1, 2, 3] {
            assert_eq!(set.join_next().await.unwrap().unwrap(), expected);
        }
        assert!(set.is_empty());
        assert!(set.join_next().await.is_none());
    });
}

#[test]
fn an_empty_set_has_nothing_to_wait_for() {
    let mut set = JoinSet::<u8>::default();
    assert!(matches!(poll_once(pin!(set.join_next())), Poll::Ready(None)));
    assert!(set.try_join_next().is_none());
    assert!(set.try_join_next_with_id().is_none());
    assert!(poll_once(pin!(set.shutdown())).is_ready());
    set.abort_all();
    set.detach_all();
    assert_eq!(format!("{set:?}"), "JoinSet { len: 0, .. }");
    assert!(foreign_block_on(set.join_all()).is_empty());
}

#[test]
fn every_way_to_spawn() {
    run(async || {
        let (mut set, handle, local) = (JoinSet::new(), Handle::current(), LocalSet::new());
        let not_send = Rc::new(1);
        set.spawn(async move { *not_send });
        set.spawn_local(ready(2));
        set.spawn_on(ready(3), &handle);
        set.spawn_blocking(|| 4);
        set.spawn_blocking_on(|| 5, &handle);
        set.spawn_local_on(ready(6), &local);
        set.build_task().name("seven").spawn(ready(7)).unwrap();
        set.build_task().spawn_on(ready(8), &handle).unwrap();
        set.build_task().name("nine").spawn_blocking(|| 9).unwrap();
        set.build_task().spawn_blocking_on(|| 10, &handle).unwrap();
        set.extend([ready(11), ready(12)]);
        let outputs = local.run_until(set.join_all()).await;
        assert_eq!(BTreeSet::from_iter(outputs), BTreeSet::from_iter(1..=12));
        assert_eq!((0..3).map(ready).collect::<JoinSet<_>>().join_all().await, [0, 1, 2]);
    });
    assert!(catch_unwind(|| JoinSet::new().spawn(async {})).is_err());
}

#[test]
fn errors_say_which_task_it_was() {
    run(async || {
        let mut set = JoinSet::new();
        let aborted = set.spawn(pending::<u8>());
        let panicked = set.spawn(async { panic!("on purpose") });
        let done = set.spawn(ready(1));
        aborted.abort();
        for _ in 0..3 {
            match set.join_next_with_id().await.unwrap() {
                Ok((id, output)) => assert_eq!((id, output), (done.id(), 1)),
                Err(error) if error.is_panic() => assert_eq!(error.id(), panicked.id()),
                Err(error) => assert!(error.is_cancelled() && error.id() == aborted.id()),
            }
        }
        assert!(set.is_empty() && aborted.is_finished());
    });
}

#[test]
fn try_join_next_takes_what_is_there_and_waits_for_nothing() {
    run(async || {
        let mut set = JoinSet::new();
        set.spawn(pending());
        let first = set.spawn(ready(1));
        set.spawn(ready(2));
        assert!(set.try_join_next().is_none(), "none has run yet");
        turn().await;
        assert_eq!(set.try_join_next_with_id().unwrap().unwrap(), (first.id(), 1));
        assert_eq!(set.try_join_next().unwrap().unwrap(), 2);
        assert!(set.try_join_next().is_none());
        assert_eq!(set.len(), 1);
    });
}

#[test]
fn a_dropped_join_next_loses_nothing() {
    run(async || {
        let mut set = JoinSet::new();
        for n in 0..100 {
            set.spawn(async move {
                yield_now().await;
                n
            });
        }
        let mut got = BTreeSet::new();
        while got.len() < 100 {
            // The future is polled once and dropped, again and again.
            if let Poll::Ready(output) = poll_once(pin!(set.join_next())) {
                got.insert(output.unwrap().unwrap());
            } else {
                yield_now().await;
            }
        }
        assert!(set.is_empty());
    });
}

#[test]
fn dropping_the_set_aborts_its_tasks() {
    run(async || {
        let witness = Rc::new(());
        let mut set = JoinSet::new();
        for _ in 0..10 {
            let held = witness.clone();
            set.spawn(async move {
                let _held = held;
                pending::<()>().await
            });
        }
        yield_now().await;
        assert_eq!(Rc::strong_count(&witness), 11);
        drop(set);
        turn().await;
        assert_eq!(Rc::strong_count(&witness), 1);
    });
}

#[test]
fn detached_tasks_run_on() {
    run(async || {
        let count = Rc::new(Cell::new(0));
        let mut set = JoinSet::new();
        for _ in 0..5 {
            let count = count.clone();
            set.spawn(async move {
                yield_now().await;
                count.set(count.get() + 1);
            });
        }
        set.detach_all();
        assert!(set.is_empty() && set.join_next().await.is_none());
        turn().await;
        turn().await;
        assert_eq!(count.get(), 5);
        // The set can be used again.
        set.spawn(async {});
        assert!(set.join_next().await.unwrap().is_ok());
    });
}

#[test]
fn shutdown_aborts_and_waits() {
    run(async || {
        let witness = Rc::new(());
        let mut set = JoinSet::new();
        for _ in 0..10 {
            let held = witness.clone();
            set.spawn(async move {
                let _held = held;
                pending::<()>().await
            });
        }
        set.spawn_blocking(|| ());
        set.shutdown().await;
        assert!(set.is_empty());
        assert_eq!(Rc::strong_count(&witness), 1);
    });
}

#[test]
fn join_all_passes_a_panic_on_and_aborts_the_others() {
    run(async || {
        let witness = Rc::new(());
        let held = witness.clone();
        let mut set = JoinSet::new();
        set.spawn(async move {
            let _held = held;
            pending::<()>().await
        });
        set.spawn(async { panic!("on purpose") });
        let joining = ayi::spawn(set.join_all());
        let panic = joining.await.unwrap_err().into_panic();
        assert_eq!(*panic.downcast_ref::<&str>().unwrap(), "on purpose");
        turn().await;
        assert_eq!(Rc::strong_count(&witness), 1);

        let mut set = JoinSet::new();
        set.spawn(pending::<()>()).abort();
        assert!(ayi::spawn(set.join_all()).await.unwrap_err().is_panic());
    });
}

#[test]
fn only_the_latest_waker_is_woken() {
    run(async || {
        let mut set = JoinSet::new();
        set.spawn(async { turn().await });
        let ((old, old_waker), (new, new_waker)) = (Wakes::new(), Wakes::new());
        assert!(poll_with(pin!(set.join_next()), &old_waker).is_pending());
        assert!(poll_with(pin!(set.join_next()), &new_waker).is_pending());
        while new.count() == 0 {
            turn().await;
        }
        assert_eq!(old.count(), 0);
        assert!(set.poll_join_next(&mut Context::from_waker(&new_waker)).is_ready());
    });
}

#[test]
fn a_waker_may_use_the_thread_while_it_is_woken() {
    // The list is not locked then.
    run(async || {
        let mut set = JoinSet::new();
        let handle = set.spawn(async { turn().await });
        let (woken, is_woken) = mpsc::channel();
        let waker = support::waker_fn(move || {
            handle.abort();
            woken.send(()).unwrap();
        });
        assert!(poll_with(pin!(set.join_next()), &waker).is_pending());
        while is_woken.try_recv().is_err() {
            turn().await;
        }
        assert!(set.try_join_next().is_some());
    });
}

#[test]
fn a_loop_over_many_outputs_lets_others_run() {
    run(async || {
        let mut set: JoinSet<_> = (0..10_000).map(ready).collect();
        turn().await;
        let rounds = Rc::new(Cell::new(0));
        let counter = rounds.clone();
        let other = ayi::spawn(async move {
            loop {
                counter.set(counter.get() + 1);
                yield_now().await;
            }
        });
        let task = ayi::spawn(async move {
            let mut sum = 0;
            while let Some(n) = set.join_next().await {
                sum += n.unwrap();
            }
            sum
        });
        assert_eq!(task.await.unwrap(), 9_999 * 5_000);
        // 128 outputs a poll.
        assert!(rounds.get() >= 10_000 / 128, "{}", rounds.get());
        other.abort();
    });
}

#[test]
fn without_budget_nothing_is_taken() {
    run(async || {
        let mut set: JoinSet<_> = (0..2).map(ready).collect();
        turn().await;
        let (wakes, waker) = Wakes::new();
        let task = ayi::spawn(std::future::poll_fn(move |_| {
            while coop::has_budget_remaining() {
                assert!(poll_once(pin!(coop::consume_budget())).is_ready());
            }
            assert!(poll_with(pin!(set.join_next()), &waker).is_pending());
            assert_eq!(set.len(), 2);
            Poll::Ready(())
        }));
        task.await.unwrap();
        turn().await;
        assert_eq!(wakes.count(), 1);
    });
}

#[test]
fn it_can_be_awaited_on_another_thread() {
    run(async || {
        for _ in 0..20 {
            let mut set = JoinSet::new();
            for n in 0..50 {
                set.spawn(async move {
                    for _ in 0..n % 7 {
                        yield_now().await;
                    }
                    n
                });
            }
            let there = spawn_blocking(move || {
                foreign_block_on(async {
                    let mut got = BTreeSet::new();
                    while let Some(n) = set.join_next().await {
                        got.insert(n.unwrap());
                    }
                    got
                })
            });
            assert_eq!(there.await.unwrap(), BTreeSet::from_iter(0..50));
        }
    });
}

#[test]
fn tasks_end_while_another_thread_aborts_takes_and_drops_the_set() {
    run(async || {
        for round in 0..200 {
            let mut set = JoinSet::new();
            for n in 0..20 {
                set.spawn(async move {
                    for _ in 0..n % 3 {
                        yield_now().await;
                    }
                    vec![n; 100]
                });
            }
            let there = spawn_blocking(move || {
                if round % 4 == 1 {
                    set.abort_all();
                }
                let mut taken = 0;
                while round % 4 < 3 && taken < 10 {
                    match set.try_join_next() {
                        Some(Ok(output)) => assert_eq!(output, [output[0]; 100]),
                        Some(Err(error)) => assert!(error.is_cancelled()),
                        None => {
                            thread::yield_now();
                            continue;
                        }
                    }
                    taken += 1;
                }
                match round % 2 {
                    0 => drop(set),
                    _ => set.detach_all(),
                }
                taken
            });
            assert_eq!(there.await.unwrap(), if round % 4 < 3 { 10 } else { 0 });
            while Handle::current().metrics().num_alive_tasks() > 0 {
                turn().await;
            }
        }
    });
}

#[test]
fn tasks_of_several_runtimes_may_be_in_one_set() {
    watched(|| {
        let (stop, stopped) = async_channel();
        let there = thread::spawn(move || {
            let rt = Runtime::new().unwrap();
            stop.send(rt.handle().clone()).unwrap();
            rt.block_on(async {
                while Handle::current().metrics().spawned_tasks_count() < 100
                    || Handle::current().metrics().num_alive_tasks() > 0
                {
                    turn().await;
                }
            });
        });
        let handle: Handle = stopped.recv().unwrap();
        run(async || {
            let mut set = JoinSet::new();
            for n in 0..100 {
                set.spawn_on(async move { n }, &handle);
                set.spawn(async move { n + 100 });
            }
            assert_eq!(BTreeSet::from_iter(set.join_all().await), BTreeSet::from_iter(0..200));
        });
        there.join().unwrap();
    });
}

fn async_channel() -> (mpsc::Sender<Handle>, mpsc::Receiver<Handle>) {
    mpsc::channel()
}

#[test]
fn the_end_of_the_runtime_cancels_its_tasks() {
    let rt = Runtime::new().unwrap();
    let mut set = rt.block_on(async { (0..5).map(|_| pending::<()>()).collect::<JoinSet<_>>() });
    drop(rt);
    for _ in 0..5 {
        assert!(foreign_block_on(set.join_next()).unwrap().unwrap_err().is_cancelled());
    }
    assert!(foreign_block_on(set.join_next()).is_none());
}

#[test]
fn an_output_whose_drop_panics_hurts_nobody_else() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("on purpose");
        }
    }
    run(async || {
        let mut set = JoinSet::new();
        set.spawn(async { Some(Bomb) });
        set.spawn(async { None });
        turn().await;
        assert!(catch_unwind(AssertUnwindSafe(|| drop(set.try_join_next()))).is_err());
        assert!(set.join_next().await.unwrap().unwrap().is_none());
        set.spawn(async { Some(Bomb) });
        turn().await;
        // The runtime reports it; nobody reads the report.
        set.detach_all();
        assert!(set.is_empty());
    });
}

#[test]
fn it_can_be_sent_if_its_outputs_can() {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<JoinSet<u8>>();
    is_send_and_sync::<JoinSet<Cell<u8>>>();
}

/// This holds even if tasks that were spawned earlier are not finished.
#[test]
fn try_join_next_finds_the_one_that_is_finished() {
    run(async || {
        let mut set = JoinSet::new();
        for _ in 0..3 {
            set.spawn(pending::<u32>());
        }
        set.spawn(ready(7));
        set.spawn(pending());
        yield_now().await;
        assert_eq!(set.try_join_next().unwrap().unwrap(), 7);
        assert!(set.try_join_next().is_none());
        assert_eq!(set.len(), 4);
    });
}

#[test]
fn a_set_goes_to_another_thread_and_comes_back() {
    run(async || {
        let mut set = JoinSet::new();
        let ended = |n| async move {
            for _ in 0..n {
                yield_now().await;
            }
            n
        };
        set.extend((0..20).map(ended));
        // Awaited here, so its tasks know whom to tell.
        let mut seen = BTreeSet::from([set.join_next().await.unwrap().unwrap()]);
        let there = spawn_blocking(move || {
            let next = foreign_block_on(set.join_next()).unwrap().unwrap();
            (set, next)
        });
        let (mut set, next) = there.await.unwrap();
        seen.insert(next);
        set.extend((20..40).map(ended));
        while let Some(n) = set.join_next().await {
            seen.insert(n.unwrap());
        }
        assert_eq!(seen, BTreeSet::from_iter(0..40));
    });
}

#[test]
fn a_set_is_awaited_in_another_runtime_of_its_thread() {
    let (one, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let mut set = JoinSet::new();
    one.block_on(async { set.extend((0..3).map(ready)) });
    other.block_on(async {
        set.extend((3..6).map(ready));
        assert!(set.len() == 6 && set.try_join_next().is_none());
        turn().await;
        for n in 3..6 {
            assert_eq!(set.join_next().await.unwrap().unwrap(), n);
        }
        assert!(poll_once(pin!(set.join_next())).is_pending());
    });
    let left = one.block_on(set.join_all());
    assert_eq!(BTreeSet::from_iter(left), BTreeSet::from_iter(0..3));
}

#[test]
fn detached_tasks_give_no_output_to_a_set_that_is_used_again() {
    run(async || {
        let mut set = JoinSet::new();
        for round in 0..10 {
            set.spawn(async move { vec![round; 10] });
            turn().await;
            set.spawn(async move {
                yield_now().await;
                vec![round; 20]
            });
            // One is finished, and one is not.
            set.detach_all();
            assert!(set.is_empty() && set.try_join_next().is_none());
            set.spawn(async move { vec![round; 30] });
            assert_eq!(set.join_next().await.unwrap().unwrap(), [round; 30]);
            assert!(set.join_next().await.is_none());
        }
    });
}

#[test]
fn a_handle_that_was_awaited_elsewhere_is_put_into_a_set() {
    run(async || {
        for _ in 0..20 {
            let mut task = ayi::spawn(async {
                yield_now().await;
                7
            });
            let there = thread::spawn(move || {
                let is_pending = poll_once(pin!(&mut task)).is_pending();
                (task, is_pending)
            });
            let (task, is_pending) = there.join().unwrap();
            assert!(is_pending);
            let mut set = JoinSet::new();
            set.insert(task);
            set.spawn(ready(8));
            assert_eq!(BTreeSet::from_iter(set.join_all().await), BTreeSet::from([7, 8]));
        }
    });
}

#[test]
fn many_tasks_pass_through_a_small_set() {
    run(async || {
        let (mut set, mut sum) = (JoinSet::new(), 0);
        let last = set.spawn(pending::<u64>());
        for n in 0..10_000 {
            set.spawn(ready(n));
            if n % 3 == 2 {
                turn().await;
                for _ in 0..3 {
                    sum += set.join_next().await.unwrap().unwrap();
                }
            }
        }
        last.abort();
        while let Some(output) = set.join_next().await {
            sum += output.unwrap_or(0);
        }
        assert_eq!(sum, 9_999 * 5_000);
    });
}
