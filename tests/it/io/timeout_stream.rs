//! `io::TimeoutStream`: when which limit is over. Time is paused: it moves on when every task waits for it.

use crate::support::{Watchdog, run, turn};
use ayi::io::{
    AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, ReadBuf, TimeLimit, TimeoutStream, duplex, empty,
    split,
};
use ayi::runtime::{Builder, Handle};
use ayi::task::coop;
use ayi::time::{Duration, Instant, sleep};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn run_paused<T>(body: impl AsyncFnOnce() -> T) -> T {
    let _watchdog = Watchdog::new();
    Builder::new_current_thread().start_paused(true).build().unwrap().block_on(body())
}

fn limited(size: usize) -> (TimeoutStream<DuplexStream>, DuplexStream) {
    let (ours, theirs) = duplex(size);
    (TimeoutStream::new(ours), theirs)
}

#[track_caller]
fn expect<T: std::fmt::Debug>(result: io::Result<T>, limit: TimeLimit, text: &str) {
    let error = result.unwrap_err();
    assert_eq!((error.kind(), TimeLimit::of(&error)), (io::ErrorKind::TimedOut, Some(limit)));
    assert!(error.to_string().contains(text), "{error}");
}

#[test]
fn a_peer_that_is_silent_for_long_is_idle() {
    run_paused(async || {
        let (mut ours, mut theirs) = limited(64);
        ours.set_idle_timeout(s(60));
        let peer = ayi::spawn(async move {
            for _ in 0..5 {
                sleep(s(59)).await;
                theirs.write_all(b"x").await.unwrap();
            }
            sleep(s(1_000)).await;
        });
        let start = Instant::now();
        ours.read_exact(&mut [0; 5]).await.unwrap();
        assert_eq!(start.elapsed(), s(5 * 59));
        expect(ours.read(&mut [0]).await, TimeLimit::Idle, "set_idle_timeout");
        assert_eq!(start.elapsed(), s(5 * 59 + 60));
        // The next read has its time again.
        expect(ours.read(&mut [0]).await, TimeLimit::Idle, "60s");
        assert_eq!(start.elapsed(), s(5 * 59 + 60 + 60));
        // Computing for long is not idling: nothing waits.
        sleep(s(300)).await;
        expect(ours.read(&mut [0]).await, TimeLimit::Idle, "60s");
        assert_eq!(start.elapsed(), s(5 * 59 + 60 + 60 + 300 + 60));
        peer.abort();
    });
}

#[test]
fn what_is_written_moves_too_also_in_another_task() {
    run_paused(async || {
        let (mut ours, theirs) = limited(64);
        ours.set_idle_timeout(s(60));
        let start = Instant::now();
        let (mut reads, mut writes) = split(ours);
        let reader = ayi::spawn(async move { (reads.read(&mut [0]).await, start.elapsed()) });
        for _ in 0..5 {
            sleep(s(50)).await;
            writes.write_all(b"x").await.unwrap();
        }
        let (result, after) = reader.await.unwrap();
        expect(result, TimeLimit::Idle, "60s");
        assert_eq!(after, s(5 * 50 + 60));
        drop(theirs);
    });
}

#[test]
fn a_step_has_so_long_however_much_moves() {
    run_paused(async || {
        let (mut ours, mut theirs) = limited(64);
        ours.set_idle_timeout(s(60));
        let peer = ayi::spawn(async move {
            loop {
                sleep(s(3)).await;
                theirs.write_all(b"x").await.unwrap();
            }
        });
        // The limit counts from the first wait, not from here.
        ours.set_time_limit(s(10));
        sleep(s(2)).await;
        let start = Instant::now();
        expect(ours.read_exact(&mut [0; 100]).await, TimeLimit::Step, "10s");
        assert_eq!(start.elapsed(), s(10));
        // The next one has its own time, ...
        ours.set_time_limit(s(7));
        expect(ours.read_exact(&mut [0; 100]).await, TimeLimit::Step, "7s");
        assert_eq!(start.elapsed(), s(17));
        // ... and what has arrived is returned, even if it is too late.
        sleep(s(3)).await;
        assert_eq!(ours.read(&mut [0; 1]).await.unwrap(), 1);
        ours.set_time_limit(None);
        ours.read_exact(&mut [0; 100]).await.unwrap();
        peer.abort();
    });
}

#[test]
fn a_limit_that_ends_before_the_timer_that_is_running_is_met() {
    run_paused(async || {
        let (mut ours, mut theirs) = limited(64);
        ours.set_idle_timeout(s(3600));
        assert!(ayi::time::timeout(s(1), ours.read(&mut [0])).await.is_err());
        theirs.write_all(b"x").await.unwrap();
        ours.read_exact(&mut [0]).await.unwrap();
        let start = Instant::now();
        ours.set_time_limit(s(10));
        expect(ours.read(&mut [0]).await, TimeLimit::Step, "10s");
        assert_eq!(start.elapsed(), s(10));
    });
}

#[test]
fn a_peer_that_takes_nothing_is_cut_off_and_one_that_takes_little_is_not() {
    run_paused(async || {
        let (mut ours, mut theirs) = limited(1);
        ours.set_write_timeout(s(30));
        let peer = ayi::spawn(async move {
            for _ in 0..5 {
                sleep(s(29)).await;
                theirs.read_exact(&mut [0]).await.unwrap();
            }
            sleep(s(1_000)).await;
        });
        let start = Instant::now();
        ours.write_all(&[0; 6]).await.unwrap();
        assert_eq!(start.elapsed(), s(5 * 29));
        expect(ours.write_all(&[0; 2]).await, TimeLimit::Write, "set_write_timeout");
        assert_eq!(start.elapsed(), s(5 * 29 + 30));
        // It does not concern reading.
        assert!(ayi::time::timeout(s(100), ours.read(&mut [0])).await.is_err());
        peer.abort();
    });
}

#[test]
fn a_peer_that_takes_a_byte_now_and_then_does_not_get_the_step_done() {
    run_paused(async || {
        let (mut ours, mut theirs) = limited(1);
        ours.set_write_timeout(s(30));
        ours.set_time_limit(s(100));
        let peer = ayi::spawn(async move {
            loop {
                sleep(s(7)).await;
                theirs.read_exact(&mut [0]).await.unwrap();
            }
        });
        let start = Instant::now();
        expect(ours.write_all(&[0; 100]).await, TimeLimit::Step, "100s");
        assert_eq!(start.elapsed(), s(100));
        peer.abort();
    });
}

#[test]
fn a_connection_ends_with_its_lifetime() {
    run_paused(async || {
        let (mut ours, mut theirs) = limited(64);
        let start = Instant::now();
        ours.set_lifetime(s(3600));
        ours.set_idle_timeout(s(60));
        ours.set_time_limit(Duration::MAX);
        let peer = ayi::spawn(async move {
            loop {
                sleep(s(7)).await;
                theirs.write_all(b"x").await.unwrap();
            }
        });
        let error = loop {
            if let Err(error) = ours.read(&mut [0; 10]).await {
                break error;
            }
        };
        expect::<()>(Err(error), TimeLimit::Lifetime, "set_lifetime");
        assert_eq!(start.elapsed(), s(3600));
        peer.abort();
    });
}

/// Returns what `read` or `write` returns each time, and when, if the caller continues after each error.
async fn errors_of(
    mut operation: impl AsyncFnMut() -> io::Result<usize>,
    count: usize,
) -> Vec<(TimeLimit, u64)> {
    let start = Instant::now();
    let mut errors = Vec::new();
    for _ in 0..count {
        let error = operation().await.unwrap_err();
        errors.push((TimeLimit::of(&error).unwrap(), start.elapsed().as_secs()));
    }
    errors
}

#[test]
fn who_goes_on_after_a_limit_has_its_time_again() {
    run_paused(async || {
        let each = |limit| (1..=4).map(|n| (limit, 10 * n)).collect::<Vec<_>>();

        let (mut ours, _theirs) = limited(1);
        ours.set_idle_timeout(s(10));
        assert_eq!(errors_of(async || ours.read(&mut [0]).await, 4).await, each(TimeLimit::Idle));
        ours.write_all(b"x").await.unwrap();
        assert_eq!(errors_of(async || ours.write(b"y").await, 4).await, each(TimeLimit::Idle));

        ours.set_idle_timeout(None);
        ours.set_time_limit(s(10));
        assert_eq!(errors_of(async || ours.read(&mut [0]).await, 4).await, each(TimeLimit::Step));
        assert_eq!(errors_of(async || ours.write(b"y").await, 4).await, each(TimeLimit::Step));

        ours.set_time_limit(None);
        ours.set_write_timeout(s(10));
        assert_eq!(errors_of(async || ours.write(b"y").await, 4).await, each(TimeLimit::Write));
        let vectored = async || ours.write_vectored(&[io::IoSlice::new(b"y")]).await;
        assert_eq!(errors_of(vectored, 4).await, each(TimeLimit::Write));
    });
}

/// A writer whose flush and shutdown wait for ever.
struct Stuck;

impl ayi::io::AsyncWrite for Stuck {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

#[test]
fn a_flush_and_a_shutdown_have_their_time_again_too() {
    run_paused(async || {
        let each = (1..=3).map(|n| (TimeLimit::Write, 10 * n)).collect::<Vec<_>>();
        let mut ours = TimeoutStream::new(Stuck);
        ours.set_write_timeout(s(10));
        assert_eq!(errors_of(async || ours.flush().await.map(|()| 0), 3).await, each);
        assert_eq!(errors_of(async || ours.shutdown().await.map(|()| 0), 3).await, each);
    });
}

#[test]
fn both_who_wait_are_told_and_both_have_their_time_again() {
    run_paused(async || {
        let (mut ours, _theirs) = limited(1);
        ours.write_all(b"x").await.unwrap();
        ours.set_idle_timeout(s(10));
        let (mut reads, mut writes) = split(ours);
        let writer = ayi::spawn(async move { errors_of(async || writes.write(b"y").await, 3).await });
        let each = |times: [u64; 3]| times.map(|time| (TimeLimit::Idle, time));
        // The time of the next one begins when it waits, not when the last was over.
        let read = async || {
            let result = reads.read(&mut [0]).await;
            sleep(s(5)).await;
            result
        };
        assert_eq!(errors_of(read, 3).await, each([15, 30, 45]));
        assert_eq!(writer.await.unwrap(), each([10, 20, 30]));
    });
}

#[test]
fn what_is_written_after_an_idle_read_has_its_time() {
    run_paused(async || {
        let (mut ours, _theirs) = limited(1);
        ours.set_idle_timeout(s(10));
        ours.write_all(b"x").await.unwrap();
        expect(ours.read(&mut [0]).await, TimeLimit::Idle, "10s");
        sleep(s(100)).await;
        let start = Instant::now();
        expect(ours.write(b"y").await, TimeLimit::Idle, "10s");
        assert_eq!(start.elapsed(), s(10));
    });
}

/// A loop that takes each error for a reason to try again.
#[test]
fn who_goes_on_after_the_end_of_the_lifetime_gives_way() {
    run(async || {
        for limit in [TimeLimit::Lifetime, TimeLimit::Idle, TimeLimit::Step, TimeLimit::Write] {
            let (mut ours, _theirs) = limited(1);
            ours.write_all(b"x").await.unwrap();
            let set = match limit {
                TimeLimit::Lifetime => TimeoutStream::set_lifetime,
                TimeLimit::Idle => TimeoutStream::set_idle_timeout,
                TimeLimit::Step => TimeoutStream::set_time_limit,
                TimeLimit::Write => TimeoutStream::set_write_timeout,
            };
            set(&mut ours, Some(Duration::ZERO));
            let (mut reads, mut writes) = split(ours);
            let count = std::rc::Rc::new(std::cell::Cell::new(0));
            let counter = count.clone();
            let writer = ayi::spawn(async move {
                loop {
                    expect(writes.write(b"y").await, limit, "0ns");
                    counter.set(counter.get() + 1);
                }
            });
            let counter = count.clone();
            let reader = ayi::spawn(async move {
                // The limit for writes does not concern it.
                let is_limited = limit != TimeLimit::Write;
                loop {
                    let result = reads.read(&mut [0]).await;
                    assert!(is_limited, "{result:?}");
                    expect(result, limit, "0ns");
                    counter.set(counter.get() + 1);
                }
            });
            for round in 1..10 {
                ayi::task::yield_now().await;
                assert!(count.get() <= round * 2 * 129, "{limit:?}: {} errors", count.get());
            }
            turn().await;
            assert!(count.get() > 0);
            writer.abort();
            reader.abort();
        }
    });
}

#[test]
fn a_flush_that_has_nothing_to_do_is_no_sign_of_life() {
    run_paused(async || {
        let (mut ours, _theirs) = limited(64);
        ours.set_idle_timeout(s(60));
        let start = Instant::now();
        let error = loop {
            let read = ayi::time::timeout(s(7), ours.read(&mut [0])).await;
            if let Ok(result) = read {
                break result;
            }
            ours.flush().await.unwrap();
        };
        expect(error, TimeLimit::Idle, "60s");
        assert_eq!(start.elapsed(), s(60));
    });
}

#[test]
fn a_wait_has_one_timer_and_without_limits_none() {
    run_paused(async || {
        let (mut ours, mut theirs) = limited(64);
        // As of the last turn; `turn` itself has one timer.
        let timers = || Handle::current().metrics().num_timers() - 1;
        let reads = ayi::spawn(async move {
            ours.read_exact(&mut [0; 5]).await.unwrap();
            ours.set_idle_timeout(s(60));
            ours.set_time_limit(s(100));
            ours.set_lifetime(s(1000));
            ours.read_exact(&mut [0; 5]).await.unwrap();
        });
        for _ in 0..5 {
            turn().await;
            assert_eq!(timers(), 0);
            theirs.write_all(b"x").await.unwrap();
        }
        for _ in 0..4 {
            turn().await;
            assert_eq!(timers(), 1);
            theirs.write_all(b"x").await.unwrap();
        }
        theirs.write_all(b"x").await.unwrap();
        reads.await.unwrap();
        turn().await;
        assert_eq!(timers(), 0);
    });
}

#[test]
fn a_write_that_was_given_up_does_not_count_for_the_next_one() {
    run_paused(async || {
        let (mut ours, mut theirs) = limited(200);
        ours.set_write_timeout(s(10));
        ours.write_all(&[0; 200]).await.unwrap();
        assert!(ayi::time::timeout(s(1), ours.write(b"x")).await.is_err());
        theirs.write_all(&[0; 100]).await.unwrap();
        theirs.read_exact(&mut [0; 200]).await.unwrap();
        sleep(s(60)).await;
        for _ in 0..100 {
            ours.read_exact(&mut [0]).await.unwrap();
        }
        ours.write_all(b"x").await.unwrap();
    });
}

/// A peer that always has something to send, on a runtime that makes it give way or not.
struct Endless {
    is_charged: bool,
}

impl AsyncRead for Endless {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.is_charged {
            ready!(pin!(coop::consume_budget()).poll(cx));
        }
        let room = buf.remaining();
        buf.initialize_unfilled();
        buf.advance(room);
        Poll::Ready(Ok(()))
    }
}

#[test]
fn who_never_has_to_wait_for_its_peer_is_limited_too() {
    run(async || {
        for is_charged in [true, false] {
            for limit in [TimeLimit::Lifetime, TimeLimit::Step] {
                let mut flood = TimeoutStream::new(Endless { is_charged });
                match limit {
                    TimeLimit::Lifetime => flood.set_lifetime(Duration::from_millis(5)),
                    _ => flood.set_time_limit(Duration::from_millis(5)),
                }
                let error = loop {
                    if let Err(error) = flood.read(&mut [0; 64]).await {
                        break error;
                    }
                    // The task then does something else with what was read, and uses up the budget there.
                    Vec::new().write_all(b"x").await.unwrap();
                };
                assert_eq!(TimeLimit::of(&error), Some(limit));
            }
        }
    });
}

#[test]
fn the_stream_can_be_had_back() {
    let mut stream = TimeoutStream::new(empty());
    stream.set_idle_timeout(s(60));
    assert!(format!("{stream:?}").contains("idle: Some(60s)"), "{stream:?}");

    let _: ayi::io::Empty = stream.into_inner();
}
