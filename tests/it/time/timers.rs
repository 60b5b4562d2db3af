//! Sleeping.

use crate::support::{Wakes, Watchdog, block_on, poll_once, poll_with, run, turn, waker_fn};
use ayi::runtime::Runtime;
use ayi::time::{Duration, Instant, Sleep, sleep, sleep_until, timeout};
use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::thread;

const HOUR: Duration = Duration::from_secs(3600);

/// Pseudo-random numbers, the same in every run (Steele, Lea and Flood, SplitMix64, 2014).
fn numbers(mut state: u64) -> impl FnMut(u64) -> u64 {
    move |below| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }
}

/// Waits until it is woken for the first time.
async fn first_wake(wakes: &Wakes) {
    while wakes.count() == 0 {
        turn().await;
    }
}

/// Like tokio's: the waker of the last poll is for the new deadline.
#[test]
fn a_sleep_that_is_reset_wakes_at_the_new_deadline_without_another_poll() {
    block_on(async || {
        let (wakes, waker) = Wakes::new();
        let mut timer = pin!(sleep(Duration::from_secs(3600)));
        assert!(poll_with(timer.as_mut(), &waker).is_pending());
        timer.as_mut().reset(Instant::now() + Duration::from_millis(1));
        let patience = Instant::now() + Duration::from_secs(10);
        while wakes.count() == 0 {
            assert!(Instant::now() < patience, "nobody wakes it");
            sleep(Duration::from_millis(1)).await;
        }
        assert!(timer.is_elapsed());
    });
}

/// A task waits, and code outside the runtime brings its deadline forward.
#[test]
fn a_sleep_that_is_reset_outside_of_its_runtime_wakes_its_task() {
    type Shared = Arc<Mutex<Pin<Box<Sleep>>>>;
    type Reset = fn(Shared, Instant);
    let soon = || Instant::now() + Duration::from_millis(1);
    let resets: [(&str, Reset); 3] = [
        ("between two block_ons", |timer, to| timer.lock().unwrap().as_mut().reset(to)),
        ("on another thread", |timer, to| {
            thread::spawn(move || timer.lock().unwrap().as_mut().reset(to)).join().unwrap()
        }),
        ("inside another runtime", |timer, to| {
            Runtime::new().unwrap().block_on(async { timer.lock().unwrap().as_mut().reset(to) })
        }),
    ];
    for (place, reset) in resets {
        let _watchdog = Watchdog::new();
        let rt = Runtime::new().unwrap();
        let timer: Shared = Arc::new(Mutex::new(Box::pin(sleep(Duration::from_secs(3600)))));
        let shared = timer.clone();
        let task = rt.spawn(poll_fn(move |cx| shared.lock().unwrap().as_mut().poll(cx)));
        // The task waits.
        rt.block_on(sleep(Duration::from_millis(1)));
        reset(timer, soon());
        rt.block_on(async {
            let woken = timeout(Duration::from_secs(10), task).await;
            woken.unwrap_or_else(|_| panic!("{place}: nobody wakes the task")).unwrap();
        });
    }
}

#[test]
fn none_is_early_and_they_fire_in_the_order_of_their_deadlines() {
    run(async || {
        let mut random = numbers(1);
        let fired = Rc::new(RefCell::new(vec![]));
        let tasks: Vec<_> = (0..5000)
            .map(|_| {
                // The sleeps are of all magnitudes: some nanoseconds to 50 ms.
                let nanos = random(50_000_000) >> random(24);
                let begin = std::time::Instant::now();
                let timer = sleep(Duration::from_nanos(nanos));
                let fired = fired.clone();
                ayi::spawn(async move {
                    let deadline = timer.deadline();
                    timer.await;
                    assert!(begin.elapsed() >= Duration::from_nanos(nanos), "early: {nanos} ns");
                    fired.borrow_mut().push(deadline);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

/// Wakers are called in the order of the deadlines, and for equal deadlines in that of the first polls.
#[test]
fn the_order_in_which_they_fire() {
    run(async || {
        let mut random = numbers(2);
        // None is due before all are set.
        ayi::time::pause();
        let begin = Instant::now() + Duration::from_millis(20);
        let fired = Arc::new(Mutex::new(vec![]));
        let timers: Vec<_> = (0..3000usize)
            .map(|at| {
                // There are few different ones, of all magnitudes.
                let nanos = random(8) << random(22);
                let fired = fired.clone();
                let waker = waker_fn(move || fired.lock().unwrap().push((nanos, at)));
                let mut timer = Box::pin(sleep_until(begin + Duration::from_nanos(nanos)));
                assert!(poll_with(timer.as_mut(), &waker).is_pending());
                timer
            })
            .collect();
        ayi::time::resume();
        while fired.lock().unwrap().len() < timers.len() {
            turn().await;
        }
        assert!(fired.lock().unwrap().is_sorted());
    });
}

#[test]
fn a_million_that_never_fire() {
    run(async || {
        let mut random = numbers(3);
        let (wakes, waker) = Wakes::new();
        let mut timers: Vec<_> =
            (0..1_000_000).map(|_| sleep(HOUR + Duration::from_nanos(random(1 << 50)))).collect();
        for timer in &mut timers {
            assert!(poll_with(Pin::new(timer), &waker).is_pending());
        }
        assert_eq!(Arc::strong_count(&wakes), 1_000_002);
        turn().await;
        // In another order than they were made in.
        while !timers.is_empty() {
            drop(timers.swap_remove(random(timers.len() as u64) as usize));
        }
        assert_eq!((wakes.count(), Arc::strong_count(&wakes)), (0, 2));
    });
}

/// The budget is lifted: polls of so many timers in one task would use it up.
#[test]
fn a_hundred_thousand_that_fire() {
    run(async || {
        ayi::task::coop::unconstrained(async {
            let mut random = numbers(4);
            let (wakes, waker) = Wakes::new();
            let mut timers: Vec<_> =
                (0..100_000).map(|_| sleep(Duration::from_nanos(random(300_000_000)))).collect();
            let polls = timers.iter_mut().map(|timer| poll_with(Pin::new(timer), &waker));
            let pending = polls.filter(Poll::is_pending).count();
            while wakes.count() < pending {
                turn().await;
            }
            assert!(timers.iter_mut().all(|timer| poll_once(Pin::new(timer)).is_ready()));
            assert_eq!((wakes.count(), Arc::strong_count(&wakes)), (pending, 2));
        })
        .await;
    });
}

#[test]
fn the_shortest_and_the_longest() {
    run(async || {
        for _ in 0..100 {
            sleep(Duration::ZERO).await;
            sleep_until(Instant::now() - Duration::from_millis(1)).await;
        }
        let (wakes, waker) = Wakes::new();
        let far = std::time::Instant::now() + HOUR * 24 * 365 * 29;
        for mut timer in
            [sleep(Duration::MAX), sleep(Duration::from_secs(u64::MAX)), sleep(HOUR * 24 * 365 * 100)]
        {
            assert!(poll_with(Pin::new(&mut timer), &waker).is_pending());
            assert!(timer.deadline().into_std() > far && !timer.is_elapsed());
            turn().await;
            assert!(poll_with(Pin::new(&mut timer), &waker).is_pending());
        }
        // There is nothing else to wait for, so the park has to handle it.
        let task = ayi::spawn(sleep(Duration::MAX));
        let waker = waker_fn(|| {});
        assert!(poll_with(pin!(sleep(Duration::MAX)), &waker).is_pending());
        ayi::task::spawn_blocking(|| {}).await.unwrap();
        task.abort();
        assert_eq!(wakes.count(), 0);
    });
}

#[test]
fn reset_to_earlier_and_to_later() {
    run(async || {
        let soon = || Instant::now() + Duration::from_millis(2);
        let mut timer = pin!(sleep(HOUR));
        for _ in 0..5 {
            let (wakes, waker) = Wakes::new();
            // It is reset to an earlier time.
            timer.as_mut().reset(Instant::now() + HOUR);
            assert!(poll_with(timer.as_mut(), &waker).is_pending());
            let deadline = soon();
            timer.as_mut().reset(deadline);
            assert_eq!(timer.deadline(), deadline);
            first_wake(&wakes).await;
            assert!(Instant::now() >= deadline);
            assert!(poll_with(timer.as_mut(), &waker).is_ready());
            // It is reset to a later time, while it waits, and after it has fired: it fires only for the new one.
            for fires_first in [false, true] {
                let (wakes, waker) = Wakes::new();
                timer.as_mut().reset(soon());
                assert!(poll_with(timer.as_mut(), &waker).is_pending());
                if fires_first {
                    first_wake(&wakes).await;
                }
                let deadline = soon() + Duration::from_millis(3);
                timer.as_mut().reset(deadline);
                timer.as_mut().await;
                assert!(Instant::now() >= deadline);
            }
        }
    });
}

/// What a waker may do to other timers while they fire.
#[test]
fn timers_that_are_dropped_inserted_and_reset_while_others_fire() {
    type Timers = Vec<Option<Pin<Box<Sleep>>>>;
    type Action = fn(&mut Timers, usize);
    const COUNT: usize = 6;
    let actions: [(&str, Action, bool); 6] = [
        ("drops itself", |timers, at| drop(timers[at].take()), false),
        ("drops the next", |timers, at| drop(timers[(at + 1) % COUNT].take()), true),
        ("drops all", |timers, _| timers.clear(), true),
        (
            "inserts some that are due",
            |timers, _| {
                for _ in 0..100 {
                    let mut timer = Box::pin(sleep(Duration::ZERO));
                    let _ = poll_once(timer.as_mut());
                    timers.push(Some(timer));
                }
            },
            false,
        ),
        (
            "resets the next to later",
            |timers, at| {
                timers[(at + 1) % COUNT].as_mut().unwrap().as_mut().reset(Instant::now() + HOUR);
            },
            true,
        ),
        ("panics", |_, _| panic!("from a waker"), false),
    ];
    for (name, action, may_keep_others) in actions {
        for special in 0..COUNT {
            run(async || {
                let deadline = Instant::now() + Duration::from_millis(1);
                let timers = Arc::new(Mutex::new(Timers::new()));
                let (mut counts, (done, done_waker)) = (vec![], Wakes::new());
                for at in 0..COUNT {
                    let (count, mut waker) = Wakes::new();
                    if at == special {
                        let (timers, done_waker) = (timers.clone(), done_waker.clone());
                        waker = waker_fn(move || {
                            done_waker.wake_by_ref();
                            let mut timers = timers.lock().unwrap_or_else(PoisonError::into_inner);
                            action(&mut timers, special);
                        });
                    } else {
                        counts.push(count);
                    }
                    let mut timer = Box::pin(sleep_until(deadline));
                    assert!(poll_with(timer.as_mut(), &waker).is_pending());
                    timers.lock().unwrap().push(Some(timer));
                }
                first_wake(&done).await;
                for count in counts {
                    assert!(count.count() == 1 || may_keep_others && count.count() == 0, "{special} {name}");
                }
                assert_eq!(done.count(), 1);
                // The wheel is in order.
                sleep(Duration::from_micros(10)).await;
            });
        }
    }
}

/// A timer that waits in one runtime and is moved elsewhere.
#[test]
fn moved_to_another_thread_dropped_there_and_outliving_its_runtime() {
    let waiting = |duration| {
        let (wakes, waker) = Wakes::new();
        let rt = Runtime::new().unwrap();
        let mut timer = Box::pin(sleep(duration));
        rt.block_on(async { assert!(poll_with(timer.as_mut(), &waker).is_pending()) });
        (rt, timer, wakes)
    };
    let _watchdog = Watchdog::new();
    // It is polled there: it fires there, and this runtime forgets it.
    let (rt, mut timer, wakes) = waiting(Duration::from_millis(5));
    let there = thread::spawn(move || {
        run(async || timer.as_mut().await);
        assert!(timer.is_elapsed());
    });
    there.join().unwrap();
    rt.block_on(turn());
    assert_eq!(Arc::strong_count(&wakes), 1, "its waker is kept");

    // It is dropped there: nobody is woken, and the entry is free for another.
    let (rt, timer, wakes) = waiting(HOUR);
    thread::spawn(move || drop(timer)).join().unwrap();
    rt.block_on(turn());
    assert_eq!((wakes.count(), Arc::strong_count(&wakes)), (0, 1));

    // Its runtime ends: the task that waits is woken, and the timer continues in another one, or is dropped.
    for goes_on in [false, true] {
        let (rt, mut timer, wakes) = waiting(Duration::from_millis(5));
        drop(rt);
        assert_eq!((wakes.count(), Arc::strong_count(&wakes)), (1, 1));
        if goes_on {
            let deadline = timer.deadline();
            run(async || timer.as_mut().await);
            assert!(Instant::now() >= deadline);
        }
    }
}

#[test]
#[should_panic(expected = "there is no ayi runtime on this thread")]
fn outside_of_a_runtime() {
    let Poll::Pending = poll_once(pin!(sleep(HOUR))) else { panic!("it fires") };
}

/// Returns by how much the kernel may be late with a thread's timeouts, in nanoseconds, see proc_pid_timerslack_ns(5).
/// Returns `None` if one may not look at other threads.
fn timer_slack_of(thread: &str) -> Option<u64> {
    match std::fs::read_to_string(format!("/proc/{thread}/timerslack_ns")) {
        Ok(text) => Some(text.trim().parse().unwrap()),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => None,
        Err(error) => panic!("{error}"),
    }
}

fn own_id() -> String {
    // SAFETY: it takes nothing, and returns a number.
    unsafe { libc::gettid() }.to_string()
}

fn timer_slack() -> u64 {
    timer_slack_of(&own_id()).unwrap()
}

fn set_timer_slack(nanos: u64) {
    // SAFETY: no pointers are passed.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, nanos, 0, 0, 0) }, 0);
}

/// Threads and processes inherit the slack from the thread that starts them.
#[test]
fn what_tasks_and_the_threads_that_they_start_have_is_the_users_timer_slack() {
    // 5 s: more than an `int` has room for.
    for users in [timer_slack(), 70_000, 5_000_000_000] {
        set_timer_slack(users);
        run(async || {
            // It is long enough that the thread sleeps. A task and a thread of the pool begin after it.
            sleep(Duration::from_micros(300)).await;
            assert_eq!(timer_slack(), users);
            assert_eq!(ayi::spawn(async { timer_slack() }).await.unwrap(), users);
            assert_eq!(ayi::task::spawn_blocking(timer_slack).await.unwrap(), users);
            assert_eq!(std::thread::spawn(timer_slack).join().unwrap(), users);
        });
        assert_eq!(timer_slack(), users);
    }
}

#[test]
fn a_timer_slack_that_a_task_has_set_stays() {
    let panics = std::panic::catch_unwind(|| {
        block_on(async || -> () {
            sleep(Duration::from_micros(300)).await;
            set_timer_slack(80_000);
            sleep(Duration::from_micros(300)).await;
            assert_eq!(timer_slack(), 80_000);
            panic!("on purpose");
        })
    });
    assert!(panics.is_err());
    assert_eq!(timer_slack(), 80_000);
}

#[test]
fn while_it_sleeps_for_a_timer_the_thread_has_no_slack() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let (seen, is_seen) = std::sync::mpsc::channel::<()>();
    let sleeper = std::thread::spawn(move || {
        run(async || {
            sender.send(own_id()).unwrap();
            while let Err(std::sync::mpsc::TryRecvError::Empty) = is_seen.try_recv() {
                sleep(Duration::from_millis(40)).await;
            }
        });
    });
    let sleeper_id = receiver.recv().unwrap();
    loop {
        match timer_slack_of(&sleeper_id) {
            Some(1) => break,
            Some(_) => std::thread::yield_now(),
            None => {
                crate::support::skipped("this user may not look at the slack of other threads");
                break;
            }
        }
    }
    seen.send(()).unwrap();
    sleeper.join().unwrap();
}

#[test]
fn timers_that_come_close_together_all_fire_and_none_early() {
    run(async || {
        let start = Instant::now();
        let mut timers: Vec<_> = (0..200).map(|i| Box::pin(sleep(Duration::from_micros(5 * i)))).collect();
        for timer in &mut timers {
            timer.as_mut().await;
            assert!(Instant::now() >= timer.deadline());
        }
        assert!(start.elapsed() >= Duration::from_micros(995));
    });
}

#[test]
fn an_instant_of_std_is_the_same_after_there_and_back() {
    let now = std::time::Instant::now();
    let day = Duration::from_secs(86_400);
    for std in [now, now + day, now - Duration::from_millis(1)] {
        let ours = Instant::from_std(std);
        assert_eq!(ours.into_std(), std);
        assert_eq!(Instant::from_std(ours.into_std()), ours);
    }
    assert_eq!(Instant::from_std(now + day) - Instant::from_std(now), day);
    // It is never before std's: a deadline that was given in its time is not early.
    let ours = Instant::now();
    assert!(ours.into_std() <= std::time::Instant::now());
    assert!(ours.checked_add(Duration::MAX).is_none() && ours.checked_sub(Duration::MAX).is_none());
}

#[test]
fn what_is_past_is_ready_at_its_first_poll() {
    block_on(async || {
        let past = Instant::now();
        assert!(poll_once(pin!(sleep_until(past))).is_ready());
        assert!(poll_once(pin!(sleep_until(past - Duration::from_secs(1)))).is_ready());
        assert!(poll_once(pin!(sleep(Duration::ZERO))).is_ready());
        assert!(poll_once(pin!(timeout(Duration::ZERO, std::future::pending::<()>()))).is_ready());
        assert!(poll_once(pin!(ayi::time::interval(Duration::from_secs(3600)).tick())).is_ready());
        assert!(poll_once(pin!(sleep(Duration::from_secs(3600)))).is_pending());
    });
}

#[test]
fn an_instant_of_std_that_is_too_far_away_becomes_the_end_of_time() {
    let century = Duration::from_secs(100 * 365 * 86_400);
    let std = std::time::Instant::now();
    let far = Instant::from_std(std + 10 * century);
    assert_eq!(far, Instant::from_std(std + 20 * century));
    assert!(far > Instant::now() + 2 * century);
    assert!(far.checked_add(Duration::from_nanos(1)).is_none());
    block_on(async || assert!(poll_once(pin!(sleep_until(far))).is_pending()));
    if let Some(early) = std.checked_sub(10 * century) {
        let early = Instant::from_std(early);
        assert!(early.checked_sub(Duration::from_nanos(1)).is_none());
        block_on(async || sleep_until(early).await);
    }
}
