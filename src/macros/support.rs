//! What the macros' expansions call. It is not for users.

// It is public only because expansions stand in other crates, and hidden.
#![allow(missing_docs)]

pub use crate::task::coop::poll_composed;

use pin_project_lite::pin_project;
use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// A future, then its output until that is taken.
    #[project = Projected]
    #[derive(Debug)]
    pub enum MaybeDone<F: Future> {
        Future { #[pin] future: F },
        Done { output: Option<F::Output> },
    }
}

impl<F: Future> MaybeDone<F> {
    pub fn new(future: impl IntoFuture<IntoFuture = F>) -> MaybeDone<F> {
        MaybeDone::Future { future: future.into_future() }
    }

    /// Polls the future if it is still there. Returns true if it is not done.
    pub fn poll_is_pending(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        if let Projected::Future { future } = self.as_mut().project() {
            let Poll::Ready(output) = future.poll(cx) else { return true };
            // This drops the future in its place.
            self.set(MaybeDone::Done { output: Some(output) });
        }
        false
    }

    /// Takes the output of a future that is done.
    pub fn take(self: Pin<&mut Self>) -> F::Output {
        match self.project() {
            Projected::Done { output } => output.take().expect("an output is taken once"),
            Projected::Future { .. } => unreachable!("all futures are done"),
        }
    }
}

impl<T, E, F: Future<Output = Result<T, E>>> MaybeDone<F> {
    /// Takes the error, if the future is done and has failed.
    pub fn take_error(self: Pin<&mut Self>) -> Option<E> {
        match self.project() {
            Projected::Done { output } => output.take_if(|output| output.is_err())?.err(),
            Projected::Future { .. } => None,
        }
    }

    /// Takes the value of a future that is done and has not failed.
    pub fn take_value(self: Pin<&mut Self>) -> T {
        match self.take() {
            Ok(value) => value,
            Err(_) => unreachable!("an error ends it earlier"),
        }
    }
}

/// Returns a random number below `count`, or 0 if that is 0: the future to begin with.
///
/// It is a xorshift generator (Marsaglia, "Xorshift RNGs", 2003), seeded per thread from the system. Callers may rely
/// only on every branch being the first now and then.
pub fn random_below(count: u32) -> u32 {
    thread_local! {
        /// It is never 0.
        static STATE: Cell<u32> = Cell::new(RandomState::new().hash_one(0) as u32 | 1);
    }
    // While the thread ends, the order no longer matters.
    let random = STATE.try_with(|state| {
        let mut x = state.get();
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        state.set(x);
        x
    });
    // The upper bits of the product with a 32-bit number: this saves the division of `%`.
    ((u64::from(random.unwrap_or(0)) * u64::from(count)) >> 32) as u32
}
