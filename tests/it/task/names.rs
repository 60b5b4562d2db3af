//! The identity of tasks: ids, names, and hooks that are told of them.

use crate::support::{self, child, in_a_child, is_child, run};
use ayi::runtime::{Builder, Handle, Runtime};
use ayi::task::{self, Id, spawn_blocking};
use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

#[test]
fn a_task_knows_its_id() {
    run(async || {
        let task = ayi::spawn(async {
            let first = task::id();
            task::yield_now().await;
            assert_eq!(task::try_id(), Some(first));
            // The same holds while another task has been polled in between.
            ayi::spawn(async {}).await.unwrap();
            assert_eq!(task::id(), first);
            first
        });
        let id = task.id();
        assert_eq!(task.await.unwrap(), id);
    });
}

#[test]
fn a_blocking_call_knows_its_id() {
    run(async || {
        let call = spawn_blocking(task::id);
        let id = call.id();
        assert_eq!(call.await.unwrap(), id);
        assert_eq!(spawn_blocking(|| std::thread::spawn(task::try_id).join().unwrap()).await.unwrap(), None);
    });
}

#[test]
fn a_future_that_is_dropped_knows_its_id() {
    struct Note(Rc<Cell<Option<Id>>>);
    impl Drop for Note {
        fn drop(&mut self) {
            self.0.set(task::try_id());
        }
    }
    let (aborted, ended) = (Rc::new(Cell::new(None)), Rc::new(Cell::new(None)));
    let rt = Runtime::new().unwrap();
    rt.block_on(async {
        let note = Note(aborted.clone());
        let task = ayi::spawn(async move {
            let _note = note;
            pending::<()>().await
        });
        task.abort();
        let id = task.id();
        assert!(task.await.is_err());
        assert_eq!(aborted.get(), Some(id));
        assert_eq!(task::try_id(), None);
    });
    let note = Note(ended.clone());
    let task = rt.spawn(async move {
        let _note = note;
        pending::<()>().await
    });
    drop(rt);
    assert_eq!(ended.get(), Some(task.id()));
    assert_eq!(task::try_id(), None);
}

#[test]
fn elsewhere_there_is_none() {
    assert_eq!(task::try_id(), None);
    assert!(catch_unwind(task::id).is_err());
    run(async || {
        assert_eq!(task::try_id(), None, "the future of block_on is no task");
        ayi::spawn(async {}).await.unwrap();
        assert_eq!(task::try_id(), None);
        let panics = ayi::spawn(async { panic!("on purpose") });
        assert!(panics.await.is_err());
        assert_eq!(task::try_id(), None);
    });
    assert_eq!(task::try_id(), None);
}

#[test]
fn a_builder_spawns_in_every_way() {
    run(async || {
        let builder = task::Builder::new().name("kettle");
        let not_send = Rc::new(1);
        assert_eq!(builder.spawn(async { 1 }).unwrap().await.unwrap(), 1);
        assert_eq!(*builder.spawn_local(async { not_send }).unwrap().await.unwrap(), 1);
        assert_eq!(builder.spawn_on(async { 2 }, &Handle::current()).unwrap().await.unwrap(), 2);
        assert_eq!(builder.spawn_blocking(|| 3).unwrap().await.unwrap(), 3);
        assert_eq!(builder.spawn_blocking_on(|| 4, &Handle::current()).unwrap().await.unwrap(), 4);
        assert_eq!(task::Builder::new().spawn(async { 5 }).unwrap().await.unwrap(), 5);
    });
    assert!(catch_unwind(|| task::Builder::new().spawn(async {})).is_err());
}

#[test]
fn a_named_task_can_be_aborted_and_a_named_call_cannot_once_it_runs() {
    run(async || {
        let builder = task::Builder::new().name("kettle");
        let task = builder.spawn(pending::<()>()).unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        let (started, has_started) = std::sync::mpsc::channel();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let call = builder
            .spawn_blocking(move || {
                started.send(()).unwrap();
                wait.recv().unwrap();
                7
            })
            .unwrap();
        has_started.recv().unwrap();
        call.abort();
        task::yield_now().await;
        go.send(()).unwrap();
        assert_eq!(call.await.unwrap(), 7);
    });
}

#[test]
fn the_report_of_an_unhandled_panic_names_the_task() {
    if is_child() {
        return run(async || {
            drop(task::Builder::new().name("the kettle").spawn(async { panic!("boiled over") }).unwrap());
            task::yield_now().await;
            let joined_too_late =
                task::Builder::new().name("the pot").spawn(async { panic!("too") }).unwrap();
            task::yield_now().await;
            drop(joined_too_late);
        });
    }
    let mut child = child(module_path!(), "the_report_of_an_unhandled_panic_names_the_task");
    let output = child.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert!(errors.contains(concat!("its name is \"the kettle\", it was spawned at ", file!())), "{errors}");
    assert!(errors.contains("its name is \"the pot\""), "{errors}");
}

#[test]
fn hooks_are_told_of_every_task() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let (spawned, ended) = (log.clone(), log.clone());
    let rt = Builder::new_current_thread()
        .on_task_spawn(move |task| {
            assert_eq!(task.spawned_at().file(), file!());
            spawned.lock().unwrap().push((task.id(), task.name().map(String::from), "spawned"));
        })
        .on_task_terminate(move |task| {
            ended.lock().unwrap().push((task.id(), task.name().map(String::from), "ended"));
        })
        .build()
        .unwrap();
    let (a, b, c, d, e) = rt.block_on(async {
        let a = ayi::spawn(async {});
        let b = task::Builder::new().name("b").spawn(async { panic!("on purpose") }).unwrap();
        let c = ayi::spawn(pending::<()>());
        c.abort();
        let handle = Handle::current();
        let d = spawn_blocking(move || handle.spawn(pending::<()>()).id());
        let ids = (a.id(), b.id(), c.id(), d.id());
        let _ = (a.await, b.await, c.await);
        let e = d.await.unwrap();
        (ids.0, ids.1, ids.2, ids.3, e)
    });
    drop(rt);
    let mut log = log.lock().unwrap().clone();
    let of = |id, name: Option<&str>, what| (id, name.map(String::from), what);
    for (id, name) in [(a, None), (b, Some("b")), (c, None), (d, None), (e, None)] {
        for what in ["spawned", "ended"] {
            let at = log.iter().position(|entry| *entry == of(id, name, what));
            log.remove(at.unwrap_or_else(|| panic!("{what} of {id} is missing: {log:?}")));
        }
    }
    assert_eq!(log, []);
}

#[test]
fn a_hook_may_panic_and_spawn() {
    let count = Arc::new(Mutex::new(0));
    let counter = count.clone();
    let rt = Builder::new_current_thread()
        .on_task_spawn(move |_| {
            let mut count = counter.lock().unwrap();
            *count += 1;
            let is_first = *count == 1;
            drop(count);
            if is_first {
                drop(ayi::spawn(async {}));
            }
            panic!("on purpose");
        })
        .build()
        .unwrap();
    assert_eq!(rt.block_on(async { ayi::spawn(async { 1 }).await.unwrap() }), 1);
    assert_eq!(*count.lock().unwrap(), 2);
}

#[test]
fn a_hook_may_drop_a_handle_of_its_runtime_and_enter_another() {
    let kept: Arc<Mutex<Option<ayi::runtime::Handle>>> = Arc::default();
    let (theirs, other) = (kept.clone(), ayi::runtime::Runtime::new().unwrap().handle().clone());
    let rt = Builder::new_current_thread()
        .on_task_terminate(move |_| {
            let _inside = other.enter();
            drop(theirs.lock().unwrap().take());
        })
        .build()
        .unwrap();
    *kept.lock().unwrap() = Some(rt.handle().clone());
    rt.block_on(async { ayi::spawn(async {}).await.unwrap() });
    assert!(kept.lock().unwrap().is_none());
    assert_eq!(rt.metrics().num_alive_tasks(), 0);
    rt.block_on(async { ayi::spawn(async {}).await.unwrap() });
}

#[test]
fn hooks_are_dropped_with_the_runtime() {
    let witness = Arc::new(());
    let theirs = witness.clone();
    let rt = Builder::new_current_thread().on_task_spawn(move |_| drop(theirs.clone())).build().unwrap();
    assert_eq!(Arc::strong_count(&witness), 2);
    drop(rt);
    assert_eq!(Arc::strong_count(&witness), 1);
}

#[test]
fn thread_hooks_run_on_the_threads_of_the_pool() {
    if !in_a_child(module_path!(), "thread_hooks_run_on_the_threads_of_the_pool") {
        return;
    }
    let log = Arc::new(Mutex::new(Vec::new()));
    let (start, stop) = (log.clone(), log.clone());
    let name = || std::thread::current().name().unwrap_or_default().to_owned();
    let rt = Builder::new_current_thread()
        .thread_name("pool")
        .thread_stack_size(256 * 1024)
        .on_thread_start(move || start.lock().unwrap().push(format!("start {}", name())))
        .on_thread_stop(move || {
            stop.lock().unwrap().push(format!("stop {}", name()));
        })
        .build()
        .unwrap();
    rt.block_on(async { spawn_blocking(|| ()).await.unwrap() });
    drop(rt);
    // The thread has left the pool, and runs the hook a moment later.
    while log.lock().unwrap().len() < 2 {
        std::thread::yield_now();
    }
    assert_eq!(*log.lock().unwrap(), ["start pool-0", "stop pool-0"]);
}

#[test]
fn park_hooks_surround_each_sleep() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let (parks, unparks) = (log.clone(), log.clone());
    let rt = Builder::new_current_thread()
        .on_thread_park(move || parks.lock().unwrap().push("park"))
        .on_thread_unpark(move || unparks.lock().unwrap().push("unpark"))
        .build()
        .unwrap();
    rt.block_on(async {
        task::yield_now().await;
        assert!(log.lock().unwrap().is_empty(), "with a task that is ready it does not sleep");
        ayi::time::sleep(ayi::time::Duration::from_micros(50)).await;
    });
    let log = log.lock().unwrap();
    assert!(!log.is_empty());
    assert!(log.chunks(2).all(|pair| pair == ["park", "unpark"]), "{log:?}");
}

#[test]
fn what_a_park_hook_spawns_is_not_slept_over() {
    support::watched(|| {
        let waiting: Arc<Mutex<Option<Waker>>> = Arc::default();
        let theirs = waiting.clone();
        let rt = Builder::new_current_thread()
            .on_thread_park(move || {
                let waker = theirs.lock().unwrap().take();
                drop(ayi::spawn(async move { waker.into_iter().for_each(Waker::wake) }));
            })
            .build()
            .unwrap();
        // Nothing else would ever wake the runtime. The first sleep of a runtime ends at once, because its bell is new.
        for _ in 0..3 {
            let mut has_waited = false;
            rt.block_on(poll_fn(|cx| {
                *waiting.lock().unwrap() = Some(cx.waker().clone());
                if std::mem::replace(&mut has_waited, true) { Poll::Ready(()) } else { Poll::Pending }
            }));
        }
    });
}

#[test]
fn builder_settings_that_cannot_be_are_refused() {
    let refused = |f: &dyn Fn()| catch_unwind(AssertUnwindSafe(f)).is_err();
    assert!(refused(&|| drop(Builder::new_current_thread().event_interval(0).build())));
    assert!(!refused(&|| drop(Builder::new_current_thread().enable_all().enable_io().enable_time().build())));
}

#[test]
fn an_event_interval_of_one_looks_after_each_poll() {
    let rt = Builder::new_current_thread().event_interval(1).build().unwrap();
    let metrics = rt.metrics();
    rt.block_on(async {
        let before = metrics.worker_turn_count(0);
        for _ in 0..10 {
            task::yield_now().await;
        }
        assert_eq!(metrics.worker_turn_count(0) - before, 10);
    });
}

/// Counts by hooks come out even, including tasks that are spawned while the runtime ends.
#[test]
fn hooks_are_told_of_both_ends_of_a_task_that_is_spawned_when_the_runtime_ends() {
    struct Spawns(Handle);
    impl Drop for Spawns {
        fn drop(&mut self) {
            drop(self.0.spawn(async {}));
            drop(ayi::spawn(async {}));
        }
    }
    support::watched(|| {
        let counts = [Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0))];
        let [spawned, ended] = counts.clone();
        let rt = Builder::new_current_thread()
            .on_task_spawn(move |_| *spawned.lock().unwrap() += 1)
            .on_task_terminate(move |_| *ended.lock().unwrap() += 1)
            .build()
            .unwrap();
        let spawns = Spawns(rt.handle().clone());
        rt.block_on(async {
            ayi::spawn(async move {
                let _spawns = spawns;
                pending::<()>().await
            });
            task::yield_now().await;
        });
        drop(rt);
        assert_eq!(counts.map(|count| *count.lock().unwrap()), [3, 3]);
    });
}
