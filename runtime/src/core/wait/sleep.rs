//! The timer that everything else about time is made of.
//!
//! A `Sleep` has an entry in the wheel of a runtime from its first poll that has to wait until it is dropped.
//! Making, polling and dropping one allocates nothing (entries are reused) and makes no system call but for the
//! clock, which the vDSO reads in user space. In tokio: `time/sleep.rs` and `runtime/time/entry.rs`.

use super::instant::Instant;
use super::wheel::TimerKey;
use crate::core::current::{with_current, with_worker_of};
use crate::core::lodger::Lodger;
use crate::core::worker::{RuntimeRef, Worker};
use crate::core::{coop, task};
use crate::plugged::{AfarTimer, Lodgers, Recorder, TimerTrace};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

/// The future of [`sleep`](crate::time::sleep) and [`sleep_until`](crate::time::sleep_until).
///
/// It is `Unpin`, unlike tokio's. It can be sent to another thread: if it has been polled before, it withdraws from the
/// runtime in which it was polled, and joins the one that polls it now. On a thread without a runtime it waits, by a
/// message, in the one that was current where it was made.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use ayi::time::{Duration, Instant, sleep};
/// use std::pin::Pin;
/// let mut sleep = sleep(Duration::from_secs(3600));
/// Pin::new(&mut sleep).reset(Instant::now() + Duration::from_millis(1));
/// (&mut sleep).await;
/// assert!(sleep.is_elapsed());
/// # });
/// ```
#[must_use = "a Sleep does nothing unless it is awaited"]
pub struct Sleep {
    pub(crate) deadline: Instant,
    /// In whose wheel it has an entry, while it has one.
    pub(crate) runtime: Option<RuntimeRef>,
    /// The entry.
    pub(crate) key: TimerKey,
    /// The deadline has not been compared with the clock yet. The next poll does that.
    pub(crate) is_unread: bool,
    pub(crate) trace: TimerTrace,
    /// For when it is polled where no wheel is.
    pub(crate) afar: AfarTimer,
}

impl Sleep {
    /// `is_unread`: the deadline has to be compared with the clock.
    pub(crate) fn new(deadline: Instant, is_unread: bool, trace: TimerTrace) -> Sleep {
        Sleep { deadline, runtime: None, key: TimerKey::default(), is_unread, trace, afar: AfarTimer::new() }
    }

    /// Waits by `waker` if the deadline is ahead. `clone` is a clone of `waker`, if there is one already. When the wheel
    /// takes it, the waker that it replaces is left there.
    #[inline]
    fn look(&mut self, worker: &Worker, waker: &Waker, clone: &mut Option<Waker>) -> TimerLook {
        let deadline = worker.nanos(self.deadline);
        if deadline <= worker.now() {
            return TimerLook::Elapsed;
        }
        if self.is_unread && self.is_over(worker, deadline) {
            return TimerLook::Elapsed;
        }
        if worker.is_over.get() {
            return TimerLook::ShutDown;
        }
        match self.runtime {
            None => {
                let Some(waker) = clone.take().or_else(|| task::copy_own(waker)) else {
                    return TimerLook::NeedsClone;
                };
                self.key = worker.timers().insert(deadline, waker);
                Recorder::timer_set(self.key.0, deadline);
                self.runtime = Some(worker.reference);
            }
            Some(runtime) if runtime.id == worker.reference.id => {
                if let Some(stored) =
                    worker.timers().waker_mut(self.key).filter(|stored| !stored.will_wake(waker))
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
    fn is_over(&mut self, worker: &Worker, deadline: u64) -> bool {
        self.is_unread = false;
        deadline <= worker.read_clock()
    }

    /// Gives the wheel's entry back.
    #[inline]
    fn withdraw(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        let key = self.key;
        Recorder::timer_dropped(key.0);
        match with_worker_of(runtime.id, |worker| worker.timers().remove(key)) {
            // Foreign code, so after the borrow.
            Some(waker) => drop(waker),
            None => withdraw_from_afar(runtime, key, drop),
        }
    }
}

/// Has the runtime of an entry remove it, and do `then` with the waker. If the runtime is gone, so is the entry.
#[cold]
pub(crate) fn withdraw_from_afar(runtime: RuntimeRef, key: TimerKey, then: fn(Waker)) {
    runtime.send(move |worker| {
        let waker = worker.timers().remove(key);
        waker.into_iter().for_each(then);
    });
}

/// What a look at the wheel gave.
pub(crate) enum TimerLook {
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
        match with_current(|worker| self.look(worker, cx.waker(), &mut None)) {
            Some(TimerLook::Waits) => Poll::Pending,
            look => self.does_not_wait(look, cx.waker()),
        }
    }

    /// Goes on with what the first look has found. It is out of line, since most timers are timeouts, which are dropped in
    /// time.
    #[inline(never)]
    fn does_not_wait(&mut self, mut look: Option<TimerLook>, waker: &Waker) -> Poll<()> {
        // The clone and the drop of a waker are foreign code, so both happen while nothing is borrowed.
        let mut clone = None;
        loop {
            match look.unwrap_or_else(|| self.afar.look(self.deadline, waker)) {
                TimerLook::Elapsed => return coop::charged(()),
                TimerLook::Waits => return Poll::Pending,
                TimerLook::NeedsClone => clone = Some(waker.clone()),
                TimerLook::Elsewhere => self.withdraw(),
                TimerLook::ShutDown => Lodgers::refuse_timer(Some(Lodgers::why_no_io(true))),
            }
            look = with_current(|worker| self.look(worker, waker, &mut clone));
        }
    }
}

impl Drop for Sleep {
    #[inline]
    fn drop(&mut self) {
        self.withdraw();
    }
}
