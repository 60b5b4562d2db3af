//! A channel whose messages each go to all receivers.
//!
//! It holds a limited number of messages, and its senders never wait. If it is full, its oldest message makes room for
//! a new one. A receiver that is too slow is told how many messages it has missed, and goes on with the oldest that is
//! left: it lags. A receiver gets the messages that are sent after it was made.
//!
//! `broadcast/ring.rs` has the messages and the invariants.
//!
//! In tokio: `sync/broadcast.rs`.

#[cfg(all(test, loom))]
mod models;
mod receiver;
mod ring;
mod sender;

pub use receiver::Receiver;
pub use sender::{Sender, WeakSender};

/// Makes a channel that holds `capacity` messages, rounded up to the next power of two.
///
/// # Panics
///
/// Panics if `capacity` is zero, or more than half of `usize::MAX`.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// let (tx, mut one) = ayi::sync::broadcast::channel(16);
/// let mut other = tx.subscribe();
/// ayi::spawn(async move {
///     tx.send("water").unwrap();
///     tx.send("tea").unwrap();
/// });
/// assert_eq!((one.recv().await, one.recv().await), (Ok("water"), Ok("tea")));
/// assert_eq!((other.recv().await, other.recv().await), (Ok("water"), Ok("tea")));
/// # }
/// ```
#[track_caller]
pub fn channel<T: Clone>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(capacity);
    let receiver = sender.subscribe();
    (sender, receiver)
}

/// Why a message was not sent or received.
pub mod error {
    use std::error::Error;
    use std::fmt;

    /// There is no receiver. The message comes back.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = ayi::sync::broadcast::channel(16);
    /// drop(rx);
    /// let error = tx.send("tea").unwrap_err();
    /// assert_eq!((error.to_string().as_str(), error.0), ("channel closed", "tea"));
    /// ```
    #[derive(Debug)]
    pub struct SendError<T>(pub T);

    impl<T> fmt::Display for SendError<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("channel closed")
        }
    }

    impl<T: fmt::Debug> Error for SendError<T> {}

    /// The reason why a receiver gets no message.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::sync::broadcast::{channel, error::RecvError};
    /// let (tx, mut rx) = channel(1);
    /// tx.send(1).unwrap();
    /// tx.send(2).unwrap();
    /// let error = rx.recv().await.unwrap_err();
    /// assert_eq!((error.to_string().as_str(), error), ("channel lagged by 1", RecvError::Lagged(1)));
    /// # }
    /// ```
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum RecvError {
        /// There is no sender, and all messages have been received.
        Closed,
        /// The receiver was too slow for so many messages. The next call receives the oldest that is left.
        Lagged(u64),
    }

    impl fmt::Display for RecvError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self {
                RecvError::Closed => f.write_str("channel closed"),
                RecvError::Lagged(missed) => write!(f, "channel lagged by {missed}"),
            }
        }
    }

    impl Error for RecvError {}

    /// The reason why [`Receiver::try_recv`](super::Receiver::try_recv) returns no message.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::broadcast::{channel, error::TryRecvError};
    /// let (tx, mut rx) = channel::<u8>(1);
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    /// drop(tx);
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
    /// ```
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum TryRecvError {
        /// There is no message now, but one may be sent.
        Empty,
        /// There is no sender, and all messages have been received.
        Closed,
        /// The receiver was too slow for so many messages. The next call receives the oldest that is left.
        Lagged(u64),
    }

    impl fmt::Display for TryRecvError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self {
                TryRecvError::Empty => f.write_str("channel empty"),
                TryRecvError::Closed => f.write_str("channel closed"),
                TryRecvError::Lagged(missed) => write!(f, "channel lagged by {missed}"),
            }
        }
    }

    impl Error for TryRecvError {}
}
