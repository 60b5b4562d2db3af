//! Guards of writers, of a part of the value.

use super::RwLock;
use crate::guards::guard_traits;
use crate::locked::{Gate, Part};
use std::marker::PhantomData;
use std::sync::Arc;

/// A part of the value of a [`RwLock`], for as long as this is held. Nobody else has the value meanwhile.
/// [`RwLockWriteGuard::map`](super::RwLockWriteGuard::map) makes it.
///
/// It does not go on as a reader: the part may be one that only a writer can reach.
///
/// # Examples
///
/// ```
/// use ayi::sync::{RwLock, RwLockMappedWriteGuard, RwLockWriteGuard};
///
/// # #[ayi::main]
/// # async fn main() {
/// let lock = RwLock::new((1, "one"));
/// let mut name: RwLockMappedWriteGuard<'_, &str> = RwLockWriteGuard::map(lock.write().await, |pair| &mut pair.1);
/// *name = "uno";
/// drop(name);
/// assert_eq!(*lock.read().await, (1, "uno"));
/// # }
/// ```
#[clippy::has_significant_drop]
pub struct RwLockMappedWriteGuard<'a, T: ?Sized> {
    pub(super) inner: Part<&'a Gate, T>,
    /// It is sent like the guard of which it is made, to which readers may come.
    pub(super) value: PhantomData<&'a T>,
}

/// A part of the value of a [`RwLock`], for as long as this is held. Nobody else has the value meanwhile. It shares the
/// ownership of the lock. [`OwnedRwLockWriteGuard::map`](super::OwnedRwLockWriteGuard::map) makes it.
///
/// # Examples
///
/// ```
/// use ayi::sync::{OwnedRwLockMappedWriteGuard, OwnedRwLockWriteGuard, RwLock};
/// use std::sync::Arc;
///
/// # #[ayi::main]
/// # async fn main() {
/// let guard = Arc::new(RwLock::new((1, "one"))).write_owned().await;
/// let name: OwnedRwLockMappedWriteGuard<(i32, &str), &str> = OwnedRwLockWriteGuard::map(guard, |pair| &mut pair.1);
/// assert_eq!(*name, "one");
/// # }
/// ```
#[clippy::has_significant_drop]
pub struct OwnedRwLockMappedWriteGuard<T: ?Sized, U: ?Sized = T> {
    pub(super) inner: Part<Arc<RwLock<T>>, U>,
}

guard_traits! { writes ['a, T: ?Sized] RwLockMappedWriteGuard<'a, T> => T }
guard_traits! { writes [T: ?Sized, U: ?Sized] OwnedRwLockMappedWriteGuard<T, U> => U }

impl<'a, T: ?Sized> RwLockMappedWriteGuard<'a, T> {
    /// Makes a guard of a part of the part, which `f` picks.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{RwLock, RwLockMappedWriteGuard, RwLockWriteGuard};
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = RwLock::new((1, [2, 3]));
    /// let guard = lock.write().await;
    /// let array = RwLockWriteGuard::map(guard, |pair| &mut pair.1);
    /// assert_eq!(*RwLockMappedWriteGuard::map(array, |array| &mut array[1]), 3);
    /// # }
    /// ```
    #[inline]
    pub fn map<F, U: ?Sized>(this: Self, f: F) -> RwLockMappedWriteGuard<'a, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        RwLockMappedWriteGuard { inner: this.inner.map(f), value: PhantomData }
    }

    /// Makes a guard of a part of the part, if `f` finds one.
    ///
    /// # Errors
    ///
    /// Returns this guard if `f` returns `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{RwLock, RwLockMappedWriteGuard, RwLockWriteGuard};
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = RwLock::new((1, vec![2]));
    /// let guard = lock.write().await;
    /// let numbers = RwLockWriteGuard::map(guard, |pair| &mut pair.1);
    /// let numbers = RwLockMappedWriteGuard::try_map(numbers, |numbers| numbers.get_mut(1)).unwrap_err();
    /// assert_eq!(*RwLockMappedWriteGuard::try_map(numbers, |numbers| numbers.get_mut(0)).unwrap(), 2);
    /// # }
    /// ```
    #[inline]
    pub fn try_map<F, U: ?Sized>(this: Self, f: F) -> Result<RwLockMappedWriteGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match this.inner.try_map(f) {
            Ok(inner) => Ok(RwLockMappedWriteGuard { inner, value: PhantomData }),
            Err(inner) => Err(RwLockMappedWriteGuard { inner, value: PhantomData }),
        }
    }
}

impl<T: ?Sized, U: ?Sized> OwnedRwLockMappedWriteGuard<T, U> {
    /// Makes a guard of a part of the part, which `f` picks.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{OwnedRwLockMappedWriteGuard, OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let guard = Arc::new(RwLock::new((1, [2, 3]))).write_owned().await;
    /// let array = OwnedRwLockWriteGuard::map(guard, |pair| &mut pair.1);
    /// assert_eq!(*OwnedRwLockMappedWriteGuard::map(array, |array| &mut array[1]), 3);
    /// # }
    /// ```
    #[inline]
    pub fn map<F, V: ?Sized>(this: Self, f: F) -> OwnedRwLockMappedWriteGuard<T, V>
    where
        F: FnOnce(&mut U) -> &mut V,
    {
        OwnedRwLockMappedWriteGuard { inner: this.inner.map(f) }
    }

    /// Makes a guard of a part of the part, if `f` finds one.
    ///
    /// # Errors
    ///
    /// Returns this guard if `f` returns `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{OwnedRwLockMappedWriteGuard, OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let guard = Arc::new(RwLock::new((1, vec![2]))).write_owned().await;
    /// let numbers = OwnedRwLockWriteGuard::map(guard, |pair| &mut pair.1);
    /// let numbers = OwnedRwLockMappedWriteGuard::try_map(numbers, |numbers| numbers.get_mut(1)).unwrap_err();
    /// assert_eq!(*OwnedRwLockMappedWriteGuard::try_map(numbers, |numbers| numbers.get_mut(0)).unwrap(), 2);
    /// # }
    /// ```
    #[inline]
    pub fn try_map<F, V: ?Sized>(this: Self, f: F) -> Result<OwnedRwLockMappedWriteGuard<T, V>, Self>
    where
        F: FnOnce(&mut U) -> Option<&mut V>,
    {
        match this.inner.try_map(f) {
            Ok(inner) => Ok(OwnedRwLockMappedWriteGuard { inner }),
            Err(inner) => Err(OwnedRwLockMappedWriteGuard { inner }),
        }
    }

    /// Returns the lock of the guard.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{OwnedRwLockMappedWriteGuard, OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = Arc::new(RwLock::new(7));
    /// let guard = lock.clone().write_owned().await;
    /// let guard = OwnedRwLockWriteGuard::into_mapped(guard);
    /// assert!(Arc::ptr_eq(OwnedRwLockMappedWriteGuard::rwlock(&guard), &lock));
    /// # }
    /// ```
    #[inline]
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        this.inner.keeper()
    }
}
