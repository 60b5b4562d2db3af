//! The sender of a channel without a limit.

use super::WeakUnboundedSender;
use super::channel::Tx;
use super::error::SendError;
use super::limit::Unbounded;
use crate::budget::poll_charged;
use std::fmt;
use std::future::poll_fn;

/// Sends messages into a channel without a limit. Made by [`unbounded_channel`](super::unbounded_channel), and cloned
/// for more senders.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// let (tx, mut rx) = ayi::sync::mpsc::unbounded_channel();
/// let other = tx.clone();
/// std::thread::spawn(move || other.send("from a thread").unwrap());
/// assert_eq!(rx.recv().await, Some("from a thread"));
/// # }
/// ```
pub struct UnboundedSender<T> {
    pub(super) tx: Tx<T, Unbounded>,
}

impl<T> UnboundedSender<T> {
    /// Sends a message. It does not wait.
    ///
    /// `Ok` does not mean that the message will be received: the receiver may be dropped afterwards.
    ///
    /// # Errors
    ///
    /// Fails if the receiver was closed or dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::mpsc::{error::SendError, unbounded_channel};
    /// let (tx, rx) = unbounded_channel();
    /// assert_eq!(tx.send(1), Ok(()));
    /// drop(rx);
    /// assert_eq!(tx.send(2), Err(SendError(2)));
    /// ```
    #[inline]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.tx.push(message).map_err(SendError)
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
    /// let (tx, rx) = ayi::sync::mpsc::unbounded_channel::<u8>();
    /// ayi::spawn(async move { drop(rx) });
    /// tx.closed().await;
    /// assert!(tx.is_closed());
    /// # }
    /// ```
    pub async fn closed(&self) {
        let mut closed = self.tx.closed();
        poll_fn(|cx| poll_charged(cx, |cx| closed.poll(cx))).await
    }

    /// Returns whether the receiver was closed or dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, mut rx) = ayi::sync::mpsc::unbounded_channel::<u8>();
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
    /// let (tx, _rx) = ayi::sync::mpsc::unbounded_channel::<u8>();
    /// assert!(tx.same_channel(&tx.clone()));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        self.tx.same_channel(&other.tx)
    }

    /// Returns a sender that does not keep the channel open.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = ayi::sync::mpsc::unbounded_channel::<u8>();
    /// assert!(tx.downgrade().upgrade().is_some());
    /// ```
    #[must_use = "this sender stays as it is, and keeps the channel open"]
    pub fn downgrade(&self) -> WeakUnboundedSender<T> {
        WeakUnboundedSender { weak: self.tx.downgrade() }
    }

    /// Returns the number of senders.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = ayi::sync::mpsc::unbounded_channel::<u8>();
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
    /// let (tx, _rx) = ayi::sync::mpsc::unbounded_channel::<u8>();
    /// let _weak = tx.downgrade();
    /// assert_eq!(tx.weak_count(), 1);
    /// ```
    pub fn weak_count(&self) -> usize {
        self.tx.weak_count()
    }
}

impl<T> Clone for UnboundedSender<T> {
    fn clone(&self) -> Self {
        UnboundedSender { tx: self.tx.clone() }
    }
}

impl<T> fmt::Debug for UnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnboundedSender").field("is_closed", &self.is_closed()).finish()
    }
}
