//! A value that is made once, by the first who needs it.
//!
//! Whoever makes the value has the only permit. If making it fails, panics or is given up, the permit goes to the next
//! who waits, and that one tries. Once there is a value, the permits are closed: so all who wait hear of it.
//!
//! Invariants:
//! 1. The slot is set only by who has the permit, and only once.
//! 2. The permits are closed if and only if the slot is full, apart from the moment between the two.
//!
//! In tokio: `sync/once_cell.rs`.

#[cfg(all(test, loom))]
mod models;

use crate::budget::poll_charged;
use crate::permits::Permits;
use crate::primitives::{What, const_unless_loom};
use crate::semaphore::TryAcquireError;
use crate::slot::Slot;
use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::task::Poll;

/// A value that is made once, by an async function, when somebody needs it for the first time.
///
/// Others who need it meanwhile wait for it. If making it fails, panics or is given up, the next one tries.
///
/// # Examples
///
/// ```
/// use ayi::sync::OnceCell;
///
/// static ADDRESSES: OnceCell<Vec<String>> = OnceCell::const_new();
///
/// async fn addresses() -> &'static [String] {
///     ADDRESSES.get_or_init(async || vec!["127.0.0.1".to_owned()]).await
/// }
/// # #[ayi::main]
/// # async fn main() {
/// assert_eq!(addresses().await.as_ptr(), addresses().await.as_ptr());
/// # }
/// ```
pub struct OnceCell<T> {
    value: Slot<T>,
    making: Permits,
}

/// The permit to make the value, which goes back if that does not work.
struct Making<'a>(&'a Permits);

const MAKING: What = What::lock("the value of a OnceCell");

impl<'a> Making<'a> {
    /// The permit has been taken.
    fn begins(permits: &'a Permits) -> Making<'a> {
        permits.holder.take();
        Making(permits)
    }
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        self.0.holder.give_back();
        self.0.release(1);
    }
}

impl<T> OnceCell<T> {
    /// Makes one without a value.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!ayi::sync::OnceCell::<u32>::new().initialized());
    /// ```
    pub fn new() -> OnceCell<T> {
        OnceCell::const_new()
    }

    const_unless_loom! {
        /// Makes one without a value, also for a `static`.
        ///
        /// # Examples
        ///
        /// ```
        /// use ayi::sync::OnceCell;
        /// static NUMBER: OnceCell<u32> = OnceCell::const_new();
        /// assert_eq!(NUMBER.get(), None);
        /// ```
        pub const fn const_new() -> OnceCell<T> {
            OnceCell { value: Slot::new(None), making: Permits::new(1, MAKING) }
        }
    }

    /// Makes one with a value, if there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(ayi::sync::OnceCell::new_with(Some(7)).get(), Some(&7));
    /// ```
    pub fn new_with(value: Option<T>) -> OnceCell<T> {
        match value {
            Some(value) => OnceCell::const_new_with(value),
            None => OnceCell::const_new(),
        }
    }

    const_unless_loom! {
        /// Makes one with a value, also for a `static`.
        ///
        /// # Examples
        ///
        /// ```
        /// use ayi::sync::OnceCell;
        /// static NUMBER: OnceCell<u32> = OnceCell::const_new_with(7);
        /// assert_eq!(NUMBER.get(), Some(&7));
        /// ```
        pub const fn const_new_with(value: T) -> OnceCell<T> {
            OnceCell { value: Slot::new(Some(value)), making: Permits::new_closed(MAKING) }
        }
    }

    /// Returns whether there is a value.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(ayi::sync::OnceCell::from(7).initialized());
    /// ```
    pub fn initialized(&self) -> bool {
        self.value.get().is_some()
    }

    /// Returns the value, if there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(ayi::sync::OnceCell::from(7).get(), Some(&7));
    /// ```
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// Returns the value, if there is one, to change it. The caller has the cell for itself.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut cell = ayi::sync::OnceCell::from(7);
    /// *cell.get_mut().unwrap() += 1;
    /// assert_eq!(cell.get(), Some(&8));
    /// ```
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// Sets the value.
    ///
    /// # Errors
    ///
    /// Gives the value back if there is one already, or if somebody is making one.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{OnceCell, SetError};
    /// let number = OnceCell::new();
    /// assert_eq!(number.set(7), Ok(()));
    /// assert_eq!(number.set(8), Err(SetError::AlreadyInitializedError(8)));
    /// ```
    pub fn set(&self, value: T) -> Result<(), SetError<T>> {
        match self.making.try_acquire(1) {
            Ok(()) => {
                self.fill(Making::begins(&self.making), value);
                Ok(())
            }
            Err(TryAcquireError::Closed) => Err(SetError::AlreadyInitializedError(value)),
            Err(TryAcquireError::NoPermits) => Err(SetError::InitializingError(value)),
        }
    }

    /// Returns the value, which the future of `f` makes if there is none.
    ///
    /// The value of a cell must not be needed to make it: that would wait for ever.
    ///
    /// # Panics
    ///
    /// Panics if `f` or its future does. The next caller may then make the value.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, so is the future of `f`, and the next caller makes the value.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let number = ayi::sync::OnceCell::new();
    /// assert_eq!(*number.get_or_init(async || 7).await, 7);
    /// assert_eq!(*number.get_or_init(async || unreachable!("there is one")).await, 7);
    /// # }
    /// ```
    pub async fn get_or_init<F, Fut>(&self, f: F) -> &T
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = T>,
    {
        if let Some(value) = self.value.get() {
            return charged(value).await;
        }
        match self.make(async || Ok::<T, Infallible>(f().await)).await {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// Returns the value, which the future of `f` makes if there is none.
    ///
    /// # Errors
    ///
    /// Fails if the future of `f` does. The next caller may then make the value.
    ///
    /// # Panics
    ///
    /// Panics if `f` or its future does. The next caller may then make the value.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, so is the future of `f`, and the next caller makes the value.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let number = ayi::sync::OnceCell::new();
    /// assert!(number.get_or_try_init(async || "seven".parse::<u32>()).await.is_err());
    /// assert_eq!(number.get_or_try_init(async || "7".parse::<u32>()).await, Ok(&7));
    /// # }
    /// ```
    pub async fn get_or_try_init<E, F, Fut>(&self, f: F) -> Result<&T, E>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        if let Some(value) = self.value.get() {
            return Ok(charged(value).await);
        }
        self.make(f).await
    }

    /// Waits until nobody else makes the value, and makes it then, if it is not there.
    async fn make<E, F, Fut>(&self, f: F) -> Result<&T, E>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        if self.making.acquire(1).await.is_ok() {
            let making = Making::begins(&self.making);
            let value = f().await?;
            self.fill(making, value);
        }
        Ok(self.value.get().expect("invariant 2"))
    }

    /// Sets the value, invariant 1, and tells those who wait.
    fn fill(&self, making: Making<'_>, value: T) {
        if self.value.try_set(value).is_err() {
            unreachable!("invariant 1");
        }
        self.making.close();
        drop(making);
    }

    /// Returns the value, if there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(ayi::sync::OnceCell::from(7).into_inner(), Some(7));
    /// ```
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Takes the value out, if there is one, and leaves a cell without.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut cell = ayi::sync::OnceCell::from(7);
    /// assert_eq!((cell.take(), cell.get()), (Some(7), None));
    /// ```
    pub fn take(&mut self) -> Option<T> {
        mem::take(self).into_inner()
    }
}

/// Costs what waiting would have cost.
#[inline]
fn charged<T>(value: &T) -> impl Future<Output = &T> {
    poll_fn(move |cx| poll_charged(cx, |_| Poll::Ready(value)))
}

impl<T> Default for OnceCell<T> {
    fn default() -> OnceCell<T> {
        OnceCell::new()
    }
}

impl<T> From<T> for OnceCell<T> {
    fn from(value: T) -> OnceCell<T> {
        OnceCell::const_new_with(value)
    }
}

impl<T: Clone> Clone for OnceCell<T> {
    fn clone(&self) -> OnceCell<T> {
        OnceCell::new_with(self.get().cloned())
    }
}

impl<T: PartialEq> PartialEq for OnceCell<T> {
    fn eq(&self, other: &OnceCell<T>) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceCell<T> {}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceCell").field("value", &self.get()).finish()
    }
}

/// The value that [`OnceCell::set`] did not take.
///
/// # Examples
///
/// ```
/// let error = ayi::sync::OnceCell::from(7).set(8).unwrap_err();
/// assert!(error.is_already_init_err());
/// ```
#[derive(Debug, PartialEq, Eq)]
pub enum SetError<T> {
    /// There is a value.
    AlreadyInitializedError(T),
    /// Somebody is making one.
    InitializingError(T),
}

impl<T> SetError<T> {
    /// Returns whether there was a value already.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::SetError;
    /// assert!(SetError::AlreadyInitializedError(7).is_already_init_err());
    /// ```
    pub fn is_already_init_err(&self) -> bool {
        matches!(self, SetError::AlreadyInitializedError(_))
    }

    /// Returns whether somebody was making a value.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::SetError;
    /// assert!(SetError::InitializingError(7).is_initializing_err());
    /// ```
    pub fn is_initializing_err(&self) -> bool {
        matches!(self, SetError::InitializingError(_))
    }
}

impl<T> fmt::Display for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SetError::AlreadyInitializedError(_) => {
                "OnceCell has a value already, which stays: read it with `get`"
            }
            SetError::InitializingError(_) => {
                "somebody is making the value of the OnceCell: wait for it with `get_or_init`"
            }
        })
    }
}

impl<T: fmt::Debug> std::error::Error for SetError<T> {}
