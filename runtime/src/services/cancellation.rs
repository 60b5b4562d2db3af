//! A token that tells any number of tasks, on any threads, that something is to end.
//!
//! ```text
//!   token ──▶ node: is_cancelled, listeners ──▶ a waker, of a future that waits for it
//!   clone ──┘                               └─▶ a child node, which is cancelled with it
//! ```
//!
//! Invariants:
//! 1. `is_cancelled` goes from false to true, once, under the lock of `listeners`. So a listener that finds it false
//!    under the lock, and enters itself, is told.
//! 2. Wakers are cloned, woken and dropped while nothing is locked.
//! 3. A child keeps its parent; a parent knows its child by a weak reference, which the child takes back when it is
//!    dropped.
//!
//! In tokio: `tokio_util::sync::CancellationToken`.

use crate::core::foreign::{self, lock};
use crate::core::sync::Mutex;
use crate::core::sync::atomic::{AtomicBool, Ordering};
use crate::services::coop;
use crate::watch::record::{WaitNote, What};
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker, ready};

/// A token that tells tasks to end. A holder of a clone can wait until another holder
/// [cancels](CancellationToken::cancel) the token.
///
/// A token works on any thread and in any runtime. Each runtime has one:
/// [`shutdown_token`](crate::runtime::shutdown_token).
///
/// # Examples
///
/// ```
/// use ayi::runtime::CancellationToken;
/// # let rt = ayi::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let stop = CancellationToken::new();
/// let local = ayi::spawn({
///     let stop = stop.clone();
///     async move { stop.cancelled().await }
/// });
/// stop.cancel();
/// local.await.unwrap();
/// # });
/// ```
#[derive(Clone, Default)]
pub struct CancellationToken {
    node: Arc<Node>,
}

#[derive(Default)]
struct Node {
    is_cancelled: AtomicBool,
    listeners: Mutex<Listeners>,
    /// The parent, with this node's number among the parent's listeners. `None` for a node without a parent, and for
    /// one that was cancelled from the beginning.
    parent: Option<(CancellationToken, usize)>,
}

/// The listeners to tell, by their numbers. A number is given out again when its listener has been removed.
#[derive(Default)]
struct Listeners {
    all: Vec<Option<Listener>>,
    free: Vec<usize>,
}

enum Listener {
    Waiter(Waker),
    Child(Weak<Node>),
}

impl Listeners {
    fn add(&mut self, listener: Listener) -> usize {
        let number = self.free.pop().unwrap_or(self.all.len());
        if number == self.all.len() {
            self.all.push(None);
        }
        self.all[number] = Some(listener);
        number
    }

    /// Removes the listener, unless all have been told.
    fn remove(&mut self, number: usize) -> Option<Listener> {
        let listener = self.all.get_mut(number)?.take()?;
        self.free.push(number);
        Some(listener)
    }
}

impl CancellationToken {
    /// Creates a token that is not cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::CancellationToken;
    /// assert!(!CancellationToken::new().is_cancelled());
    /// ```
    pub fn new() -> CancellationToken {
        CancellationToken::default()
    }

    /// Creates a token that is cancelled when this token is, or by itself before that. If this token is cancelled
    /// already, so is the new one.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::CancellationToken;
    /// let server = CancellationToken::new();
    /// let (one, other) = (server.child_token(), server.child_token());
    /// one.cancel();
    /// assert!(!other.is_cancelled() && !server.is_cancelled());
    /// server.cancel();
    /// assert!(other.is_cancelled());
    /// ```
    pub fn child_token(&self) -> CancellationToken {
        let node = Arc::new_cyclic(|child| {
            let mut listeners = lock(&self.node.listeners);
            let is_cancelled = self.is_cancelled();
            let enter = || (self.clone(), listeners.add(Listener::Child(child.clone())));
            Node {
                is_cancelled: AtomicBool::new(is_cancelled),
                listeners: Mutex::default(),
                parent: (!is_cancelled).then(enter),
            }
        });
        CancellationToken { node }
    }

    /// Cancels this token and its children: all futures that wait for one of them go on. Only the first call does
    /// anything.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::CancellationToken;
    /// let stop = CancellationToken::new();
    /// stop.cancel();
    /// assert!(stop.is_cancelled());
    /// ```
    pub fn cancel(&self) {
        // A loop and not recursion, since there may be any number of generations.
        let mut nodes = vec![self.node.clone()];
        let mut waiters = Vec::new();
        while let Some(node) = nodes.pop() {
            for listener in node.cancel() {
                match listener {
                    Listener::Waiter(waker) => waiters.push(waker),
                    Listener::Child(child) => nodes.extend(child.upgrade()),
                }
            }
        }
        waiters.into_iter().for_each(foreign::wake);
    }

    /// Returns whether the token has been cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::CancellationToken;
    /// assert!(!CancellationToken::new().is_cancelled());
    /// ```
    pub fn is_cancelled(&self) -> bool {
        // Acquire: pairs with the Release in `Node::cancel`. A thread that sees the cancellation sees what was done
        // before it.
        self.node.is_cancelled.load(Ordering::Acquire)
    }

    /// Waits until the token is cancelled.
    ///
    /// Polling the future again costs next to nothing; making another one costs a lock and an allocation. So if a loop
    /// waits for the token in each round, [pin](std::pin::pin) one future before the loop.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::runtime::CancellationToken;
    /// let stop = CancellationToken::new();
    /// let other_thread = std::thread::spawn({
    ///     let stop = stop.clone();
    ///     move || stop.cancel()
    /// });
    /// stop.cancelled().await;
    /// # other_thread.join().unwrap();
    /// # });
    /// ```
    pub fn cancelled(&self) -> WaitForCancellationFuture<'_> {
        WaitForCancellationFuture { token: self, waiting: None, was_put_off: false }
    }

    /// Waits like [`cancelled`](CancellationToken::cancelled), with a future that borrows nothing.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::runtime::CancellationToken;
    /// let stop = CancellationToken::new();
    /// let task = ayi::spawn(stop.clone().cancelled_owned());
    /// stop.cancel();
    /// task.await.unwrap();
    /// # });
    /// ```
    pub fn cancelled_owned(self) -> WaitForCancellationFutureOwned {
        WaitForCancellationFutureOwned { token: self, waiting: None, was_put_off: false }
    }

    /// Runs `future` to its end, or until this token is cancelled: then `future` is dropped, and the result is `None`.
    /// If both happen at once, the result is the output.
    ///
    /// # Cancel safety
    ///
    /// It is as cancel safe as `future` is.
    ///
    /// # Examples
    ///
    /// ```
    /// # let rt = ayi::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// use ayi::runtime::CancellationToken;
    /// let stop = CancellationToken::new();
    /// assert_eq!(stop.run_until_cancelled(async { 7 }).await, Some(7));
    /// stop.cancel();
    /// assert_eq!(stop.run_until_cancelled(async { 7 }).await, None);
    /// # });
    /// ```
    pub async fn run_until_cancelled<F: Future>(&self, future: F) -> Option<F::Output> {
        let is_over = self.is_cancelled();
        let (mut future, mut cancelled) = (pin!(future), pin!(self.cancelled()));
        let mut was_put_off = false;
        poll_fn(|cx| {
            coop::poll_composed(cx, &mut was_put_off, |cx| {
                if is_over {
                    return Poll::Ready(None);
                }
                match future.as_mut().poll(cx) {
                    Poll::Ready(output) => Poll::Ready(Some(output)),
                    Poll::Pending => cancelled.as_mut().poll(cx).map(|()| None),
                }
            })
        })
        .await
    }

    /// Returns a guard that cancels the token when it is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::CancellationToken;
    /// let stop = CancellationToken::new();
    /// drop(stop.clone().drop_guard());
    /// assert!(stop.is_cancelled());
    /// ```
    pub fn drop_guard(self) -> DropGuard {
        DropGuard { token: Some(self) }
    }

    #[inline]
    fn poll_cancelled(&self, waiting: &mut Option<Listening>, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_cancelled() {
            return Poll::Ready(());
        }
        if waiting.as_ref().is_some_and(|waiting| waiting.waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        self.listen(waiting, cx.waker())
    }

    #[inline(never)]
    fn listen(&self, waiting: &mut Option<Listening>, waker: &Waker) -> Poll<()> {
        // Cloning a waker is foreign code, so it comes before the lock.
        let (waker, kept) = (waker.clone(), waker.clone());
        let mut listeners = lock(&self.node.listeners);
        if self.is_cancelled() {
            return Poll::Ready(());
        }
        let number = match waiting {
            None => listeners.add(Listener::Waiter(waker)),
            Some(waiting) => {
                let before = listeners.all[waiting.number].replace(Listener::Waiter(waker));
                drop(listeners);
                drop(before);
                waiting.number
            }
        };
        let listening = waiting.insert(Listening { number, waker: kept, note: WaitNote::new() });
        listening.note.begin(What::new("a cancellation"), Arc::as_ptr(&self.node).addr());
        Poll::Pending
    }

    fn give_up(&self, waiting: &mut Option<Listening>) {
        if let Some(waiting) = waiting.take() {
            let listener = lock(&self.node.listeners).remove(waiting.number);
            // Dropped after the lock, since that is foreign code.
            drop(listener);
        }
    }
}

impl Node {
    fn cancel(&self) -> impl Iterator<Item = Listener> + use<> {
        let mut listeners = lock(&self.listeners);
        // Release: pairs with the Acquire in `is_cancelled`.
        self.is_cancelled.store(true, Ordering::Release);
        std::mem::take(&mut *listeners).all.into_iter().flatten()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let mut last = self.parent.take();
        // A loop and not recursion, like above: this child may be the only holder of its parent, and so on.
        while let Some((parent, number)) = last {
            lock(&parent.node.listeners).remove(number);
            last = Arc::into_inner(parent.node).and_then(|mut node| node.parent.take());
        }
    }
}

impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancellationToken").field("is_cancelled", &self.is_cancelled()).finish()
    }
}

/// A future's place among the listeners.
struct Listening {
    number: usize,
    /// A clone of the stored waker, which is compared without the lock.
    waker: Waker,
    note: WaitNote,
}

/// The future of [`CancellationToken::cancelled`].
#[must_use = "it does nothing unless it is awaited"]
pub struct WaitForCancellationFuture<'a> {
    token: &'a CancellationToken,
    waiting: Option<Listening>,
    was_put_off: bool,
}

/// The future of [`CancellationToken::cancelled_owned`].
#[must_use = "it does nothing unless it is awaited"]
pub struct WaitForCancellationFutureOwned {
    token: CancellationToken,
    waiting: Option<Listening>,
    was_put_off: bool,
}

impl Future for WaitForCancellationFuture<'_> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        ready!(this.token.poll_cancelled(&mut this.waiting, cx));
        coop::poll_composed(cx, &mut this.was_put_off, |_| Poll::Ready(()))
    }
}

impl Future for WaitForCancellationFutureOwned {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        ready!(this.token.poll_cancelled(&mut this.waiting, cx));
        coop::poll_composed(cx, &mut this.was_put_off, |_| Poll::Ready(()))
    }
}

impl Drop for WaitForCancellationFuture<'_> {
    fn drop(&mut self) {
        self.token.give_up(&mut self.waiting);
    }
}

impl Drop for WaitForCancellationFutureOwned {
    fn drop(&mut self) {
        self.token.give_up(&mut self.waiting);
    }
}

impl fmt::Debug for WaitForCancellationFuture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitForCancellationFuture").field("token", &self.token).finish_non_exhaustive()
    }
}

impl fmt::Debug for WaitForCancellationFutureOwned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitForCancellationFutureOwned").field("token", &self.token).finish_non_exhaustive()
    }
}

/// A guard that cancels a token when it is dropped. See [`CancellationToken::drop_guard`].
#[derive(Debug)]
#[must_use = "the token is cancelled when the guard is dropped"]
pub struct DropGuard {
    /// `None` once the guard is disarmed.
    token: Option<CancellationToken>,
}

impl DropGuard {
    /// Returns the token without cancelling it.
    ///
    /// # Examples
    ///
    /// ```
    /// use ayi::runtime::CancellationToken;
    /// let guard = CancellationToken::new().drop_guard();
    /// assert!(!guard.disarm().is_cancelled());
    /// ```
    pub fn disarm(mut self) -> CancellationToken {
        self.token.take().expect("it is taken once, here")
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if let Some(token) = &self.token {
            token.cancel();
        }
    }
}
