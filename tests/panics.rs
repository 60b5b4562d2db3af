//! Panics in every piece of foreign code: none may take more with it than its own task.

use ayi::runtime::{Builder, Runtime, UnhandledPanic};
use std::future::{Future, pending};
use std::io::Write;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, panic_any};
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::thread::{self, ThreadId};
use std::time::Duration;

/// Runs a test. If it hangs, the process ends.
#[track_caller]
fn run<T>(test: impl FnOnce() -> T) -> T {
    let place = Location::caller();
    let (_end, ended) = channel::<()>();
    thread::spawn(move || {
        if ended.recv_timeout(Duration::from_secs(60)) == Err(RecvTimeoutError::Timeout) {
            // Not eprintln!, whose output the test harness would keep.
            let _ = writeln!(std::io::stderr(), "the test at {place} hangs");
            std::process::abort();
        }
    });
    test()
}

fn policy(policy: UnhandledPanic) -> Runtime {
    Builder::new_current_thread().unhandled_panic(policy).build().unwrap()
}

/// Notes the thread that it is dropped on.
struct Witness(Arc<Mutex<Vec<ThreadId>>>);

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(thread::current().id());
    }
}

/// Its drop panics with a payload whose drop panics, and so on.
struct Bomb(u32);

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.0 > 0 {
            panic_any(Bomb(self.0 - 1));
        }
    }
}

struct PanickingWaker;

impl Wake for PanickingWaker {
    fn wake(self: Arc<Self>) {
        panic!("the waker panics");
    }
}

/// Whatever panics while a runtime ends: all its futures are dropped then and there. (They need not be `Send`, and
/// their slots serve another thread next.)
#[test]
fn every_future_is_dropped_at_the_end_whatever_panics() {
    type Situation = fn(&Runtime);
    let situations: [(&str, Situation); 4] = [
        ("a joiner's waker", |rt| {
            let _inside = rt.enter();
            let mut task = rt.spawn(pending::<()>());
            let waker = Waker::from(Arc::new(PanickingWaker));
            assert!(Pin::new(&mut task).poll(&mut Context::from_waker(&waker)).is_pending());
            std::mem::forget(task);
        }),
        ("a joiner's waker, of a task that is about to arrive", |rt| {
            let mut task = rt.handle().spawn(pending::<()>());
            let waker = Waker::from(Arc::new(PanickingWaker));
            assert!(Pin::new(&mut task).poll(&mut Context::from_waker(&waker)).is_pending());
            std::mem::forget(task);
        }),
        ("a future's drop, and its payload's", |rt| {
            let bomb = Bomb(3);
            drop(rt.spawn(async move {
                let _bomb = bomb;
                pending::<()>().await
            }));
        }),
        ("a future's drop, of a task that is about to arrive", |rt| {
            let bomb = Bomb(3);
            drop(rt.handle().spawn(async move {
                let _bomb = bomb;
                pending::<()>().await
            }));
        }),
    ];
    let policies = [UnhandledPanic::Ignore, UnhandledPanic::Report, UnhandledPanic::ShutdownRuntime];
    for (name, situation) in situations {
        for unhandled in policies {
            run(|| {
                let drops = Arc::new(Mutex::new(vec![]));
                let spawn_witnesses = |rt: &Runtime| {
                    let (here, arriving) = (Witness(drops.clone()), Witness(drops.clone()));
                    drop(rt.spawn(async move {
                        let _here = here;
                        pending::<()>().await
                    }));
                    drop(rt.handle().spawn(async move {
                        let _arriving = arriving;
                        pending::<()>().await
                    }));
                };
                let rt = policy(unhandled);
                spawn_witnesses(&rt);
                situation(&rt);
                spawn_witnesses(&rt);
                // Whether it passes the panic on is not the point.
                if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(rt))) {
                    std::mem::forget(payload);
                }
                assert_eq!(*drops.lock().unwrap(), [thread::current().id(); 4], "{name}, {unhandled:?}");
            })
        }
    }
}

/// Regression: the panic of a payload's drop ended the pool's only thread, and nothing was left to run other calls.
#[test]
fn blocking_result_whose_drop_panics_with_a_payload_whose_drop_panics() {
    run(|| {
        let rt = Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        let (ending, ended) = channel();
        let (start, started) = channel();
        let call = move || {
            start.send(()).unwrap();
            ended.recv().unwrap();
            Bomb(3)
        };
        // Runs on when its runtime ends, so that its result is nobody's.
        let task = rt.spawn_blocking(call);
        started.recv().unwrap();
        rt.shutdown_timeout(Duration::ZERO);
        drop(task);
        ending.send(()).unwrap();

        let rt = policy(UnhandledPanic::Ignore);
        drop(rt.spawn_blocking(|| Bomb(3)));
        assert_eq!(rt.block_on(rt.spawn_blocking(|| 1)).unwrap(), 1);
    })
}

/// Regression: `eprintln!` panics when stderr is a pipe that nobody reads.
#[test]
fn report_to_a_stderr_that_is_closed() {
    if std::env::var_os("AYI_TEST_CHILD").is_some() {
        std::panic::set_hook(Box::new(|_| {}));
        Runtime::new().unwrap().block_on(async {
            drop(ayi::spawn(async { panic!("nobody hears of this") }));
            ayi::task::yield_now().await;
        });
        std::process::exit(42);
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "report_to_a_stderr_that_is_closed", "--nocapture"])
        .env("AYI_TEST_CHILD", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(42));
}
