//! Subscribers that end the runtime that tells them something.
//!
//! The tests are apart from `tests/it` because they need the feature `tracing`.

#![deny(unsafe_code)]

#[allow(unsafe_code)]
mod support;

use ayi::runtime::{Builder, Runtime, UnhandledPanic, is_rt_shutdown_err};
use ayi::task::{self, JoinHandle, spawn_blocking, yield_now};
use ayi::time::{Duration, sleep};
use futures_lite::future::block_on as foreign_block_on;
use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::thread;
use support::poll_once;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

thread_local! {
    /// How many calls of the subscriber are left until the one that ends the runtime.
    static LEFT: Cell<usize> = const { Cell::new(0) };
    static RUNTIME: RefCell<Option<Runtime>> = const { RefCell::new(None) };
}

/// Ends the runtime at a certain call.
struct Ends;

fn told() {
    match LEFT.get() {
        0 => {}
        1 => {
            LEFT.set(0);
            drop(RUNTIME.take());
        }
        left => LEFT.set(left - 1),
    }
}

impl Subscriber for Ends {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        told();
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        told();
    }

    fn enter(&self, _: &Id) {
        told();
    }

    fn exit(&self, _: &Id) {
        told();
    }

    fn try_close(&self, _: Id) -> bool {
        told();
        true
    }
}

/// A future that stays on one thread.
struct Probe(thread::ThreadId, Box<[u8; 100]>, Rc<Cell<i32>>);

impl Probe {
    fn new(alive: &Rc<Cell<i32>>) -> Probe {
        alive.set(alive.get() + 1);
        Probe(thread::current().id(), Box::new([7; 100]), alive.clone())
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        assert_eq!(self.0, thread::current().id());
        assert!(self.1.iter().all(|byte| *byte == 7));
        self.2.set(self.2.get() - 1);
    }
}

async fn everything(alive: &Rc<Cell<i32>>) {
    let (stream, peer) = ayi::net::unix::UnixStream::pair().unwrap();
    let probes: Vec<_> = (0..6).map(|_| Probe::new(alive)).collect();
    let mut probes = probes.into_iter();
    let mut next = || probes.next().unwrap();
    let (a, b, c, d, e) = (next(), next(), next(), next(), next());
    let tasks: Vec<JoinHandle<()>> = vec![
        task::spawn(async move {
            let _a = a;
            drop(stream.read(&mut [0; 4]).await)
        }),
        task::spawn(async move {
            let _b = b;
            yield_now().await;
            drop(peer.write(b"x").await);
        }),
        task::spawn(async move {
            let _c = c;
            sleep(Duration::from_micros(1)).await
        }),
        task::spawn(async move {
            let _d = d;
            std::panic::resume_unwind(Box::new(7))
        }),
        task::spawn(async move {
            let _e = e;
            pending().await
        }),
    ];
    tasks[4].abort();
    // Its handle is given to another thread.
    let afar = task::spawn(async {
        yield_now().await;
        7
    });
    let thread = thread::spawn(move || foreign_block_on(afar).is_ok());
    let blocking = spawn_blocking(|| 7);
    let (mine, theirs) = ayi::net::unix::UnixStream::pair().unwrap();
    let mut bytes = [0; 4];
    {
        let mut read = pin!(mine.read(&mut bytes));
        let _ = poll_once(read.as_mut());
        let _ = theirs.write(b"x").await;
        let _ = read.await;
    }
    let mut bytes = [0; 4];
    let mut timer = sleep(Duration::from_micros(1));
    let _ = poll_fn(|cx| {
        let _other = cx.waker().clone();
        Pin::new(&mut timer).poll(cx)
    })
    .await;
    for task in tasks {
        let _ = task.await;
    }
    let _ = blocking.await;
    let _ = thread.join().unwrap();
    drop(theirs);
    let _ = mine.read(&mut bytes).await;
}

#[test]
fn a_subscriber_that_ends_the_runtime() {
    let _watchdog = support::Watchdog::new();
    let _told = tracing::subscriber::set_default(Ends);
    let (mut n, alive) = (0, Rc::new(Cell::new(0)));
    loop {
        n += 1;
        let rt = Builder::new_current_thread().unhandled_panic(UnhandledPanic::Ignore).build().unwrap();
        let handle = rt.handle().clone();
        RUNTIME.set(Some(rt));
        LEFT.set(n);
        eprintln!("call {n}");
        let result = catch_unwind(AssertUnwindSafe(|| handle.block_on(everything(&alive))));
        drop(result);
        let is_over = LEFT.replace(0) > 0;
        drop(RUNTIME.take());
        assert_eq!(alive.get(), 0, "call {n}");
        assert!(foreign_block_on(handle.spawn(async {})).unwrap_err().is_cancelled());
        if is_over {
            break;
        }
    }
    assert!(n > 50);
}

/// This happens in the middle of the first poll that has to wait, of the future of `block_on`.
#[test]
fn a_subscriber_that_ends_the_runtime_in_which_something_is_about_to_wait() {
    let _watchdog = support::Watchdog::new();
    let _told = tracing::subscriber::set_default(Ends);
    let mut n = 0;
    loop {
        n += 1;
        let rt = Builder::new_current_thread().build().unwrap();
        let handle = rt.handle().clone();
        RUNTIME.set(Some(rt));
        let has_ended = handle.block_on(async {
            let (ours, _peer) = ayi::net::unix::UnixStream::pair().unwrap();
            let mut bytes = [0; 4];
            let mut read = pin!(ours.read(&mut bytes));
            let mut is_first = true;
            poll_fn(|cx| {
                if std::mem::replace(&mut is_first, false) {
                    LEFT.set(n);
                }
                let result = read.as_mut().poll(cx);
                if LEFT.replace(0) > 0 {
                    return Poll::Ready(false);
                }
                result.map(|result| {
                    assert!(is_rt_shutdown_err(&result.unwrap_err()));
                    true
                })
            })
            .await
        });
        drop(RUNTIME.take());
        if !has_ended {
            break;
        }
    }
    assert!(n > 2, "{n}");
}
