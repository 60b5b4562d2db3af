//! `Handle::dump`: what each task waits for.
//!
//! The tests are apart from `tests/it` because they need a feature that others are tested without.

mod support;

use ayi::io::{AsyncReadExt, AsyncWriteExt};
use ayi::net::{TcpListener, TcpStream, UnixStream};
use ayi::runtime::CancellationToken;
use ayi::runtime::{Builder, Dump, Handle, RunningTask, Runtime, WaitsFor, shutdown};
use ayi::sync::{
    Barrier, Mutex, Notify, OnceCell, RwLock, Semaphore, SetOnce, broadcast, mpsc as channel, oneshot, watch,
};
use ayi::task::{self, Id, JoinHandle, JoinSet};
use ayi::time::{Duration, sleep};
use std::future::{Future, pending, poll_fn};
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::task::Poll;
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
        assert!(
            waits(&dump, "channel").starts_with("waits for the value of a oneshot channel (0x"),
            "{dump}"
        );
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
        let said = last.strip_prefix("deadlock: each waits for the next: tasks ").expect(&last);
        assert!(either.iter().any(|it| it == said), "{last}");
    });
}

/// What a task waits for, if that is one thing that other tasks do.
#[track_caller]
fn other(dump: &Dump, name: &str) -> (&'static str, usize, Option<Id>) {
    match task(dump, name).waits_for() {
        [WaitsFor::Other { what, address, holder }] => (what, *address, *holder),
        _ => panic!("{name} in {dump}"),
    }
}

async fn turns() {
    for _ in 0..5 {
        turn().await;
    }
}

#[test]
fn one_task_for_each_channel_lock_and_signal() {
    run(async || {
        let (tx, mut rx) = channel::channel::<u8>(1);
        let (full, _full) = channel::channel::<u8>(1);
        full.try_send(1).unwrap();
        let (unlimited, mut unlimited_rx) = channel::unbounded_channel::<u8>();
        let (mut answer, _question) = oneshot::channel::<u8>();
        let (news, mut seen) = watch::channel(0);
        let (radio, mut heard) = broadcast::channel::<u8>(1);
        let (lonely, _) = broadcast::channel::<u8>(1);
        let (nobody, _kept) = watch::channel(0);
        let _kept_too = lonely.subscribe();
        let (semaphore, barrier, notify, once) =
            (Semaphore::new(0), Barrier::new(2), Notify::new(), SetOnce::<u8>::new());
        let stop = CancellationToken::new();
        let mut set = JoinSet::new();
        set.spawn(pending::<()>());
        let of_full = full.clone();
        named("message", async move { rx.recv().await });
        named("message without a limit", async move { unlimited_rx.recv_many(&mut Vec::new(), 3).await });
        named("room", async move { full.send(2).await });
        named("end of the receiver", async move { of_full.closed().await });
        named("end of the question", async move { answer.closed().await });
        named("change", async move { seen.changed().await });
        named("end of those who see", async move { nobody.closed().await });
        named("broadcast", async move { heard.recv().await });
        named("end of those who hear", async move { lonely.closed().await });
        named("permits", async move { semaphore.acquire().await.map(drop) });
        named("others", async move { barrier.wait().await });
        named("notification", async move { notify.notified().await });
        named("set once", async move { *once.wait().await });
        let stopped = stop.clone();
        named("cancellation", async move { stopped.cancelled().await });
        named("set", async move { set.join_next().await });
        let ((mut reads, _reads), (mut writes, _writes)) = (ayi::io::duplex(1), ayi::io::duplex(1));
        named("bytes in memory", async move { reads.read_u8().await });
        named("room in memory", async move { writes.write_all(&[1, 2]).await });
        let local = task::LocalSet::new();
        local.spawn_local(pending::<()>());
        named("local", local);
        turns().await;
        let dump = Handle::current().dump().await;
        for (name, what) in [
            ("message", "a message of an mpsc channel"),
            ("message without a limit", "a message of an mpsc channel"),
            ("room", "room in an mpsc channel"),
            ("end of the receiver", "the end of an mpsc channel's receiver"),
            ("end of the question", "the end of a oneshot channel's receiver"),
            ("change", "a change of a watched value"),
            ("end of those who see", "the end of a watch channel's receivers"),
            ("broadcast", "a message of a broadcast channel"),
            ("end of those who hear", "the end of a broadcast channel's receivers"),
            ("permits", "permits of a semaphore"),
            ("others", "the others at a barrier"),
            ("notification", "a notification"),
            ("set once", "the value of a SetOnce"),
            ("cancellation", "a cancellation"),
            ("set", "the end of a task of its JoinSet"),
            ("bytes in memory", "bytes of a stream in memory"),
            ("room in memory", "room in a stream in memory"),
            ("local", "the tasks of its LocalSet"),
        ] {
            assert_eq!((other(&dump, name).0, other(&dump, name).2), (what, None), "{name} in {dump}");
        }
        let address = other(&dump, "notification").1;
        assert_eq!(waits(&dump, "notification"), format!("waits for a notification ({address:#x})"));
        drop((tx, unlimited, news, radio, stop));
    });
}

#[test]
fn who_has_a_lock_and_who_waits_for_the_same_one() {
    run(async || {
        let (lock, data, cell) =
            (Arc::new(Mutex::new(())), Arc::new(RwLock::new(())), Arc::new(OnceCell::<u8>::new()));
        let (to_end, end) = oneshot::channel::<()>();
        let (mine, my_data, my_cell) = (lock.clone(), data.clone(), cell.clone());
        let has_all = named("has all", async move {
            let (guard, _write) = (mine.lock_owned().await, my_data.write().await);
            my_cell
                .get_or_init(async || {
                    end.await.unwrap();
                    7
                })
                .await;
            drop(guard);
            pending::<()>().await;
        });
        turns().await;
        let mine = lock.clone();
        let next = named("next", async move {
            let _guard = mine.lock().await;
            pending::<()>().await;
        });
        turns().await;
        named("last", async move { drop(lock.lock().await) });
        let of_reader = data.clone();
        named("reads", async move { drop(of_reader.read().await) });
        named("needs the value", async move { *cell.get_or_init(async || 8).await });
        turns().await;
        let dump = Handle::current().dump().await;
        let has = Some(has_all.id());
        assert_eq!((other(&dump, "next").0, other(&dump, "next").2), ("a mutex", has));
        assert_eq!(other(&dump, "last"), other(&dump, "next"), "the same lock");
        assert_eq!((other(&dump, "reads").0, other(&dump, "reads").2), ("a read-write lock", has));
        assert_eq!(
            (other(&dump, "needs the value").0, other(&dump, "needs the value").2),
            ("the value of a OnceCell", has)
        );
        assert!(waits(&dump, "next").ends_with(&format!("held by task {})", has_all.id())), "{dump}");
        // The lock goes on, and so does the name of who has it.
        to_end.send(()).unwrap();
        turns().await;
        let dump = Handle::current().dump().await;
        assert_eq!(waits(&dump, "next"), "waits for other code");
        assert_eq!(other(&dump, "last").2, Some(next.id()));
        assert!(dump.tasks().iter().all(|task| task.name() != Some("needs the value")));
        // A lock that is made readable has no one holder any more.
        let write = data.clone();
        has_all.abort();
        turns().await;
        named("downgrades", async move {
            let _read = write.write().await.downgrade();
            pending::<()>().await;
        });
        turns().await;
        named("writes", async move { drop(data.write().await) });
        turns().await;
        let dump = Handle::current().dump().await;
        assert_eq!((other(&dump, "writes").0, other(&dump, "writes").2), ("a read-write lock", None));
    });
}

#[test]
fn who_has_given_up_waits_no_more_and_who_takes_over_does() {
    run(async || {
        let lock = Rc::new(Mutex::new(()));
        let guard = lock.lock().await;
        let (mine, (give, take)) = (lock.clone(), oneshot::channel());
        named("gives up", async move {
            // Lost: only the time is waited for.
            let _ = ayi::time::timeout(Duration::ZERO, mine.lock()).await;
            let (_sender, mut messages) = channel::channel::<u8>(1);
            let _ = ayi::time::timeout(Duration::ZERO, messages.recv()).await;
            let mut waits = Box::pin(async move { drop(mine.lock().await) });
            assert!(poll_fn(|cx| Poll::Ready(waits.as_mut().poll(cx).is_pending())).await);
            assert!(give.send(waits).is_ok());
            sleep(Duration::from_secs(60)).await;
        });
        named("takes over", async move { take.await.unwrap().await });
        for _ in 0..10 {
            turn().await;
        }
        let dump = Handle::current().dump().await;
        assert!(matches!(task(&dump, "gives up").waits_for(), [WaitsFor::Time(_)]), "{dump}");
        assert_eq!(other(&dump, "takes over").0, "a mutex", "{dump}");
        drop(guard);
    });
}

#[test]
fn tasks_that_lock_in_two_orders_and_one_that_locks_twice_are_deadlocks() {
    run(async || {
        let (a, b, c) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
        let (a_too, b_too) = (a.clone(), b.clone());
        let first = named("a, then b", async move {
            let _first = a.lock().await;
            turn().await;
            drop(b.lock().await);
        });
        let second = named("b, then a", async move {
            let _first = b_too.lock().await;
            turn().await;
            drop(a_too.lock().await);
        });
        let twice = named("twice", async move {
            let _guard = c.lock().await;
            drop(c.lock().await);
        });
        for _ in 0..10 {
            turn().await;
        }
        let dump = Handle::current().dump().await;
        let mut circles = dump.deadlocks();
        circles.iter_mut().for_each(|circle| circle.sort());
        circles.sort();
        assert_eq!(circles, [vec![first.id(), second.id()], vec![twice.id()]], "{dump}");
        assert!(
            dump.to_string().contains(&format!("waits for the next: tasks {0}, {0}", twice.id())),
            "{dump}"
        );
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
        // Nobody is in it, and nothing has been spawned.
        let idle = Builder::new_multi_thread().worker_threads(1).build().unwrap();
        assert!(foreign_block_on(idle.handle().dump()).tasks().is_empty());
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
