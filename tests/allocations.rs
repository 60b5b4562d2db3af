//! What allocates, and what must not.
//!
//! The tests are apart from `tests/it` because they need an allocator that counts, and a program has only one
//! allocator.

mod support;

use ayi::io::{Interest, unix::AsyncFd};
use ayi::net::TcpStream;
use ayi::task::yield_now;
use ayi::time::{Duration, interval, sleep, timeout};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use support::{connected, is_recorded, poll_once, run};

/// Counts the allocations of each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
}

// SAFETY: it passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Returns the allocations of this thread for `rounds` rounds, after as many that are not counted: tables have grown by
/// then.
async fn allocations(rounds: usize, mut round: impl AsyncFnMut()) -> usize {
    // The list of tasks that have used up their budget has to grow as well.
    for _ in 0..200 {
        ayi::task::consume_budget().await;
    }
    for _ in 0..rounds {
        round().await;
    }
    let before = ALLOCATIONS.get();
    for _ in 0..rounds {
        round().await;
    }
    ALLOCATIONS.get() - before
}

#[test]
fn the_counter_counts() {
    run(async || {
        assert_eq!(allocations(10, async || drop(Box::new(1))).await, 10);
        assert_eq!(allocations(10, async || ()).await, 0);
    });
}

#[test]
fn timers() {
    if is_recorded() {
        return;
    }
    run(async || {
        let create_poll_drop = async || {
            poll_fn(|cx| {
                assert!(pin!(sleep(Duration::from_secs(3600))).poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
        };
        assert_eq!(allocations(1000, create_poll_drop).await, 0);
        assert_eq!(allocations(100, async || sleep(Duration::from_nanos(1)).await).await, 0);
        let limited = async || {
            let limit = Duration::from_nanos(1);
            assert!(timeout(limit, pending::<()>()).await.is_err());
        };
        assert_eq!(allocations(100, limited).await, 0);
        let mut ticks = interval(Duration::from_nanos(100));
        let tick = async || {
            ticks.tick().await;
        };
        assert_eq!(allocations(100, tick).await, 0);
    });
}

#[test]
fn waking_oneself() {
    if is_recorded() {
        return;
    }
    run(async || {
        let yields = || allocations(1000, async || yield_now().await);
        assert_eq!(yields().await, 0);
        assert_eq!(ayi::spawn(yields()).await.unwrap(), 0);
    });
}

/// Two tasks that take turns: each is woken by the other.
#[derive(Default)]
struct Turns {
    whose: Cell<usize>,
    waiting: [RefCell<Option<Waker>>; 2],
}

impl Turns {
    async fn take(&self, me: usize) {
        poll_fn(|cx: &mut Context<'_>| {
            if self.whose.get() == me {
                return Poll::Ready(());
            }
            *self.waiting[me].borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
        self.whose.set(1 - me);
        let other = self.waiting[1 - me].take();
        if let Some(other) = other {
            other.wake();
        }
    }
}

#[test]
fn waking_another_task() {
    if is_recorded() {
        return;
    }
    run(async || {
        let turns = Rc::new(Turns::default());
        let other = ayi::spawn({
            let turns = turns.clone();
            async move {
                loop {
                    turns.take(1).await;
                }
            }
        });
        assert_eq!(allocations(1000, async || turns.take(0).await).await, 0);
        other.abort();
    });
}

#[test]
fn reading_and_writing_in_turns() {
    if is_recorded() {
        return;
    }
    run(async || {
        let (stream, peer) = connected();
        peer.set_nonblocking(true).unwrap();
        let peer = TcpStream::from_std(peer).unwrap();
        let echo = ayi::spawn(async move {
            let mut buf = [0; 64];
            loop {
                let n = peer.read(&mut buf).await.unwrap();
                peer.write(&buf[..n]).await.unwrap();
            }
        });
        // It is larger than what comes, and a short read says that nothing is left.
        let mut buf = [0; 128];
        let ping = async || {
            assert_eq!(stream.write(&[7; 64]).await.unwrap(), 64);
            let limit = Duration::from_secs(3600);
            assert_eq!(timeout(limit, stream.read(&mut buf)).await.unwrap().unwrap(), 64);
            // This wait is given up.
            assert!(poll_once(pin!(stream.readable())).is_pending());
            stream.writable().await.unwrap();
        };
        assert_eq!(allocations(500, ping).await, 0);
        echo.abort();
    });
}

#[test]
fn waiting_for_a_descriptor() {
    if is_recorded() {
        return;
    }
    run(async || {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let fd = AsyncFd::new(ours).unwrap();
        let round = async || {
            let mut buf = [0; 8];
            let mut reading = pin!(fd.async_io(Interest::READABLE, |mut stream| stream.read(&mut buf)));
            assert!(poll_once(reading.as_mut()).is_pending());
            theirs.write_all(b"x").unwrap();
            assert_eq!(reading.await.unwrap(), 1);
        };
        assert_eq!(allocations(500, round).await, 0);
    });
}

async fn holding(bytes: [u8; 2000]) {
    yield_now().await;
    std::hint::black_box(bytes);
}

/// The future takes the memory of an earlier one. The handle, the waker and a short output allocate nothing.
#[test]
#[cfg_attr(uncached, ignore = "in this build each future has an allocation of its own")]
fn a_task_costs_no_allocation() {
    if is_recorded() {
        return;
    }
    run(async || {
        let one = async || assert_eq!(ayi::spawn(async { 7u64 }).await.unwrap(), 7);
        assert_eq!(allocations(100, one).await, 0);
        let yielding = async || ayi::spawn(yield_now()).await.unwrap();
        assert_eq!(allocations(100, yielding).await, 0);
        let mut tasks = Vec::with_capacity(100);
        let many = async || {
            tasks.extend((0..100).map(|_| ayi::spawn(yield_now())));
            for task in tasks.drain(..) {
                task.await.unwrap();
            }
        };
        assert_eq!(allocations(10, many).await, 0);
        // This is larger than the blocks that are kept.
        let large = async || ayi::spawn(holding([0; 2000])).await.unwrap();
        assert_eq!(allocations(10, large).await, 10);
    });
}

/// The buffer goes to the kernel and is returned.
#[test]
fn reading_a_file() {
    if is_recorded() {
        return;
    }
    use ayi::fs::File;
    use ayi::io::{AsyncReadExt, AsyncSeekExt};
    use std::io::SeekFrom;
    run(async || {
        let mut file = File::open("/dev/zero").await.unwrap();
        if ayi::runtime::Handle::current().metrics().uses_io_uring() != Some(true) {
            // Each call on the pool is an allocation.
            return support::skipped("this machine has no io_uring");
        }
        let buf = RefCell::new(vec![1; 4096]);
        let read = async || {
            let (result, back) = file.read_at(buf.take(), 0).await;
            assert_eq!((result.unwrap(), back.len()), (4096, 4096));
            buf.replace(back);
        };
        assert_eq!(allocations(500, read).await, 0);
        // Sequentially, through the file's own buffer.
        let mut bytes = [1; 100];
        let next = async || {
            file.read_exact(&mut bytes).await.unwrap();
            file.seek(SeekFrom::Current(0)).await.unwrap();
        };
        assert_eq!(allocations(500, next).await, 0);
    });
}
