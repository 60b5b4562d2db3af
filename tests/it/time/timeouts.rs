//! Time limits.

use crate::support::{connected, poll_once, run};
use ayi::runtime::Runtime;
use ayi::task::{coop, yield_now};
use ayi::time::{Duration, Elapsed, Instant, sleep, sleep_until, timeout, timeout_at};
use std::cell::Cell;
use std::future::{pending, ready};
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::rc::Rc;
use std::thread;

const HOUR: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(2);

#[test]
fn in_time_and_too_late() {
    run(async || {
        assert_eq!(timeout(HOUR, async { 7 }).await, Ok(7));
        assert_eq!(timeout(HOUR, sleep(SHORT)).await, Ok(()));
        let begin = Instant::now();
        assert!(timeout(SHORT, pending::<()>()).await.is_err());
        assert!(timeout(SHORT, sleep(HOUR)).await.is_err());
        assert!(begin.elapsed() >= 2 * SHORT);
        assert!(timeout_at(Instant::now() + SHORT, pending::<()>()).await.is_err());
        assert!(begin.elapsed() >= 3 * SHORT);
        // This is longer than the clock can represent.
        assert_eq!(timeout(Duration::MAX, sleep(SHORT)).await, Ok(()));
    });
}

#[test]
fn the_output_wins_if_both_are_due() {
    run(async || {
        assert_eq!(timeout(Duration::ZERO, ready(7)).await, Ok(7));
        assert_eq!(timeout_at(Instant::now() - SHORT, ready(7)).await, Ok(7));
        let due = Instant::now() + SHORT;
        assert_eq!(timeout_at(due, sleep_until(due)).await, Ok(()));
        // Both have become due while the thread was busy, in either order.
        for (limit, future) in [(SHORT, 2 * SHORT), (2 * SHORT, SHORT)] {
            let mut limited = pin!(timeout(limit, sleep(future)));
            assert!(poll_once(limited.as_mut()).is_pending());
            thread::sleep(3 * SHORT);
            sleep(Duration::ZERO).await;
            assert_eq!(limited.await, Ok(()));
        }
        // Time that has passed does no harm to a future that is ready and was never polled.
        let limited = timeout(SHORT, ready(7));
        thread::sleep(2 * SHORT);
        assert_eq!(limited.await, Ok(7));
    });
}

#[test]
fn the_error_becomes_that_of_io() {
    async fn read() -> io::Result<usize> {
        let (stream, _peer) = connected();
        timeout(SHORT, stream.read(&mut [0])).await?
    }
    run(async || {
        let error = read().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(error.to_string(), "deadline has elapsed");
        assert!(error.get_ref().unwrap().is::<Elapsed>());
    });
}

/// The future is dropped when the limit is, and not before. What it holds is free then.
#[test]
fn what_is_limited_lives_as_long_as_the_limit() {
    run(async || {
        let held = Rc::new(());
        let mut limited = Box::pin(timeout(SHORT, {
            let held = held.clone();
            async move {
                pending::<()>().await;
                drop(held);
            }
        }));
        assert!(limited.as_mut().await.is_err());
        assert_eq!(Rc::strong_count(&held), 2);
        drop(limited);
        assert_eq!(Rc::strong_count(&held), 1);
        let mut limited = timeout(SHORT, ready(7));
        assert_eq!(limited.get_mut().clone().await, 7);
        assert_eq!(limited.into_inner().await, 7);
    });
}

/// Each poll of these ends because the budget is used up, so only the limit can end them.
#[test]
fn a_future_that_uses_up_the_budget_does_not_starve_its_limit() {
    run(async || {
        let used_up = Cell::new(0);
        let counting = async {
            loop {
                while coop::has_budget_remaining() {
                    consume().await;
                }
                used_up.set(used_up.get() + 1);
                consume().await;
            }
        };
        assert!(timeout(SHORT, counting).await.is_err());
        assert!(used_up.get() > 0);
        assert!(timeout(SHORT, consume_for_ever()).await.is_err());
        assert!(timeout(HOUR, timeout(SHORT, consume_for_ever())).await.unwrap().is_err());
        assert!(timeout(SHORT, timeout(HOUR, consume_for_ever())).await.is_err());
        // In a task, alongside another that does the same.
        let others = ayi::spawn(async {
            loop {
                yield_now().await;
            }
        });
        assert!(ayi::spawn(timeout(SHORT, consume_for_ever())).await.unwrap().is_err());
        others.abort();
    });
}

async fn consume_for_ever() {
    loop {
        consume().await;
    }
}

/// An operation that is complete at once, and is charged: a timer that has elapsed.
async fn consume() {
    sleep_until(Instant::now() - HOUR).await;
}

#[test]
fn one_within_another() {
    run(async || {
        assert_eq!(timeout(HOUR, timeout(HOUR, ready(7))).await, Ok(Ok(7)));
        assert!(timeout(HOUR, timeout(SHORT, pending::<()>())).await.unwrap().is_err());
        assert!(timeout(SHORT, timeout(HOUR, pending::<()>())).await.is_err());
        // There are many, of which one is the shortest.
        for shortest in 0..4 {
            let limit = |at| if at == shortest { SHORT } else { HOUR };
            let innermost = timeout(limit(0), pending::<()>());
            let result = timeout(limit(3), timeout(limit(2), timeout(limit(1), innermost))).await;
            let place = match result {
                Err(_) => 3,
                Ok(Err(_)) => 2,
                Ok(Ok(Err(_))) => 1,
                Ok(Ok(Ok(result))) => result.map(|()| 9).unwrap_or(0),
            };
            assert_eq!(place, shortest);
        }
    });
}

#[test]
fn in_a_runtime_that_has_nothing_else_to_do() {
    for _ in 0..3 {
        let rt = Runtime::new().unwrap();
        let task = rt.spawn(async { timeout(SHORT, pending::<()>()).await.is_err() });
        assert!(rt.block_on(task).unwrap());
    }
}
