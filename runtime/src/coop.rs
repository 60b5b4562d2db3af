//! The cooperative budget: how much a task may do in one poll.
//!
//! A loop over a socket that never runs dry would never return to the executor, since no `.await` in it waits.
//! So each poll of a task comes with a budget, each operation that completes (well or with an error) is charged
//! one, and when nothing is left the next operation wakes its task and says `Pending`: the task goes to the end
//! of the run queue and continues with a new budget. Code that runs outside a poll of ours is not limited. (Another
//! executor's `block_on` inside a poll would spin when the budget is used up: it cannot give way.)
//!
//! In tokio: `task/coop`.

use std::cell::Cell;
use std::task::{Context, Poll};

/// Operations per poll. The same number as tokio's, so that what people have measured there carries over.
const BUDGET: u8 = 128;

thread_local! {
    /// What is left of it; `None` outside a poll.
    static LEFT: Cell<Option<u8>> = const { Cell::new(None) };
}

/// Runs one poll of a task with a full budget. (If it unwinds, the next poll sets it anew or `leave` clears it.)
#[inline]
pub(crate) fn with_budget<R>(poll: impl FnOnce() -> R) -> R {
    LEFT.set(Some(BUDGET));
    let result = poll();
    LEFT.set(None);
    result
}

/// No poll is going on: what runs now is not limited.
pub(crate) fn leave() {
    LEFT.set(None);
}

/// To be asked before an operation is tried: `Pending`, with the waker woken, if the budget is used up.
#[inline]
pub(crate) fn poll_proceed(cx: &mut Context<'_>) -> Poll<()> {
    if LEFT.get() == Some(0) {
        cx.waker().wake_by_ref();
        return Poll::Pending;
    }
    Poll::Ready(())
}

/// To be called when an operation has completed.
#[inline]
pub(crate) fn charge() {
    LEFT.set(LEFT.get().map(|left| left.saturating_sub(1)));
}

pub(crate) fn is_exhausted() -> bool {
    LEFT.get() == Some(0)
}

/// Runs `poll` without a limit: for a time-out that must be looked at although the budget is used up.
pub(crate) fn unconstrained<R>(poll: impl FnOnce() -> R) -> R {
    let left = LEFT.take();
    let result = poll();
    LEFT.set(left);
    result
}
