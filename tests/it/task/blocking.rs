//! `spawn_blocking`: the pool's threads, and what happens to calls.

use crate::support::{in_a_child, limit_memory, run, turn, watched};
use ayi::runtime::{Builder, Handle, Runtime};
use ayi::task::{JoinHandle, spawn_blocking, yield_now};
use ayi::time::Duration;
use futures_lite::future::block_on as foreign_block_on;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::thread::{self, ThreadId};

fn with_threads(threads: usize) -> Runtime {
    Builder::new_current_thread().max_blocking_threads(threads).build().unwrap()
}

/// Records the thread that it is dropped on.
struct OnDrop(Sender<ThreadId>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        let _ = self.0.send(thread::current().id());
    }
}

fn on_drop() -> (OnDrop, Receiver<ThreadId>) {
    let (sender, drops) = channel();
    (OnDrop(sender), drops)
}

/// Occupies a thread of the pool until the sender is dropped. Returns when the thread has begun.
fn occupy(rt: &Runtime) -> (Sender<()>, JoinHandle<ThreadId>) {
    let (release, released) = channel::<()>();
    let (begin, begun) = channel();
    let call = rt.spawn_blocking(move || {
        begin.send(()).unwrap();
        released.recv().unwrap_err();
        thread::current().id()
    });
    begun.recv().unwrap();
    (release, call)
}

#[test]
fn one_thread_runs_the_calls_in_order() {
    watched(|| {
        let rt = with_threads(1);
        let order = Arc::new(Mutex::new(vec![]));
        let (release, first) = occupy(&rt);
        let calls: Vec<_> = (0..100)
            .map(|number| {
                let order = order.clone();
                let call = move || {
                    order.lock().unwrap().push(number);
                    thread::current().id()
                };
                // It does not matter who asks.
                match number % 2 {
                    0 => rt.spawn_blocking(call),
                    _ => thread::scope(|s| {
                        let handle = rt.handle().clone();
                        s.spawn(move || handle.spawn_blocking(call)).join().unwrap()
                    }),
                }
            })
            .collect();
        drop(release);
        rt.block_on(async {
            let id = first.await.unwrap();
            for call in calls {
                assert_eq!(call.await.unwrap(), id);
            }
        });
        assert!(order.lock().unwrap().iter().copied().eq(0..100));
    })
}

#[test]
fn as_many_threads_as_the_bound_allows_and_no_more() {
    const THREADS: usize = 4;
    watched(|| {
        let rt = with_threads(THREADS);
        let (at_once, most) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
        // Each call waits for three others: with fewer threads none would ever end.
        let together = Arc::new(Barrier::new(THREADS));
        let calls: Vec<_> = (0..THREADS * 50)
            .map(|_| {
                let (at_once, most, together) = (at_once.clone(), most.clone(), together.clone());
                rt.spawn_blocking(move || {
                    most.fetch_max(at_once.fetch_add(1, SeqCst) + 1, SeqCst);
                    together.wait();
                    at_once.fetch_sub(1, SeqCst);
                    thread::current().name().unwrap().to_owned()
                })
            })
            .collect();
        rt.block_on(async {
            let mut names = std::collections::BTreeSet::new();
            for call in calls {
                names.insert(call.await.unwrap());
            }
            let expected: Vec<_> = (0..THREADS).map(|number| format!("ayi-blocking-{number}")).collect();
            assert!(names.into_iter().eq(expected));
        });
        assert_eq!(most.load(SeqCst), THREADS);
    })
}

#[test]
fn idle_threads_are_used_again_and_end_when_their_time_is_over() {
    thread_local! {
        static ON_EXIT: RefCell<Option<OnDrop>> = const { RefCell::new(None) };
    }
    watched(|| {
        let name = || thread::current().name().unwrap().to_owned();
        let mut builder = Builder::new_current_thread();
        // With this bound, a second one means that the first has ended.
        builder.max_blocking_threads(1).thread_name("tea");
        let rt = builder.thread_keep_alive(Duration::from_secs(3600)).build().unwrap();
        for _ in 0..50 {
            assert_eq!(rt.block_on(rt.spawn_blocking(name)).unwrap(), "tea-0");
        }
        let rt = builder.thread_keep_alive(Duration::from_nanos(1)).build().unwrap();
        for number in 0..5 {
            let (on_exit, exits) = on_drop();
            let call = rt.spawn_blocking(move || {
                ON_EXIT.set(Some(on_exit));
                name()
            });
            assert_eq!(rt.block_on(call).unwrap(), format!("tea-{number}"));
            exits.recv().unwrap();
        }
    })
}

#[test]
fn aborted_before_it_starts_and_while_it_runs() {
    watched(|| {
        let rt = with_threads(1);
        let (release, running) = occupy(&rt);
        let (captured, drops) = on_drop();
        let queued = rt.spawn_blocking(move || -> () {
            let _captured = captured;
            panic!("it was aborted");
        });
        let next = rt.spawn_blocking(|| 3);
        running.abort();
        queued.abort();
        assert!(rt.block_on(queued).unwrap_err().is_cancelled());
        assert!(!running.is_finished());
        drop(release);
        // It could no longer be stopped.
        rt.block_on(running).unwrap();
        assert_eq!(rt.block_on(next).unwrap(), 3);
        drops.recv().unwrap();
    })
}

/// A call either runs and its result arrives, or it is cancelled and never runs.
#[test]
fn aborts_that_race_with_the_start() {
    watched(|| {
        let rt = with_threads(2);
        let ran = Arc::new(AtomicUsize::new(0));
        let (mut finished, mut cancelled) = (0, 0);
        rt.block_on(async {
            for round in 0..3_000 {
                let run = ran.clone();
                let call = spawn_blocking(move || run.fetch_add(1, SeqCst));
                for _ in 0..round % 7 {
                    yield_now().await;
                }
                call.abort();
                match call.await {
                    Ok(_) => finished += 1,
                    Err(error) => {
                        assert!(error.is_cancelled());
                        cancelled += 1;
                    }
                }
            }
        });
        drop(rt);
        assert_eq!((ran.load(SeqCst), finished + cancelled), (finished, 3_000));
    })
}

#[test]
fn a_panic_is_the_callers_and_the_thread_goes_on() {
    watched(|| {
        let rt = with_threads(1);
        let id = rt.block_on(rt.spawn_blocking(|| thread::current().id())).unwrap();
        for number in 0..20 {
            let call = rt.spawn_blocking(move || resume_unwind(Box::new(number)) as ());
            let panic = rt.block_on(call).unwrap_err().into_panic();
            assert_eq!(*panic.downcast::<i32>().unwrap(), number);
            assert_eq!(rt.block_on(rt.spawn_blocking(|| thread::current().id())).unwrap(), id);
        }
    })
}

#[test]
fn many_calls_at_once() {
    watched(|| {
        let rt = with_threads(8);
        let sum = rt.block_on(async {
            let calls: Vec<_> =
                (0..5_000u64).map(|number| spawn_blocking(move || Box::new(number))).collect();
            let mut sum = 0;
            for call in calls {
                sum += *call.await.unwrap();
            }
            sum
        });
        assert_eq!(sum, 5_000 * 4_999 / 2);
    })
}

/// Nobody wants the result, and no other thread has it: the runtime's thread drops it.
#[test]
fn results_that_nobody_wants_are_dropped_once() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let home = thread::current().id();
        for is_dropped_before in [false, true] {
            let (result, drops) = on_drop();
            let (release, released) = channel::<()>();
            let call = rt.spawn_blocking(move || {
                released.recv().unwrap_err();
                result
            });
            let call = if is_dropped_before {
                drop(call);
                None
            } else {
                Some(call)
            };
            drop(release);
            rt.block_on(async {
                if let Some(call) = call {
                    while !call.is_finished() {
                        turn().await;
                    }
                    assert!(drops.try_recv().is_err());
                    drop(call);
                }
                let dropped = loop {
                    turn().await;
                    if let Ok(dropped) = drops.try_recv() {
                        break dropped;
                    }
                };
                assert_eq!(dropped, home);
            });
            assert!(drops.recv().is_err());
        }
    })
}

/// The call continues when its runtime has ended. Its task's slot then belongs to a task of the next runtime.
#[test]
fn a_result_that_comes_when_the_slot_is_anothers() {
    // The next runtime of the process gets the slots, so that runtime has to be this test's.
    if !in_a_child(module_path!(), "a_result_that_comes_when_the_slot_is_anothers") {
        return;
    }
    watched(|| {
        let rt = Runtime::new().unwrap();
        let (result, drops) = on_drop();
        let (release, released) = channel::<()>();
        let (begin, begun) = channel();
        let call = rt.spawn_blocking(move || {
            begin.send(()).unwrap();
            released.recv().unwrap_err();
            result
        });
        begun.recv().unwrap();
        rt.shutdown_timeout(Duration::ZERO);
        drop(call);

        let rt = Runtime::new().unwrap();
        // The runtime learns that the slot is vacant.
        rt.block_on(turn());
        let is_over = Rc::new(Cell::new(false));
        let tasks = (0..100).map(|number| {
            let is_over = is_over.clone();
            rt.spawn(async move {
                while !is_over.get() {
                    turn().await;
                }
                Box::new(number)
            })
        });
        let tasks: Vec<_> = tasks.collect();
        drop(release);
        rt.block_on(async {
            while drops.try_recv().is_err() {
                turn().await;
            }
            is_over.set(true);
            for (number, task) in tasks.into_iter().enumerate() {
                assert_eq!(*task.await.unwrap(), number);
            }
        });
    })
}

/// A call may use the runtime, and make calls of its own, if it does not wait for them on the last thread.
#[test]
fn calls_that_spawn_and_call() {
    watched(|| {
        let rt = with_threads(1);
        let handle = rt.handle().clone();
        let call = rt.spawn_blocking(move || {
            let home = foreign_block_on(handle.spawn(async { thread::current().id() })).unwrap();
            assert_ne!(home, thread::current().id());
            (home, handle.spawn_blocking(|| thread::current().id()))
        });
        rt.block_on(async {
            let (home, second) = call.await.unwrap();
            assert_eq!(home, thread::current().id());
            assert_ne!(second.await.unwrap(), home);
        });
    });
    run(async || {
        // There are as many threads as nested calls.
        fn nested(depth: u32) -> u32 {
            if depth == 0 {
                return 0;
            }
            let rt = Runtime::new().unwrap();
            rt.block_on(rt.spawn_blocking(move || nested(depth - 1))).unwrap() + 1
        }
        assert_eq!(spawn_blocking(|| nested(10)).await.unwrap(), 10);
    })
}

#[test]
fn the_system_refuses_to_start_threads() {
    if !in_a_child(module_path!(), "the_system_refuses_to_start_threads") {
        return;
    }
    watched(|| {
        let (empty, busy) = (Runtime::new().unwrap(), Runtime::new().unwrap());
        let (release, first) = occupy(&busy);
        let (captured, drops) = on_drop();
        limit_memory(Some(1 << 20));
        let refused = catch_unwind(AssertUnwindSafe(|| empty.spawn_blocking(move || drop(captured))));
        // The only thread will do it.
        let second = busy.spawn_blocking(|| thread::current().id());
        limit_memory(None);
        let text = *refused.unwrap_err().downcast::<String>().unwrap();
        assert!(text.contains("the system refuses to start the pool's first thread"), "{text}");
        assert!(text.contains("raise the limit on threads"), "{text}");
        drops.recv().unwrap();
        drop(release);
        assert_eq!(busy.block_on(first).unwrap(), busy.block_on(second).unwrap());
        // Nothing is left of the call that was refused, nor of its task.
        assert_eq!(empty.block_on(empty.spawn_blocking(|| 4)).unwrap(), 4);
        assert_eq!(empty.metrics().num_alive_tasks(), 0);
    })
}

#[test]
fn the_current_runtime_inside_a_call() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let inner = rt.spawn_blocking(|| Handle::current().spawn(async { 7 }));
        assert_eq!(rt.block_on(async { inner.await.unwrap().await.unwrap() }), 7);
    })
}

/// Calls may wait for each other. Each has a thread, as long as the bound allows: an idle thread is not counted twice.
#[test]
fn two_calls_that_come_at_once_while_one_thread_is_idle_both_run() {
    run(async || {
        let metrics = Handle::current().metrics();
        for _ in 0..200 {
            spawn_blocking(|| ()).await.unwrap();
            while metrics.num_idle_blocking_threads() < metrics.num_blocking_threads() {
                yield_now().await;
            }
            let count = metrics.num_blocking_threads() + 1;
            if count > 100 {
                break;
            }
            let all = Arc::new(Barrier::new(count));
            let calls: Vec<_> = (0..count)
                .map(|_| {
                    let all = all.clone();
                    spawn_blocking(move || {
                        all.wait();
                    })
                })
                .collect();
            for call in calls {
                call.await.unwrap();
            }
        }
    });
}

#[test]
fn the_stack_of_a_thread_is_as_large_as_is_asked_for() {
    fn stack_size() -> usize {
        // SAFETY: the attributes are filled by the first call, before the others read them and free what they hold.
        unsafe {
            let (mut attributes, mut size) = (std::mem::zeroed(), 0);
            assert_eq!(libc::pthread_getattr_np(libc::pthread_self(), &mut attributes), 0);
            assert_eq!(libc::pthread_attr_getstacksize(&attributes, &mut size), 0);
            libc::pthread_attr_destroy(&mut attributes);
            size
        }
    }
    watched(|| {
        // The C library may give a thread the stack of an earlier one, which was larger.
        for asked in [4 << 20, 32 << 20] {
            let rt = Builder::new_current_thread().thread_stack_size(asked).build().unwrap();
            let size = rt.block_on(rt.spawn_blocking(stack_size)).unwrap();
            assert!(size >= asked, "{size} of {asked}");
        }
    });
}
