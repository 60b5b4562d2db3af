//! The receiver of a watched value.

use super::error::RecvError;
use super::shared::{Shared, Version};
use super::{Ref, debug};
use crate::budget::poll_charged;
use crate::primitives::coop::{charge, poll_budget};
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;

/// Looks at the value, and waits for it to change. Made by [`channel`](super::channel) and
/// [`Sender::subscribe`](super::Sender::subscribe).
///
/// It knows which version of the value it has seen. A clone knows the same.
///
/// # Examples
///
/// A task that follows a configuration:
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// let (tx, mut limit) = ayi::sync::watch::channel(10);
/// let task = ayi::spawn(async move {
///     let mut seen = Vec::new();
///     while limit.changed().await.is_ok() {
///         seen.push(*limit.borrow_and_update());
///     }
///     seen
/// });
/// tx.send(20).unwrap();
/// drop(tx);
/// assert_eq!(task.await.unwrap(), [20]);
/// # }
/// ```
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// The version that it has seen.
    seen: Version,
}

impl<T> Receiver<T> {
    pub(super) fn new(shared: Arc<Shared<T>>, seen: Version) -> Receiver<T> {
        shared.receiver_comes();
        Receiver { shared, seen }
    }

    /// Looks at the value. [`changed`](Receiver::changed) does not know that: it still tells of this version if it has
    /// not done so yet. See [`Ref`] for what is locked meanwhile.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = ayi::sync::watch::channel(1);
    /// tx.send(2).unwrap();
    /// assert_eq!(*rx.borrow(), 2);
    /// assert!(rx.has_changed().unwrap());
    /// ```
    pub fn borrow(&self) -> Ref<'_, T> {
        let value = self.shared.read();
        let has_changed = self.shared.version().0 != self.seen;
        Ref { value, has_changed }
    }

    /// Looks at the value, which counts as seen. See [`Ref`] for what is locked meanwhile.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, mut rx) = ayi::sync::watch::channel(1);
    /// tx.send(2).unwrap();
    /// assert_eq!(*rx.borrow_and_update(), 2);
    /// assert!(!rx.has_changed().unwrap());
    /// ```
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let value = self.shared.read();
        let version = self.shared.version().0;
        let has_changed = version != self.seen;
        self.seen = version;
        Ref { value, has_changed }
    }

    /// Returns whether there is a version of the value that has not been seen.
    ///
    /// # Errors
    ///
    /// Fails if there is no sender, seen or not.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = ayi::sync::watch::channel(1);
    /// tx.send(1).unwrap();
    /// assert!(rx.has_changed().unwrap()); // values are not compared
    /// drop(tx);
    /// assert!(rx.has_changed().is_err());
    /// ```
    pub fn has_changed(&self) -> Result<bool, RecvError> {
        match self.shared.version() {
            (_, true) => Err(RecvError(())),
            (version, false) => Ok(version != self.seen),
        }
    }

    /// Returns whether there is no sender.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = ayi::sync::watch::channel(1);
    /// assert!(!rx.is_closed());
    /// drop(tx);
    /// assert!(rx.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.shared.version().1
    }

    /// Makes the value count as not seen, so that [`changed`](Receiver::changed) returns at once.
    ///
    /// # Examples
    ///
    /// ```
    /// let (_tx, mut rx) = ayi::sync::watch::channel(1);
    /// rx.mark_changed();
    /// assert!(rx.has_changed().unwrap());
    /// ```
    pub fn mark_changed(&mut self) {
        self.seen = self.seen.before();
    }

    /// Makes the value count as seen.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, mut rx) = ayi::sync::watch::channel(1);
    /// tx.send(2).unwrap();
    /// rx.mark_unchanged();
    /// assert!(!rx.has_changed().unwrap());
    /// ```
    pub fn mark_unchanged(&mut self) {
        self.seen = self.shared.version().0;
    }

    /// Waits until there is a version of the value that has not been seen, which then counts as seen.
    ///
    /// # Errors
    ///
    /// Fails if there is no sender and the value has been seen.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing counts as seen.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let (tx, mut rx) = ayi::sync::watch::channel(1);
    /// tx.send(2).unwrap();
    /// drop(tx);
    /// assert!(rx.changed().await.is_ok()); // the last value has not been seen
    /// assert!(rx.changed().await.is_err());
    /// # }
    /// ```
    pub async fn changed(&mut self) -> Result<(), RecvError> {
        let Receiver { shared, seen } = self;
        let mut changed = shared.changed();
        poll_fn(|cx| poll_charged(cx, |cx| changed.poll(cx, seen))).await
    }

    /// Waits until `is_met` returns `true` for the value, and looks at it. It counts as seen.
    ///
    /// `is_met` is asked for the value as it is now, seen or not, and after each change, unless several changes follow
    /// one another quickly. It runs while the value is locked for reading: it must not change it.
    ///
    /// # Errors
    ///
    /// Fails if there is no sender, and `is_met` has returned `false` for the last value.
    ///
    /// # Panics
    ///
    /// Panics if `is_met` does.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the values that `is_met` was asked for may count as seen.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let (tx, mut degrees) = ayi::sync::watch::channel(20);
    /// ayi::spawn(async move {
    ///     while *tx.borrow() < 100 {
    ///         tx.send_modify(|n| *n += 10);
    ///         ayi::task::yield_now().await;
    ///     }
    /// });
    /// assert!(*degrees.wait_for(|n| *n >= 80).await.unwrap() >= 80);
    /// # }
    /// ```
    pub async fn wait_for(&mut self, mut is_met: impl FnMut(&T) -> bool) -> Result<Ref<'_, T>, RecvError> {
        poll_fn(poll_budget).await;
        let Receiver { shared, seen } = self;
        let mut is_closed = false;
        loop {
            // A scope of its own: the lock must not live until the `.await` below.
            {
                let value = shared.read();
                let version = shared.version().0;
                let has_changed = version != *seen;
                *seen = version;
                if (!is_closed || has_changed) && is_met(&value) {
                    charge();
                    return Ok(Ref { value, has_changed });
                }
            }
            if is_closed {
                charge();
                return Err(RecvError(()));
            }
            let mut changed = shared.changed();
            is_closed = poll_fn(|cx| changed.poll(cx, seen)).await.is_err();
        }
    }

    /// Returns whether both look at the same value.
    ///
    /// # Examples
    ///
    /// ```
    /// let (_tx, rx) = ayi::sync::watch::channel(());
    /// assert!(rx.same_channel(&rx.clone()));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Receiver::new(self.shared.clone(), self.seen)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.receiver_goes();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Receiver", &self.shared, f)
    }
}
