//! The thread that runs a runtime while nobody is in `block_on`, as far as other threads have to do with it.
//!
//! ```text
//!   none ── the runtime is left idle with work, or gets work ──▶ started ── Runtime is dropped ──▶ ended
//! ```

use crate::core::foreign::lock;
use crate::core::sync::thread::{ThreadId, current};
use crate::core::sync::{Condvar, Mutex};
use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

#[derive(Default)]
pub(crate) struct Background {
    state: Mutex<State>,
    /// Notified when the thread is in the runtime, and when it has ended.
    moved: Condvar,
}

#[derive(Default)]
struct State {
    is_running: bool,
    /// The thread has gone into the runtime.
    is_in: bool,
    /// The thread, once it runs.
    thread: Option<ThreadId>,
    /// The runtime is to end, and may wait so long for its blocking calls.
    end: Option<Duration>,
    /// Those of root futures that wait for `end`: the thread's, and of threads that have stood in for it.
    wakers: Vec<Waker>,
}

impl Background {
    /// Returns whether the caller has to start the thread: it does not run yet, and is not to end.
    pub(crate) fn must_start(&self) -> bool {
        let mut state = lock(&self.state);
        let must_start = !state.is_running && state.end.is_none();
        state.is_running |= must_start;
        must_start
    }

    /// The thread has started, and is this one.
    pub(crate) fn has_started(&self) {
        lock(&self.state).thread = Some(current().id());
    }

    /// The thread is in the runtime.
    pub(crate) fn is_in(&self) {
        lock(&self.state).is_in = true;
        self.moved.notify_all();
    }

    /// Waits until the thread is in the runtime, or has ended.
    pub(crate) fn wait_for_the_beginning(&self) {
        let is_beginning = |state: &mut State| state.is_running && !state.is_in;
        let waited = self.moved.wait_while(lock(&self.state), is_beginning);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits until the runtime is to end.
    pub(crate) fn poll_end(&self, cx: &Context<'_>) -> Poll<Duration> {
        // A clone is foreign code.
        let waker = cx.waker().clone();
        let mut state = lock(&self.state);
        let is_known = state.wakers.iter().any(|known| known.will_wake(&waker));
        let mut unused = Some(waker);
        if !is_known {
            state.wakers.extend(unused.take());
        }
        let end = state.end;
        drop(state);
        drop(unused);
        end.map_or(Poll::Pending, Poll::Ready)
    }

    /// Asks the thread to end, and the runtime with it.
    pub(crate) fn ask_to_end(&self, grace: Duration) {
        let mut state = lock(&self.state);
        state.end = Some(grace);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// The thread is about to end.
    pub(crate) fn has_ended(&self) {
        let mut state = lock(&self.state);
        (state.is_running, state.is_in, state.thread) = (false, false, None);
        drop(state);
        self.moved.notify_all();
    }

    /// Waits at most `limit` for the thread to end, unless it is this one.
    pub(crate) fn wait_for_the_end(&self, limit: Duration) {
        let own = Some(current().id());
        let is_running = |state: &mut State| state.is_running && state.thread != own;
        let waited = self.moved.wait_timeout_while(lock(&self.state), limit, is_running);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}
