//! Guards of writers.

use super::{
    OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, RwLock, RwLockMappedWriteGuard, RwLockReadGuard,
};
use crate::guards::guard_traits;
use crate::locked::Whole;
use std::marker::PhantomData;
use std::sync::Arc;

/// The value of a [`RwLock`], for as long as this is held. Nobody else has it meanwhile.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// let lock = ayi::sync::RwLock::new(1);
/// let mut guard = lock.write().await;
/// *guard += 1;
/// drop(guard); // the next ones may have it
/// assert!(lock.try_read().is_ok());
/// # }
/// ```
#[clippy::has_significant_drop]
#[must_use = "the lock is free at once if the guard is not kept"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    pub(super) inner: Whole<&'a RwLock<T>>,
}

/// The value of a [`RwLock`], for as long as this is held. Nobody else has it meanwhile. It shares the ownership of the
/// lock.
///
/// # Examples
///
/// ```
/// use ayi::sync::RwLock;
/// use std::sync::Arc;
///
/// # #[ayi::main]
/// # async fn main() {
/// let mut guard = Arc::new(RwLock::new(1)).write_owned().await;
/// ayi::spawn(async move { *guard += 1 }).await.unwrap();
/// # }
/// ```
#[clippy::has_significant_drop]
pub struct OwnedRwLockWriteGuard<T: ?Sized> {
    pub(super) inner: Whole<Arc<RwLock<T>>>,
}

guard_traits! { writes ['a, T: ?Sized] RwLockWriteGuard<'a, T> => T }
guard_traits! { writes [T: ?Sized] OwnedRwLockWriteGuard<T> => T }

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// Makes a guard of a part of the value, which `f` picks. It is called as `RwLockWriteGuard::map(guard, f)`, since a
    /// method would hide one of the value's.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{RwLock, RwLockWriteGuard};
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = RwLock::new((1, "one"));
    /// let guard = lock.write().await;
    /// let mut number = RwLockWriteGuard::map(guard, |pair| &mut pair.0);
    /// *number += 1;
    /// drop(number);
    /// assert_eq!(lock.read().await.0, 2);
    /// # }
    /// ```
    #[inline]
    pub fn map<F, U: ?Sized>(this: Self, f: F) -> RwLockMappedWriteGuard<'a, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        RwLockMappedWriteGuard { inner: this.inner.into_part().map(f).lend(), value: PhantomData }
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
    /// use ayi::sync::{RwLock, RwLockWriteGuard};
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = RwLock::new(vec![1, 2]);
    /// let guard = lock.write().await;
    /// let guard = RwLockWriteGuard::try_map(guard, |numbers| numbers.get_mut(2)).unwrap_err();
    /// let mut last = RwLockWriteGuard::try_map(guard, |numbers| numbers.last_mut()).unwrap();
    /// *last += 1;
    /// assert_eq!(*last, 3);
    /// # }
    /// ```
    #[inline]
    pub fn try_map<F, U: ?Sized>(this: Self, f: F) -> Result<RwLockMappedWriteGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match this.inner.try_map(f) {
            Ok(inner) => Ok(RwLockMappedWriteGuard { inner: inner.lend(), value: PhantomData }),
            Err(inner) => Err(RwLockWriteGuard { inner }),
        }
    }

    /// Makes a guard of the whole value that has the type of a mapped one.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{RwLock, RwLockWriteGuard};
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = RwLock::new(1);
    /// let guard = lock.write().await;
    /// let mut guard = RwLockWriteGuard::into_mapped(guard);
    /// *guard += 1;
    /// assert_eq!(*guard, 2);
    /// # }
    /// ```
    #[inline]
    pub fn into_mapped(this: Self) -> RwLockMappedWriteGuard<'a, T> {
        RwLockMappedWriteGuard { inner: this.inner.into_part().lend(), value: PhantomData }
    }

    /// Goes on as a reader, so that others may read as well. Nobody writes in between.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::RwLock;
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = RwLock::new(1);
    /// let mut guard = lock.write().await;
    /// *guard += 1;
    /// let guard = guard.downgrade();
    /// assert_eq!((*guard, *lock.read().await), (2, 2));
    /// # }
    /// ```
    #[inline]
    pub fn downgrade(self) -> RwLockReadGuard<'a, T> {
        RwLockReadGuard { inner: self.inner.downgrade().lend() }
    }

    /// Goes on as a reader of a part of the value, which `f` picks. Nobody writes in between.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{RwLock, RwLockWriteGuard};
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = RwLock::new((1, "one"));
    /// let guard = lock.write().await;
    /// let number = RwLockWriteGuard::downgrade_map(guard, |pair| &pair.0);
    /// assert_eq!((*number, lock.read().await.0), (1, 1));
    /// # }
    /// ```
    #[inline]
    pub fn downgrade_map<F, U: ?Sized>(this: Self, f: F) -> RwLockReadGuard<'a, U>
    where
        F: FnOnce(&T) -> &U,
    {
        RwLockReadGuard { inner: this.inner.downgrade_map(f).lend() }
    }

    /// Goes on as a reader of a part of the value, if `f` finds one. Nobody writes in between.
    ///
    /// # Errors
    ///
    /// Returns this guard, which still writes, if `f` returns `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{RwLock, RwLockWriteGuard};
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = RwLock::new(vec![1, 2]);
    /// let guard = lock.write().await;
    /// let guard = RwLockWriteGuard::try_downgrade_map(guard, |numbers| numbers.get(2)).unwrap_err();
    /// let last = RwLockWriteGuard::try_downgrade_map(guard, |numbers| numbers.last()).unwrap();
    /// assert_eq!(*last, 2);
    /// # }
    /// ```
    #[inline]
    pub fn try_downgrade_map<F, U: ?Sized>(this: Self, f: F) -> Result<RwLockReadGuard<'a, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        match this.inner.try_downgrade_map(f) {
            Ok(inner) => Ok(RwLockReadGuard { inner: inner.lend() }),
            Err(inner) => Err(RwLockWriteGuard { inner }),
        }
    }
}

impl<T: ?Sized> OwnedRwLockWriteGuard<T> {
    /// Makes a guard of a part of the value, which `f` picks. It is called as `OwnedRwLockWriteGuard::map(guard, f)`, since a
    /// method would hide one of the value's.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = Arc::new(RwLock::new((1, "one")));
    /// let guard = lock.clone().write_owned().await;
    /// let mut number = OwnedRwLockWriteGuard::map(guard, |pair| &mut pair.0);
    /// *number += 1;
    /// drop(number);
    /// assert_eq!(lock.read().await.0, 2);
    /// # }
    /// ```
    #[inline]
    pub fn map<F, U: ?Sized>(this: Self, f: F) -> OwnedRwLockMappedWriteGuard<T, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        OwnedRwLockMappedWriteGuard { inner: this.inner.into_part().map(f) }
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
    /// use ayi::sync::{OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let guard = Arc::new(RwLock::new(vec![1, 2])).write_owned().await;
    /// let guard = OwnedRwLockWriteGuard::try_map(guard, |numbers| numbers.get_mut(2)).unwrap_err();
    /// let mut last = OwnedRwLockWriteGuard::try_map(guard, |numbers| numbers.last_mut()).unwrap();
    /// *last += 1;
    /// assert_eq!(*last, 3);
    /// # }
    /// ```
    #[inline]
    pub fn try_map<F, U: ?Sized>(this: Self, f: F) -> Result<OwnedRwLockMappedWriteGuard<T, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match this.inner.try_map(f) {
            Ok(inner) => Ok(OwnedRwLockMappedWriteGuard { inner }),
            Err(inner) => Err(OwnedRwLockWriteGuard { inner }),
        }
    }

    /// Makes a guard of the whole value that has the type of a mapped one.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let guard = Arc::new(RwLock::new(1)).write_owned().await;
    /// let mut guard = OwnedRwLockWriteGuard::into_mapped(guard);
    /// *guard += 1;
    /// assert_eq!(*guard, 2);
    /// # }
    /// ```
    #[inline]
    pub fn into_mapped(this: Self) -> OwnedRwLockMappedWriteGuard<T> {
        OwnedRwLockMappedWriteGuard { inner: this.inner.into_part() }
    }

    /// Goes on as a reader, so that others may read as well. Nobody writes in between.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::RwLock;
    /// use std::sync::Arc;
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = Arc::new(RwLock::new(1));
    /// let mut guard = lock.clone().write_owned().await;
    /// *guard += 1;
    /// let guard = guard.downgrade();
    /// assert_eq!((*guard, *lock.read().await), (2, 2));
    /// # }
    /// ```
    #[inline]
    pub fn downgrade(self) -> OwnedRwLockReadGuard<T> {
        OwnedRwLockReadGuard { inner: self.inner.downgrade() }
    }

    /// Goes on as a reader of a part of the value, which `f` picks. Nobody writes in between.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = Arc::new(RwLock::new((1, "one")));
    /// let guard = lock.clone().write_owned().await;
    /// let number = OwnedRwLockWriteGuard::downgrade_map(guard, |pair| &pair.0);
    /// assert_eq!((*number, lock.read().await.0), (1, 1));
    /// # }
    /// ```
    #[inline]
    pub fn downgrade_map<F, U: ?Sized>(this: Self, f: F) -> OwnedRwLockReadGuard<T, U>
    where
        F: FnOnce(&T) -> &U,
    {
        OwnedRwLockReadGuard { inner: this.inner.downgrade_map(f) }
    }

    /// Goes on as a reader of a part of the value, if `f` finds one. Nobody writes in between.
    ///
    /// # Errors
    ///
    /// Returns this guard, which still writes, if `f` returns `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let guard = Arc::new(RwLock::new(vec![1, 2])).write_owned().await;
    /// let guard = OwnedRwLockWriteGuard::try_downgrade_map(guard, |numbers| numbers.get(2)).unwrap_err();
    /// let last = OwnedRwLockWriteGuard::try_downgrade_map(guard, |numbers| numbers.last()).unwrap();
    /// assert_eq!(*last, 2);
    /// # }
    /// ```
    #[inline]
    pub fn try_downgrade_map<F, U: ?Sized>(this: Self, f: F) -> Result<OwnedRwLockReadGuard<T, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        match this.inner.try_downgrade_map(f) {
            Ok(inner) => Ok(OwnedRwLockReadGuard { inner }),
            Err(inner) => Err(OwnedRwLockWriteGuard { inner }),
        }
    }

    /// Returns the lock of the guard.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = Arc::new(RwLock::new(7));
    /// let guard = lock.clone().write_owned().await;
    /// assert!(Arc::ptr_eq(OwnedRwLockWriteGuard::rwlock(&guard), &lock));
    /// # }
    /// ```
    #[inline]
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        this.inner.keeper()
    }
}
