//! Fairness, counted in polls: however busy some tasks are, the others have their turn within the bounds that
//! `Runtime`'s documentation states.

use crate::support::{block_until, connected, poll_once, run, turn, watched};
use ayi::io::{AsyncReadExt, AsyncWriteExt, Interest, unix::AsyncFd};
use ayi::runtime::{Handle, Runtime};
use ayi::task::{JoinHandle, coop, yield_now};
use ayi::time::{Duration, Instant, sleep, sleep_until};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io::Write;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::task::{Poll, Waker};
use std::thread;

/// The number of polls between two looks at timers, sockets and the inbox.
const POLLS_PER_TURN: usize = 61;
/// The number of operations per poll.
const BUDGET: usize = 128;

/// Spawns a task that always wakes itself, and counts its polls.
fn busy() -> Rc<Cell<usize>> {
    let polls = Rc::new(Cell::new(0));
    let count = polls.clone();
    drop(ayi::spawn(poll_fn(move |cx| {
        count.set(count.get() + 1);
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    })));
    polls
}

#[test]
fn tasks_take_turns_with_one_that_always_wakes_itself() {
    run(async || {
        let polls = busy();
        let light = || {
            let polls = polls.clone();
            ayi::spawn(async move {
                for _ in 0..1000 {
                    let before = polls.get();
                    yield_now().await;
                    assert_eq!(polls.get(), before + 1);
                }
            })
        };
        for task in [light(), light(), light()] {
            task.await.unwrap();
        }
    })
}

/// An event comes while busy tasks run. It is noticed at the next turn, and what it wakes runs after the tasks that
/// were ready before.
#[test]
fn news_from_outside_comes_within_one_turn_and_one_round() {
    run(async || {
        let polls = busy();
        for _ in 1..10 {
            // They are polled equally often.
            busy();
        }
        let bound = (2 * POLLS_PER_TURN).div_ceil(10) + 2;
        for round in 0..50 {
            // It begins at any place in a turn.
            for _ in 0..round {
                yield_now().await;
            }

            let before = polls.get();
            sleep(Duration::from_nanos(1)).await;
            assert!(polls.get() - before <= bound, "timer: {} polls", polls.get() - before);

            let (mut stream, mut peer) = connected();
            let mut byte = [0];
            let mut read = pin!(stream.read_exact(&mut byte));
            assert!(poll_once(read.as_mut()).is_pending());
            // epoll knows the socket by now, and what arrives is there before the count begins.
            peer.write_all(&[7]).unwrap();
            block_until(&peer, libc::POLLOUT);
            let before = polls.get();
            read.await.unwrap();
            assert!(polls.get() - before <= bound, "socket: {} polls", polls.get() - before);

            let (sender, wakers) = channel::<Waker>();
            let mut is_woken = false;
            let task = ayi::spawn(poll_fn(move |cx| {
                sender.send(cx.waker().clone()).unwrap();
                if std::mem::replace(&mut is_woken, true) { Poll::Ready(()) } else { Poll::Pending }
            }));
            yield_now().await;
            let waker = wakers.recv().unwrap();
            thread::spawn(|| waker.wake()).join().unwrap();
            let before = polls.get();
            task.await.unwrap();
            assert!(polls.get() - before <= bound, "wake: {} polls", polls.get() - before);

            let handle = Handle::current();
            let task = thread::spawn(move || handle.spawn(async {})).join().unwrap();
            let before = polls.get();
            task.await.unwrap();
            assert!(polls.get() - before <= bound, "spawn: {} polls", polls.get() - before);
        }
    })
}

/// Returns how many operations `consume` completes in each of its polls. It calls the function after each of them.
async fn operations_per_poll<F: Future>(consume: impl FnOnce(Rc<Cell<usize>>) -> F) -> Vec<usize> {
    let count = Rc::new(Cell::new(0));
    let mut consume = pin!(consume(count.clone()));
    let mut polls = vec![];
    poll_fn(|cx| {
        let result = consume.as_mut().poll(cx);
        polls.push(count.take());
        result.map(drop)
    })
    .await;
    polls
}

fn one_more(count: &Cell<usize>) {
    count.set(count.get() + 1);
}

/// The number of operations. None of them ever has to wait.
const OPERATIONS: usize = 10 * BUDGET;

/// Checks that code that never has to wait gives way when the budget is used up, and not before.
fn assert_gives_way(name: &str, polls: &[usize]) {
    assert_eq!(polls.iter().sum::<usize>(), OPERATIONS, "{name}");
    let (first, rest) = polls.split_first().unwrap();
    let (_last, full) = rest.split_last().unwrap();
    // Something may have been completed before in the first one.
    assert!(*first <= BUDGET && full.iter().all(|count| *count == BUDGET), "{name}: {polls:?}");
}

#[test]
fn loops_that_never_have_to_wait_give_way() {
    run(async || {
        let mut tasks: Vec<JoinHandle<()>> = (0..OPERATIONS).map(|_| ayi::spawn(async {})).collect();
        turn().await;
        while !tasks.last().unwrap().is_finished() {
            yield_now().await;
        }
        let polls = operations_per_poll(|count| async move {
            for task in tasks.drain(..) {
                task.await.unwrap();
                one_more(&count);
            }
        });
        assert_gives_way("JoinHandles", &polls.await);

        let past = Instant::now();
        turn().await;
        let polls = operations_per_poll(|count| async move {
            for _ in 0..OPERATIONS {
                sleep_until(past).await;
                one_more(&count);
            }
        });
        assert_gives_way("sleeps", &polls.await);

        let (mut stream, mut peer) = connected();
        peer.write_all(&[5; OPERATIONS]).unwrap();
        block_until(&peer, libc::POLLOUT);
        // It is registered, so that it knows what epoll reports.
        stream.read_exact(&mut []).await.unwrap();
        let polls = operations_per_poll(|count| async move {
            for _ in 0..OPERATIONS {
                stream.read_exact(&mut [0]).await.unwrap();
                one_more(&count);
            }
        });
        assert_gives_way("reads", &polls.await);

        let (mut stream, _peer) = connected();
        let polls = operations_per_poll(|count| async move {
            for _ in 0..OPERATIONS {
                stream.write_all(&[1]).await.unwrap();
                one_more(&count);
            }
        });
        assert_gives_way("writes", &polls.await);

        let (stream, peer) = connected();
        drop(peer);
        let polls = operations_per_poll(|count| async move {
            for _ in 0..OPERATIONS {
                assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
                one_more(&count);
            }
        });
        assert_gives_way("ends of file", &polls.await);

        let fails = AsyncFd::new(connected().1).unwrap();
        let polls = operations_per_poll(|count| async move {
            for _ in 0..OPERATIONS {
                let error = |_: &std::net::TcpStream| Err::<(), _>(std::io::Error::other("always"));
                fails.async_io(Interest::WRITABLE, error).await.unwrap_err();
                one_more(&count);
            }
        });
        assert_gives_way("errors", &polls.await);
    })
}

/// The others are polled in between, each up to 16 times.
#[test]
fn tasks_take_turns_with_one_that_never_has_to_wait() {
    run(async || {
        let polls = busy();
        let past = Instant::now();
        turn().await;
        let before = polls.get();
        for _ in 0..100 * BUDGET {
            sleep_until(past).await;
        }
        let turns = polls.get() - before;
        assert!((99..=16 * 101).contains(&turns), "{turns}");
    })
}

/// Otherwise it would be polled 61 times, with 128 operations each time.
#[test]
fn alone_with_one_that_never_has_to_wait_news_come_after_a_poll() {
    run(async || {
        let polls = Rc::new(Cell::new(0));
        for greedy in 1..=3 {
            let counter = polls.clone();
            drop(ayi::spawn(async move {
                let past = Instant::now();
                loop {
                    for _ in 0..BUDGET {
                        sleep_until(past).await;
                    }
                    counter.set(counter.get() + 1);
                }
            }));
            turn().await;
            for _ in 0..10 {
                let (stream, mut peer) = connected();
                let mut readable = pin!(stream.readable());
                assert!(poll_once(readable.as_mut()).is_pending());
                peer.write_all(b"x").unwrap();
                let before = polls.get();
                readable.await.unwrap();
                assert!(polls.get() - before <= greedy, "{greedy}: {}", polls.get() - before);
            }
        }
    })
}

#[test]
fn the_budget_can_be_asked_for_and_taken_off() {
    assert!(coop::has_budget_remaining());
    run(async || {
        let past = Instant::now();
        turn().await;
        let consume = |count: Rc<Cell<usize>>| async move {
            for _ in 0..OPERATIONS {
                sleep_until(past).await;
                one_more(&count);
            }
        };
        let polls = operations_per_poll(|count| coop::unconstrained(consume(count))).await;
        assert_eq!(polls, [OPERATIONS]);
        // Not even what is spent there is charged.
        assert!(coop::has_budget_remaining());
        yield_now().await;
        for left in (0..BUDGET).rev() {
            assert!(coop::has_budget_remaining(), "{left} left");
            assert!(poll_once(pin!(sleep_until(past))).is_ready());
        }
        assert!(!coop::has_budget_remaining());
        assert!(poll_once(pin!(sleep_until(past))).is_pending());
        yield_now().await;
        assert!(coop::has_budget_remaining());
    });
    assert!(coop::has_budget_remaining());
}

/// Other threads wake the same tasks again and again: each is polled at most once a round.
#[test]
fn flood_of_wakes_from_other_threads() {
    const FLOODED: usize = 40;
    watched(|| {
        let is_over = AtomicBool::new(false);
        thread::scope(|s| {
            Runtime::new().unwrap().block_on(async {
                let polls = Rc::new(Cell::new(0));
                let (sender, wakers) = channel::<Waker>();
                for _ in 0..FLOODED {
                    let (polls, mut sender) = (polls.clone(), Some(sender.clone()));
                    drop(ayi::spawn(poll_fn(move |cx| {
                        polls.set(polls.get() + 1);
                        if let Some(sender) = sender.take() {
                            sender.send(cx.waker().clone()).unwrap();
                        }
                        Poll::<()>::Pending
                    })));
                }
                drop(sender);
                turn().await;
                let wakers: Vec<_> = wakers.iter().collect();
                for _ in 0..2 {
                    let (wakers, is_over) = (wakers.clone(), &is_over);
                    s.spawn(move || {
                        while !is_over.load(SeqCst) {
                            wakers.iter().for_each(Waker::wake_by_ref);
                        }
                    });
                }
                // The flood has begun.
                let begun = polls.get() + 10 * FLOODED;
                while polls.get() < begun {
                    turn().await;
                }
                for _ in 0..500 {
                    let before = polls.get();
                    yield_now().await;
                    assert!(polls.get() - before <= FLOODED, "{}", polls.get() - before);
                    let before = polls.get();
                    sleep(Duration::from_nanos(1)).await;
                    // Up to the next turn, and once round the queue.
                    assert!(polls.get() - before <= POLLS_PER_TURN + 2 * FLOODED, "{}", polls.get() - before);
                }
                is_over.store(true, SeqCst);
            });
        });
    })
}

/// Other threads spawn for as long as a task, a timer and a socket have not got through. These wait for the tasks that
/// came before them, so the flood is limited to a number that can be stated.
#[test]
fn flood_of_spawns_from_other_threads() {
    const OUTSTANDING: usize = 500;
    watched(|| {
        let rt = Runtime::new().unwrap();
        let is_over = AtomicBool::new(false);
        let (spawned, ran) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
        thread::scope(|s| {
            for _ in 0..2 {
                let (handle, ran) = (rt.handle().clone(), ran.clone());
                let (is_over, spawned) = (&is_over, &spawned);
                s.spawn(move || {
                    while !is_over.load(SeqCst) {
                        let ran_before = ran.load(SeqCst);
                        if spawned.load(SeqCst) - ran_before >= OUTSTANDING {
                            thread::yield_now();
                            continue;
                        }
                        let ran = ran.clone();
                        spawned.fetch_add(1, SeqCst);
                        drop(handle.spawn(async move {
                            ran.fetch_add(1, SeqCst);
                        }));
                    }
                });
            }
            rt.block_on(async {
                let (mut stream, mut peer) = connected();
                while ran.load(SeqCst) < OUTSTANDING {
                    turn().await;
                }
                let assert_within = |bound, before| {
                    let polls = ran.load(SeqCst) - before;
                    assert!(polls <= bound, "{polls} polls");
                };
                for _ in 0..200 {
                    let before = ran.load(SeqCst);
                    yield_now().await;
                    assert_within(OUTSTANDING + 2, before);
                    let before = ran.load(SeqCst);
                    sleep(Duration::from_nanos(1)).await;
                    assert_within(POLLS_PER_TURN + OUTSTANDING + 2, before);
                    peer.write_all(&[1]).unwrap();
                    block_until(&peer, libc::POLLOUT);
                    let before = ran.load(SeqCst);
                    stream.read_exact(&mut [0]).await.unwrap();
                    assert_within(POLLS_PER_TURN + OUTSTANDING + 2, before);
                }
                is_over.store(true, SeqCst);
            });
        });
        // None of those is lost.
        rt.block_on(async {
            while ran.load(SeqCst) < spawned.load(SeqCst) {
                turn().await;
            }
        });
    })
}

/// The future of `block_on` is one among others.
#[test]
fn the_root_future_takes_turns_too() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let polls = Rc::new(Cell::new(0));
        let count = polls.clone();
        let task = rt.spawn(async move {
            for _ in 0..100 {
                let before = count.get();
                yield_now().await;
                assert_eq!(count.get(), before + 1);
            }
        });
        let mut task = pin!(task);
        rt.block_on(poll_fn(|cx| {
            polls.set(polls.get() + 1);
            cx.waker().wake_by_ref();
            Pin::new(&mut task).as_mut().poll(cx)
        }))
        .unwrap();
        assert!((100..=103).contains(&polls.get()), "{}", polls.get());
    })
}

/// What another thread posts need not wait for the turn, before which there may be 61 polls: after at most 16 the loop
/// checks whether there is anything.
#[test]
fn what_another_thread_posts_is_taken_within_16_polls() {
    const POLLS_PER_LOOK: usize = 16;
    run(async || {
        for round in 0..2 * POLLS_PER_TURN {
            // It begins at any place in a turn.
            for _ in 0..round % POLLS_PER_TURN {
                yield_now().await;
            }
            let handle = Handle::current();
            let task = thread::spawn(move || handle.spawn(async {})).join().unwrap();
            let mut polls = 0;
            while !task.is_finished() {
                yield_now().await;
                polls += 1;
            }
            // One more is for the task itself.
            assert!(polls <= POLLS_PER_LOOK + 1, "after {polls} polls");
        }
    })
}
