//! `LocalSet`: one situation a test.

use crate::support::{self, poll_once, run, turn};
use ayi::runtime::{Handle, Runtime};
use ayi::task::{JoinSet, LocalSet, spawn_blocking, spawn_local, yield_now};
use ayi::time::{Duration, sleep};
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::Poll;
use std::thread::{self, ThreadId};

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
            // The same holds for tasks that tasks spawn.
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
        // It is awaited by a future that does not borrow it.
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
        // `spawn_local` is outside of it again.
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
        // It is awaited by a future that does not borrow it.
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

// It is used before there is a runtime, and in others.

#[test]
fn what_is_spawned_before_there_is_a_runtime_runs_in_the_next_one() {
    on_a_new_thread(|| {
        let set = LocalSet::new();
        let seven = set.spawn_local(async {
            sleep(Duration::from_micros(10)).await;
            7
        });
        let eight = {
            let _inside = set.enter();
            spawn_local(async { 8 })
        };
        let mut joined = JoinSet::new();
        joined.spawn_local_on(async { Handle::current().id() }, &set);
        assert!(!seven.is_finished());
        let rt = Runtime::new().unwrap();
        let id = set.block_on(&rt, async {
            assert_eq!((seven.await.unwrap(), eight.await.unwrap()), (7, 8));
            joined.join_next().await.unwrap().unwrap()
        });
        assert_eq!(id, rt.handle().id());
        rt.block_on(set);
    });
}

#[test]
fn what_is_spawned_outside_of_the_runtime_of_this_thread_runs_in_it() {
    on_a_new_thread(|| {
        let rt = Runtime::new().unwrap();
        let set = LocalSet::new();
        let task = set.spawn_local(async { 7 });
        rt.block_on(set);
        assert_eq!(rt.block_on(task).unwrap(), 7);
    });
}

#[test]
fn what_is_aborted_or_dropped_before_there_is_a_runtime_is_cancelled() {
    on_a_new_thread(|| {
        let drops = Rc::new(Cell::new(0));
        let (set, gone) = (LocalSet::new(), LocalSet::new());
        let aborted = set.spawn_local(waits_and_counts(&drops));
        let dropped = gone.spawn_local(waits_and_counts(&drops));
        drop(set.spawn_local(async {}));
        aborted.abort();
        drop(gone);
        assert_eq!(drops.get(), 1, "at once");
        let rt = Runtime::new().unwrap();
        set.block_on(&rt, async {
            assert!(aborted.await.unwrap_err().is_cancelled());
            assert!(dropped.await.unwrap_err().is_cancelled());
        });
        assert_eq!(drops.get(), 2);
    });
}

#[test]
fn a_thread_that_ends_before_there_is_a_runtime_cancels_what_waits_for_one() {
    struct Tells(mpsc::Sender<ThreadId>);
    impl Drop for Tells {
        fn drop(&mut self) {
            let _ = self.0.send(thread::current().id());
        }
    }
    support::watched(|| {
        thread_local! {
            static SET: LocalSet = LocalSet::new();
        }
        let (tell, told) = mpsc::channel();
        let thread = thread::spawn(move || {
            let tells = Tells(tell);
            // The thread-local that was used last is dropped first: the place where the task waits goes before the set.
            SET.with(|set| {
                set.spawn_local(async move {
                    let _tells = tells;
                    pending::<()>().await;
                })
            })
        });
        let home = thread.thread().id();
        let task = thread.join().unwrap();
        assert_eq!(told.recv().unwrap(), home);
        assert!(Runtime::new().unwrap().block_on(task).unwrap_err().is_cancelled());
    });
}

#[test]
fn a_set_is_awaited_on_a_thread_that_blocks_on_a_handle() {
    run(async || {
        for spawns_before in [false, true] {
            let handle = Handle::current();
            let home = thread::current().id();
            let call = spawn_blocking(move || {
                let set = LocalSet::new();
                let here = thread::current().id();
                assert_ne!(here, home);
                let before = spawns_before.then(|| set.spawn_local(async { thread::current().id() }));
                handle.block_on(set.run_until(async move {
                    let not_send = Rc::new(7);
                    let task = spawn_local(async move {
                        sleep(Duration::from_micros(1)).await;
                        *not_send
                    });
                    assert_eq!(task.await.unwrap(), 7);
                    if let Some(before) = before {
                        assert_eq!(before.await.unwrap(), here);
                    }
                }));
                handle.block_on(set);
            });
            call.await.unwrap();
        }
    });
}

#[test]
fn a_set_is_not_awaited_where_its_tasks_cannot_run() {
    on_a_new_thread(|| {
        let (home, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
        let mut set = LocalSet::new();
        let count = Rc::new(Cell::new(0));
        home.block_on(async { drop(set.spawn_local(counting(&count))) });
        let elsewhere = || other.block_on(set.run_until(async {}));
        let panic = catch_unwind(AssertUnwindSafe(elsewhere)).unwrap_err();
        assert!(panic.downcast_ref::<&str>().unwrap().contains("LocalSet has a task that"));
        assert!(catch_unwind(AssertUnwindSafe(|| poll_once(pin!(&mut set)))).is_err(), "in no runtime");
        assert_eq!(count.get(), 0);
        // It continues at home, and when its tasks are gone, anywhere.
        home.block_on(set.run_until(async {
            while count.get() < 3 {
                yield_now().await;
            }
        }));
        drop(home);
        assert_eq!(other.block_on(set.run_until(async { spawn_local(async { 7 }).await.unwrap() })), 7);
        other.block_on(set);
    });
}

// A set is dropped by one of its own tasks, which then …

#[test]
fn a_task_that_has_dropped_its_own_set_may_end_wait_or_panic() {
    type Shared = Rc<RefCell<Option<LocalSet>>>;
    async fn then(shared: Shared, how: &str) -> u32 {
        assert!(shared.borrow_mut().take().is_some());
        match how {
            "ends" => {}
            "waits" => pending().await,
            "gives way" => yield_now().await,
            _ => panic!("on purpose"),
        }
        7
    }
    for how in ["ends", "waits", "gives way", "panics"] {
        run(async || {
            let (shared, drops): (Shared, _) = (Shared::default(), Rc::new(Cell::new(0)));
            let set = LocalSet::new();
            let others = [(); 2].map(|()| set.spawn_local(waits_and_counts(&drops)));
            let task = set.spawn_local(then(shared.clone(), how));
            let last = set.spawn_local(waits_and_counts(&drops));
            *shared.borrow_mut() = Some(set);
            // From here on it is awaited, though it is no longer polled.
            assert!(poll_once(pin!(shared.borrow_mut().as_mut().unwrap())).is_pending());
            let result = task.await;
            match how {
                "ends" => assert_eq!(result.unwrap(), 7),
                "panics" => assert!(result.unwrap_err().is_panic()),
                _ => assert!(result.unwrap_err().is_cancelled()),
            }
            for other in others.into_iter().chain([last]) {
                assert!(other.await.unwrap_err().is_cancelled());
            }
            assert_eq!(drops.get(), 3);
        });
    }
}

#[test]
fn a_task_may_drop_and_shut_down_the_join_set_that_it_is_in() {
    run(async || {
        for detaches in [false, true] {
            let (set, drops) = (Rc::new(RefCell::new(Some(JoinSet::new()))), Rc::new(Cell::new(0)));
            let (theirs, done) = (set.clone(), Rc::new(Cell::new(false)));
            let is_done = done.clone();
            let abort = set.borrow_mut().as_mut().unwrap().spawn_local(waits_and_counts(&drops));
            let me = set.borrow_mut().as_mut().unwrap().spawn_local(async move {
                let mut set = theirs.borrow_mut().take().unwrap();
                if detaches {
                    set.detach_all();
                }
                drop(set);
                is_done.set(true);
                yield_now().await;
            });
            while !me.is_finished() {
                yield_now().await;
            }
            assert!(done.get());
            abort.abort();
            while !abort.is_finished() {
                yield_now().await;
            }
            assert_eq!(drops.get(), 1);
        }
    });
}

fn waits_and_counts(drops: &Rc<Cell<u32>>) -> impl Future<Output = ()> + use<> {
    struct Counts(Rc<Cell<u32>>);
    impl Drop for Counts {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let counts = Counts(drops.clone());
    async move {
        let _counts = counts;
        pending::<()>().await;
    }
}

/// Runs `f` on a thread on which there has been no runtime.
fn on_a_new_thread(f: impl FnOnce() + Send + 'static) {
    support::watched(|| thread::spawn(f).join().unwrap());
}
