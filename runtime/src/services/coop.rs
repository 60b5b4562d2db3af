//! The cooperative budget as users see it. See [`Runtime`](crate::runtime::Runtime#fairness).

use crate::core::coop::{LEFT, UNLIMITED, charged, put_off};
use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pub use crate::core::coop::poll_budget;

/// Returns whether the current task may complete another operation in this poll. Outside a task it always may.
///
/// # Examples
///
/// ```
/// assert!(ayi::task::coop::has_budget_remaining());
/// ```
#[inline]
pub fn has_budget_remaining() -> bool {
    LEFT.get() > 0
}

/// Takes one operation from the budget of the current task, and lets other tasks run if the budget is used up.
///
/// Use it in loops that compute for long, or that await another crate's futures which are always ready: the next item
/// of a stream, or a message of a channel. All futures of ayi charge the budget already.
///
/// # Cancel safety
///
/// Nothing is lost if the future is dropped.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut sum = 0u64;
/// for n in 0..1_000 {
///     sum += n; // imagine more
///     ayi::task::coop::consume_budget().await;
/// }
/// # assert_eq!(sum, 499_500);
/// # });
/// ```
pub async fn consume_budget() {
    std::future::poll_fn(|cx| poll_charged(cx, |_| Poll::Ready(()))).await
}

/// Takes one operation from the budget, for a poll function of one's own. If the budget is used up, it returns `Pending`,
/// and the task goes on after some others.
///
/// Call [`made_progress`](RestoreOnPending::made_progress) when the operation has completed. If the value is dropped
/// without that, the operation is given back.
///
/// # Examples
///
/// ```
/// use ayi::task::coop::poll_proceed;
/// use std::task::{Context, Poll, ready};
///
/// fn poll_next(queue: &mut Vec<u32>, cx: &mut Context<'_>) -> Poll<u32> {
///     let coop = ready!(poll_proceed(cx));
///     let Some(item) = queue.pop() else { return Poll::Pending }; // and store the waker
///     coop.made_progress();
///     Poll::Ready(item)
/// }
/// # let mut queue = vec![7];
/// # assert_eq!(poll_next(&mut queue, &mut Context::from_waker(std::task::Waker::noop())), Poll::Ready(7));
/// ```
#[inline]
pub fn poll_proceed(cx: &mut Context<'_>) -> Poll<RestoreOnPending> {
    ready!(poll_budget(cx));
    let before = LEFT.get();
    LEFT.set(before - 1);
    Poll::Ready(RestoreOnPending(Cell::new(Some(before))))
}

/// What [`poll_proceed`] returns: an operation that has been taken from the budget.
#[derive(Debug)]
#[must_use = "if it is dropped, the operation is given back"]
pub struct RestoreOnPending(Cell<Option<i64>>);

impl RestoreOnPending {
    /// The operation has completed, and stays charged.
    pub fn made_progress(&self) {
        self.0.set(None);
    }
}

impl Drop for RestoreOnPending {
    fn drop(&mut self) {
        if let Some(before) = self.0.get() {
            LEFT.set(before);
        }
    }
}

/// Charges one operation when `future` completes, and does not poll `future` while the budget is used up.
///
/// Use it for leaf futures that know nothing of the budget, for example those of another crate's channels.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// assert_eq!(ayi::task::coop::cooperative(async { 7 }).await, 7);
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

/// Takes the limit off `future`: the operations that it completes are not charged, and it is not made to give way.
///
/// # Examples
///
/// ```
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// ayi::task::coop::unconstrained(async { /* completes as much as it likes */ }).await;
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
        // The budget is put back even if the poll panics, so that the rest of the task's poll is limited as before.
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

/// Tries an operation, and charges for it if it completes. If the budget is used up, it is not tried, but put off.
#[doc(hidden)]
#[inline]
pub fn poll_charged<R>(cx: &mut Context<'_>, poll: impl FnOnce(&mut Context<'_>) -> Poll<R>) -> Poll<R> {
    ready!(poll_budget(cx));
    charged(ready!(poll(cx)))
}

/// Charges one operation that has completed, for futures that ask [`poll_budget`] by themselves.
#[doc(hidden)]
#[inline]
pub fn charge() {
    LEFT.set(LEFT.get() - 1);
}

/// Polls like [`poll_charged`], for what is made of other operations: it charges only if none of them has been charged.
///
/// So whatever completes costs one operation. An operation of ayi charges by itself. An operation of another crate
/// knows nothing of the budget, so this function charges for it.
///
/// `was_put_off` is set when the budget is used up, and then `poll` runs in any case. So a future that lives longer
/// than one poll keeps its `was_put_off` and is put off once: the operation before it in the same task may use up the
/// budget every time.
#[doc(hidden)]
#[inline(always)]
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
