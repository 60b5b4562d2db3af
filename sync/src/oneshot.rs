//! A channel for one value, from one sender to one receiver.
//!
//! [`Sender::send`] never waits, so it also serves outside of async code. The [`Receiver`] is a future. Typically one
//! goes along with a request, and brings the answer back.
//!
//! ```text
//!   Sender ── send ──────────▶ ┌───────┐ ─────────▶ Receiver
//!      ◀── closed, is_closed ─ └───────┘ ◀─ close, drop
//! ```
//!
//! `oneshot/shared.rs` has the memory that both ends share, and the invariants.
//!
//! In tokio: `sync/oneshot.rs`. There the two ends count their references to that memory, apart from the state. Here
//! one byte says both, so a value that was sent before anybody waits costs one atomic change instead of three.

mod cell;
#[cfg(all(test, loom))]
mod models;
mod shared;

use crate::budget::poll_charged;
use crate::primitives::{WaitNote, What, block_thread_on};
use error::{RecvError, TryRecvError};
use shared::{Found, Rx, Tx};
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Makes a channel for one value.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// use ayi::sync::oneshot;
/// let (answer, question) = oneshot::channel();
/// ayi::spawn(async move { answer.send(6 * 7) });
/// assert_eq!(question.await, Ok(42));
/// # }
/// ```
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (tx, rx) = shared::new();
    (Sender { tx }, Receiver { rx: Some(rx), note: WaitNote::new() })
}

/// Sends a value to its [`Receiver`]. Made by [`channel`].
///
/// If it is dropped without having sent, the receiver gets an error.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// let (sender, receiver) = ayi::sync::oneshot::channel::<u8>();
/// drop(sender);
/// assert!(receiver.await.is_err());
/// # }
/// ```
pub struct Sender<T> {
    tx: Tx<T>,
}

/// Receives the value of a [`Sender`]. It is a future, made by [`channel`].
///
/// Await `&mut receiver` to keep it, for example in a loop around `select!`.
///
/// # Cancel safety
///
/// The receiver is the future. As long as it exists, it keeps the value.
///
/// # Panics
///
/// Panics if it is polled after it has completed.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// let (sender, receiver) = ayi::sync::oneshot::channel();
/// sender.send("tea").unwrap();
/// assert_eq!(receiver.await.unwrap(), "tea");
/// # }
/// ```
pub struct Receiver<T> {
    /// `None` once it has completed.
    rx: Option<Rx<T>>,
    /// While it waits.
    note: WaitNote,
}

impl<T> Sender<T> {
    /// Sends the value. It does not wait.
    ///
    /// `Ok` does not mean that the value will be received: the receiver may be dropped afterwards.
    ///
    /// # Errors
    ///
    /// Returns the value if the receiver was dropped or [closed](Receiver::close).
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = ayi::sync::oneshot::channel();
    /// drop(receiver);
    /// assert_eq!(sender.send(7), Err(7));
    /// ```
    pub fn send(self, value: T) -> Result<(), T> {
        self.tx.send(value)
    }

    /// Waits until the receiver is dropped or [closed](Receiver::close), so that the sender's task can stop its work.
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
    /// let (mut sender, receiver) = ayi::sync::oneshot::channel::<u8>();
    /// ayi::spawn(async move { drop(receiver) });
    /// sender.closed().await;
    /// assert!(sender.is_closed());
    /// # }
    /// ```
    pub async fn closed(&mut self) {
        let mut note = WaitNote::new();
        poll_fn(|cx| {
            let is_closed = self.poll_closed(cx);
            if is_closed.is_pending() {
                note.begin(What::new("the end of a oneshot channel's receiver"), self.tx.address());
            }
            is_closed
        })
        .await
    }

    /// Returns whether the receiver was dropped or [closed](Receiver::close).
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, mut receiver) = ayi::sync::oneshot::channel::<u8>();
    /// assert!(!sender.is_closed());
    /// receiver.close();
    /// assert!(sender.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.tx.is_closed()
    }

    /// Polls like [`closed`](Sender::closed). Only the waker of the latest call is woken.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let (mut sender, receiver) = ayi::sync::oneshot::channel::<u8>();
    /// drop(receiver);
    /// std::future::poll_fn(|cx| sender.poll_closed(cx)).await;
    /// # }
    /// ```
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        poll_charged(cx, |cx| self.tx.poll_closed(cx))
    }
}

impl<T> Receiver<T> {
    /// Lets no value be sent from now on. If one has been sent before, it can still be received.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, mut receiver) = ayi::sync::oneshot::channel();
    /// sender.send(1).unwrap();
    /// receiver.close();
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// ```
    pub fn close(&mut self) {
        if let Some(rx) = &mut self.rx {
            rx.close();
        }
    }

    /// Returns whether it has completed, with a value or an error. Then it must not be polled again.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let (sender, mut receiver) = ayi::sync::oneshot::channel();
    /// sender.send(1).unwrap();
    /// assert!(!receiver.is_terminated());
    /// assert_eq!((&mut receiver).await, Ok(1));
    /// assert!(receiver.is_terminated());
    /// # }
    /// ```
    pub fn is_terminated(&self) -> bool {
        self.rx.is_none()
    }

    /// Returns whether there is no value: it has not been sent, has been received, or will never be sent.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = ayi::sync::oneshot::channel();
    /// assert!(receiver.is_empty());
    /// sender.send(1).unwrap();
    /// assert!(!receiver.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        !self.rx.as_ref().is_some_and(|rx| matches!(rx.look(), Found::Value))
    }

    /// Receives the value if it has been sent. It does not wait.
    ///
    /// # Errors
    ///
    /// Returns [`Empty`](TryRecvError::Empty) if it has not been sent yet. Returns [`Closed`](TryRecvError::Closed) if
    /// it will never be sent, or has been received.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::oneshot::{self, error::TryRecvError};
    /// let (sender, mut receiver) = oneshot::channel();
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    /// ```
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        match self.found() {
            None => Err(TryRecvError::Empty),
            Some(None) => Err(TryRecvError::Closed),
            Some(Some(value)) => Ok(value),
        }
    }

    /// Waits for the value on a thread that runs no tasks.
    ///
    /// # Errors
    ///
    /// Fails if the sender was dropped without having sent.
    ///
    /// # Panics
    ///
    /// Panics inside a runtime, whose tasks would have to wait.
    ///
    /// # Examples
    ///
    /// ```
    /// let (sender, receiver) = ayi::sync::oneshot::channel();
    /// let thread = std::thread::spawn(move || receiver.blocking_recv());
    /// sender.send("from another thread").unwrap();
    /// assert_eq!(thread.join().unwrap(), Ok("from another thread"));
    /// ```
    #[track_caller]
    pub fn blocking_recv(self) -> Result<T, RecvError> {
        block_thread_on("oneshot::Receiver::blocking_recv", "oneshot::Receiver::into_future", self)
    }

    /// The value, or its end, after which this receiver has completed.
    fn found(&mut self) -> Option<Option<T>> {
        let Some(rx) = &self.rx else { return Some(None) };
        match rx.look() {
            Found::Nothing => None,
            Found::Value => Some(self.rx.take().map(Rx::take)),
            Found::End => {
                self.rx = None;
                Some(None)
            }
        }
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        poll_charged(cx, |cx| {
            assert!(self.rx.is_some(), "this oneshot::Receiver has completed: poll it no more");
            let found = match self.found() {
                Some(found) => found,
                None => {
                    let Receiver { rx, note } = &mut *self;
                    let rx = rx.as_mut().expect("nothing was found yet");
                    if rx.wait(cx).is_pending() {
                        note.begin(What::new("the value of a oneshot channel"), rx.address());
                        return Poll::Pending;
                    }
                    self.found().expect("it waited until there was something")
                }
            };
            self.note.end();
            Poll::Ready(found.ok_or(RecvError(())))
        })
    }
}

impl<T> Unpin for Receiver<T> {}
impl<T> Unpin for Sender<T> {}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("is_closed", &self.is_closed()).finish()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (empty, terminated) = (self.is_empty(), self.is_terminated());
        f.debug_struct("Receiver").field("is_empty", &empty).field("is_terminated", &terminated).finish()
    }
}

/// Why there is no value.
pub mod error {
    use std::fmt;

    /// The sender was dropped without having sent, or the receiver had been closed before.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let (_, receiver) = ayi::sync::oneshot::channel::<u8>();
    /// assert_eq!(receiver.await.unwrap_err().to_string(), "channel closed");
    /// # }
    /// ```
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RecvError(pub(super) ());

    impl fmt::Display for RecvError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("channel closed")
        }
    }

    impl std::error::Error for RecvError {}

    /// The reason why [`Receiver::try_recv`](super::Receiver::try_recv) returns no value.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::oneshot::{channel, error::TryRecvError};
    /// let (_sender, mut receiver) = channel::<u8>();
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// ```
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum TryRecvError {
        /// The value has not been sent yet.
        Empty,
        /// There will be no value, or it has been received.
        Closed,
    }

    impl fmt::Display for TryRecvError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(match self {
                TryRecvError::Empty => "channel empty",
                TryRecvError::Closed => "channel closed",
            })
        }
    }

    impl std::error::Error for TryRecvError {}
}
