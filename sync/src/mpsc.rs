//! Channels from many senders to one receiver, first in, first out.
//!
//! [`channel`] has a limit: a sender waits while it is full, so a slow receiver slows its senders down. Each message
//! uses one unit of the capacity from the moment when it is sent, or reserved, until it is received.
//! [`unbounded_channel`] has no limit, so its senders never wait, and memory is all that bounds it.
//!
//! A channel ends for its receiver when all senders were dropped, or when the receiver was closed and what was sent or
//! reserved before has come. It ends for its senders when the receiver is closed or dropped.
//!
//! `mpsc/channel.rs` has the queue and its invariants, `mpsc/limit.rs` the limit.
//!
//! In tokio: `sync/mpsc`.

mod channel;
pub mod error;
mod limit;
#[cfg(all(test, loom))]
mod models;
mod permit;
mod receiver;
mod reserve;
mod sender;
mod unbounded;
mod weak;

pub use permit::{OwnedPermit, Permit, PermitIterator};
pub use receiver::{Receiver, UnboundedReceiver};
pub use sender::Sender;
pub use unbounded::UnboundedSender;
pub use weak::{WeakSender, WeakUnboundedSender};

use crate::permits::Permits;
use crate::primitives::What;
use limit::{Bounded, Unbounded};

/// Makes a channel that holds up to `capacity` messages. Its senders wait while it is full.
///
/// # Panics
///
/// Panics if `capacity` is zero, or more than [`Semaphore::MAX_PERMITS`](crate::Semaphore::MAX_PERMITS).
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// let (tx, mut rx) = ayi::sync::mpsc::channel(2);
/// ayi::spawn(async move {
///     for n in 0..100 {
///         tx.send(n).await.unwrap(); // waits while two messages are there
///     }
/// });
/// let mut sum = 0;
/// while let Some(n) = rx.recv().await {
///     sum += n;
/// }
/// assert_eq!(sum, 4_950);
/// # }
/// ```
#[track_caller]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "mpsc::channel with a capacity of 0 could not hold a message: give it at least 1");
    assert!(
        capacity <= Permits::MAX,
        "mpsc::channel has at most Semaphore::MAX_PERMITS of capacity: use unbounded_channel"
    );
    let permits = Permits::new(capacity, What::new("room in an mpsc channel"));
    let (tx, rx) = channel::channel(Bounded { permits, max: capacity });
    (Sender { tx }, Receiver { rx })
}

/// Makes a channel without a limit. Its senders never wait.
///
/// If messages are sent faster than they are received, memory grows until there is none left. Use it where something
/// else bounds the number of messages.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// let (tx, mut rx) = ayi::sync::mpsc::unbounded_channel();
/// tx.send("water").unwrap();
/// tx.send("tea").unwrap();
/// drop(tx);
/// assert_eq!((rx.recv().await, rx.recv().await, rx.recv().await), (Some("water"), Some("tea"), None));
/// # }
/// ```
pub fn unbounded_channel<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    let (tx, rx) = channel::channel(Unbounded);
    (UnboundedSender { tx }, UnboundedReceiver { rx })
}
