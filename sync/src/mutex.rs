//! A lock for one at a time, which is awaited and may be held over an `.await`.
//!
//! What is unsafe about it, and how it is fair, is in `locked` and `permits`.
//!
//! In tokio: `sync/mutex.rs`.

mod guard;
mod mapped;

pub use guard::{MutexGuard, OwnedMutexGuard};
pub use mapped::{MappedMutexGuard, OwnedMappedMutexGuard};

use crate::locked::{Locked, Whole};
use crate::primitives::{What, block_thread_on, const_unless_loom};
use std::fmt;
use std::sync::Arc;

/// A value that one task at a time may use. The others wait for it, and the thread runs on.
///
/// Tasks get it in the order in which they have asked. A guard may be held over an `.await`, which is what this lock is
/// for, and it may be moved to another thread if the value may be. It works in tasks, threads, runtimes and executors of
/// any kind, and across them.
///
/// For a value that is only used between two `.await`s, `std::sync::Mutex` is enough and costs less. For one that never
/// leaves its thread, `RefCell` is. A panic does not poison this lock: the guard is dropped, and the next one gets
/// whatever the value is then.
///
/// # Examples
///
/// ```
/// use ayi::sync::Mutex;
/// use std::sync::Arc;
///
/// # #[ayi::main]
/// # async fn main() {
/// let log = Arc::new(Mutex::new(Vec::new()));
/// let tasks = [1, 2, 3].map(|number| {
///     let log = log.clone();
///     ayi::spawn(async move {
///         let mut log = log.lock().await;
///         log.push(number);
///         ayi::task::yield_now().await; // it is still ours
///         log.push(number);
///     })
/// });
/// for task in tasks {
///     task.await.unwrap();
/// }
/// assert_eq!(*log.lock().await, [1, 1, 2, 2, 3, 3]);
/// # }
/// ```
pub struct Mutex<T: ?Sized> {
    pub(crate) locked: Locked<T>,
}

impl<T> Mutex<T> {
    const_unless_loom! {
        /// Makes a lock that is free. It is `const`, so it also serves for a `static`.
        ///
        /// # Examples
        ///
        /// ```
        /// use ayi::sync::Mutex;
        /// static NAMES: Mutex<Vec<String>> = Mutex::new(Vec::new());
        /// assert!(NAMES.try_lock().unwrap().is_empty());
        /// ```
        pub const fn new(value: T) -> Mutex<T> {
            Mutex { locked: Locked::new(value, 1, What::lock("a mutex")) }
        }
    }

    const_unless_loom! {
        /// Makes a lock like [`new`](Mutex::new), under the name that tokio has for a `static`.
        ///
        /// # Examples
        ///
        /// ```
        /// use ayi::sync::Mutex;
        /// static NAMES: Mutex<Vec<String>> = Mutex::const_new(Vec::new());
        /// assert!(NAMES.try_lock().unwrap().is_empty());
        /// ```
        pub const fn const_new(value: T) -> Mutex<T> {
            Mutex::new(value)
        }
    }

    /// Returns the value. Nobody else can have it, so nobody waits.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = ayi::sync::Mutex::new(7);
    /// assert_eq!(lock.into_inner(), 7);
    /// ```
    pub fn into_inner(self) -> T {
        self.locked.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits until nobody else has the value. Dropping the guard lets the next one have it.
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
    /// let lock = ayi::sync::Mutex::new(1);
    /// *lock.lock().await += 1;
    /// assert_eq!(*lock.lock().await, 2);
    /// # }
    /// ```
    pub async fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard { inner: Whole::wait(self).await }
    }

    /// Waits like [`lock`](Mutex::lock), for a guard that borrows nothing and can be moved into a task.
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as [`lock`](Mutex::lock).
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::Mutex;
    /// use std::sync::Arc;
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = Arc::new(Mutex::new(1));
    /// let mut guard = lock.clone().lock_owned().await;
    /// ayi::spawn(async move { *guard += 1 }).await.unwrap();
    /// assert_eq!(*lock.lock().await, 2);
    /// # }
    /// ```
    pub async fn lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T> {
        OwnedMutexGuard { inner: Whole::wait(self).await }
    }

    /// Waits like [`lock`](Mutex::lock), on a thread that runs no tasks.
    ///
    /// # Panics
    ///
    /// Panics on a thread that runs a runtime, whose tasks would all have to wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::Mutex;
    /// use std::sync::Arc;
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let lock = Arc::new(Mutex::new(1));
    /// let other = lock.clone();
    /// ayi::task::spawn_blocking(move || *other.blocking_lock() += 1).await.unwrap();
    /// assert_eq!(*lock.lock().await, 2);
    /// # }
    /// ```
    #[track_caller]
    pub fn blocking_lock(&self) -> MutexGuard<'_, T> {
        block_thread_on("blocking_lock", "lock", self.lock())
    }

    /// Waits like [`lock_owned`](Mutex::lock_owned), on a thread that runs no tasks.
    ///
    /// # Panics
    ///
    /// Panics like [`blocking_lock`](Mutex::blocking_lock).
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::Mutex;
    /// use std::sync::Arc;
    /// let lock = Arc::new(Mutex::new(1));
    /// let guard = lock.clone().blocking_lock_owned();
    /// assert!(*guard == 1 && lock.try_lock().is_err());
    /// ```
    #[track_caller]
    pub fn blocking_lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T> {
        block_thread_on("blocking_lock_owned", "lock_owned", self.lock_owned())
    }

    /// Takes the value, if nobody has it and nobody waits for it.
    ///
    /// # Errors
    ///
    /// Fails if the caller would have to wait.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = ayi::sync::Mutex::new(1);
    /// let guard = lock.try_lock().unwrap();
    /// assert!(lock.try_lock().is_err());
    /// ```
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError> {
        Ok(MutexGuard { inner: Whole::try_now(self)? })
    }

    /// Takes the value like [`try_lock`](Mutex::try_lock), with a guard that borrows nothing.
    ///
    /// # Errors
    ///
    /// Fails like [`try_lock`](Mutex::try_lock).
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::Mutex;
    /// use std::sync::Arc;
    /// let lock = Arc::new(Mutex::new(1));
    /// let guard = lock.clone().try_lock_owned().unwrap();
    /// assert!(lock.try_lock_owned().is_err());
    /// ```
    pub fn try_lock_owned(self: Arc<Self>) -> Result<OwnedMutexGuard<T>, TryLockError> {
        Ok(OwnedMutexGuard { inner: Whole::try_now(self)? })
    }

    /// Returns the value. The caller has the lock for itself, so nobody waits.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut lock = ayi::sync::Mutex::new(1);
    /// *lock.get_mut() += 1;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.locked.get_mut()
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Mutex<T> {
        Mutex::new(value)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Mutex<T> {
        Mutex::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let guard = self.try_lock();
        let data: &dyn fmt::Debug = match &guard {
            Ok(value) => value,
            Err(_) => &format_args!("<locked>"),
        };
        f.debug_struct("Mutex").field("data", data).finish()
    }
}

/// The lock is held by somebody else, or others wait for it.
///
/// # Examples
///
/// ```
/// let lock = ayi::sync::Mutex::new(1);
/// let guard = lock.try_lock().unwrap();
/// assert!(lock.try_lock().unwrap_err().to_string().contains("wait for it"));
/// ```
#[derive(Debug)]
pub struct TryLockError(pub(crate) ());

impl fmt::Display for TryLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the operation would block: the lock is held, or others wait for it. Wait for it with `lock`, `read` or \
             `write`",
        )
    }
}

impl std::error::Error for TryLockError {}
