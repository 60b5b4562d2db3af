//! Panics that nobody awaits: a policy says what the runtime does about them.

use crate::support::{child, is_child, turn, watched};
use ayi::runtime::{Builder, Runtime, UnhandledPanic};
use futures_lite::future::block_on as foreign_block_on;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

fn policy(policy: UnhandledPanic) -> Runtime {
    Builder::new_current_thread().unhandled_panic(policy).build().unwrap()
}

/// Panics without a message.
fn silently<T>(payload: impl std::any::Any + Send) -> T {
    resume_unwind(Box::new(payload))
}

/// Its drop panics.
struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        silently("drop")
    }
}

/// Records the thread that it is dropped on.
struct Witness(Arc<Mutex<Vec<ThreadId>>>);

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(thread::current().id());
    }
}

/// `ShutdownRuntime` is about panics that nobody joins: any one of these ends the runtime.
#[test]
fn unhandled_panics_that_end_the_runtime() {
    type Situation = (&'static str, bool, fn(&Runtime));
    let situations: [Situation; 8] = [
        ("joined", false, |rt| drop(rt.block_on(rt.spawn(async { silently::<()>(1) })))),
        ("its handle is kept", false, |rt| std::mem::forget(rt.spawn(async { silently::<()>(1) }))),
        ("cancelled", false, |rt| rt.spawn(pending::<()>()).abort()),
        ("its handle was dropped", true, |rt| drop(rt.spawn(async { silently::<()>(1) }))),
        ("its handle is dropped", true, |rt| {
            let task = rt.spawn(async { silently::<()>(1) });
            rt.block_on(turn());
            let _inside = rt.enter();
            drop(task);
        }),
        ("the drop of its future", true, |rt| {
            let held = PanicsWhenDropped;
            drop(rt.spawn(async move { drop(held) }));
        }),
        ("the drop of its output", true, |rt| drop(rt.spawn(async { PanicsWhenDropped }))),
        ("a blocking call", true, |rt| drop(rt.spawn_blocking(|| silently::<()>(1)))),
    ];
    for (name, is_fatal, begin) in situations {
        watched(|| {
            let rt = policy(UnhandledPanic::ShutdownRuntime);
            let drops = Arc::new(Mutex::new(vec![]));
            let witness = Witness(drops.clone());
            let other = rt.spawn(async move {
                let _witness = witness;
                pending::<()>().await
            });
            begin(&rt);
            let live = async {
                // This takes as long as the pool's thread needs, if it is involved.
                ayi::task::spawn_blocking(|| ()).await.unwrap();
                for _ in 0..5 {
                    turn().await;
                }
                if is_fatal {
                    pending::<()>().await;
                }
            };
            let result = catch_unwind(AssertUnwindSafe(|| rt.block_on(live)));
            assert_eq!(result.is_err(), is_fatal, "{name}");
            if let Err(panic) = result {
                let text = *panic.downcast::<&str>().unwrap();
                assert!(text.contains("UnhandledPanic::ShutdownRuntime"), "{text}");
                assert_eq!(*drops.lock().unwrap(), [thread::current().id()]);
                assert!(foreign_block_on(other).unwrap_err().is_cancelled());
                assert!(foreign_block_on(rt.spawn(async {})).unwrap_err().is_cancelled());
                assert!(foreign_block_on(rt.handle().spawn(async {})).unwrap_err().is_cancelled());
                let panic = catch_unwind(AssertUnwindSafe(|| rt.block_on(async {}))).unwrap_err();
                assert!(
                    panic.downcast::<&str>().unwrap().contains("has been shut down by an unhandled panic")
                );
            }
            drop(rt);
            assert_eq!(drops.lock().unwrap().len(), 1);
        });
    }
}

/// Runs the test `name` in a process of its own, and returns its stderr. Returns `None` in that process.
fn stderr_of_child(name: &str, policy: &str) -> Option<String> {
    if is_child() {
        return None;
    }
    let output = child(module_path!(), name).env("AYI_TEST_CHILD", policy).output().unwrap();
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    Some(String::from_utf8(output.stderr).unwrap())
}

#[test]
fn what_is_reported_on_stderr() {
    const NAME: &str = "what_is_reported_on_stderr";
    if let Some(errors) = stderr_of_child(NAME, "Report") {
        let lines: Vec<_> = errors.lines().collect();
        let [first, second, third] = lines[..] else { panic!("{errors}") };
        let place = |line| format!("it was spawned at {}:{line}:", file!());
        for (report, what, line) in [
            (first, "panicked with message \"a task's\"", LINE + 1),
            (second, "panicked;", LINE + 2),
            (third, "panicked with message \"a call's\"", LINE + 3),
        ] {
            assert!(report.starts_with("ayi: task ") && report.contains(what), "{report}");
            assert!(report.contains(&place(line)) && report.ends_with(" and nobody joins it"), "{report}");
        }
        assert_eq!(stderr_of_child(NAME, "Ignore").unwrap(), "");
        return;
    }
    let is_report = std::env::var("AYI_TEST_CHILD").unwrap() == "Report";
    let rt = policy(if is_report { UnhandledPanic::Report } else { UnhandledPanic::Ignore });
    const LINE: u32 = line!();
    drop(rt.spawn(async { silently::<()>("a task's") }));
    drop(rt.handle().spawn(async { silently::<()>(1) }));
    let call = rt.spawn_blocking(|| silently::<()>("a call's"));
    rt.block_on(async {
        while !call.is_finished() {
            turn().await;
        }
        // What came before it has run by then.
        turn().await;
        turn().await;
    });
    let _inside = rt.enter();
    drop(call);
}

/// The panic of a crate that calls tokio's own runtime.
#[test]
fn what_is_reported_of_a_call_of_tokios_runtime() {
    const NAME: &str = "what_is_reported_of_a_call_of_tokios_runtime";
    if let Some(errors) = stderr_of_child(NAME, "Report") {
        assert!(errors.contains("module `tokio_on_ayi`"), "{errors}");
        return;
    }
    let text = "there is no reactor running, must be called from the context of a Tokio 1.x runtime";
    drop(policy(UnhandledPanic::Report).spawn(async move { silently::<()>(text) }));
    let rt = policy(UnhandledPanic::Report);
    drop(rt.spawn(async move { silently::<()>(text) }));
    rt.block_on(turn());
}

/// Regression: `eprintln!` panics when stderr is a pipe that nobody reads.
#[test]
fn report_to_a_stderr_that_is_closed() {
    if is_child() {
        std::panic::set_hook(Box::new(|_| {}));
        Runtime::new().unwrap().block_on(async {
            drop(ayi::spawn(async { panic!("nobody hears of this") }));
            ayi::task::yield_now().await;
        });
        std::process::exit(42);
    }
    let mut child = child(module_path!(), "report_to_a_stderr_that_is_closed")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(42));
}
