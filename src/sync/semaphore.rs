//! Permits, of which there is a fixed number.
//!
//! ```text
//!                 none left           a permit comes back
//!   acquire ──────────────▶ ticket ────────────────────────▶ served ──▶ permit ──▶ dropped: it comes back
//!      └──── some left ─────────────────────────────────────────────────▲
//! ```
//!
//! It works like the counter of a shop: a waiter draws a number, and one sign says up to which number people have been
//! served.
//!
//! Invariants, under the lock:
//! 1. While anybody waits, no permit is left: waiters are served first, in the order of their numbers.
//! 2. The owner of a number below `served` has a permit, whether or not it has been told. It takes the permit at its
//!    next poll. If it is dropped instead, the permit goes to the next waiter, so nobody waits for a permit that nobody
//!    holds.
//! 3. Wakers are cloned, woken and dropped while nothing is locked.
//!
//! Why nothing is missed: each step is one stretch under the lock. A future looks for a permit and draws its number in
//! one stretch, so a permit that comes back is either found by the look, or finds the number. Suppose a future is
//! dropped while another thread serves it. If the drop comes first, its number is gone and the next waiter is served.
//! If it comes second, it sees that it was served, and hands the permit on. A wake comes after the lock is released, so
//! it may be late. It then finds a future that has its permit, or a task that is polled once for nothing.
//!
//! Left out: several permits at once, and taking permits away for good. In tokio: `sync/semaphore.rs`.

use super::error::{AcquireError, TryAcquireError};
use ayi_runtime::task::coop;
use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

/// Permits for a limited resource, first come, first served. If none is left, a caller waits until one is given back.
///
/// It limits connections, concurrent requests, or queries to a database. It works in tasks, threads, runtimes and
/// executors of any kind, and across them: the cores of a server may share one.
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
    state: Mutex<State>,
}

struct State {
    permits: usize,
    /// The next number. Each is given out once.
    next: u64,
    /// Waiters with a number below this have been given a permit.
    served: u64,
    waiting: BTreeMap<u64, Waker>,
    is_closed: bool,
}

impl State {
    /// Takes a permit, if there is one, or says why there never will be.
    fn take(&mut self) -> Option<Result<(), AcquireError>> {
        if self.is_closed {
            return Some(Err(AcquireError(())));
        }
        self.permits = self.permits.checked_sub(1)?;
        Some(Ok(()))
    }

    /// Serves the next waiter.
    fn serve(&mut self) -> Option<Waker> {
        let (number, waker) = self.waiting.pop_first()?;
        self.served = number + 1;
        Some(waker)
    }
}

impl Semaphore {
    /// The largest number of permits.
    pub const MAX_PERMITS: usize = usize::MAX >> 3;

    /// Makes a semaphore with so many permits. It is `const`, so it also serves for a `static`, for which tokio has
    /// `const_new`.
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
    pub const fn new(permits: usize) -> Semaphore {
        assert!(permits <= Self::MAX_PERMITS, "a semaphore has at most Semaphore::MAX_PERMITS permits");
        let state = State { permits, next: 0, served: 0, waiting: BTreeMap::new(), is_closed: false };
        Semaphore { state: Mutex::new(state) }
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
    pub async fn acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        coop::cooperative(Acquire { semaphore: self, number: None }).await?;
        Ok(SemaphorePermit { semaphore: self })
    }

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
    pub async fn acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        coop::cooperative(Acquire { semaphore: &self, number: None }).await?;
        Ok(OwnedSemaphorePermit { semaphore: self })
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
        let mut acquire = Acquire { semaphore: &self, number: None };
        let mut was_put_off = false;
        poll_fn(|cx| {
            coop::poll_composed(cx, &mut was_put_off, |cx| {
                ready!(Pin::new(&mut acquire).poll(cx))?;
                // It is given back below, even by a panic.
                let permit = OwnedSemaphorePermit { semaphore: self.clone() };
                future.as_mut().poll(cx).map(|output| Ok((permit, output)))
            })
        })
        .await
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
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_take()?;
        Ok(SemaphorePermit { semaphore: self })
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
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_take()?;
        Ok(OwnedSemaphorePermit { semaphore: self })
    }

    fn try_take(&self) -> Result<(), TryAcquireError> {
        match self.lock().take() {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) => Err(TryAcquireError::Closed),
            None => Err(TryAcquireError::NoPermits),
        }
    }

    /// Returns the number of permits that are available.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(ayi::sync::Semaphore::new(3).available_permits(), 3);
    /// ```
    pub fn available_permits(&self) -> usize {
        self.lock().permits
    }

    /// Adds `n` permits.
    ///
    /// # Panics
    ///
    /// Panics if there would be more than [`MAX_PERMITS`](Semaphore::MAX_PERMITS).
    ///
    /// # Examples
    ///
    /// ```
    /// let limit = ayi::sync::Semaphore::new(0);
    /// limit.add_permits(10);
    /// assert_eq!(limit.available_permits(), 10);
    /// ```
    pub fn add_permits(&self, n: usize) {
        let mut wakers = Vec::new();
        let mut state = self.lock();
        let total = state.permits.saturating_add(n);
        if total > Self::MAX_PERMITS {
            drop(state);
            panic!(
                "with {n} permits more, a semaphore would have more than Semaphore::MAX_PERMITS: add fewer"
            );
        }
        for left in (0..n).rev() {
            let Some(waker) = state.serve() else {
                state.permits += left + 1;
                break;
            };
            wakers.push(waker);
        }
        drop(state);
        wakers.into_iter().for_each(wake);
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
        let mut state = self.lock();
        state.is_closed = true;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_values().for_each(wake);
    }

    /// Returns whether it is [closed](Semaphore::close).
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!ayi::sync::Semaphore::new(1).is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// Gives a permit back. It does not use `add_permits`, because nothing in a drop should be able to panic.
    fn give_back(&self) {
        let mut state = self.lock();
        let next = state.serve();
        if next.is_none() {
            state.permits += 1;
        }
        drop(state);
        next.into_iter().for_each(wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes, which is foreign code. Its panic, which the hook has reported, must not keep others from being woken.
fn wake(waker: Waker) {
    let woken = catch_unwind(AssertUnwindSafe(|| waker.wake()));
    // Dropping the panic may panic again, and so may dropping that one.
    woken.or_else(|panic| catch_unwind(AssertUnwindSafe(|| drop(panic)))).unwrap_or_else(std::mem::forget);
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (permits, is_closed) = (self.available_permits(), self.is_closed());
        f.debug_struct("Semaphore").field("permits", &permits).field("is_closed", &is_closed).finish()
    }
}

/// Becomes ready with a permit, which belongs to the caller that polled it. It can then be polled again for another.
struct Acquire<'a> {
    semaphore: &'a Semaphore,
    /// Its number, once it has to wait.
    number: Option<u64>,
}

impl Future for Acquire<'_> {
    type Output = Result<(), AcquireError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.number.is_none() {
            if let Some(result) = self.semaphore.lock().take() {
                return Poll::Ready(result);
            }
        }
        // Cloning is foreign code, so nothing is locked, and we have to look once more afterwards.
        let waker = cx.waker().clone();
        let mut state = self.semaphore.lock();
        let result = match self.number {
            None => state.take(),
            Some(number) if number < state.served => Some(Ok(())),
            Some(_) => state.is_closed.then_some(Err(AcquireError(()))),
        };
        let unused = if result.is_some() {
            self.number = None;
            Some(waker)
        } else {
            let number = self.number.unwrap_or(state.next);
            state.next = state.next.max(number + 1);
            self.number = Some(number);
            state.waiting.insert(number, waker)
        };
        drop(state);
        drop(unused);
        result.map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Acquire<'_> {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        let mut state = self.semaphore.lock();
        let is_served = number < state.served;
        let waker = state.waiting.remove(&number);
        drop(state);
        drop(waker);
        if is_served {
            self.semaphore.give_back();
        }
    }
}

/// The permit of [`Semaphore::acquire`]. Dropping it, on whichever thread, gives it back.
#[must_use = "the permit goes back at once if it is not kept"]
#[derive(Debug)]
pub struct SemaphorePermit<'a> {
    semaphore: &'a Semaphore,
}

impl Drop for SemaphorePermit<'_> {
    fn drop(&mut self) {
        self.semaphore.give_back();
    }
}

/// The permit of [`Semaphore::acquire_owned`]. Dropping it, on whichever thread, gives it back.
#[must_use = "the permit goes back at once if it is not kept"]
#[derive(Debug)]
pub struct OwnedSemaphorePermit {
    semaphore: Arc<Semaphore>,
}

impl Drop for OwnedSemaphorePermit {
    fn drop(&mut self) {
        self.semaphore.give_back();
    }
}
