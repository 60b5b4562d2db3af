//! What the hot paths cost: ayi and tokio's `current_thread` on the same work in the same process.
//!
//! `cargo run --release --manifest-path bench/Cargo.toml`. Each figure is the median of interleaved rounds, in
//! nanoseconds per operation.

use std::future::{Future, poll_fn};
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};

const ROUNDS: usize = 11;

/// One operation, on both runtimes. Each side runs `n` of them and says how long they took.
struct Work {
    name: &'static str,
    /// Not more than this many nanoseconds, or this many times faster than tokio (on a slower machine).
    target: (f64, f64),
    n: u32,
    ayi: fn(u32) -> Duration,
    tokio: fn(u32) -> Duration,
}

/// Pending `n` times, each time having woken its own task.
async fn wake_self(n: u32) -> Duration {
    let start = Instant::now();
    let mut left = n;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    start.elapsed()
}

/// Polls a future once, which is expected to be pending. (It stays where it was made: to move it would be measured too,
/// and on some processors costs as much as all the rest but the clock.)
async fn poll_once<F: Future>(mut future: Pin<&mut F>) {
    poll_fn(|cx| {
        assert!(future.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
}

fn on_ayi<F: Future>(future: F) -> F::Output {
    ayi::runtime::Runtime::new().unwrap().block_on(future)
}

fn on_tokio<F: Future>(future: F) -> F::Output {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().build().unwrap().block_on(future)
}

/// The same text for both runtimes.
macro_rules! works {
    ($on:ident, $rt:ident) => {
        mod $on {
            use super::*;

            pub fn wake_in_task(n: u32) -> Duration {
                super::$on(async move { $rt::spawn(wake_self(n)).await.unwrap() })
            }

            pub fn wake_in_root(n: u32) -> Duration {
                super::$on(wake_self(n))
            }

            pub fn take_turns(n: u32) -> Duration {
                super::$on(async move {
                    let start = Instant::now();
                    let tasks: Vec<_> = (0..1000).map(|_| $rt::spawn(wake_self(n / 1000))).collect();
                    for task in tasks {
                        task.await.unwrap();
                    }
                    start.elapsed()
                })
            }

            pub fn spawn_join(n: u32) -> Duration {
                super::$on(async move {
                    let start = Instant::now();
                    for i in 0..n {
                        black_box($rt::spawn(async move { i }).await.unwrap());
                    }
                    start.elapsed()
                })
            }

            pub fn spawn_many(n: u32) -> Duration {
                super::$on(async move {
                    let start = Instant::now();
                    for _ in 0..n / 1000 {
                        let tasks: Vec<_> = (0..1000).map(|i| $rt::spawn(async move { i })).collect();
                        for task in tasks {
                            black_box(task.await.unwrap());
                        }
                    }
                    start.elapsed()
                })
            }

            pub fn sleep(n: u32) -> Duration {
                // In a task that yields now and then, as tokio's budget asks.
                super::$on(async move {
                    let start = Instant::now();
                    for _ in 0..n / 100 {
                        for _ in 0..100 {
                            poll_once(pin!($rt::time::sleep(Duration::from_secs(30)))).await;
                        }
                        $rt::task::yield_now().await;
                    }
                    start.elapsed()
                })
            }
        }
    };
}

works!(on_ayi, ayi);
works!(on_tokio, tokio);

const WORKS: &[Work] = &[
    Work {
        name: "self-wake in a task",
        target: (15.0, 4.0),
        n: 1_000_000,
        ayi: on_ayi::wake_in_task,
        tokio: on_tokio::wake_in_task,
    },
    Work {
        name: "spawn + join",
        target: (40.0, 8.0),
        n: 300_000,
        ayi: on_ayi::spawn_join,
        tokio: on_tokio::spawn_join,
    },
    Work {
        name: "sleep: create, poll, drop",
        target: (40.0, 5.0),
        n: 300_000,
        ayi: on_ayi::sleep,
        tokio: on_tokio::sleep,
    },
    Work {
        name: "self-wake in the root future",
        target: (f64::INFINITY, 1.0),
        n: 300_000,
        ayi: on_ayi::wake_in_root,
        tokio: on_tokio::wake_in_root,
    },
    Work {
        name: "1,000 tasks taking turns",
        target: (f64::INFINITY, 1.0),
        n: 1_000_000,
        ayi: on_ayi::take_turns,
        tokio: on_tokio::take_turns,
    },
    Work {
        name: "spawn 1,000, then join",
        target: (f64::INFINITY, 1.0),
        n: 300_000,
        ayi: on_ayi::spawn_many,
        tokio: on_tokio::spawn_many,
    },
];

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    println!("{:<30} {:>9} {:>9} {:>8}   asked for", "ns per operation", "ayi", "tokio", "ratio");
    let mut all_met = true;
    for work in WORKS {
        let per_operation = |run: fn(u32) -> Duration| run(work.n).as_secs_f64() * 1e9 / f64::from(work.n);
        let rounds: Vec<_> =
            (0..ROUNDS).map(|_| (per_operation(work.ayi), per_operation(work.tokio))).collect();
        let ayi = median(rounds.iter().map(|r| r.0).collect());
        let tokio = median(rounds.iter().map(|r| r.1).collect());
        let ratio = median(rounds.iter().map(|r| r.1 / r.0).collect());
        let (nanos, times) = work.target;
        let asked = match nanos.is_finite() {
            true => format!("<= {nanos} ns, or {times}x"),
            false => String::from("-"),
        };
        let is_met = ayi <= nanos || ratio >= times;
        all_met &= is_met;
        let verdict = if is_met { "" } else { "  MISSED" };
        println!("{:<30} {ayi:>9.1} {tokio:>9.1} {ratio:>7.1}x   {asked}{verdict}", work.name);
    }
    std::process::exit(i32::from(!all_met));
}
