//! The receivers of a channel to all receivers.

use super::error::{RecvError, TryRecvError};
use super::ring::{Found, RECEIVERS, SENDERS, Shared};
use crate::budget::poll_charged;
use crate::place::{Place, wake_all};
use crate::primitives::atomic::Ordering::Relaxed;
use crate::primitives::block_thread_on;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

/// Receives a clone of each message. Made by [`channel`](super::channel) and
/// [`Sender::subscribe`](super::Sender::subscribe).
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// use ayi::sync::broadcast::{channel, error::RecvError};
/// let (tx, mut rx) = channel(2);
/// for n in 0..5 {
///     tx.send(n).unwrap();
/// }
/// drop(tx);
/// assert_eq!(rx.recv().await, Err(RecvError::Lagged(3))); // it was too slow for these
/// assert_eq!((rx.recv().await, rx.recv().await), (Ok(3), Ok(4)));
/// assert_eq!(rx.recv().await, Err(RecvError::Closed));
/// # }
/// ```
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// The position of the next message that it receives.
    position: u64,
}

impl<T> Receiver<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Receiver<T> {
        let mut ring = shared.lock();
        ring.receivers += 1;
        let position = ring.next();
        drop(ring);
        Receiver { shared, position }
    }

    /// Returns the number of messages that it has not received, among them those that made room for others. If they are
    /// more than the channel holds, it lags.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = ayi::sync::broadcast::channel(2);
    /// for n in 0..5 {
    ///     tx.send(n).unwrap();
    /// }
    /// assert_eq!(rx.len(), 5);
    /// ```
    pub fn len(&self) -> usize {
        (self.shared.lock().next() - self.position) as usize
    }

    /// Returns whether it has received all messages.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = ayi::sync::broadcast::channel(16);
    /// assert!(rx.is_empty());
    /// tx.send(1).unwrap();
    /// assert!(!rx.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether both receive from the same channel.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = ayi::sync::broadcast::channel::<u8>(16);
    /// assert!(rx.same_channel(&tx.subscribe()));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Returns the number of senders.
    ///
    /// # Examples
    ///
    /// ```
    /// let (_tx, rx) = ayi::sync::broadcast::channel::<u8>(16);
    /// assert_eq!(rx.sender_strong_count(), 1);
    /// ```
    pub fn sender_strong_count(&self) -> usize {
        self.shared.senders.load(Relaxed)
    }

    /// Returns the number of weak senders.
    ///
    /// # Examples
    ///
    /// ```
    /// let (_tx, rx) = ayi::sync::broadcast::channel::<u8>(16);
    /// assert_eq!(rx.sender_weak_count(), 0);
    /// ```
    pub fn sender_weak_count(&self) -> usize {
        self.shared.weak.load(Relaxed)
    }

    /// Returns whether there is no sender. There may still be messages.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = ayi::sync::broadcast::channel::<u8>(16);
    /// drop(tx);
    /// assert!(rx.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.shared.lock().is_over
    }
}

impl<T: Clone> Receiver<T> {
    /// Makes another receiver, of the messages that are sent from now on.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let (tx, rx) = ayi::sync::broadcast::channel(16);
    /// tx.send(1).unwrap();
    /// let mut other = rx.resubscribe();
    /// tx.send(2).unwrap();
    /// assert_eq!(other.recv().await, Ok(2));
    /// # }
    /// ```
    pub fn resubscribe(&self) -> Receiver<T> {
        Receiver::new(self.shared.clone())
    }

    /// Waits for the next message, and clones it.
    ///
    /// Clones of one message take turns, since its type need not be `Sync`. So `clone` must not receive the same
    /// message with another receiver, which would wait for ever. It may use the channel otherwise.
    ///
    /// # Errors
    ///
    /// Returns [`Lagged`](RecvError::Lagged) if messages had to make room for others before they were received. The
    /// next call receives the oldest that is left. Returns [`Closed`](RecvError::Closed) if there is no sender, and all
    /// messages have been received.
    ///
    /// # Cancel safety
    ///
    /// No message is lost if the future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::sync::broadcast::{channel, error::RecvError};
    /// let (tx, mut rx) = channel(16);
    /// ayi::spawn(async move { tx.send("tea") });
    /// assert_eq!(rx.recv().await, Ok("tea"));
    /// assert_eq!(rx.recv().await, Err(RecvError::Closed));
    /// # }
    /// ```
    pub async fn recv(&mut self) -> Result<T, RecvError> {
        let Receiver { shared, position } = self;
        let mut place = Place::<_, RECEIVERS>::new(&shared.ring);
        poll_fn(|cx| {
            let found = poll_charged(cx, |cx| {
                loop {
                    let found = place.poll(cx, |ring| match ring.take(position) {
                        Ok(found) => Some(Ok(found)),
                        Err(TryRecvError::Empty) => None,
                        Err(TryRecvError::Closed) => Some(Err(RecvError::Closed)),
                        Err(TryRecvError::Lagged(missed)) => Some(Err(RecvError::Lagged(missed))),
                    });
                    match found {
                        Poll::Ready(Ok(Found::LentOut)) => shared.wait_for_return(*position),
                        found => break found,
                    }
                }
            });
            found.map_ok(|found| shared.clone_of(found).expect("it has waited for that"))
        })
        .await
    }

    /// Receives a message if there is one, and clones it. It does not wait.
    ///
    /// # Errors
    ///
    /// Fails like [`recv`](Receiver::recv), or with [`Empty`](TryRecvError::Empty) if there is no message now.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::broadcast::{channel, error::TryRecvError};
    /// let (tx, mut rx) = channel(16);
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    /// tx.send(1).unwrap();
    /// assert_eq!(rx.try_recv(), Ok(1));
    /// ```
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        loop {
            let found = self.shared.lock().take(&mut self.position);
            match self.shared.clone_of(found?) {
                Some(message) => return Ok(message),
                None => self.shared.wait_for_return(self.position),
            }
        }
    }

    /// Waits like [`recv`](Receiver::recv), on a thread that runs no tasks.
    ///
    /// # Errors
    ///
    /// Fails like [`recv`](Receiver::recv).
    ///
    /// # Panics
    ///
    /// Panics inside a runtime, whose tasks would have to wait.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, mut rx) = ayi::sync::broadcast::channel(16);
    /// let thread = std::thread::spawn(move || rx.blocking_recv());
    /// tx.send("tea").unwrap();
    /// assert_eq!(thread.join().unwrap(), Ok("tea"));
    /// ```
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Result<T, RecvError> {
        block_thread_on("broadcast::Receiver::blocking_recv", "recv", self.recv())
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut ring = self.shared.lock();
        let unneeded = ring.leave(self.position);
        if ring.receivers == 0 {
            wake_all::<_, SENDERS>(&self.shared.ring, ring);
        } else {
            drop(ring);
        }
        drop(unneeded);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broadcast::Receiver")
    }
}
