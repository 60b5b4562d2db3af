//! Time that stands still, so that tests of what waits need not wait.
//!
//! In tokio: `time/clock.rs`.

use super::{Local, context};
use crate::tasks::yield_now;
use crate::time::{Clock, Instant};
use std::rc::Rc;
use std::time::Duration;

/// Stops the time of the current runtime.
///
/// From here on, [`Instant::now`] gives the same on this thread, until the time is [advanced](advance): by hand, or
/// by the runtime when it has nothing else to do. Then, instead of sleeping until the next timer, it sets the time
/// to that one's deadline. It does so only when no task is ready, no descriptor either, and no `spawn_blocking` call
/// is awaited. (What other threads do in real time is not waited for.) So tests of hours take milliseconds, and give
/// the same each time.
///
/// `#[ayi::test(start_paused = true)]` and [`Builder::start_paused`](crate::runtime::Builder::start_paused) begin so.
/// std's `Instant`, and other threads, are not affected.
///
/// # Panics
///
/// Outside a runtime, or if the time is paused already.
///
/// # Examples
///
/// ```
/// use ayi_runtime::time::{Duration, Instant, pause, sleep};
/// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// pause();
/// let start = Instant::now();
/// sleep(Duration::from_secs(3600)).await; // takes no time
/// assert_eq!(start.elapsed(), Duration::from_secs(3600));
/// # });
/// ```
#[track_caller]
pub fn pause() {
    let local = current("pause");
    let clock = local.clock.get();
    assert!(!clock.is_paused, "time::pause: the time is paused already");
    local.set_clock(clock.pause());
}

/// Lets the time of the current runtime go on from where it was [paused](pause).
///
/// # Panics
///
/// Outside a runtime, or if the time is not paused.
///
/// # Examples
///
/// ```
/// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use ayi_runtime::time::{Instant, pause, resume};
/// pause();
/// let then = Instant::now();
/// assert_eq!(Instant::now(), then);
/// resume(); // it runs on from there
/// # });
/// ```
#[track_caller]
pub fn resume() {
    let local = current("resume");
    let clock = local.clock.get();
    assert!(clock.is_paused, "time::resume: the time is not paused");
    local.set_clock(clock.resume());
}

/// Sets the [paused](pause) time forward by `duration`, and lets the tasks run whose timers have thereby fired.
///
/// They fire all at once, in the order of their deadlines. What those tasks then set going may need to be waited for.
///
/// # Cancel safety
///
/// If it is dropped after its first poll, the time has been advanced.
///
/// # Panics
///
/// Outside a runtime, if the time is not paused, or beyond what an [`Instant`] can tell: 292 years.
///
/// # Examples
///
/// ```
/// use ayi_runtime::time::{Duration, advance, pause, sleep};
/// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// pause();
/// let task = ayi_runtime::spawn(sleep(Duration::from_secs(60)));
/// ayi_runtime::task::yield_now().await;
/// advance(Duration::from_secs(59)).await;
/// assert!(!task.is_finished());
/// advance(Duration::from_secs(1)).await;
/// assert!(task.is_finished());
/// # });
/// ```
pub async fn advance(duration: Duration) {
    {
        let local = current("advance");
        assert!(local.clock.get().is_paused, "time::advance: the time is not paused: call time::pause first");
        let Some(time) = Instant::now().checked_add(duration) else {
            panic!(
                "time::advance({duration:?}): an Instant cannot be that far in the future, 292 years are the most"
            )
        };
        local.set_clock(Clock::paused_at(time));
        local.fire_timers();
    }
    yield_now().await;
}

#[track_caller]
fn current(function: &str) -> Rc<Local> {
    match context::home() {
        Some(local) => local,
        None => panic!("time::{function}: {}", context::why_no_timer()),
    }
}
