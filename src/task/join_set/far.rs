//! Tasks that finish on other threads than the one that awaits them.
//!
//! ```text
//! insert ──▶ entry: JoinHandle + waker ──▶ on the ready list
//!                                              │ take polls its handle with its waker
//!          task finished: the waker puts       ├──▶ pending: off the list
//!          the entry on the list again ──▶     └──▶ output: the entry is vacant
//! ```
//!
//! Invariants:
//! 1. An entry whose task is finished is on the ready list, or its waker is about to put it there. So an entry that is
//!    neither new nor finished is not polled, however many there are.
//! 2. The list's lock is held for a push or a pop, never while a handle is polled or a waker is cloned, woken or
//!    dropped.
//! 3. Entries and their wakers are kept for later tasks: a set that has been as large before allocates nothing here.

use super::super::{Id, JoinError, JoinHandle};
use ayi_runtime::task::coop;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

pub(super) struct Far<T> {
    pub(super) entries: Vec<Entry<T>>,
    /// The entries that have no task.
    pub(super) vacant: Vec<usize>,
    list: Arc<List>,
}

pub(super) struct Entry<T> {
    /// `None` if the entry is vacant.
    task: Option<JoinHandle<T>>,
    /// An `Arc<Finished>` as a waker.
    waker: Waker,
}

/// What the set and the wakers of its tasks share.
#[derive(Default)]
struct List(Mutex<Ready>);

#[derive(Default)]
struct Ready {
    entries: VecDeque<usize>,
    /// The waker of whoever awaits the set.
    waiter: Option<Waker>,
}

/// Wakes the set for one entry.
struct Finished {
    list: Arc<List>,
    entry: usize,
}

impl List {
    fn lock(&self) -> MutexGuard<'_, Ready> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Finished {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut ready = self.list.lock();
        ready.entries.push_back(self.entry);
        let waiter = ready.waiter.take();
        drop(ready);
        waiter.into_iter().for_each(Waker::wake);
    }
}

impl<T> Default for Far<T> {
    fn default() -> Far<T> {
        Far { entries: Vec::new(), vacant: Vec::new(), list: Arc::default() }
    }
}

impl<T> Far<T> {
    pub(super) fn len(&self) -> usize {
        self.entries.len() - self.vacant.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn insert(&mut self, task: JoinHandle<T>) {
        let index = self.vacant.pop().unwrap_or_else(|| {
            let entry = self.entries.len();
            let waker = Waker::from(Arc::new(Finished { list: self.list.clone(), entry }));
            self.entries.push(Entry { task: None, waker });
            entry
        });
        self.entries[index].task = Some(task);
        // This makes the entry ready as if it had been woken: its handle has not been told of the waker yet.
        self.entries[index].waker.wake_by_ref();
    }

    /// Takes the output of a task that is finished.
    pub(super) fn take(&mut self) -> Option<Result<(Id, T), JoinError>> {
        loop {
            let entry = self.list.lock().entries.pop_front()?;
            if let Poll::Ready(output) = self.poll_entry(entry) {
                return Some(output);
            }
        }
    }

    /// Polls for the output of a task that is finished. There is a task.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(Id, T), JoinError>> {
        loop {
            let entry = ready!(self.poll_ready_entry(cx));
            if let Poll::Ready(output) = self.poll_entry(entry) {
                return Poll::Ready(output);
            }
        }
    }

    /// Polls for an entry of the ready list. If there is none, `cx` is woken when there is.
    fn poll_ready_entry(&self, cx: &mut Context<'_>) -> Poll<usize> {
        let entry = self.list.lock().entries.pop_front();
        if let Some(entry) = entry {
            return Poll::Ready(entry);
        }
        // The waker is cloned before the list is locked, and the one that it replaces is dropped after that: both are
        // foreign code.
        let waker = cx.waker().clone();
        let mut list = self.list.lock();
        // An entry may have come meanwhile.
        let entry = list.entries.pop_front();
        let unused = if entry.is_none() { list.waiter.replace(waker) } else { Some(waker) };
        drop(list);
        drop(unused);
        entry.map_or(Poll::Pending, Poll::Ready)
    }

    /// Takes the output of an entry. It is also pending if the entry is vacant: that was a wake that came too late.
    fn poll_entry(&mut self, index: usize) -> Poll<Result<(Id, T), JoinError>> {
        let entry = &mut self.entries[index];
        let Some(task) = &mut entry.task else { return Poll::Pending };
        let id = task.id();
        let mut free = coop::unconstrained(task);
        let output = ready!(Pin::new(&mut free).poll(&mut Context::from_waker(&entry.waker)));
        entry.task = None;
        self.vacant.push(index);
        Poll::Ready(output.map(|output| (id, output)))
    }

    pub(super) fn abort_all(&self) {
        self.entries.iter().filter_map(|entry| entry.task.as_ref()).for_each(JoinHandle::abort);
    }

    /// Takes all tasks out of the set.
    pub(super) fn take_all(&mut self) -> Vec<JoinHandle<T>> {
        let entries = self.entries.iter_mut().enumerate();
        let taken: Vec<_> = entries.filter_map(|(index, entry)| Some((index, entry.task.take()?))).collect();
        self.vacant.extend(taken.iter().map(|(index, _)| *index));
        // All entries are vacant. If one is woken at this moment, it joins the list, and `poll_entry` passes it over.
        self.list.lock().entries.clear();
        taken.into_iter().map(|(_, task)| task).collect()
    }

    #[cfg(test)]
    pub(super) fn ready(&self) -> usize {
        self.list.lock().entries.len()
    }
}
