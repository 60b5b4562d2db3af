//! The end of a runtime: what is dropped when, and what is said to whom.

use ayi::runtime::{Builder, Runtime, UnhandledPanic};
use futures_task::{LocalSpawn, Spawn};
use std::future::{Future, pending};
use std::io::Write;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::task::{Context, Poll, Wake};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

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

/// Another executor: one future, on the current thread.
fn foreign_block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park();
    }
}

/// Regression: the process was aborted.
#[test]
fn runtime_in_a_thread_local() {
    thread_local! {
        static RUNTIME: Runtime = Runtime::new().unwrap();
    }
    /// Says that it is dropped.
    struct Guard(Sender<()>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
        }
    }
    run(|| {
        let (drops, dropped) = channel();
        let thread = thread::spawn(|| {
            RUNTIME.with(|rt| {
                rt.block_on(async {});
                let guard = Guard(drops);
                drop(rt.spawn(async move {
                    let _guard = guard;
                    pending::<()>().await
                }));
            })
        });
        thread.join().unwrap();
        dropped.recv().unwrap();
    })
}

/// Regression: the runtime waited for the call, which waited for the runtime to refuse the task, for ten seconds.
#[test]
fn blocking_call_that_spawns_on_the_runtime_that_ends_and_waits_for_it() {
    run(|| {
        let rt = Runtime::new().unwrap();
        let handle = rt.handle();
        let (guard, tasks_are_dropped) = channel::<()>();
        let (start, started) = channel();
        let (result, results) = channel();
        drop(rt.spawn(async move {
            let _guard = guard;
            pending::<()>().await
        }));
        drop(rt.spawn_blocking(move || {
            start.send(()).unwrap();
            tasks_are_dropped.recv().unwrap_err();
            result.send(foreign_block_on(handle.spawn(async {}))).unwrap();
        }));
        started.recv().unwrap();
        let begin = Instant::now();
        drop(rt);
        assert!(results.recv().unwrap().unwrap_err().is_cancelled());
        // The grace period, which is not to be used up.
        assert!(begin.elapsed() < Duration::from_secs(10));
    })
}

#[test]
fn status_after_the_end() {
    run(|| {
        let rt =
            Builder::new_current_thread().unhandled_panic(UnhandledPanic::ShutdownRuntime).build().unwrap();
        assert!(rt.status().is_ok() && rt.status_local().is_ok() && rt.handle().status().is_ok());
        drop(rt.spawn(async { panic!("nobody hears of this") }));
        catch_unwind(AssertUnwindSafe(|| rt.block_on(pending::<()>()))).unwrap_err();
        assert!(rt.status().is_err() && rt.status_local().is_err() && rt.handle().status().is_err());
    })
}
