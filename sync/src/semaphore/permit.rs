//! What is given back when it is dropped.

use super::Semaphore;
use std::fmt;
use std::mem;
use std::ptr;
use std::sync::Arc;

/// The permits of [`Semaphore::acquire`] or [`acquire_many`](Semaphore::acquire_many). Dropping them, on whichever
/// thread, gives them back.
///
/// # Examples
///
/// ```
/// let limit = ayi::sync::Semaphore::new(1);
/// let permit = limit.try_acquire().unwrap();
/// assert!(limit.try_acquire().is_err());
/// drop(permit);
/// assert!(limit.try_acquire().is_ok());
/// ```
#[must_use = "the permit goes back at once if it is not kept"]
#[clippy::has_significant_drop]
pub struct SemaphorePermit<'a> {
    semaphore: &'a Semaphore,
    permits: usize,
}

/// The permits of [`Semaphore::acquire_owned`] or [`acquire_many_owned`](Semaphore::acquire_many_owned). Dropping them,
/// on whichever thread, gives them back.
///
/// # Examples
///
/// ```
/// use ayi::sync::Semaphore;
/// use std::sync::Arc;
/// let limit = Arc::new(Semaphore::new(1));
/// let permit = limit.clone().try_acquire_owned().unwrap();
/// std::thread::spawn(move || drop(permit)).join().unwrap();
/// assert_eq!(limit.available_permits(), 1);
/// ```
#[must_use = "the permit goes back at once if it is not kept"]
#[clippy::has_significant_drop]
pub struct OwnedSemaphorePermit {
    semaphore: Arc<Semaphore>,
    permits: usize,
}

impl<'a> SemaphorePermit<'a> {
    pub(super) fn new(semaphore: &'a Semaphore, permits: usize) -> SemaphorePermit<'a> {
        SemaphorePermit { semaphore, permits }
    }

    /// Keeps the permits from ever being given back: the semaphore has so many fewer from now on.
    ///
    /// # Examples
    ///
    /// ```
    /// let limit = ayi::sync::Semaphore::new(10);
    /// limit.try_acquire().unwrap().forget();
    /// assert_eq!(limit.available_permits(), 9);
    /// ```
    pub fn forget(mut self) {
        self.permits = 0;
    }

    /// Adds the permits of `other` to these, so that they are given back together.
    ///
    /// # Panics
    ///
    /// Panics if they are permits of two semaphores.
    ///
    /// # Examples
    ///
    /// ```
    /// let limit = ayi::sync::Semaphore::new(10);
    /// let mut permits = limit.try_acquire().unwrap();
    /// permits.merge(limit.try_acquire_many(5).unwrap());
    /// assert_eq!(permits.num_permits(), 6);
    /// ```
    #[track_caller]
    pub fn merge(&mut self, mut other: Self) {
        assert!(
            ptr::eq(self.semaphore, other.semaphore),
            "merging permits from different semaphore instances: they cannot be given back together"
        );
        self.permits += mem::take(&mut other.permits);
    }

    /// Takes `n` of these permits, to be given back by themselves. Returns `None` if these are fewer.
    ///
    /// # Examples
    ///
    /// ```
    /// let limit = ayi::sync::Semaphore::new(10);
    /// let mut permits = limit.try_acquire_many(10).unwrap();
    /// let three = permits.split(3).unwrap();
    /// assert_eq!((permits.num_permits(), three.num_permits()), (7, 3));
    /// assert!(permits.split(8).is_none());
    /// ```
    pub fn split(&mut self, n: usize) -> Option<Self> {
        self.permits = self.permits.checked_sub(n)?;
        Some(SemaphorePermit::new(self.semaphore, n))
    }

    /// Returns how many permits these are.
    ///
    /// # Examples
    ///
    /// ```
    /// let limit = ayi::sync::Semaphore::new(10);
    /// assert_eq!(limit.try_acquire_many(3).unwrap().num_permits(), 3);
    /// ```
    pub fn num_permits(&self) -> usize {
        self.permits
    }

    /// Returns the semaphore to which these permits go back.
    ///
    /// # Examples
    ///
    /// ```
    /// let limit = ayi::sync::Semaphore::new(10);
    /// let permit = limit.try_acquire().unwrap();
    /// assert_eq!(permit.semaphore().available_permits(), 9);
    /// ```
    pub fn semaphore(&self) -> &'a Semaphore {
        self.semaphore
    }
}

impl OwnedSemaphorePermit {
    pub(super) fn new(semaphore: Arc<Semaphore>, permits: usize) -> OwnedSemaphorePermit {
        OwnedSemaphorePermit { semaphore, permits }
    }

    /// Keeps the permits from ever being given back: the semaphore has so many fewer from now on.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::Semaphore;
    /// use std::sync::Arc;
    /// let limit = Arc::new(Semaphore::new(10));
    /// limit.clone().try_acquire_owned().unwrap().forget();
    /// assert_eq!(limit.available_permits(), 9);
    /// ```
    pub fn forget(mut self) {
        self.permits = 0;
    }

    /// Adds the permits of `other` to these, so that they are given back together.
    ///
    /// # Panics
    ///
    /// Panics if they are permits of two semaphores.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::Semaphore;
    /// use std::sync::Arc;
    /// let limit = Arc::new(Semaphore::new(10));
    /// let mut permits = limit.clone().try_acquire_owned().unwrap();
    /// permits.merge(limit.try_acquire_many_owned(5).unwrap());
    /// assert_eq!(permits.num_permits(), 6);
    /// ```
    #[track_caller]
    pub fn merge(&mut self, mut other: Self) {
        assert!(
            Arc::ptr_eq(&self.semaphore, &other.semaphore),
            "merging permits from different semaphore instances: they cannot be given back together"
        );
        self.permits += mem::take(&mut other.permits);
    }

    /// Takes `n` of these permits, to be given back by themselves. Returns `None` if these are fewer.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::Semaphore;
    /// use std::sync::Arc;
    /// let limit = Arc::new(Semaphore::new(10));
    /// let mut permits = limit.try_acquire_many_owned(10).unwrap();
    /// let three = permits.split(3).unwrap();
    /// assert_eq!((permits.num_permits(), three.num_permits()), (7, 3));
    /// ```
    pub fn split(&mut self, n: usize) -> Option<Self> {
        self.permits = self.permits.checked_sub(n)?;
        Some(OwnedSemaphorePermit::new(self.semaphore.clone(), n))
    }

    /// Returns how many permits these are.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::Semaphore;
    /// use std::sync::Arc;
    /// let limit = Arc::new(Semaphore::new(10));
    /// assert_eq!(limit.try_acquire_many_owned(3).unwrap().num_permits(), 3);
    /// ```
    pub fn num_permits(&self) -> usize {
        self.permits
    }

    /// Returns the semaphore to which these permits go back.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::Semaphore;
    /// use std::sync::Arc;
    /// let permit = Arc::new(Semaphore::new(10)).try_acquire_owned().unwrap();
    /// let another = permit.semaphore().clone().try_acquire_owned().unwrap();
    /// assert_eq!(another.semaphore().available_permits(), 8);
    /// ```
    pub fn semaphore(&self) -> &Arc<Semaphore> {
        &self.semaphore
    }
}

impl Drop for SemaphorePermit<'_> {
    #[inline]
    fn drop(&mut self) {
        self.semaphore.permits.release(self.permits);
    }
}

impl Drop for OwnedSemaphorePermit {
    #[inline]
    fn drop(&mut self) {
        self.semaphore.permits.release(self.permits);
    }
}

impl fmt::Debug for SemaphorePermit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SemaphorePermit").field("permits", &self.permits).finish_non_exhaustive()
    }
}

impl fmt::Debug for OwnedSemaphorePermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedSemaphorePermit").field("permits", &self.permits).finish_non_exhaustive()
    }
}
