//! `LocalSet`: one situation a test.

mod support;

use ayi::runtime::Runtime;
use ayi::task::{LocalSet, spawn_local, yield_now};
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use support::{poll_once, run, turn};

fn counting(count: &Rc<Cell<u32>>) -> impl Future<Output = ()> + use<> {
    let count = count.clone();
    async move {
        loop {
            count.set(count.get() + 1);
            yield_now().await;
        }
    }
}

#[test]
fn tasks_run_while_the_set_is_awaited_and_stand_still_otherwise() {
    run(async || {
        let (set, count) = (LocalSet::new(), Rc::new(Cell::new(0)));
        drop(set.spawn_local(counting(&count)));
        turn().await;
        assert_eq!(count.get(), 0, "nobody has awaited it yet");
        set.run_until(async {
            while count.get() < 5 {
                yield_now().await;
            }
        })
        .await;
        let then = count.get();
        turn().await;
        turn().await;
        assert_eq!(count.get(), then);
        set.run_until(turn()).await;
        assert!(count.get() > then);
    });
}

#[test]
fn the_set_is_done_when_no_task_is_left() {
    run(async || {
        let set = LocalSet::new();
        let (a, b) = (set.spawn_local(async { 1 }), set.spawn_local(pending::<()>()));
        b.abort();
        let log = Rc::new(RefCell::new(Vec::new()));
        let inner = log.clone();
        drop(set.spawn_local(async move {
            yield_now().await;
            // Also those that are spawned by tasks.
            drop(spawn_local(async move {
                yield_now().await;
                inner.borrow_mut().push("inner");
            }));
        }));
        set.await;
        assert_eq!(*log.borrow(), ["inner"]);
        assert_eq!(a.await.unwrap(), 1);
        assert!(b.await.unwrap_err().is_cancelled());
        LocalSet::new().await;
    });
}

#[test]
fn dropping_the_set_drops_its_futures_at_once() {
    run(async || {
        let (set, witness) = (LocalSet::new(), Rc::new(()));
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let held = witness.clone();
                set.spawn_local(async move {
                    let _held = held;
                    pending::<()>().await
                })
            })
            .collect();
        set.run_until(turn()).await;
        assert_eq!(Rc::strong_count(&witness), 4);
        drop(set);
        assert_eq!(Rc::strong_count(&witness), 1);
        for task in tasks {
            assert!(task.await.unwrap_err().is_cancelled());
        }
    });
}

#[test]
fn a_task_may_drop_its_own_set() {
    run(async || {
        let set = Rc::new(RefCell::new(Some(LocalSet::new())));
        let (mine, witness) = (set.clone(), Rc::new(()));
        let held = witness.clone();
        let task = set.borrow().as_ref().unwrap().spawn_local(async move {
            let _held = held;
            drop(mine.borrow_mut().take());
            pending::<()>().await
        });
        // (Awaited by a future that does not borrow it.)
        let mut awaiting = Box::pin(async {
            let waits = set.borrow_mut().as_mut().map(|set| poll_once(std::pin::Pin::new(set)));
            assert_eq!(waits, Some(Poll::Pending));
            turn().await;
        });
        awaiting.as_mut().await;
        assert!(set.borrow().is_none());
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(Rc::strong_count(&witness), 1);
    });
}

#[test]
fn a_drop_that_panics_keeps_none_of_the_others() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("on purpose");
        }
    }
    run(async || {
        let (set, witness) = (LocalSet::new(), Rc::new(()));
        for n in 0..3 {
            let held = (witness.clone(), (n == 1).then(|| Bomb));
            drop(set.spawn_local(async move {
                let _held = held;
                pending::<()>().await
            }));
        }
        assert!(catch_unwind(AssertUnwindSafe(|| drop(set))).is_err());
        assert_eq!(Rc::strong_count(&witness), 1);
        turn().await;
    });
}

#[test]
fn a_task_that_panics_leaves_the_set_in_order() {
    run(async || {
        let set = LocalSet::new();
        let panics = set.spawn_local(async { panic!("on purpose") });
        let next = set.spawn_local(async { 7 });
        set.await;
        assert!(panics.await.unwrap_err().is_panic());
        assert_eq!(next.await.unwrap(), 7);
        // And `spawn_local` is outside of it again.
        assert_eq!(spawn_local(async { 8 }).await.unwrap(), 8);
    });
}

#[test]
fn spawn_local_knows_the_set_that_it_is_in() {
    run(async || {
        let (set, count) = (LocalSet::new(), Rc::new(Cell::new(0)));
        set.run_until(async { drop(spawn_local(counting(&count))) }).await;
        turn().await;
        assert_eq!(count.get(), 0, "it is on the set, which nobody awaits");
        {
            let _inside = set.enter();
            drop(spawn_local(counting(&count)));
        }
        turn().await;
        assert_eq!(count.get(), 0);
        drop(spawn_local(counting(&count)));
        turn().await;
        assert!(count.get() > 0, "outside, it is a task of the runtime");
    });
}

#[test]
fn sets_nest() {
    run(async || {
        let (outer, inner) = (LocalSet::new(), Rc::new(LocalSet::new()));
        let set = inner.clone();
        let sum = outer.run_until(async move {
            let a = spawn_local(async { 1 });
            let b = set.run_until(async { spawn_local(async { 2 }).await.unwrap() }).await;
            // This one is on the outer set again.
            let c = spawn_local(async { 4 });
            a.await.unwrap() + b + c.await.unwrap()
        });
        assert_eq!(sum.await, 7);
    });
}

#[test]
fn from_outside_it_runs_on_a_runtime() {
    let (rt, set) = (Runtime::new().unwrap(), LocalSet::new());
    let task = {
        let _inside = rt.enter();
        set.spawn_local(async { 1 })
    };
    assert_eq!(set.block_on(&rt, async { task.await.unwrap() + spawn_local(async { 2 }).await.unwrap() }), 3);
    rt.block_on(set);
    assert!(catch_unwind(|| LocalSet::new().spawn_local(async {})).is_err(), "without a runtime it cannot");
}

#[test]
fn the_end_of_the_runtime_comes_first() {
    let (rt, set, witness) = (Runtime::new().unwrap(), LocalSet::new(), Rc::new(()));
    let held = witness.clone();
    let task = {
        let _inside = rt.enter();
        set.spawn_local(async move {
            let _held = held;
            pending::<()>().await
        })
    };
    set.block_on(&rt, yield_now());
    drop(rt);
    assert_eq!(Rc::strong_count(&witness), 1);
    assert!(task.is_finished());
    assert!(poll_once(pin!(set)).is_ready());
}

#[test]
fn awaited_twice_it_runs_until_both_are_done() {
    run(async || {
        let (set, count) = (LocalSet::new(), Rc::new(Cell::new(0)));
        drop(set.spawn_local(counting(&count)));
        let mut a = Box::pin(set.run_until(pending::<()>()));
        let mut b = Box::pin(set.run_until(pending::<()>()));
        assert!(poll_once(a.as_mut()).is_pending() && poll_once(b.as_mut()).is_pending());
        drop(a);
        turn().await;
        let then = count.get();
        assert!(then > 0);
        drop(b);
        turn().await;
        turn().await;
        assert!(count.get() <= then + 1);
    });
}

#[test]
fn a_task_that_is_woken_often_while_nobody_awaits_it_is_polled_once_then() {
    run(async || {
        let (set, polls, waker) = (LocalSet::new(), Rc::new(Cell::new(0)), Rc::new(RefCell::new(None)));
        let (count, store) = (polls.clone(), waker.clone());
        let task = set.spawn_local(std::future::poll_fn(move |cx| {
            count.set(count.get() + 1);
            *store.borrow_mut() = Some(cx.waker().clone());
            if count.get() == 2 { Poll::Ready(()) } else { Poll::Pending }
        }));
        set.run_until(turn()).await;
        assert_eq!(polls.get(), 1);
        for _ in 0..100 {
            std::task::Waker::wake_by_ref(waker.borrow().as_ref().unwrap());
            turn().await;
        }
        assert_eq!(polls.get(), 1);
        set.run_until(task).await.unwrap();
        assert_eq!(polls.get(), 2);
    });
}

#[test]
fn spawned_into_a_set_that_is_gone_a_task_is_cancelled() {
    run(async || {
        let set = LocalSet::new();
        let inside = set.enter();
        drop(set);
        let witness = Rc::new(());
        let task = spawn_local({
            let witness = witness.clone();
            async move { drop(witness) }
        });
        assert_eq!(Rc::strong_count(&witness), 1, "its future is dropped at once");
        assert!(task.await.unwrap_err().is_cancelled());
        drop(inside);
        assert_eq!(spawn_local(async { 1 }).await.unwrap(), 1, "the runtime's again");
        assert_eq!(ayi::runtime::Handle::current().metrics().num_alive_tasks(), 0);
    });
}

#[test]
fn what_a_task_spawns_after_dropping_its_own_set_is_cancelled() {
    run(async || {
        let (send, receive) = flume::unbounded();
        let set = Rc::new(Cell::new(None));
        let mut awaited = LocalSet::new();
        let task = awaited.spawn_local({
            let set = set.clone();
            async move {
                drop(set.take());
                send.send(spawn_local(pending::<()>())).unwrap();
                yield_now().await;
                unreachable!("its body is gone");
            }
        });
        // Awaited, by a future that does not borrow it.
        assert!(poll_once(std::pin::Pin::new(&mut awaited)).is_pending());
        set.set(Some(awaited));
        assert!(task.await.unwrap_err().is_cancelled());
        assert!(receive.recv_async().await.unwrap().await.unwrap_err().is_cancelled());
    });
}

#[test]
fn what_the_drop_of_a_future_spawns_is_of_the_set_and_cancelled_with_it() {
    struct SpawnsWhenDropped(flume::Sender<ayi::task::JoinHandle<()>>);
    impl Drop for SpawnsWhenDropped {
        fn drop(&mut self) {
            self.0.send(spawn_local(pending())).unwrap();
        }
    }
    run(async || {
        let (send, receive) = flume::unbounded();
        let set = LocalSet::new();
        let held = SpawnsWhenDropped(send);
        drop(set.spawn_local(async move {
            let _held = held;
            pending::<()>().await;
        }));
        set.run_until(turn()).await;
        drop(set);
        assert!(receive.recv_async().await.unwrap().await.unwrap_err().is_cancelled());
    });
}
