//! What the macros' expansions call. It is not for users.

// It is public only because expansions stand in other crates, and hidden.
#![allow(missing_docs)]

pub use crate::task::coop::poll_composed;

use pin_project_lite::pin_project;
use std::cell::Cell;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// A list of futures, which ends with `()`: a single pointer leads to all of them.
    #[derive(Debug)]
    pub struct Pair<A, B> {
        #[pin] pub first: A,
        #[pin] pub rest: B,
    }
}

impl<A, B> Pair<A, B> {
    #[inline]
    pub fn split(self: Pin<&mut Self>) -> (Pin<&mut A>, Pin<&mut B>) {
        let this = self.project();
        (this.first, this.rest)
    }
}

/// Returns a list that begins with `first`. It makes the future of it here, and not in the task, whose stack would have
/// room for one copy more as long as it is polled.
pub fn future<F: IntoFuture, R>(first: F, rest: R) -> Pair<F::IntoFuture, R> {
    Pair { first: first.into_future(), rest }
}

/// Like [`future`], for a future whose output is kept.
pub fn maybe_done<F: IntoFuture, R>(first: F, rest: R) -> Pair<MaybeDone<F::IntoFuture>, R> {
    Pair { first: MaybeDone::Future { future: first.into_future() }, rest }
}

/// An output of the first future of a list, or of another one.
#[derive(Debug)]
pub enum Either<A, B> {
    First(A),
    Rest(B),
}

/// A list of futures, for the type of what the first of them returns that is ready.
pub trait Race {
    type Output;
}

impl Race for () {
    /// None of them takes part.
    type Output = ();
}

impl<A: Future, B: Race> Race for Pair<A, B> {
    type Output = Either<A::Output, B::Output>;
}

/// Returns what makes an output of the whole list of an output of the rest of it, for the list as a whole. It tells
/// rustc the type early: to infer the type of sixty branches takes it ten times as long.
#[inline]
pub fn whole<L: Race>(_futures: &Pin<&mut L>) -> impl Fn(L::Output) -> L::Output + Copy + use<L> {
    |output| output
}

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
    /// Polls the future if it is still there. Returns whether it is not done, or its error.
    pub fn try_poll_is_pending(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Result<bool, E> {
        if let Projected::Future { future } = self.as_mut().project() {
            let Poll::Ready(result) = future.poll(cx) else { return Ok(true) };
            let output = Some(Ok(result?));
            // This drops the future in its place.
            self.set(MaybeDone::Done { output });
        }
        Ok(false)
    }

    /// Takes the value of a future that is done and has not failed.
    pub fn take_value(self: Pin<&mut Self>) -> T {
        match self.take() {
            Ok(value) => value,
            Err(_) => unreachable!("an error ends it earlier"),
        }
    }
}

/// The order in which `join!` and `try_join!` poll.
pub trait Order {
    /// Polls like [`poll_composed`]. `poll` gets the index of the future to begin with, and sets that of the next time.
    fn poll<R>(
        &mut self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut u16, &mut Context<'_>) -> Poll<R>,
    ) -> Poll<R>;
}

/// Each poll begins with another future.
#[derive(Debug, Default)]
pub struct Rotating {
    first: u16,
    was_put_off: bool,
}

/// Each poll begins with the first future. This keeps no state, so that the whole is put off whenever it is polled
/// without budget, and not only once.
#[derive(Debug, Default)]
pub struct Biased;

impl Order for Rotating {
    #[inline]
    fn poll<R>(
        &mut self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut u16, &mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        let first = &mut self.first;
        poll_composed(cx, &mut self.was_put_off, |cx| poll(first, cx))
    }
}

impl Order for Biased {
    #[inline]
    fn poll<R>(
        &mut self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut u16, &mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        poll_composed(cx, &mut false, |cx| poll(&mut 0, cx))
    }
}

/// Takes the branch with this number out of `select!`.
#[inline]
pub fn disable(disabled: &mut [u8], index: u32) {
    disabled[index as usize / 8] |= 1 << (index % 8);
}

#[inline]
pub fn is_disabled(disabled: &[u8], index: u32) -> bool {
    disabled[index as usize / 8] & (1 << (index % 8)) != 0
}

/// Returns a random number below `count`, or 0 if that is 0: the future to begin with.
///
/// It is a xorshift generator (Marsaglia, "Xorshift RNGs", 2003), seeded per thread from the system. Callers may rely
/// only on every branch being the first now and then.
#[inline]
pub fn random_below(count: u32) -> u32 {
    thread_local! {
        /// It is never 0.
        static STATE: Cell<u32> = Cell::new(RandomState::new().build_hasher().finish() as u32 | 1);
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
