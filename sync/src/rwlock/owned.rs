//! The methods whose guards hold an `Arc` of their lock.

use super::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};
use crate::locked::{View, Whole};
use crate::mutex::TryLockError;
use std::sync::Arc;

impl<T: ?Sized> RwLock<T> {
    /// Waits like [`read`](RwLock::read), for a guard that borrows nothing and can be moved into a task.
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as [`read`](RwLock::read).
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
    pub async fn read_owned(self: Arc<Self>) -> OwnedRwLockReadGuard<T> {
        OwnedRwLockReadGuard { inner: View::wait(self).await }
    }

    /// Waits like [`write`](RwLock::write), for a guard that borrows nothing and can be moved into a task.
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as [`write`](RwLock::write).
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
    /// ayi::spawn(async move { *guard += 1 }).await.unwrap();
    /// assert_eq!(*lock.read().await, 2);
    /// # }
    /// ```
    pub async fn write_owned(self: Arc<Self>) -> OwnedRwLockWriteGuard<T> {
        OwnedRwLockWriteGuard { inner: Whole::wait(self).await }
    }

    /// Begins to read like [`try_read`](RwLock::try_read), with a guard that borrows nothing.
    ///
    /// # Errors
    ///
    /// Fails if the caller would have to wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::RwLock;
    /// use std::sync::Arc;
    /// let lock = Arc::new(RwLock::new(1));
    /// let reader = lock.clone().try_read_owned().unwrap();
    /// assert!(*reader == 1 && lock.try_write().is_err());
    /// ```
    pub fn try_read_owned(self: Arc<Self>) -> Result<OwnedRwLockReadGuard<T>, TryLockError> {
        Ok(OwnedRwLockReadGuard { inner: View::try_now(self)? })
    }

    /// Begins to write like [`try_write`](RwLock::try_write), with a guard that borrows nothing.
    ///
    /// # Errors
    ///
    /// Fails if the caller would have to wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::RwLock;
    /// use std::sync::Arc;
    /// let lock = Arc::new(RwLock::new(1));
    /// let writer = lock.clone().try_write_owned().unwrap();
    /// assert!(*writer == 1 && lock.try_read().is_err());
    /// ```
    pub fn try_write_owned(self: Arc<Self>) -> Result<OwnedRwLockWriteGuard<T>, TryLockError> {
        Ok(OwnedRwLockWriteGuard { inner: Whole::try_now(self)? })
    }
}
