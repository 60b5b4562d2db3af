//! Waiting for something that happens to all who wait: a list of wakers, a place in it, and waking all of them.
//!
//! The list lives under the mutex of what is waited for. Nothing is handed out, so the order is of no importance: each
//! waiter that is woken looks again.
//!
//! Why no waiter is missed: a waiter looks and takes its place in one stretch under the lock. The caller of `wake_all`
//! has made its change before it locks the list. If the change comes first, the look finds it. If the look comes first,
//! `wake_all` finds the waker.

use crate::primitives::{Mutex, MutexGuard};
use crate::waiters::{Key, Waiters};
use crate::wakers::{discard, wake};
use std::mem;
use std::task::{Context, Poll, Waker};

/// The waiters. A waker that has been taken leaves its entry behind, apart from the queue.
pub(crate) type List = Waiters<Option<Waker>>;

/// What has a list of waiters, called `N` if there are several.
pub(crate) trait HasList<const N: usize = 0> {
    fn list(&mut self) -> &mut List;
}

impl HasList for List {
    fn list(&mut self) -> &mut List {
        self
    }
}

/// The place of a waiter, which leaves the list when it is dropped.
pub(crate) struct Place<'a, S: HasList<N>, const N: usize = 0> {
    mutex: &'a Mutex<S>,
    key: Option<Key>,
}

impl<'a, S: HasList<N>, const N: usize> Place<'a, S, N> {
    pub(crate) fn new(mutex: &'a Mutex<S>) -> Self {
        Place { mutex, key: None }
    }

    /// Whether it waits in the list, or has been woken and not looked yet.
    pub(crate) fn is_taken(&self) -> bool {
        self.key.is_some()
    }

    /// Looks, under the lock, and waits in the list as long as there is nothing to be found.
    #[inline]
    pub(crate) fn poll<R>(
        &mut self,
        cx: &mut Context<'_>,
        mut look: impl FnMut(&mut S) -> Option<R>,
    ) -> Poll<R> {
        // Most often there is something at the first look.
        if self.key.is_none() {
            if let Some(found) = look(&mut self.mutex.lock()) {
                return Poll::Ready(found);
            }
        }
        self.wait(cx, look)
    }

    #[cold]
    fn wait<R>(&mut self, cx: &mut Context<'_>, mut look: impl FnMut(&mut S) -> Option<R>) -> Poll<R> {
        // Cloning is foreign code, so nothing is locked. A first look has found nothing, so the waker will be needed.
        let mut new = self.key.is_none().then(|| cx.waker().clone());
        loop {
            let mut state = self.mutex.lock();
            if let Some(found) = look(&mut state) {
                let old = self.key.take().and_then(|key| state.list().remove(key));
                drop(state);
                discard(old);
                discard(new);
                return Poll::Ready(found);
            }
            let list = state.list();
            let place = match &mut self.key {
                Some(key) => match list.get_mut(key) {
                    (waker, true) => Some(waker),
                    // It has been woken, and found nothing.
                    (_, false) => None,
                },
                None => None,
            };
            let knows = |waker: &Option<Waker>| waker.as_ref().is_some_and(|w| w.will_wake(cx.waker()));
            let old = match (place, new.take()) {
                (Some(waker), None) if knows(waker) => None,
                (_, None) => {
                    // As above, and we have to look once more afterwards.
                    drop(state);
                    new = Some(cx.waker().clone());
                    continue;
                }
                (Some(waker), new) => mem::replace(waker, new),
                (None, new) => {
                    let key = list.push(new);
                    self.key.replace(key).and_then(|key| list.remove(key))
                }
            };
            drop(state);
            discard(old);
            return Poll::Pending;
        }
    }
}

impl<S: HasList<N>, const N: usize> Drop for Place<'_, S, N> {
    #[inline]
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            let waker = self.mutex.lock().list().remove(key);
            discard(waker);
        }
    }
}

/// How many wakers are taken in one stretch under the lock.
const BATCH: usize = 16;

/// Wakes all waiters in the list of `state`, which is locked. Waiters that come meanwhile are not woken.
pub(crate) fn wake_all<'a, S: HasList<N>, const N: usize>(mutex: &'a Mutex<S>, mut state: MutexGuard<'a, S>) {
    // A waiter that is woken may come back to the end of the list, so those that are there now are counted.
    let mut left = state.list().len();
    while left > 0 {
        let mut batch = [const { None }; BATCH];
        let count = left.min(BATCH);
        for place in &mut batch[..count] {
            *place = state.list().unlink_first().and_then(Option::take);
        }
        drop(state);
        batch.into_iter().flatten().for_each(wake);
        left -= count;
        if left == 0 {
            return;
        }
        state = mutex.lock();
    }
}
