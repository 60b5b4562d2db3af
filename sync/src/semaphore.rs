//! Permits, of which there is a limited number.
//!
//! What a caller gets is a permit that goes back when it is dropped: [`SemaphorePermit`] borrows the semaphore,
//! [`OwnedSemaphorePermit`] holds an `Arc` of it. The numbers and the queue are those of `permits`.
//!
//! In tokio: `sync/semaphore.rs`.

mod error;
mod owned;
mod permit;

pub use error::{AcquireError, TryAcquireError};
pub use permit::{OwnedSemaphorePermit, SemaphorePermit};

use crate::permits::Permits;
use crate::primitives::{What, block_thread_on, const_unless_loom};
use std::fmt;

/// Permits for a limited resource, first come, first served. If none is left, a caller waits until one is given back.
///
/// It limits connections, concurrent requests, or queries to a database. It works in tasks, threads, runtimes and
/// executors of any kind, and across them: the cores of a server may share one.
///
/// Who waits comes first. While a caller waits for many permits, those that come back are put aside for it, and no later
/// caller gets any, however few it wants.
///
/// # Examples
///
/// A server that talks with at most 1,000 clients. The others wait in the kernel's backlog, where they cost next to
/// nothing:
///
/// ```no_run
/// use ayi::io::AsyncWriteExt;
/// use ayi::net::TcpListener;
/// use ayi::sync::Semaphore;
/// use std::sync::Arc;
///
/// # #[ayi::main]
/// # async fn main() -> std::io::Result<()> {
/// let limit = Arc::new(Semaphore::new(1_000));
/// let listener = TcpListener::bind("127.0.0.1:8080").await?;
/// loop {
///     let accepted = limit.clone().acquire_owned_with(listener.accept()).await;
///     let (permit, accepted) = accepted.expect("nobody closes it");
///     let (mut stream, peer) = accepted?;
///     ayi::spawn(async move {
///         let _ = stream.write_all(format!("hello, {peer}\n").as_bytes()).await;
///         drop(permit); // after the last use of the stream: now the next one may come
///     });
/// }
/// # }
/// ```
pub struct Semaphore {
    permits: Permits,
}

impl Semaphore {
    /// The largest number of permits.
    pub const MAX_PERMITS: usize = Permits::MAX;

    const_unless_loom! {
        /// Makes a semaphore with so many permits. It is `const`, so it also serves for a `static`.
        ///
        /// # Panics
        ///
        /// Panics if they are more than [`MAX_PERMITS`](Semaphore::MAX_PERMITS).
        ///
        /// # Examples
        ///
        /// ```
        /// use ayi::sync::Semaphore;
        /// static QUERIES: Semaphore = Semaphore::new(20);
        /// assert_eq!(QUERIES.available_permits(), 20);
        /// ```
        #[track_caller]
        pub const fn new(permits: usize) -> Semaphore {
            assert!(
                permits <= Self::MAX_PERMITS,
                "a semaphore may not have more than MAX_PERMITS permits: give it fewer"
            );
            Semaphore { permits: Permits::new(permits, What::new("permits of a semaphore")) }
        }
    }

    const_unless_loom! {
        /// Makes a semaphore like [`new`](Semaphore::new), under the name that tokio has for a `static`.
        ///
        /// # Panics
        ///
        /// Panics like [`new`](Semaphore::new).
        ///
        /// # Examples
        ///
        /// ```
        /// use ayi::sync::Semaphore;
        /// static QUERIES: Semaphore = Semaphore::const_new(20);
        /// assert_eq!(QUERIES.available_permits(), 20);
        /// ```
        #[track_caller]
        pub const fn const_new(permits: usize) -> Semaphore {
            Semaphore::new(permits)
        }
    }

    /// Waits for a permit. Dropping the permit gives it back.
    ///
    /// # Errors
    ///
    /// Fails if the semaphore is [closed](Semaphore::close).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, it loses its place in the queue, and nothing else: a permit that it had been given
    /// goes to the next waiter.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::sync::Semaphore;
    /// let cups = Semaphore::new(2);
    /// let one = cups.acquire().await.unwrap();
    /// let other = cups.acquire().await.unwrap();
    /// assert_eq!(cups.available_permits(), 0);
    /// drop(one);
    /// assert_eq!(cups.available_permits(), 1);
    /// # }
    /// ```
    #[inline]
    pub async fn acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.permits.acquire(1).await?;
        Ok(SemaphorePermit::new(self, 1))
    }

    /// Waits for `n` permits at once, which are one [`SemaphorePermit`]. For none it does not wait.
    ///
    /// A caller that waits for many is not passed by callers that want few, so it gets what it wants.
    ///
    /// # Errors
    ///
    /// Fails if the semaphore is [closed](Semaphore::close).
    ///
    /// # Panics
    ///
    /// Panics when it is polled if `n` is more than [`MAX_PERMITS`](Semaphore::MAX_PERMITS), which only a system of 32
    /// bits can say.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, it loses its place in the queue, and nothing else: the permits that it had been given
    /// go to the next waiters.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::sync::Semaphore;
    /// let cups = Semaphore::new(5);
    /// let three = cups.acquire_many(3).await.unwrap();
    /// assert_eq!((three.num_permits(), cups.available_permits()), (3, 2));
    /// # }
    /// ```
    #[inline]
    pub async fn acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        let n = checked(n);
        self.permits.acquire(n).await?;
        Ok(SemaphorePermit::new(self, n))
    }

    /// Takes a permit, if one is available at once.
    ///
    /// # Errors
    ///
    /// Returns [`NoPermits`](TryAcquireError::NoPermits) if the caller would have to wait,
    /// [`Closed`](TryAcquireError::Closed) if the semaphore is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{Semaphore, TryAcquireError};
    /// let cups = Semaphore::new(1);
    /// let cup = cups.try_acquire().unwrap();
    /// assert_eq!(cups.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    /// ```
    #[inline]
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.permits.try_acquire(1)?;
        Ok(SemaphorePermit::new(self, 1))
    }

    /// Takes `n` permits at once, if so many are available.
    ///
    /// # Errors
    ///
    /// Fails like [`try_acquire`](Semaphore::try_acquire).
    ///
    /// # Panics
    ///
    /// Panics if `n` is more than [`MAX_PERMITS`](Semaphore::MAX_PERMITS), which only a system of 32 bits can say.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::{Semaphore, TryAcquireError};
    /// let cups = Semaphore::new(5);
    /// let three = cups.try_acquire_many(3).unwrap();
    /// assert_eq!(cups.try_acquire_many(3).unwrap_err(), TryAcquireError::NoPermits);
    /// ```
    #[track_caller]
    pub fn try_acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        let n = checked(n);
        self.permits.try_acquire(n)?;
        Ok(SemaphorePermit::new(self, n))
    }

    /// Waits like [`acquire`](Semaphore::acquire), on a thread that runs no tasks.
    ///
    /// # Errors
    ///
    /// Fails like [`acquire`](Semaphore::acquire).
    ///
    /// # Panics
    ///
    /// Panics on a thread that runs a runtime, whose tasks would all have to wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::Semaphore;
    /// use std::sync::Arc;
    /// let limit = Arc::new(Semaphore::new(0));
    /// let other = limit.clone();
    /// let thread = std::thread::spawn(move || other.blocking_acquire().is_ok());
    /// limit.add_permits(1);
    /// assert!(thread.join().unwrap());
    /// ```
    #[inline]
    #[track_caller]
    pub fn blocking_acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        block_thread_on("blocking_acquire", "acquire", self.acquire())
    }

    /// Waits like [`acquire_many`](Semaphore::acquire_many), on a thread that runs no tasks.
    ///
    /// # Errors
    ///
    /// Fails like [`acquire`](Semaphore::acquire).
    ///
    /// # Panics
    ///
    /// Panics like [`blocking_acquire`](Semaphore::blocking_acquire) and [`acquire_many`](Semaphore::acquire_many).
    ///
    /// # Examples
    ///
    /// ```
    /// let limit = ayi::sync::Semaphore::new(5);
    /// let three = limit.blocking_acquire_many(3).unwrap();
    /// assert_eq!(limit.available_permits(), 2);
    /// ```
    #[inline]
    #[track_caller]
    pub fn blocking_acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        block_thread_on("blocking_acquire_many", "acquire_many", self.acquire_many(n))
    }

    /// Returns the number of permits that are available.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(ayi::sync::Semaphore::new(3).available_permits(), 3);
    /// ```
    pub fn available_permits(&self) -> usize {
        self.permits.available()
    }

    /// Adds `n` permits. Those who wait get them first.
    ///
    /// # Panics
    ///
    /// Panics if there would be more than [`MAX_PERMITS`](Semaphore::MAX_PERMITS), and adds none then.
    ///
    /// # Examples
    ///
    /// ```
    /// let limit = ayi::sync::Semaphore::new(0);
    /// limit.add_permits(10);
    /// assert_eq!(limit.available_permits(), 10);
    /// ```
    #[track_caller]
    pub fn add_permits(&self, n: usize) {
        let is_added = self.permits.try_add(n).is_ok();
        assert!(
            is_added,
            "a semaphore may not have more than MAX_PERMITS permits, as it would with {n} more: add fewer"
        );
    }

    /// Takes up to `n` available permits away for good, and returns how many it has taken.
    ///
    /// # Examples
    ///
    /// ```
    /// let limit = ayi::sync::Semaphore::new(10);
    /// assert_eq!(limit.forget_permits(7), 7);
    /// assert_eq!(limit.forget_permits(7), 3);
    /// ```
    pub fn forget_permits(&self, n: usize) -> usize {
        self.permits.forget(n)
    }

    /// Closes the semaphore: callers that wait for a permit, or ask from now on, get an error. Permits that have been
    /// given stay valid.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let limit = ayi::sync::Semaphore::new(1);
    /// limit.close();
    /// assert!(limit.acquire().await.is_err());
    /// # }
    /// ```
    pub fn close(&self) {
        self.permits.close();
    }

    /// Returns whether it is [closed](Semaphore::close).
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!ayi::sync::Semaphore::new(1).is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (permits, is_closed) = (self.available_permits(), self.is_closed());
        f.debug_struct("Semaphore").field("permits", &permits).field("is_closed", &is_closed).finish()
    }
}

/// A number of permits that a semaphore could have.
#[track_caller]
fn checked(n: u32) -> usize {
    let n = n as usize;
    assert!(
        n <= Semaphore::MAX_PERMITS,
        "a semaphore may not have more than MAX_PERMITS permits: ask for fewer"
    );
    n
}
