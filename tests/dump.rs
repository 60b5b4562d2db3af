//! `Handle::dump`: what each task waits for.
//!
//! The tests are apart from `tests/it` because they need a feature that others are tested without.

mod support;

use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::net::{TcpListener, TcpStream, UnixStream};
use ayi::runtime::{Builder, Dump, Handle, RunningTask, Runtime, WaitsFor, shutdown};
use ayi::sync::oneshot;
use ayi::task::{self, JoinHandle};
use ayi::time::{Duration, sleep};
use std::future::{Future, pending};
use std::os::fd::AsRawFd;
use std::sync::mpsc;
use std::thread;
use support::{foreign_block_on, run, turn, watched};

fn named<T: 'static>(name: &str, future: impl Future<Output = T> + 'static) -> JoinHandle<T> {
    task::Builder::new().name(name).spawn(future).unwrap()
}

#[track_caller]
fn task<'a>(dump: &'a Dump, name: &str) -> &'a RunningTask {
    dump.tasks()
        .iter()
        .find(|task| task.name() == Some(name))
        .unwrap_or_else(|| panic!("no {name} in {dump}"))
}

/// What stands behind the comma in the line of a task.
fn waits(dump: &Dump, name: &str) -> String {
    task(dump, name).to_string().rsplit_once(", ").unwrap().1.to_owned()
}

#[test]
fn one_task_for_each_kind_of_wait() {
    run(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address).await.unwrap();
        let fd = client.as_raw_fd();
        named("reads", async move { client.read(&mut [0; 8]).await });
        named("accepts", async move {
            let _accepted = listener.accept().await.unwrap();
            listener.accept().await.unwrap();
        });
        let (mut full, _other) = UnixStream::pair().unwrap();
        let writes = full.as_raw_fd();
        named("writes", async move { full.write_all(&[0; 10_000_000]).await });
        let joined = named("joined", pending::<()>());
        let joined_id = joined.id();
        named("joins", joined);
        named("sleeps", sleep(Duration::from_secs(60)));
        let (_sender, receiver) = oneshot::channel::<()>();
        named("channel", receiver);
        let (go_on, wait) = mpsc::channel::<()>();
        let call = task::Builder::new().name("call").spawn_blocking(move || wait.recv()).unwrap();
        let call_id = call.id();
        named("awaits a call", call);
        let (ours, _theirs) = UnixStream::pair().unwrap();
        named("either", async move {
            ayi::select! {
                _ = ours.readable() => {}
                _ = sleep(Duration::from_secs(3600)) => {}
            }
        });
        for _ in 0..3 {
            turn().await;
        }
        named("ready", pending::<()>());
        let dump = Handle::current().dump().await;
        drop(go_on);

        let descriptor = |fd, peer: &str, to_read| WaitsFor::Descriptor {
            fd,
            peer: peer.into(),
            to_read,
            to_write: !to_read,
        };
        assert_eq!(task(&dump, "reads").waits_for(), [descriptor(fd, &address.to_string(), true)]);
        assert_eq!(task(&dump, "writes").waits_for(), [descriptor(writes, "", false)]);
        assert_eq!(task(&dump, "joins").waits_for(), [WaitsFor::Task(joined_id)]);
        assert_eq!(task(&dump, "awaits a call").waits_for(), [WaitsFor::Task(call_id)]);
        let [WaitsFor::Time(left)] = task(&dump, "sleeps").waits_for() else { panic!("{dump}") };
        assert!((50..=60).contains(&left.as_secs()), "{left:?}");
        assert!(task(&dump, "ready").is_runnable());
        assert_eq!(waits(&dump, "reads"), format!("waits for descriptor {fd} ({address}) to be read from"));
        assert_eq!(waits(&dump, "writes"), format!("waits for descriptor {writes} to be written to"));
        assert_eq!(waits(&dump, "joins"), format!("waits for the end of task {joined_id}"));
        assert!(waits(&dump, "accepts").ends_with(&format!(" ({address}) to be read from")), "{dump}");
        assert_eq!(waits(&dump, "joined"), "waits for other code");
        assert_eq!(waits(&dump, "channel"), "waits for other code");
        assert_eq!(waits(&dump, "call"), "on a thread of the pool");
        assert_eq!(waits(&dump, "ready"), "ready");
        assert_eq!(task(&dump, "either").waits_for().len(), 2, "{dump}");
        assert!(dump.deadlocks().is_empty());
    });
}

#[test]
fn two_that_join_each_other_are_a_deadlock() {
    run(async || {
        let (to_first, of_second) = oneshot::channel::<JoinHandle<()>>();
        let (to_second, of_first) = oneshot::channel::<JoinHandle<()>>();
        let first = named("first", async { drop(of_second.await.unwrap().await) });
        let second = named("second", async { drop(of_first.await.unwrap().await) });
        let ids = [first.id(), second.id()];
        to_second.send(first).unwrap();
        to_first.send(second).unwrap();
        // One that waits for them is no part of it, and nor are those that wait for something that may come.
        let end = named("end", sleep(Duration::from_secs(60)));
        named("waits for the end", end);
        for _ in 0..3 {
            turn().await;
        }
        let dump = Handle::current().dump().await;
        let mut circles = dump.deadlocks();
        circles.iter_mut().for_each(|circle| circle.sort());
        assert_eq!(circles, [ids]);
        let last = dump.to_string().lines().last().unwrap().to_owned();
        let [a, b] = ids;
        let either = [format!("{a}, {b}, {a}"), format!("{b}, {a}, {b}")];
        let said = last.strip_prefix("deadlock: each waits for the end of the next: tasks ").expect(&last);
        assert!(either.iter().any(|it| it == said), "{last}");
    });
}

#[test]
fn it_is_asked_for_on_any_thread_and_of_all_workers() {
    watched(|| {
        let runtime = Builder::new_multi_thread().worker_threads(2).build().unwrap();
        runtime.handle().spawn(pending::<()>());
        for _ in 0..3 {
            runtime.handle().spawn(sleep(Duration::from_secs(60)));
        }
        let handle = runtime.handle().clone();
        let asked = thread::spawn(move || {
            // They are polled first, some time or other.
            loop {
                let dump = foreign_block_on(handle.dump());
                let sleep =
                    dump.tasks().iter().filter(|task| matches!(task.waits_for(), [WaitsFor::Time(_)]));
                if sleep.count() == 3 {
                    return dump;
                }
            }
        });
        assert_eq!(asked.join().unwrap().tasks().len(), 4);
        let handle = runtime.handle().clone();
        drop(runtime);
        assert!(foreign_block_on(handle.dump()).tasks().is_empty(), "it has ended");
    });
}

#[test]
fn the_report_of_shutdown_says_what_was_waited_for() {
    let report = Runtime::new().unwrap().block_on(async {
        named("stubborn", sleep(Duration::from_secs(3600)));
        shutdown(Duration::from_millis(1)).await
    });
    let report = report.to_string();
    assert!(report.contains("\"stubborn\"") && report.contains(", waits for a time, in "), "{report}");
}

#[cfg(feature = "fs")]
#[test]
fn a_file_that_is_read() {
    run(async || {
        let path = std::env::temp_dir().join(format!("ayi-dump-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        // Open for both, so that neither the open nor the read finds the other end closed.
        let fifo = std::fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let mut file = ayi::fs::File::from_std(fifo);
        named("reads", async move {
            let mut buf = [0; 8];
            file.read(&mut buf).await
        });
        for _ in 0..3 {
            turn().await;
        }
        let dump = Handle::current().dump().await;
        if Handle::current().metrics().uses_io_uring() == Some(true) {
            assert_eq!(task(&dump, "reads").waits_for(), [WaitsFor::FileOperation], "{dump}");
        } else {
            assert!(matches!(task(&dump, "reads").waits_for(), [WaitsFor::Task(_)]), "{dump}");
        }
    });
}
