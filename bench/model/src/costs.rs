//! What things cost, in nanoseconds.

use ayi::runtime::{Builder, Handle};
use ayi::task::yield_now;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// What the model has to know of a runtime and of the machine.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Costs {
    /// To take a task from the queue, poll it and have it woken again.
    pub poll: u64,
    /// A request of which nothing is computed: the event, `recv` and `send`.
    pub request: u64,
    /// A turn of the loop: a call of `epoll_wait` that does not sleep.
    pub turn: u64,
    /// Until a core that sleeps runs, from when somebody wakes it.
    pub wake: u64,
    /// To send a message to another core, and to wake that.
    pub message: u64,
    /// What each task costs besides that moves, with its socket.
    pub moving: u64,
    /// The same for one that is stolen: all workers have one epoll.
    pub stealing: u64,
}

impl Costs {
    /// The CPU time that an echo of 64 B takes on two cores, where the server hardly sleeps: RESULTS.md, group `cores`. The
    /// calls of the kernel are nearly all of it.
    const REQUEST: u64 = 10_000;

    /// What `runtime/src/services/sharing.rs` says of a move with a socket.
    const MOVING: u64 = 3_000;
    /// What it says of one without a socket.
    const STEALING: u64 = 500;

    /// Costs for tests, which need not be anybody's.
    pub const ROUND: Costs = Costs {
        poll: 100,
        request: 10_000,
        turn: 500,
        wake: 5_000,
        message: 1_000,
        moving: 3_000,
        stealing: 500,
    };

    /// Measures them, all but `request`, `moving` and `stealing`, each as the least of several tries.
    pub fn measure() -> Costs {
        let least = |measure: fn() -> Duration| {
            (0..15).map(|_| measure().as_nanos() as u64).min().expect("there are some").max(1)
        };
        let poll = least(poll);
        Costs {
            poll,
            request: Costs::REQUEST,
            turn: least(poll_and_turn).saturating_sub(poll).max(1),
            wake: least(wake),
            message: least(message),
            moving: Costs::MOVING,
            stealing: Costs::STEALING,
        }
    }
}

const TIMES: u32 = 2_000;

fn poll() -> Duration {
    let runtime = Builder::new_current_thread().build().expect("it can be made");
    runtime.block_on(async {
        let start = Instant::now();
        ayi::spawn(async {
            for _ in 0..10 * TIMES {
                yield_now().await;
            }
        })
        .await
        .expect("it does not panic");
        start.elapsed() / (10 * TIMES)
    })
}

/// Polls of a loop that has a descriptor, with a turn after each.
fn poll_and_turn() -> Duration {
    let runtime = Builder::new_current_thread().event_interval(1).build().expect("it can be made");
    runtime.block_on(async {
        let socket = ayi::net::UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        let reader = ayi::spawn(async move {
            let _ = socket.recv(&mut [0]).await;
        });
        yield_now().await;
        let start = Instant::now();
        for _ in 0..TIMES {
            yield_now().await;
        }
        let time = start.elapsed() / TIMES;
        reader.abort();
        time
    })
}

/// Half of the time that two threads take to wake each other.
fn wake() -> Duration {
    let (to, from_here) = mpsc::channel();
    let (back, from_there) = mpsc::channel();
    let other = thread::spawn(move || from_here.iter().try_for_each(|()| back.send(())));
    let start = Instant::now();
    for _ in 0..TIMES {
        to.send(()).expect("it receives");
        from_there.recv().expect("it sends");
    }
    let time = start.elapsed() / (2 * TIMES);
    drop(to);
    let _ = other.join();
    time
}

/// What a task costs that is spawned from another thread, until it has been sent.
fn message() -> Duration {
    let (send, receive) = mpsc::channel();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let runtime = Builder::new_current_thread().build().expect("it can be made");
            runtime.block_on(async {
                send.send(Handle::current()).expect("it is received");
                while !is_over.load(SeqCst) {
                    yield_now().await;
                }
            });
        });
        let handle = receive.recv().expect("it is sent");
        let start = Instant::now();
        (0..TIMES).for_each(|_| drop(handle.spawn(async {})));
        let time = start.elapsed() / TIMES;
        is_over.store(true, SeqCst);
        time
    })
}
