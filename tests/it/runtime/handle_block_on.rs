//! `Handle::block_on`: on the runtime's own thread, on others, and where it is refused.

use crate::support::{self, poll_once, run, watched};
use ayi::net::{TcpListener, TcpStream};
use ayi::process::Command;
use ayi::runtime::{Handle, Runtime};
use ayi::signal::unix::{SignalKind, signal};
use ayi::task::{JoinSet, block_in_place, spawn_blocking};
use ayi::time::{Duration, Instant, interval, sleep, timeout};
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Poll, Waker};
use std::thread;

const HOUR: Duration = Duration::from_secs(3600);

fn panic_of(f: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).unwrap_err();
    panic
        .downcast_ref::<String>()
        .cloned()
        .unwrap_or_else(|| panic.downcast_ref::<&str>().unwrap().to_string())
}

#[test]
fn on_its_own_thread_it_runs_the_runtime() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let handle = rt.handle().clone();
        let other = rt.spawn(async { 1 });
        let not_send = Rc::new(2);
        let sum = handle.block_on(async {
            sleep(Duration::from_micros(10)).await;
            other.await.unwrap() + *not_send
        });
        assert_eq!(sum, 3);
    });
}

#[test]
fn on_another_thread_it_waits_for_tasks_and_calls() {
    run(async || {
        let handle = Handle::current();
        let there = spawn_blocking(move || {
            handle.block_on(async {
                let slept = Handle::current().spawn(async {
                    sleep(Duration::from_micros(10)).await;
                    thread::current().id()
                });
                let called = spawn_blocking(|| 7);
                (slept.await.unwrap(), called.await.unwrap(), thread::current().id())
            })
        });
        let (runtime, seven, here) = there.await.unwrap();
        assert_eq!((runtime, seven), (thread::current().id(), 7));
        assert_ne!(here, runtime);
    });
}

#[test]
fn wakes_of_any_kind_end_its_sleep() {
    watched(|| {
        let handle = Runtime::new().unwrap().handle().clone();
        // It is woken by itself, before it sleeps.
        let mut left = 3;
        handle.block_on(poll_fn(|cx| {
            left -= 1;
            cx.waker().wake_by_ref();
            if left == 0 { Poll::Ready(()) } else { Poll::Pending }
        }));
        // It is woken by another thread, many times, with a clone.
        let mut left = 100;
        handle.block_on(poll_fn(|cx| {
            left -= 1;
            let waker = cx.waker().clone();
            thread::spawn(move || waker.wake());
            if left == 0 { Poll::Ready(()) } else { Poll::Pending }
        }));
        // If the thread is unparked for another reason, the future is not polled.
        let (go, wait) = mpsc::channel();
        let mut polls = 0;
        handle.block_on(poll_fn(|cx| {
            polls += 1;
            if polls == 2 {
                return Poll::Ready(());
            }
            let (thread, waker) = (thread::current(), cx.waker().clone());
            go.send((thread, waker)).unwrap();
            let (thread, waker) = wait.recv().unwrap();
            thread::spawn(move || {
                for _ in 0..100 {
                    thread.unpark();
                    thread::yield_now();
                }
                waker.wake();
            });
            Poll::Pending
        }));
        assert_eq!(polls, 2);
    });
}

#[test]
fn after_the_end_it_still_runs_the_future() {
    let handle = Runtime::new().unwrap().handle().clone();
    assert_eq!(handle.block_on(async { 7 }), 7);
    let cancelled = handle.block_on(async { Handle::current().spawn(async {}).await });
    assert!(cancelled.unwrap_err().is_cancelled());
}

#[test]
fn it_does_not_nest() {
    let rt = Runtime::new().unwrap();
    let handle = rt.handle().clone();
    rt.block_on(async {
        assert!(panic_of(|| handle.block_on(async {})).contains("block_on inside block_on"))
    });
    let elsewhere = handle.clone();
    let there =
        thread::spawn(move || elsewhere.block_on(async { panic_of(|| elsewhere.block_on(async {})) }));
    assert!(there.join().unwrap().contains("block_on inside block_on"));
    // The same after a panic.
    assert!(catch_unwind(AssertUnwindSafe(|| handle.block_on(async { panic!("on purpose") }))).is_err());
    handle.block_on(async {});
}

#[test]
fn for_who_has_only_entered_another_threads_runtime_sockets_and_timers_wait_there() {
    let rt = Runtime::new().unwrap();
    let handle = rt.handle().clone();
    let there = thread::spawn(move || {
        let _inside = handle.enter();
        let (stream, _peer) = support::connected();
        let mut readable = pin!(stream.readable());
        let mut timer = pin!(sleep(HOUR));
        assert!(poll_once(readable.as_mut()).is_pending());
        assert!(poll_once(timer.as_mut()).is_pending());
        drop(rt);
        let Poll::Ready(Err(error)) = poll_once(readable) else { panic!("it waits") };
        assert!(ayi::runtime::is_rt_shutdown_err(&error), "{error}");
    });
    there.join().unwrap();
}

/// Waits for everything that can be awaited in a runtime of one's own. Each part begins with what is needed first.
async fn all_that_waits(part: usize) {
    let runtime = Handle::current().id();
    let elapsed = Instant::now();
    match part {
        0 => sleep(Duration::from_micros(100)).await,
        1 => assert!(timeout(Duration::from_micros(100), pending::<()>()).await.is_err()),
        2 => {
            let mut ticks = interval(Duration::from_micros(100));
            for _ in 0..3 {
                ticks.tick().await;
            }
            assert!(elapsed.elapsed() >= Duration::from_micros(200));
        }
        3 => {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let serve = async {
                let (stream, _) = listener.accept().await.unwrap();
                let mut buf = [0; 3];
                stream.read(&mut buf).await.unwrap();
                stream.write(&buf).await.unwrap();
            };
            let ask = async {
                let stream = TcpStream::connect(address).await.unwrap();
                stream.write(b"tea").await.unwrap();
                let mut buf = [0; 3];
                assert_eq!(stream.read(&mut buf).await.unwrap(), 3);
                buf
            };
            assert_eq!(ayi::join!(serve, ask).1, *b"tea");
        }
        4 => {
            let output = Command::new("echo").arg("tea").output().await.unwrap();
            assert_eq!(output.stdout, b"tea\n");
            assert!(Command::new("true").status().await.unwrap().success());
        }
        5 => {
            let mut signal = signal(SignalKind::user_defined2()).unwrap();
            // SAFETY: takes no pointers.
            assert_eq!(unsafe { libc::raise(libc::SIGUSR2) }, 0);
            signal.recv().await.unwrap();
        }
        6 => {
            // Far and near, one after the other and at the same time.
            let far = Handle::current().spawn(async { sleep(Duration::from_micros(50)).await });
            let call = spawn_blocking(|| 7);
            sleep(Duration::from_micros(50)).await;
            far.await.unwrap();
            assert_eq!(call.await.unwrap(), 7);
            let mut set = JoinSet::new();
            for n in 0..10 {
                set.spawn_on(async move { n }, &Handle::current());
            }
            let all = timeout(HOUR, set.join_all()).await.unwrap();
            assert_eq!(all.into_iter().sum::<usize>(), 45);
        }
        7 => {
            sleep(Duration::from_micros(1)).await;
            let bytes = ayi::fs::read("Cargo.toml").await.unwrap();
            assert_eq!(bytes, std::fs::read("Cargo.toml").unwrap());
        }
        _ => {
            let timers: Vec<_> = (0..1000).map(|n| sleep(Duration::from_micros(n))).collect();
            for timer in timers {
                timer.await;
            }
        }
    }
    assert_eq!(Handle::current().id(), runtime, "whatever has been made for it");
}

const PARTS: usize = 9;

#[test]
fn in_a_blocking_call_timers_sockets_children_and_signals_wait() {
    run(async || {
        for part in (0..PARTS).chain((0..PARTS).rev()) {
            let handle = Handle::current();
            spawn_blocking(move || handle.block_on(all_that_waits(part))).await.unwrap();
        }
        // All in one call, and one after the other in one call.
        let handle = Handle::current();
        let all = move || {
            for part in 0..PARTS {
                handle.block_on(all_that_waits(part));
            }
            handle.block_on(async {
                for part in 0..PARTS {
                    all_that_waits(part).await;
                }
            });
        };
        spawn_blocking(all).await.unwrap();
    });
}

/// Timers and sockets need no other call on the runtime's thread.
#[test]
fn on_any_thread_timers_and_sockets_wait_though_nobody_runs_the_runtime() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let threads: Vec<_> = [0, 1, 2, 3, 8]
            .map(|part| {
                let handle = rt.handle().clone();
                thread::spawn(move || handle.block_on(all_that_waits(part)))
            })
            .into();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// A task that has stored the waker before the first timer is polled is not lost.
#[test]
fn a_waker_that_is_older_than_the_first_timer_wakes() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let handle = rt.handle().clone();
        for _ in 0..200 {
            let ((give, take), is_set) = (mpsc::channel::<Waker>(), Arc::new(AtomicBool::new(false)));
            let sets = is_set.clone();
            let waking = thread::spawn(move || {
                let waker = take.recv().unwrap();
                sets.store(true, Ordering::SeqCst);
                waker.wake();
            });
            let (mut give, mut timer) = (Some(give), sleep(HOUR));
            handle.block_on(poll_fn(|cx| {
                // Once, before the timer.
                if let Some(give) = give.take() {
                    give.send(cx.waker().clone()).unwrap();
                    assert!(Pin::new(&mut timer).poll(cx).is_pending());
                }
                if is_set.load(Ordering::SeqCst) { Poll::Ready(()) } else { Poll::Pending }
            }));
            waking.join().unwrap();
        }
    });
}

#[test]
fn it_is_over_when_the_runtime_ends_and_timers_and_sockets_say_why() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let (begin, begun) = mpsc::channel();
        let calls: Vec<_> = [false, true]
            .map(|is_timer| {
                let begin = begin.clone();
                rt.spawn_blocking(move || {
                    let text = panic_of(|| {
                        Handle::current().block_on(async {
                            let (stream, _peer) = support::connected();
                            let waits = async {
                                if is_timer {
                                    sleep(HOUR).await;
                                }
                                let error = stream.read(&mut [0]).await.unwrap_err();
                                assert!(ayi::runtime::is_rt_shutdown_err(&error));
                                panic!("{error}");
                            };
                            let mut waits = pin!(waits);
                            poll_fn(|cx| {
                                let polled = waits.as_mut().poll(cx);
                                begin.send(()).unwrap();
                                polled
                            })
                            .await
                        })
                    });
                    assert!(text.contains("has been shut down"), "{text}");
                })
            })
            .into();
        begun.recv().unwrap();
        begun.recv().unwrap();
        // The drop waits for both.
        drop(rt);
        assert!(calls.iter().all(|call| call.is_finished()));
    });
}

#[test]
fn after_the_end_timers_and_sockets_say_why() {
    let handle = Runtime::new().unwrap().handle().clone();
    watched(|| {
        assert!(panic_of(|| handle.block_on(sleep(HOUR))).contains("has been shut down"));
        let (stream, _peer) = support::connected();
        let error = handle.block_on(stream.read(&mut [0])).unwrap_err();
        assert!(ayi::runtime::is_rt_shutdown_err(&error));
    });
}

#[test]
fn time_is_real_in_a_blocking_call_of_a_runtime_whose_time_stands_still() {
    watched(|| {
        let rt = ayi::runtime::Builder::new_current_thread().start_paused(true).build().unwrap();
        rt.block_on(async {
            let start = Instant::now();
            let handle = Handle::current();
            let call = spawn_blocking(move || {
                let real = std::time::Instant::now();
                handle.block_on(sleep(Duration::from_millis(1)));
                assert!(real.elapsed() >= Duration::from_millis(1));
                let text = panic_of(|| handle.block_on(async { ayi::time::pause() }));
                assert!(text.contains("time::pause"), "{text}");
            });
            let hours = ayi::spawn(sleep(HOUR));
            call.await.unwrap();
            assert_eq!(start.elapsed(), Duration::ZERO, "it goes on when no call is running");
            hours.await.unwrap();
            assert_eq!(start.elapsed(), HOUR);
        });
    });
}

#[test]
fn a_future_that_is_not_send_cannot_be_spawned_from_there() {
    run(async || {
        let handle = Handle::current();
        let texts = spawn_blocking(move || {
            handle.block_on(async {
                let before = panic_of(|| drop(ayi::spawn(async {})));
                sleep(Duration::from_micros(1)).await;
                [before, panic_of(|| drop(ayi::spawn(async {})))]
            })
        });
        for text in texts.await.unwrap() {
            assert!(text.contains("Handle::spawn"), "{text}");
        }
    });
}

#[test]
fn the_future_is_dropped_inside_the_runtime_and_nothing_is_left() {
    struct Looks(mpsc::Sender<bool>);
    impl Drop for Looks {
        fn drop(&mut self) {
            let _ = self.0.send(Handle::try_current().is_ok());
        }
    }
    if !support::in_a_child(module_path!(), "the_future_is_dropped_inside_the_runtime_and_nothing_is_left") {
        return;
    }
    watched(|| {
        let rt = Runtime::new().unwrap();
        let handle = rt.handle().clone();
        let there = thread::spawn(move || {
            let files = || std::fs::read_dir("/proc/self/fd").unwrap().count();
            let mut after = Vec::new();
            for n in 0..30 {
                let (looks, seen) = mpsc::channel();
                let looks = Looks(looks);
                let run = || {
                    handle.block_on(async {
                        let waits = async move {
                            let _looks = &looks;
                            let (stream, _peer) = support::connected();
                            let _ = stream.read(&mut [0]).await;
                        };
                        ayi::select! {
                            () = waits => unreachable!(),
                            () = sleep(Duration::from_micros(1)) => {}
                        }
                        assert!(n % 3 != 0, "on purpose");
                    })
                };
                assert_eq!(catch_unwind(AssertUnwindSafe(run)).is_err(), n % 3 == 0);
                assert!(seen.recv().unwrap());
                assert!(Handle::try_current().is_err());
                after.push(files());
            }
            assert_eq!(after[1], after[29]);
        });
        there.join().unwrap();
    });
}

#[test]
fn runtimes_have_numbers_and_may_have_names() {
    let (a, b) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    assert_ne!(a.handle().id(), b.handle().id());
    assert_eq!(a.handle().id(), a.block_on(async { Handle::current().id() }));
    assert_eq!(a.handle().name(), None);
    let named = ayi::runtime::Builder::new_current_thread().name("teahouse").build().unwrap();
    assert_eq!(named.handle().name(), Some("teahouse"));
}

#[test]
fn shutdown_background_waits_for_nobody() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let (started, has_started) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        let (done, is_done) = mpsc::channel();
        drop(rt.spawn_blocking(move || {
            started.send(()).unwrap();
            let _ = wait.recv();
            done.send(()).unwrap();
        }));
        has_started.recv().unwrap();
        rt.shutdown_background();
        drop(go);
        is_done.recv().unwrap();
    });
}

#[test]
fn block_in_place_refuses_where_tasks_would_wait() {
    assert_eq!(block_in_place(|| 1), 1);
    run(async || {
        assert!(panic_of(|| block_in_place(|| ())).contains("spawn_blocking"));
        assert_eq!(spawn_blocking(|| block_in_place(|| 2)).await.unwrap(), 2);
    });
}
