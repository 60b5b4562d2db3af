//! The sender of a channel with a limit.

use super::WeakSender;
use super::channel::Tx;
use super::error::{SendError, TrySendError};
use super::limit::Bounded;
#[cfg(not(loom))]
use super::reserve::{Reserving, poll_acquire};
use crate::budget::poll_charged;
use crate::primitives::block_thread_on;
use std::fmt;
use std::future::poll_fn;
#[cfg(not(loom))]
use std::pin::Pin;

/// Sends messages into a channel with a limit. Made by [`channel`](super::channel), and cloned for more senders.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// let (tx, mut rx) = ayi::sync::mpsc::channel(1);
/// for name in ["water", "tea"] {
///     let tx = tx.clone();
///     ayi::spawn(async move { tx.send(name).await });
/// }
/// assert_eq!((rx.recv().await, rx.recv().await), (Some("water"), Some("tea")));
/// # }
/// ```
pub struct Sender<T> {
    pub(super) tx: Tx<T, Bounded>,
}

impl<T> Sender<T> {
    /// Sends a message, and waits while the channel is full. Senders that wait are served in their order.
    ///
    /// `Ok` does not mean that the message will be received: the receiver may be dropped afterwards.
    ///
    /// # Errors
    ///
    /// Fails if the receiver was closed or dropped. The error has the message.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the message has not been sent and is dropped, and the sender loses its place in the
    /// queue. Use [`reserve`](Sender::reserve) to keep the message.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::sync::mpsc::{channel, error::SendError};
    /// let (tx, mut rx) = channel(1);
    /// tx.send(1).await.unwrap();
    /// rx.close();
    /// assert_eq!(tx.send(2).await, Err(SendError(2)));
    /// # }
    /// ```
    pub async fn send(&self, message: T) -> Result<(), SendError<T>> {
        match self.acquire(1).await {
            Ok(()) => self.tx.push(message).map_err(SendError),
            Err(_) => Err(SendError(message)),
        }
    }

    /// Waits until the receiver is closed or dropped.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let (tx, rx) = ayi::sync::mpsc::channel::<u8>(1);
    /// ayi::spawn(async move { drop(rx) });
    /// tx.closed().await;
    /// assert!(tx.is_closed());
    /// # }
    /// ```
    pub async fn closed(&self) {
        let mut closed = self.tx.closed();
        poll_fn(|cx| poll_charged(cx, |cx| closed.poll(cx))).await
    }

    /// Sends a message if there is capacity. It does not wait.
    ///
    /// # Errors
    ///
    /// Returns [`Full`](TrySendError::Full) if the sender would have to wait, and [`Closed`](TrySendError::Closed) if
    /// the receiver was closed or dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::mpsc::{channel, error::TrySendError};
    /// let (tx, rx) = channel(1);
    /// assert_eq!(tx.try_send(1), Ok(()));
    /// assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
    /// drop(rx);
    /// assert_eq!(tx.try_send(3), Err(TrySendError::Closed(3)));
    /// ```
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        match self.try_acquire(1) {
            Ok(()) => self.tx.push(message).map_err(TrySendError::Closed),
            Err(TrySendError::Full(())) => Err(TrySendError::Full(message)),
            Err(TrySendError::Closed(())) => Err(TrySendError::Closed(message)),
        }
    }

    /// Sends a message like [`send`](Sender::send), but waits no longer than `limit`.
    ///
    /// # Errors
    ///
    /// Fails if the channel is full until the time is up, or if the receiver was closed or dropped. The error has the
    /// message.
    ///
    /// # Panics
    ///
    /// Panics outside a runtime, which has the timer.
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as [`send`](Sender::send).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::sync::mpsc::{channel, error::SendTimeoutError};
    /// use ayi::time::Duration;
    /// let (tx, _rx) = channel(1);
    /// let limit = Duration::from_millis(1);
    /// assert_eq!(tx.send_timeout(1, limit).await, Ok(()));
    /// assert_eq!(tx.send_timeout(2, limit).await, Err(SendTimeoutError::Timeout(2)));
    /// # }
    /// ```
    #[cfg(not(loom))]
    pub async fn send_timeout(
        &self,
        message: T,
        limit: std::time::Duration,
    ) -> Result<(), super::error::SendTimeoutError<T>> {
        use super::error::SendTimeoutError;
        use crate::primitives::coop;
        use std::task::Poll;

        if let Err(error) = ayi_runtime::runtime::Handle::try_current() {
            panic!(
                "mpsc::Sender::send_timeout needs a timer: {error} (in tokio's words: there is no reactor \
                 running, must be called from the context of a Tokio 1.x runtime)"
            );
        }
        let reserving = Reserving(&self.tx);
        let mut acquire = self.tx.limit.permits.acquire(1);
        let mut sleep = ayi_runtime::time::sleep(limit);
        let mut was_put_off = false;
        let acquired = poll_fn(|cx| {
            coop::poll_composed(cx, &mut was_put_off, |cx| match poll_acquire(&mut acquire, cx) {
                Poll::Ready(acquired) => Poll::Ready(Some(acquired)),
                Poll::Pending => Pin::new(&mut sleep).poll(cx).map(|()| None),
            })
        });
        match acquired.await.map(|acquired| acquired.is_ok() && self.confirm(1)) {
            None => Err(SendTimeoutError::Timeout(message)),
            Some(false) => Err(SendTimeoutError::Closed(message)),
            Some(true) => {
                std::mem::forget(reserving);
                self.tx.push(message).map_err(SendTimeoutError::Closed)
            }
        }
    }

    /// Sends a message like [`send`](Sender::send), on a thread that runs no tasks.
    ///
    /// # Errors
    ///
    /// Fails if the receiver was closed or dropped. The error has the message.
    ///
    /// # Panics
    ///
    /// Panics inside a runtime, whose tasks would have to wait.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let (tx, mut rx) = ayi::sync::mpsc::channel(1);
    /// std::thread::spawn(move || {
    ///     for n in 0..3 {
    ///         tx.blocking_send(n).unwrap();
    ///     }
    /// });
    /// let mut sum = 0;
    /// while let Some(n) = rx.recv().await {
    ///     sum += n;
    /// }
    /// assert_eq!(sum, 3);
    /// # }
    /// ```
    #[track_caller]
    pub fn blocking_send(&self, message: T) -> Result<(), SendError<T>> {
        block_thread_on("mpsc::Sender::blocking_send", "send", self.send(message))
    }

    /// Returns whether the receiver was closed or dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, mut rx) = ayi::sync::mpsc::channel::<u8>(1);
    /// assert!(!tx.is_closed());
    /// rx.close();
    /// assert!(tx.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.tx.is_closed()
    }

    /// Returns whether both send into the same channel.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = ayi::sync::mpsc::channel::<u8>(1);
    /// assert!(tx.same_channel(&tx.clone()));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        self.tx.same_channel(&other.tx)
    }

    /// Returns how many messages can be sent now without waiting. Permits that are reserved are not among them.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = ayi::sync::mpsc::channel(8);
    /// tx.try_send(1).unwrap();
    /// assert_eq!((tx.capacity(), tx.max_capacity()), (7, 8));
    /// ```
    pub fn capacity(&self) -> usize {
        self.tx.limit.permits.available()
    }

    /// Returns a sender that does not keep the channel open.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = ayi::sync::mpsc::channel::<u8>(1);
    /// assert!(tx.downgrade().upgrade().is_some());
    /// ```
    #[must_use = "this sender stays as it is, and keeps the channel open"]
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender { weak: self.tx.downgrade() }
    }

    /// Returns the limit with which the channel was made.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = ayi::sync::mpsc::channel::<u8>(8);
    /// assert_eq!(tx.max_capacity(), 8);
    /// ```
    pub fn max_capacity(&self) -> usize {
        self.tx.limit.max
    }

    /// Returns the number of senders.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = ayi::sync::mpsc::channel::<u8>(1);
    /// assert_eq!(tx.clone().strong_count(), 2);
    /// ```
    pub fn strong_count(&self) -> usize {
        self.tx.strong_count()
    }

    /// Returns the number of weak senders.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = ayi::sync::mpsc::channel::<u8>(1);
    /// let _weak = tx.downgrade();
    /// assert_eq!(tx.weak_count(), 1);
    /// ```
    pub fn weak_count(&self) -> usize {
        self.tx.weak_count()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Sender { tx: self.tx.clone() }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (capacity, is_closed) = (self.capacity(), self.is_closed());
        f.debug_struct("Sender").field("capacity", &capacity).field("is_closed", &is_closed).finish()
    }
}
