//! Tasks that go from core to core, when something goes wrong or ends.

use super::share::{Drops, counts, go_to, here, is_pending, on_restless_cores, on_the_first_of, restless};
use crate::support::{child, is_child, watched};
use ayi::runtime::{Builder, Core, CorePanic, Handle, UnhandledPanic, shutdown, shutdown_token};
use ayi::sync::oneshot;
use ayi::task::{self, JoinHandle, yield_now};
use ayi::time::{Duration, sleep};
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

#[test]
fn a_panic_of_a_task_that_is_away_is_told_to_who_awaits_it() {
    on_restless_cores(2, async |core| {
        let (drops, dropped) = Drops::new();
        let future = async move {
            let _dropped = dropped;
            go_to(1).await;
            panic!("lost on core {}", here());
        };
        let task: JoinHandle<()> =
            task::Builder::new().name("courier").spawn_on(future, &Handle::current()).unwrap();
        let id = task.id();
        let error = task.await.unwrap_err();
        assert!(error.is_panic() && error.id() == id);
        assert!(error.to_string().contains("lost on core 1"), "{error}");
        assert_eq!(*error.into_panic().downcast::<String>().unwrap(), "lost on core 1");
        assert_eq!(drops.cores(), [1]);
        counts(&core, [(0, 1), (0, 0)]).await;
    });
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a bomb on core {}", here());
    }
}

#[test]
fn a_future_whose_drop_panics_while_it_is_away_fails() {
    on_restless_cores(2, async |_| {
        // Ready, and then dropped; aborted.
        let ready = Handle::current().spawn(async {
            let _bomb = Bomb;
            go_to(1).await;
        });
        assert!(ready.await.unwrap_err().to_string().contains("a bomb on core 1"));
        let (there, is_there) = oneshot::channel();
        let aborted = Handle::current().spawn(async move {
            let _bomb = Bomb;
            go_to(1).await;
            there.send(()).unwrap();
            pending::<()>().await;
        });
        is_there.await.unwrap();
        aborted.abort();
        assert!(aborted.await.unwrap_err().to_string().contains("a bomb on core 1"));
        assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
    });
}

#[test]
fn an_output_whose_drop_panics_does_so_at_home() {
    on_restless_cores(2, async |_| {
        let mut builder = Vec::new();
        for _ in 0..3 {
            let (go, going) = oneshot::channel::<()>();
            let (end, ended) = oneshot::channel::<()>();
            let task = Handle::current().spawn(async move {
                going.await.unwrap();
                go_to(1).await;
                drop(end);
                Bomb
            });
            drop(task);
            go.send(()).unwrap();
            builder.push(ended);
        }
        for ended in builder {
            ended.await.unwrap_err();
        }
        while Handle::current().metrics().num_alive_tasks() > 0 {
            sleep(Duration::from_millis(1)).await;
        }
        // Nothing has come of it.
        assert_eq!(Handle::current().spawn(async { 7 }).await.unwrap(), 7);
    });
}

fn fails_away_and_nobody_joins(policy: UnhandledPanic) {
    let mut builder = Builder::new_current_thread();
    builder.event_interval(1).unhandled_panic(policy);
    let mut cores = builder.cores(2);
    cores.restless(true);
    on_the_first_of(cores, async |_| {
        let future = async {
            go_to(1).await;
            panic!("nobody hears this");
        };
        let task: JoinHandle<()> =
            task::Builder::new().name("courier").spawn_on(future, &Handle::current()).unwrap();
        drop(task);
        while Handle::current().metrics().num_alive_tasks() > 0 {
            sleep(Duration::from_millis(1)).await;
        }
    });
}

/// Runs the test `name` of this file in a process of its own, and returns what it says on stderr.
fn stderr_of(name: &str) -> String {
    let output = child(module_path!(), name).output().unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_panic_away_that_nobody_joins_is_reported_once() {
    if is_child() {
        return fails_away_and_nobody_joins(UnhandledPanic::Report);
    }
    let text = stderr_of("a_panic_away_that_nobody_joins_is_reported_once");
    let reports: Vec<_> = text.lines().filter(|line| line.starts_with("ayi: ")).collect();
    assert_eq!(reports.len(), 1, "{text}");
    for part in ["nobody hears this", "\"courier\"", "share_ends.rs", "nobody joins it"] {
        assert!(reports[0].contains(part), "{text}");
    }
}

#[test]
fn a_panic_away_that_nobody_joins_ends_its_home() {
    if is_child() {
        return fails_away_and_nobody_joins(UnhandledPanic::ShutdownRuntime);
    }
    let text = stderr_of("a_panic_away_that_nobody_joins_ends_its_home");
    assert!(text.contains("core 0 has panicked"), "{text}");
    assert!(!text.contains("core 1 has panicked"), "{text}");
}

#[test]
fn a_stubborn_task_that_is_away_is_named_once_and_aborted() {
    on_restless_cores(2, async |_| {
        let ((drops, dropped), (there, is_there)) = (Drops::new(), oneshot::channel());
        let stubborn = async move {
            let _dropped = dropped;
            go_to(1).await;
            there.send(()).unwrap();
            pending::<()>().await;
        };
        let task = task::Builder::new().name("stubborn").spawn_on(stubborn, &Handle::current()).unwrap();
        is_there.await.unwrap();
        let report = shutdown(Duration::from_millis(5)).await;
        let running: Vec<_> = report.still_running().iter().map(|task| (task.id(), task.name())).collect();
        assert_eq!(running, [(task.id(), Some("stubborn"))]);
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(drops.cores(), [1]);
    });
}

#[test]
fn a_shutdown_waits_for_a_task_that_is_away() {
    on_restless_cores(2, async |_| {
        let (there, is_there) = oneshot::channel();
        let token = shutdown_token();
        let task = Handle::current().spawn(async move {
            go_to(1).await;
            there.send(()).unwrap();
            token.cancelled().await;
            for _ in 0..20 {
                yield_now().await;
            }
            7
        });
        is_there.await.unwrap();
        assert!(shutdown(Duration::from_secs(60)).await.is_clean());
        assert!(task.is_finished());
        assert_eq!(task.await.unwrap(), 7);
    });
}

/// Tells what the other main tells the first.
type Told<T> = Mutex<Option<oneshot::Sender<T>>>;
type News<T> = Mutex<Option<oneshot::Receiver<T>>>;

fn message<T>() -> (Told<T>, News<T>) {
    let (told, news) = oneshot::channel();
    (Mutex::new(Some(told)), Mutex::new(Some(news)))
}

fn tell<T>(told: &Told<T>, what: T) {
    assert!(told.lock().unwrap().take().unwrap().send(what).is_ok());
}

async fn hear<T>(news: &News<T>) -> T {
    let news = news.lock().unwrap().take().unwrap();
    news.await.unwrap()
}

#[test]
fn visitors_of_a_core_that_shuts_its_tasks_down_go_on() {
    let ((there, is_there), (told, news)) = (message(), message());
    let main = async |core: Core| {
        if core.index() == 1 {
            hear(&is_there).await;
            // It has no task of its own, so it does not wait. Then its own tasks are aborted.
            assert!(shutdown(Duration::ZERO).await.is_clean());
            let own = ayi::spawn(pending::<()>());
            assert_eq!(shutdown(Duration::ZERO).await.still_running().len(), 1);
            assert!(own.await.unwrap_err().is_cancelled());
            tell(&told, ());
            return core.shutdown_token().cancelled().await;
        }
        let _guard = core.shutdown_token().drop_guard();
        let (go, going) = oneshot::channel();
        let (first, is_first) = oneshot::channel();
        let task = Handle::current().spawn(async move {
            go_to(1).await;
            first.send(()).unwrap();
            let going = going.await;
            for core in [1, 0] {
                go_to(core).await;
            }
            going.unwrap()
        });
        is_first.await.unwrap();
        tell(&there, ());
        hear(&news).await;
        go.send(7).unwrap();
        assert_eq!(task.await.unwrap(), 7);
    };
    watched(|| restless(2).run(main)).unwrap();
}

#[test]
fn visitors_of_a_core_that_ends_go_home_and_on() {
    let (there, is_there) = message();
    let main = async |core: Core| {
        if core.index() == 1 {
            // Waits, and returns with the visitors still there.
            return hear(&is_there).await;
        }
        let (go, _) = ayi::sync::broadcast::channel(1);
        let (arrived, mut arrivals) = ayi::sync::mpsc::channel(10);
        let tasks: Vec<_> = (0..10)
            .map(|n| {
                let (arrived, mut going) = (arrived.clone(), go.subscribe());
                Handle::current().spawn(async move {
                    let mut timer = Box::pin(sleep(Duration::from_millis(20 + n)));
                    // It waits in the wheel at home, unless that took very long.
                    is_pending(timer.as_mut()).await;
                    go_to(1).await;
                    arrived.send(()).await.unwrap();
                    going.recv().await.unwrap();
                    timer.await;
                    yield_now().await;
                    n
                })
            })
            .collect();
        for _ in 0..10 {
            arrivals.recv().await.unwrap();
        }
        tell(&there, ());
        go.send(()).unwrap();
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), n as u64);
        }
        assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
    };
    watched(|| restless(2).run(main)).unwrap();
}

#[test]
fn tasks_that_are_away_when_their_home_ends_are_cancelled_where_they_are() {
    let (told, news) = message();
    let drops = Drops::default();
    let main = async |core: Core| {
        if core.index() == 1 {
            let task: JoinHandle<()> = hear(&news).await;
            assert!(task.await.unwrap_err().is_cancelled());
            // This core goes on, and gives the future up.
            while drops.cores().is_empty() {
                sleep(Duration::from_millis(1)).await;
            }
            assert_eq!(drops.cores(), [1]);
            return;
        }
        let (there, is_there) = oneshot::channel();
        let dropped = drops.another();
        let task = Handle::current().spawn(async move {
            let _dropped = dropped;
            go_to(1).await;
            there.send(()).unwrap();
            pending::<()>().await;
        });
        is_there.await.unwrap();
        tell(&told, task);
    };
    watched(|| restless(2).run(main)).unwrap();
    assert_eq!(drops.cores(), [1]);
}

#[test]
fn visitors_of_a_core_that_panics_go_home_and_come_back_to_the_next() {
    let (there, is_there) = message();
    let begun = AtomicUsize::new(0);
    let main = async |core: Core| {
        if core.index() == 1 {
            if begun.fetch_add(1, SeqCst) == 0 {
                hear(&is_there).await;
                panic!("on purpose");
            }
            return core.shutdown_token().cancelled().await;
        }
        let _guard = core.shutdown_token().drop_guard();
        let first = core.handle(1).id();
        let (visiting, is_visiting) = oneshot::channel();
        let (go, going) = oneshot::channel::<()>();
        let task = Handle::current().spawn(async move {
            go_to(1).await;
            assert_eq!(Handle::current().id(), first);
            visiting.send(()).unwrap();
            going.await.unwrap();
            go_to(0).await;
            while Handle::current().id() == first || here() == 0 {
                yield_now().await;
            }
            7
        });
        is_visiting.await.unwrap();
        tell(&there, ());
        while core.handle(1).id() == first {
            sleep(Duration::from_millis(1)).await;
        }
        go.send(()).unwrap();
        assert_eq!(task.await.unwrap(), 7);
    };
    let mut cores = restless(2);
    watched(|| cores.on_panic(CorePanic::Restart).run(main)).unwrap();
    assert_eq!(begun.load(SeqCst), 2);
}

#[test]
fn cores_that_end_at_once_leave_nothing_of_tasks_that_move() {
    for round in 0..30 {
        let drops = Arc::new(AtomicUsize::new(0));
        struct Counts(Arc<AtomicUsize>);
        impl Drop for Counts {
            fn drop(&mut self) {
                self.0.fetch_add(1, SeqCst);
            }
        }
        let main = async |_| {
            let tasks: Vec<_> = (0..50)
                .map(|_| {
                    let counts = Counts(drops.clone());
                    Handle::current().spawn(async move {
                        let _counts = counts;
                        loop {
                            yield_now().await;
                        }
                    })
                })
                .collect();
            for _ in 0..round {
                yield_now().await;
            }
            tasks
        };
        let tasks: Vec<JoinHandle<()>> =
            watched(|| restless(3).run(main)).unwrap().into_iter().flatten().collect();
        assert_eq!(drops.load(SeqCst), 150);
        for task in tasks {
            assert!(crate::support::foreign_block_on(task).unwrap_err().is_cancelled());
        }
    }
}
