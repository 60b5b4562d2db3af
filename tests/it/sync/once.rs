//! `sync::OnceCell`, `SetOnce` and `Barrier`: what happens once, and who hears of it.

use crate::support::{Wakes, poll_once, poll_with, run, watched};
use ayi::runtime::Runtime;
use ayi::sync::{Barrier, OnceCell, SetError, SetOnce, SetOnceError};
use ayi::task::yield_now;
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;

#[test]
fn the_first_makes_the_value_and_the_others_wait_for_it() {
    run(async || {
        let cell = Arc::new(OnceCell::new());
        let made = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..5)
            .map(|_| {
                let (cell, made) = (cell.clone(), made.clone());
                ayi::spawn(async move {
                    *cell
                        .get_or_init(async || {
                            yield_now().await;
                            made.fetch_add(1, Ordering::Relaxed) + 7
                        })
                        .await
                })
            })
            .collect();
        yield_now().await;
        assert_eq!(cell.set(1), Err(SetError::InitializingError(1)));
        for task in tasks {
            assert_eq!(task.await.unwrap(), 7);
        }
        assert_eq!(cell.set(1), Err(SetError::AlreadyInitializedError(1)));
        assert_eq!((made.load(Ordering::Relaxed), cell.get()), (1, Some(&7)));
    });
}

#[test]
fn who_fails_or_panics_or_gives_up_leaves_it_to_the_next() {
    let cell = OnceCell::<u32>::new();
    let (wakes, waker) = Wakes::new();
    let mut stuck = Box::pin(cell.get_or_init(pending));
    let mut next = Box::pin(cell.get_or_try_init(async || Err("no")));
    assert!(poll_once(stuck.as_mut()).is_pending() && poll_with(next.as_mut(), &waker).is_pending());
    drop(stuck);
    assert_eq!(wakes.count(), 1);
    let mut third = Box::pin(cell.get_or_init(async || panic!("while it makes the value")));
    assert!(poll_once(third.as_mut()).is_pending());
    assert_eq!(poll_once(next.as_mut()), Poll::Ready(Err("no")));
    assert!(catch_unwind(AssertUnwindSafe(|| poll_once(third.as_mut()))).is_err());
    drop((next, third));
    assert!(!cell.initialized());
    assert_eq!(poll_once(pin!(cell.get_or_init(async || 7))), Poll::Ready(&7));
    assert_eq!(cell.into_inner(), Some(7));
}

#[test]
fn a_cell_is_like_its_value() {
    let mut cell = OnceCell::from("a".to_owned());
    cell.get_mut().unwrap().push('b');
    let clone = cell.clone();
    assert_eq!((&cell, format!("{cell:?}")), (&clone, "OnceCell { value: Some(\"ab\") }".to_owned()));
    assert_eq!((cell.take(), cell.get()), (Some("ab".to_owned()), None));
    assert_ne!(cell, clone);
    // It can be filled once more.
    assert_eq!((cell.set("c".to_owned()), cell.into_inner()), (Ok(()), Some("c".to_owned())));
    let shared = SetOnce::new_with(Some(1));
    assert_eq!((&shared.clone(), format!("{shared:?}")), (&shared, "SetOnce { value: Some(1) }".to_owned()));
    assert_eq!((SetOnce::<u8>::default().into_inner(), shared.into_inner()), (None, Some(1)));
}

#[test]
fn a_value_that_is_set_once_reaches_all_who_wait() {
    let once = SetOnce::new();
    let wakes: Vec<_> = (0..20).map(|_| Wakes::new()).collect();
    let mut waiting: Vec<_> = (0..20).map(|_| Box::pin(once.wait())).collect();
    for (wait, (_, waker)) in waiting.iter_mut().zip(&wakes) {
        assert!(poll_with(wait.as_mut(), waker).is_pending());
    }
    drop(waiting.pop());
    let value = Arc::new(5);
    assert_eq!(once.set(value.clone()), Ok(()));
    assert_eq!(once.set(Arc::new(6)), Err(SetOnceError(Arc::new(6))));
    assert!(wakes[..19].iter().all(|(wakes, _)| wakes.count() == 1) && wakes[19].0.count() == 0);
    assert!(
        waiting.iter_mut().all(|wait| matches!(poll_once(wait.as_mut()), Poll::Ready(five) if **five == 5))
    );
    drop(waiting);
    assert_eq!(Arc::strong_count(&value), 2);
    drop(once);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn a_barrier_opens_for_as_many_as_it_is_made_for() {
    let barrier = Barrier::new(3);
    for _ in 0..2 {
        let (wakes, waker) = Wakes::new();
        let (mut first, mut second) = (pin!(barrier.wait()), pin!(barrier.wait()));
        assert!(
            poll_with(first.as_mut(), &waker).is_pending() && poll_with(second.as_mut(), &waker).is_pending()
        );
        assert!(poll_with(first.as_mut(), &waker).is_pending(), "nobody comes twice");
        assert!(matches!(poll_once(pin!(barrier.wait())), Poll::Ready(result) if result.is_leader()));
        assert_eq!(wakes.count(), 2);
        // One of the next round does not hold back those of this one.
        let mut early = Box::pin(barrier.wait());
        assert!(poll_once(early.as_mut()).is_pending());
        for waits in [first, second] {
            assert!(matches!(poll_once(waits), Poll::Ready(result) if !result.is_leader()));
        }
        let mut other = pin!(barrier.wait());
        assert!(poll_once(other.as_mut()).is_pending());
        assert!(poll_once(pin!(barrier.wait())).is_ready() && poll_once(other).is_ready());
        assert!(poll_once(early.as_mut()).is_ready());
    }
}

#[test]
fn on_many_threads_rounds_do_not_mix() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 200;
    watched(|| {
        let all = Arc::new((Barrier::new(THREADS), AtomicUsize::new(0), AtomicUsize::new(0)));
        thread::scope(|scope| {
            for _ in 0..THREADS {
                let all = all.clone();
                scope.spawn(move || {
                    Runtime::new().unwrap().block_on(async {
                        let (barrier, arrived, leaders) = &*all;
                        for round in 0..ROUNDS {
                            arrived.fetch_add(1, Ordering::Relaxed);
                            let is_leader = barrier.wait().await.is_leader();
                            assert!(arrived.load(Ordering::Relaxed) >= (round + 1) * THREADS);
                            leaders.fetch_add(usize::from(is_leader), Ordering::Relaxed);
                        }
                    });
                });
            }
        });
        assert_eq!(all.2.load(Ordering::Relaxed), ROUNDS);
    });
}

#[test]
fn what_is_ready_at_once_gives_way_all_the_same() {
    run(async || {
        let cell = OnceCell::from(1);
        let (once, open) = (SetOnce::from(1), Barrier::new(1));
        let busy = async {
            loop {
                cell.get_or_init(async || 2).await;
                once.wait().await;
                open.wait().await;
            }
        };
        let mut polls = 0;
        let mut busy = pin!(busy);
        poll_fn(|cx| {
            polls += 1;
            assert!(Future::poll(busy.as_mut(), cx).is_pending());
            if polls == 3 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    });
}
