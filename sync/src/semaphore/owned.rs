//! The methods whose permits hold an `Arc` of their semaphore.

use super::{AcquireError, OwnedSemaphorePermit, Semaphore, TryAcquireError, checked};
use crate::primitives::{block_thread_on, coop};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::ready;

impl Semaphore {
    /// Waits like [`acquire`](Semaphore::acquire), for a permit that borrows nothing and can be moved into a task.
    ///
    /// # Errors
    ///
    /// Fails like [`acquire`](Semaphore::acquire).
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as [`acquire`](Semaphore::acquire).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::sync::Semaphore;
    /// use std::sync::Arc;
    /// let limit = Arc::new(Semaphore::new(10));
    /// for _ in 0..100 {
    ///     let permit = limit.clone().acquire_owned().await.unwrap();
    ///     ayi::spawn(async move {
    ///         // Ten of these at a time.
    ///         drop(permit);
    ///     });
    /// }
    /// # }
    /// ```
    #[inline]
    pub async fn acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.permits.acquire(1).await?;
        Ok(OwnedSemaphorePermit::new(self, 1))
    }

    /// Waits like [`acquire_many`](Semaphore::acquire_many), for permits that borrow nothing.
    ///
    /// # Errors
    ///
    /// Fails like [`acquire_many`](Semaphore::acquire_many).
    ///
    /// # Panics
    ///
    /// Panics like [`acquire_many`](Semaphore::acquire_many).
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as [`acquire_many`](Semaphore::acquire_many).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// use ayi::sync::Semaphore;
    /// use std::sync::Arc;
    /// let megabytes = Arc::new(Semaphore::new(512));
    /// let needed = megabytes.clone().acquire_many_owned(200).await.unwrap();
    /// ayi::spawn(async move { drop(needed) });
    /// # }
    /// ```
    pub async fn acquire_many_owned(self: Arc<Self>, n: u32) -> Result<OwnedSemaphorePermit, AcquireError> {
        let n = checked(n);
        self.permits.acquire(n).await?;
        Ok(OwnedSemaphorePermit::new(self, n))
    }

    /// Waits for a permit *and* for `future`, for example the `accept` of a listener, and returns both.
    ///
    /// `future` is polled only while a permit is available for its result: a server accepts no client for whom it has
    /// none. But while it waits, it withholds no permit from others. With [`acquire_owned`](Semaphore::acquire_owned)
    /// before the accept, each idle core would hold a permit, and a server of eight cores and eight permits could serve
    /// only a single client at a time on the core that clients come to.
    ///
    /// # Errors
    ///
    /// Fails if the semaphore is [closed](Semaphore::close). A call that waits only for `future` is not woken for this:
    /// it fails at its next poll.
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as `future`.
    ///
    /// # Examples
    ///
    /// See [`Semaphore`].
    pub async fn acquire_owned_with<F: IntoFuture>(
        self: Arc<Self>,
        future: F,
    ) -> Result<(OwnedSemaphorePermit, F::Output), AcquireError> {
        let mut future = pin!(future.into_future());
        let mut acquire = self.permits.acquire(1);
        let mut was_put_off = false;
        poll_fn(|cx| {
            coop::poll_composed(cx, &mut was_put_off, |cx| {
                ready!(acquire.poll_uncharged(cx.waker()))?;
                // It is given back below, even by a panic.
                let permit = OwnedSemaphorePermit::new(self.clone(), 1);
                future.as_mut().poll(cx).map(|output| Ok((permit, output)))
            })
        })
        .await
    }

    /// Takes a permit like [`try_acquire`](Semaphore::try_acquire), one that borrows nothing.
    ///
    /// # Errors
    ///
    /// Fails like [`try_acquire`](Semaphore::try_acquire).
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::Semaphore;
    /// use std::sync::Arc;
    /// let clients = Arc::new(Semaphore::new(1));
    /// let client = clients.clone().try_acquire_owned();
    /// assert!(client.is_ok() && clients.try_acquire_owned().is_err()); // say that the server is full, and hang up
    /// ```
    #[inline]
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.permits.try_acquire(1)?;
        Ok(OwnedSemaphorePermit::new(self, 1))
    }

    /// Takes permits like [`try_acquire_many`](Semaphore::try_acquire_many), such that borrow nothing.
    ///
    /// # Errors
    ///
    /// Fails like [`try_acquire`](Semaphore::try_acquire).
    ///
    /// # Panics
    ///
    /// Panics like [`try_acquire_many`](Semaphore::try_acquire_many).
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::Semaphore;
    /// use std::sync::Arc;
    /// let megabytes = Arc::new(Semaphore::new(512));
    /// let needed = megabytes.clone().try_acquire_many_owned(200).unwrap();
    /// assert!(megabytes.try_acquire_many_owned(400).is_err());
    /// ```
    #[track_caller]
    pub fn try_acquire_many_owned(self: Arc<Self>, n: u32) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        let n = checked(n);
        self.permits.try_acquire(n)?;
        Ok(OwnedSemaphorePermit::new(self, n))
    }

    /// Waits like [`acquire_owned`](Semaphore::acquire_owned), on a thread that runs no tasks.
    ///
    /// # Errors
    ///
    /// Fails like [`acquire`](Semaphore::acquire).
    ///
    /// # Panics
    ///
    /// Panics like [`blocking_acquire`](Semaphore::blocking_acquire).
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::Semaphore;
    /// use std::sync::Arc;
    /// let limit = Arc::new(Semaphore::new(5));
    /// let permit = limit.clone().blocking_acquire_owned().unwrap();
    /// assert_eq!(limit.available_permits(), 4);
    /// ```
    #[inline]
    #[track_caller]
    pub fn blocking_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        block_thread_on("blocking_acquire_owned", "acquire_owned", self.acquire_owned())
    }

    /// Waits like [`acquire_many_owned`](Semaphore::acquire_many_owned), on a thread that runs no tasks.
    ///
    /// # Errors
    ///
    /// Fails like [`acquire`](Semaphore::acquire).
    ///
    /// # Panics
    ///
    /// Panics like [`blocking_acquire_many`](Semaphore::blocking_acquire_many).
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::Semaphore;
    /// use std::sync::Arc;
    /// let limit = Arc::new(Semaphore::new(5));
    /// let three = limit.clone().blocking_acquire_many_owned(3).unwrap();
    /// assert_eq!(limit.available_permits(), 2);
    /// ```
    #[inline]
    #[track_caller]
    pub fn blocking_acquire_many_owned(
        self: Arc<Self>,
        n: u32,
    ) -> Result<OwnedSemaphorePermit, AcquireError> {
        block_thread_on("blocking_acquire_many_owned", "acquire_many_owned", self.acquire_many_owned(n))
    }
}
