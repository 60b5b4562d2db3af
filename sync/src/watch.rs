//! A channel that has one value: the latest one. Receivers are told that it has changed, and look at it.
//!
//! It is for what matters only in its latest state, such as a configuration or a progress: a receiver that is slow
//! misses what came in between. Any handle may look at any time.
//!
//! ```text
//!   Sender ── send ──▶ ┌ value, version ┐ ◀── borrow ── Receiver, with the version that it has seen
//!                      └────────────────┘ ── changed ──▶
//! ```
//!
//! `watch/shared.rs` has the invariants.
//!
//! In tokio: `sync/watch.rs`. There the receivers that wait are spread over eight lists with a lock each, all of which
//! each change visits. Here there is one list, so a change without waiters costs one lock more than the value's.

#[cfg(all(test, loom))]
mod models;
mod receiver;
mod sender;
mod shared;

pub use receiver::Receiver;
pub use sender::Sender;

use shared::{RwLockReadGuard, Shared};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Makes a channel that has `value`, which its receiver has seen already.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// let (tx, mut rx) = ayi::sync::watch::channel("cold");
/// assert_eq!(*rx.borrow(), "cold");
/// ayi::spawn(async move { tx.send("hot") });
/// rx.changed().await.unwrap();
/// assert_eq!(*rx.borrow_and_update(), "hot");
/// assert!(rx.changed().await.is_err()); // the sender has gone
/// # }
/// ```
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(value);
    let receiver = sender.subscribe();
    (sender, receiver)
}

/// A look at the value, which cannot change meanwhile. Made by [`Receiver::borrow`] and the like.
///
/// It locks the value for reading: a sender waits, on its thread, until it is dropped. So keep it only for a moment,
/// and never across an `.await`. A second one on the same thread may wait for a sender that waits for the first.
///
/// # Examples
///
/// ```
/// let (_tx, rx) = ayi::sync::watch::channel(String::from("tea"));
/// let length = rx.borrow().len();
/// assert_eq!(length, 3);
/// ```
pub struct Ref<'a, T> {
    value: RwLockReadGuard<'a, T>,
    has_changed: bool,
}

impl<T> Ref<'_, T> {
    /// Returns whether the receiver had not seen this version of the value before. For a sender it is always `false`.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, mut rx) = ayi::sync::watch::channel(1);
    /// tx.send(2).unwrap();
    /// assert!(rx.borrow_and_update().has_changed());
    /// assert!(!rx.borrow().has_changed());
    /// ```
    pub fn has_changed(&self) -> bool {
        self.has_changed
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Ref<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ref").field("value", &**self).field("has_changed", &self.has_changed).finish()
    }
}

/// What both handles show of themselves. The value is not among it, since that would lock it.
fn debug<T>(name: &str, shared: &Arc<Shared<T>>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (senders, receivers) = (shared.senders(), shared.receivers());
    f.debug_struct(name).field("senders", &senders).field("receivers", &receivers).finish_non_exhaustive()
}

/// Why a value was not sent, or will not change any more.
pub mod error {
    use std::error::Error;
    use std::fmt;

    /// There is no receiver. The value comes back.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = ayi::sync::watch::channel(1);
    /// drop(rx);
    /// let error = tx.send(2).unwrap_err();
    /// assert_eq!((error.to_string().as_str(), error.0), ("channel closed", 2));
    /// ```
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub struct SendError<T>(pub T);

    impl<T> fmt::Debug for SendError<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("SendError").finish_non_exhaustive()
        }
    }

    impl<T> fmt::Display for SendError<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("channel closed")
        }
    }

    impl<T> Error for SendError<T> {}

    /// There is no sender, so the value will not change any more.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = ayi::sync::watch::channel(1);
    /// drop(tx);
    /// assert_eq!(rx.has_changed().unwrap_err().to_string(), "channel closed");
    /// ```
    #[derive(Clone, Debug)]
    pub struct RecvError(pub(super) ());

    impl fmt::Display for RecvError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("channel closed")
        }
    }

    impl Error for RecvError {}
}
