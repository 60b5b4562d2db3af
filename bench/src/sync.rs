//! Channels and locks. Each row is the same text for `ayi::sync` and tokio's `sync`, and one like it for async-channel
//! and flume, where they have such a thing.
//!
//! Channels know no runtime, so ayi's runtime runs all of them. tokio's are measured on its `current_thread` as well.

mod across;
mod alone;
mod ticks;

use crate::groups::{ASYNC_CHANNEL, FLUME, timed};
use crate::groups::{AYI, Figure, Rounds, Side, Size, TOKIO, TOKIO_ON_AYI, Timed, Unit, Whom, Work};
use crate::runtimes::{Ayi, Runtime, Tokio};
use crate::works::thread_cpu_time;
use std::future::{Future, poll_fn};
use std::task::Poll;
use std::thread;
use std::time::Duration;

/// What is sent to another thread. The kernel decides when that runs, so a turn is longer than others.
const MESSAGES: Size = Size::Scaled { full: 300_000, quick: 100_000 };
/// For each of these, both threads sleep and are woken.
const QUESTIONS: Size = Size::Scaled { full: 2_000, quick: 500 };

const ALONE: &[(Whom, f64)] = &[(Whom::Tokio, 1.5)];
const ACROSS: &[(Whom, f64)] = &[(Whom::Tokio, 1.0)];

/// Runs `future` in a task: in some runtimes the root future is polled in a way of its own. Returns the CPU time of this
/// thread that it took.
fn in_task<R: Runtime>(future: impl Future<Output = ()> + Send + 'static) -> Duration {
    R::block_on(async {
        R::spawn(async {
            let start = thread_cpu_time();
            future.await;
            thread_cpu_time() - start
        })
        .await
    })
}

/// Starts a task and does not wait for its end. The runtimes that are used here go on with a task whose handle is
/// dropped.
fn start<R: Runtime>(future: impl Future<Output = ()> + Send + 'static) {
    drop(R::spawn(future));
}

/// Lets the other tasks run, in the same way on each runtime: a `yield_now` may also look at the sockets.
async fn give_way() {
    let mut has_given = false;
    poll_fn(|cx| {
        if has_given {
            return Poll::Ready(());
        }
        has_given = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

/// Checks what came: the sum of the numbers below `n`.
fn check(sum: u64, n: u32) {
    let n = u64::from(n);
    assert_eq!(sum, n * (n - 1) / 2, "something was lost");
}

/// A function that both crates have, for its three sides.
macro_rules! both {
    ($place:ident::$function:ident $(, $capacity:literal)?) => {
        [
            (AYI, $place::of_ayi::$function::<Ayi $(, $capacity)?> as Timed),
            (TOKIO, $place::of_tokio::$function::<Tokio $(, $capacity)?>),
            (TOKIO_ON_AYI, $place::of_tokio::$function::<Ayi $(, $capacity)?>),
        ]
    };
}

/// The same, with the crates that have nothing but channels.
macro_rules! all_channels {
    ($place:ident::$function:ident $(, $capacity:literal)?) => {
        both!($place::$function $(, $capacity)?).into_iter().chain([
            (ASYNC_CHANNEL, $place::of_async_channel::$function::<Ayi $(, $capacity)?> as Timed),
            (FLUME, $place::of_flume::$function::<Ayi $(, $capacity)?>),
        ])
    };
}

/// All of it is tasks that run. Nothing sleeps, so CPU time is time without what else runs on the machine.
fn alone(name: &str, sides: impl IntoIterator<Item = (&'static str, Timed)>) -> Work {
    let figures = vec![Figure::new("CPU time", Unit::Nanoseconds, ALONE)];
    Work { figures, ..timed(name, Size::Any(2), ALONE, sides) }
}

fn across(name: &str, size: Size, sides: impl IntoIterator<Item = (&'static str, Timed)>) -> Work {
    timed(&format!("across threads: {name}"), size, ACROSS, sides)
}

/// A function that floods a channel for a while, and returns ticks and messages per second.
type Flood = fn() -> [f64; 2];

fn ticks(name: &str, sides: [(&'static str, Flood); 2]) -> Work {
    let side = |(runtime, run): (&'static str, Flood)| {
        Side::new(runtime, move |_| Ok(thread::spawn(run).join().expect("no runtime panics").into()))
    };
    Work {
        name: name.into(),
        size: Size::Fixed(1),
        rounds: Rounds::Some,
        figures: vec![
            Figure::new("ticks of a 10 ms interval", Unit::PerSecond, ACROSS),
            Figure::new("messages meanwhile", Unit::PerSecond, ACROSS),
        ],
        sides: sides.map(side).into(),
    }
}

/// What is counted by the instruction: how to do it with ayi's channels on ayi, and with tokio's on tokio.
pub mod counted {
    use super::{AYI, Ayi, TOKIO, Timed, Tokio, alone};

    type Sides = [(&'static str, Timed); 2];

    macro_rules! counted {
        ($($name:ident: $function:ident $(, $capacity:literal)?;)*) => {
            $(
                pub fn $name() -> Sides {
                    [
                        (AYI, alone::of_ayi::$function::<Ayi $(, $capacity)?>),
                        (TOKIO, alone::of_tokio::$function::<Tokio $(, $capacity)?>),
                    ]
                }
            )*
        };
    }

    counted! {
        oneshot: oneshot_sent_before;
        question: request_and_reply;
        unbounded: unbounded;
        bounded: bounded, 128;
    }
}

pub fn works() -> Vec<Work> {
    vec![
        alone("oneshot, sent before it is awaited", both!(alone::oneshot_sent_before)),
        alone("a request over mpsc, its reply over oneshot", both!(alone::request_and_reply)),
        alone("mpsc, unbounded", all_channels!(alone::unbounded)),
        alone("mpsc, capacity 128", all_channels!(alone::bounded, 128)),
        alone("mpsc, capacity 1", all_channels!(alone::bounded, 1)),
        alone("mpsc, capacity 128, recv_many of 64", both!(alone::recv_many)),
        alone("watch, send", both!(alone::watch_send)),
        alone("watch, borrow", both!(alone::watch_borrow)),
        alone("watch, a task is woken for each value", both!(alone::watch_woken)),
        alone("broadcast to 1 task", both!(alone::broadcast, 1)),
        alone("broadcast to 4 tasks", both!(alone::broadcast, 4)),
        alone("Semaphore, acquire and release", both!(alone::semaphore)),
        alone("Mutex, lock and unlock", both!(alone::mutex)),
        alone("RwLock, read and unlock", both!(alone::read)),
        alone("Notify, two tasks in ping-pong", both!(alone::notify)),
        across("blocking_send, capacity 128", MESSAGES, all_channels!(across::blocking_send, 128)),
        across("blocking_send, capacity 1,024", MESSAGES, all_channels!(across::blocking_send, 1024)),
        across("two runtimes, capacity 128", MESSAGES, all_channels!(across::bounded, 128)),
        across("two runtimes, capacity 1,024", MESSAGES, all_channels!(across::bounded, 1024)),
        across("mpsc, unbounded", MESSAGES, all_channels!(across::unbounded)),
        across("a request over mpsc, its reply over oneshot", QUESTIONS, both!(across::request_and_reply)),
        across("watch, a task takes the newest", MESSAGES, both!(across::watch)),
        across("broadcast, two runtimes", MESSAGES, both!(across::broadcast)),
        ticks(
            "beside a thread that floods a channel of 128",
            [(AYI, ticks::of_ayi::<Ayi, 128>), (TOKIO, ticks::of_tokio::<Tokio, 128>)],
        ),
        ticks(
            "beside a thread that floods a channel of 1,024",
            [(AYI, ticks::of_ayi::<Ayi, 1024>), (TOKIO, ticks::of_tokio::<Tokio, 1024>)],
        ),
    ]
}
