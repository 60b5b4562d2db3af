//! The receivers, with and without a limit. They differ in nothing but their names and the sender in their examples, so
//! they are written once.

use super::channel::{Missing, Receiving, Rx};
use super::error::TryRecvError;
use super::limit::{Bounded, Unbounded};
use crate::budget::poll_charged;
use crate::primitives::block_thread_on;
use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};

macro_rules! receiver {
    ($(#[$attribute:meta])* $name:ident, $limit:ty, $make:literal, $channel:literal, $send:literal) => {
        $(#[$attribute])*
        pub struct $name<T> {
            pub(super) rx: Rx<T, $limit>,
        }

        impl<T> $name<T> {
            /// Waits for the next message. Returns `None` once no more messages can come: all senders were dropped, or
            /// the receiver was [closed](Self::close), and all messages have been received.
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
            #[doc = concat!("let (tx, mut rx) = ayi::sync::mpsc::", $make, ";")]
            /// ayi::spawn(async move {
            ///     for n in 0..3 {
            #[doc = concat!("        tx.", $send, "(n)", $channel, ".unwrap();")]
            ///     }
            /// });
            /// let mut sum = 0;
            /// while let Some(n) = rx.recv().await {
            ///     sum += n;
            /// }
            /// assert_eq!(sum, 3);
            /// # }
            /// ```
            pub async fn recv(&mut self) -> Option<T> {
                let receiving = Receiving(&mut self.rx);
                poll_fn(|cx| poll_charged(cx, |cx| receiving.0.poll_pop(cx))).await
            }

            /// Waits for messages, and appends up to `limit` of them to `buffer`: as many as there are. Returns their
            /// number. Zero means that no more messages can come, or that `limit` is zero.
            ///
            /// # Cancel safety
            ///
            /// No message is lost if the future is dropped: then it has not taken any.
            ///
            /// # Examples
            ///
            /// ```
            /// # #[ayi::main]
            /// # async fn main() {
            #[doc = concat!("let (tx, mut rx) = ayi::sync::mpsc::", $make, ";")]
            /// for n in 0..3 {
            #[doc = concat!("    tx.", $send, "(n)", $channel, ".unwrap();")]
            /// }
            /// let mut buffer = Vec::new();
            /// assert_eq!(rx.recv_many(&mut buffer, 100).await, 3);
            /// assert_eq!(buffer, [0, 1, 2]);
            /// # }
            /// ```
            pub async fn recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
                let receiving = Receiving(&mut self.rx);
                poll_fn(|cx| poll_charged(cx, |cx| receiving.0.poll_pop_many(cx, buffer, limit))).await
            }

            /// Receives a message if there is one. It does not wait.
            ///
            /// # Errors
            ///
            /// Returns [`Empty`](TryRecvError::Empty) if there is no message now, and
            /// [`Disconnected`](TryRecvError::Disconnected) if no more can come.
            ///
            /// # Examples
            ///
            /// ```
            /// use ayi::sync::mpsc::error::TryRecvError;
            #[doc = concat!("let (tx, mut rx) = ayi::sync::mpsc::", $make, ";")]
            /// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
            /// drop(tx);
            /// assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
            /// ```
            pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
                self.rx.try_pop().map_err(|missing| match missing {
                    Missing::Yet => TryRecvError::Empty,
                    Missing::Forever => TryRecvError::Disconnected,
                })
            }

            /// Waits like [`recv`](Self::recv), on a thread that runs no tasks.
            ///
            /// # Panics
            ///
            /// Panics inside a runtime, whose tasks would have to wait.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("let (tx, mut rx) = ayi::sync::mpsc::", $make, ";")]
            /// let thread = std::thread::spawn(move || rx.blocking_recv());
            /// ayi::runtime::Runtime::new().unwrap().block_on(async {
            #[doc = concat!("    tx.", $send, "(7)", $channel, ".unwrap();")]
            /// });
            /// assert_eq!(thread.join().unwrap(), Some(7));
            /// ```
            #[track_caller]
            pub fn blocking_recv(&mut self) -> Option<T> {
                block_thread_on(concat!("mpsc::", stringify!($name), "::blocking_recv"), "recv", self.recv())
            }

            /// Waits like [`recv_many`](Self::recv_many), on a thread that runs no tasks.
            ///
            /// # Panics
            ///
            /// Panics inside a runtime, whose tasks would have to wait.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("let (tx, mut rx) = ayi::sync::mpsc::", $make, ";")]
            /// ayi::runtime::Runtime::new().unwrap().block_on(async {
            #[doc = concat!("    tx.", $send, "(7)", $channel, ".unwrap();")]
            /// });
            /// let mut buffer = Vec::new();
            /// assert_eq!(rx.blocking_recv_many(&mut buffer, 100), 1);
            /// assert_eq!(buffer, [7]);
            /// ```
            #[track_caller]
            pub fn blocking_recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
                let what = concat!("mpsc::", stringify!($name), "::blocking_recv_many");
                block_thread_on(what, "recv_many", self.recv_many(buffer, limit))
            }

            /// Lets no more messages be sent. Those that have been sent can still be received, and so can those for
            /// which capacity was reserved before.
            ///
            /// # Examples
            ///
            /// ```
            /// # #[ayi::main]
            /// # async fn main() {
            #[doc = concat!("let (tx, mut rx) = ayi::sync::mpsc::", $make, ";")]
            #[doc = concat!("tx.", $send, "(1)", $channel, ".unwrap();")]
            /// rx.close();
            #[doc = concat!("assert!(tx.", $send, "(2)", $channel, ".is_err());")]
            /// assert_eq!((rx.recv().await, rx.recv().await), (Some(1), None));
            /// # }
            /// ```
            pub fn close(&mut self) {
                self.rx.close();
            }

            /// Returns whether it was [closed](Self::close), or all senders were dropped. There may still be messages.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("let (tx, rx) = ayi::sync::mpsc::", $make, ";")]
            /// assert!(!rx.is_closed());
            /// drop(tx);
            /// assert!(rx.is_closed());
            /// ```
            pub fn is_closed(&self) -> bool {
                self.rx.is_closed_or_over()
            }

            /// Returns whether there is no message now.
            ///
            /// # Examples
            ///
            /// ```
            /// # #[ayi::main]
            /// # async fn main() {
            #[doc = concat!("let (tx, rx) = ayi::sync::mpsc::", $make, ";")]
            /// assert!(rx.is_empty());
            #[doc = concat!("tx.", $send, "(1)", $channel, ".unwrap();")]
            /// assert!(!rx.is_empty());
            /// # }
            /// ```
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Returns the number of messages that are there now.
            ///
            /// # Examples
            ///
            /// ```
            /// # #[ayi::main]
            /// # async fn main() {
            #[doc = concat!("let (tx, rx) = ayi::sync::mpsc::", $make, ";")]
            #[doc = concat!("tx.", $send, "(1)", $channel, ".unwrap();")]
            /// assert_eq!(rx.len(), 1);
            /// # }
            /// ```
            pub fn len(&self) -> usize {
                self.rx.len()
            }

            /// Polls like [`recv`](Self::recv). Only the waker of the latest call is woken.
            ///
            /// # Examples
            ///
            /// ```
            /// # #[ayi::main]
            /// # async fn main() {
            #[doc = concat!("let (tx, mut rx) = ayi::sync::mpsc::", $make, ";")]
            #[doc = concat!("tx.", $send, "(7)", $channel, ".unwrap();")]
            /// assert_eq!(std::future::poll_fn(|cx| rx.poll_recv(cx)).await, Some(7));
            /// # }
            /// ```
            #[inline]
            pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
                poll_charged(cx, |cx| self.rx.poll_pop(cx))
            }

            /// Polls like [`recv_many`](Self::recv_many). Only the waker of the latest call is woken.
            ///
            /// # Examples
            ///
            /// ```
            /// # #[ayi::main]
            /// # async fn main() {
            #[doc = concat!("let (tx, mut rx) = ayi::sync::mpsc::", $make, ";")]
            #[doc = concat!("tx.", $send, "(7)", $channel, ".unwrap();")]
            /// let mut buffer = Vec::new();
            /// assert_eq!(std::future::poll_fn(|cx| rx.poll_recv_many(cx, &mut buffer, 9)).await, 1);
            /// # }
            /// ```
            pub fn poll_recv_many(
                &mut self,
                cx: &mut Context<'_>,
                buffer: &mut Vec<T>,
                limit: usize,
            ) -> Poll<usize> {
                poll_charged(cx, |cx| self.rx.poll_pop_many(cx, buffer, limit))
            }

            /// Returns the number of senders.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("let (tx, rx) = ayi::sync::mpsc::", $make, ";")]
            /// let other = tx.clone();
            /// assert_eq!(rx.sender_strong_count(), 2);
            /// ```
            pub fn sender_strong_count(&self) -> usize {
                self.rx.strong_count()
            }

            /// Returns the number of weak senders.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("let (tx, rx) = ayi::sync::mpsc::", $make, ";")]
            /// let weak = tx.downgrade();
            /// assert_eq!(rx.sender_weak_count(), 1);
            /// ```
            pub fn sender_weak_count(&self) -> usize {
                self.rx.weak_count()
            }
        }

        impl<T> Unpin for $name<T> {}

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let (len, is_closed) = (self.len(), self.is_closed());
                f.debug_struct(stringify!($name)).field("len", &len).field("is_closed", &is_closed).finish()
            }
        }
    };
}

receiver! {
    /// Receives the messages of a channel with a limit. Made by [`channel`](super::channel).
    ///
    /// If it is dropped, the messages that it has not received are dropped, and no more can be sent.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let (tx, mut rx) = ayi::sync::mpsc::channel(8);
    /// tx.send("tea").await.unwrap();
    /// assert_eq!(rx.recv().await, Some("tea"));
    /// # }
    /// ```
    Receiver, Bounded, "channel::<u8>(8)", ".await", "send"
}

receiver! {
    /// Receives the messages of a channel without a limit. Made by [`unbounded_channel`](super::unbounded_channel).
    ///
    /// If it is dropped, the messages that it has not received are dropped, and no more can be sent.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let (tx, mut rx) = ayi::sync::mpsc::unbounded_channel();
    /// tx.send("tea").unwrap();
    /// assert_eq!(rx.recv().await, Some("tea"));
    /// # }
    /// ```
    UnboundedReceiver, Unbounded, "unbounded_channel::<u8>()", "", "send"
}

impl<T> Receiver<T> {
    /// Returns how many messages can be sent now without waiting. Permits that are reserved are not among them.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tx, rx) = ayi::sync::mpsc::channel(8);
    /// tx.try_send(1).unwrap();
    /// assert_eq!((rx.capacity(), rx.max_capacity()), (7, 8));
    /// ```
    pub fn capacity(&self) -> usize {
        self.rx.limit.permits.available()
    }

    /// Returns the limit with which the channel was made.
    ///
    /// # Examples
    ///
    /// ```
    /// let (_tx, rx) = ayi::sync::mpsc::channel::<u8>(8);
    /// assert_eq!(rx.max_capacity(), 8);
    /// ```
    pub fn max_capacity(&self) -> usize {
        self.rx.limit.max
    }
}
