//! Time that stands still, so that tests of what waits need not wait.
//!
//! In tokio: `time/clock.rs`.

use super::errors::why_no_timer;
use super::task::yield_now;
use crate::core::current::home;
use crate::core::lodger::Lodger;
use crate::core::wait::{Clock, Instant};
use crate::core::worker::Worker;
use std::rc::Rc;
use std::time::Duration;

/// Stops the time of the current runtime.
///
/// From here on, [`Instant::now`] gives the same on this thread, until the time is [advanced](advance): by hand, or by
/// the runtime when it has nothing else to do. Then, instead of sleeping until the next timer, the runtime sets the
/// time to the deadline of that timer. It does so only when no task and no descriptor is ready, and no `spawn_blocking`
/// call is awaited. It does not wait for what other threads do in real time. So tests of hours take milliseconds, and
/// give the same each time.
///
/// Tests with `#[ayi::test(start_paused = true)]` and runtimes with
/// [`Builder::start_paused`](crate::runtime::Builder::start_paused) begin with paused time. std's `Instant`, and other
/// threads, are not affected.
///
/// # Panics
///
/// Panics outside a runtime, in one of the kind [`MultiThread`](crate::runtime::RuntimeFlavor::MultiThread), or if the time
/// is paused already.
///
/// # Examples
///
/// ```
/// use ayi::time::{Duration, Instant, pause, sleep};
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// pause();
/// let start = Instant::now();
/// sleep(Duration::from_secs(3600)).await; // takes no time
/// assert_eq!(start.elapsed(), Duration::from_secs(3600));
/// # });
/// ```
#[track_caller]
pub fn pause() {
    let worker = current("pause");
    assert!(
        worker.lodgers.shared.background.is_none(),
        "time::pause requires the `current_thread` kind of runtime: other threads see the time of this one"
    );
    let clock = worker.clock.get();
    assert!(!clock.is_paused, "time::pause: the time is paused already");
    worker.set_clock(clock.pause());
}

/// Lets the time of the current runtime go on from where it was [paused](pause).
///
/// # Panics
///
/// Panics outside a runtime, or if the time is not paused.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use ayi::time::{Instant, pause, resume};
/// pause();
/// let then = Instant::now();
/// assert_eq!(Instant::now(), then);
/// resume(); // it runs on from there
/// # });
/// ```
#[track_caller]
pub fn resume() {
    let worker = current("resume");
    let clock = worker.clock.get();
    assert!(clock.is_paused, "time::resume: the time is not paused");
    worker.set_clock(clock.resume());
}

/// Sets the [paused](pause) time forward by `duration`, and lets the tasks run whose timers have thereby fired.
///
/// The timers fire all at once, in the order of their deadlines. What those tasks then set going may need another wait.
///
/// # Cancel safety
///
/// If the future is dropped after its first poll, the time has been advanced.
///
/// # Panics
///
/// Panics outside a runtime, if the time is not paused, or if the new time is beyond what an [`Instant`] can tell: 292
/// years.
///
/// # Examples
///
/// ```
/// use ayi::time::{Duration, advance, pause, sleep};
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// pause();
/// let task = ayi::spawn(sleep(Duration::from_secs(60)));
/// ayi::task::yield_now().await;
/// advance(Duration::from_secs(59)).await;
/// assert!(!task.is_finished());
/// advance(Duration::from_secs(1)).await;
/// assert!(task.is_finished());
/// # });
/// ```
pub async fn advance(duration: Duration) {
    {
        let worker = current("advance");
        assert!(
            worker.clock.get().is_paused,
            "time::advance: the time is not paused: call time::pause first"
        );
        let Some(time) = Instant::now().checked_add(duration) else {
            panic!(
                "time::advance({duration:?}): an Instant cannot be that far in the future, 292 years are the most"
            )
        };
        worker.set_clock(Clock::paused_at(time));
        worker.fire_timers();
    }
    yield_now().await;
}

#[track_caller]
fn current(function: &str) -> Rc<Worker> {
    match home() {
        Some(worker) => worker,
        None => panic!("time::{function}: {}", why_no_timer()),
    }
}

impl Clock {
    pub(crate) fn paused_at(time: Instant) -> Clock {
        Clock { is_paused: true, nanos: time.0 }
    }

    pub(crate) fn pause(self) -> Clock {
        Clock::paused_at(self.now())
    }

    /// Returns a clock that goes on from where this one stands. Near the end of time it stands still: a running clock
    /// would overflow, and a check at each reading would cost every timer.
    pub(crate) fn resume(self) -> Clock {
        const NEAR_THE_END: i64 = i64::MAX - (1 << 60);
        let now = self.now();
        if now.0 > NEAR_THE_END {
            return Clock::paused_at(now);
        }
        Clock { is_paused: false, nanos: now.0 - Clock::REAL.now().0 }
    }
}

impl Worker {
    /// Converts a number of nanoseconds since the runtime's start to an instant.
    fn instant(&self, nanos: u64) -> Instant {
        self.start + Duration::from_nanos(nanos)
    }

    /// Sets the clock by which this thread tells the time. The caller is inside the runtime.
    pub(crate) fn set_clock(&self, clock: Clock) {
        self.clock.set(clock);
        clock.install();
        if clock.is_paused {
            // While time stands still, timers know exactly what is due.
            self.read_clock();
        }
    }

    /// Goes on when no task is ready and time stands still. This lets everything happen that can happen without time.
    /// If there is nothing, it moves the time on to the next timer. Returns false if there is no timer to move to.
    pub(super) fn go_on_standing_still(&self) -> bool {
        self.poll_reactor(Some(Duration::ZERO));
        // `poll_reactor` may have heard the bell. Then there is a message, and nobody rings again for it.
        let is_woken =
            self.tasks().has_work() || self.lodgers.want_turn() || !self.reactor().others.is_empty();
        if is_woken || !self.tasks().shared().inbox.is_empty() {
            return true;
        }
        // These events come by themselves and not by a timer, so time must not move before they have come.
        let is_busy = self.lodgers.shared.pool.is_awaited() || self.lodgers.ring.is_busy();
        let next = self.timers().next_deadline();
        let Some(next) = next.filter(|_| !is_busy) else { return false };
        self.set_clock(Clock::paused_at(self.instant(next).max(Instant::now())));
        true
    }
}
