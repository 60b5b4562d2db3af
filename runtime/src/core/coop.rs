//! The cooperative budget: how much a task may do in one poll.
//!
//! A loop over a socket that never runs dry would never return to the executor, since no `.await` in it waits. So each
//! poll of a task comes with a budget. When it is used up, the next operation returns `Pending`, and the task continues
//! with a new budget after some other tasks. If no other task is ready, the reactor turns first: another such poll may
//! make 128 system calls while other tasks wait for their descriptors.
//!
//! Invariants:
//! 1. Whatever of ours is awaited costs one operation when it completes, well or with an error, or it has waited. The
//!    façade's `tests/leaves` tries each leaf of the API.
//! 2. A task that is put off is woken. Wakers are cloned, woken and dropped while nothing is borrowed.
//! 3. Code that runs outside a poll of ours is not limited, wakers and drops among it.
//!
//! Left out: futures and streams of other crates that are awaited as they are. They know nothing of the budget, and
//! nobody sees them complete. In `select!`, `join!` or `timeout` they are charged, and so are streams of bytes of any crate
//! that go through our extension methods. For the rest there are `cooperative` and `consume_budget`. Another executor's
//! `block_on` inside a poll stands still when the budget is used up, since it cannot give way.
//!
//! In tokio: `task/coop`.

use super::foreign;
use super::sync::thread_local;
use crate::plugged::Recorder;
use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::task::{Context, Poll, Waker};

/// Operations per poll. The same number as tokio's, so that what people have measured there carries over.
const BUDGET: i64 = 128;

/// Operations outside a poll: no limit, in 300 years.
pub(crate) const UNLIMITED: i64 = i64::MAX;

thread_local! {
    /// How many operations are left. At 0 and below there are none.
    pub(crate) static LEFT: Cell<i64> = const { Cell::new(UNLIMITED) };
    /// The wakers of those that have used it up. Outside `block_on` it has no memory, so nothing is dropped with the
    /// thread.
    static EXHAUSTED: RefCell<ManuallyDrop<Vec<Waker>>> = const { RefCell::new(ManuallyDrop::new(Vec::new())) };
}

/// A poll of a task begins, with a full budget.
#[inline]
pub(crate) fn enter() {
    LEFT.set(BUDGET);
}

/// No poll is going on, so what runs now is not limited. Called after [`enter`], before foreign code that is not polled.
#[inline]
pub(crate) fn leave() {
    LEFT.set(UNLIMITED);
}

/// Returns ready while there is budget left. If the budget is used up, it returns `Pending`, and wakes the waker later
/// so that other tasks run first.
#[doc(hidden)]
#[inline]
pub fn poll_budget(cx: &mut Context<'_>) -> Poll<()> {
    if LEFT.get() > 0 {
        return Poll::Ready(());
    }
    put_off(cx.waker());
    Poll::Pending
}

#[cold]
pub(crate) fn put_off(waker: &Waker) {
    // A task may wait for a thousand operations, and ask for each: its waker is stored once.
    let is_known = EXHAUSTED.with_borrow(|all| all.last().is_some_and(|last| last.will_wake(waker)));
    if !is_known {
        // A clone is foreign code, so the list is not borrowed meanwhile.
        let waker = waker.clone();
        EXHAUSTED.with_borrow_mut(|all| all.push(waker));
    }
}

/// Whether [`wake_exhausted`] has anybody to wake.
#[inline]
pub(crate) fn has_exhausted() -> bool {
    EXHAUSTED.with_borrow(|all| !all.is_empty())
}

/// Wakes the tasks that have used up their budget: they go on behind what is on the run queue. Called after [`leave`],
/// since a waker is foreign code, which may poll futures itself.
#[cold]
pub(crate) fn wake_exhausted() {
    debug_assert!(LEFT.get() > BUDGET, "invariant 3");
    Recorder::renews_budgets();
    let mut all = EXHAUSTED.take();
    all.drain(..).for_each(foreign::wake);
    EXHAUSTED.with_borrow_mut(|list| {
        // Its memory serves again, unless a waker has filled a new list meanwhile.
        if list.is_empty() {
            std::mem::swap(list, &mut all);
        }
    });
    drop(ManuallyDrop::into_inner(all));
}

/// A `block_on` ends. The tasks that have used up their budget go on in the next one.
pub(crate) fn end() {
    leave();
    wake_exhausted();
    drop(ManuallyDrop::into_inner(EXHAUSTED.take()));
}

/// The result of an operation that has completed, charged for.
#[inline]
pub(crate) fn charged<R>(result: R) -> Poll<R> {
    LEFT.set(LEFT.get() - 1);
    Poll::Ready(result)
}
