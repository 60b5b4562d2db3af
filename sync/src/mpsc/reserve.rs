//! Reserving capacity: what all kinds of sending into a channel with a limit begin with.
//!
//! A reservation consists of permits of the channel's limit. They go back if they are not used, see `permit.rs`, or if
//! the reservation is given up.

use super::channel::Tx;
use super::error::{SendError, TrySendError};
use super::limit::{Bounded, Limit};
use super::{OwnedPermit, Permit, PermitIterator, Sender};
use crate::budget::poll_charged;
use crate::permits::Acquire;
use crate::primitives::expect_wake;
use crate::{AcquireError, TryAcquireError};
use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Looks after a reservation that may fail: the capacity that it held goes back, and may be what a closed receiver
/// waits for.
pub(super) struct Reserving<'a, T>(pub(super) &'a Tx<T, Bounded>);

impl<T> Drop for Reserving<'_, T> {
    fn drop(&mut self) {
        self.0.permits_came_back();
    }
}

/// Polls for the permits of a channel. If there are too few, the receiver has messages before it: unless it is slow, it
/// gives the next permit back soon.
#[inline]
pub(super) fn poll_acquire(
    acquire: &mut Acquire<'_>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), AcquireError>> {
    let polled = Pin::new(acquire).poll(cx);
    if polled.is_pending() {
        expect_wake();
    }
    polled
}

impl<T> Sender<T> {
    /// Waits for the capacity for a message, and reserves it.
    ///
    /// # Errors
    ///
    /// Fails if the receiver was closed or dropped.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, it loses its place in the queue, and nothing else.
    ///
    /// # Examples
    ///
    /// A message is made only when there is room for it:
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let (tx, mut rx) = ayi::sync::mpsc::channel(1);
    /// let permit = tx.reserve().await.unwrap();
    /// permit.send("freshly brewed");
    /// assert_eq!(rx.recv().await, Some("freshly brewed"));
    /// # }
    /// ```
    pub async fn reserve(&self) -> Result<Permit<'_, T>, SendError<()>> {
        self.acquire(1).await?;
        Ok(Permit { tx: &self.tx })
    }

    /// Waits for the capacity for `n` messages, and reserves it.
    ///
    /// # Errors
    ///
    /// Fails if the receiver was closed or dropped, or if `n` is more than the channel's
    /// [`max_capacity`](Sender::max_capacity).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, it loses its place in the queue, and what it has reserved is given back.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let (tx, _rx) = ayi::sync::mpsc::channel(4);
    /// let mut permits = tx.reserve_many(3).await.unwrap();
    /// permits.next().unwrap().send("tea");
    /// drop(permits);
    /// assert_eq!(tx.capacity(), 3);
    /// assert!(tx.reserve_many(5).await.is_err());
    /// # }
    /// ```
    pub async fn reserve_many(&self, n: usize) -> Result<PermitIterator<'_, T>, SendError<()>> {
        self.acquire(n).await?;
        Ok(PermitIterator { tx: &self.tx, left: n })
    }

    /// Waits for the capacity for a message, and reserves it. The permit has this sender and borrows nothing.
    ///
    /// # Errors
    ///
    /// Fails if the receiver was closed or dropped.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, so is this sender. Clone it before to keep one.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let (tx, mut rx) = ayi::sync::mpsc::channel(1);
    /// let permit = tx.clone().reserve_owned().await.unwrap();
    /// let tx = permit.send(1);
    /// assert_eq!(rx.recv().await, Some(1));
    /// # }
    /// ```
    pub async fn reserve_owned(self) -> Result<OwnedPermit<T>, SendError<()>> {
        self.acquire(1).await?;
        Ok(OwnedPermit { tx: Some(self.tx) })
    }

    /// Reserves the capacity for a message if there is some. It does not wait.
    ///
    /// # Errors
    ///
    /// Fails like [`try_send`](Sender::try_send).
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = ayi::sync::mpsc::channel::<u8>(1);
    /// let permit = tx.try_reserve().unwrap();
    /// assert!(tx.try_reserve().is_err());
    /// drop(permit);
    /// assert!(tx.try_reserve().is_ok());
    /// ```
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
        self.try_acquire(1)?;
        Ok(Permit { tx: &self.tx })
    }

    /// Reserves the capacity for `n` messages if there is that much. It does not wait.
    ///
    /// # Errors
    ///
    /// Fails like [`try_send`](Sender::try_send): also with [`Full`](TrySendError::Full) if `n` is more than the
    /// channel's [`max_capacity`](Sender::max_capacity).
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = ayi::sync::mpsc::channel::<u8>(4);
    /// let permits = tx.try_reserve_many(3).unwrap();
    /// assert_eq!((permits.len(), tx.capacity()), (3, 1));
    /// ```
    pub fn try_reserve_many(&self, n: usize) -> Result<PermitIterator<'_, T>, TrySendError<()>> {
        self.try_acquire(n)?;
        Ok(PermitIterator { tx: &self.tx, left: n })
    }

    /// Reserves the capacity for a message if there is some. The permit has this sender and borrows nothing.
    ///
    /// # Errors
    ///
    /// Fails like [`try_send`](Sender::try_send). The error has this sender.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = ayi::sync::mpsc::channel(1);
    /// let permit = tx.clone().try_reserve_owned().unwrap();
    /// let tx = tx.try_reserve_owned().unwrap_err().into_inner();
    /// permit.send(1);
    /// assert_eq!(tx.capacity(), 0);
    /// ```
    pub fn try_reserve_owned(self) -> Result<OwnedPermit<T>, TrySendError<Self>> {
        match self.try_acquire(1) {
            Ok(()) => Ok(OwnedPermit { tx: Some(self.tx) }),
            Err(TrySendError::Full(())) => Err(TrySendError::Full(self)),
            Err(TrySendError::Closed(())) => Err(TrySendError::Closed(self)),
        }
    }

    /// Waits for `n` permits, which belong to the caller.
    pub(super) async fn acquire(&self, n: usize) -> Result<(), SendError<()>> {
        if n > self.max_capacity() {
            return poll_fn(|cx| poll_charged(cx, |_| Err(SendError(())).into())).await;
        }
        // Dropped after `acquire`, which gives back what it has if it is given up.
        let reserving = Reserving(&self.tx);
        let mut acquire = self.tx.limit.permits.acquire(n);
        if poll_fn(|cx| poll_acquire(&mut acquire, cx)).await.is_err() || !self.confirm(n) {
            return Err(SendError(()));
        }
        mem::forget(reserving);
        Ok(())
    }

    /// Gives the permits back if the channel was closed: a sender that had been given them while it waited must not use
    /// them afterwards.
    pub(super) fn confirm(&self, n: usize) -> bool {
        let is_open = !self.tx.limit.is_closed();
        if !is_open {
            self.tx.limit.give_back(n);
        }
        is_open
    }

    pub(super) fn try_acquire(&self, n: usize) -> Result<(), TrySendError<()>> {
        if n > self.max_capacity() {
            return Err(TrySendError::Full(()));
        }
        self.tx.limit.permits.try_acquire(n).map_err(|error| match error {
            TryAcquireError::NoPermits => TrySendError::Full(()),
            TryAcquireError::Closed => TrySendError::Closed(()),
        })
    }
}
