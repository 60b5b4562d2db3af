//! The measurements: each piece of work once, for any runtime.
//!
//! A function does `n` operations and returns how long they took, without its preparation.

use crate::runtimes::Runtime;
use rustix::time::{ClockId, clock_gettime};
use send_wrapper::SendWrapper;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::hint::{black_box, spin_loop};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// Is pending `n` times, each time having woken its own task.
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

pub fn wake_in_task<R: Runtime>(n: u32) -> Duration {
    R::block_on(async move { R::spawn(wake_self(n)).await })
}

pub fn wake_in_root<R: Runtime>(n: u32) -> Duration {
    R::block_on(wake_self(n))
}

/// A thousand tasks, each of which wakes itself and so goes to the end of the queue.
pub fn take_turns<R: Runtime>(n: u32) -> Duration {
    const TASKS: u32 = 1_000;
    thread_local! {
        /// How many have two turns left, or fewer.
        static NEARLY_DONE: Cell<u32> = const { Cell::new(0) };
    }

    async fn take(turns: u32) {
        let mut left = turns;
        poll_fn(|cx| {
            if left == 2 {
                NEARLY_DONE.set(NEARLY_DONE.get() + 1);
            }
            if left == 0 {
                assert_eq!(NEARLY_DONE.get(), TASKS, "the tasks do not take turns");
                return Poll::Ready(());
            }
            left -= 1;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }

    R::block_on(async move {
        let start = Instant::now();
        let tasks: Vec<_> = (0..TASKS).map(|_| R::spawn(take((n / TASKS).max(2)))).collect();
        for task in tasks {
            task.await;
        }
        start.elapsed()
    })
}

/// Two tasks wake each other, `n` times in all.
pub fn ping_pong<R: Runtime>(n: u32) -> Duration {
    #[derive(Default)]
    struct Table {
        hits: Cell<u32>,
        wakers: [Cell<Option<Waker>>; 2],
    }

    async fn play(table: SendWrapper<Rc<Table>>, n: u32, me: usize) {
        poll_fn(move |cx| {
            let table: &Table = &table;
            let hits = table.hits.get();
            if hits < n && hits as usize % 2 == me {
                table.hits.set(hits + 1);
                table.wakers[1 - me].take().into_iter().for_each(Waker::wake);
            }
            if table.hits.get() >= n {
                return Poll::Ready(());
            }
            table.wakers[me].set(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await
    }

    R::block_on(async move {
        let table = Rc::new(Table::default());
        let start = Instant::now();
        let players = [0, 1].map(|me| R::spawn(play(SendWrapper::new(table.clone()), n, me)));
        for player in players {
            player.await;
        }
        start.elapsed()
    })
}

pub fn spawn_join<R: Runtime>(n: u32) -> Duration {
    R::block_on(async move {
        let start = Instant::now();
        for i in 0..n {
            black_box(R::spawn(async move { i }).await);
        }
        start.elapsed()
    })
}

fn spawn_many<R: Runtime>(n: u32, at_once: u32) -> Duration {
    R::block_on(async move {
        let start = Instant::now();
        for _ in 0..n / at_once {
            let tasks: Vec<_> = (0..at_once).map(|i| R::spawn(async move { i })).collect();
            for task in tasks {
                black_box(task.await);
            }
        }
        start.elapsed()
    })
}

pub fn spawn_1_000<R: Runtime>(n: u32) -> Duration {
    spawn_many::<R>(n, 1_000)
}

pub fn spawn_100_000<R: Runtime>(n: u32) -> Duration {
    spawn_many::<R>(n, 100_000)
}

/// The same text for ayi's `JoinSet` and tokio's.
macro_rules! join_set {
    ($name:ident, $crate_name:ident, $runtime:ty) => {
        pub fn $name(n: u32) -> Duration {
            <$runtime>::block_on(async move {
                let start = Instant::now();
                for _ in 0..n / 1_000 {
                    let mut set: $crate_name::task::JoinSet<_> =
                        (0..1_000).map(|i| async move { i }).collect();
                    while let Some(output) = set.join_next().await {
                        black_box(output.unwrap());
                    }
                }
                start.elapsed()
            })
        }
    };
}

join_set!(join_set_ayi, ayi, crate::runtimes::Ayi);
join_set!(join_set_tokio, tokio, crate::runtimes::Tokio);

/// Pins the current thread to a core, so that two threads that talk are on two. If there is only one core, they share
/// it.
fn pin_to(core: usize) {
    let mut cores = rustix::thread::CpuSet::new();
    cores.set(core);
    let _ = rustix::thread::sched_setaffinity(None, &cores);
}

/// Another thread asks and a task answers, `n` times. With `is_busy` the runtime never sleeps, and neither does the
/// other thread. Otherwise both sleep between two questions.
fn answer<R: Runtime>(n: u32, is_busy: bool) -> Duration {
    let (asked, answered) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let is_over = Arc::new(AtomicBool::new(false));
    pin_to(0);
    R::block_on(async move {
        let hog = is_busy.then(|| {
            let is_over = is_over.clone();
            R::spawn(poll_fn(move |cx| {
                if is_over.load(SeqCst) {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            }))
        });
        let (send, receive) = mpsc::channel::<Waker>();
        let (question, answer) = (asked.clone(), answered.clone());
        let other = thread::spawn(move || {
            pin_to(1);
            let waker = receive.recv().unwrap();
            let start = Instant::now();
            for i in 1..=n {
                question.store(i, SeqCst);
                waker.wake_by_ref();
                while answer.load(SeqCst) != i {
                    if is_busy { spin_loop() } else { thread::park() }
                }
            }
            start.elapsed()
        });
        let asker = other.thread().clone();
        let mut send = Some(send);
        R::spawn(poll_fn(move |cx| {
            if let Some(send) = send.take() {
                send.send(cx.waker().clone()).unwrap();
            }
            let question = asked.load(SeqCst);
            if answered.swap(question, SeqCst) != question && !is_busy {
                asker.unpark();
            }
            if question == n { Poll::Ready(()) } else { Poll::Pending }
        }))
        .await;
        is_over.store(true, SeqCst);
        if let Some(hog) = hog {
            hog.await;
        }
        other.join().unwrap()
    })
}

pub fn wake_from_afar_parked<R: Runtime>(n: u32) -> Duration {
    answer::<R>(n, false)
}

pub fn wake_from_afar_busy<R: Runtime>(n: u32) -> Duration {
    answer::<R>(n, true)
}

/// Another thread spawns `n` tasks; it takes until all have run.
macro_rules! spawn_from_afar {
    ($name:ident, $crate_name:ident, $runtime:ty) => {
        pub fn $name(n: u32) -> Duration {
            pin_to(0);
            <$runtime>::block_on(async move {
                let handle = $crate_name::runtime::Handle::current();
                let left = Arc::new(AtomicU32::new(n));
                let counter = left.clone();
                let mut other = Some(move |all_done: Waker| {
                    pin_to(1);
                    for _ in 0..n {
                        let (left, all_done) = (counter.clone(), all_done.clone());
                        drop(handle.spawn(async move {
                            if left.fetch_sub(1, SeqCst) == 1 {
                                all_done.wake();
                            }
                        }));
                    }
                });
                let start = Instant::now();
                poll_fn(|cx| {
                    if let Some(other) = other.take() {
                        let waker = cx.waker().clone();
                        thread::spawn(move || other(waker));
                    }
                    if left.load(SeqCst) == 0 { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
                start.elapsed()
            })
        }
    };
}

spawn_from_afar!(spawn_from_afar_ayi, ayi, crate::runtimes::Ayi);
spawn_from_afar!(spawn_from_afar_tokio, tokio, crate::runtimes::Tokio);

pub fn spawn_blocking<R: Runtime>(n: u32) -> Duration {
    R::block_on(async move {
        R::spawn_blocking(|| ()).await; // the thread is there
        let start = Instant::now();
        for i in 0..n {
            black_box(R::spawn_blocking(move || i).await);
        }
        start.elapsed()
    })
}

/// Polls a future once, which is expected to be pending. The future stays where it was made: moving it would be
/// measured too, and on some processors costs as much as everything else except the clock.
async fn poll_once<F: Future>(mut future: Pin<&mut F>) {
    poll_fn(|cx| {
        assert!(future.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
}

pub fn sleep<R: Runtime>(n: u32) -> Duration {
    R::block_on(async move {
        let start = Instant::now();
        for _ in 0..n / 100 {
            for _ in 0..100 {
                poll_once(pin!(R::sleep(Duration::from_secs(30)))).await;
            }
            // Now and then, as tokio's budget requires.
            wake_self(1).await;
        }
        start.elapsed()
    })
}

/// `n` timers are pending, and the deadline of each is moved.
macro_rules! reset {
    ($name:ident, $runtime:ty, $after:path, |$timer:ident, $delay:ident| $reset:expr) => {
        pub fn $name(n: u32) -> Duration {
            <$runtime>::block_on(async move {
                let mut timers: Vec<_> =
                    (0..n).map(|i| Box::pin($after(Duration::from_secs(60 + u64::from(i) % 600)))).collect();
                for (i, timer) in timers.iter_mut().enumerate() {
                    poll_once(timer.as_mut()).await;
                    if i % 100 == 0 {
                        wake_self(1).await;
                    }
                }
                let start = Instant::now();
                for (i, $timer) in timers.iter_mut().enumerate() {
                    let $delay = Duration::from_secs(30 + i as u64 % 900);
                    $reset;
                }
                start.elapsed()
            })
        }
    };
}

reset!(reset_ayi, crate::runtimes::Ayi, ayi::time::sleep, |timer, delay| {
    timer.as_mut().reset(ayi::time::Instant::now() + delay)
});
reset!(reset_tokio, crate::runtimes::Tokio, tokio::time::sleep, |timer, delay| {
    timer.as_mut().reset(tokio::time::Instant::now() + delay)
});
reset!(reset_smol, crate::runtimes::Smol, smol::Timer::after, |timer, delay| timer.set_after(delay));
reset!(reset_monoio, crate::runtimes::MonoioEpoll, monoio::time::sleep, |timer, delay| {
    timer.as_mut().reset(monoio::time::Instant::now() + delay)
});

pub fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The delays of timers that fire within a second: in another order than that of `i`.
fn spread(i: u32) -> Duration {
    Duration::from_nanos(u64::from(i.wrapping_mul(2_654_435_761)) * 1_000 / 4_295)
}

/// `n` timers fire, each in a task, within a second. Returns the CPU time: the rest of that second is slept.
pub fn fire<R: Runtime>(n: u32) -> Duration {
    R::block_on(async move {
        let start = thread_cpu_time();
        let tasks: Vec<_> = (0..n).map(|i| R::spawn(SendWrapper::new(R::sleep(spread(i))))).collect();
        for task in tasks {
            task.await;
        }
        thread_cpu_time() - start
    })
}

/// `n` timers, each in a task, are all due when the loop looks at them, so that how often it looks is not counted.
pub fn due<R: Runtime>(n: u32) -> Duration {
    /// They are due within a quarter of a second that begins after this. By then all have been made, also where a tool
    /// makes the process slow.
    const LATER: Duration = Duration::from_secs(2);
    const QUARTER: Duration = Duration::from_millis(250);
    R::block_on(async move {
        let start = Instant::now();
        let delay = |i| LATER + spread(i) / 4;
        let tasks: Vec<_> = (0..n).map(|i| R::spawn(SendWrapper::new(R::sleep(delay(i))))).collect();
        // Tasks run in the order in which they were spawned, so all timers are pending after this.
        R::spawn(async {}).await;
        thread::sleep(LATER + QUARTER);
        for task in tasks {
            task.await;
        }
        start.elapsed()
    })
}

/// Returns by how much the latest of a hundred sleeps of 200 µs is late: over all, the worst 1 % of the `n`.
pub fn sleep_error<R: Runtime>(n: u32) -> Duration {
    const ASKED: Duration = Duration::from_micros(200);
    R::block_on(async move {
        let mut late = Vec::new();
        for _ in 0..n {
            let start = Instant::now();
            R::sleep(ASKED).await;
            late.push(start.elapsed().saturating_sub(ASKED));
        }
        late.sort();
        late[(late.len() * 99 / 100).min(late.len() - 1)]
    })
}
