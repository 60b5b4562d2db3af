//! Tasks that go from core to core: one situation a test. `share_ends` has what goes wrong and what ends, `share_waits` what
//! they wait for.

use crate::support::watched;
use ayi::runtime::{Builder, Core, CoresBuilder, Handle};
use ayi::sync::{mpsc, oneshot};
use ayi::task::{self, JoinSet, yield_now};
use ayi::time::{Duration, sleep};
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;

/// Cores that send each task that may move on all the time.
pub fn restless(cores: usize) -> CoresBuilder {
    // A turn after each poll, so that each may be the last one here.
    let mut builder = Builder::new_current_thread().event_interval(1).cores(cores);
    builder.restless(true);
    builder
}

/// Runs `main` on the first of some cores, while the others wait.
pub fn on_the_first_of<T: Send>(cores: CoresBuilder, main: impl AsyncFn(Core) -> T + Sync) -> T {
    let run = async |core: Core| {
        let all = core.shutdown_token();
        if core.index() > 0 {
            all.cancelled().await;
            return None;
        }
        let _guard = all.drop_guard();
        Some(main(core).await)
    };
    watched(|| cores.run(run).unwrap().swap_remove(0).unwrap())
}

/// Runs `main` on the first of `cores` restless cores, while the others wait.
pub fn on_restless_cores<T: Send>(cores: usize, main: impl AsyncFn(Core) -> T + Sync) -> T {
    on_the_first_of(restless(cores), main)
}

/// Returns the core that polls this.
pub fn here() -> usize {
    Core::current().index()
}

/// Lets the task move until it is on that core. There it stays until it is woken, if it waits next.
pub async fn go_to(core: usize) {
    while here() != core {
        yield_now().await;
    }
}

/// Waits until each core has so many tasks, and so many that were spawned there. A core takes a place that it gives up out
/// of its figures in steps, and some of them come after the task has ended.
pub async fn counts<const CORES: usize>(core: &Core, wanted: [(usize, u64); CORES]) {
    let count = || {
        std::array::from_fn(|index| {
            let metrics = core.handle(index).metrics();
            (metrics.num_alive_tasks(), metrics.spawned_tasks_count())
        })
    };
    while count() != wanted {
        yield_now().await;
    }
}

/// Polls once, with the waker of the task.
pub async fn is_pending(mut future: Pin<&mut impl Future>) -> bool {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await
}

/// Puts down where it was dropped.
#[derive(Clone, Default)]
pub struct Drops(Arc<Mutex<Vec<usize>>>);

pub struct Dropped(Drops);

impl Drops {
    pub fn new() -> (Drops, Dropped) {
        let drops = Drops::default();
        (drops.clone(), Dropped(drops))
    }

    pub fn another(&self) -> Dropped {
        Dropped(self.clone())
    }

    pub fn cores(&self) -> Vec<usize> {
        self.0.lock().unwrap().clone()
    }
}

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().push(here());
    }
}

#[test]
fn a_task_that_moves_has_its_id_and_gives_its_output() {
    let here = on_restless_cores(2, async |_| {
        let task = Handle::current().spawn(async {
            let (mut cores, id) = (Vec::new(), task::id());
            for _ in 0..20 {
                yield_now().await;
                assert_eq!(task::id(), id);
                cores.push(here());
            }
            (id, cores)
        });
        let id = task.id();
        let (own, cores) = task.await.unwrap();
        assert_eq!(own, id);
        cores
    });
    assert!(here.contains(&0) && here.contains(&1), "{here:?}");
}

#[test]
fn many_tasks_with_timers_and_wakes_end_each_with_its_own_output() {
    on_restless_cores(3, async |_| {
        let tasks: Vec<_> = (0..500)
            .map(|n: usize| {
                Handle::current().spawn(async move {
                    for round in 0..10 {
                        match (n + round) % 3 {
                            0 => yield_now().await,
                            1 => sleep(Duration::from_micros(50)).await,
                            _ => ayi::spawn(async {}).await.unwrap(),
                        }
                    }
                    n
                })
            })
            .collect();
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), n);
        }
    });
}

#[test]
fn a_task_that_need_not_be_send_stays() {
    on_restless_cores(2, async |_| {
        let task = ayi::spawn(async {
            for _ in 0..20 {
                yield_now().await;
                assert_eq!(here(), 0);
            }
        });
        task.await.unwrap();
    });
}

/// Aborts a task that waits on the second core, with `abort`.
fn aborted(abort: impl Fn(task::AbortHandle) + Sync) {
    on_restless_cores(2, async |core| {
        let ((drops, dropped), (there, is_there)) = (Drops::new(), oneshot::channel());
        let task = Handle::current().spawn(async move {
            let _dropped = dropped;
            go_to(1).await;
            there.send(task::id()).unwrap();
            pending::<()>().await;
        });
        assert_eq!(is_there.await.unwrap(), task.id());
        let id = task.id();
        abort(task.abort_handle());
        let error = task.await.unwrap_err();
        assert!(error.is_cancelled() && error.id() == id);
        assert_eq!(drops.cores(), [1], "the future is dropped where it is, before anybody hears of it");
        counts(&core, [(0, 1), (0, 0)]).await;
    });
}

#[test]
fn a_task_that_is_away_is_aborted_from_its_home() {
    aborted(|task| task.abort());
}

#[test]
fn a_task_that_is_away_is_aborted_from_another_thread() {
    aborted(|task| thread::spawn(move || task.abort()).join().unwrap());
}

#[test]
fn a_task_that_is_away_aborts_itself() {
    on_restless_cores(2, async |_| {
        let (give, own) = oneshot::channel::<task::AbortHandle>();
        let task = Handle::current().spawn(async move {
            let own = own.await.unwrap();
            go_to(1).await;
            own.abort();
            pending::<()>().await;
        });
        assert!(give.send(task.abort_handle()).is_ok());
        assert!(task.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn tasks_that_move_are_aborted_at_any_moment() {
    on_restless_cores(3, async |core| {
        let drops = Drops::default();
        for round in 0..300 {
            let dropped = drops.another();
            let task = Handle::current().spawn(async move {
                let _dropped = dropped;
                loop {
                    yield_now().await;
                }
            });
            for _ in 0..round % 7 {
                yield_now().await;
            }
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
            assert_eq!(drops.cores().len(), round + 1);
        }
        counts(&core, [(0, 300), (0, 0), (0, 0)]).await;
    });
}

#[test]
fn the_output_of_a_task_whose_handle_is_dropped_meanwhile_is_dropped_at_home() {
    on_restless_cores(2, async |_| {
        let ((drops, dropped), (there, is_there)) = (Drops::new(), oneshot::channel());
        let (go, going) = oneshot::channel::<()>();
        let task = Handle::current().spawn(async move {
            go_to(1).await;
            there.send(()).unwrap();
            going.await.unwrap();
            dropped
        });
        is_there.await.unwrap();
        drop(task);
        go.send(()).unwrap();
        while drops.cores().is_empty() {
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(drops.cores(), [0]);
    });
}

#[test]
fn a_task_that_is_away_is_awaited_on_a_thread_of_its_own() {
    on_restless_cores(2, async |_| {
        let task = Handle::current().spawn(async {
            go_to(1).await;
            vec![7; 1000]
        });
        let handle = Handle::current();
        let awaited = task::spawn_blocking(move || handle.block_on(task).unwrap());
        assert_eq!(awaited.await.unwrap(), [7; 1000]);
    });
}

#[test]
fn a_set_of_tasks_that_move_gives_the_output_of_each_once() {
    on_restless_cores(3, async |_| {
        let mut set = JoinSet::new();
        for n in 0..100 {
            let task = async move {
                for _ in 0..n % 10 {
                    yield_now().await;
                }
                n
            };
            set.spawn_on(task, &Handle::current());
        }
        set.spawn_on(async { pending().await }, &Handle::current()).abort();
        let (mut outputs, mut cancelled) = (Vec::new(), 0);
        while let Some(output) = set.join_next().await {
            match output {
                Ok(n) => outputs.push(n),
                Err(error) => cancelled += usize::from(error.is_cancelled()),
            }
        }
        outputs.sort_unstable();
        assert_eq!(outputs, (0..100).collect::<Vec<_>>());
        assert_eq!(cancelled, 1);
    });
}

ayi::task_local! {
    static GUEST: String;
}

#[test]
fn what_is_local_to_a_task_goes_with_it() {
    on_restless_cores(2, async |_| {
        let task = GUEST.scope("Ada".into(), async {
            for core in [1, 0, 1, 0] {
                go_to(core).await;
                assert_eq!(GUEST.get(), "Ada");
            }
        });
        Handle::current().spawn(task).await.unwrap();
    });
}

#[test]
fn hooks_see_each_task_begin_and_end_once() {
    let seen: [Arc<Mutex<Vec<_>>>; 2] = Default::default();
    let [begun, ended] = seen.clone();
    let mut builder = Builder::new_current_thread();
    builder.event_interval(1);
    builder.on_task_spawn(move |task| begun.lock().unwrap().push((task.id(), task.name().map(String::from))));
    builder.on_task_terminate(move |task| {
        ended.lock().unwrap().push((task.id(), task.name().map(String::from)))
    });
    let mut cores = builder.cores(3);
    cores.restless(true);
    let mut ids = on_the_first_of(cores, async |_| {
        let (mut ids, mut tasks) = (Vec::new(), Vec::new());
        for n in 0..50 {
            let name = format!("task {n}");
            let future = async move {
                for _ in 0..n {
                    yield_now().await;
                }
                assert!(n % 7 != 3, "on purpose");
            };
            let task = task::Builder::new().name(&name).spawn_on(future, &Handle::current()).unwrap();
            if n % 5 == 0 {
                task.abort();
            }
            ids.push((task.id(), Some(name)));
            tasks.push(task);
        }
        for task in tasks {
            let _ = task.await;
        }
        ids
    });
    ids.sort_unstable();
    for seen in seen {
        let mut seen = seen.lock().unwrap().clone();
        seen.sort_unstable();
        assert_eq!(seen, ids);
    }
}

#[test]
fn a_task_counts_at_home_alone() {
    on_restless_cores(2, async |core| {
        let (there, mut arrivals) = mpsc::channel(10);
        let (go, _) = ayi::sync::broadcast::channel::<()>(1);
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                let (there, mut going) = (there.clone(), go.subscribe());
                Handle::current().spawn(async move {
                    go_to(1).await;
                    there.try_send(()).unwrap();
                    going.recv().await.unwrap();
                })
            })
            .collect();
        for _ in 0..10 {
            arrivals.recv().await.unwrap();
        }
        counts(&core, [(10, 10), (0, 0)]).await;
        go.send(()).unwrap();
        for task in tasks {
            task.await.unwrap();
        }
        counts(&core, [(0, 10), (0, 0)]).await;
    });
}

/// It keeps the waker of its first poll, and never a later one.
#[test]
fn the_first_waker_wakes_a_task_that_has_moved_since() {
    on_restless_cores(3, async |_| {
        for route in [[1, 2], [2, 1], [1, 0], [2, 0]] {
            let is_set = Arc::new(AtomicUsize::new(0));
            let (give, first) = oneshot::channel();
            let (there, is_there) = oneshot::channel();
            let theirs = is_set.clone();
            let task = Handle::current().spawn(async move {
                let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
                give.send(waker).unwrap();
                for core in route {
                    go_to(core).await;
                }
                there.send(()).unwrap();
                let mut polls = 0;
                poll_fn(|_| {
                    polls += 1;
                    if theirs.load(SeqCst) == 1 { Poll::Ready(polls) } else { Poll::Pending }
                })
                .await
            });
            let first = first.await.unwrap();
            is_there.await.unwrap();
            // For nothing, and then for something.
            first.wake_by_ref();
            yield_now().await;
            is_set.store(1, SeqCst);
            thread::spawn(move || first.wake()).join().unwrap();
            assert!(task.await.unwrap() >= 1);
        }
    });
}

#[test]
fn a_large_future_moves() {
    on_restless_cores(2, async |_| {
        let task = Handle::current().spawn(async {
            let mut large = [0_u8; 40_000];
            for (n, byte) in large.iter_mut().enumerate() {
                *byte = n as u8;
            }
            for core in [1, 0, 1] {
                go_to(core).await;
            }
            assert!(large.iter().enumerate().all(|(n, byte)| *byte == n as u8));
            large
        });
        assert_eq!(task.await.unwrap()[39_999], 39_999_usize as u8);
    });
}
