//! `sync::Semaphore`: who gets a permit, and when.

use crate::support::{Wakes, poll_once, poll_with, run, waker_fn, watched};
use ayi::net::{TcpListener, TcpStream};
use ayi::runtime::Runtime;
use ayi::sync::{Semaphore, TryAcquireError};
use ayi::task::coop::{consume_budget, has_budget_remaining};
use ayi::task::yield_now;
use std::cell::{Cell, RefCell};
use std::future::{poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;

#[test]
fn permits_go_to_those_who_came_first() {
    run(async || {
        let (limit, order) = (Rc::new(Semaphore::new(1)), Rc::new(RefCell::new(Vec::new())));
        let first = limit.acquire().await.unwrap();
        let tasks: Vec<_> = (0..5)
            .map(|number| {
                let (limit, order) = (limit.clone(), order.clone());
                ayi::spawn(async move {
                    let _permit = limit.acquire().await.unwrap();
                    order.borrow_mut().push(number);
                    // A new caller comes after those that wait.
                    assert_eq!(limit.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
                    yield_now().await;
                })
            })
            .collect();
        yield_now().await;
        drop(first);
        assert_eq!(limit.available_permits(), 0, "it belongs to the first who waits already");
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!((&*order.borrow(), limit.available_permits()), (&vec![0, 1, 2, 3, 4], 1));
    });
}

/// The second waiter must not be lost: the first was woken for the permit, and is gone before it was polled.
#[test]
fn a_permit_of_one_who_is_gone_goes_to_the_next() {
    let limit = Semaphore::new(1);
    let permit = limit.try_acquire().unwrap();
    let (first_wakes, first_waker) = Wakes::new();
    let (second_wakes, second_waker) = Wakes::new();
    let mut first = Box::pin(limit.acquire());
    let mut second = pin!(limit.acquire());
    assert!(poll_with(first.as_mut(), &first_waker).is_pending());
    assert!(poll_with(second.as_mut(), &second_waker).is_pending());
    drop(permit);
    assert_eq!((first_wakes.count(), second_wakes.count()), (1, 0));
    drop(first);
    assert_eq!(second_wakes.count(), 1);
    assert!(poll_with(second, &second_waker).is_ready());
    assert_eq!(limit.available_permits(), 1);
}

#[test]
fn who_gives_up_waiting_is_passed_over() {
    let limit = Semaphore::new(1);
    let permit = limit.try_acquire().unwrap();
    let mut first = Box::pin(limit.acquire());
    let mut second = pin!(limit.acquire());
    assert!(poll_once(first.as_mut()).is_pending() && poll_once(second.as_mut()).is_pending());
    drop(first);
    drop(permit);
    let Poll::Ready(Ok(_permit)) = poll_once(second) else { panic!("nobody else wants it") };
    // A future that was never polled has no place, and no permit to hand on.
    drop(limit.acquire());
    assert_eq!(limit.available_permits(), 0);
}

#[test]
fn the_waker_of_the_last_poll_is_the_one_that_is_woken() {
    let limit = Semaphore::new(0);
    let mut waiting = pin!(limit.acquire());
    let ((before, old), (after, new)) = (Wakes::new(), Wakes::new());
    assert!(poll_with(waiting.as_mut(), &old).is_pending());
    assert!(poll_with(waiting.as_mut(), &new).is_pending());
    limit.add_permits(1);
    assert_eq!((before.count(), after.count()), (0, 1));
}

#[test]
fn new_permits_serve_who_waits_and_the_rest_is_kept() {
    let limit = Semaphore::new(0);
    let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(limit.acquire())).collect();
    assert!(waiting.iter_mut().all(|acquire| poll_once(acquire.as_mut()).is_pending()));
    limit.add_permits(2);
    assert_eq!(limit.available_permits(), 0);
    limit.add_permits(3);
    assert_eq!(limit.available_permits(), 2);
    for acquire in &mut waiting {
        let Poll::Ready(Ok(permit)) = poll_once(acquire.as_mut()) else { panic!("it was served") };
        drop(permit);
    }
    assert_eq!(limit.available_permits(), 5);
    let too_many = catch_unwind(AssertUnwindSafe(|| limit.add_permits(Semaphore::MAX_PERMITS)));
    assert!(too_many.is_err());
    assert_eq!(limit.available_permits(), 5);
}

#[test]
fn when_it_is_closed_those_who_wait_hear_of_it_and_permits_stay_valid() {
    let limit = Arc::new(Semaphore::new(2));
    let (kept, given_back) = (limit.try_acquire().unwrap(), limit.try_acquire().unwrap());
    let (mut served, mut waiting) = (pin!(limit.acquire()), pin!(limit.acquire()));
    let (wakes, waker) = Wakes::new();
    assert!(poll_once(served.as_mut()).is_pending() && poll_with(waiting.as_mut(), &waker).is_pending());
    drop(given_back);
    limit.close();
    assert!(limit.is_closed() && wakes.count() == 1);
    assert!(matches!(poll_with(waiting, &waker), Poll::Ready(Err(_))));
    // It had its permit before.
    assert!(matches!(poll_once(served), Poll::Ready(Ok(_))));
    drop(kept);
    assert_eq!(limit.try_acquire().unwrap_err(), TryAcquireError::Closed);
    assert!(matches!(poll_once(pin!(limit.acquire())), Poll::Ready(Err(_))));
    assert!(matches!(poll_once(pin!(limit.clone().acquire_owned_with(ready(())))), Poll::Ready(Err(_))));
    assert_eq!(limit.available_permits(), 2);
}

#[test]
fn who_wants_many_is_not_passed_by_who_wants_few() {
    let limit = Semaphore::new(2);
    let held = limit.try_acquire().unwrap();
    let ((big_wakes, big_waker), (small_wakes, small_waker)) = (Wakes::new(), Wakes::new());
    let (mut big, mut small) = (pin!(limit.acquire_many(3)), pin!(limit.acquire()));
    assert!(poll_with(big.as_mut(), &big_waker).is_pending());
    assert_eq!(limit.available_permits(), 0, "what is left is put aside for the big one");
    assert!(poll_with(small.as_mut(), &small_waker).is_pending());
    drop(held);
    assert_eq!(limit.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    assert_eq!((big_wakes.count(), small_wakes.count(), limit.forget_permits(1)), (0, 0, 0));
    limit.add_permits(1);
    assert_eq!((big_wakes.count(), small_wakes.count()), (1, 0));
    let Poll::Ready(Ok(three)) = poll_with(big, &big_waker) else { panic!("it has all three") };
    assert_eq!(three.num_permits(), 3);
    drop(three);
    assert_eq!((small_wakes.count(), limit.available_permits()), (1, 2));
    assert!(poll_with(small, &small_waker).is_ready());
}

#[test]
fn who_gives_up_with_a_part_leaves_it_to_the_next() {
    let limit = Semaphore::new(1);
    let mut big = Box::pin(limit.acquire_many(3));
    let (wakes, waker) = Wakes::new();
    let mut small = pin!(limit.acquire());
    assert!(poll_once(big.as_mut()).is_pending() && poll_with(small.as_mut(), &waker).is_pending());
    drop(big);
    assert_eq!(wakes.count(), 1);
    let Poll::Ready(Ok(permit)) = poll_once(small) else { panic!("the permit has come to it") };
    assert_eq!((permit.num_permits(), limit.available_permits()), (1, 0));
    // And the last who waits leaves its part to nobody in particular.
    limit.add_permits(1);
    let mut big = Box::pin(limit.acquire_many(3));
    assert!(poll_once(big.as_mut()).is_pending());
    drop(big);
    assert_eq!(limit.available_permits(), 1);
    assert!(limit.try_acquire().is_ok());
}

#[test]
fn a_part_comes_back_from_who_hears_that_it_is_closed() {
    let limit = Semaphore::new(1);
    let (mut told, mut gone) = (Box::pin(limit.acquire_many(3)), Box::pin(limit.acquire_many(3)));
    assert!(poll_once(told.as_mut()).is_pending() && poll_once(gone.as_mut()).is_pending());
    limit.close();
    limit.add_permits(5);
    assert_eq!(limit.available_permits(), 5);
    assert!(matches!(poll_once(told.as_mut()), Poll::Ready(Err(_))));
    drop((told, gone));
    assert_eq!(limit.available_permits(), 6);
}

#[test]
fn for_no_permits_nobody_waits() {
    let limit = Semaphore::new(0);
    let mut waiting = pin!(limit.acquire());
    assert!(poll_once(waiting.as_mut()).is_pending());
    assert!(
        matches!(poll_once(pin!(limit.acquire_many(0))), Poll::Ready(Ok(none)) if none.num_permits() == 0)
    );
    assert!(limit.try_acquire_many(0).is_ok());
    limit.close();
    assert_eq!(limit.try_acquire_many(0).unwrap_err(), TryAcquireError::Closed);
}

#[test]
fn permits_are_split_and_merged_and_forgotten() {
    let limit = Arc::new(Semaphore::new(10));
    let mut some = limit.clone().try_acquire_many_owned(6).unwrap();
    let two = some.split(2).unwrap();
    assert!(some.split(5).is_none());
    assert_eq!((some.num_permits(), two.num_permits()), (4, 2));
    drop(two);
    assert_eq!(limit.available_permits(), 6);
    some.merge(limit.clone().try_acquire_owned().unwrap());
    assert_eq!((some.num_permits(), limit.available_permits()), (5, 5));
    let other = Arc::new(Semaphore::new(1));
    let foreign = other.clone().try_acquire_owned().unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| some.merge(foreign))).is_err());
    assert_eq!((some.num_permits(), other.available_permits()), (5, 1));
    some.forget();
    assert_eq!((limit.available_permits(), limit.forget_permits(7), limit.available_permits()), (5, 5, 0));
}

#[test]
fn a_thread_waits_for_a_permit_and_a_task_must_not() {
    watched(|| {
        let limit = Arc::new(Semaphore::new(0));
        let other = limit.clone();
        let thread = thread::spawn(move || other.blocking_acquire_many_owned(2).unwrap().num_permits());
        limit.add_permits(1);
        limit.add_permits(1);
        assert_eq!(thread.join().unwrap(), 2);
        run(async move || {
            let blocks = catch_unwind(AssertUnwindSafe(|| limit.blocking_acquire().is_ok()));
            let text = *blocks.unwrap_err().downcast::<String>().unwrap();
            assert!(text.starts_with("blocking_acquire: ") && text.contains("acquire().await"));
        });
    });
}

#[test]
fn wakers_may_use_the_semaphore_and_panic() {
    watched(|| {
        let limit = Arc::new(Semaphore::new(0));
        let (inside, seen) = (limit.clone(), Arc::new(AtomicUsize::new(usize::MAX)));
        let stored = seen.clone();
        let curious = waker_fn(move || stored.store(inside.available_permits(), Ordering::Relaxed));
        let bad = waker_fn(|| panic!("a bad waker"));
        let (wakes, good) = Wakes::new();
        let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(limit.acquire())).collect();
        for (acquire, waker) in waiting.iter_mut().zip([curious, bad, good]) {
            assert!(poll_with(acquire.as_mut(), &waker).is_pending());
        }
        limit.add_permits(4);
        assert_eq!((seen.load(Ordering::Relaxed), wakes.count()), (1, 1));
    });
}

#[test]
fn who_waits_for_both_keeps_no_permit_from_others() {
    let limit = Arc::new(Semaphore::new(1));
    let is_ready = Cell::new(false);
    let polls = Cell::new(0);
    let event = || {
        poll_fn(|_| {
            polls.set(polls.get() + 1);
            if is_ready.get() { Poll::Ready("somebody") } else { Poll::Pending }
        })
    };
    let mut both = pin!(limit.clone().acquire_owned_with(event()));
    let (wakes, waker) = Wakes::new();
    assert!(poll_with(both.as_mut(), &waker).is_pending());
    assert_eq!((polls.get(), limit.available_permits()), (1, 1));
    // Without a permit it is not even polled, ...
    let other = limit.try_acquire().unwrap();
    is_ready.set(true);
    assert!(poll_with(both.as_mut(), &waker).is_pending());
    assert_eq!(polls.get(), 1);
    // ... but it is as soon as there is one.
    drop(other);
    assert_eq!(wakes.count(), 1);
    let Poll::Ready(Ok((permit, "somebody"))) = poll_with(both, &waker) else { panic!("both are there") };
    assert_eq!(limit.available_permits(), 0);
    drop(permit);
    let panics = limit.clone().acquire_owned_with(poll_fn(|_| -> Poll<()> { panic!("in accept") }));
    assert!(catch_unwind(AssertUnwindSafe(|| poll_once(Box::pin(panics).as_mut()))).is_err());
    assert_eq!(limit.available_permits(), 1);
}

/// With a permit taken before the accept, the idle core would hold the only one.
#[test]
fn a_core_without_clients_leaves_the_permits_to_the_others() {
    run(async || {
        let limit = Arc::new(Semaphore::new(1));
        let idle = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let busy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = busy.local_addr().unwrap();
        let idle = ayi::spawn(limit.clone().acquire_owned_with(async move { idle.accept().await }));
        yield_now().await;
        for _ in 0..3 {
            let client = TcpStream::connect(address).await.unwrap();
            let (permit, accepted) = limit.clone().acquire_owned_with(busy.accept()).await.unwrap();
            assert_eq!(accepted.unwrap().1, client.local_addr().unwrap());
            assert_eq!(limit.available_permits(), 0);
            drop(permit);
        }
        assert!(!idle.is_finished());
        idle.abort();
    });
}

#[test]
fn a_permit_that_is_dropped_on_another_thread_wakes_who_waits() {
    run(async || {
        let limit = Arc::new(Semaphore::new(1));
        for _ in 0..100 {
            let permit = limit.clone().acquire_owned().await.unwrap();
            let other = thread::spawn(move || drop(permit));
            drop(limit.acquire().await.unwrap());
            other.join().unwrap();
        }
        assert_eq!(limit.available_permits(), 1);
    });
}

#[test]
fn on_many_threads_no_permit_is_given_twice_and_none_is_lost() {
    const PERMITS: usize = 3;
    const TASKS: usize = 8;
    watched(|| {
        let limit = Arc::new(Semaphore::new(PERMITS));
        let held = Arc::new(AtomicUsize::new(0));
        let work = |limit: Arc<Semaphore>, held: Arc<AtomicUsize>, task: usize| async move {
            for round in 0..500 {
                if (round + task) % 3 == 0 {
                    // It gives up, before or after it is served.
                    let mut acquire = Box::pin(limit.acquire());
                    if poll_fn(|cx| Poll::Ready(acquire.as_mut().poll(cx).is_pending())).await {
                        yield_now().await;
                    }
                    continue;
                }
                let permit = limit.clone().acquire_owned().await.unwrap();
                assert!(held.fetch_add(1, Ordering::SeqCst) < PERMITS);
                yield_now().await;
                held.fetch_sub(1, Ordering::SeqCst);
                drop(permit);
            }
        };
        thread::scope(|scope| {
            for thread in 0..4 {
                let (limit, held) = (limit.clone(), held.clone());
                scope.spawn(move || {
                    Runtime::new().unwrap().block_on(async {
                        let tasks: Vec<_> = (0..TASKS)
                            .map(|task| ayi::spawn(work(limit.clone(), held.clone(), thread + task)))
                            .collect();
                        for task in tasks {
                            task.await.unwrap();
                        }
                    });
                });
            }
        });
        assert_eq!((limit.available_permits(), held.load(Ordering::SeqCst)), (PERMITS, 0));
    });
}

#[test]
fn a_task_that_never_has_to_wait_gives_way_all_the_same() {
    run(async || {
        let busy = ayi::spawn(async {
            let limit = Semaphore::new(1);
            loop {
                drop(limit.acquire().await);
            }
        });
        yield_now().await;
        busy.abort();
        assert!(busy.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn who_has_used_up_the_budget_is_not_overtaken() {
    run(async || {
        let limit = Semaphore::new(1);
        let held = limit.try_acquire().unwrap();
        while has_budget_remaining() {
            consume_budget().await;
        }
        let ((first_wakes, first_waker), (second_wakes, second_waker)) = (Wakes::new(), Wakes::new());
        let (mut first, mut second) = (Box::pin(limit.acquire()), pin!(limit.acquire()));
        assert!(poll_with(first.as_mut(), &first_waker).is_pending());
        assert!(poll_with(second.as_mut(), &second_waker).is_pending());
        drop(held);
        assert_eq!((first_wakes.count(), second_wakes.count()), (1, 0));
        // It has the permit and may not tell. When it goes, the permit goes on.
        assert!(poll_with(first.as_mut(), &first_waker).is_pending());
        assert_eq!((limit.available_permits(), second_wakes.count()), (0, 0));
        drop(first);
        assert_eq!(second_wakes.count(), 1);
        yield_now().await;
        assert!(matches!(poll_with(second, &second_waker), Poll::Ready(Ok(_))));
    });
}
