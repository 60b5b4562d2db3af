//! A runtime of the kind `multi_thread` runs also while no thread is in `block_on`.

use crate::support::{foreign_block_on, watched};
use ayi::runtime::{Builder, Handle, Runtime, RuntimeFlavor};
use ayi::time::sleep;
use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

fn runtime() -> Runtime {
    Builder::new_multi_thread().build().unwrap()
}

#[test]
fn a_task_that_is_spawned_while_nobody_is_in_it_runs() {
    watched(|| {
        let (rt, (told, news)) = (runtime(), mpsc::channel());
        assert_eq!(rt.handle().runtime_flavor(), RuntimeFlavor::MultiThread);
        rt.handle().spawn(async move {
            sleep(Duration::from_millis(1)).await;
            told.send((thread::current().name().map(String::from), Handle::current().id())).unwrap();
        });
        let (name, id) = news.recv().unwrap();
        assert_eq!(name.as_deref(), Some("ayi-runtime"));
        assert_eq!(id, rt.handle().id());
    });
}

#[test]
#[allow(clippy::async_yields_async)]
fn tasks_run_on_the_thread_in_block_on_and_go_on_when_it_has_left() {
    watched(|| {
        let (rt, (told, news)) = (runtime(), mpsc::channel());
        let task = rt.block_on(async {
            let handle = Handle::current();
            let first = handle.spawn(async { thread::current().id() }).await.unwrap();
            assert_eq!(first, thread::current().id());
            handle.spawn(async move {
                sleep(Duration::from_millis(1)).await;
                told.send(thread::current().id()).unwrap();
                pending::<()>().await
            })
        });
        assert_ne!(news.recv().unwrap(), thread::current().id());
        // The next one is beside the thread that runs the tasks.
        let here = thread::current().id();
        let (root, other) = rt.block_on(async {
            sleep(Duration::from_millis(1)).await;
            let other = Handle::current().spawn(async { thread::current().id() }).await.unwrap();
            (thread::current().id(), other)
        });
        assert!(root == here && other != here);
        drop(rt);
        assert!(task.is_finished());
    });
}

#[test]
fn the_drop_waits_until_the_futures_are_dropped() {
    struct Says(Arc<AtomicBool>);
    impl Drop for Says {
        fn drop(&mut self) {
            thread::sleep(Duration::from_millis(5));
            self.0.store(true, Ordering::SeqCst);
        }
    }
    watched(|| {
        let (rt, dropped, (told, news)) = (runtime(), Arc::new(AtomicBool::new(false)), mpsc::channel());
        let says = Says(dropped.clone());
        rt.handle().spawn(async move {
            let _says = says;
            told.send(()).unwrap();
            pending::<()>().await
        });
        news.recv().unwrap();
        drop(rt);
        assert!(dropped.load(Ordering::SeqCst));
    });
}

#[test]
fn one_of_its_own_tasks_may_drop_it() {
    watched(|| {
        let (rt, (told, news)) = (runtime(), mpsc::channel());
        let handle = rt.handle().clone();
        let task = handle.spawn(async move {
            drop(rt);
            told.send(()).unwrap();
        });
        news.recv().unwrap();
        while !task.is_finished() {
            thread::yield_now();
        }
        // The gate closes a moment later. What comes through it before is cancelled as well.
        let refused = foreign_block_on(handle.spawn(async {}));
        assert!(refused.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_shutdown_in_the_background_does_not_wait_for_calls() {
    watched(|| {
        let (rt, (go, going), (told, news)) = (runtime(), mpsc::channel::<()>(), mpsc::channel());
        rt.spawn_blocking(move || {
            told.send(()).unwrap();
            let _ = going.recv();
        });
        news.recv().unwrap();
        rt.shutdown_background();
        drop(go);
    });
}

/// The thread may come too late for the runtime: another one is in it, or has ended it.
#[test]
fn the_drop_waits_for_its_thread() {
    watched(|| {
        for round in 0..100 {
            let (starts, stops) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let (started, stopped) = (starts.clone(), stops.clone());
            let rt = Builder::new_multi_thread()
                .on_thread_start(move || _ = started.fetch_add(1, Ordering::SeqCst))
                .on_thread_stop(move || _ = stopped.fetch_add(1, Ordering::SeqCst))
                .build()
                .unwrap();
            drop(rt.handle().spawn(pending::<()>()));
            if round % 2 == 0 {
                rt.block_on(ayi::task::yield_now());
            }
            drop(rt);
            let starts = starts.load(Ordering::SeqCst);
            assert!(starts > 0 && stops.load(Ordering::SeqCst) == starts);
        }
    });
}

#[test]
fn hooks_run_on_its_thread() {
    watched(|| {
        let (told, news) = mpsc::channel();
        let ends = told.clone();
        let rt = Builder::new_multi_thread()
            .on_thread_start(move || told.send("starts").unwrap())
            .on_thread_stop(move || ends.send("stops").unwrap())
            .thread_name_fn(|| String::from("kitchen"))
            .build()
            .unwrap();
        let (name, named) = mpsc::channel();
        rt.handle().spawn(async move { name.send(thread::current().name().map(String::from)) });
        assert_eq!(named.recv().unwrap().as_deref(), Some("kitchen"));
        drop(rt);
        assert_eq!(news.iter().collect::<Vec<_>>(), ["starts", "stops"]);
    });
}

#[test]
#[should_panic(expected = "must not be blank")]
fn a_name_says_something() {
    Builder::new_multi_thread().name(" ");
}
