//! What subscribers of `tracing` are told: exactly, and in this order. Each test has a process of its own, because its
//! subscriber is that of all threads.
//!
//! The tests are apart from `tests/it` because they need the feature `tracing`.

mod recorder;
mod support;

use ayi::net::{TcpListener, TcpStream, UdpSocket};
use ayi::runtime::{Handle, Runtime};
use ayi::task::{self, JoinHandle, spawn_blocking, yield_now};
use ayi::time::{Duration, Instant, interval, sleep, timeout};
use recorder::Recorder;
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::task::{Poll, Waker};
use std::thread;
use support::{in_a_child, poll_once, turn, watched};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Runs a test in a process and in a runtime of its own, with a subscriber.
fn told(test: &str, body: impl AsyncFnOnce(&Recorder)) {
    if in_a_child(module_path!(), test) {
        let recorder = Recorder::install();
        watched(|| Runtime::new().unwrap().block_on(body(&recorder)));
    }
}

#[track_caller]
fn named<F: Future<Output: 'static> + 'static>(name: &str, future: F) -> JoinHandle<F::Output> {
    task::Builder::new().name(name).spawn(future).unwrap()
}

/// Panics without a message.
fn silently() {
    std::panic::resume_unwind(Box::new(7))
}

const TASK: (&str, &str) = ("name", "runtime.spawn");
const RESOURCE: (&str, &str) = ("name", "runtime.resource");

#[test]
fn fields_of_a_task() {
    told("fields_of_a_task", async |recorder| {
        let future = async { yield_now().await };
        let size = size_of_val(&future);
        let (line, task) = (line!(), named("kettle", future));
        let fields = recorder.fields(&[TASK, ("task.name", "kettle")]);
        let field = |name: &str| fields.get(name).map(String::as_str);
        assert_eq!((field("kind"), field("target")), (Some("task"), Some("runtime::task")));
        assert_eq!(field("task.id"), Some(&*task.id().to_string()));
        assert_eq!(field("size.bytes"), Some(&*size.to_string()));
        assert_eq!(
            (field("loc.file"), field("loc.line")),
            (Some("tests/tracing.rs"), Some(&*line.to_string()))
        );
        assert!(field("loc.col").is_some());
        // It is not a part of the task that has spawned it.
        assert_eq!(field("parent"), None);

        let unnamed = task::spawn(async {});
        let fields = recorder.fields(&[TASK, ("task.id", &unnamed.id().to_string())]);
        assert_eq!(fields.get("task.name"), None);
    });
}

#[test]
fn a_task_that_wakes_itself() {
    told("a_task_that_wakes_itself", async |recorder| {
        let task = named("kettle", async { yield_now().await });
        assert_eq!(recorder.told_of_task("kettle"), ["open"]);
        task.await.unwrap();
        let told = ["open", "enter", "waker.wake_by_ref", "exit", "enter", "exit", "close"];
        assert_eq!(recorder.told_of_task("kettle"), told);
    });
}

/// The span closes when the task has ended, not when its output is taken.
#[test]
fn a_task_whose_output_waits() {
    told("a_task_whose_output_waits", async |recorder| {
        let task = named("kettle", async { 7 });
        yield_now().await;
        assert_eq!(recorder.told_of_task("kettle"), ["open", "enter", "exit", "close"]);
        assert_eq!(task.await.unwrap(), 7);
    });
}

#[test]
fn wakers_that_are_cloned_woken_and_dropped() {
    told("wakers_that_are_cloned_woken_and_dropped", async |recorder| {
        let mut polls = 0;
        let task = named(
            "kettle",
            poll_fn(move |cx| {
                polls += 1;
                if polls == 2 {
                    return Poll::Ready(());
                }
                let waker = cx.waker().clone();
                assert!(waker.will_wake(cx.waker()) && waker.clone().will_wake(&waker));
                waker.wake();
                Poll::Pending
            }),
        );
        task.await.unwrap();
        let first = ["waker.clone", "waker.clone", "waker.drop", "waker.wake"];
        let told: Vec<&str> =
            ["open", "enter"].into_iter().chain(first).chain(["exit", "enter", "exit", "close"]).collect();
        assert_eq!(recorder.told_of_task("kettle"), told);
    });
}

#[test]
fn a_wake_from_another_thread() {
    told("a_wake_from_another_thread", async |recorder| {
        let (mut is_woken, (sender, wakers)) = (false, channel::<Waker>());
        let thread = thread::spawn(move || wakers.recv().unwrap().wake());
        let task = named(
            "kettle",
            poll_fn(move |cx| {
                if std::mem::replace(&mut is_woken, true) {
                    return Poll::Ready(());
                }
                sender.send(cx.waker().clone()).unwrap();
                Poll::Pending
            }),
        );
        task.await.unwrap();
        thread.join().unwrap();
        let mut told = recorder.told_of_task("kettle");
        // It may come before the poll has ended.
        let wake = told.iter().position(|what| what == "waker.wake").unwrap();
        assert!(wake > 2, "{told:?}");
        told.remove(wake);
        assert_eq!(told, ["open", "enter", "waker.clone", "exit", "enter", "exit", "close"]);
    });
}

#[test]
fn a_task_that_another_thread_spawns() {
    told("a_task_that_another_thread_spawns", async |recorder| {
        let handle = Handle::current();
        let spawn = move || task::Builder::new().name("kettle").spawn_on(async {}, &handle).unwrap();
        thread::spawn(spawn).join().unwrap().await.unwrap();
        assert_eq!(recorder.told_of_task("kettle"), ["open", "enter", "exit", "close"]);
        assert_eq!(recorder.fields(&[("task.name", "kettle")])["loc.file"], "tests/tracing.rs");
    });
}

/// What is dropped is dropped in the task's span, as if the task were polled once more. tokio does the same.
#[test]
fn tasks_that_panic_and_tasks_that_are_aborted() {
    told("tasks_that_panic_and_tasks_that_are_aborted", async |recorder| {
        let panics = named("panics", async { silently() });
        assert!(panics.await.unwrap_err().is_panic());
        assert_eq!(recorder.told_of_task("panics"), ["open", "enter", "exit", "enter", "exit", "close"]);

        let aborted = named("aborted", pending::<()>());
        yield_now().await;
        aborted.abort();
        assert!(aborted.await.unwrap_err().is_cancelled());
        assert_eq!(recorder.told_of_task("aborted"), ["open", "enter", "exit", "enter", "exit", "close"]);

        let never_polled = named("never polled", pending::<()>());
        never_polled.abort();
        assert!(never_polled.await.unwrap_err().is_cancelled());
        assert_eq!(recorder.told_of_task("never polled"), ["open", "enter", "exit", "close"]);

        let detached = named("detached", async {});
        drop(detached);
        yield_now().await;
        assert_eq!(recorder.told_of_task("detached"), ["open", "enter", "exit", "close"]);
    });
}

/// The slot is the next task's by then. That task is polled once more for nothing, but no wake is reported for it.
#[test]
fn wakers_that_outlive_their_task() {
    told("wakers_that_outlive_their_task", async |recorder| {
        let first = named("first", poll_fn(|cx| Poll::Ready(cx.waker().clone())));
        let late = first.await.unwrap();
        let told = ["open", "enter", "waker.clone", "exit", "close"];
        assert_eq!(recorder.told_of_task("first"), told);

        let second = named("second", pending::<()>());
        turn().await;
        late.wake_by_ref();
        let another = late.clone();
        thread::spawn(move || another.wake()).join().unwrap();
        drop(late);
        turn().await;
        turn().await;
        assert_eq!(recorder.told_of_task("first"), told);
        let told = recorder.told_of_task("second");
        assert!(told.iter().all(|what| !what.starts_with("waker")), "{told:?}");
        second.abort();
    });
}

#[test]
fn whoever_joins_a_task_leaves_a_waker_there() {
    told("whoever_joins_a_task_leaves_a_waker_there", async |recorder| {
        let joined = task::spawn(async { turn().await });
        let joins = named("joins", async { joined.await.unwrap() });
        joins.await.unwrap();
        let told = ["open", "enter", "waker.clone", "exit", "waker.wake", "enter", "exit", "close"];
        assert_eq!(recorder.told_of_task("joins"), told);
    });
}

#[test]
fn the_future_of_block_on() {
    if !in_a_child(module_path!(), "the_future_of_block_on") {
        return;
    }
    let recorder = Recorder::install();
    watched(|| {
        let rt = Runtime::new().unwrap();
        rt.block_on(async { yield_now().await });
        let root = [TASK, ("kind", "block_on")];
        let told = ["open", "enter", "waker.wake_by_ref", "exit", "enter", "exit", "close"];
        assert_eq!(recorder.told(&root), told);
        assert_eq!(recorder.fields(&root)["loc.file"], "tests/tracing.rs");

        let handle = rt.handle().clone();
        let line = line!() + 1;
        thread::spawn(move || handle.block_on(async {})).join().unwrap();
        let elsewhere = [TASK, ("kind", "block_on"), ("loc.line", &*line.to_string())];
        assert_eq!(recorder.told(&elsewhere), ["open", "enter", "exit", "close"]);
    })
}

/// Its span is entered where it runs.
#[test]
fn a_blocking_call() {
    told("a_blocking_call", async |recorder| {
        let task = task::Builder::new().name("kettle").spawn_blocking(|| 7).unwrap();
        let id = task.id().to_string();
        assert_eq!(task.await.unwrap(), 7);
        recorder.wait_until(|recorder| recorder.told_of_task("kettle").ends_with(&["close".into()]));
        assert_eq!(recorder.told_of_task("kettle"), ["open", "enter", "exit", "close"]);
        let fields = recorder.fields(&[("task.name", "kettle")]);
        assert_eq!((&*fields["kind"], &*fields["target"]), ("blocking", "runtime::task::blocking"));
        assert_eq!((&*fields["loc.file"], &*fields["task.id"]), ("tests/tracing.rs", &*id));
        assert!(fields["fn"].contains("a_blocking_call"), "{fields:?}");

        let panics = task::Builder::new().name("panics").spawn_blocking(silently);
        assert!(panics.unwrap().await.unwrap_err().is_panic());
        recorder.wait_until(|recorder| recorder.told_of_task("panics").ends_with(&["close".into()]));
    });
}

#[test]
fn a_sleep() {
    told("a_sleep", async |recorder| {
        let line = (line!() + 1).to_string();
        let task = named("sleeps", async { sleep(Duration::from_millis(1)).await });
        let resource = [RESOURCE, ("concrete_type", "Sleep"), ("kind", "timer"), ("loc.line", &line)];
        task.await.unwrap();
        assert_eq!(recorder.fields(&resource)["loc.file"], "tests/tracing.rs");
        let told = recorder.told(&resource);
        assert!(
            told[2].starts_with("state_update duration=") && told[2].ends_with(" duration.unit=ms"),
            "{told:?}"
        );
        assert!(told[2].contains(" duration.op=override "), "{told:?}");
        let around: Vec<&str> =
            told.iter().map(String::as_str).filter(|what| !what.starts_with("state")).collect();
        // It is made, the operation is made, and it is polled twice.
        let pairs = ["enter", "exit"].repeat(4);
        assert_eq!(around, [vec!["open"], pairs, vec!["close"]].concat());

        let op = [("name", "runtime.resource.async_op"), ("source", "Sleep::new_timeout")];
        let polls = |is_ready| format!("poll_op is_ready={is_ready} op_name=poll_elapsed");
        let (waits, is_over) = (polls(false), polls(true));
        assert_eq!(recorder.told(&op), ["open", "enter", &waits, "exit", "enter", &is_over, "exit", "close"]);
        // Between the polls, the wheel has a waker.
        let told = recorder.told_of_task("sleeps");
        let wakers: Vec<&String> = told.iter().filter(|what| what.starts_with("waker")).collect();
        assert_eq!(wakers, ["waker.clone", "waker.wake"]);
    });
}

#[test]
fn timers_that_are_moved() {
    told("timers_that_are_moved", async |recorder| {
        let mut idle = pin!(sleep(Duration::from_secs(3600)));
        assert!(poll_once(idle.as_mut()).is_pending());
        idle.as_mut().reset(Instant::now());
        idle.await;
        let first = [("name", "runtime.resource.async_op"), ("source", "Sleep::new_timeout")];
        assert!(recorder.told(&first).contains(&"close".into()));
        let second = [("name", "runtime.resource.async_op"), ("source", "Sleep::reset")];
        let is_over = "poll_op is_ready=true op_name=poll_elapsed".to_owned();
        assert!(recorder.told(&second).contains(&is_over));

        interval(Duration::from_secs(1)).tick().await;
        assert_eq!(
            recorder.fields(&[RESOURCE, ("concrete_type", "Interval")])["loc.file"],
            "tests/tracing.rs"
        );

        let line = (line!() + 1).to_string();
        timeout(Duration::from_secs(3600), async {}).await.unwrap();
        let resource = [RESOURCE, ("concrete_type", "Sleep"), ("loc.line", &line)];
        assert!(recorder.told(&resource).ends_with(&["close".into()]));
    });
}

/// A socket is reported at once, and an operation on it when it has to wait. Meanwhile the reactor has a waker.
#[test]
fn sockets_that_are_waited_for() {
    told("sockets_that_are_waited_for", async |recorder| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let fields = recorder.fields(&[RESOURCE, ("concrete_type", "TcpListener")]);
        assert_eq!((&*fields["kind"], fields.get("parent")), ("Socket", None));
        let accepts = named("accepts", async move { drop(listener.accept().await.unwrap()) });
        turn().await;
        let op = [("name", "runtime.resource.async_op"), ("source", "TcpListener::readable")];
        let waits = "poll_op is_ready=false op_name=poll_readable".to_owned();
        assert_eq!(recorder.told(&op), ["open", "enter", &waits, "exit"]);
        assert_eq!(recorder.told_of_task("accepts"), ["open", "enter", "waker.clone", "exit"]);

        drop(TcpStream::connect(addr).await.unwrap());
        accepts.await.unwrap();
        let is_there = "poll_op is_ready=true op_name=poll_readable".to_owned();
        assert_eq!(recorder.told(&op)[4..], ["enter", &is_there, "exit", "close"]);
        let told = ["open", "enter", "waker.clone", "exit", "waker.wake", "enter", "exit", "close"];
        assert_eq!(recorder.told_of_task("accepts"), told);
        assert!(recorder.told(&[RESOURCE, ("concrete_type", "TcpListener")]).ends_with(&["close".into()]));
    });
}

/// The waker that the reactor had is dropped with the future.
#[test]
fn a_wait_for_a_socket_that_is_given_up() {
    told("a_wait_for_a_socket_that_is_given_up", async |recorder| {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let task = named("waits", async move {
            let mut buf = [0; 8];
            let mut receive = Box::pin(socket.recv(&mut buf));
            assert!(poll_fn(|cx| Poll::Ready(receive.as_mut().poll(cx).is_pending())).await);
            drop(receive);
            // The `poll_…` functions do this: their operation lasts until it is done, or the socket is dropped.
            assert!(poll_fn(|cx| Poll::Ready(socket.poll_recv_ready(cx).is_pending())).await);
        });
        task.await.unwrap();
        let told =
            ["open", "enter", "waker.clone", "waker.drop", "waker.clone", "waker.drop", "exit", "close"];
        assert_eq!(recorder.told_of_task("waits"), told);
    });
}

/// Nobody listens when it is spawned, so its wakers are the plain ones.
#[test]
fn a_task_that_was_there_before_the_subscriber() {
    if !in_a_child(module_path!(), "a_task_that_was_there_before_the_subscriber") {
        return;
    }
    watched(|| {
        let rt = Runtime::new().unwrap();
        let early = rt.spawn(async { yield_now().await });
        let before = sleep(Duration::ZERO);
        let recorder = Recorder::install();
        let late = rt.spawn(async {});
        assert_eq!(recorder.count(), (1, 1));
        rt.block_on(async {
            early.await.unwrap();
            before.await;
            late.await.unwrap();
        });
        // The late task, and the root.
        assert_eq!(recorder.count().0, 2);
    })
}

/// It panics whenever it is told anything.
struct Panics;

fn panic() {
    std::panic::resume_unwind(Box::new("the subscriber"));
}

impl Subscriber for Panics {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    /// It does not panic here, or there would be no spans.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        static CALLS: AtomicUsize = AtomicUsize::new(0);
        if CALLS.fetch_add(1, Ordering::Relaxed) % 4 == 3 {
            panic();
        }
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        panic();
    }

    fn enter(&self, _: &Id) {
        panic();
    }

    fn exit(&self, _: &Id) {
        panic();
    }

    fn try_close(&self, _: Id) -> bool {
        panic();
        true
    }
}

/// Does everything that is reported.
async fn everything() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let accepts = task::spawn(async move { listener.accept().await.is_ok() });
    let sleeps = task::spawn(async {
        yield_now().await;
        sleep(Duration::from_nanos(1)).await;
        interval(Duration::from_secs(1)).tick().await;
    });
    let aborted = task::spawn(pending::<()>());
    turn().await;
    aborted.abort();
    let (blocking, fails) = (spawn_blocking(|| 7), task::spawn(async { silently() }));
    drop(TcpStream::connect(addr).await.unwrap());
    assert!(accepts.await.unwrap());
    sleeps.await.unwrap();
    assert!(aborted.await.unwrap_err().is_cancelled());
    assert_eq!(blocking.await.unwrap(), 7);
    assert!(fails.await.unwrap_err().is_panic());
}

#[test]
fn a_subscriber_that_panics_harms_nobody() {
    if !in_a_child(module_path!(), "a_subscriber_that_panics_harms_nobody") {
        return;
    }
    tracing::subscriber::set_global_default(Panics).unwrap();
    watched(|| {
        let rt = Runtime::new().unwrap();
        for _ in 0..8 {
            rt.block_on(everything());
        }
        assert_eq!(rt.metrics().num_alive_tasks(), 0);
    })
}

/// It calls back into the runtime whenever it is told anything.
struct ComesBack(Recorder);

thread_local! {
    static WAKER: std::cell::RefCell<Option<Waker>> = const { std::cell::RefCell::new(None) };
}

fn come_back() {
    static IS_INSIDE: AtomicBool = AtomicBool::new(false);
    if Handle::try_current().is_err() || IS_INSIDE.swap(true, Ordering::SeqCst) {
        return;
    }
    // Each of these calls is reported too: without a limit there would be no end.
    static SPAWNED: AtomicUsize = AtomicUsize::new(0);
    if SPAWNED.fetch_add(1, Ordering::SeqCst) < 1_000 {
        drop(Handle::current().spawn(async { sleep(Duration::from_nanos(1)).await }));
    }
    let waker = WAKER.with_borrow(Clone::clone);
    waker.inspect(Waker::wake_by_ref);
    IS_INSIDE.store(false, Ordering::SeqCst);
}

impl Subscriber for ComesBack {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.enabled(metadata)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        come_back();
        self.0.new_span(span)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.0.event(event);
        come_back();
    }

    fn enter(&self, id: &Id) {
        self.0.enter(id);
        come_back();
    }

    fn exit(&self, id: &Id) {
        come_back();
        self.0.exit(id);
    }

    fn try_close(&self, id: Id) -> bool {
        come_back();
        self.0.try_close(id)
    }
}

#[test]
fn a_subscriber_that_spawns_and_wakes() {
    if !in_a_child(module_path!(), "a_subscriber_that_spawns_and_wakes") {
        return;
    }
    tracing::subscriber::set_global_default(ComesBack(Recorder::default())).unwrap();
    watched(|| {
        let rt = Runtime::new().unwrap();
        rt.block_on(async {
            poll_fn(|cx| {
                WAKER.set(Some(cx.waker().clone()));
                Poll::Ready(())
            })
            .await;
            everything().await;
        });
    })
}
