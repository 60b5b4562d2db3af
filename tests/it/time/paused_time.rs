//! Time that stands still: `pause`, `resume`, `advance`, and what the runtime does by itself when it is idle.

use crate::support::{self, Watchdog, connected};
use ayi::net::TcpStream;
use ayi::runtime::{Builder, Runtime};
use ayi::task::{spawn_blocking, yield_now};
use ayi::time::{
    self, Duration, Instant, advance, interval, interval_at, sleep, sleep_until, timeout, timeout_at,
};
use std::cell::RefCell;
use std::future::pending;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc;
use std::task::Poll;

const HOUR: Duration = Duration::from_secs(3600);

/// Runs `body` in a runtime whose time stands still.
#[track_caller]
fn paused<T>(body: impl AsyncFnOnce() -> T) -> T {
    let _watchdog = Watchdog::new();
    Builder::new_current_thread().start_paused(true).build().unwrap().block_on(body())
}

/// Returns the message with which `f` panics.
fn panic_of(f: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).unwrap_err();
    panic
        .downcast_ref::<String>()
        .cloned()
        .unwrap_or_else(|| panic.downcast_ref::<&str>().unwrap().to_string())
}

#[test]
fn the_clock_stands_still() {
    paused(async || {
        let start = Instant::now();
        let real = std::time::Instant::now();
        while real.elapsed() < Duration::from_micros(100) {
            std::hint::spin_loop();
        }
        assert_eq!(Instant::now(), start);
        yield_now().await;
        assert_eq!(start.elapsed(), Duration::ZERO);
    });
}

#[test]
fn a_sleep_is_over_as_soon_as_nothing_else_is_to_be_done() {
    paused(async || {
        let (start, real) = (Instant::now(), std::time::Instant::now());
        sleep(1000 * HOUR).await;
        assert_eq!(start.elapsed(), 1000 * HOUR);
        assert!(real.elapsed() < HOUR);
    });
}

#[test]
fn timers_fire_in_order_and_each_sees_its_own_time() {
    let log = Rc::new(RefCell::new(Vec::new()));
    paused(async || {
        let start = Instant::now();
        let tasks: Vec<_> = [3, 1, 2, 1]
            .into_iter()
            .map(|hours| {
                let log = log.clone();
                ayi::spawn(async move {
                    sleep(hours * HOUR).await;
                    log.borrow_mut().push((hours, start.elapsed()));
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(*log.borrow(), [(1, HOUR), (1, HOUR), (2, 2 * HOUR), (3, 3 * HOUR)]);
}

#[test]
fn advance_fires_what_is_due_and_no_more() {
    paused(async || {
        let start = Instant::now();
        let early = ayi::spawn(async move {
            sleep(Duration::from_millis(10)).await;
            start.elapsed()
        });
        let late = ayi::spawn(sleep(Duration::from_millis(11)));
        yield_now().await;
        advance(Duration::from_millis(10)).await;
        assert!(early.is_finished() && !late.is_finished());
        assert_eq!(early.await.unwrap(), Duration::from_millis(10));
        advance(Duration::ZERO).await;
        assert!(!late.is_finished());
        advance(Duration::from_nanos(999_999)).await;
        assert!(!late.is_finished());
        advance(Duration::from_nanos(1)).await;
        assert!(late.is_finished());
        assert_eq!(start.elapsed(), Duration::from_millis(11));
    });
}

#[test]
fn an_interval_ticks_at_its_times() {
    paused(async || {
        let start = Instant::now();
        let mut ticks = interval(HOUR);
        for hours in 0..100 {
            assert_eq!(ticks.tick().await - start, hours * HOUR);
            assert_eq!(start.elapsed(), hours * HOUR);
        }
    });
}

#[test]
fn a_timeout_that_was_given_up_leaves_no_trace() {
    paused(async || {
        let start = Instant::now();
        assert_eq!(timeout(HOUR, async { 7 }).await, Ok(7));
        {
            let given_up = sleep(HOUR);
            futures_lite::pin!(given_up);
            assert!(support::poll_once(given_up).is_pending());
        }
        sleep(3 * HOUR).await;
        assert_eq!(start.elapsed(), 3 * HOUR);
        assert!(timeout(HOUR, pending::<()>()).await.is_err());
        assert_eq!(start.elapsed(), 4 * HOUR);
    });
}

#[test]
fn tasks_that_are_ready_go_first() {
    paused(async || {
        let start = Instant::now();
        let busy = ayi::spawn(async move {
            for _ in 0..1000 {
                yield_now().await;
                assert_eq!(start.elapsed(), Duration::ZERO);
            }
        });
        sleep(HOUR).await;
        assert!(busy.is_finished());
    });
}

#[test]
fn sockets_that_are_ready_go_first() {
    paused(async || {
        let start = Instant::now();
        let (stream, mut peer) = connected();
        let reader = ayi::spawn(async move {
            let mut readable = std::pin::pin!(stream.readable());
            assert!(support::poll_once(readable.as_mut()).is_pending());
            peer.write_all(b"x").unwrap();
            readable.await.unwrap();
            start.elapsed()
        });
        sleep(HOUR).await;
        assert_eq!(reader.await.unwrap(), Duration::ZERO);
    });
}

#[test]
fn time_waits_for_blocking_calls() {
    paused(async || {
        let start = Instant::now();
        let (go, wait) = mpsc::channel();
        let call = spawn_blocking(move || wait.recv().unwrap());
        let sleeper = ayi::spawn(sleep(HOUR));
        // It continues in real time: nothing here is idle before the call has returned.
        std::thread::spawn(move || go.send(()).unwrap());
        call.await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert!(!sleeper.is_finished());
        sleeper.await.unwrap();
        assert_eq!(start.elapsed(), HOUR);
    });
}

#[test]
fn time_goes_on_after_many_blocking_calls() {
    paused(async || {
        let start = Instant::now();
        for n in 0..200 {
            let call = spawn_blocking(move || n);
            assert_eq!(call.await.unwrap(), n);
            sleep(HOUR).await;
        }
        assert_eq!(start.elapsed(), 200 * HOUR);
    });
}

#[test]
fn an_aborted_blocking_call_holds_the_time_until_it_has_returned() {
    paused(async || {
        let start = Instant::now();
        let (started, has_started) = mpsc::channel();
        let (go, wait) = mpsc::channel();
        let call = spawn_blocking(move || {
            started.send(()).unwrap();
            wait.recv().unwrap();
        });
        has_started.recv().unwrap();
        call.abort();
        std::thread::spawn(move || go.send(()).unwrap());
        call.await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
        let queued = spawn_blocking(|| ());
        queued.abort();
        let _ = queued.await;
        sleep(HOUR).await;
    });
}

#[test]
fn wakes_of_other_threads_arrive_while_no_timer_is_set() {
    paused(async || {
        let (sender, receiver) = async_wake();
        let start = Instant::now();
        std::thread::spawn(sender);
        receiver.await;
        assert_eq!(start.elapsed(), Duration::ZERO);
    });
}

/// Makes a function that wakes from another thread, and a future that waits for it.
fn async_wake() -> (impl FnOnce() + Send + 'static, impl Future<Output = ()>) {
    use std::sync::{Arc, Mutex};
    use std::task::{Poll, Waker};
    #[derive(Default)]
    struct State {
        is_set: bool,
        waker: Option<Waker>,
    }
    let state = Arc::new(Mutex::new(State::default()));
    let theirs = state.clone();
    let set = move || {
        let mut state = theirs.lock().unwrap();
        state.is_set = true;
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    };
    let wait = std::future::poll_fn(move |cx| {
        let mut state = state.lock().unwrap();
        if state.is_set {
            return Poll::Ready(());
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    });
    (set, wait)
}

#[test]
fn it_can_be_paused_and_resumed_in_the_middle() {
    support::block_on(async || {
        let before = Instant::now();
        time::pause();
        let start = Instant::now();
        assert!(start >= before);
        sleep(HOUR).await;
        time::resume();
        // It continues from where it stood, in real time.
        let now = Instant::now();
        assert!(now >= start + HOUR && now < start + 2 * HOUR);
        sleep(Duration::from_micros(100)).await;
        assert!(Instant::now() >= now + Duration::from_micros(100));
        time::pause();
        let again = Instant::now();
        sleep_until(again + HOUR).await;
        assert_eq!(again.elapsed(), HOUR);
    });
}

#[test]
fn each_runtime_has_its_own_time() {
    let paused = Builder::new_current_thread().start_paused(true).build().unwrap();
    let real = Runtime::new().unwrap();
    let ahead = paused.block_on(async {
        sleep(1000 * HOUR).await;
        Instant::now()
    });
    assert!(real.block_on(async { Instant::now() }) < ahead);
    assert!(Instant::now() < ahead, "outside, time is real");
    assert_eq!(paused.block_on(async { Instant::now() }), ahead);
    let _inside = paused.enter();
    assert_eq!(Instant::now(), ahead);
    {
        let _deeper = real.enter();
        assert!(Instant::now() < ahead);
    }
    assert_eq!(Instant::now(), ahead);
}

#[test]
fn other_threads_have_real_time() {
    paused(async || {
        sleep(1000 * HOUR).await;
        let here = Instant::now();
        assert!(spawn_blocking(Instant::now).await.unwrap() < here);
    });
}

#[test]
fn a_connection_works_while_time_stands_still() {
    paused(async || {
        let start = Instant::now();
        let listener = ayi::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let server = ayi::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut buf = [0; 4];
            stream.read(&mut buf).await.unwrap()
        });
        let client = TcpStream::connect(addr).await.unwrap();
        client.write(b"tea!").await.unwrap();
        assert_eq!(server.await.unwrap(), 4);
        assert_eq!(start.elapsed(), Duration::ZERO);
    });
}

#[test]
fn misuse_says_what_is_wrong() {
    assert!(panic_of(time::pause).contains("no ayi runtime"));
    assert!(panic_of(time::resume).contains("no ayi runtime"));
    paused(async || {
        assert!(panic_of(time::pause).contains("paused already"));
    });
    support::run(async || {
        assert!(panic_of(time::resume).contains("not paused"));
        let early = catch_unwind(AssertUnwindSafe(|| support::poll_once(std::pin::pin!(advance(HOUR)))));
        assert!(early.is_err());
    });
}

/// Polls once, and returns whether that was enough.
fn at_once<F: Future>(future: F) -> bool {
    support::poll_once(std::pin::pin!(future)).is_ready()
}

#[test]
fn what_is_due_is_ready_at_its_first_poll_though_no_timer_was_set_before() {
    paused(async || {
        let start = Instant::now();
        advance(Duration::from_millis(1)).await;
        assert!(at_once(sleep_until(start)));
        assert!(at_once(sleep_until(Instant::now())), "exactly at its deadline");
        assert!(!at_once(sleep_until(Instant::now() + Duration::from_nanos(1))));
        assert!(at_once(sleep(Duration::ZERO)));
        assert!(at_once(interval(HOUR).tick()));
        assert!(at_once(interval_at(start, HOUR).tick()));
        let limits = [timeout_at(start, pending::<()>()), timeout(Duration::ZERO, pending())];
        for limit in limits {
            assert!(matches!(support::poll_once(std::pin::pin!(limit)), Poll::Ready(Err(_))));
        }
        let ready = std::pin::pin!(timeout(Duration::ZERO, async { 7 }));
        assert_eq!(support::poll_once(ready), Poll::Ready(Ok(7)), "what is ready wins");
        assert!(start.elapsed() == Duration::from_millis(1), "none of this took time");
    });
}

#[test]
fn a_sleep_that_was_made_before_the_time_was_advanced_is_ready_after_it() {
    paused(async || {
        for past in [Duration::ZERO, Duration::from_nanos(1), HOUR] {
            let (mut polled, unpolled) = (sleep(HOUR), sleep(HOUR));
            assert!(!at_once(&mut polled));
            advance(HOUR + past).await;
            assert!(at_once(unpolled) && at_once(polled));
        }
        let early = sleep(HOUR);
        advance(HOUR - Duration::from_nanos(1)).await;
        assert!(!at_once(early));
    });
}

#[test]
fn a_sleep_that_is_reset_to_the_past_is_ready_at_its_next_poll() {
    for start_paused in [true, false] {
        let _watchdog = Watchdog::new();
        let rt = Builder::new_current_thread().start_paused(start_paused).build().unwrap();
        rt.block_on(async {
            for was_polled in [false, true] {
                let mut sleep = std::pin::pin!(sleep(HOUR));
                if was_polled {
                    assert!(support::poll_once(sleep.as_mut()).is_pending());
                }
                sleep.as_mut().reset(Instant::now());
                assert!(support::poll_once(sleep.as_mut()).is_ready());
                sleep.as_mut().reset(Instant::now() + HOUR);
                assert!(support::poll_once(sleep.as_mut()).is_pending());
                sleep.as_mut().reset(Instant::now() - HOUR);
                assert!(support::poll_once(sleep).is_ready());
            }
            let mut ticks = interval(HOUR);
            ticks.tick().await;
            assert!(!at_once(ticks.tick()));
            ticks.reset_immediately();
            assert!(at_once(ticks.tick()));
        });
    }
}

#[test]
fn an_interval_that_was_left_behind_catches_up_at_once() {
    paused(async || {
        let mut ticks = interval(HOUR);
        ticks.tick().await;
        advance(3 * HOUR).await;
        for _ in 0..3 {
            assert!(at_once(ticks.tick()));
        }
        assert!(!at_once(ticks.tick()));
    });
}

#[test]
fn time_that_was_real_until_now_has_made_due_what_is_past() {
    support::block_on(async || {
        let start = Instant::now();
        let mut waits = sleep(Duration::from_micros(1));
        let _ = at_once(&mut waits);
        while start.elapsed() < Duration::from_micros(2) {
            std::hint::spin_loop();
        }
        time::pause();
        assert!(at_once(waits), "it has waited, and no turn has been since");
        assert!(at_once(sleep_until(start)));
        time::resume();
        assert!(at_once(sleep_until(start)));
    });
}

const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// Returns how far it is to the end of time: less than 292 years, because the clock counts from the start of the
/// machine.
fn until_the_end() -> Duration {
    let (now, mut left) = (Instant::now(), 0);
    for bit in (0..63).rev() {
        let more = left | 1 << bit;
        if now.checked_add(Duration::from_nanos(more)).is_some() {
            left = more;
        }
    }
    Duration::from_nanos(left)
}

#[test]
fn what_never_happens_is_set_after_270_years() {
    paused(async || {
        advance(270 * YEAR).await;
        assert!(!at_once(sleep(Duration::MAX)));
        assert!(!at_once(timeout(Duration::MAX, pending::<()>())));
        let mut ticks = interval(Duration::MAX);
        ticks.tick().await;
        assert!(!at_once(ticks.tick()));
        ticks.reset();
        ticks.reset_after(Duration::MAX);
        assert!(!at_once(ticks.tick()));
        assert_eq!(timeout(Duration::MAX, async { 7 }).await, Ok(7));
        sleep(YEAR).await;
    });
}

#[test]
fn time_reaches_its_end_and_stays_there() {
    paused(async || {
        sleep(until_the_end() - Duration::from_nanos(1)).await;
        assert_eq!(until_the_end(), Duration::from_nanos(1));
        let last = sleep(Duration::MAX);
        let end = last.deadline();
        last.await;
        assert_eq!((Instant::now(), until_the_end()), (end, Duration::ZERO));
        // Whatever is set from here on is due.
        sleep(HOUR).await;
        assert!(timeout(HOUR, pending::<()>()).await.is_err());
        let mut ticks = interval(HOUR);
        assert_eq!((ticks.tick().await, ticks.tick().await), (end, end));
        advance(Duration::ZERO).await;
        let beyond = catch_unwind(AssertUnwindSafe(|| at_once(advance(Duration::from_nanos(1)))));
        assert!(beyond.is_err());
        time::resume();
        sleep(Duration::from_micros(1)).await;
        assert_eq!(Instant::now(), end);
        let task = ayi::spawn(async { 7 });
        assert_eq!(task.await.unwrap(), 7, "the runtime works as ever");
    });
}

#[test]
fn an_advance_beyond_the_end_of_time_says_so_and_changes_nothing() {
    paused(async || {
        let start = Instant::now();
        let text = panic_of(|| _ = at_once(advance(Duration::MAX)));
        assert!(text.contains("time::advance") && text.contains("292 years"), "{text}");
        assert_eq!(Instant::now(), start);
        sleep(HOUR).await;
        assert_eq!(start.elapsed(), HOUR);
    });
}

/// The waker that waits for the socket belongs to no task of the runtime. It is woken after the reactor's turn, and
/// time must not move on before what it wakes has run.
#[test]
fn sockets_that_are_ready_go_first_also_if_somebody_elses_waker_waits_for_them() {
    paused(async || {
        let start = Instant::now();
        let (stream, mut peer) = connected();
        let (wake, woken) = async_wake();
        let mut wake = Some(wake);
        let waker = support::waker_fn(move || wake.take().into_iter().for_each(|wake| wake()));
        assert!(support::poll_with(std::pin::pin!(stream.readable()), &waker).is_pending());
        let mut readable = std::pin::pin!(stream.readable());
        assert!(support::poll_with(readable.as_mut(), &waker).is_pending());
        peer.write_all(b"x").unwrap();
        let waiter = ayi::spawn(async move {
            woken.await;
            start.elapsed()
        });
        sleep(HOUR).await;
        assert_eq!(waiter.await.unwrap(), Duration::ZERO);
    });
}
