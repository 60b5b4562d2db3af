//! `block_in_place` in a runtime of the kind `multi_thread`: the other tasks go on while a task blocks on a future.

use crate::support::watched;
use ayi::runtime::{Builder, Handle, Runtime};
use ayi::sync::{mpsc, oneshot};
use ayi::task::{block_in_place, yield_now};
use ayi::time::sleep;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

fn runtime() -> Runtime {
    Builder::new_multi_thread().build().unwrap()
}

fn block<F: Future>(future: F) -> F::Output {
    block_in_place(|| Handle::current().block_on(future))
}

#[test]
fn a_task_blocks_on_tasks_timers_and_channels() {
    watched(|| {
        runtime().block_on(async {
            let task = ayi::spawn(async {
                let inner = ayi::spawn(async {
                    sleep(Duration::from_millis(1)).await;
                    7
                });
                let seven = block(inner).unwrap();
                let (sender, receiver) = oneshot::channel();
                ayi::spawn(async move { sender.send(seven + 1) });
                block_in_place(|| receiver.blocking_recv()).unwrap()
            });
            assert_eq!(task.await.unwrap(), 8);
        });
    });
}

#[test]
fn the_root_future_blocks_and_so_do_tasks_within_tasks() {
    watched(|| {
        let total = runtime().block_on(async {
            let deep = ayi::spawn(async {
                let deeper = ayi::spawn(async { block(ayi::spawn(async { 1 })).unwrap() + 1 });
                block(deeper).unwrap() + 1
            });
            block(deep).unwrap() + 1
        });
        assert_eq!(total, 4);
    });
}

/// The task that blocks is woken while it cannot be polled.
#[test]
fn a_wake_of_the_task_that_blocks_is_not_lost() {
    watched(|| {
        runtime().block_on(async {
            let (sender, mut receiver) = mpsc::channel(8);
            let has_blocked = Rc::new(Cell::new(false));
            let blocks = has_blocked.clone();
            let task = ayi::spawn(async move {
                // It waits for the channel and for the block at once.
                let mut first = std::pin::pin!(receiver.recv());
                std::future::poll_fn(|cx| {
                    if !blocks.replace(true) {
                        assert!(first.as_mut().poll(cx).is_pending());
                        block(async {
                            sender.send(5).await.unwrap();
                            for _ in 0..5 {
                                yield_now().await;
                            }
                        });
                        return std::task::Poll::Pending;
                    }
                    first.as_mut().poll(cx)
                })
                .await
            });
            assert_eq!(task.await.unwrap(), Some(5));
            assert!(has_blocked.get());
        });
    });
}

#[test]
fn the_root_future_is_woken_within_a_task_that_blocks() {
    watched(|| {
        runtime().block_on(async {
            let (sender, receiver) = oneshot::channel();
            ayi::spawn(async move {
                block(async {
                    sender.send(3).unwrap();
                    for _ in 0..5 {
                        yield_now().await;
                    }
                });
            });
            assert_eq!(receiver.await.unwrap(), 3);
        });
    });
}

#[test]
#[should_panic(expected = "Use spawn_blocking")]
fn it_panics_in_a_runtime_of_the_other_kind() {
    watched(|| Runtime::new().unwrap().block_on(async { block_in_place(|| ()) }));
}
