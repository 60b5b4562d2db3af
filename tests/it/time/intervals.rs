//! Ticking. Ticks are late because the thread was blocked: that is the stimulus of these tests.

use crate::support::{Wakes, block_on, poll_once, poll_with, run, turn};
use ayi::time::{Duration, Instant, MissedTickBehavior, interval, interval_at};
use std::pin::pin;
use std::task::Poll;
use std::thread;

const PERIOD: Duration = Duration::from_millis(50);

#[test]
fn the_first_tick_is_at_once_and_the_others_are_a_period_apart() {
    run(async || {
        let period = Duration::from_millis(1);
        let before = Instant::now();
        let mut ticks = interval(period);
        let first = ticks.tick().await;
        assert!(before <= first && first <= Instant::now());
        for tick in 1..20 {
            let due = ticks.tick().await;
            assert_eq!(due, first + period * tick);
            assert!(Instant::now() >= due);
        }
        assert_eq!((ticks.period(), ticks.missed_tick_behavior()), (period, MissedTickBehavior::Burst));

        let start = Instant::now() + Duration::from_millis(3);
        let mut ticks = interval_at(start, period);
        assert_eq!(ticks.tick().await, start);
        assert_eq!(ticks.tick().await, start + period);
    });
}

#[test]
#[should_panic(expected = "the period must not be zero")]
fn a_period_of_nothing() {
    interval(Duration::ZERO);
}

#[test]
fn a_period_for_ever() {
    run(async || {
        for behavior in [MissedTickBehavior::Burst, MissedTickBehavior::Delay, MissedTickBehavior::Skip] {
            let mut ticks = interval_at(Instant::now() - PERIOD, Duration::MAX);
            ticks.set_missed_tick_behavior(behavior);
            ticks.tick().await;
            assert!(poll_once(pin!(ticks.tick())).is_pending(), "{behavior:?}");
            ticks.reset();
            assert!(poll_once(pin!(ticks.tick())).is_pending(), "{behavior:?}");
        }
    });
}

/// tokio documents the same: they come at once, one after the other, each with the time at which it was due.
#[test]
fn burst_makes_up_for_what_was_missed() {
    run(async || {
        let mut ticks = interval(PERIOD);
        let first = ticks.tick().await;
        thread::sleep(PERIOD * 3);
        let late = Instant::now();
        let mut due = first;
        while due + PERIOD <= late {
            due += PERIOD;
            assert_eq!(ticks.tick().await, due);
        }
        assert!(due >= first + PERIOD * 3);
        assert_eq!(ticks.tick().await, due + PERIOD);
    });
}

/// tokio documents: "missed ticks are skipped, and the next one is at a multiple of the period from the start".
#[test]
fn skip_stays_in_the_rhythm() {
    run(async || {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let first = ticks.tick().await;
        thread::sleep(PERIOD * 3 + PERIOD / 2);
        let before = Instant::now();
        // The overdue tick still comes, and then the next that lies ahead.
        assert_eq!(ticks.tick().await, first + PERIOD);
        let next = ticks.tick().await;
        assert!(next > before && next >= first + PERIOD * 4);
        assert_eq!((next - first).as_nanos() % PERIOD.as_nanos(), 0);
    });
}

/// tokio does the same for ticks that are more than 5 ms late: "unlike Burst and Skip, ticks are not shortened".
#[test]
fn delay_does_not_shorten_the_period_after_a_late_tick() {
    block_on(async || {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        thread::sleep(PERIOD + Duration::from_millis(30));
        let late = Instant::now();
        ticks.tick().await;
        assert!(ticks.tick().await >= late + PERIOD);
    });
}

/// A timer is always a little late, and tokio does not count less than 5 ms.
#[test]
fn a_little_late_is_not_missed() {
    run(async || {
        for behavior in [MissedTickBehavior::Delay, MissedTickBehavior::Skip] {
            // A busy machine may make it later than that: then the test tries again.
            loop {
                let start = Instant::now() - Duration::from_millis(1);
                let mut ticks = interval_at(start, PERIOD);
                ticks.set_missed_tick_behavior(behavior);
                assert_eq!(ticks.tick().await, start);
                let is_little = start.elapsed() < Duration::from_millis(5);
                let next = ticks.tick().await;
                if is_little {
                    assert_eq!(next, start + PERIOD, "{behavior:?}");
                    break;
                }
            }
        }
    });
}

#[test]
fn reset_begins_a_period_now() {
    run(async || {
        let mut ticks = interval(Duration::from_secs(3600));
        ticks.tick().await;
        let mut ticks = interval_at(Instant::now() + Duration::from_secs(3600), Duration::from_millis(5));
        let (wakes, waker) = Wakes::new();
        assert!(poll_with(pin!(ticks.tick()), &waker).is_pending());
        let before = Instant::now();
        ticks.reset();
        while wakes.count() == 0 {
            turn().await;
        }
        let due = ticks.tick().await;
        assert!(due >= before + Duration::from_millis(5) && due <= Instant::now());
    });
}

/// Nothing is lost of a tick that was waited for in vain.
#[test]
fn a_tick_that_is_given_up_comes_later() {
    run(async || {
        let start = Instant::now() + Duration::from_millis(2);
        let mut ticks = interval_at(start, PERIOD);
        while Instant::now() < start {
            // The future is dropped before the tick is due, except for the last, which may just be due.
            if let Poll::Ready(due) = poll_once(pin!(ticks.tick())) {
                assert_eq!(due, start);
                return;
            }
            turn().await;
        }
        assert_eq!(ticks.tick().await, start);
    });
}

#[test]
fn resets_set_the_next_tick_and_keep_the_rhythm() {
    let rt = ayi::runtime::Builder::new_current_thread().start_paused(true).build().unwrap();
    rt.block_on(async {
        let (second, start) = (Duration::from_secs(1), Instant::now());
        let mut ticks = interval(10 * second);
        let next = async |ticks: &mut ayi::time::Interval| (ticks.tick().await - start).as_secs();
        assert_eq!(next(&mut ticks).await, 0);
        ticks.reset_after(3 * second);
        assert_eq!(next(&mut ticks).await, 3);
        assert_eq!(next(&mut ticks).await, 13);
        ticks.reset_immediately();
        assert_eq!(next(&mut ticks).await, 13);
        assert_eq!(next(&mut ticks).await, 23);
        ticks.reset_at(start + 25 * second);
        assert_eq!(next(&mut ticks).await, 25);
        ticks.reset();
        assert_eq!(next(&mut ticks).await, 35);
        ticks.reset_after(Duration::MAX);
        assert!(ayi::time::timeout(1000 * second, ticks.tick()).await.is_err());
    });
}
