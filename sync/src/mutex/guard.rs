//! Guards of the whole value.

use super::{MappedMutexGuard, Mutex, OwnedMappedMutexGuard};
use crate::guards::guard_traits;
use crate::locked::Whole;
use std::marker::PhantomData;
use std::sync::Arc;

/// The value of a [`Mutex`], for as long as this is held.
///
/// # Examples
///
/// ```
/// # #[ayi::main]
/// # async fn main() {
/// let lock = ayi::sync::Mutex::new(1);
/// let mut guard = lock.lock().await;
/// *guard += 1;
/// drop(guard); // the next one may have it
/// assert!(lock.try_lock().is_ok());
/// # }
/// ```
#[clippy::has_significant_drop]
#[must_use = "the lock is free at once if the guard is not kept"]
pub struct MutexGuard<'a, T: ?Sized> {
    pub(super) inner: Whole<&'a Mutex<T>>,
}

/// The value of a [`Mutex`], for as long as this is held. It shares the ownership of the lock.
///
/// # Examples
///
/// ```
/// use ayi::sync::Mutex;
/// use std::sync::Arc;
///
/// # #[ayi::main]
/// # async fn main() {
/// let mut guard = Arc::new(Mutex::new(1)).lock_owned().await;
/// ayi::spawn(async move { *guard += 1 }).await.unwrap();
/// # }
/// ```
#[clippy::has_significant_drop]
pub struct OwnedMutexGuard<T: ?Sized> {
    pub(super) inner: Whole<Arc<Mutex<T>>>,
}

guard_traits! { writes ['a, T: ?Sized] MutexGuard<'a, T> => T }
guard_traits! { writes [T: ?Sized] OwnedMutexGuard<T> => T }

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// Makes a guard of a part of the value, which `f` picks. It is called as `MutexGuard::map(guard, f)`, since a
    /// method would hide one of the value's.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{Mutex, MutexGuard};
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = Mutex::new((1, "one"));
    /// let mut number = MutexGuard::map(lock.lock().await, |pair| &mut pair.0);
    /// *number += 1;
    /// drop(number);
    /// assert_eq!(*lock.lock().await, (2, "one"));
    /// # }
    /// ```
    #[inline]
    pub fn map<U, F>(this: Self, f: F) -> MappedMutexGuard<'a, U>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> &mut U,
    {
        MappedMutexGuard { inner: this.inner.into_part().map(f).lend() }
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
    /// use ayi::sync::{Mutex, MutexGuard};
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = Mutex::new(vec![1, 2]);
    /// let last = MutexGuard::try_map(lock.lock().await, |numbers| numbers.last_mut());
    /// assert_eq!(*last.unwrap(), 2);
    /// let third = MutexGuard::try_map(lock.lock().await, |numbers| numbers.get_mut(2));
    /// assert_eq!(third.unwrap_err().len(), 2);
    /// # }
    /// ```
    #[inline]
    pub fn try_map<U, F>(this: Self, f: F) -> Result<MappedMutexGuard<'a, U>, Self>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let inner = this.inner.try_map(f).map_err(|inner| MutexGuard { inner })?;
        Ok(MappedMutexGuard { inner: inner.lend() })
    }

    /// Returns the lock of the guard.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{Mutex, MutexGuard};
    ///
    /// async fn lets_others_go_first<'a>(guard: MutexGuard<'a, u32>) -> MutexGuard<'a, u32> {
    ///     let lock = MutexGuard::mutex(&guard);
    ///     drop(guard);
    ///     lock.lock().await
    /// }
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = Mutex::new(7);
    /// assert_eq!(*lets_others_go_first(lock.lock().await).await, 7);
    /// # }
    /// ```
    #[inline]
    pub fn mutex(this: &Self) -> &'a Mutex<T> {
        this.inner.keeper()
    }
}

impl<T: ?Sized> OwnedMutexGuard<T> {
    /// Makes a guard of a part of the value, which `f` picks. It is called as `OwnedMutexGuard::map(guard, f)`, since a
    /// method would hide one of the value's.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{Mutex, OwnedMutexGuard};
    /// use std::sync::Arc;
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = Arc::new(Mutex::new((1, "one")));
    /// let mut number = OwnedMutexGuard::map(lock.clone().lock_owned().await, |pair| &mut pair.0);
    /// ayi::spawn(async move { *number += 1 }).await.unwrap();
    /// assert_eq!(*lock.lock().await, (2, "one"));
    /// # }
    /// ```
    #[inline]
    pub fn map<U, F>(this: Self, f: F) -> OwnedMappedMutexGuard<T, U>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> &mut U,
    {
        OwnedMappedMutexGuard { inner: this.inner.into_part().map(f), value: PhantomData }
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
    /// use ayi::sync::{Mutex, OwnedMutexGuard};
    /// use std::sync::Arc;
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let guard = Arc::new(Mutex::new(vec![1, 2])).lock_owned().await;
    /// let guard = OwnedMutexGuard::try_map(guard, |numbers| numbers.get_mut(2)).unwrap_err();
    /// assert_eq!(*OwnedMutexGuard::try_map(guard, |numbers| numbers.last_mut()).unwrap(), 2);
    /// # }
    /// ```
    #[inline]
    pub fn try_map<U, F>(this: Self, f: F) -> Result<OwnedMappedMutexGuard<T, U>, Self>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let inner = this.inner.try_map(f).map_err(|inner| OwnedMutexGuard { inner })?;
        Ok(OwnedMappedMutexGuard { inner, value: PhantomData })
    }

    /// Returns the lock of the guard.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{Mutex, OwnedMutexGuard};
    /// use std::sync::Arc;
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = Arc::new(Mutex::new(7));
    /// let guard = lock.clone().lock_owned().await;
    /// assert!(Arc::ptr_eq(OwnedMutexGuard::mutex(&guard), &lock));
    /// # }
    /// ```
    #[inline]
    pub fn mutex(this: &Self) -> &Arc<Mutex<T>> {
        this.inner.keeper()
    }
}
