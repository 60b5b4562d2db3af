//! Guards of a part of the value.

use super::Mutex;
use crate::guards::guard_traits;
use crate::locked::{Gate, Part};
use std::marker::PhantomData;
use std::sync::Arc;

/// A part of the value of a [`Mutex`], for as long as this is held. [`MutexGuard::map`](super::MutexGuard::map) makes
/// it.
///
/// # Examples
///
/// ```
/// use ayi::sync::{MappedMutexGuard, Mutex, MutexGuard};
///
/// struct Account {
///     owner: String,
///     balance: Mutex<(i64, u32)>,
/// }
///
/// impl Account {
///     async fn balance(&self) -> MappedMutexGuard<'_, i64> {
///         MutexGuard::map(self.balance.lock().await, |(balance, _)| balance)
///     }
/// }
/// # #[ayi::main]
/// # async fn main() {
/// let account = Account { owner: "Wang".into(), balance: Mutex::new((5, 0)) };
/// *account.balance().await -= 3;
/// assert_eq!(*account.balance().await, 2);
/// # }
/// ```
#[clippy::has_significant_drop]
#[must_use = "the lock is free at once if the guard is not kept"]
pub struct MappedMutexGuard<'a, T: ?Sized> {
    pub(super) inner: Part<&'a Gate, T>,
}

/// A part of the value of a [`Mutex`], for as long as this is held. It shares the ownership of the lock.
/// [`OwnedMutexGuard::map`](super::OwnedMutexGuard::map) makes it.
///
/// # Examples
///
/// ```
/// use ayi::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard};
/// use std::sync::Arc;
///
/// # #[ayi::main]
/// # async fn main() {
/// let guard = Arc::new(Mutex::new((1, "one"))).lock_owned().await;
/// let name: OwnedMappedMutexGuard<(i32, &str), &str> = OwnedMutexGuard::map(guard, |pair| &mut pair.1);
/// assert_eq!(*name, "one");
/// # }
/// ```
#[clippy::has_significant_drop]
#[must_use = "the lock is free at once if the guard is not kept"]
pub struct OwnedMappedMutexGuard<T: ?Sized, U: ?Sized = T> {
    pub(super) inner: Part<Arc<Mutex<T>>, U>,
    /// It is sent and shared like the value, and not only like a lock.
    pub(super) value: PhantomData<T>,
}

guard_traits! { writes ['a, T: ?Sized] MappedMutexGuard<'a, T> => T }
guard_traits! { writes [T: ?Sized, U: ?Sized] OwnedMappedMutexGuard<T, U> => U }

impl<'a, T: ?Sized> MappedMutexGuard<'a, T> {
    /// Makes a guard of a part of the part, which `f` picks.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{MappedMutexGuard, Mutex, MutexGuard};
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = Mutex::new((1, [2, 3]));
    /// let array = MutexGuard::map(lock.lock().await, |pair| &mut pair.1);
    /// assert_eq!(*MappedMutexGuard::map(array, |array| &mut array[1]), 3);
    /// # }
    /// ```
    #[inline]
    pub fn map<U, F>(this: Self, f: F) -> MappedMutexGuard<'a, U>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> &mut U,
    {
        MappedMutexGuard { inner: this.inner.map(f) }
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
    /// use ayi::sync::{MappedMutexGuard, Mutex, MutexGuard};
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = Mutex::new((1, vec![2]));
    /// let numbers = MutexGuard::map(lock.lock().await, |pair| &mut pair.1);
    /// let numbers = MappedMutexGuard::try_map(numbers, |numbers| numbers.get_mut(1)).unwrap_err();
    /// assert_eq!(*MappedMutexGuard::try_map(numbers, |numbers| numbers.get_mut(0)).unwrap(), 2);
    /// # }
    /// ```
    #[inline]
    pub fn try_map<U, F>(this: Self, f: F) -> Result<MappedMutexGuard<'a, U>, Self>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let inner = this.inner.try_map(f).map_err(|inner| MappedMutexGuard { inner })?;
        Ok(MappedMutexGuard { inner })
    }
}

impl<T: ?Sized, U: ?Sized> OwnedMappedMutexGuard<T, U> {
    /// Makes a guard of a part of the part, which `f` picks.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard};
    /// use std::sync::Arc;
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let guard = Arc::new(Mutex::new((1, [2, 3]))).lock_owned().await;
    /// let array = OwnedMutexGuard::map(guard, |pair| &mut pair.1);
    /// assert_eq!(*OwnedMappedMutexGuard::map(array, |array| &mut array[1]), 3);
    /// # }
    /// ```
    #[inline]
    pub fn map<S, F>(this: Self, f: F) -> OwnedMappedMutexGuard<T, S>
    where
        S: ?Sized,
        F: FnOnce(&mut U) -> &mut S,
    {
        OwnedMappedMutexGuard { inner: this.inner.map(f), value: PhantomData }
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
    /// use ayi::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard};
    /// use std::sync::Arc;
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let guard = Arc::new(Mutex::new((1, vec![2]))).lock_owned().await;
    /// let numbers = OwnedMutexGuard::map(guard, |pair| &mut pair.1);
    /// let numbers = OwnedMappedMutexGuard::try_map(numbers, |numbers| numbers.get_mut(1)).unwrap_err();
    /// assert_eq!(*numbers, [2]);
    /// # }
    /// ```
    #[inline]
    pub fn try_map<S, F>(this: Self, f: F) -> Result<OwnedMappedMutexGuard<T, S>, Self>
    where
        S: ?Sized,
        F: FnOnce(&mut U) -> Option<&mut S>,
    {
        let value = PhantomData;
        match this.inner.try_map(f) {
            Ok(inner) => Ok(OwnedMappedMutexGuard { inner, value }),
            Err(inner) => Err(OwnedMappedMutexGuard { inner, value }),
        }
    }
}
