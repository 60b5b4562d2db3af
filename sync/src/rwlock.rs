//! A lock for many readers or one writer, which is awaited and may be held over an `.await`.
//!
//! What is unsafe about it, and how it is fair, is in `locked` and `permits`: each reader has one of its permits, and a
//! writer has all.
//!
//! In tokio: `sync/rwlock.rs`.

mod mapped;
mod owned;
mod read;
mod write;

pub use mapped::{OwnedRwLockMappedWriteGuard, RwLockMappedWriteGuard};
pub use read::{OwnedRwLockReadGuard, RwLockReadGuard};
pub use write::{OwnedRwLockWriteGuard, RwLockWriteGuard};

use crate::locked::{Locked, View, Whole};
use crate::mutex::TryLockError;
use crate::primitives::{What, block_thread_on, const_unless_loom};
use std::fmt;

/// The largest number of readers at a time.
const MAX_READERS: u32 = u32::MAX >> 3;
const RW_LOCK: What = What::lock("a read-write lock");

/// A value that either many tasks at a time may read, or one may write.
///
/// Tasks get it in the order in which they have asked: while a writer waits, later readers wait behind it. So writers
/// are not starved, and a task that reads must not ask to read once more: a writer may wait between the two, and then
/// all three wait for ever.
///
/// Guards may be held over an `.await`, and may be moved to another thread if the value may be shared. A panic does not
/// poison this lock. It works in tasks, threads, runtimes and executors of any kind, and across them.
///
/// # Examples
///
/// ```
/// use ayi::sync::RwLock;
///
/// # #[ayi::main]
/// # async fn main() {
/// let settings = RwLock::new(("debug", 1));
/// {
///     let (one, another) = (settings.read().await, settings.read().await);
///     assert_eq!(one.0, another.0);
/// }
/// settings.write().await.1 = 2;
/// assert_eq!(*settings.read().await, ("debug", 2));
/// # }
/// ```
pub struct RwLock<T: ?Sized> {
    pub(crate) locked: Locked<T>,
}

impl<T> RwLock<T> {
    const_unless_loom! {
        /// Makes a lock that is free. It is `const`, so it also serves for a `static`.
        ///
        /// # Examples
        ///
        /// ```
        /// use ayi::sync::RwLock;
        /// static NAMES: RwLock<Vec<String>> = RwLock::new(Vec::new());
        /// assert!(NAMES.try_read().unwrap().is_empty());
        /// ```
        pub const fn new(value: T) -> RwLock<T> {
            RwLock { locked: Locked::new(value, MAX_READERS, RW_LOCK) }
        }
    }

    const_unless_loom! {
        /// Makes a lock that is free, and that at most `max_reads` tasks may read at a time.
        ///
        /// # Panics
        ///
        /// Panics if `max_reads` is 0, or more than `u32::MAX >> 3`.
        ///
        /// # Examples
        ///
        /// ```
        /// let lock = ayi::sync::RwLock::with_max_readers(7, 1);
        /// let reader = lock.try_read().unwrap();
        /// assert!(lock.try_read().is_err());
        /// ```
        #[track_caller]
        pub const fn with_max_readers(value: T, max_reads: u32) -> RwLock<T> {
            assert!(max_reads > 0, "a RwLock may not be created with 0 readers: nobody could ever use it");
            assert!(
                max_reads <= MAX_READERS,
                "a RwLock may not be created with more than 536870911 (u32::MAX >> 3) readers"
            );
            RwLock { locked: Locked::new(value, max_reads, RW_LOCK) }
        }
    }

    const_unless_loom! {
        /// Makes a lock like [`new`](RwLock::new), under the name that tokio has for a `static`.
        ///
        /// # Examples
        ///
        /// ```
        /// use ayi::sync::RwLock;
        /// static LEVEL: RwLock<u32> = RwLock::const_new(7);
        /// assert_eq!(*LEVEL.try_read().unwrap(), 7);
        /// ```
        pub const fn const_new(value: T) -> RwLock<T> {
            RwLock::new(value)
        }
    }

    const_unless_loom! {
        /// Makes a lock like [`with_max_readers`](RwLock::with_max_readers), under the name that tokio has for a
        /// `static`.
        ///
        /// # Panics
        ///
        /// Panics like [`with_max_readers`](RwLock::with_max_readers).
        ///
        /// # Examples
        ///
        /// ```
        /// use ayi::sync::RwLock;
        /// static LEVEL: RwLock<u32> = RwLock::const_with_max_readers(7, 10);
        /// assert_eq!(*LEVEL.try_read().unwrap(), 7);
        /// ```
        #[track_caller]
        pub const fn const_with_max_readers(value: T, max_reads: u32) -> RwLock<T> {
            RwLock::with_max_readers(value, max_reads)
        }
    }

    /// Returns the value. Nobody else can have it, so nobody waits.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = ayi::sync::RwLock::new(7);
    /// assert_eq!(lock.into_inner(), 7);
    /// ```
    pub fn into_inner(self) -> T {
        self.locked.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Waits until nobody writes, and nobody who has asked before waits to write. Dropping the guard ends the reading.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, it loses its place in the queue, and nothing else.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = ayi::sync::RwLock::new(1);
    /// let (one, another) = (lock.read().await, lock.read().await);
    /// assert_eq!(*one, *another);
    /// # }
    /// ```
    pub async fn read(&self) -> RwLockReadGuard<'_, T> {
        RwLockReadGuard { inner: View::wait(self).await.lend() }
    }

    /// Waits until nobody else has the value, to read or to write. Dropping the guard lets the next ones have it.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, it loses its place in the queue, and nothing else.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = ayi::sync::RwLock::new(1);
    /// *lock.write().await += 1;
    /// assert_eq!(*lock.read().await, 2);
    /// # }
    /// ```
    pub async fn write(&self) -> RwLockWriteGuard<'_, T> {
        RwLockWriteGuard { inner: Whole::wait(self).await }
    }

    /// Waits like [`read`](RwLock::read), on a thread that runs no tasks.
    ///
    /// # Panics
    ///
    /// Panics on a thread that runs a runtime, whose tasks would all have to wait.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = ayi::sync::RwLock::new(1);
    /// assert_eq!(*lock.blocking_read(), 1);
    /// ```
    #[track_caller]
    pub fn blocking_read(&self) -> RwLockReadGuard<'_, T> {
        block_thread_on("blocking_read", "read", self.read())
    }

    /// Waits like [`write`](RwLock::write), on a thread that runs no tasks.
    ///
    /// # Panics
    ///
    /// Panics on a thread that runs a runtime, whose tasks would all have to wait.
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
    /// let other = lock.clone();
    /// ayi::task::spawn_blocking(move || *other.blocking_write() += 1).await.unwrap();
    /// assert_eq!(*lock.read().await, 2);
    /// # }
    /// ```
    #[track_caller]
    pub fn blocking_write(&self) -> RwLockWriteGuard<'_, T> {
        block_thread_on("blocking_write", "write", self.write())
    }

    /// Begins to read, if nobody writes and nobody waits.
    ///
    /// # Errors
    ///
    /// Fails if the caller would have to wait.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = ayi::sync::RwLock::new(1);
    /// let reader = lock.try_read().unwrap();
    /// assert!(lock.try_read().is_ok() && lock.try_write().is_err());
    /// ```
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryLockError> {
        Ok(RwLockReadGuard { inner: View::try_now(self)?.lend() })
    }

    /// Begins to write, if nobody has the value and nobody waits for it.
    ///
    /// # Errors
    ///
    /// Fails if the caller would have to wait.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = ayi::sync::RwLock::new(1);
    /// let writer = lock.try_write().unwrap();
    /// assert!(lock.try_read().is_err() && lock.try_write().is_err());
    /// ```
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryLockError> {
        Ok(RwLockWriteGuard { inner: Whole::try_now(self)? })
    }

    /// Returns the value. The caller has the lock for itself, so nobody waits.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut lock = ayi::sync::RwLock::new(1);
    /// *lock.get_mut() += 1;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.locked.get_mut()
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> RwLock<T> {
        RwLock::new(value)
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> RwLock<T> {
        RwLock::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let guard = self.try_read();
        let data: &dyn fmt::Debug = match &guard {
            Ok(value) => value,
            Err(_) => &format_args!("<locked>"),
        };
        f.debug_struct("RwLock").field("data", data).finish()
    }
}
