//! Time that stands still: `pause`, `resume`, `advance`, and what the runtime does by itself when it is idle.

mod support;

use ayi::net::TcpStream;
use ayi::runtime::{Builder, Runtime};
use ayi::task::{spawn_blocking, yield_now};
use ayi::time::{self, Duration, Instant, advance, interval, sleep, sleep_until, timeout};
use std::cell::RefCell;
use std::future::pending;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc;
use support::{Watchdog, connected};

const HOUR: Duration = Duration::from_secs(3600);

/// Runs `body` in a runtime whose time stands still.
#[track_caller]
fn paused<T>(body: impl AsyncFnOnce() -> T) -> T {
    let _watchdog = Watchdog::new();
    Builder::new_current_thread().start_paused(true).build().unwrap().block_on(body())
}

/// What `f` panics with.
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
        peer.write_all(b"x").unwrap();
        let reader = ayi::spawn(async move {
            assert!(support::poll_once(std::pin::pin!(stream.readable())).is_pending());
            stream.readable().await.unwrap();
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
        // Goes on in real time: nothing here is idle before the call has returned.
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

/// A function that wakes from another thread, and a future that waits for it.
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
        // From where it stood, in real time.
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
