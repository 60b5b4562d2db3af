//! What a channel is made of, with or without a limit.
//!
//! ```text
//!   Tx ── push ──▶ ┌ Mutex ─────────────┐                 ┌ Rx ──────────┐
//!   Tx ── push ──▶ │ messages           │ ── all at once ▶│ mine         │ ── one at a time ──▶
//!                  │ the receiver's     │                 └──────────────┘
//!                  │ waker              │ ◀── waits, with an empty `mine`
//!                  └────────────────────┘
//! ```
//!
//! The receiver takes all messages in one stretch under the lock, by an exchange with its own queue, which is empty. So
//! receiving costs a lock for each batch, not for each message. The memory of the two queues serves in turn.
//!
//! Invariants:
//! 1. Messages come out in the order in which they were pushed: those of `mine` before those of `messages`.
//! 2. `receiver` has a waker only while the receiver waits, with both queues empty. A push takes it.
//! 3. Without a limit, nothing is pushed once `is_closed` is set. With a limit, a sender that has a permit still
//!    pushes. So the channel has ended if it is closed, both queues are empty and no permit is out, or if there is no
//!    sender left.
//! 4. A permit is taken before a message is pushed, and given back when the receiver takes the message out of `mine`.
//! 5. Wakers are cloned, woken and dropped, and messages dropped, while nothing is locked.
//!
//! Why no wake is missed: the receiver looks and leaves its waker in one stretch under the lock. A push, the end of the
//! last sender and a permit that comes back all lock it afterwards.
//!
//! In tokio: `sync/mpsc/{chan,list,block}.rs`, a linked list of blocks without locks. There each message costs the
//! sender four atomic changes, among them those of the receiver's waker; here the lock costs two.

use super::limit::Limit;
use crate::counts::add_unless_zero;
use crate::place::{HasList, List, Place, wake_all};
use crate::primitives::atomic::AtomicUsize;
use crate::primitives::atomic::Ordering::{AcqRel, Relaxed};
use crate::primitives::{Mutex, MutexGuard, WaitNote, What};
use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

/// A queue with no more memory than this keeps it.
const KEPT: usize = 64;

pub(super) struct Channel<T, L> {
    pub(super) limit: L,
    queue: Mutex<Queue<T>>,
    senders: AtomicUsize,
    weak: AtomicUsize,
}

pub(super) struct Queue<T> {
    messages: VecDeque<T>,
    /// The receiver's waker.
    receiver: Option<Waker>,
    /// The receiver was closed or dropped.
    is_closed: bool,
    /// The receiver was dropped.
    is_gone: bool,
    /// There is no sender left.
    is_over: bool,
    /// Senders that wait until the receiver is closed.
    senders: List,
}

impl<T> HasList for Queue<T> {
    fn list(&mut self) -> &mut List {
        &mut self.senders
    }
}

/// What the receiver finds.
enum Found {
    Messages,
    Nothing,
    End,
}

pub(super) fn channel<T, L: Limit>(limit: L) -> (Tx<T, L>, Rx<T, L>) {
    let queue = Queue {
        messages: VecDeque::new(),
        receiver: None,
        is_closed: false,
        is_gone: false,
        is_over: false,
        senders: List::new(What::new("the end of an mpsc channel's receiver")),
    };
    let (senders, weak) = (AtomicUsize::new(1), AtomicUsize::new(0));
    let channel = Arc::new(Channel { limit, queue: Mutex::new(queue), senders, weak });
    let mine = std::sync::Mutex::new(VecDeque::new());
    (Tx(channel.clone()), Rx { channel, mine, note: WaitNote::new() })
}

impl<T, L: Limit> Channel<T, L> {
    /// Adds a message, for which the caller has a permit if there is a limit.
    #[inline]
    pub(super) fn push(&self, message: T) -> Result<(), T> {
        let mut queue = self.queue.lock();
        if queue.is_closed && (queue.is_gone || !L::HAS_PERMITS) {
            drop(queue);
            return Err(message);
        }
        queue.messages.push_back(message);
        let waker = queue.receiver.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// Gives back `n` permits that nobody has used. If they were the last ones, a closed channel ends.
    pub(super) fn give_back(&self, n: usize) {
        self.limit.give_back(n);
        self.permits_came_back();
    }

    /// Wakes the receiver if it is closed and waits for permits.
    pub(super) fn permits_came_back(&self) {
        if self.limit.is_closed() && self.limit.is_idle() {
            self.wake_receiver(self.queue.lock());
        }
    }

    fn wake_receiver(&self, mut queue: MutexGuard<'_, Queue<T>>) {
        let waker = queue.receiver.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        if L::HAS_PERMITS { self.limit.is_closed() } else { self.queue.lock().is_closed }
    }

    /// Waits until the receiver is closed.
    pub(super) fn closed(&self) -> Closed<'_, T> {
        Closed(Place::new(&self.queue))
    }

    pub(super) fn strong_count(&self) -> usize {
        // Relaxed, like all that only counts: what it says may be old anyway.
        self.senders.load(Relaxed)
    }

    pub(super) fn weak_count(&self) -> usize {
        self.weak.load(Relaxed)
    }
}

/// Waits until the receiver is closed.
pub(super) struct Closed<'a, T>(Place<'a, Queue<T>>);

impl<T> Closed<'_, T> {
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll(cx, |queue| queue.is_closed.then_some(()))
    }
}

/// A sender.
pub(super) struct Tx<T, L: Limit>(Arc<Channel<T, L>>);

impl<T, L: Limit> std::ops::Deref for Tx<T, L> {
    type Target = Channel<T, L>;

    fn deref(&self) -> &Channel<T, L> {
        &self.0
    }
}

impl<T, L: Limit> Tx<T, L> {
    pub(super) fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn downgrade(&self) -> Weak<T, L> {
        self.weak.fetch_add(1, Relaxed);
        Weak(self.0.clone())
    }
}

impl<T, L: Limit> Clone for Tx<T, L> {
    fn clone(&self) -> Self {
        // Relaxed: this sender keeps the number above zero.
        self.senders.fetch_add(1, Relaxed);
        Tx(self.0.clone())
    }
}

impl<T, L: Limit> Drop for Tx<T, L> {
    fn drop(&mut self) {
        // AcqRel: what the other senders did comes before the end, which the last one declares.
        if self.senders.fetch_sub(1, AcqRel) == 1 {
            let mut queue = self.queue.lock();
            queue.is_over = true;
            self.wake_receiver(queue);
        }
    }
}

/// A sender that keeps no channel open.
pub(super) struct Weak<T, L>(Arc<Channel<T, L>>);

impl<T, L: Limit> Weak<T, L> {
    pub(super) fn upgrade(&self) -> Option<Tx<T, L>> {
        // A channel that is over stays over.
        add_unless_zero(&self.0.senders).then(|| Tx(self.0.clone()))
    }

    pub(super) fn counts(&self) -> &Channel<T, L> {
        &self.0
    }
}

impl<T, L> Clone for Weak<T, L> {
    fn clone(&self) -> Self {
        self.0.weak.fetch_add(1, Relaxed);
        Weak(self.0.clone())
    }
}

impl<T, L> Drop for Weak<T, L> {
    fn drop(&mut self) {
        self.0.weak.fetch_sub(1, Relaxed);
    }
}

/// The receiver.
pub(super) struct Rx<T, L: Limit> {
    channel: Arc<Channel<T, L>>,
    /// Messages that have been taken out of the channel's queue. The lock is never contended: `get_mut` goes around it.
    /// It makes the receiver `Sync` for messages that are not.
    mine: std::sync::Mutex<VecDeque<T>>,
    /// While it waits.
    note: WaitNote,
}

/// What a future of the receiver has. When it is dropped, it waits no more.
pub(super) struct Receiving<'a, T, L: Limit>(pub(super) &'a mut Rx<T, L>);

impl<T, L: Limit> Drop for Receiving<'_, T, L> {
    #[inline]
    fn drop(&mut self) {
        self.0.note.end();
    }
}

/// There is no message.
pub(super) enum Missing {
    Yet,
    Forever,
}

impl<T, L: Limit> std::ops::Deref for Rx<T, L> {
    type Target = Channel<T, L>;

    fn deref(&self) -> &Channel<T, L> {
        &self.channel
    }
}

impl<T, L: Limit> Rx<T, L> {
    fn mine(&mut self) -> &mut VecDeque<T> {
        self.mine.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    fn pop(&mut self) -> Option<T> {
        let message = self.mine().pop_front()?;
        self.note.end();
        self.limit.give_back(1);
        Some(message)
    }

    /// Takes all messages of the channel. The receiver's own queue is empty.
    fn refill(&mut self, waker: Option<Waker>) -> Found {
        let mine = self.mine.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut queue = self.channel.queue.lock();
        let found = if !queue.messages.is_empty() {
            // The memory of a crowd that has gone is given back.
            if mine.capacity() > KEPT.max(4 * queue.messages.len()) {
                *mine = VecDeque::new();
            }
            mem::swap(mine, &mut queue.messages);
            Found::Messages
        } else if queue.is_over || queue.is_closed && self.channel.limit.is_idle() {
            Found::End
        } else {
            Found::Nothing
        };
        let old = match found {
            Found::Nothing if waker.is_some() => mem::replace(&mut queue.receiver, waker),
            _ => waker,
        };
        drop(queue);
        drop(old);
        found
    }

    #[inline]
    pub(super) fn poll_pop(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        if let Some(message) = self.pop() {
            return Poll::Ready(Some(message));
        }
        // Cloned before the lock, since a clone is foreign code.
        match self.refill(Some(cx.waker().clone())) {
            Found::Messages => Poll::Ready(self.pop()),
            Found::Nothing => self.waits(),
            Found::End => {
                self.note.end();
                Poll::Ready(None)
            }
        }
    }

    fn waits<R>(&mut self) -> Poll<R> {
        let address = Arc::as_ptr(&self.channel).addr();
        self.note.begin(What::new("a message of an mpsc channel"), address);
        Poll::Pending
    }

    pub(super) fn try_pop(&mut self) -> Result<T, Missing> {
        if let Some(message) = self.pop() {
            return Ok(message);
        }
        match self.refill(None) {
            Found::Messages => self.pop().ok_or(Missing::Yet),
            Found::Nothing => Err(Missing::Yet),
            Found::End => Err(Missing::Forever),
        }
    }

    /// Moves up to `limit` messages to the end of `buffer`. None means that the channel has ended.
    pub(super) fn poll_pop_many(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut Vec<T>,
        limit: usize,
    ) -> Poll<usize> {
        let mut count = 0;
        while count < limit {
            let mine = self.mine();
            let taken = mine.len().min(limit - count);
            if taken > 0 {
                buffer.extend(mine.drain(..taken));
                self.limit.give_back(taken);
                count += taken;
                continue;
            }
            let waker = (count == 0).then(|| cx.waker().clone());
            match self.refill(waker) {
                Found::Messages => {}
                Found::Nothing if count == 0 => return self.waits(),
                _ => break,
            }
        }
        self.note.end();
        Poll::Ready(count)
    }

    pub(super) fn len(&self) -> usize {
        let mine = self.mine.lock().unwrap_or_else(PoisonError::into_inner).len();
        mine + self.queue.lock().messages.len()
    }

    /// Whether no message will be sent but those of permits that are out.
    pub(super) fn is_closed_or_over(&self) -> bool {
        let queue = self.queue.lock();
        queue.is_closed || queue.is_over
    }

    pub(super) fn close(&mut self) {
        // First the limit: a sender that is told that the channel is closed gets no permit any more.
        self.limit.close();
        let mut queue = self.queue.lock();
        queue.is_closed = true;
        wake_all(&self.queue, queue);
    }
}

impl<T, L: Limit> Drop for Rx<T, L> {
    fn drop(&mut self) {
        self.close();
        let mut queue = self.queue.lock();
        queue.is_gone = true;
        let (waker, messages) = (queue.receiver.take(), mem::take(&mut queue.messages));
        drop(queue);
        let mine = mem::take(self.mine());
        self.limit.give_back(mine.len() + messages.len());
        // All of them are dropped, even if the drop of one panics: they are separate variables.
        drop((mine, messages, waker));
    }
}
