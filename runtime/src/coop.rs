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
//! 2. Who is put off is woken. Wakers are cloned, woken and dropped while nothing is borrowed.
//! 3. Code that runs outside a poll of ours is not limited, wakers and drops among it.
//!
//! Left out: futures and streams of other crates that are awaited as they are. They know nothing of the budget, and
//! nobody sees them complete. In `select!`, `join!` or `timeout` they are charged, and so are streams of bytes of any crate
//! that go through our extension methods. For the rest there are `cooperative` and `consume_budget`. Another executor's
//! `block_on` inside a poll stands still when the budget is used up, since it cannot give way.
//!
//! In tokio: `task/coop`.

use crate::foreign;
use crate::sync::thread_local;
use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

/// Operations per poll. The same number as tokio's, so that what people have measured there carries over.
const BUDGET: i64 = 128;

/// Operations outside a poll: no limit, in 300 years.
const UNLIMITED: i64 = i64::MAX;

thread_local! {
    /// What is left. Not above 0: nothing.
    static LEFT: Cell<i64> = const { Cell::new(UNLIMITED) };
    /// Who has used it up. Without memory when there is no `block_on`, so there is nothing to drop with the thread.
    static EXHAUSTED: RefCell<ManuallyDrop<Vec<Waker>>> = const { RefCell::new(ManuallyDrop::new(Vec::new())) };
}

/// A poll of a task begins, with a full budget.
#[inline]
pub(crate) fn enter() {
    LEFT.set(BUDGET);
}

/// No poll is going on: what runs now is not limited. Before any foreign code that is not polled, after [`enter`].
#[inline]
pub(crate) fn leave() {
    LEFT.set(UNLIMITED);
}

/// Ready while there is some left. Else `Pending`, and the waker is woken later, see above.
#[doc(hidden)]
#[inline]
pub fn poll_budget(cx: &mut Context<'_>) -> Poll<()> {
    if has_budget_remaining() {
        return Poll::Ready(());
    }
    put_off(cx.waker());
    Poll::Pending
}

#[cold]
fn put_off(waker: &Waker) {
    // A task may ask for each of a thousand operations that it waits for.
    let is_known = EXHAUSTED.with_borrow(|all| all.last().is_some_and(|last| last.will_wake(waker)));
    if !is_known {
        // Foreign code, so not while it is borrowed.
        let waker = waker.clone();
        EXHAUSTED.with_borrow_mut(|all| all.push(waker));
    }
}

/// Whether [`wake_exhausted`] has anybody to wake.
#[inline]
pub(crate) fn has_exhausted() -> bool {
    EXHAUSTED.with_borrow(|all| !all.is_empty())
}

/// Those who have used up their budget go on, behind what is on the run queue. After [`leave`]: a waker is foreign code,
/// which may poll futures itself.
#[cold]
pub(crate) fn wake_exhausted() {
    let mut all = EXHAUSTED.take();
    all.drain(..).for_each(foreign::wake);
    EXHAUSTED.with_borrow_mut(|list| {
        // Its memory serves again, unless a waker has brought a list that is in use.
        if list.is_empty() {
            std::mem::swap(list, &mut all);
        }
    });
    drop(ManuallyDrop::into_inner(all));
}

/// A `block_on` ends. They go on in the next.
pub(crate) fn end() {
    leave();
    wake_exhausted();
    drop(ManuallyDrop::into_inner(EXHAUSTED.take()));
}

/// Tries an operation, and charges for it if it completes. If the budget is used up, it is not tried, but `Pending`
/// with the waker woken.
#[inline]
pub(crate) fn poll_charged<R>(
    cx: &mut Context<'_>,
    poll: impl FnOnce(&mut Context<'_>) -> Poll<R>,
) -> Poll<R> {
    ready!(poll_budget(cx));
    charged(ready!(poll(cx)))
}

/// The result of an operation that has completed, charged for.
#[inline]
pub(crate) fn charged<R>(result: R) -> Poll<R> {
    LEFT.set(LEFT.get() - 1);
    Poll::Ready(result)
}

/// Like [`poll_charged`], for what is made of other operations: charges only if none of them has been charged.
///
/// So whatever completes costs one operation. An operation of ours is charged by itself; one of another crate knows
/// nothing of the budget, and is charged here.
///
/// `was_put_off` is set when the budget is used up, and then `poll` runs in any case. So a future that lives longer than
/// one poll keeps its `was_put_off` and is put off once: it may stand behind another one that always uses up the budget.
#[doc(hidden)]
#[inline]
pub fn poll_composed<R>(
    cx: &mut Context<'_>,
    was_put_off: &mut bool,
    poll: impl FnOnce(&mut Context<'_>) -> Poll<R>,
) -> Poll<R> {
    let before = LEFT.get();
    if before <= 0 && !std::mem::replace(was_put_off, true) {
        put_off(cx.waker());
        return Poll::Pending;
    }
    let result = ready!(poll(cx));
    if LEFT.get() == before {
        LEFT.set(before - 1);
    }
    Poll::Ready(result)
}

/// Whether the current task may complete another operation in this poll. Always true outside a task.
///
/// # Examples
///
/// ```
/// assert!(ayi_runtime::task::coop::has_budget_remaining());
/// ```
#[inline]
pub fn has_budget_remaining() -> bool {
    LEFT.get() > 0
}

/// Takes one from the budget of the current task, and lets others run if it is used up.
///
/// For loops that compute for long, or that await what another crate has and what is always ready: the next item of a
/// stream, a message of a channel. Whatever of ayi can be awaited is charged already.
///
/// # Cancel safety
///
/// Nothing is lost if it is dropped.
///
/// # Examples
///
/// ```
/// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut sum = 0u64;
/// for n in 0..1_000 {
///     sum += n; // imagine more
///     ayi_runtime::task::coop::consume_budget().await;
/// }
/// # assert_eq!(sum, 499_500);
/// # });
/// ```
pub async fn consume_budget() {
    std::future::poll_fn(|cx| poll_charged(cx, |_| Poll::Ready(()))).await
}

/// Charges one when `future` completes, and does not poll it while the budget is used up.
///
/// For leaf futures that know nothing of the budget: those of channels, say.
///
/// # Examples
///
/// ```
/// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// assert_eq!(ayi_runtime::task::coop::cooperative(async { 7 }).await, 7);
/// # });
/// ```
pub fn cooperative<F: Future>(future: F) -> Coop<F> {
    Coop { future }
}

pin_project_lite::pin_project! {
    /// The future of [`cooperative`].
    #[derive(Debug)]
    #[must_use = "a Coop does nothing unless it is awaited"]
    pub struct Coop<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Coop<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        poll_charged(cx, |cx| self.project().future.poll(cx))
    }
}

/// Takes the limit off `future`: what it completes is not charged, and it is not made to give way.
///
/// # Examples
///
/// ```
/// # let rt = ayi_runtime::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// ayi_runtime::task::coop::unconstrained(async { /* completes as much as it likes */ }).await;
/// # });
/// ```
pub fn unconstrained<F>(future: F) -> Unconstrained<F> {
    Unconstrained { future }
}

pin_project_lite::pin_project! {
    /// The future of [`unconstrained`].
    #[derive(Debug)]
    #[must_use = "an Unconstrained does nothing unless it is awaited"]
    pub struct Unconstrained<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Unconstrained<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // Put back also if the poll panics: the rest of the task's poll is limited as before.
        struct Restore(i64);
        impl Drop for Restore {
            fn drop(&mut self) {
                LEFT.set(self.0);
            }
        }
        let _restore = Restore(LEFT.replace(UNLIMITED));
        self.project().future.poll(cx)
    }
}
