//! `task::coop`: what is charged, and what gives way.

use crate::support::{self, poll_once, poll_with, run, waker_fn, watched};
use ayi::runtime::{Builder, TaskMeta};
use ayi::task::coop::{consume_budget, cooperative, has_budget_remaining, unconstrained};
use ayi::task::yield_now;
use std::future::{pending, poll_fn, ready};
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::Poll;

/// Returns how many calls of `f` fit into one poll of a task.
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
            // Others are polled at most 16 times before it continues.
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

/// A loop over an operation of another crate that is always ready. Counts its rounds before another task runs.
async fn rounds_before_others<F: AsyncFn() + 'static>(name: &str, round: F) {
    let rounds = std::rc::Rc::new(std::cell::Cell::new(0u32));
    let counter = rounds.clone();
    let busy = ayi::spawn(async move {
        loop {
            round().await;
            counter.set(counter.get() + 1);
            assert!(counter.get() < 100_000, "others never run");
        }
    });
    for turn in 1..=20 {
        ayi::task::yield_now().await;
        assert!(rounds.get() <= turn * 129, "{name}: {} rounds", rounds.get());
    }
    while rounds.get() < 500 {
        ayi::task::yield_now().await;
    }
    busy.abort();
}

#[test]
fn what_waits_for_futures_of_others_gives_way() {
    run(async || {
        let never = ayi::time::Duration::MAX;
        rounds_before_others("select!", async || {
            ayi::select! {
                () = ready(()) => {}
                () = std::future::pending() => {}
            }
        })
        .await;
        rounds_before_others("a biased select!", async || {
            ayi::select! { biased; () = std::future::pending() => {} () = ready(()) => {} }
        })
        .await;
        rounds_before_others("a select! without branches", async || {
            ayi::select! { () = ready(()), if false => {} else => {} }
        })
        .await;
        rounds_before_others("a select! whose patterns do not fit", async || {
            ayi::select! { Some(()) = ready(None) => {} else => {} }
        })
        .await;
        rounds_before_others("join!", async || _ = ayi::join!(ready(1), ready(2))).await;
        rounds_before_others("join! of nothing", async || ayi::join!()).await;
        rounds_before_others("a biased join!", async || _ = ayi::join!(biased; ready(1), ready(2))).await;
        rounds_before_others("try_join!", async || {
            ayi::try_join!(ready(Ok::<_, ()>(1)), ready(Ok(2))).unwrap();
        })
        .await;
        rounds_before_others("an error of try_join!", async || {
            ayi::try_join!(ready(Err::<(), _>(1)), std::future::pending::<Result<(), _>>()).unwrap_err();
        })
        .await;
        rounds_before_others("timeout", async move || _ = ayi::time::timeout(never, ready(())).await).await;
        rounds_before_others("run_until_cancelled", async || {
            ayi::runtime::CancellationToken::new().run_until_cancelled(ready(())).await.unwrap();
        })
        .await;
        rounds_before_others("acquire_owned_with", async || {
            let one = std::sync::Arc::new(ayi::sync::Semaphore::new(1));
            drop(one.acquire_owned_with(ready(())).await.unwrap());
        })
        .await;
    });
}

#[test]
fn what_is_charged_inside_is_not_charged_again() {
    run(async || {
        let never = ayi::time::Duration::MAX;
        let charged = async || consume_budget().await;
        let select = async move || ayi::select! { () = charged() => {} () = std::future::pending() => {} };
        assert_eq!(in_one_poll(select).await, 128);
        assert_eq!(in_one_poll(async move || _ = ayi::join!(charged(), ready(()))).await, 128);
        assert_eq!(in_one_poll(async move || ayi::time::timeout(never, charged()).await.unwrap()).await, 128);
        assert_eq!(
            in_one_poll(async || _ = ayi::io::AsyncReadExt::read(&mut ayi::io::empty(), &mut []).await).await,
            128
        );
        assert_eq!(
            in_one_poll(async || _ = ayi::io::AsyncReadExt::read(&mut &b""[..], &mut []).await).await,
            128
        );
    });
}

/// `first` always uses up the budget. What comes after it is put off once, and not for ever.
#[test]
fn what_stands_behind_one_that_always_uses_up_the_budget_is_done() {
    run(async || {
        let cancelled = ayi::runtime::CancellationToken::new();
        cancelled.cancel();
        let cancelled = &cancelled;
        let flood = async || loop {
            consume_budget().await;
        };
        ayi::select! { biased; () = flood() => {} () = cancelled.cancelled() => {} }
        ayi::select! { biased; () = flood() => {} _ = ayi::time::timeout(ayi::time::Duration::MAX, ready(())) => {} }
        ayi::select! { biased; () = flood() => {} _ = async { ayi::join!(ready(()), ready(())) } => {} }
        ayi::select! { biased; () = flood() => {} _ = cancelled.run_until_cancelled(ready(())) => {} }
        ayi::select! {
            biased;
            () = flood() => {}
            _ = async { ayi::io::AsyncReadExt::read(&mut &b"tea"[..], &mut [0]).await } => {}
        }
        let token = ayi::runtime::CancellationToken::new();
        let other = token.clone();
        let canceller = ayi::spawn(async move { other.cancel() });
        assert_eq!(token.run_until_cancelled(flood()).await, None);
        canceller.await.unwrap();
    });
}

/// Such a waker is an executor of its own. It runs outside of the task that has used up its budget.
#[test]
fn a_waker_that_polls_by_itself_is_not_limited_by_the_task_before() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    run(async || {
        let (polls, put_off) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let tasks: Vec<_> = (0..40)
            .map(|_| {
                let (polls, put_off) = (polls.clone(), put_off.clone());
                ayi::spawn(async move {
                    for _ in 0..10 {
                        let (polls, put_off) = (polls.clone(), put_off.clone());
                        let waker = support::waker_fn(move || {
                            polls.fetch_add(1, Relaxed);
                            if poll_once(pin!(consume_budget())).is_pending() {
                                put_off.fetch_add(1, Relaxed);
                            }
                        });
                        std::future::poll_fn(|_| {
                            while support::poll_with(pin!(consume_budget()), &waker).is_ready() {}
                            Poll::Ready(())
                        })
                        .await;
                        ayi::task::yield_now().await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        support::turn().await;
        assert_eq!((polls.load(Relaxed), put_off.load(Relaxed)), (400, 0));
    });
}

/// Does more than any task may do in one poll: code that is limited does not finish it.
fn assert_is_not_limited(what: &str) {
    for n in 0..1000 {
        assert!(poll_once(pin!(consume_budget())).is_ready(), "{what}: limited after {n} operations");
    }
}

/// Uses up the budget of the current poll.
async fn use_up() {
    while has_budget_remaining() {
        consume_budget().await;
    }
}

/// The output of a task, the hook that is told of its end, and the waker that awaits it are not polled, so they cannot
/// give way. This holds whether the task has an output, has panicked or was aborted.
#[test]
fn what_runs_at_the_end_of_a_task_is_not_limited() {
    struct Output(&'static str, Arc<AtomicUsize>);
    impl Drop for Output {
        fn drop(&mut self) {
            assert_is_not_limited(self.0);
            self.1.fetch_add(1, SeqCst);
        }
    }
    let ends = |has_hook| {
        let hooks = Arc::new(Mutex::new(Vec::new()));
        let told = hooks.clone();
        let builder = &mut Builder::new_current_thread();
        // The panic of a hook is only reported.
        let hook = move |_: &TaskMeta<'_>| {
            let count = (0..1000).take_while(|_| poll_once(pin!(consume_budget())).is_ready()).count();
            told.lock().unwrap().push(count);
        };
        if has_hook {
            builder.on_task_terminate(hook);
        }
        builder.build().unwrap().block_on(async {
            let (drops, wakes) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            // Nobody awaits it.
            let output = Output("the drop of an output", drops.clone());
            drop(ayi::spawn(async {
                use_up().await;
                output
            }));
            // It panics, and what it holds is dropped after that.
            let kept = Output("the drop of a future that has panicked", drops.clone());
            let panics = ayi::spawn(poll_fn(move |_| -> Poll<()> {
                let _kept = &kept;
                assert!(poll_once(pin!(use_up())).is_ready());
                resume_unwind(Box::new("on purpose"))
            }));
            // It is aborted.
            let kept = Output("the drop of a future that is aborted", drops.clone());
            let aborted = ayi::spawn(async move {
                let _kept = kept;
                use_up().await;
                pending::<()>().await
            });
            // It is awaited with a waker that belongs to no task of ours.
            let awaited = ayi::spawn(use_up());
            let count = wakes.clone();
            let waker = waker_fn(move || {
                assert_is_not_limited("the waker of a JoinHandle");
                count.fetch_add(1, SeqCst);
            });
            let mut awaited = pin!(awaited);
            assert!(poll_with(awaited.as_mut(), &waker).is_pending());
            yield_now().await;
            aborted.abort();
            assert!(panics.await.unwrap_err().is_panic());
            assert!(aborted.await.unwrap_err().is_cancelled());
            assert_eq!((drops.load(SeqCst), wakes.load(SeqCst)), (3, 1));
        });
        assert_eq!(hooks.lock().unwrap()[..], [1000; 4][..if has_hook { 4 } else { 0 }]);
    };
    watched(|| [true, false].into_iter().for_each(ends));
}
