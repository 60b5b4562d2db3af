//! `task::coop`: what is charged, and what gives way.

mod support;

use ayi::task::coop::{consume_budget, cooperative, has_budget_remaining, unconstrained};
use std::future::ready;
use std::pin::pin;
use std::task::Poll;
use support::{poll_once, run};

/// How many of what `f` does fit into one poll of a task.
async fn in_one_poll(f: impl AsyncFn() + 'static) -> usize {
    let task = ayi::spawn(async move {
        let mut count = 0;
        std::future::poll_fn(|_| {
            while has_budget_remaining() {
                let mut operation = pin!(f());
                assert!(poll_once(operation.as_mut()).is_ready());
                count += 1;
            }
            Poll::Ready(())
        })
        .await;
        count
    });
    task.await.unwrap()
}

#[test]
fn a_task_has_128_operations_a_poll() {
    run(async || {
        assert_eq!(in_one_poll(async || consume_budget().await).await, 128);
        assert_eq!(in_one_poll(async || cooperative(ready(())).await).await, 128);
        assert_eq!(in_one_poll(async || ayi::task::consume_budget().await).await, 128);
    });
}

#[test]
fn who_has_none_left_gives_way_and_goes_on_with_a_new_one() {
    run(async || {
        let rounds = std::rc::Rc::new(std::cell::Cell::new(0));
        let counter = rounds.clone();
        let busy = ayi::spawn(async move {
            for _ in 0..10 * 128 {
                consume_budget().await;
                counter.set(counter.get() + 1);
            }
        });
        for round in 1..=10 {
            // Others are polled at most 16 times before it goes on.
            let mut yields = 0;
            while rounds.get() < round * 128 {
                ayi::task::yield_now().await;
                yields += 1;
            }
            assert!(rounds.get() == round * 128 && yields <= 16, "{} after {yields}", rounds.get());
        }
        busy.await.unwrap();
    });
}

#[test]
fn what_is_pending_is_not_charged() {
    run(async || {
        let task = ayi::spawn(async {
            std::future::poll_fn(|_| {
                for _ in 0..1000 {
                    assert!(poll_once(pin!(cooperative(std::future::pending::<()>()))).is_pending());
                }
                assert!(has_budget_remaining());
                Poll::Ready(())
            })
            .await
        });
        task.await.unwrap();
    });
}

#[test]
fn without_limit_and_outside_nothing_gives_way() {
    run(async || {
        let task = ayi::spawn(unconstrained(async {
            std::future::poll_fn(|_| {
                for _ in 0..1000 {
                    assert!(poll_once(pin!(consume_budget())).is_ready());
                }
                Poll::Ready(())
            })
            .await
        }));
        task.await.unwrap();
    });
    for _ in 0..1000 {
        assert!(poll_once(pin!(cooperative(ready(())))).is_ready());
    }
}
