//! Waiting for a descriptor: by a future with a waiter of its own, or by calls of a `poll_…` function.

use super::registration::Registration;
use super::waiters::Waiter;
use crate::core::ready::Interest;
use crate::plugged::SocketOp;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

/// An operation on a registration, which is tried as soon as the descriptor is ready.
#[doc(hidden)]
pub trait Wait<'a> {
    type Output;

    fn registration(&self) -> &'a Registration;

    fn interest(&self) -> Interest;

    /// Does the operation now, or waits by way of `waiter`: see `Registration::poll_with`.
    fn poll(&mut self, waiter: &mut Waiter, cx: &mut Context<'_>) -> Poll<Self::Output>;
}

/// The future of a [`Wait`]. It has a place of its own among the waiters, and gives the place up when it is dropped.
#[doc(hidden)]
#[must_use = "it does nothing unless it is awaited"]
pub struct Waiting<'a, W: Wait<'a>> {
    waiter: Waiter,
    wait: W,
    op: SocketOp,
    registration: PhantomData<&'a Registration>,
}

/// Nothing in it is pinned.
impl<'a, W: Wait<'a>> Unpin for Waiting<'a, W> {}

impl<'a, W: Wait<'a>> Waiting<'a, W> {
    #[inline]
    pub fn new(wait: W) -> Waiting<'a, W> {
        Waiting { waiter: Waiter::NEW, wait, op: SocketOp::NOTHING, registration: PhantomData }
    }
}

impl<'a, W: Wait<'a>> Future for Waiting<'a, W> {
    type Output = W::Output;

    // Inlined by force, see `Io::poll`.
    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<W::Output> {
        let this = &mut *self;
        let (trace, interest) = (&this.wait.registration().trace, this.wait.interest());
        trace.poll(interest, &mut this.op, || this.wait.poll(&mut this.waiter, cx))
    }
}

impl<'a, W: Wait<'a>> Drop for Waiting<'a, W> {
    #[inline]
    fn drop(&mut self) {
        if self.waiter != Waiter::NEW {
            withdraw(self.wait.registration(), self.wait.interest(), self.waiter);
        }
    }
}

#[cold]
#[inline(never)]
fn withdraw(registration: &Registration, interest: Interest, waiter: Waiter) {
    let key = registration.tie.key();
    let waker = match key.owner() {
        Some(worker) => worker.reactor().withdraw(key, interest, waiter),
        None => key.withdraw_elsewhere(interest, waiter),
    };
    drop(waker);
}
