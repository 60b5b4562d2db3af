//! Wake-ups that are easily lost: those of tasks that have used up their budget, and those of the last waiters when a
//! runtime ends.

use crate::support::{Wakes, block_until, connected, poll_once, poll_with, run, turn, waker_fn, watched};
use ayi::io::{ReadBuf, unix::AsyncFd};
use ayi::net::{TcpListener, UdpSocket};
use ayi::runtime::{Runtime, is_rt_shutdown_err};
use ayi::task::coop::{consume_budget, has_budget_remaining, unconstrained};
use ayi::task::yield_now;
use ayi::time::{Duration, sleep};
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll};

/// The operations that a task may do in one poll.
const BUDGET: usize = 128;

/// Completes `n` operations, and gives way in between.
async fn work(n: usize) {
    for _ in 0..n {
        consume_budget().await;
    }
}

/// Uses up the rest of the current task's budget.
fn use_up_the_budget() {
    while has_budget_remaining() {
        assert!(poll_once(pin!(consume_budget())).is_ready());
    }
}

#[test]
fn all_tasks_that_used_up_their_budget_in_the_same_round_go_on() {
    for count in [1, 2, 3, 10, 100] {
        run(async || {
            let tasks: Vec<_> = (0..count).map(|_| ayi::spawn(work(5 * BUDGET))).collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
    }
}

#[test]
fn those_who_were_put_off_go_on_in_the_order_in_which_they_were() {
    run(async || {
        let order = Rc::new(RefCell::new(vec![]));
        let task = |number: usize| {
            let order = order.clone();
            ayi::spawn(async move {
                for _ in 0..3 {
                    work(BUDGET).await;
                    order.borrow_mut().push(number);
                }
            })
        };
        for task in [0, 1, 2, 3, 4].map(task) {
            task.await.unwrap();
        }
        assert_eq!(order.take(), [[0, 1, 2, 3, 4]; 3].concat());
    });
}

/// This happens in a `join!` of many futures that have executors of their own.
#[test]
fn every_waker_that_was_put_off_in_one_poll_is_woken_once() {
    run(async || {
        let wakers: Vec<_> = (0..10).map(|_| Wakes::new()).collect();
        let operations: Vec<_> = wakers.iter().map(|_| Box::pin(consume_budget())).collect();
        let wakes: Vec<Arc<Wakes>> = wakers.iter().map(|(wakes, _)| wakes.clone()).collect();
        let task = ayi::spawn(async move {
            let mut operations = operations;
            poll_fn(|_| {
                use_up_the_budget();
                for (operation, (_, waker)) in operations.iter_mut().zip(&wakers) {
                    for _ in 0..3 {
                        assert!(poll_with(operation.as_mut(), waker).is_pending());
                    }
                }
                Poll::Ready(())
            })
            .await;
        });
        task.await.unwrap();
        // Tasks that are put off continue after at most 16 polls of others.
        for _ in 0..20 {
            yield_now().await;
        }
        let counts: Vec<usize> = wakes.iter().map(|wakes| wakes.count()).collect();
        assert_eq!(counts, [1; 10]);
    });
}

/// A task that is put off when the future of `block_on` is ready is on no queue. It continues in the next `block_on`.
#[test]
fn a_task_that_is_put_off_at_the_end_of_a_block_on_goes_on_in_the_next() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let tasks = rt.block_on(async {
            let tasks = [(); 3].map(|()| ayi::spawn(work(10 * BUDGET)));
            // Each is polled once before this continues, and nothing comes in between.
            yield_now().await;
            assert!(tasks.iter().all(|task| !task.is_finished()));
            tasks
        });
        for task in tasks {
            rt.block_on(task).unwrap();
        }
    });
}

#[test]
fn a_task_that_is_put_off_when_a_block_on_panics_goes_on_in_the_next() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let mut task = None;
        let body = async {
            task = Some(ayi::spawn(work(10 * BUDGET)));
            yield_now().await;
            resume_unwind(Box::new("the end"));
        };
        assert!(catch_unwind(AssertUnwindSafe(|| rt.block_on(body))).is_err());
        rt.block_on(task.unwrap()).unwrap();
    });
}

/// The runtimes of a thread take turns. One of them must not take what the other leaves behind.
#[test]
fn a_task_that_is_put_off_goes_on_also_if_another_runtime_runs_in_between() {
    watched(|| {
        let [rt, other] = [Runtime::new().unwrap(), Runtime::new().unwrap()];
        let [task] = rt.block_on(async {
            let task = ayi::spawn(work(10 * BUDGET));
            yield_now().await;
            [task]
        });
        other.block_on(work(10 * BUDGET));
        rt.block_on(task).unwrap();
    });
}

/// A foreign waker that is put off in the last poll of a `block_on` belongs to code that waits elsewhere.
#[test]
fn a_foreign_waker_that_is_put_off_in_the_last_poll_of_a_block_on_is_woken() {
    watched(|| {
        let wakers = [Wakes::new(), Wakes::new()];
        Runtime::new().unwrap().block_on(poll_fn(|_| {
            use_up_the_budget();
            for (_, waker) in &wakers {
                assert!(poll_with(pin!(consume_budget()), waker).is_pending());
            }
            Poll::Ready(())
        }));
        assert_eq!(wakers.each_ref().map(|(wakes, _)| wakes.count()), [1, 1]);
    });
}

/// The budget that is left for the task's poll is unchanged: nothing is lost, and nothing is added.
#[test]
fn a_panic_in_an_unconstrained_future_leaves_the_budget_as_it_was() {
    run(async || {
        let task = ayi::spawn(poll_fn(|_| {
            let mut used = 0;
            while has_budget_remaining() {
                assert!(poll_once(pin!(consume_budget())).is_ready());
                used += 1;
                let panics = unconstrained(async {
                    work(2 * BUDGET).await;
                    resume_unwind(Box::new("inside"));
                });
                let polled = catch_unwind(AssertUnwindSafe(|| poll_once(pin!(panics))));
                assert!(polled.is_err() && used <= BUDGET, "{used} operations in one poll");
            }
            Poll::Ready(used)
        }));
        assert_eq!(task.await.unwrap(), BUDGET);
    });
}

/// A future that waits, with a waker of its own that tells when it is to be polled again.
struct Waiter<'a, T> {
    future: Pin<Box<dyn Future<Output = T> + 'a>>,
    wakes: Arc<Wakes>,
}

impl<'a, T> Waiter<'a, T> {
    fn new(future: impl Future<Output = T> + 'a) -> Waiter<'a, T> {
        let (wakes, waker) = Wakes::new();
        let mut future: Pin<Box<dyn Future<Output = T> + 'a>> = Box::pin(future);
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        Waiter { future, wakes }
    }
}

/// Checks that all of them are woken, and that each is told then that the runtime has ended.
#[track_caller]
fn assert_told_of_the_end<T: std::fmt::Debug>(what: &str, waiters: Vec<Waiter<'_, std::io::Result<T>>>) {
    for (number, mut waiter) in waiters.into_iter().enumerate() {
        assert_eq!(waiter.wakes.count(), 1, "{what}: waiter {number} is not woken once");
        match poll_once(waiter.future.as_mut()) {
            Poll::Ready(Err(error)) => assert!(is_rt_shutdown_err(&error), "{what}: {error}"),
            other => panic!("{what}: {other:?}"),
        }
    }
}

/// Five futures, as many `poll_…` calls, and tasks that wait for the other direction: if they are driven elsewhere,
/// each has to learn of the end.
#[test]
fn everyone_who_waits_for_a_source_is_woken_when_the_runtime_ends() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let (listener, socket) = rt.block_on(async {
            (TcpListener::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap())
        });
        let inside = rt.enter();
        let (stream, _peer) = connected();
        while stream.try_write(&[0; 65536]).is_ok() {}
        let (fd, _other_end) = UnixStream::pair().unwrap();
        fd.set_nonblocking(true).unwrap();
        let fd = AsyncFd::new(fd).unwrap();
        let five = || 0..5;
        let reads = five().map(|_| Waiter::new(async { stream.read(&mut [0; 8]).await.map(drop) }));
        let peeks = five().map(|_| {
            Waiter::new(poll_fn(|cx| stream.poll_peek(cx, &mut ReadBuf::new(&mut [0; 8])).map_ok(drop)))
        });
        let writes = five().map(|_| Waiter::new(async { stream.write(&[0; 8]).await.map(drop) }));
        let stream_waiters = reads.chain(peeks).chain(writes).collect();
        let fd_waiters = five().map(|_| Waiter::new(async { fd.readable().await.map(drop) })).collect();
        let accepts = five().map(|_| Waiter::new(async { listener.accept().await.map(drop) })).collect();
        let datagrams = five().map(|_| Waiter::new(async { socket.recv(&mut [0; 8]).await.map(drop) }));
        let datagrams = datagrams.collect();
        drop(inside);
        drop(rt);
        assert_told_of_the_end("TcpStream", stream_waiters);
        assert_told_of_the_end("AsyncFd", fd_waiters);
        assert_told_of_the_end("TcpListener", accepts);
        assert_told_of_the_end("UdpSocket", datagrams);
    });
}

#[test]
fn everyone_who_waits_for_a_timer_is_woken_when_the_runtime_ends() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let inside = rt.enter();
        let waiters: Vec<_> =
            [3600, 3600, 1, 7200].into_iter().map(|s| Waiter::new(sleep(Duration::from_secs(s)))).collect();
        drop(inside);
        drop(rt);
        assert!(waiters.iter().all(|waiter| waiter.wakes.count() == 1));
    });
}

/// A waker may poll again, if it is an executor of its own. That poll is told of the end, and is not put off again:
/// nothing would wake it a second time.
#[test]
fn a_waker_that_polls_again_when_the_end_wakes_it_is_told_of_the_end() {
    watched(|| {
        let rt = Runtime::new().unwrap();
        let inside = rt.enter();
        let (stream, _peer) = connected();
        let (stream, told) = (Arc::new(stream), Arc::new(AtomicBool::new(false)));
        let (again, tells) = (stream.clone(), told.clone());
        let waker = waker_fn(move || {
            if let Poll::Ready(Err(error)) = poll_once(pin!(again.read(&mut [0; 8]))) {
                tells.store(is_rt_shutdown_err(&error), SeqCst);
            }
        });
        let mut buf = [0; 8];
        let mut read = pin!(stream.read(&mut buf));
        assert!(poll_with(read.as_mut(), &waker).is_pending());
        drop(inside);
        drop(rt);
        assert!(told.load(SeqCst));
    });
}

/// The callers of `poll_…` functions of one stream, each with an executor of its own: none of them is forgotten to make
/// room for another.
#[test]
fn however_many_poll_a_stream_each_is_woken_by_what_comes_at_the_latest() {
    for count in [1, 2, 3, 63, 64, 65, 66, 200] {
        run(async || {
            let (stream, mut peer) = connected();
            let wakers: Vec<_> = (0..count).map(|_| Wakes::new()).collect();
            for (_, waker) in &wakers {
                assert!(
                    stream
                        .poll_peek(&mut Context::from_waker(waker), &mut ReadBuf::new(&mut [0]))
                        .is_pending()
                );
            }
            peer.write_all(b"x").unwrap();
            block_until(&stream, libc::POLLIN);
            turn().await;
            let lost = wakers.iter().filter(|(wakes, _)| wakes.count() == 0).count();
            assert_eq!(lost, 0, "of {count}");
        });
    }
}
