//! Telling tasks that something has happened.
//!
//! One word has a counter and two flags. While nobody waits, that word is all there is: a notification is one exchange,
//! and so is taking it. Those who wait stand in a queue under a lock.
//!
//! ```text
//!   notify_one, notify_last ─┬─ somebody waits ─▶ the first, or the last, of the queue
//!                            └─ nobody waits ───▶ PERMIT, for the next who comes
//!   notify_waiters ──────────── the counter ────▶ all of the queue, and all futures that exist
//! ```
//!
//! Invariants:
//! 1. `WAITING` is set and cleared under the lock. Whenever the lock is free, `WAITING` is set if and only if somebody
//!    is queued.
//! 2. `PERMIT` and `WAITING` are never both set.
//! 3. A waiter that is apart from the queue has news, which it has not told its task yet.
//! 4. News for one waiter reaches one task: if the future is dropped before it has told, the news goes on like the call
//!    that brought it.
//! 5. The counter is that of all calls of `notify_waiters`. A future remembers what it was when it was made. If it has
//!    changed since, the future is ready.
//! 6. Wakers are cloned, woken and dropped while nothing is locked.
//!
//! Why nothing is missed: setting `WAITING`, setting `PERMIT` and counting are read-modify-writes of one word, so one
//! comes first. A future that sets `WAITING` has seen all that came before, and whoever comes after sees the flag, and
//! looks into the queue.
//!
//! Orderings: what was written before a notification is seen by the task that gets it. Through the word, the `Release`
//! of whoever notifies meets the `Acquire` of the future. Through the queue, the lock brings it.
//!
//! In tokio: `sync/notify.rs`. There `notify_waiters` wakes in pieces, and needs a list with a guard for those whose
//! turn has not come. Here one stretch under the lock tells all of them, and they are woken afterwards.

mod notified;
#[cfg(all(test, loom))]
mod tests;
mod wait;

pub use notified::{Notified, OwnedNotified};

use crate::primitives::atomic::AtomicUsize;
use crate::primitives::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::primitives::{Mutex, MutexGuard, What, const_unless_loom};
use crate::waiters::Waiters;
use crate::wakers::{Wakers, wake};
use std::fmt;
use std::sync::Arc;
use std::task::Waker;

const PERMIT: usize = 1;
const WAITING: usize = 2;
/// One call of `notify_waiters`, in the word.
const CALL: usize = 4;

/// Tells one task, or all that wait, that something has happened. It carries no value.
///
/// [`notify_one`](Notify::notify_one) is like giving a permit to the task that has waited for longest. If nobody waits,
/// the next who comes gets the permit and does not wait. There is never more than one: many notifications may arrive
/// as one. So a task that was notified looks at everything there is to do.
///
/// [`notify_waiters`](Notify::notify_waiters) tells all who wait, and nobody who comes later. A future counts as waiting
/// from the moment when [`notified`](Notify::notified) has made it, also before its first poll.
///
/// It works in tasks, threads, runtimes and executors of any kind, and across them.
///
/// # Examples
///
/// A queue whose reader sleeps while it is empty:
///
/// ```
/// use ayi::sync::Notify;
/// use std::collections::VecDeque;
/// use std::sync::{Arc, Mutex};
///
/// #[derive(Default)]
/// struct Queue {
///     items: Mutex<VecDeque<u32>>,
///     news: Notify,
/// }
///
/// impl Queue {
///     fn push(&self, item: u32) {
///         self.items.lock().unwrap().push_back(item);
///         self.news.notify_one();
///     }
///
///     async fn pop(&self) -> u32 {
///         loop {
///             if let Some(item) = self.items.lock().unwrap().pop_front() {
///                 return item;
///             }
///             self.news.notified().await;
///         }
///     }
/// }
/// # #[ayi::main]
/// # async fn main() {
/// let queue = Arc::new(Queue::default());
/// let reader = queue.clone();
/// let sum = ayi::spawn(async move { reader.pop().await + reader.pop().await });
/// queue.push(3);
/// queue.push(4);
/// assert_eq!(sum.await.unwrap(), 7);
/// # }
/// ```
pub struct Notify {
    /// Calls of `notify_waiters` times [`CALL`], and the flags.
    state: AtomicUsize,
    queue: Mutex<Waiters<Waiter>>,
}

struct Waiter {
    /// `None` once it has been taken to be woken, or if nobody has polled yet.
    waker: Option<Waker>,
    /// What has happened, invariant 3.
    news: Option<News>,
}

/// Why a future is ready.
#[derive(Clone, Copy, Debug)]
enum News {
    /// Everybody was told.
    All,
    /// It was the one, found in this order.
    One(Order),
}

/// Whom a notification for one reaches.
#[derive(Clone, Copy, Debug)]
enum Order {
    First,
    Last,
}

impl Notify {
    /// Makes one without a permit.
    ///
    /// # Examples
    ///
    /// ```
    /// let shutdown = ayi::sync::Notify::new();
    /// ```
    pub fn new() -> Notify {
        Notify::const_new()
    }

    const_unless_loom! {
        /// Makes one without a permit, also for a `static`.
        ///
        /// # Examples
        ///
        /// ```
        /// use ayi::sync::Notify;
        /// static RELOAD: Notify = Notify::const_new();
        /// RELOAD.notify_one();
        /// ```
        pub const fn const_new() -> Notify {
            Notify { state: AtomicUsize::new(0), queue: Mutex::new(Waiters::new(What::new("a notification"))) }
        }
    }

    /// Makes a future that waits for a notification. It hears of [`notify_waiters`](Notify::notify_waiters) from now
    /// on, and of [`notify_one`](Notify::notify_one) from its first poll, or from [`Notified::enable`], on. If there is
    /// a permit then, it takes that and does not wait.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, it loses its place in the queue. A notification for one that had reached it goes on to
    /// another waiter, or is a permit again.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let news = ayi::sync::Notify::new();
    /// news.notify_one();
    /// news.notified().await;
    /// # }
    /// ```
    #[inline]
    pub fn notified(&self) -> Notified<'_> {
        Notified::new(self)
    }

    /// Makes a future like [`notified`](Notify::notified) does, one that borrows nothing.
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as [`notified`](Notify::notified).
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::Notify;
    /// use std::sync::Arc;
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let news = Arc::new(Notify::new());
    /// let waits = ayi::spawn(news.clone().notified_owned());
    /// news.notify_one();
    /// waits.await.unwrap();
    /// # }
    /// ```
    pub fn notified_owned(self: Arc<Self>) -> OwnedNotified {
        OwnedNotified::new(self)
    }

    /// Tells the one who has waited for longest. If nobody waits, the next who comes does not wait.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let news = ayi::sync::Notify::new();
    /// news.notify_one();
    /// news.notify_one(); // there is a permit already
    /// news.notified().await;
    /// # }
    /// ```
    #[inline]
    pub fn notify_one(&self) {
        self.notify(Order::First);
    }

    /// Tells the one who has waited for the shortest time. If nobody waits, the next who comes does not wait.
    ///
    /// A pool whose members are told like this leaves those in peace that are not needed.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::sync::Notify;
    /// use std::pin::pin;
    ///
    /// # #[ayi::main]
    /// # async fn main() {
    /// let news = Notify::new();
    /// let (mut first, mut last) = (pin!(news.notified()), pin!(news.notified()));
    /// first.as_mut().enable();
    /// last.as_mut().enable();
    /// news.notify_last();
    /// last.await;
    /// assert!(!first.enable());
    /// # }
    /// ```
    pub fn notify_last(&self) {
        self.notify(Order::Last);
    }

    #[inline]
    fn notify(&self, order: Order) {
        let mut state = self.state.load(Relaxed);
        while state & WAITING == 0 {
            // `Release` pairs with the `Acquire` of whoever takes the permit. It is written also if it is there already:
            // who takes it sees what this caller has done, too.
            match self.state.compare_exchange_weak(state, state | PERMIT, Release, Relaxed) {
                Ok(_) => return,
                Err(now) => state = now,
            }
        }
        self.tell_one(self.queue.lock(), order);
    }

    /// Tells one of the queue, or leaves a permit if nobody is queued.
    fn tell_one(&self, mut queue: MutexGuard<'_, Waiters<Waiter>>, order: Order) {
        let waiter = match order {
            Order::First => queue.unlink_first(),
            Order::Last => queue.unlink_last(),
        };
        let Some(waiter) = waiter else {
            // Like in `notify`.
            self.state.fetch_or(PERMIT, Release);
            return;
        };
        waiter.news = Some(News::One(order));
        let waker = waiter.waker.take();
        self.nobody_waits_if_empty(&queue);
        drop(queue);
        waker.into_iter().for_each(wake);
    }

    /// Tells all who wait. It leaves no permit for those who come later.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[ayi::main]
    /// # async fn main() {
    /// let news = ayi::sync::Notify::new();
    /// let (one, another) = (news.notified(), news.notified());
    /// news.notify_waiters();
    /// one.await;
    /// another.await;
    /// # }
    /// ```
    pub fn notify_waiters(&self) {
        let mut state = self.state.load(Relaxed);
        while state & WAITING == 0 {
            // `Release` pairs with the `Acquire` of those who look at the counter.
            match self.state.compare_exchange_weak(state, state.wrapping_add(CALL), Release, Relaxed) {
                Ok(_) => return,
                Err(now) => state = now,
            }
        }
        let mut wakers = Wakers::new();
        let mut queue = self.queue.lock();
        // Like above. If the counter overflows, the carry is lost, and the flags stay what they are.
        self.state.fetch_add(CALL, Release);
        while let Some(waiter) = queue.unlink_first() {
            waiter.news = Some(News::All);
            wakers.extend(waiter.waker.take());
        }
        self.nobody_waits_if_empty(&queue);
        drop(queue);
        wakers.wake();
    }

    /// Keeps invariant 1, after somebody has left the queue.
    fn nobody_waits_if_empty(&self, queue: &MutexGuard<'_, Waiters<Waiter>>) {
        if queue.is_empty() {
            // It synchronises nothing. What others have written to the word stays there for those who read it.
            self.state.fetch_and(!WAITING, Relaxed);
        }
    }

    /// What a new future remembers, invariant 5.
    #[inline]
    fn calls(&self) -> usize {
        // Pairs with the `Release` of `notify_waiters`: who sees the call, and so will not hear of it, sees what was
        // done before it.
        self.state.load(Acquire) / CALL
    }
}

impl Default for Notify {
    fn default() -> Notify {
        Notify::new()
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.load(Relaxed);
        let (has_permit, somebody_waits) = (state & PERMIT != 0, state & WAITING != 0);
        f.debug_struct("Notify")
            .field("has_permit", &has_permit)
            .field("somebody_waits", &somebody_waits)
            .finish()
    }
}
