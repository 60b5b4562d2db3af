//! A runtime of the kind `multi_thread` with several workers.

use crate::support::watched;
use ayi::runtime::{Builder, Handle, Runtime, shutdown, worker_index};
use ayi::sync::oneshot;
use ayi::task::{self, yield_now};
use ayi::time::sleep;
use std::collections::HashSet;
use std::future::pending;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

fn runtime(workers: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(workers).build().unwrap()
}

/// Keeps the thread busy for a while.
fn work() {
    let start = Instant::now();
    while start.elapsed() < Duration::from_micros(20) {
        std::hint::spin_loop();
    }
}

#[test]
fn two_busy_tasks_that_begin_on_one_worker_get_two() {
    watched(|| {
        let rt = runtime(2);
        rt.block_on(async {
            let is_done = Arc::new(AtomicBool::new(false));
            let busy = |is_done: Arc<AtomicBool>| async move {
                let mut seen = HashSet::new();
                while !is_done.load(SeqCst) {
                    work();
                    seen.insert(worker_index().unwrap());
                    if seen.len() == 2 {
                        is_done.store(true, SeqCst);
                    }
                    yield_now().await;
                }
            };
            let both = Handle::current().spawn(async move {
                // Both begin here, and one of them goes to the other worker.
                let (one, other) = (busy(is_done.clone()), busy(is_done));
                let (one, other) = (Handle::current().spawn(one), Handle::current().spawn(other));
                one.await.unwrap();
                other.await.unwrap();
            });
            both.await.unwrap();
        });
    });
}

#[test]
fn handles_names_and_blocking_calls_are_those_of_the_runtime_on_each_worker() {
    watched(|| {
        let rt = Builder::new_multi_thread().worker_threads(3).name("tea").build().unwrap();
        assert_eq!(rt.metrics().num_workers(), 3);
        let id = rt.handle().id();
        let seen = Arc::new(Mutex::new(HashSet::new()));
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let seen = seen.clone();
                rt.handle().spawn(async move {
                    // As long as two are on one worker and keep it busy, one of them goes to another.
                    while seen.lock().unwrap().len() < 3 {
                        work();
                        seen.lock().unwrap().insert(worker_index().unwrap());
                        yield_now().await;
                    }
                    assert_eq!((Handle::current().id(), Handle::current().name()), (id, Some("tea")));
                    let of_call = task::spawn_blocking(|| Handle::current().id()).await.unwrap();
                    assert_eq!(of_call, id);
                })
            })
            .collect();
        rt.block_on(async {
            assert_eq!((worker_index(), Handle::current().id()), (None, id));
            for task in tasks {
                task.await.unwrap();
            }
        });
        assert_eq!(*seen.lock().unwrap(), HashSet::from([0, 1, 2]));
    });
}

#[test]
fn a_task_that_is_not_send_stays_on_the_worker_that_spawned_it() {
    watched(|| {
        let rt = runtime(2);
        let task = rt.handle().spawn(async {
            let (here, there) = (
                thread::current().id(),
                ayi::spawn(async {
                    let not_send = Rc::new(7);
                    for _ in 0..100 {
                        yield_now().await;
                    }
                    (thread::current().id(), *not_send)
                }),
            );
            (here, there.await.unwrap())
        });
        let (here, (there, seven)) = rt.block_on(task).unwrap();
        assert_eq!((here == there, seven), (true, 7));
    });
}

#[test]
fn the_drop_waits_until_all_workers_have_dropped_their_futures() {
    struct Counts(Arc<AtomicUsize>, Option<usize>);
    impl Drop for Counts {
        fn drop(&mut self) {
            // So the first worker is done long before the others.
            if self.1 != Some(0) {
                thread::sleep(Duration::from_millis(50));
            }
            self.0.fetch_add(1, SeqCst);
        }
    }
    watched(|| {
        let (rt, dropped) = (runtime(4), Arc::new(AtomicUsize::new(0)));
        // Each keeps its worker until all have one.
        let (all_are_there, (told, begun)) = (Arc::new(Barrier::new(4)), mpsc::channel());
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let dropped = dropped.clone();
                let (all_are_there, told) = (all_are_there.clone(), told.clone());
                let task = rt.handle().spawn(async move {
                    let _counts = Counts(dropped, worker_index());
                    told.send(worker_index().unwrap()).unwrap();
                    all_are_there.wait();
                    pending::<()>().await
                });
                (begun.recv().unwrap(), task)
            })
            .collect();
        let workers: HashSet<usize> = tasks.iter().map(|(worker, _)| *worker).collect();
        assert_eq!(workers.len(), 4);
        drop(rt);
        assert_eq!(dropped.load(SeqCst), 4);
        assert!(tasks.iter().all(|(_, task)| task.is_finished()));
    });
}

#[test]
fn a_task_may_drop_the_runtime_on_whatever_worker_it_is() {
    watched(|| {
        for _ in 0..20 {
            let (rt, (told, news)) = (runtime(3), mpsc::channel());
            let (send, receive) = oneshot::channel::<Runtime>();
            rt.handle().spawn(async move {
                drop(receive.await.unwrap());
                told.send(()).unwrap();
            });
            let waits = rt.handle().spawn(pending::<()>());
            assert!(send.send(rt).is_ok());
            news.recv().unwrap();
            let error = crate::support::foreign_block_on(waits).unwrap_err();
            assert!(error.is_cancelled());
        }
    });
}

#[test]
fn its_figures_are_those_of_all_workers() {
    watched(|| {
        let rt = runtime(3);
        let tasks: Vec<_> = (0..30).map(|_| rt.handle().spawn(yield_now())).collect();
        let waits = rt.handle().spawn(pending::<()>());
        rt.block_on(async {
            for task in tasks {
                task.await.unwrap();
            }
        });
        let metrics = rt.metrics();
        // A worker on which a task has been counts it to the end for a moment more.
        while (metrics.num_alive_tasks(), metrics.spawned_tasks_count()) != (1, 31) {
            thread::yield_now();
        }
        let polls: u64 = (0..3).map(|worker| metrics.worker_poll_count(worker)).sum();
        assert!(polls > 0, "{metrics:?}");
        waits.abort();
    });
}

#[test]
#[should_panic(expected = "worker_threads: a runtime has at least one thread for its tasks")]
fn no_worker_at_all_is_refused() {
    Builder::new_multi_thread().worker_threads(0);
}

#[test]
fn as_many_tasks_as_workers_block_at_the_same_time_though_there_are_fewer_cpus() {
    watched(|| {
        let workers = 4 * thread::available_parallelism().unwrap().get();
        let (rt, all) = (runtime(workers), Arc::new(Barrier::new(workers)));
        // Each waits until all have come. If two are on one worker, the other one goes on meanwhile.
        let tasks: Vec<_> = (0..workers)
            .map(|_| {
                let all = all.clone();
                rt.handle().spawn(async move { task::block_in_place(|| all.wait().is_leader()) })
            })
            .collect();
        let leaders = rt.block_on(async {
            let mut leaders = 0;
            for task in tasks {
                leaders += usize::from(task.await.unwrap());
            }
            leaders
        });
        assert_eq!(leaders, 1);
    });
}

#[test]
#[should_panic(expected = "there is no worker 2: there are 2")]
fn a_worker_that_is_not_there_is_named() {
    runtime(2).metrics().worker_poll_count(2);
}

#[test]
fn the_orderly_end_waits_for_the_tasks_of_all_workers_and_names_those_that_stay() {
    watched(|| {
        // Often, for the last one may end while the caller looks.
        for _ in 0..100 {
            let rt = runtime(3);
            let report = rt.block_on(async {
                for _ in 0..10 {
                    Handle::current().spawn(async {
                        ayi::runtime::shutdown_token().cancelled().await;
                        sleep(Duration::from_micros(20)).await;
                    });
                }
                shutdown(Duration::from_secs(60)).await
            });
            assert!(report.is_clean(), "{report}");
        }
        let rt = runtime(3);
        let report = rt.block_on(async {
            for _ in 0..3 {
                let named = task::Builder::new().name("stubborn");
                drop(named.spawn_on(pending::<()>(), &Handle::current()).unwrap());
            }
            // Also if a task asks for it, which is not among them.
            let ends = Handle::current().spawn(async { shutdown(Duration::from_millis(1)).await });
            ends.await.unwrap()
        });
        let names: Vec<_> = report.still_running().iter().map(|task| task.name()).collect();
        assert_eq!(names, [Some("stubborn"); 3]);
    });
}

/// As many tasks block as there are workers, and others run all the same.
#[test]
fn other_tasks_go_on_while_all_workers_block_in_place() {
    watched(|| {
        for workers in [1, 2, 4] {
            let rt = Builder::new_multi_thread().worker_threads(workers).apart().build().unwrap();
            let meet = Arc::new(std::sync::Barrier::new(workers + 1));
            for _ in 0..workers {
                let meet = meet.clone();
                rt.handle().spawn(async move {
                    task::block_in_place(|| {
                        meet.wait();
                        meet.wait();
                    });
                });
            }
            meet.wait();
            let (told, news) = mpsc::channel();
            for n in 0..100 {
                let told = told.clone();
                rt.handle().spawn(async move {
                    sleep(Duration::from_micros(10)).await;
                    yield_now().await;
                    told.send(n).unwrap();
                });
            }
            drop(told);
            assert_eq!(news.iter().collect::<HashSet<_>>().len(), 100);
            meet.wait();
        }
    });
}

/// The first one waits for the second, which waits for the third: each within a poll, on one worker.
#[test]
fn tasks_that_block_in_place_wait_for_each_other_in_any_order() {
    watched(|| {
        // Often, for the moments differ at which one asks for the worker and another has it.
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [1, 0, 2]].repeat(60) {
            let rt = Builder::new_multi_thread().worker_threads(1).apart().build().unwrap();
            let (tellers, listeners): (Vec<_>, Vec<_>) = (0..3).map(|_| mpsc::channel::<()>()).unzip();
            let tasks: Vec<_> = listeners
                .into_iter()
                .map(|listener| {
                    rt.handle().spawn(async move {
                        task::block_in_place(|| listener.recv().unwrap());
                        yield_now().await;
                        thread::current().id()
                    })
                })
                .collect();
            // All three block now.
            while rt.handle().metrics().num_blocking_threads() < 3 {
                thread::yield_now();
            }
            let mut tasks: Vec<_> = tasks.into_iter().map(Some).collect();
            for index in order {
                tellers[index].send(()).unwrap();
                rt.block_on(tasks[index].take().unwrap()).unwrap();
            }
        }
    });
}

#[test]
fn a_drop_ends_the_other_tasks_for_which_a_blocking_one_waits() {
    watched(|| {
        for workers in [1, 3] {
            let rt = Builder::new_multi_thread().worker_threads(workers).apart().build().unwrap();
            let (sender, receiver) = mpsc::channel::<()>();
            let (told, news) = mpsc::channel();
            let blocks = rt.handle().spawn(async move {
                task::block_in_place(|| {
                    told.send(()).unwrap();
                    receiver.recv().unwrap_err();
                });
                pending::<()>().await
            });
            rt.handle().spawn(async move {
                let _sender = sender;
                pending::<()>().await
            });
            news.recv().unwrap();
            drop(rt);
            assert!(crate::support::foreign_block_on(blocks).unwrap_err().is_cancelled());
        }
    });
}

#[test]
fn what_is_not_send_waits_for_its_thread_while_that_blocks_in_place() {
    watched(|| {
        let rt = Builder::new_multi_thread().worker_threads(1).apart().build().unwrap();
        let (sender, receiver) = mpsc::channel::<()>();
        let (told, news) = mpsc::channel();
        let blocks = rt.handle().spawn(async move {
            let here = thread::current().id();
            task::block_in_place(|| {
                told.send(()).unwrap();
                receiver.recv().unwrap();
            });
            here
        });
        news.recv().unwrap();
        let local = rt.handle().spawn_with(|| {
            let not_send = Rc::new(thread::current().id());
            async move {
                yield_now().await;
                *not_send
            }
        });
        // It is not polled by the thread that stands in, which does what comes after it.
        rt.block_on(rt.handle().spawn(yield_now())).unwrap();
        assert!(!local.is_finished());
        let refused = rt.handle().spawn(async { drop(ayi::spawn(async {})) });
        assert!(rt.block_on(refused).unwrap_err().is_panic());
        sender.send(()).unwrap();
        let (own, of_local) = rt.block_on(async { (blocks.await.unwrap(), local.await.unwrap()) });
        assert_eq!(own, of_local);
    });
}

#[test]
fn a_task_that_is_not_send_waits_while_its_worker_blocks_in_place() {
    watched(|| {
        let rt = Builder::new_multi_thread().worker_threads(1).apart().build().unwrap();
        let task = rt.handle().spawn(async {
            let here = thread::current().id();
            let polls = Arc::new(AtomicUsize::new(0));
            let counts = polls.clone();
            let local = ayi::spawn(async move {
                let not_send = Rc::new(here);
                for _ in 0..100 {
                    counts.fetch_add(1, SeqCst);
                    assert_eq!(thread::current().id(), *not_send);
                    yield_now().await;
                }
            });
            yield_now().await;
            let (before, start) = (polls.load(SeqCst), Instant::now());
            // A thread that stood in would poll it meanwhile.
            task::block_in_place(|| {
                while polls.load(SeqCst) == before && start.elapsed() < Duration::from_millis(200) {
                    thread::yield_now();
                }
            });
            local.await
        });
        rt.block_on(task).unwrap().unwrap();
    });
}
