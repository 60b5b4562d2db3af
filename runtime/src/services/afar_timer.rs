//! A timer that is polled on a thread without a wheel: it waits in the wheel of the runtime in which it was made.
//!
//! ```text
//!   look ── a message ──▶ the owner inserts the entry's waker into its wheel ──▶ due: `wake` ──▶ the poller's waker
//!   forget, drop ── a message ──▶ the owner removes it
//! ```
//!
//! Invariants:
//! 1. The entry is in one wheel at most, and `key` says where. Whoever comes second, the owner who has inserted it or the
//!    poller who gives it up, removes it.
//! 2. Wakers are cloned, woken and dropped without the lock.
//!
//! In tokio: every timer is like this, `runtime/time/entry.rs`.

use super::elsewhere::shared_with;
use crate::core::current::{afar, start_afar};
use crate::core::foreign::lock;
use crate::core::lodger::{Elsewhere, Lodger};
use crate::core::sync::Mutex;
use crate::core::task::Scheduler;
use crate::core::task::scheduler::OWNED;
use crate::core::wait::Instant;
use crate::core::wait::sleep::{TimerLook, withdraw_from_afar};
use crate::core::wait::wheel::TimerKey;
use crate::core::worker::RuntimeRef;
use crate::plugged::Lodgers;
use std::sync::Arc;
use std::task::{Wake, Waker};

/// What a timer keeps for this case.
pub(crate) struct AfarTimer {
    /// That of the runtime that was current when it was made. If that has ended, and another one has the scheduler, the
    /// timer waits there.
    home: Option<&'static Scheduler>,
    entry: Option<Given>,
}

/// An entry that its poller has not given up.
struct Given(Arc<Entry>);

struct Entry {
    runtime: RuntimeRef,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waker: Option<Waker>,
    key: Option<TimerKey>,
    has_fired: bool,
    is_given_up: bool,
}

impl AfarTimer {
    #[inline]
    pub(crate) fn new() -> AfarTimer {
        AfarTimer { home: OWNED.get().or_else(home_from_afar), entry: None }
    }

    /// Looks at a timer on a thread without a wheel.
    #[cold]
    #[track_caller]
    pub(crate) fn look(&mut self, deadline: Instant, waker: &Waker) -> TimerLook {
        match start_afar() {
            // This thread has a wheel now.
            Some(Ok(_)) => return TimerLook::Elsewhere,
            Some(Err(error)) => Lodgers::refuse_timer(Some(error)),
            None => {}
        }
        let Some(home) = self.home else { Lodgers::refuse_timer(None) };
        if deadline <= Instant::now() {
            return TimerLook::Elapsed;
        }
        let waker = waker.clone();
        let Some(entry) = &self.entry else { return self.insert(home, deadline, waker) };
        let entry = &entry.0;
        let mut state = lock(&entry.state);
        let has_fired = state.has_fired;
        let before = state.waker.replace(waker);
        drop(state);
        drop(before);
        if !has_fired {
            return TimerLook::Waits;
        }
        // The end of a runtime fires all of its timers.
        if !entry.runtime.scheduler.is_open(entry.runtime.id) {
            return TimerLook::ShutDown;
        }
        TimerLook::Elapsed
    }

    fn insert(&mut self, home: &'static Scheduler, deadline: Instant, waker: Waker) -> TimerLook {
        let Some(shared) = shared_with(home) else { return TimerLook::ShutDown };
        let state = State { waker: Some(waker), ..State::default() };
        let entry = Arc::new(Entry { runtime: shared.runtime, state: Mutex::new(state) });
        let (runtime, theirs) = (shared.runtime, entry.clone());
        let insert = move |_| {
            runtime.send(move |worker| {
                let waker = Waker::from(theirs.clone());
                let key = worker.timers().insert(worker.nanos(deadline), waker);
                let mut state = lock(&theirs.state);
                state.key = Some(key);
                let is_given_up = state.is_given_up;
                drop(state);
                if is_given_up {
                    let waker = worker.timers().remove(key);
                    drop(waker);
                }
            });
        };
        if runtime.scheduler.send(Some(runtime.id), Box::new(insert)).is_err() {
            return TimerLook::ShutDown;
        }
        shared.go_on_in_background();
        self.entry = Some(Given(entry));
        TimerLook::Waits
    }

    /// The deadline is another one, or nobody waits any more.
    #[inline]
    pub(crate) fn forget(&mut self) {
        self.entry = None;
    }
}

impl Drop for Given {
    #[cold]
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.is_given_up = true;
        let (waker, key) = (state.waker.take(), state.key);
        drop(state);
        drop(waker);
        // Also if it has fired: the wheel keeps the place until then.
        if let Some(key) = key {
            withdraw_from_afar(self.0.runtime, key, drop);
        }
    }
}

impl Wake for Entry {
    fn wake(self: Arc<Self>) {
        let mut state = lock(&self.state);
        state.has_fired = true;
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// That of the runtime that this thread has only entered.
#[cold]
fn home_from_afar() -> Option<&'static Scheduler> {
    afar().map(|afar| afar.runtime().scheduler)
}
