//! `Handle` and `EnterGuard`: which runtime is the current one, and what is allowed from where.
//!
//! The tests are apart from `tests/it` because some of them leak a runtime on purpose. It may hold a scheduler whose
//! memory another test has allocated, and LeakSanitizer would report that one.

mod support;

use ayi::runtime::{Handle, Runtime};
use ayi::task::{spawn_blocking, yield_now};
use futures_lite::future::block_on as foreign_block_on;
use futures_task::{FutureObj, LocalFutureObj, LocalSpawn, Spawn};
use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::task::Poll;
use std::thread::{self, ThreadId};
use support::{connected, in_a_child, turn, watched};

/// A name that distinguishes runtimes.
fn name(handle: &Handle) -> String {
    format!("{handle:?}")
}

fn current() -> Option<String> {
    Handle::try_current().ok().as_ref().map(name)
}

/// Returns the message with which `f` panics.
fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let payload = catch_unwind(AssertUnwindSafe(|| drop(f()))).unwrap_err();
    let text = payload.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap()
}

/// Records in its drop which runtime is the current one.
struct OnDrop(Rc<RefCell<Vec<Option<String>>>>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.borrow_mut().push(current());
    }
}

#[test]
fn the_current_runtime() {
    watched(|| {
        let (one, two) = (Runtime::new().unwrap(), Runtime::new().unwrap());
        let [in_one, in_two] = [&one, &two].map(|rt| Some(name(&rt.handle().clone())));
        assert_ne!(in_one, in_two);
        assert_eq!(current(), None);
        {
            let _one = one.enter();
            assert_eq!(current(), in_one);
            let handle = two.handle().clone();
            {
                let _two = handle.enter();
                assert_eq!(current(), in_two);
                let _one_again = one.enter();
                assert_eq!(current(), in_one);
            }
            assert_eq!(current(), in_one);
            // A task belongs to one runtime, whichever is the current one where it is spawned.
            let task = two.spawn(async { current() });
            assert_eq!(
                two.block_on(async { (current(), task.await.unwrap()) }),
                (in_two.clone(), in_two.clone())
            );
            assert_eq!(current(), in_one);
        }
        assert_eq!(current(), None);

        let far = two.handle().clone();
        let elsewhere = move || {
            let rt = Runtime::new().unwrap();
            let _far = far.enter();
            let outside = current();
            (outside, rt.block_on(async { current() }) == Some(name(&rt.handle().clone())), current())
        };
        assert_eq!(thread::spawn(elsewhere).join().unwrap(), (in_two.clone(), true, in_two));

        let drops = Rc::new(RefCell::new(vec![]));
        for is_aborted in [false, true] {
            let on_drop = OnDrop(drops.clone());
            let task = one.spawn(async move {
                let _on_drop = on_drop;
                pending::<()>().await
            });
            if is_aborted {
                task.abort();
                assert!(one.block_on(task).unwrap_err().is_cancelled());
            }
        }
        drop(one);
        assert_eq!(*drops.borrow(), [in_one.clone(), in_one]);
        assert_eq!(current(), None);
    })
}

#[test]
fn spawn_from_many_threads_while_it_runs_and_while_it_is_parked() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let home = thread::current().id();
        let (sender, results) = channel::<ThreadId>();
        thread::scope(|s| {
            for _ in 0..4 {
                let (handle, sender) = (rt.handle().clone(), sender.clone());
                s.spawn(move || {
                    for number in 0..500 {
                        let sender = sender.clone();
                        let task = handle.spawn(async move {
                            yield_now().await;
                            sender.send(thread::current().id()).unwrap();
                            number
                        });
                        match number % 10 {
                            // This one waits, so that the runtime sleeps now and then.
                            0 => assert_eq!(foreign_block_on(task).unwrap(), number),
                            _ => drop(task),
                        }
                    }
                });
            }
            drop(sender);
            let mut count = 0;
            rt.block_on(async {
                while count < 2000 {
                    turn().await;
                    count += results.try_iter().inspect(|id| assert_eq!(*id, home)).count();
                }
            });
        });
        assert!(results.recv().is_err());
    })
}

/// What is possible on a thread that has only entered the runtime, and what is not.
#[test]
fn enter_the_runtime_of_another_thread() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let handle = rt.handle().clone();
        let elsewhere = move || {
            let _inside = handle.enter();
            let called = spawn_blocking(|| thread::current().name().unwrap().to_owned());
            assert!(foreign_block_on(called).unwrap().starts_with("ayi-blocking"));
            let spawned = Handle::current().spawn(async { thread::current().id() });
            assert_ne!(foreign_block_on(spawned).unwrap(), thread::current().id());
            assert!(panic_of(|| ayi::spawn(async {})).contains("use Handle::spawn"));
            // A timer waits there, by a message.
            foreign_block_on(ayi::time::sleep(std::time::Duration::from_micros(1)));
            // So does a socket, in its epoll instance.
            let (stream, mut peer) = connected();
            let writes = thread::spawn(move || std::io::Write::write_all(&mut peer, b"tea"));
            assert_eq!(foreign_block_on(stream.read(&mut [0; 8])).unwrap(), 3);
            writes.join().unwrap().unwrap();
        };
        let thread = thread::spawn(elsewhere);
        rt.block_on(async { spawn_blocking(|| thread.join().unwrap()).await.unwrap() });
    })
}

#[test]
fn spawn_on_a_runtime_that_has_ended() {
    struct DroppedBy(Arc<AtomicUsize>, ThreadId);
    impl Drop for DroppedBy {
        fn drop(&mut self) {
            assert_eq!(self.1, thread::current().id());
            self.0.fetch_add(1, SeqCst);
        }
    }
    watched(|| {
        let rt = Runtime::new().unwrap();
        let handle = rt.handle().clone();
        drop(rt);
        let drops = Arc::new(AtomicUsize::new(0));
        let spawn_both = || {
            let dropped_here = || DroppedBy(drops.clone(), thread::current().id());
            let (of_task, of_call) = (dropped_here(), dropped_here());
            let task = handle.spawn(async move { drop(of_task) });
            let call = handle.spawn_blocking(move || drop(of_call));
            for handle in [task, call] {
                assert!(handle.is_finished());
                handle.abort();
                assert!(foreign_block_on(handle).unwrap_err().is_cancelled());
            }
            drop(handle.spawn(async {}));
            let _inside = handle.enter();
            assert!(foreign_block_on(spawn_blocking(|| ())).unwrap_err().is_cancelled());
        };
        spawn_both();
        // Another runtime has its slots now, and is not disturbed.
        let next = Runtime::new().unwrap();
        let task = next.spawn(async {
            turn().await;
            5
        });
        for _ in 0..100 {
            spawn_both();
        }
        next.block_on(async {
            for _ in 0..100 {
                spawn_both();
                // This gives a new budget: what awaits here is another executor, which cannot give way.
                yield_now().await;
            }
        });
        thread::scope(|s| s.spawn(|| (0..100).for_each(|_| spawn_both())).join().unwrap());
        assert_eq!(next.block_on(task).unwrap(), 5);
        assert_eq!(drops.load(SeqCst), 2 * 301);
    })
}

#[test]
fn spawn_traits_of_futures_task() {
    let count = Arc::new(AtomicUsize::new(0));
    let add = || {
        let count = count.clone();
        async move {
            count.fetch_add(1, SeqCst);
        }
    };
    watched(|| {
        let rt = Runtime::new().unwrap();
        let handle = rt.handle().clone();
        let spawners: [&dyn Spawn; 2] = [&rt, &handle];
        for spawner in spawners {
            spawner.status().unwrap();
            spawner.spawn_obj(FutureObj::new(Box::new(add()))).unwrap();
        }
        let not_send = Rc::new(());
        rt.status_local().unwrap();
        let (added, pinned) = (add(), not_send.clone());
        let local = async move {
            added.await;
            drop(pinned);
        };
        rt.spawn_local_obj(LocalFutureObj::new(Box::new(local))).unwrap();
        rt.block_on(async {
            Handle::current().spawn_obj(FutureObj::new(Box::new(add()))).unwrap();
            turn().await;
            turn().await;
        });
        assert_eq!((count.load(SeqCst), Rc::strong_count(&not_send)), (4, 1));
        drop(rt);
        assert!(handle.status().unwrap_err().is_shutdown());
        assert!(handle.spawn_obj(FutureObj::new(Box::new(add()))).unwrap_err().is_shutdown());
        assert_eq!(count.load(SeqCst), 4);
    })
}

#[test]
fn guard_outlives_its_runtime() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let (handle, other) = (rt.handle().clone(), Runtime::new().unwrap());
        let inside = handle.enter();
        let before = rt.spawn(pending::<()>());
        drop(rt);
        // It is still the current one, and refuses everything.
        assert_eq!(current(), Some(name(&handle)));
        let after = ayi::spawn(async {});
        assert!(before.is_finished() && after.is_finished());
        assert!(foreign_block_on(before).unwrap_err().is_cancelled());
        assert!(other.block_on(after).unwrap_err().is_cancelled());
        assert!(foreign_block_on(Handle::current().spawn_blocking(|| ())).unwrap_err().is_cancelled());
        assert!(panic_of(|| foreign_block_on(turn())).contains("has been shut down"));
        drop(ayi::spawn(async { panic!("never polled") }));
        drop(inside);
        assert_eq!(current(), None);
        assert_eq!(other.block_on(other.spawn(async { 1 })).unwrap(), 1);
    })
}

/// The thread stays inside. Other threads, and other runtimes on this one, are not affected.
#[test]
fn forgotten_guards() {
    watched(|| {
        let forget = || {
            let rt = Runtime::new().unwrap();
            let handle = rt.handle().clone();
            std::mem::forget(handle.enter());
            std::mem::forget(rt.enter());
            assert_eq!(rt.block_on(rt.spawn(async { 1 })).unwrap(), 1);
            let waiting = rt.spawn(pending::<()>());
            drop(rt);
            assert!(foreign_block_on(waiting).unwrap_err().is_cancelled());
            assert_eq!(current(), Some(name(&handle)));
            let next = Runtime::new().unwrap();
            assert_eq!(next.block_on(next.spawn(async { 2 })).unwrap(), 2);
        };
        thread::spawn(move || (0..50).for_each(|_| forget())).join().unwrap();
        Runtime::new().unwrap().block_on(turn());
    })
}

/// A guard that is held over an `.await` is in the way of all other tasks. That is noticed, and does no more harm.
#[test]
fn guard_held_while_other_tasks_run() {
    watched(|| {
        let (rt, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
        let handle = other.handle().clone();
        let polls = Rc::new(Cell::new(0));
        let count = polls.clone();
        let _task = rt.spawn(async move {
            let _guard = handle.enter();
            poll_fn(|_| {
                count.set(count.get() + 1);
                Poll::<()>::Pending
            })
            .await;
        });
        let yields = async {
            yield_now().await;
            yield_now().await;
        };
        let text = panic_of(|| rt.block_on(yields));
        assert!(text.contains("reverse order"), "{text}");
        // The future is dropped, and with it the guard, too late.
        drop(rt);
        assert_eq!(polls.get(), 1);
        assert_eq!(other.block_on(other.spawn(async { 3 })).unwrap(), 3);
        drop(other);
        assert_eq!(Runtime::new().unwrap().block_on(async { 4 }), 4);
    })
}

/// Regression: the thread still took itself for the owner of a scheduler that had become another runtime's.
#[test]
fn guard_of_another_threads_runtime_dropped_out_of_order() {
    // Which runtime gets what the first one had must not depend on other tests.
    if !in_a_child(module_path!(), "guard_of_another_threads_runtime_dropped_out_of_order") {
        return;
    }
    watched(|| {
        let (handles, handle) = channel();
        let (end, ended) = channel::<()>();
        let elsewhere = thread::spawn(move || {
            let rt = Runtime::new().unwrap();
            handles.send(rt.handle().clone()).unwrap();
            ended.recv().unwrap_err();
        });
        let far = handle.recv().unwrap();
        let (first, second) = (Runtime::new().unwrap(), Runtime::new().unwrap());
        let (first_handle, second_handle) = (first.handle().clone(), second.handle().clone());
        let in_first = first_handle.enter();
        let in_far = far.enter();
        let in_second = second_handle.enter();
        catch_unwind(AssertUnwindSafe(|| drop(in_far))).unwrap_err();
        drop(first);
        drop(in_second);

        // The next runtime of the process gets what the first one had.
        let (wakers, waker) = channel();
        let next = thread::spawn(move || {
            let mut polls = 0;
            Runtime::new().unwrap().block_on(poll_fn(|cx| {
                polls += 1;
                wakers.send(cx.waker().clone()).unwrap();
                if polls == 1000 { Poll::Ready(()) } else { Poll::Pending }
            }));
        });
        // It hangs as soon as it is parked when the wake comes.
        while let Ok(waker) = waker.recv() {
            waker.wake();
        }
        next.join().unwrap();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(in_first)));
        drop(end);
        elsewhere.join().unwrap();
    })
}
