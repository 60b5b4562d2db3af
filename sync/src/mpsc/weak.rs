//! Weak senders, with and without a limit. They differ in nothing but their names, so they are written once.

use super::channel::Weak;
use super::limit::{Bounded, Unbounded};
use super::{Sender, UnboundedSender};
use std::fmt;

macro_rules! weak {
    ($(#[$attribute:meta])* $name:ident, $limit:ty, $sender:ident, $make:literal) => {
        $(#[$attribute])*
        pub struct $name<T> {
            pub(super) weak: Weak<T, $limit>,
        }

        impl<T> $name<T> {
            /// Returns a sender, unless all senders were dropped: then the channel has ended for good.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("let (tx, _rx) = ayi::sync::mpsc::", $make, ";")]
            /// let weak = tx.downgrade();
            /// assert!(weak.upgrade().is_some());
            /// drop(tx);
            /// assert!(weak.upgrade().is_none());
            /// ```
            pub fn upgrade(&self) -> Option<$sender<T>> {
                self.weak.upgrade().map(|tx| $sender { tx })
            }

            /// Returns the number of senders.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("let (tx, _rx) = ayi::sync::mpsc::", $make, ";")]
            /// let weak = tx.downgrade();
            /// drop(tx);
            /// assert_eq!(weak.strong_count(), 0);
            /// ```
            pub fn strong_count(&self) -> usize {
                self.weak.counts().strong_count()
            }

            /// Returns the number of weak senders.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = concat!("let (tx, _rx) = ayi::sync::mpsc::", $make, ";")]
            /// let weak = tx.downgrade();
            /// assert_eq!(weak.clone().weak_count(), 2);
            /// ```
            pub fn weak_count(&self) -> usize {
                self.weak.counts().weak_count()
            }
        }

        impl<T> Clone for $name<T> {
            fn clone(&self) -> Self {
                $name { weak: self.weak.clone() }
            }
        }

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("strong_count", &self.strong_count()).finish()
            }
        }
    };
}

weak! {
    /// A sender that does not keep its channel open. Made by [`Sender::downgrade`].
    ///
    /// # Examples
    ///
    /// A receiver that sends to itself, and still ends with its last client:
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let (tx, mut rx) = ayi::sync::mpsc::channel::<u8>(8);
    /// let to_myself = tx.downgrade();
    /// drop(tx);
    /// assert_eq!(rx.recv().await, None);
    /// assert!(to_myself.upgrade().is_none());
    /// # }
    /// ```
    WeakSender, Bounded, Sender, "channel::<u8>(8)"
}

weak! {
    /// A sender that does not keep its channel open. Made by [`UnboundedSender::downgrade`].
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let (tx, mut rx) = ayi::sync::mpsc::unbounded_channel::<u8>();
    /// let to_myself = tx.downgrade();
    /// drop(tx);
    /// assert_eq!(rx.recv().await, None);
    /// assert!(to_myself.upgrade().is_none());
    /// # }
    /// ```
    WeakUnboundedSender, Unbounded, UnboundedSender, "unbounded_channel::<u8>()"
}
