//! The inside of `Semaphore`, of both locks and of channels with a limit: a number of permits, and those who wait for
//! some of them.
//!
//! One word has the number of permits and two flags. While nobody waits, that word is all there is: permits are taken
//! by one exchange, and given back by one addition. Those who wait stand in a queue under a lock.
//!
//! ```text
//!                  enough, nobody waits
//!   acquire(n) ──────────────────────────────────────────────────▶ n permits ── release ──▶ the word, or the queue
//!      │                                                               ▲
//!      └─ too few ─▶ WAITING, at the end of the queue ── all n given ──┘
//!                    with those that were left
//! ```
//!
//! Invariants:
//! 1. `WAITING` is set and cleared under the lock. Whenever the lock is free, `WAITING` is set if and only if somebody
//!    is queued.
//! 2. While `WAITING` is set, permits in the word are on their way: who has added them has seen the flag, and takes the
//!    lock to hand them out. Nobody else takes them, so nobody overtakes the queue.
//! 3. Permits are handed out to the first of the queue until it has all that it wants, then to the next. A waiter that
//!    is apart from the queue has all of its permits, or the semaphore is closed.
//! 4. A future that is dropped gives back what it was given, in the same stretch under the lock in which it leaves.
//! 5. `CLOSED` is set once, under the lock, and then nobody is queued any more.
//! 6. Wakers are cloned, woken and dropped while nothing is locked.
//!
//! Why no permit and no waiter is missed: setting `WAITING` and adding permits are both read-modify-writes of one word,
//! so one comes first. If the permits come first, the exchange that sets the flag fails, and takes them into account
//! when it is tried again. If the flag comes first, whoever adds the permits sees it and hands them out.
//!
//! Orderings: what was written before a `release` is seen after the `acquire` that gets its permits. Through the word,
//! the `Release` of the addition meets the `Acquire` of the exchange. All that lies between are read-modify-writes,
//! which continue the release sequence. Through the queue, the `Acquire` of `hand_out` meets that same `Release`, and
//! the lock brings it to the waiter.
//!
//! In tokio: `sync/batch_semaphore.rs`. There each release takes the lock, and waiters are nodes inside of pinned
//! futures.

#[cfg(all(test, loom))]
mod models;

use crate::primitives::atomic::AtomicUsize;
use crate::primitives::atomic::Ordering::{Acquire as AcquireOrder, Relaxed, Release};
use crate::primitives::{Holder, Mutex, MutexGuard, What, const_unless_loom, coop};
use crate::semaphore::{AcquireError, TryAcquireError};
use crate::waiters::{Key, Waiters};
use crate::wakers::{Wakers, discard};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

const CLOSED: usize = 1;
const WAITING: usize = 2;
const FLAGS: usize = CLOSED | WAITING;
/// One permit, in the word.
const ONE: usize = 4;

pub(crate) struct Permits {
    /// Permits times [`ONE`], and the flags.
    state: AtomicUsize,
    queue: Mutex<Waiters<Waiter>>,
    /// Of a lock. It is told by those who take all of it, and is for notes alone.
    pub(crate) holder: Holder,
}

struct Waiter {
    /// How many permits it still wants: none once it is served.
    missing: usize,
    /// `None` once it has been taken to be woken.
    waker: Option<Waker>,
}

impl Permits {
    /// The largest number of permits. One bit is spare, so that a sum of two such numbers fits into the word.
    pub(crate) const MAX: usize = usize::MAX >> 3;

    const_unless_loom! {
        /// Begins with `permits` for `what`, which are at most [`MAX`](Permits::MAX).
        pub(crate) const fn new(permits: usize, what: What) -> Permits {
            debug_assert!(permits <= Permits::MAX);
            let state = AtomicUsize::new(permits * ONE);
            Permits { state, queue: Mutex::new(Waiters::new(what)), holder: Holder::new() }
        }
    }

    const_unless_loom! {
        /// Begins without permits for `what`, and closed.
        pub(crate) const fn new_closed(what: What) -> Permits {
            let state = AtomicUsize::new(CLOSED);
            Permits { state, queue: Mutex::new(Waiters::new(what)), holder: Holder::new() }
        }
    }

    /// How many permits are available.
    pub(crate) fn available(&self) -> usize {
        // Pairs with the `Release` of those who give back: their work is done.
        self.state.load(AcquireOrder) / ONE
    }

    pub(crate) fn is_closed(&self) -> bool {
        // Pairs with the `Release` of `close`.
        self.state.load(AcquireOrder) & CLOSED != 0
    }

    /// Waits for `wanted` permits. They belong to whoever polls the future, and have to be [released](Self::release).
    pub(crate) fn acquire(&self, wanted: usize) -> Acquire<'_> {
        Acquire { permits: self, wanted, progress: Progress::Begin }
    }

    /// Takes `wanted` permits, if nobody has to wait for them.
    #[inline]
    pub(crate) fn try_acquire(&self, wanted: usize) -> Result<(), TryAcquireError> {
        // `Acquire`, here and below, pairs with the `Release` of `close`: who is told that it is closed sees what was done
        // before. A `OnceCell` is full then.
        let mut state = self.state.load(AcquireOrder);
        loop {
            if state & CLOSED != 0 {
                return Err(TryAcquireError::Closed);
            }
            // `WAITING` makes the number no larger than it is: somebody comes first.
            if wanted != 0 && (state & WAITING != 0 || state / ONE < wanted) {
                return Err(TryAcquireError::NoPermits);
            }
            // `Acquire` pairs with the `Release` of `release` as well.
            match self.state.compare_exchange_weak(state, state - wanted * ONE, AcquireOrder, AcquireOrder) {
                Ok(_) => return Ok(()),
                Err(now) => state = now,
            }
        }
    }

    /// Gives `n` permits back, which were acquired. It cannot panic, so drops may call it.
    #[inline]
    pub(crate) fn release(&self, n: usize) {
        // `Release` pairs with the `Acquire` of whoever takes them next.
        if n != 0 && self.state.fetch_add(n * ONE, Release) & WAITING != 0 {
            self.serve();
        }
    }

    /// Adds `n` permits that nobody had, unless there would be more than [`MAX`](Self::MAX).
    pub(crate) fn try_add(&self, n: usize) -> Result<(), ()> {
        let mut state = self.state.load(Relaxed);
        loop {
            if n > Permits::MAX - (state / ONE).min(Permits::MAX) {
                return Err(());
            }
            // Like in `release`.
            match self.state.compare_exchange_weak(state, state + n * ONE, Release, Relaxed) {
                Ok(_) => break,
                Err(now) => state = now,
            }
        }
        if state & WAITING != 0 {
            self.serve();
        }
        Ok(())
    }

    /// Takes up to `n` available permits away for good, and returns how many those were.
    pub(crate) fn forget(&self, n: usize) -> usize {
        let mut state = self.state.load(Relaxed);
        loop {
            // Those of a semaphore with waiters are on their way, invariant 2.
            let forgotten = if state & WAITING != 0 { 0 } else { n.min(state / ONE) };
            // `Acquire` pairs like that of `try_acquire`.
            match self.state.compare_exchange_weak(state, state - forgotten * ONE, AcquireOrder, Relaxed) {
                Ok(_) => return forgotten,
                Err(now) => state = now,
            }
        }
    }

    /// From now on, whoever waits or asks gets an error.
    pub(crate) fn close(&self) {
        let mut wakers = Wakers::new();
        let mut queue = self.queue.lock();
        // Pairs with the `Acquire` of those who look for `CLOSED`.
        self.state.fetch_or(CLOSED, Release);
        while let Some(waiter) = queue.unlink_first() {
            wakers.extend(waiter.waker.take());
        }
        self.state.fetch_and(!WAITING, Relaxed);
        drop(queue);
        wakers.wake();
    }

    /// Hands out what is in the word. Whoever added it has seen `WAITING`.
    #[cold]
    fn serve(&self) {
        let queue = self.queue.lock();
        // Somebody else may have handed it out, and served the last waiter.
        if self.somebody_waits(&queue) {
            self.hand_out(queue, 0);
        }
    }

    /// Whether `WAITING` is set. It stays like that as long as the lock is held, invariant 1.
    fn somebody_waits(&self, _locked: &MutexGuard<'_, Waiters<Waiter>>) -> bool {
        self.state.load(Relaxed) & WAITING != 0
    }

    /// Hands `free` permits and those in the word to the queue. `WAITING` is set, and is cleared if nobody is left.
    fn hand_out(&self, mut queue: MutexGuard<'_, Waiters<Waiter>>, mut free: usize) {
        let mut wakers = Wakers::new();
        // `Acquire` pairs with the `Release` of those who have added them.
        free += self.state.fetch_and(FLAGS, AcquireOrder) / ONE;
        while let Some(first) = queue.first_mut() {
            let given = free.min(first.missing);
            first.missing -= given;
            free -= given;
            if first.missing > 0 {
                break;
            }
            wakers.extend(first.waker.take());
            queue.unlink_first();
        }
        if queue.is_empty() {
            // One step, so that nobody sees the permits with the flag, or neither. `Release` like in `release`.
            self.state.fetch_add((free * ONE).wrapping_sub(WAITING), Release);
        }
        drop(queue);
        wakers.wake();
    }

    /// Takes `wanted` permits, or takes what there is and sets `WAITING`. Returns how many are missing.
    fn take_or_wait(
        &self,
        wanted: usize,
        _locked: &MutexGuard<'_, Waiters<Waiter>>,
    ) -> Result<usize, AcquireError> {
        // What was done before `close` comes through the lock.
        let mut state = self.state.load(Relaxed);
        loop {
            if state & CLOSED != 0 {
                return Err(AcquireError(()));
            }
            let taken = if state & WAITING != 0 { 0 } else { wanted.min(state / ONE) };
            let next = if taken == wanted { state - taken * ONE } else { (state - taken * ONE) | WAITING };
            // `Acquire` pairs with the `Release` of `release`. The exchange also fails if permits were added.
            match self.state.compare_exchange_weak(state, next, AcquireOrder, Relaxed) {
                Ok(_) => return Ok(wanted - taken),
                Err(now) => state = now,
            }
        }
    }

    /// A waiter that wanted `wanted` permits goes, and leaves behind what it was given.
    #[cold]
    fn leave(&self, place: Key, wanted: usize) {
        let mut queue = self.queue.lock();
        let waiter = queue.remove(place);
        let given = wanted - waiter.missing;
        if self.somebody_waits(&queue) {
            self.hand_out(queue, given);
        } else {
            drop(queue);
            self.release(given);
        }
        discard(waiter.waker);
    }
}

/// Becomes ready when it has taken its permits, which belong to whoever polled it. It may then be polled again, and
/// waits for as many again. Polled as a future, it charges one operation.
#[must_use = "futures do nothing unless they are awaited"]
pub(crate) struct Acquire<'a> {
    permits: &'a Permits,
    wanted: usize,
    progress: Progress,
}

enum Progress {
    /// It has nothing.
    Begin,
    /// It has this place in the queue, and perhaps a part of its permits.
    Waits(Key),
    /// It has its permits, and the task has to give way before it may have them.
    PutOff,
}

impl Acquire<'_> {
    /// Polls without a look at the budget, for what charges by itself.
    #[inline]
    pub(crate) fn poll_uncharged(&mut self, waker: &Waker) -> Poll<Result<(), AcquireError>> {
        match self.progress {
            Progress::Begin => match self.permits.try_acquire(self.wanted) {
                Ok(()) => Poll::Ready(Ok(())),
                Err(TryAcquireError::Closed) => Poll::Ready(Err(AcquireError(()))),
                Err(TryAcquireError::NoPermits) => self.begin_to_wait(waker),
            },
            Progress::Waits(_) => self.go_on_waiting(waker),
            Progress::PutOff => {
                self.progress = Progress::Begin;
                Poll::Ready(Ok(()))
            }
        }
    }

    /// The first poll, if it has to wait.
    #[cold]
    fn begin_to_wait(&mut self, waker: &Waker) -> Poll<Result<(), AcquireError>> {
        // Cloning is foreign code, so nothing is locked.
        let waker = waker.clone();
        let mut queue = self.permits.queue.lock();
        let missing = match self.permits.take_or_wait(self.wanted, &queue) {
            Ok(0) => Ok(()),
            Ok(missing) => {
                let waiter = Waiter { missing, waker: Some(waker) };
                self.progress = Progress::Waits(queue.push_for(waiter, &self.permits.holder));
                return Poll::Pending;
            }
            Err(closed) => Err(closed),
        };
        drop(queue);
        discard(Some(waker));
        Poll::Ready(missing)
    }

    /// A later poll.
    #[cold]
    fn go_on_waiting(&mut self, waker: &Waker) -> Poll<Result<(), AcquireError>> {
        let mut new = None;
        loop {
            let mut queue = self.permits.queue.lock();
            let Progress::Waits(place) = &mut self.progress else { unreachable!("it waits") };
            let (waiter, is_queued) = queue.get_mut(place);
            let unused = if !is_queued || waiter.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
                new
            } else if new.is_some() {
                mem::replace(&mut waiter.waker, new)
            } else {
                // Cloning is foreign code, so nothing is locked, and we have to look once more afterwards.
                drop(queue);
                new = Some(waker.clone());
                continue;
            };
            let missing = waiter.missing;
            if !is_queued {
                self.leave_queue(&mut queue);
            }
            drop(queue);
            discard(unused);
            return if is_queued { Poll::Pending } else { Poll::Ready(self.told(missing)) };
        }
    }

    fn leave_queue(&mut self, queue: &mut Waiters<Waiter>) {
        if let Progress::Waits(place) = mem::replace(&mut self.progress, Progress::Begin) {
            queue.remove(place);
        }
    }

    /// It has left the queue while `missing` permits were missing.
    fn told(&self, missing: usize) -> Result<(), AcquireError> {
        if missing == 0 {
            return Ok(());
        }
        // Closed, invariant 3. What it was given before goes back.
        self.permits.release(self.wanted - missing);
        Err(AcquireError(()))
    }
}

impl Future for Acquire<'_> {
    type Output = Result<(), AcquireError>;

    /// Without budget it takes its place in the queue all the same, or its permits, so that others do not overtake it.
    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(self.poll_uncharged(cx.waker()));
        if !coop::has_budget_remaining() {
            // An error is found again.
            self.progress = if result.is_ok() { Progress::PutOff } else { Progress::Begin };
            let _is_woken_later = coop::poll_budget(cx);
            return Poll::Pending;
        }
        coop::charge();
        Poll::Ready(result)
    }
}

impl Drop for Acquire<'_> {
    fn drop(&mut self) {
        match mem::replace(&mut self.progress, Progress::Begin) {
            Progress::Begin => {}
            Progress::Waits(place) => self.permits.leave(place, self.wanted),
            Progress::PutOff => self.permits.release(self.wanted),
        }
    }
}
