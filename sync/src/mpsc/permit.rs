//! Reserved capacity: the right to send a message without waiting.
//!
//! A permit is given back if it is dropped. A closed channel waits for the last one, see `channel.rs`.

use super::Sender;
use super::channel::Tx;
use super::limit::Bounded;
use std::fmt;
use std::mem;

/// The capacity for one message. Made by [`Sender::reserve`] and [`Sender::try_reserve`].
///
/// If it is dropped, the capacity is given back.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// let (tx, mut rx) = ayi::sync::mpsc::channel(1);
/// let permit = tx.reserve().await.unwrap();
/// assert!(tx.try_send(1).is_err());
/// permit.send(2);
/// assert_eq!(rx.recv().await, Some(2));
/// # }
/// ```
pub struct Permit<'a, T> {
    pub(super) tx: &'a Tx<T, Bounded>,
}

impl<T> Permit<'_, T> {
    /// Sends a message. It does not wait, and cannot fail. If the receiver was dropped meanwhile, so is the message.
    ///
    /// # Examples
    ///
    /// See [`Permit`].
    pub fn send(self, message: T) {
        let tx = self.tx;
        mem::forget(self);
        drop(tx.push(message));
    }
}

impl<T> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        self.tx.give_back(1);
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}

/// The capacity for several messages. Made by [`Sender::reserve_many`] and [`Sender::try_reserve_many`].
///
/// The capacity that has not been taken out of it is given back when it is dropped.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// let (tx, mut rx) = ayi::sync::mpsc::channel(4);
/// for (n, permit) in tx.reserve_many(2).await.unwrap().enumerate() {
///     permit.send(n);
/// }
/// assert_eq!((rx.recv().await, rx.recv().await), (Some(0), Some(1)));
/// # }
/// ```
pub struct PermitIterator<'a, T> {
    pub(super) tx: &'a Tx<T, Bounded>,
    pub(super) left: usize,
}

impl<'a, T> Iterator for PermitIterator<'a, T> {
    type Item = Permit<'a, T>;

    fn next(&mut self) -> Option<Permit<'a, T>> {
        self.left = self.left.checked_sub(1)?;
        Some(Permit { tx: self.tx })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for PermitIterator<'_, T> {}
impl<T> std::iter::FusedIterator for PermitIterator<'_, T> {}

impl<T> Drop for PermitIterator<'_, T> {
    fn drop(&mut self) {
        if self.left > 0 {
            self.tx.give_back(self.left);
        }
    }
}

impl<T> fmt::Debug for PermitIterator<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PermitIterator").field("left", &self.left).finish_non_exhaustive()
    }
}

/// The capacity for one message, with the sender. Made by [`Sender::reserve_owned`] and [`Sender::try_reserve_owned`].
///
/// It borrows nothing, so it can be stored, or moved into a task. If it is dropped, the capacity is given back, and the
/// sender is dropped as well.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// let (tx, mut rx) = ayi::sync::mpsc::channel(1);
/// let permit = tx.reserve_owned().await.unwrap();
/// ayi::spawn(async move { permit.send("tea") });
/// assert_eq!(rx.recv().await, Some("tea"));
/// # }
/// ```
pub struct OwnedPermit<T> {
    /// `None` once it has been used.
    pub(super) tx: Option<Tx<T, Bounded>>,
}

impl<T> OwnedPermit<T> {
    /// Sends a message, and returns the sender. It does not wait, and cannot fail. If the receiver was dropped
    /// meanwhile, so is the message.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, mut rx) = ayi::sync::mpsc::channel(1);
    /// let tx = tx.try_reserve_owned().unwrap().send(1);
    /// assert_eq!(rx.try_recv(), Ok(1));
    /// assert_eq!(tx.capacity(), 1);
    /// ```
    pub fn send(mut self, message: T) -> Sender<T> {
        let tx = self.take();
        drop(tx.push(message));
        Sender { tx }
    }

    /// Gives the capacity back, and returns the sender.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = ayi::sync::mpsc::channel::<u8>(1);
    /// let tx = tx.try_reserve_owned().unwrap().release();
    /// assert_eq!(tx.capacity(), 1);
    /// ```
    pub fn release(mut self) -> Sender<T> {
        let tx = self.take();
        tx.give_back(1);
        Sender { tx }
    }

    fn take(&mut self) -> Tx<T, Bounded> {
        self.tx.take().expect("a permit is used once")
    }

    fn tx(&self) -> &Tx<T, Bounded> {
        self.tx.as_ref().expect("it is consumed when it is used")
    }

    /// Returns whether both permits are of the same channel.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = ayi::sync::mpsc::channel::<u8>(2);
    /// let one = tx.clone().try_reserve_owned().unwrap();
    /// let other = tx.try_reserve_owned().unwrap();
    /// assert!(one.same_channel(&other));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        self.tx().same_channel(other.tx())
    }

    /// Returns whether this permit is of the channel of `sender`.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = ayi::sync::mpsc::channel::<u8>(2);
    /// let permit = tx.clone().try_reserve_owned().unwrap();
    /// assert!(permit.same_channel_as_sender(&tx));
    /// ```
    pub fn same_channel_as_sender(&self, sender: &Sender<T>) -> bool {
        self.tx().same_channel(&sender.tx)
    }
}

impl<T> Drop for OwnedPermit<T> {
    fn drop(&mut self) {
        if let Some(tx) = self.tx.take() {
            tx.give_back(1);
        }
    }
}

impl<T> fmt::Debug for OwnedPermit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedPermit").finish_non_exhaustive()
    }
}
