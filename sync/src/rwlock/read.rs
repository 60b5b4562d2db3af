//! Guards of readers.

use super::RwLock;
use crate::guards::guard_traits;
use crate::locked::{Gate, View};
use std::sync::Arc;

/// The value of a [`RwLock`], or a part of it, for as long as this is held. Others may read it, too.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// let lock = ayi::sync::RwLock::new(1);
/// let guard = lock.read().await;
/// assert!(*guard == 1 && lock.try_write().is_err());
/// drop(guard); // now somebody may write
/// assert!(lock.try_write().is_ok());
/// # }
/// ```
#[clippy::has_significant_drop]
#[must_use = "the lock is free at once if the guard is not kept"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    pub(super) inner: View<&'a Gate, T>,
}

/// The value of a [`RwLock`], or a part of it, for as long as this is held. Others may read it, too. It shares the
/// ownership of the lock.
///
/// # Examples
///
/// ```
/// use ayi::sync::RwLock;
/// use std::sync::Arc;
///
/// # #[ayi::main]
/// # async fn main() {
/// let guard = Arc::new(RwLock::new(1)).read_owned().await;
/// ayi::spawn(async move { assert_eq!(*guard, 1) }).await.unwrap();
/// # }
/// ```
#[clippy::has_significant_drop]
pub struct OwnedRwLockReadGuard<T: ?Sized, U: ?Sized = T> {
    pub(super) inner: View<Arc<RwLock<T>>, U>,
}

guard_traits! { reads ['a, T: ?Sized] RwLockReadGuard<'a, T> => T }
guard_traits! { reads [T: ?Sized, U: ?Sized] OwnedRwLockReadGuard<T, U> => U }

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    /// Makes a guard of a part of the value, which `f` picks. It is called as `RwLockReadGuard::map(guard, f)`, since a
    /// method would hide one of the value's.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{RwLock, RwLockReadGuard};
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = RwLock::new((1, "one"));
    /// let guard = lock.read().await;
    /// let number = RwLockReadGuard::map(guard, |pair| &pair.0);
    /// assert_eq!(*number, 1);
    /// # }
    /// ```
    #[inline]
    pub fn map<F, U: ?Sized>(this: Self, f: F) -> RwLockReadGuard<'a, U>
    where
        F: FnOnce(&T) -> &U,
    {
        RwLockReadGuard { inner: this.inner.map(f) }
    }

    /// Makes a guard of a part of the value, if `f` finds one.
    ///
    /// # Errors
    ///
    /// Returns this guard if `f` returns `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{RwLock, RwLockReadGuard};
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = RwLock::new(vec![1, 2]);
    /// let guard = lock.read().await;
    /// let guard = RwLockReadGuard::try_map(guard, |numbers| numbers.get(2)).unwrap_err();
    /// let last = RwLockReadGuard::try_map(guard, |numbers| numbers.last()).unwrap();
    /// assert_eq!(*last, 2);
    /// # }
    /// ```
    #[inline]
    pub fn try_map<F, U: ?Sized>(this: Self, f: F) -> Result<RwLockReadGuard<'a, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        match this.inner.try_map(f) {
            Ok(inner) => Ok(RwLockReadGuard { inner }),
            Err(inner) => Err(RwLockReadGuard { inner }),
        }
    }
}

impl<T: ?Sized, U: ?Sized> OwnedRwLockReadGuard<T, U> {
    /// Makes a guard of a part of the value, which `f` picks. It is called as `OwnedRwLockReadGuard::map(guard, f)`, since a
    /// method would hide one of the value's.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{OwnedRwLockReadGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let guard = Arc::new(RwLock::new((1, "one"))).read_owned().await;
    /// let number = OwnedRwLockReadGuard::map(guard, |pair| &pair.0);
    /// assert_eq!(*number, 1);
    /// # }
    /// ```
    #[inline]
    pub fn map<F, V: ?Sized>(this: Self, f: F) -> OwnedRwLockReadGuard<T, V>
    where
        F: FnOnce(&U) -> &V,
    {
        OwnedRwLockReadGuard { inner: this.inner.map(f) }
    }

    /// Makes a guard of a part of the value, if `f` finds one.
    ///
    /// # Errors
    ///
    /// Returns this guard if `f` returns `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{OwnedRwLockReadGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let guard = Arc::new(RwLock::new(vec![1, 2])).read_owned().await;
    /// let guard = OwnedRwLockReadGuard::try_map(guard, |numbers| numbers.get(2)).unwrap_err();
    /// let last = OwnedRwLockReadGuard::try_map(guard, |numbers| numbers.last()).unwrap();
    /// assert_eq!(*last, 2);
    /// # }
    /// ```
    #[inline]
    pub fn try_map<F, V: ?Sized>(this: Self, f: F) -> Result<OwnedRwLockReadGuard<T, V>, Self>
    where
        F: FnOnce(&U) -> Option<&V>,
    {
        match this.inner.try_map(f) {
            Ok(inner) => Ok(OwnedRwLockReadGuard { inner }),
            Err(inner) => Err(OwnedRwLockReadGuard { inner }),
        }
    }

    /// Returns the lock of the guard.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{OwnedRwLockReadGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = Arc::new(RwLock::new(7));
    /// let guard = lock.clone().read_owned().await;
    /// assert!(Arc::ptr_eq(OwnedRwLockReadGuard::rwlock(&guard), &lock));
    /// # }
    /// ```
    #[inline]
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        this.inner.keeper()
    }
}
