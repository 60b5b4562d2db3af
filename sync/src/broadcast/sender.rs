//! The senders of a channel to all receivers.

use super::Receiver;
use super::error::SendError;
use super::ring::{RECEIVERS, Ring, SENDERS, Shared};
use crate::budget::poll_charged;
use crate::counts::add_unless_zero;
use crate::place::{Place, wake_all};
use crate::primitives::atomic::Ordering::{AcqRel, Relaxed};
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;

/// Sends messages to all receivers. Made by [`channel`](super::channel), and cloned for more senders.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// let (tx, mut one) = ayi::sync::broadcast::channel(16);
/// let mut other = tx.subscribe();
/// tx.send("tea is ready").unwrap();
/// assert_eq!((one.recv().await, other.recv().await), (Ok("tea is ready"), Ok("tea is ready")));
/// # }
/// ```
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Makes a sender that has no receiver yet. [`subscribe`](Sender::subscribe) makes some.
    ///
    /// # Panics
    ///
    /// Panics like [`channel`](super::channel).
    ///
    /// # Examples
    ///
    /// ```
    /// let tx = ayi::sync::broadcast::Sender::new(16);
    /// assert!(tx.send(1).is_err());
    /// let mut rx = tx.subscribe();
    /// assert_eq!(tx.send(2).unwrap(), 1);
    /// assert_eq!(rx.try_recv(), Ok(2));
    /// ```
    #[track_caller]
    pub fn new(capacity: usize) -> Sender<T> {
        assert!(
            capacity > 0,
            "a broadcast channel with a capacity of 0 could not hold a message: give it at least 1"
        );
        assert!(capacity <= usize::MAX / 2, "a broadcast channel has a capacity of at most usize::MAX / 2");
        Sender { shared: Arc::new(Shared::new(capacity.next_power_of_two())) }
    }

    /// Sends a message to all receivers that there are now, and returns their number. It does not wait.
    ///
    /// If the channel is full, the oldest message is dropped, and the receivers that have not received it
    /// [lag](super::error::RecvError::Lagged).
    ///
    /// # Errors
    ///
    /// Fails if there is no receiver. There may be one later.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = ayi::sync::broadcast::channel(16);
    /// assert_eq!(tx.send(1).unwrap(), 1);
    /// drop(rx);
    /// assert_eq!(tx.send(2).unwrap_err().0, 2);
    /// ```
    pub fn send(&self, message: T) -> Result<usize, SendError<T>> {
        let mut ring = self.shared.lock();
        let receivers = ring.receivers;
        if receivers == 0 {
            drop(ring);
            return Err(SendError(message));
        }
        let oldest = ring.push(message);
        wake_all::<_, RECEIVERS>(&self.shared.ring, ring);
        drop(oldest);
        Ok(receivers)
    }

    /// Makes a receiver of the messages that are sent from now on.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let (tx, _rx) = ayi::sync::broadcast::channel(16);
    /// tx.send(1).unwrap();
    /// let mut rx = tx.subscribe();
    /// tx.send(2).unwrap();
    /// assert_eq!(rx.recv().await, Ok(2));
    /// # }
    /// ```
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::new(self.shared.clone())
    }

    /// Returns a sender that does not keep the channel open.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = ayi::sync::broadcast::channel::<u8>(16);
    /// assert!(tx.downgrade().upgrade().is_some());
    /// ```
    #[must_use = "this sender stays as it is, and keeps the channel open"]
    pub fn downgrade(&self) -> WeakSender<T> {
        self.shared.weak.fetch_add(1, Relaxed);
        WeakSender { shared: self.shared.clone() }
    }

    /// Returns the number of messages that some receiver has still to receive. Those that made room for others are not
    /// among them.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, mut rx) = ayi::sync::broadcast::channel(16);
    /// let _slow = tx.subscribe();
    /// tx.send(1).unwrap();
    /// rx.try_recv().unwrap();
    /// assert_eq!(tx.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.shared.lock().len()
    }

    /// Returns whether all receivers have received all messages.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, mut rx) = ayi::sync::broadcast::channel(16);
    /// tx.send(1).unwrap();
    /// assert!(!tx.is_empty());
    /// rx.try_recv().unwrap();
    /// assert!(tx.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of receivers.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = ayi::sync::broadcast::channel::<u8>(16);
    /// let _other = tx.subscribe();
    /// assert_eq!(tx.receiver_count(), 2);
    /// ```
    pub fn receiver_count(&self) -> usize {
        self.shared.lock().receivers
    }

    /// Returns whether both send into the same channel.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = ayi::sync::broadcast::channel::<u8>(16);
    /// assert!(tx.same_channel(&tx.clone()));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
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
    /// let (tx, rx) = ayi::sync::broadcast::channel::<u8>(16);
    /// ayi::spawn(async move { drop(rx) });
    /// tx.closed().await;
    /// assert!(tx.send(1).is_err());
    /// # }
    /// ```
    pub async fn closed(&self) {
        let mut place = Place::<_, SENDERS>::new(&self.shared.ring);
        let is_closed = |ring: &mut Ring<T>| (ring.receivers == 0).then_some(());
        poll_fn(|cx| poll_charged(cx, |cx| place.poll(cx, is_closed))).await
    }

    /// Returns the number of senders.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = ayi::sync::broadcast::channel::<u8>(16);
    /// assert_eq!(tx.clone().strong_count(), 2);
    /// ```
    pub fn strong_count(&self) -> usize {
        // Relaxed, like all that only counts: what it says may be old anyway.
        self.shared.senders.load(Relaxed)
    }

    /// Returns the number of weak senders.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = ayi::sync::broadcast::channel::<u8>(16);
    /// let _weak = tx.downgrade();
    /// assert_eq!(tx.weak_count(), 1);
    /// ```
    pub fn weak_count(&self) -> usize {
        self.shared.weak.load(Relaxed)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        // Relaxed: this sender keeps the number above zero.
        self.shared.senders.fetch_add(1, Relaxed);
        Sender { shared: self.shared.clone() }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        // AcqRel: what the other senders did comes before the end, which the last one declares.
        if self.shared.senders.fetch_sub(1, AcqRel) == 1 {
            let mut ring = self.shared.lock();
            ring.is_over = true;
            wake_all::<_, RECEIVERS>(&self.shared.ring, ring);
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broadcast::Sender")
    }
}

/// A sender that does not keep its channel open. Made by [`Sender::downgrade`].
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// let (tx, mut rx) = ayi::sync::broadcast::channel::<u8>(16);
/// let weak = tx.downgrade();
/// drop(tx);
/// assert!(rx.recv().await.is_err());
/// assert!(weak.upgrade().is_none());
/// # }
/// ```
pub struct WeakSender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> WeakSender<T> {
    /// Returns a sender, unless all senders were dropped: then the channel has ended for good.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = ayi::sync::broadcast::channel::<u8>(16);
    /// let weak = tx.downgrade();
    /// assert!(weak.upgrade().is_some());
    /// drop(tx);
    /// assert!(weak.upgrade().is_none());
    /// ```
    #[must_use]
    pub fn upgrade(&self) -> Option<Sender<T>> {
        // A channel that is over stays over.
        add_unless_zero(&self.shared.senders).then(|| Sender { shared: self.shared.clone() })
    }

    /// Returns the number of senders.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = ayi::sync::broadcast::channel::<u8>(16);
    /// let weak = tx.downgrade();
    /// drop(tx);
    /// assert_eq!(weak.strong_count(), 0);
    /// ```
    pub fn strong_count(&self) -> usize {
        self.shared.senders.load(Relaxed)
    }

    /// Returns the number of weak senders.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, _rx) = ayi::sync::broadcast::channel::<u8>(16);
    /// assert_eq!(tx.downgrade().clone().weak_count(), 2);
    /// ```
    pub fn weak_count(&self) -> usize {
        self.shared.weak.load(Relaxed)
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        self.shared.weak.fetch_add(1, Relaxed);
        WeakSender { shared: self.shared.clone() }
    }
}

impl<T> Drop for WeakSender<T> {
    fn drop(&mut self) {
        self.shared.weak.fetch_sub(1, Relaxed);
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broadcast::WeakSender")
    }
}
