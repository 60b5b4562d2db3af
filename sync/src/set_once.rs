//! A value that is set once, and for which anybody may wait.
//!
//! In tokio: `sync/set_once.rs`.

#[cfg(all(test, loom))]
mod models;

use crate::budget::poll_charged;
use crate::place::{List, Place, wake_all};
use crate::primitives::{Mutex, What, const_unless_loom};
use crate::slot::Slot;
use crate::waiters::Waiters;
use std::fmt;
use std::future::poll_fn;
use std::task::Poll;

const SETTING: What = What::new("the value of a SetOnce");

/// A value that is set once. Tasks wait until it is there, and then share it.
///
/// Unlike a [`OnceCell`](super::OnceCell), it does not know how to make the value: whoever has it sets it.
///
/// # Examples
///
/// ```
/// use ayi::sync::SetOnce;
///
/// static SETTINGS: SetOnce<String> = SetOnce::const_new();
///
/// # #[ayi::main]
/// # async fn main() {
/// let waits = ayi::spawn(async { SETTINGS.wait().await.len() });
/// SETTINGS.set("quiet".to_owned()).unwrap();
/// assert_eq!(waits.await.unwrap(), 5);
/// assert!(SETTINGS.set("loud".to_owned()).is_err());
/// # }
/// ```
pub struct SetOnce<T> {
    /// Is set under the lock, so that nobody takes a place in the list afterwards.
    value: Slot<T>,
    waiting: Mutex<List>,
}

impl<T> SetOnce<T> {
    /// Makes one without a value.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!ayi::sync::SetOnce::<u32>::new().initialized());
    /// ```
    pub fn new() -> SetOnce<T> {
        SetOnce::const_new()
    }

    const_unless_loom! {
        /// Makes one without a value, also for a `static`.
        ///
        /// # Examples
        ///
        /// ```
        /// use ayi::sync::SetOnce;
        /// static NUMBER: SetOnce<u32> = SetOnce::const_new();
        /// assert_eq!(NUMBER.get(), None);
        /// ```
        pub const fn const_new() -> SetOnce<T> {
            SetOnce { value: Slot::new(None), waiting: Mutex::new(Waiters::new(SETTING)) }
        }
    }

    /// Makes one with a value, if there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(ayi::sync::SetOnce::new_with(Some(7)).get(), Some(&7));
    /// ```
    pub fn new_with(value: Option<T>) -> SetOnce<T> {
        SetOnce { value: Slot::new(value), waiting: Mutex::new(Waiters::new(SETTING)) }
    }

    const_unless_loom! {
        /// Makes one with a value, also for a `static`.
        ///
        /// # Examples
        ///
        /// ```
        /// use ayi::sync::SetOnce;
        /// static NUMBER: SetOnce<u32> = SetOnce::const_new_with(7);
        /// assert_eq!(NUMBER.get(), Some(&7));
        /// ```
        pub const fn const_new_with(value: T) -> SetOnce<T> {
            SetOnce { value: Slot::new(Some(value)), waiting: Mutex::new(Waiters::new(SETTING)) }
        }
    }

    /// Returns whether there is a value.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(ayi::sync::SetOnce::from(7).initialized());
    /// ```
    pub fn initialized(&self) -> bool {
        self.value.get().is_some()
    }

    /// Returns the value, if there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(ayi::sync::SetOnce::from(7).get(), Some(&7));
    /// ```
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// Sets the value, and wakes all who wait for it.
    ///
    /// # Errors
    ///
    /// Gives the value back if there is one already.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{SetOnce, SetOnceError};
    /// let number = SetOnce::new();
    /// assert_eq!(number.set(7), Ok(()));
    /// assert_eq!(number.set(8), Err(SetOnceError(8)));
    /// ```
    pub fn set(&self, value: T) -> Result<(), SetOnceError<T>> {
        let waiting = self.waiting.lock();
        // Whoever comes second waits for the lock, so it is told of a value that can be got. The value is only moved.
        let result = self.value.try_set(value).map_err(SetOnceError);
        match result {
            Ok(()) => wake_all::<_, 0>(&self.waiting, waiting),
            Err(_) => drop(waiting),
        }
        result
    }

    /// Returns the value, if there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(ayi::sync::SetOnce::from(7).into_inner(), Some(7));
    /// ```
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Waits until there is a value.
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
    /// use ayi::sync::SetOnce;
    /// let number = SetOnce::from(7);
    /// assert_eq!(*number.wait().await, 7);
    /// # }
    /// ```
    pub async fn wait(&self) -> &T {
        let mut place = Place::<List>::new(&self.waiting);
        poll_fn(|cx| {
            poll_charged(cx, |cx| match self.value.get() {
                Some(value) if !place.is_taken() => Poll::Ready(value),
                _ => place.poll(cx, |_| self.value.get()),
            })
        })
        .await
    }
}

impl<T> Default for SetOnce<T> {
    fn default() -> SetOnce<T> {
        SetOnce::new()
    }
}

impl<T> From<T> for SetOnce<T> {
    fn from(value: T) -> SetOnce<T> {
        SetOnce::new_with(Some(value))
    }
}

impl<T: Clone> Clone for SetOnce<T> {
    fn clone(&self) -> SetOnce<T> {
        SetOnce::new_with(self.get().cloned())
    }
}

impl<T: PartialEq> PartialEq for SetOnce<T> {
    fn eq(&self, other: &SetOnce<T>) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for SetOnce<T> {}

impl<T: fmt::Debug> fmt::Debug for SetOnce<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetOnce").field("value", &self.get()).finish()
    }
}

/// The value that [`SetOnce::set`] did not take, since there was one already.
///
/// # Examples
///
/// ```
/// let error = ayi::sync::SetOnce::from(7).set(8).unwrap_err();
/// assert_eq!(error.0, 8);
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct SetOnceError<T>(pub T);

impl<T> fmt::Display for SetOnceError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SetOnce has a value already, which stays: read it with `get`")
    }
}

impl<T: fmt::Debug> std::error::Error for SetOnceError<T> {}
