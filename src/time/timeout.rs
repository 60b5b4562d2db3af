//! Time limits. In tokio: `time/timeout.rs`.

use ayi_runtime::task::coop;
use ayi_runtime::time::{Instant, Sleep, sleep, sleep_until};
use pin_project_lite::pin_project;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Awaits `future` for at most `duration`, and then drops it.
///
/// If both are due at once, the future's output wins.
///
/// # Errors
///
/// Returns [`Elapsed`] if the time is over.
///
/// # Cancel safety
///
/// As cancel safe as `future`.
///
/// # Panics
///
/// Panics when polled outside a runtime.
///
/// # Examples
///
/// ```
/// use ayi::time::{Duration, timeout};
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// assert!(timeout(Duration::from_millis(1), std::future::pending::<()>()).await.is_err());
/// assert_eq!(timeout(Duration::from_secs(1), async { 7 }).await, Ok(7));
/// # });
/// ```
#[track_caller]
pub fn timeout<F: IntoFuture>(duration: Duration, future: F) -> Timeout<F::IntoFuture> {
    Timeout { future: future.into_future(), limit: sleep(duration), was_put_off: false }
}

/// Awaits `future` until `deadline` at most, and then drops it. See [`timeout`].
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// use ayi::time::{Duration, Instant, timeout_at};
/// let deadline = Instant::now() + Duration::from_millis(1);
/// assert!(timeout_at(deadline, std::future::pending::<()>()).await.is_err());
/// # }
/// ```
#[track_caller]
pub fn timeout_at<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    Timeout { future: future.into_future(), limit: sleep_until(deadline), was_put_off: false }
}

pin_project! {
    /// The future of [`timeout`] and [`timeout_at`].
    #[derive(Debug)]
    #[must_use = "a Timeout does nothing unless it is awaited"]
    pub struct Timeout<F> {
        #[pin]
        future: F,
        limit: Sleep,
        was_put_off: bool,
    }
}

impl<F> Timeout<F> {
    /// Returns the future that is limited.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::time::{Duration, timeout};
    /// let timeout = timeout(Duration::from_secs(1), std::future::ready(7));
    /// println!("{:?}", timeout.get_ref());
    /// assert_eq!(timeout.into_inner().await, 7);
    /// # }
    /// ```
    pub fn get_ref(&self) -> &F {
        &self.future
    }

    /// Returns the future that is limited, mutably.
    pub fn get_mut(&mut self) -> &mut F {
        &mut self.future
    }

    /// Returns the future, without a limit.
    pub fn into_inner(self) -> F {
        self.future
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        coop::poll_composed(cx, this.was_put_off, |cx| {
            let had_budget = coop::has_budget_remaining();
            if let Poll::Ready(output) = this.future.poll(cx) {
                return Poll::Ready(Ok(output));
            }
            // A future that always uses up the budget must not starve its own limit.
            let elapsed = if had_budget && !coop::has_budget_remaining() {
                Pin::new(&mut coop::unconstrained(this.limit)).poll(cx)
            } else {
                Pin::new(this.limit).poll(cx)
            };
            elapsed.map(|()| Err(Elapsed(())))
        })
    }
}

/// The time of a [`timeout`] is over.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// use ayi::time::{Duration, timeout};
/// let elapsed = timeout(Duration::ZERO, std::future::pending::<()>()).await.unwrap_err();
/// assert_eq!(std::io::Error::from(elapsed).kind(), std::io::ErrorKind::TimedOut);
/// # }
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct Elapsed(());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadline has elapsed")
    }
}

impl std::error::Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, elapsed)
    }
}
