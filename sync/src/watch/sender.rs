//! The sender of a watched value.

use super::error::SendError;
use super::shared::Shared;
use super::{Receiver, Ref, debug};
use crate::budget::poll_charged;
use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::sync::Arc;

/// Changes the value. Made by [`channel`](super::channel), and cloned for more senders.
///
/// # Examples
///
/// ```
/// let (tx, rx) = ayi::sync::watch::channel(1);
/// let other = tx.clone();
/// other.send(2).unwrap();
/// assert_eq!((*rx.borrow(), *tx.borrow()), (2, 2));
/// ```
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Makes a sender that has no receiver yet. [`subscribe`](Sender::subscribe) makes some.
    ///
    /// # Examples
    ///
    /// ```
    /// let tx = ayi::sync::watch::Sender::new(1);
    /// assert!(tx.send(2).is_err());
    /// let rx = tx.subscribe();
    /// assert!(tx.send(3).is_ok());
    /// assert_eq!(*rx.borrow(), 3);
    /// ```
    pub fn new(value: T) -> Sender<T> {
        Sender { shared: Arc::new(Shared::new(value)) }
    }

    /// Replaces the value, and tells the receivers.
    ///
    /// # Errors
    ///
    /// Fails if there is no receiver. Then the value is not replaced, and the error has the new one. Use
    /// [`send_replace`](Sender::send_replace) to set it in any case, for receivers that may come.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = ayi::sync::watch::channel("cold");
    /// tx.send("hot").unwrap();
    /// drop(rx);
    /// assert_eq!(tx.send("too late").unwrap_err().0, "too late");
    /// assert_eq!(*tx.borrow(), "hot");
    /// ```
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.is_closed() {
            return Err(SendError(value));
        }
        self.send_replace(value);
        Ok(())
    }

    /// Lets `modify` change the value in place, and tells the receivers.
    ///
    /// `modify` runs while the value is locked: it must not use this channel.
    ///
    /// # Panics
    ///
    /// Panics if `modify` does. Receivers are not told then, and find what it had done by that time.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = ayi::sync::watch::channel(vec![1]);
    /// tx.send_modify(|list| list.push(2));
    /// assert_eq!(*rx.borrow(), [1, 2]);
    /// ```
    pub fn send_modify<F: FnOnce(&mut T)>(&self, modify: F) {
        self.shared.modify(|value| {
            modify(value);
            true
        });
    }

    /// Lets `modify` change the value in place, and tells the receivers if it returns `true`. Returns what it returned.
    ///
    /// `modify` runs while the value is locked: it must not use this channel.
    ///
    /// # Panics
    ///
    /// Panics if `modify` does. Receivers are not told then, and find what it had done by that time.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = ayi::sync::watch::channel(7);
    /// let halve = |n: &mut u32| {
    ///     let is_even = *n % 2 == 0;
    ///     *n /= if is_even { 2 } else { 1 };
    ///     is_even
    /// };
    /// assert!(!tx.send_if_modified(halve));
    /// assert!(!rx.has_changed().unwrap());
    /// ```
    pub fn send_if_modified<F: FnOnce(&mut T) -> bool>(&self, modify: F) -> bool {
        self.shared.modify(modify)
    }

    /// Replaces the value, tells the receivers, and returns the old value. It works without receivers, too.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _) = ayi::sync::watch::channel(1);
    /// assert_eq!(tx.send_replace(2), 1);
    /// assert_eq!(*tx.subscribe().borrow(), 2);
    /// ```
    pub fn send_replace(&self, mut value: T) -> T {
        self.send_modify(|old| mem::swap(old, &mut value));
        value
    }

    /// Looks at the value. See [`Ref`] for what that locks.
    ///
    /// # Examples
    ///
    /// ```
    /// let tx = ayi::sync::watch::Sender::new(7);
    /// assert_eq!(*tx.borrow(), 7);
    /// ```
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref { value: self.shared.read(), has_changed: false }
    }

    /// Returns whether there is no receiver.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = ayi::sync::watch::channel(());
    /// drop(rx);
    /// assert!(tx.is_closed());
    /// let _rx = tx.subscribe();
    /// assert!(!tx.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.receiver_count() == 0
    }

    /// Waits until there is no receiver.
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
    /// let (tx, rx) = ayi::sync::watch::channel(());
    /// ayi::spawn(async move { drop(rx) });
    /// tx.closed().await;
    /// # }
    /// ```
    pub async fn closed(&self) {
        let mut closed = self.shared.closed();
        poll_fn(|cx| poll_charged(cx, |cx| closed.poll(cx))).await
    }

    /// Makes a receiver, which has seen the value as it is now.
    ///
    /// # Examples
    ///
    /// ```
    /// let tx = ayi::sync::watch::Sender::new(7);
    /// let rx = tx.subscribe();
    /// assert!(!rx.has_changed().unwrap());
    /// ```
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::new(self.shared.clone(), self.shared.version().0)
    }

    /// Returns the number of receivers.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = ayi::sync::watch::channel(());
    /// let other = rx.clone();
    /// assert_eq!(tx.receiver_count(), 2);
    /// ```
    pub fn receiver_count(&self) -> usize {
        self.shared.receivers()
    }

    /// Returns the number of senders.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = ayi::sync::watch::channel(());
    /// assert_eq!(tx.clone().sender_count(), 2);
    /// ```
    pub fn sender_count(&self) -> usize {
        self.shared.senders()
    }

    /// Returns whether both change the same value.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = ayi::sync::watch::channel(());
    /// assert!(tx.same_channel(&tx.clone()));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.sender_comes();
        Sender { shared: self.shared.clone() }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.sender_goes();
    }
}

impl<T: Default> Default for Sender<T> {
    fn default() -> Self {
        Sender::new(T::default())
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Sender", &self.shared, f)
    }
}
