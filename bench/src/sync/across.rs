//! Across threads: the receiver is a task, and the sender a thread of std's, or a task of another runtime.
//!
//! No thread is tied to a core. Each of them sleeps now and then, and one that is tied sleeps until that very core is
//! free: where anything else runs on the machine, that would be most of what is measured.

use super::{check, in_task};
use crate::runtimes::Runtime;
use std::future::Future;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// The messages of a broadcast for which the sender asks once whether it may go on.
const BATCH: u32 = 512;

/// Runs the sender and the receiver, and returns how long it took until both had ended.
fn on_two<R: Runtime>(
    sender: impl FnOnce() + Send + 'static,
    receiver: impl Future<Output = ()> + Send + 'static,
) -> Duration {
    let start = Instant::now();
    let sender = thread::spawn(sender);
    in_task::<R>(receiver);
    sender.join().expect("nobody stops receiving");
    start.elapsed()
}

/// The sender is a task of another runtime.
fn of_a_task<R: Runtime>(
    future: impl Future<Output = ()> + Send + 'static,
) -> impl FnOnce() + Send + 'static {
    || {
        in_task::<R>(future);
    }
}

macro_rules! of {
    ($module:ident, $crate_name:ident) => {
        pub mod $module {
            use super::*;
            use $crate_name::sync::broadcast::{self, error::RecvError};
            use $crate_name::sync::{Semaphore, mpsc, oneshot, watch};

            pub fn blocking_send<R: Runtime, const CAPACITY: usize>(n: u32) -> Duration {
                let (sender, mut receiver) = mpsc::channel(CAPACITY);
                let sender = move || (0..n).for_each(|i| sender.blocking_send(u64::from(i)).unwrap());
                on_two::<R>(sender, async move {
                    let mut sum = 0;
                    while let Some(i) = receiver.recv().await {
                        sum += i;
                    }
                    check(sum, n);
                })
            }

            pub fn bounded<R: Runtime, const CAPACITY: usize>(n: u32) -> Duration {
                let (sender, mut receiver) = mpsc::channel(CAPACITY);
                let sender = of_a_task::<R>(async move {
                    for i in 0..n {
                        sender.send(u64::from(i)).await.unwrap();
                    }
                });
                on_two::<R>(sender, async move {
                    let mut sum = 0;
                    while let Some(i) = receiver.recv().await {
                        sum += i;
                    }
                    check(sum, n);
                })
            }

            pub fn unbounded<R: Runtime>(n: u32) -> Duration {
                let (sender, mut receiver) = mpsc::unbounded_channel();
                let sender = move || (0..n).for_each(|i| sender.send(u64::from(i)).unwrap());
                on_two::<R>(sender, async move {
                    let mut sum = 0;
                    while let Some(i) = receiver.recv().await {
                        sum += i;
                    }
                    check(sum, n);
                })
            }

            pub fn request_and_reply<R: Runtime>(n: u32) -> Duration {
                let (sender, mut requests) = mpsc::channel::<(u32, oneshot::Sender<u32>)>(16);
                let sender = of_a_task::<R>(async move {
                    for i in 0..n {
                        let (reply, replied) = oneshot::channel();
                        sender.send((i, reply)).await.unwrap();
                        assert_eq!(replied.await, Ok(i));
                    }
                });
                on_two::<R>(sender, async move {
                    while let Some((i, reply)) = requests.recv().await {
                        reply.send(i).unwrap();
                    }
                })
            }

            pub fn watch<R: Runtime>(n: u32) -> Duration {
                let (sender, mut receiver) = watch::channel(0);
                let sender = move || (1..=n).for_each(|i| sender.send(i).unwrap());
                on_two::<R>(sender, async move {
                    let mut newest = 0;
                    while receiver.changed().await.is_ok() {
                        newest = *receiver.borrow_and_update();
                    }
                    assert_eq!(newest.max(*receiver.borrow()), n);
                })
            }

            /// The sender waits when it is two batches ahead, so that the receiver misses nothing.
            pub fn broadcast<R: Runtime>(n: u32) -> Duration {
                let (sender, mut receiver) = broadcast::channel(2 * BATCH as usize);
                let ahead = Arc::new(Semaphore::new(2));
                let behind = ahead.clone();
                let sender = of_a_task::<R>(async move {
                    for i in 0..n {
                        if i % BATCH == 0 {
                            ahead.acquire().await.unwrap().forget();
                        }
                        sender.send(u64::from(i)).unwrap();
                    }
                });
                on_two::<R>(sender, async move {
                    let (mut sum, mut received) = (0, 0);
                    let end = loop {
                        match receiver.recv().await {
                            Ok(i) => sum += i,
                            Err(error) => break error,
                        }
                        received += 1;
                        if received % BATCH == 0 {
                            behind.add_permits(1);
                        }
                    };
                    assert_eq!(end, RecvError::Closed);
                    check(sum, n);
                })
            }
        }
    };
}

of!(of_ayi, ayi);
of!(of_tokio, tokio);

/// A crate of channels only, whose methods are called so.
macro_rules! of_channels {
    ($module:ident, $crate_name:ident, $send:ident, $blocking_send:ident, $recv:ident) => {
        pub mod $module {
            use super::*;

            fn receive<R: Runtime>(
                n: u32,
                sender: impl FnOnce() + Send + 'static,
                receiver: $crate_name::Receiver<u64>,
            ) -> Duration {
                on_two::<R>(sender, async move {
                    let mut sum = 0;
                    while let Ok(i) = receiver.$recv().await {
                        sum += i;
                    }
                    check(sum, n);
                })
            }

            pub fn blocking_send<R: Runtime, const CAPACITY: usize>(n: u32) -> Duration {
                let (sender, receiver) = $crate_name::bounded(CAPACITY);
                receive::<R>(
                    n,
                    move || (0..n).for_each(|i| sender.$blocking_send(u64::from(i)).unwrap()),
                    receiver,
                )
            }

            pub fn bounded<R: Runtime, const CAPACITY: usize>(n: u32) -> Duration {
                let (sender, receiver) = $crate_name::bounded(CAPACITY);
                let sender = of_a_task::<R>(async move {
                    for i in 0..n {
                        sender.$send(u64::from(i)).await.unwrap();
                    }
                });
                receive::<R>(n, sender, receiver)
            }

            pub fn unbounded<R: Runtime>(n: u32) -> Duration {
                let (sender, receiver) = $crate_name::unbounded();
                receive::<R>(n, move || (0..n).for_each(|i| sender.try_send(u64::from(i)).unwrap()), receiver)
            }
        }
    };
}

of_channels!(of_async_channel, async_channel, send, send_blocking, recv);
of_channels!(of_flume, flume, send_async, send, recv_async);
