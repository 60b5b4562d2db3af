//! On one thread: who sends and who receives are tasks of one runtime.

use super::{check, give_way, in_task, start};
use crate::runtimes::Runtime;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

/// How many messages are sent where nothing else makes the sender wait, until the others run.
const AT_ONCE: u32 = 100;

macro_rules! of {
    ($module:ident, $crate_name:ident) => {
        pub mod $module {
            use super::*;
            use $crate_name::sync::{Mutex, Notify, RwLock, Semaphore, broadcast, mpsc, oneshot, watch};

            pub fn oneshot_sent_before<R: Runtime>(n: u32) -> Duration {
                in_task::<R>(async move {
                    for i in 0..n {
                        let (sender, receiver) = oneshot::channel();
                        sender.send(i).unwrap();
                        black_box(receiver.await.unwrap());
                    }
                })
            }

            pub fn request_and_reply<R: Runtime>(n: u32) -> Duration {
                in_task::<R>(async move {
                    let (sender, mut requests) = mpsc::channel::<(u32, oneshot::Sender<u32>)>(16);
                    start::<R>(async move {
                        while let Some((i, reply)) = requests.recv().await {
                            reply.send(i).unwrap();
                        }
                    });
                    for i in 0..n {
                        let (reply, replied) = oneshot::channel();
                        sender.send((i, reply)).await.unwrap();
                        assert_eq!(replied.await, Ok(i));
                    }
                })
            }

            pub fn unbounded<R: Runtime>(n: u32) -> Duration {
                in_task::<R>(async move {
                    let (sender, mut receiver) = mpsc::unbounded_channel();
                    start::<R>(async move {
                        for i in 0..n {
                            sender.send(u64::from(i)).unwrap();
                            if i % AT_ONCE == AT_ONCE - 1 {
                                give_way().await;
                            }
                        }
                    });
                    let mut sum = 0;
                    while let Some(i) = receiver.recv().await {
                        sum += i;
                    }
                    check(sum, n);
                })
            }

            pub fn bounded<R: Runtime, const CAPACITY: usize>(n: u32) -> Duration {
                in_task::<R>(async move {
                    let (sender, mut receiver) = mpsc::channel(CAPACITY);
                    start::<R>(async move {
                        for i in 0..n {
                            sender.send(u64::from(i)).await.unwrap();
                        }
                    });
                    let mut sum = 0;
                    while let Some(i) = receiver.recv().await {
                        sum += i;
                    }
                    check(sum, n);
                })
            }

            pub fn recv_many<R: Runtime>(n: u32) -> Duration {
                in_task::<R>(async move {
                    let (sender, mut receiver) = mpsc::channel(128);
                    start::<R>(async move {
                        for i in 0..n {
                            sender.send(u64::from(i)).await.unwrap();
                        }
                    });
                    let (mut sum, mut received) = (0, Vec::with_capacity(64));
                    while receiver.recv_many(&mut received, 64).await > 0 {
                        sum += received.drain(..).sum::<u64>();
                    }
                    check(sum, n);
                })
            }

            pub fn watch_send<R: Runtime>(n: u32) -> Duration {
                in_task::<R>(async move {
                    let (sender, receiver) = watch::channel(0);
                    for i in 0..n {
                        sender.send(i).unwrap();
                    }
                    assert_eq!(*receiver.borrow(), n - 1);
                })
            }

            pub fn watch_borrow<R: Runtime>(n: u32) -> Duration {
                in_task::<R>(async move {
                    let (_sender, receiver) = watch::channel(0);
                    for _ in 0..n {
                        black_box(*receiver.borrow());
                    }
                })
            }

            pub fn watch_woken<R: Runtime>(n: u32) -> Duration {
                in_task::<R>(async move {
                    let (sender, mut receiver) = watch::channel(0);
                    start::<R>(async move {
                        for i in 1..=n {
                            sender.send(i).unwrap();
                            give_way().await;
                        }
                    });
                    let mut seen = 0;
                    while receiver.changed().await.is_ok() {
                        let newest = *receiver.borrow_and_update();
                        assert_eq!(newest, seen + 1);
                        seen = newest;
                    }
                    assert_eq!(seen, n);
                })
            }

            pub fn broadcast<R: Runtime, const TASKS: usize>(n: u32) -> Duration {
                in_task::<R>(async move {
                    let (sender, _) = broadcast::channel(128);
                    let (is_alive, mut all_ended) = mpsc::channel::<()>(1);
                    for _ in 0..TASKS {
                        let (mut receiver, is_alive) = (sender.subscribe(), is_alive.clone());
                        start::<R>(async move {
                            let mut sum = 0;
                            while let Ok(i) = receiver.recv().await {
                                sum += i;
                            }
                            check(sum, n);
                            drop(is_alive);
                        });
                    }
                    drop(is_alive);
                    for i in 0..n {
                        sender.send(u64::from(i)).unwrap();
                        if i % AT_ONCE == AT_ONCE - 1 {
                            give_way().await;
                        }
                    }
                    drop(sender);
                    assert_eq!(all_ended.recv().await, None);
                })
            }

            pub fn semaphore<R: Runtime>(n: u32) -> Duration {
                in_task::<R>(async move {
                    let semaphore = Semaphore::new(4);
                    for _ in 0..n {
                        drop(black_box(semaphore.acquire().await.unwrap()));
                    }
                })
            }

            pub fn mutex<R: Runtime>(n: u32) -> Duration {
                in_task::<R>(async move {
                    let mutex = Mutex::new(0);
                    for _ in 0..n {
                        *black_box(mutex.lock().await) += 1;
                    }
                    assert_eq!(mutex.into_inner(), n);
                })
            }

            pub fn read<R: Runtime>(n: u32) -> Duration {
                in_task::<R>(async move {
                    let lock = RwLock::new(1);
                    for _ in 0..n {
                        black_box(*lock.read().await);
                    }
                })
            }

            /// Two tasks wake each other, `n` times in all.
            pub fn notify<R: Runtime>(n: u32) -> Duration {
                in_task::<R>(async move {
                    let (there, back) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
                    let (heard, answer) = (there.clone(), back.clone());
                    start::<R>(async move {
                        for _ in 0..n / 2 {
                            heard.notified().await;
                            answer.notify_one();
                        }
                    });
                    for _ in 0..n / 2 {
                        there.notify_one();
                        back.notified().await;
                    }
                })
            }
        }
    };
}

of!(of_ayi, ayi);
of!(of_tokio, tokio);

/// A crate of channels only, whose methods are called so.
macro_rules! of_channels {
    ($module:ident, $crate_name:ident, $send:ident, $recv:ident) => {
        pub mod $module {
            use super::*;

            pub fn unbounded<R: Runtime>(n: u32) -> Duration {
                in_task::<R>(async move {
                    let (sender, receiver) = $crate_name::unbounded();
                    start::<R>(async move {
                        for i in 0..n {
                            sender.try_send(u64::from(i)).unwrap();
                            if i % AT_ONCE == AT_ONCE - 1 {
                                give_way().await;
                            }
                        }
                    });
                    let mut sum = 0;
                    while let Ok(i) = receiver.$recv().await {
                        sum += i;
                    }
                    check(sum, n);
                })
            }

            pub fn bounded<R: Runtime, const CAPACITY: usize>(n: u32) -> Duration {
                in_task::<R>(async move {
                    let (sender, receiver) = $crate_name::bounded(CAPACITY);
                    start::<R>(async move {
                        for i in 0..n {
                            sender.$send(u64::from(i)).await.unwrap();
                        }
                    });
                    let mut sum = 0;
                    while let Ok(i) = receiver.$recv().await {
                        sum += i;
                    }
                    check(sum, n);
                })
            }
        }
    };
}

of_channels!(of_async_channel, async_channel, send, recv);
of_channels!(of_flume, flume, send_async, recv_async);
