//! Error messages: what happened, why, what to do, and the place of the mistake.
//!
//! The tests are apart from `tests/it` because they set the panic hook of their process.

mod support;

use ayi::net::TcpStream;
use ayi::runtime::{Builder, Handle, Runtime};
use ayi::task::spawn_blocking;
use ayi::time::{Duration, interval, sleep, timeout};
use std::cell::RefCell;
use std::future::pending;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Once;
use std::thread;
use support::{connected, poll_once, watched};

thread_local! {
    /// The last panic of this thread: file, line and text.
    static LATEST: RefCell<Option<(String, u32, String)>> = const { RefCell::new(None) };
}

/// Returns the panic of `f`.
fn panic_of<R>(f: impl FnOnce() -> R) -> (String, u32, String) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let place = info.location().unwrap();
            let text = info.payload().downcast_ref::<&str>().map(|text| text.to_string());
            let text = text.or_else(|| info.payload().downcast_ref().cloned()).unwrap();
            LATEST.set(Some((place.file().to_owned(), place.line(), text)));
            // The test harness keeps it, and shows it if a test fails.
            print(info);
        }));
    });
    assert!(catch_unwind(AssertUnwindSafe(|| drop(f()))).is_err());
    LATEST.take().unwrap()
}

#[test]
fn panics_tell_the_callers_place() {
    let nested = || Runtime::new().unwrap().block_on(async { Runtime::new().unwrap().block_on(async {}) });
    let builder = Builder::new_current_thread;
    let calls: [(&str, u32, &dyn Fn()); 7] = [
        ("spawn", line!(), &|| drop(ayi::spawn(async {}))),
        ("Handle::current", line!(), &|| drop(Handle::current())),
        ("spawn_blocking", line!(), &|| drop(spawn_blocking(|| {}))),
        ("max_blocking_threads", line!(), &|| drop(builder().max_blocking_threads(0).build())),
        ("thread_name", line!(), &|| drop(builder().thread_name("a\0b").build())),
        ("interval", line!(), &|| drop(interval(Duration::ZERO))),
        ("block_on", line!() - 9, &nested),
    ];
    for (name, line, call) in calls {
        let (file, at, text) = panic_of(call);
        assert_eq!((file.as_str(), at), (file!(), line), "{name}: {text}");
    }
}

const NO_RUNTIME: [&str; 3] = [
    "there is no ayi runtime on this thread",
    "call this from inside Runtime::block_on or #[ayi::main]",
    "On other threads, use a runtime's Handle",
];

fn assert_says(name: &str, text: &str, parts: &[&str]) {
    assert!(parts.iter().all(|part| text.contains(part)), "{name}: {text}");
}

#[test]
fn outside_of_a_runtime() {
    let calls: [(&str, fn()); 7] = [
        ("spawn", || drop(ayi::spawn(async {}))),
        ("spawn_blocking", || drop(spawn_blocking(|| {}))),
        ("Handle::current", || drop(Handle::current())),
        ("sleep", || drop(Box::new(poll_once(pin!(sleep(Duration::from_secs(1))))))),
        ("sleep(0)", || drop(Box::new(poll_once(pin!(sleep(Duration::ZERO)))))),
        ("timeout", || drop(poll_once(pin!(timeout(Duration::from_secs(1), pending::<()>()))))),
        ("interval", || drop(Box::new(poll_once(pin!(interval(Duration::from_secs(1)).tick()))))),
    ];
    for (name, call) in calls {
        assert_says(name, &panic_of(call).2, &NO_RUNTIME);
    }
    assert_says("try_current", &Handle::try_current().unwrap_err().to_string(), &NO_RUNTIME);
    let (stream, _peer) = connected();
    let mut buf = [0];
    let std::task::Poll::Ready(error) = poll_once(pin!(stream.read(&mut buf))) else { panic!() };
    assert_says("read", &error.unwrap_err().to_string(), &NO_RUNTIME);
    // An operation that need not wait need not be inside a runtime.
    drop::<TcpStream>(stream);
}

#[test]
fn on_a_thread_that_has_entered_the_runtime_of_another() {
    watched(|| {
        let handle = Runtime::new().unwrap().handle().clone();
        let elsewhere = move || {
            let _inside = handle.enter();
            let parts = ["has only entered the runtime of another thread", "not Send", "use Handle::spawn"];
            assert_says("spawn", &panic_of(|| ayi::spawn(async {})).2, &parts);
        };
        thread::spawn(elsewhere).join().unwrap();
    })
}

#[test]
fn mistakes_inside() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        rt.block_on(async {
            let nested = panic_of(|| rt.block_on(async {})).2;
            assert_says(
                "block_on",
                &nested,
                &["block_on inside block_on", "stand still", "Use .await", "spawn_blocking"],
            );

            let mut task = ayi::spawn(async { 1 });
            let id = task.id();
            assert_eq!((&mut task).await.unwrap(), 1);
            let again = panic_of(|| poll_once(Pin::new(&mut task))).2;
            assert_says("JoinHandle", &again, &["polled again", &format!("task {id}")]);
        });
        let other = Runtime::new().unwrap();
        let guards = panic_of(|| {
            let outer = rt.enter();
            let _inner = other.enter();
            drop(outer);
        });
        assert_says("EnterGuard", &guards.2, &["reverse order", "in a scope of its own"]);
    })
}
