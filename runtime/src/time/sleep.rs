//! The timer that everything else about time is made of.
//!
//! A `Sleep` has an entry in the wheel of a runtime from its first poll that has to wait until it is dropped.
//! Making, polling and dropping one allocates nothing (entries are reused) and makes no system call but for the
//! clock, which the vDSO reads in user space. In tokio: `time/sleep.rs` and `runtime/time/entry.rs`.

use super::{Instant, TimerKey};
use crate::executor::{
    Local, RuntimeRef, SHUT_DOWN, is_rt_shutdown_err, start_drive, why_no_timer, with_current,
};
use crate::trace::TimerTrace;
use crate::{coop, foreign, tasks};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

/// Waits until `duration` has passed.
///
/// It may be created anywhere, and must be awaited in a runtime. Never early; late by what the kernel and busy
/// tasks add, typically some 60 µs on an idle machine. A duration too long for the clock means 30 years. A sleep of no
/// duration is over at its first poll.
///
/// # Cancel safety
///
/// Nothing is lost if it is dropped. Awaiting `&mut sleep` again goes on with the same deadline.
///
/// # Panics
///
/// When polled outside a runtime, and in one that has been shut down.
///
/// # Examples
///
/// ```
/// use ayi_runtime::time::{Duration, Instant, sleep};
/// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let start = Instant::now();
/// sleep(Duration::from_micros(200)).await;
/// assert!(start.elapsed() >= Duration::from_micros(200));
/// # });
/// ```
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    let deadline = Instant::now().checked_add(duration).unwrap_or_else(Instant::far_future);
    Sleep {
        deadline,
        runtime: None,
        key: TimerKey::default(),
        // The clock has just been read, and most sleeps are polled at once.
        is_unread: duration.is_zero(),
        trace: TimerTrace::sleep(deadline),
    }
}

/// Waits until `deadline`, and not at all if it has passed. See [`sleep`], also for panics and cancel safety.
///
/// # Examples
///
/// ```
/// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use ayi_runtime::time::{Duration, Instant, sleep_until};
/// let deadline = Instant::now() + Duration::from_millis(1);
/// sleep_until(deadline).await;
/// assert!(Instant::now() >= deadline);
/// # });
/// ```
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep {
        deadline,
        runtime: None,
        key: TimerKey::default(),
        is_unread: true,
        trace: TimerTrace::sleep(deadline),
    }
}

/// Like [`sleep_until`], for ayi's `Interval`: subscribers of `tracing` are told that it is one.
#[doc(hidden)]
#[track_caller]
pub fn ticks_from(deadline: Instant) -> Sleep {
    Sleep {
        deadline,
        runtime: None,
        key: TimerKey::default(),
        is_unread: true,
        trace: TimerTrace::interval(deadline),
    }
}

/// The future of [`sleep`] and [`sleep_until`].
///
/// `Unpin`, unlike tokio's. It can be sent to another thread: if it has been polled before, it withdraws from the
/// runtime it was polled in and joins the one that polls it now.
///
/// # Examples
///
/// ```
/// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use ayi_runtime::time::{Duration, Instant, sleep};
/// use std::pin::Pin;
/// let mut sleep = sleep(Duration::from_secs(3600));
/// Pin::new(&mut sleep).reset(Instant::now() + Duration::from_millis(1));
/// (&mut sleep).await;
/// assert!(sleep.is_elapsed());
/// # });
/// ```
#[must_use = "a Sleep does nothing unless it is awaited"]
pub struct Sleep {
    deadline: Instant,
    /// In whose wheel it has an entry, while it has one.
    runtime: Option<RuntimeRef>,
    /// The entry.
    key: TimerKey,
    /// Nobody has compared the deadline with the clock yet. The next poll does.
    is_unread: bool,
    trace: TimerTrace,
}

impl Sleep {
    /// When it fires.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi_runtime::time::{Instant, sleep_until};
    /// let then = Instant::now();
    /// assert_eq!(sleep_until(then).deadline(), then);
    /// ```
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether the deadline has passed.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi_runtime::time::{Duration, sleep};
    /// assert!(sleep(Duration::ZERO).is_elapsed() && !sleep(Duration::from_secs(3600)).is_elapsed());
    /// ```
    pub fn is_elapsed(&self) -> bool {
        self.deadline <= Instant::now()
    }

    /// Moves the deadline. A task that waits is woken at the new one, without having to poll again. If the new one has
    /// passed, the next poll is ready.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi_runtime::time::{Duration, Instant, sleep};
    /// use std::pin::pin;
    /// let mut idle = pin!(sleep(Duration::from_secs(3600)));
    /// idle.as_mut().reset(Instant::now() + Duration::from_millis(1)); // also while somebody waits for it
    /// idle.await;
    /// # });
    /// ```
    pub fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        self.deadline = deadline;
        self.trace.reset(deadline);
        self.is_unread = true;
        let Some(runtime) = self.runtime.take() else { return };
        let key = self.key;
        let moved = runtime.with_local(|local| {
            let mut timers = local.timers();
            timers.remove(key).map(|waker| timers.insert(local.nanos(deadline), waker))
        });
        match moved {
            Some(Some(key)) => (self.runtime, self.key) = (Some(runtime), key),
            // It has fired.
            Some(None) => {}
            // This thread is not inside that runtime. The waiter is woken, and its next poll registers again.
            None => withdraw_from_afar(runtime, key, foreign::wake),
        }
    }

    /// Waits by `waker` if the deadline is ahead. `clone` is a clone of `waker`, if there is one already. When the wheel
    /// takes it, the waker that it replaces is left there.
    #[inline]
    fn look(&mut self, local: &Local, waker: &Waker, clone: &mut Option<Waker>) -> TimerLook {
        let deadline = local.nanos(self.deadline);
        if deadline <= local.now() {
            return TimerLook::Elapsed;
        }
        if self.is_unread && self.is_over(local, deadline) {
            return TimerLook::Elapsed;
        }
        if local.is_shut_down() {
            return TimerLook::ShutDown;
        }
        match self.runtime {
            None => {
                let Some(waker) = clone.take().or_else(|| tasks::copy_own(waker)) else {
                    return TimerLook::NeedsClone;
                };
                self.key = local.timers().insert(deadline, waker);
                self.runtime = Some(local.reference());
            }
            Some(runtime) if runtime.is(local) => {
                if let Some(stored) =
                    local.timers().waker_mut(self.key).filter(|stored| !stored.will_wake(waker))
                {
                    let Some(clone) = clone else { return TimerLook::NeedsClone };
                    std::mem::swap(stored, clone);
                }
            }
            Some(_) => return TimerLook::Elsewhere,
        }
        TimerLook::Waits
    }

    /// By the clock.
    #[cold]
    #[inline(never)]
    fn is_over(&mut self, local: &Local, deadline: u64) -> bool {
        self.is_unread = false;
        deadline <= local.read_clock()
    }

    /// Gives the wheel's entry back.
    #[inline]
    fn withdraw(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        let key = self.key;
        match runtime.with_local(|local| local.timers().remove(key)) {
            // Foreign code, so after the borrow.
            Some(waker) => drop(waker),
            None => withdraw_from_afar(runtime, key, drop),
        }
    }
}

/// Has the runtime of an entry remove it, and do `then` with the waker. If the runtime is gone, so is the entry.
#[cold]
fn withdraw_from_afar(runtime: RuntimeRef, key: TimerKey, then: fn(Waker)) {
    runtime.send(move |local| {
        let waker = local.timers().remove(key);
        waker.into_iter().for_each(then);
    });
}

/// There is no wheel on this thread. Makes one, if the thread is in the `block_on` of another thread's runtime.
#[cold]
fn start() -> TimerLook {
    match start_drive() {
        Some(Ok(_)) => TimerLook::Elsewhere,
        Some(Err(error)) if is_rt_shutdown_err(&error) => TimerLook::ShutDown,
        Some(Err(error)) => panic!("a timer cannot wait on this thread: {error}"),
        None => panic!("{}", why_no_timer()),
    }
}

/// What a look at the wheel gave.
enum TimerLook {
    Elapsed,
    Waits,
    /// The sleep has to wait, and its waker is not a slot's, which could be copied.
    NeedsClone,
    /// Look again, without the entry that there may be in another runtime.
    Elsewhere,
    ShutDown,
}

impl Future for Sleep {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let trace = std::mem::take(&mut self.trace);
        let result = trace.poll(|| self.poll_elapsed(cx));
        self.trace = trace;
        result
    }
}

impl Sleep {
    #[inline(always)]
    fn poll_elapsed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(coop::poll_budget(cx));
        match with_current(|local| self.look(local, cx.waker(), &mut None)) {
            Some(TimerLook::Waits) => Poll::Pending,
            look => self.does_not_wait(look, cx.waker()),
        }
    }

    /// Goes on with what the first look has found. This is out of line, since most timers are timeouts, which are dropped in time.
    #[inline(never)]
    fn does_not_wait(&mut self, mut look: Option<TimerLook>, waker: &Waker) -> Poll<()> {
        // The clone and the drop of a waker are foreign code, so both happen while nothing is borrowed.
        let mut clone = None;
        loop {
            match look.unwrap_or_else(start) {
                TimerLook::Elapsed => return coop::charged(()),
                TimerLook::Waits => return Poll::Pending,
                TimerLook::NeedsClone => clone = Some(waker.clone()),
                TimerLook::Elsewhere => self.withdraw(),
                TimerLook::ShutDown => panic!("{SHUT_DOWN}"),
            }
            look = with_current(|local| self.look(local, waker, &mut clone));
        }
    }
}

impl Drop for Sleep {
    #[inline]
    fn drop(&mut self) {
        self.withdraw();
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}
