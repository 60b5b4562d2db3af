//! What both futures of a `Notify` are inside. Whoever has one calls its methods with the same `Notify` each time.

use super::{News, Notify, Order, PERMIT, WAITING, Waiter};
use crate::primitives::atomic::Ordering::Acquire;
use crate::primitives::coop;
use crate::waiters::Key;
use crate::wakers::discard;
use std::mem;
use std::task::{Context, Poll, Waker, ready};

#[derive(Debug)]
pub(super) enum Wait {
    /// It was made after so many calls of `notify_waiters`, and has no place yet.
    Begin(usize),
    /// It has this place. If the place is apart from the queue, there is news.
    Queued(Key),
    /// It has news, and the task has to give way before it may have them.
    PutOff(News),
    /// Its task has been told.
    Done,
}

impl Wait {
    /// A future's poll.
    #[inline]
    pub(super) fn poll(&mut self, notify: &Notify, cx: &mut Context<'_>) -> Poll<()> {
        if matches!(self, Wait::Done) {
            return Poll::Ready(());
        }
        let news = ready!(self.poll_news(notify, Some(cx.waker())));
        if !coop::has_budget_remaining() {
            *self = Wait::PutOff(news);
            let _is_woken_later = coop::poll_budget(cx);
            return Poll::Pending;
        }
        coop::charge();
        *self = Wait::Done;
        Poll::Ready(())
    }

    /// Waits without a waker. Returns whether there is news already, which is told by that.
    pub(super) fn enable(&mut self, notify: &Notify) -> bool {
        if matches!(self, Wait::Done) {
            return true;
        }
        let is_told = self.poll_news(notify, None).is_ready();
        if is_told {
            *self = Wait::Done;
        }
        is_told
    }

    /// The news, which the caller has to tell or to keep. The state is old then.
    #[inline]
    fn poll_news(&mut self, notify: &Notify, waker: Option<&Waker>) -> Poll<News> {
        match *self {
            Wait::Begin(calls) => match without_waiting(notify, calls, 0) {
                Some(news) => Poll::Ready(news),
                None => self.begin_to_wait(notify, calls, waker),
            },
            Wait::Queued(_) => self.go_on_waiting(notify, waker),
            Wait::PutOff(news) => Poll::Ready(news),
            Wait::Done => unreachable!("the callers look"),
        }
    }

    #[cold]
    fn begin_to_wait(&mut self, notify: &Notify, calls: usize, waker: Option<&Waker>) -> Poll<News> {
        // Cloning is foreign code, so nothing is locked.
        let waker = waker.cloned();
        let mut queue = notify.queue.lock();
        if let Some(news) = without_waiting(notify, calls, WAITING) {
            drop(queue);
            discard(waker);
            return Poll::Ready(news);
        }
        *self = Wait::Queued(queue.push(Waiter { waker, news: None }));
        Poll::Pending
    }

    #[cold]
    fn go_on_waiting(&mut self, notify: &Notify, waker: Option<&Waker>) -> Poll<News> {
        let mut new = None;
        loop {
            let Wait::Queued(place) = &mut *self else { unreachable!("it waits") };
            let mut queue = notify.queue.lock();
            let (waiter, _) = queue.get_mut(place);
            let news = waiter.news;
            let is_known = match (&waiter.waker, waker) {
                (Some(known), Some(waker)) => known.will_wake(waker),
                (None, Some(_)) => false,
                (_, None) => true,
            };
            let unused = if news.is_some() || is_known {
                new
            } else if new.is_some() {
                mem::replace(&mut waiter.waker, new)
            } else {
                // Cloning is foreign code, so nothing is locked, and we have to look once more afterwards.
                drop(queue);
                new = waker.cloned();
                continue;
            };
            if news.is_some() {
                if let Wait::Queued(place) = mem::replace(self, Wait::Done) {
                    queue.remove(place);
                }
            }
            drop(queue);
            discard(unused);
            return news.map_or(Poll::Pending, Poll::Ready);
        }
    }

    /// The future is dropped.
    #[inline]
    pub(super) fn leave(&mut self, notify: &Notify) {
        if !matches!(self, Wait::Begin(_) | Wait::Done) {
            self.pass_on(notify);
        }
    }

    #[cold]
    fn pass_on(&mut self, notify: &Notify) {
        match mem::replace(self, Wait::Done) {
            Wait::Begin(_) | Wait::Done | Wait::PutOff(News::All) => {}
            Wait::PutOff(News::One(order)) => notify.notify(order),
            Wait::Queued(place) => {
                let mut queue = notify.queue.lock();
                let waiter = queue.remove(place);
                match waiter.news {
                    // Invariant 4.
                    Some(News::One(order)) => notify.tell_one(queue, order),
                    Some(News::All) => drop(queue),
                    None => {
                        notify.nobody_waits_if_empty(&queue);
                        drop(queue);
                    }
                }
                discard(waiter.waker);
            }
        }
    }
}

/// Looks whether there is news for a future that has no place. If there is none, it sets `flag` in the same step.
#[inline]
fn without_waiting(notify: &Notify, calls: usize, flag: usize) -> Option<News> {
    // `Acquire` pairs with the `Release` of those who notify, here and below.
    let mut state = notify.state.load(Acquire);
    loop {
        // The counter comes first: a permit is left to those who would have to wait.
        if state / super::CALL != calls {
            return Some(News::All);
        }
        let has_permit = state & PERMIT != 0;
        let next = if has_permit { state & !PERMIT } else { state | flag };
        if next == state && !has_permit {
            return None;
        }
        match notify.state.compare_exchange_weak(state, next, Acquire, Acquire) {
            Ok(_) => return has_permit.then_some(News::One(Order::First)),
            Err(now) => state = now,
        }
    }
}
