//! The end of a runtime: what is dropped when, what drops may do then, and who is told what.

use crate::support::{Wakes, connected, poll_with, watched};
use ayi::runtime::{Builder, Runtime, UnhandledPanic};
use ayi::time::sleep;
use futures_lite::future::block_on as foreign_block_on;
use futures_task::{LocalSpawn, Spawn};
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Runs `f` when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Waits for ever. When it is dropped, polled or not, `f` is run.
fn waits_then<F: FnMut()>(f: F) -> impl Future<Output = ()> + use<F> {
    let on_drop = OnDrop(f);
    async move {
        let _on_drop = on_drop;
        pending::<()>().await
    }
}

/// Regression: the process was aborted.
#[test]
fn runtime_in_a_thread_local() {
    thread_local! {
        static RUNTIME: Runtime = Runtime::new().unwrap();
    }
    watched(|| {
        let (drops, dropped) = channel();
        let thread = thread::spawn(|| {
            RUNTIME.with(|rt| {
                rt.block_on(async {});
                drop(rt.spawn(waits_then(move || drops.send(()).unwrap())));
            })
        });
        thread.join().unwrap();
        dropped.recv().unwrap();
    })
}

/// Regression: the runtime waited for the call, and the call waited for the runtime to refuse the task, for ten
/// seconds.
#[test]
fn blocking_call_that_spawns_on_the_runtime_that_ends_and_waits_for_it() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let handle = rt.handle().clone();
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
        // The grace period is not used up.
        assert!(begin.elapsed() < Duration::from_secs(10));
    })
}

fn ends_by_panic() -> Runtime {
    Builder::new_current_thread().unhandled_panic(UnhandledPanic::ShutdownRuntime).build().unwrap()
}

/// Ends the runtime inside its `block_on`.
fn end_by_panic(rt: &Runtime) {
    drop(rt.spawn(async { std::panic::resume_unwind(Box::new("nobody hears of this")) }));
    catch_unwind(AssertUnwindSafe(|| rt.block_on(pending::<()>()))).unwrap_err();
}

#[test]
fn status_after_the_end() {
    watched(|| {
        let rt = ends_by_panic();
        assert!(rt.status().is_ok() && rt.status_local().is_ok() && rt.handle().status().is_ok());
        end_by_panic(&rt);
        assert!(rt.status().is_err() && rt.status_local().is_err() && rt.handle().status().is_err());
    })
}

/// First the futures are dropped, on this thread. Then the blocking calls that have not started are dropped, while
/// those that have started finish. Then it is over.
#[test]
fn the_order_of_the_end() {
    watched(|| {
        let log = Arc::new(Mutex::new(vec![]));
        let note = |what: &'static str| {
            let log = log.clone();
            move || log.lock().unwrap().push(what)
        };
        let rt = Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        let (start, started) = channel();
        let (end, ends) = channel::<()>();
        let ended = note("the call has ended");
        let call = rt.spawn_blocking(move || {
            start.send(()).unwrap();
            // This does not come before the last future is dropped.
            ends.recv().unwrap_err();
            ended();
        });
        let given_up = OnDrop(note("the queued call is given up"));
        let queued = rt.spawn_blocking(move || drop(given_up));
        let home = thread::current().id();
        let of_future = note("a future");
        drop(rt.spawn(waits_then(note("a future"))));
        let last = rt.handle().spawn(waits_then(move || {
            assert_eq!(thread::current().id(), home);
            of_future();
            let _ = &end;
        }));
        started.recv().unwrap();
        drop(rt);
        log.lock().unwrap().push("over");
        let mut log = log.lock().unwrap();
        // Only the last future has let the first call end, so it may be a little earlier than the queued one.
        log[2..4].sort_unstable();
        let order = ["a future", "a future", "the call has ended", "the queued call is given up", "over"];
        assert_eq!(*log, order);
        assert!(foreign_block_on(call).unwrap_err().is_cancelled());
        assert!(foreign_block_on(queued).unwrap_err().is_cancelled());
        assert!(foreign_block_on(last).unwrap_err().is_cancelled());
    })
}

/// Another executor waits for what belonged to the runtime: it is woken, and told.
#[test]
fn who_waits_elsewhere_for_a_socket_or_a_timer() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let ((mut stream, _peer), mut timer) = (connected(), sleep(Duration::from_secs(3600)));
        let ((of_stream, stream_waker), (of_timer, timer_waker)) = (Wakes::new(), Wakes::new());
        let mut buf = [0; 8];
        let mut read = Box::pin(ayi::io::AsyncReadExt::read(&mut stream, &mut buf));
        {
            let _inside = rt.enter();
            assert!(poll_with(read.as_mut(), &stream_waker).is_pending());
            assert!(poll_with(Pin::new(&mut timer), &timer_waker).is_pending());
        }
        drop(rt);
        assert_eq!((of_stream.count(), of_timer.count()), (1, 1));
        assert!(ayi::runtime::is_rt_shutdown_err(&foreign_block_on(read).unwrap_err()));
        let _late = (stream, timer);
    })
}

/// A call that does not end holds up nobody for longer than was said.
#[test]
fn shutdown_timeout_with_a_call_that_does_not_end() {
    watched(|| {
        for (grace, is_entered) in [(Duration::ZERO, false), (Duration::from_millis(5), true)] {
            let rt = Runtime::new().unwrap();
            let (start, started) = channel();
            let (end, ends) = channel::<()>();
            let (result, results): (Sender<_>, _) = channel();
            let call = rt.spawn_blocking(move || {
                start.send(()).unwrap();
                ends.recv().unwrap_err();
                OnDrop(move || result.send(thread::current().id()).unwrap())
            });
            started.recv().unwrap();
            let handle = rt.handle().clone();
            let inside = is_entered.then(|| handle.enter());
            rt.shutdown_timeout(grace);
            drop(inside);
            assert!(foreign_block_on(call).err().unwrap().is_cancelled());
            // The call continues, and nobody gets its result.
            assert!(results.try_recv().is_err());
            drop(end);
            assert_ne!(results.recv().unwrap(), thread::current().id());
        }
    })
}

/// Starts a call that ends by means of what this returns.
fn running_call(rt: &Runtime) -> Sender<()> {
    let ((begin, begun), (end, ends)) = (channel(), channel());
    drop(rt.spawn_blocking(move || {
        begin.send(()).unwrap();
        let _ = ends.recv();
    }));
    begun.recv().unwrap();
    end
}

/// Ending a runtime waits, unless the caller has said otherwise.
#[test]
fn a_runtime_that_is_dropped_waits_for_the_calls_that_run() {
    watched(|| {
        for _ in 0..20 {
            let rt = Runtime::new().unwrap();
            let (guard, tasks_are_dropped) = channel::<()>();
            let ((begin, begun), saved) = (channel(), Arc::new(Mutex::new(false)));
            drop(rt.spawn(async move {
                let _guard = guard;
                pending::<()>().await
            }));
            let is_saved = saved.clone();
            drop(rt.spawn_blocking(move || {
                begin.send(()).unwrap();
                tasks_are_dropped.recv().unwrap_err();
                for _ in 0..100 {
                    thread::yield_now();
                }
                *is_saved.lock().unwrap() = true;
            }));
            begun.recv().unwrap();
            drop(rt);
            assert!(*saved.lock().unwrap());
        }
    })
}

#[test]
fn a_builder_may_set_a_limit_for_calls_that_do_not_return() {
    watched(|| {
        let mut builder = Builder::new_current_thread();
        let rt = builder.shutdown_timeout(Duration::from_millis(1)).build().unwrap();
        let end = running_call(&rt);
        drop(rt);
        end.send(()).unwrap();
        // The same for the runtimes of cores.
        let ends = Mutex::new(Vec::new());
        builder
            .cores(2)
            .run(async |_| {
                let ((begin, begun), (end, never)) = (channel(), channel::<()>());
                drop(ayi::task::spawn_blocking(move || {
                    begin.send(()).unwrap();
                    never.recv().unwrap_err();
                }));
                begun.recv().unwrap();
                ends.lock().unwrap().push(end);
            })
            .unwrap();
        assert_eq!(ends.into_inner().unwrap().len(), 2);
    })
}

/// `UnhandledPanic::ShutdownRuntime` ends it at once, and its owner's drop waits.
#[test]
fn calls_of_a_runtime_that_a_panic_has_ended_are_waited_for_by_its_drop() {
    watched(|| {
        let mut builder = Builder::new_current_thread();
        builder.unhandled_panic(UnhandledPanic::ShutdownRuntime);
        let rt = builder.build().unwrap();
        let end = running_call(&rt);
        let run = || {
            rt.block_on(async {
                drop(ayi::spawn(async { panic!("on purpose") }));
                pending::<()>().await
            })
        };
        assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
        let metrics = rt.metrics();
        assert_eq!(metrics.num_blocking_threads(), 1, "the panic has not waited");
        drop(end);
        drop(rt);
        assert_eq!(metrics.num_blocking_threads(), 0);
    })
}
